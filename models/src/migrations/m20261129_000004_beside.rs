//! A table for the lines, keys and parts of an input beside its records.

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
                    .table(table(backend, "beside"))
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("load_id").big_integer().not_null())
                    .col(ColumnDef::new("kind").text().not_null())
                    .col(ColumnDef::new("line").big_integer())
                    .col(ColumnDef::new("name").text())
                    .col(ColumnDef::new("text").text().not_null())
                    .to_owned(),
            )
            .await?;
        let index = Index::create().name("beside_load").table(table(backend, "beside")).col("load_id").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager.drop_table(Table::drop().table(table(backend, "beside")).to_owned()).await
    }
}
