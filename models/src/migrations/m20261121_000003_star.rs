//! The memory of pipeline runs: star, star_reject.

use sea_orm_migration::prelude::*;

use super::table;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Half-made tables could not be made again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager
            .create_table(
                Table::create()
                    .table(table(backend, "star"))
                    .col(ColumnDef::new("name").text().not_null().primary_key())
                    .col(ColumnDef::new("kind").text().not_null())
                    .col(ColumnDef::new("definition").text().not_null())
                    .col(ColumnDef::new("seen").text().not_null())
                    .col(ColumnDef::new("upstream").text().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("highest_key").big_integer().not_null())
                    .col(ColumnDef::new("rows").big_integer().not_null())
                    .col(ColumnDef::new("built_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(table(backend, "star_reject"))
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("fact").text().not_null())
                    .col(ColumnDef::new("load_id").big_integer())
                    .col(ColumnDef::new("line").big_integer())
                    .col(ColumnDef::new("column").text().not_null())
                    .col(ColumnDef::new("value").text())
                    .col(ColumnDef::new("reason").text().not_null())
                    .to_owned(),
            )
            .await?;
        let index =
            Index::create().name("star_reject_fact").table(table(backend, "star_reject")).col("fact").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for of in ["star_reject", "star"] {
            manager.drop_table(Table::drop().table(table(backend, of)).to_owned()).await?;
        }
        Ok(())
    }
}
