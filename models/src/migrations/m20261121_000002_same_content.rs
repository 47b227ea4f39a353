//! An index for the first query of every load: earlier loads of this content into its table, whatever their outcome.

use sea_orm_migration::prelude::*;

use super::table;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A half-made index could not be made again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let load = table(manager.get_database_backend(), "load");
        let index = Index::create().name("load_same").table(load).col("dataset").col("hash").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let load = table(manager.get_database_backend(), "load");
        manager.drop_index(Index::drop().name("load_same").table(load).to_owned()).await
    }
}
