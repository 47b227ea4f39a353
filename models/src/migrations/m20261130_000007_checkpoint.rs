//! How far streams were loaded, and the window of a stream that a load brought.

use sea_orm_migration::prelude::*;

use super::table;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A half-made table could not be made again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager
            .create_table(
                Table::create()
                    .table(table(backend, "checkpoint"))
                    .col(ColumnDef::new("plugin").text().not_null())
                    .col(ColumnDef::new("stream").text().not_null())
                    .col(ColumnDef::new("partition").text().not_null())
                    .col(ColumnDef::new("position").text().not_null())
                    .col(ColumnDef::new("cursor").text())
                    .col(ColumnDef::new("cursor_format").text())
                    .col(ColumnDef::new("count").big_integer())
                    .col(ColumnDef::new("rows").big_integer().not_null())
                    .col(ColumnDef::new("generation").big_integer().not_null())
                    .col(ColumnDef::new("load_id").big_integer().not_null())
                    .col(ColumnDef::new("moved_at").timestamp_with_time_zone().not_null())
                    .primary_key(Index::create().col("plugin").col("stream").col("partition"))
                    .to_owned(),
            )
            .await?;
        let load = table(backend, "load");
        let column = ColumnDef::new("position").text().to_owned();
        manager.alter_table(Table::alter().table(load).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager.drop_table(Table::drop().table(table(backend, "checkpoint")).to_owned()).await?;
        manager.alter_table(Table::alter().table(table(backend, "load")).drop_column("position").to_owned()).await
    }
}
