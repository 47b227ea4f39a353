//! The load that made a lost one good.

use sea_orm_migration::prelude::*;

use super::{table, written};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A column without its values would tell of losses that are none.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let column = ColumnDef::new("made_good_by").big_integer().to_owned();
        manager.alter_table(Table::alter().table(table(backend, "load")).add_column(column).to_owned()).await?;
        let loads = written(backend, "load");
        let again = format!(
            "select min(again.id) from {loads} as again where again.dataset = lost.dataset and again.hash = lost.hash \
             and again.id > lost.id and again.status in ('loaded', 'replaced', 'retracted', 'lost')"
        );
        let fill = format!("update {loads} as lost set made_good_by = ({again}) where lost.status = 'lost'");
        manager.get_connection().execute_unprepared(&fill).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let load = table(manager.get_database_backend(), "load");
        manager.alter_table(Table::alter().table(load).drop_column("made_good_by").to_owned()).await
    }
}
