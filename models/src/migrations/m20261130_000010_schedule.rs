//! Schedules and their runs.

use sea_orm_migration::prelude::*;

use super::{table, written};

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
                    .table(table(backend, "schedule"))
                    .col(ColumnDef::new("name").text().not_null().primary_key())
                    .col(ColumnDef::new("text").text().not_null())
                    .col(ColumnDef::new("since").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("paused_at").timestamp_with_time_zone())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(table(backend, "schedule_run"))
                    .col(ColumnDef::new("name").text().not_null())
                    .col(ColumnDef::new("scheduled_for").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("status").text().not_null())
                    .col(ColumnDef::new("by").text().not_null())
                    .col(ColumnDef::new("program").text().not_null())
                    .col(ColumnDef::new("tries").big_integer().not_null())
                    .col(ColumnDef::new("beat").big_integer().not_null())
                    .col(ColumnDef::new("beat_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("finished_at").timestamp_with_time_zone())
                    .col(ColumnDef::new("result").text())
                    .col(ColumnDef::new("error").text())
                    .primary_key(Index::create().col("name").col("scheduled_for"))
                    .to_owned(),
            )
            .await?;
        // A run never overlaps another one of its name, whoever begins it.
        let runs = written(backend, "schedule_run");
        let index = format!("create unique index sluice_schedule_running on {runs} (name) where status = 'running'");
        manager.get_connection().execute_unprepared(&index).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager.drop_table(Table::drop().table(table(backend, "schedule_run")).to_owned()).await?;
        manager.drop_table(Table::drop().table(table(backend, "schedule")).to_owned()).await
    }
}
