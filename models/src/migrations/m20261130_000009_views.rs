//! The selects of views, so that a change of a column's type translates them anew.

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
        let view = Table::create()
            .table(table(manager.get_database_backend(), "view"))
            .col(ColumnDef::new("name").text().not_null().primary_key())
            .col(ColumnDef::new("text").text().not_null())
            .col(ColumnDef::new("is_own").big_integer().not_null())
            .to_owned();
        manager.create_table(view).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let view = table(manager.get_database_backend(), "view");
        manager.drop_table(Table::drop().table(view).to_owned()).await
    }
}
