//! The views of questions, so that they go with their files.

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
        let question = Table::create()
            .table(table(manager.get_database_backend(), "question"))
            .col(ColumnDef::new("name").text().not_null().primary_key())
            .col(ColumnDef::new("definition").text().not_null())
            .col(ColumnDef::new("exports").text().not_null())
            .to_owned();
        manager.create_table(question).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let question = table(manager.get_database_backend(), "question");
        manager.drop_table(Table::drop().table(question).to_owned()).await
    }
}
