//! The loads that dimensions remember.

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
                    .table(table(backend, "star_load"))
                    .col(ColumnDef::new("star").text().not_null())
                    .col(ColumnDef::new("load_id").big_integer().not_null())
                    .col(ColumnDef::new("whole").big_integer().not_null())
                    .primary_key(Index::create().col("star").col("load_id"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager.drop_table(Table::drop().table(table(backend, "star_load")).to_owned()).await
    }
}
