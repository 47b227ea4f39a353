//! The first catalog: load, reject, dataset, column, run.

use sea_orm_migration::prelude::*;

use super::table;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A half-made catalog could not be made again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let name = |of: &str| table(backend, of);

        manager
            .create_table(
                Table::create()
                    .table(name("load"))
                    .col(id())
                    .col(ColumnDef::new("source").text().not_null())
                    .col(ColumnDef::new("dataset").text().not_null())
                    .col(ColumnDef::new("hash").text())
                    .col(ColumnDef::new("bytes").big_integer())
                    .col(count("rows_read"))
                    .col(count("rows_loaded"))
                    .col(count("rows_rejected"))
                    .col(count("rows_duplicate"))
                    .col(count("rows_filtered"))
                    .col(count("rows_padded"))
                    .col(count("rows_extended"))
                    .col(ColumnDef::new("status").text().not_null())
                    .col(count("repeat"))
                    .col(ColumnDef::new("claim").text())
                    .col(ColumnDef::new("duplicate_of").big_integer())
                    .col(ColumnDef::new("dialect").text())
                    .col(ColumnDef::new("columns").text())
                    .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("finished_at").timestamp_with_time_zone())
                    .col(ColumnDef::new("error").text())
                    .check(Expr::cust("rows_read = rows_loaded + rows_rejected + rows_duplicate + rows_filtered"))
                    .to_owned(),
            )
            .await?;
        // One content is loaded into one table once. A second loader of the same content blocks on this index until the
        // first commits or rolls back, and only then knows.
        manager
            .create_index(
                Index::create()
                    .name("load_content")
                    .table(name("load"))
                    .col("dataset")
                    .col("hash")
                    .col("repeat")
                    .unique()
                    .and_where(Expr::cust("status in ('claimed', 'loaded')"))
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table(name("reject"))
                    .col(id())
                    .col(ColumnDef::new("load_id").big_integer().not_null())
                    .col(ColumnDef::new("line").big_integer().not_null())
                    .col(ColumnDef::new("column").text())
                    .col(ColumnDef::new("reason").text().not_null())
                    .col(ColumnDef::new("detail").text())
                    .col(ColumnDef::new("text").text().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("reject_load").table(name("reject")).col("load_id").to_owned())
            .await?;

        manager
            .create_table(
                Table::create()
                    .table(name("dataset"))
                    .col(ColumnDef::new("name").text().not_null().primary_key())
                    .col(ColumnDef::new("last_started_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table(name("column"))
                    .col(ColumnDef::new("dataset").text().not_null())
                    .col(ColumnDef::new("name").text().not_null())
                    .col(ColumnDef::new("position").integer().not_null())
                    .col(ColumnDef::new("header").text().not_null())
                    .col(ColumnDef::new("type").text().not_null())
                    .col(ColumnDef::new("fits").text().not_null())
                    .col(ColumnDef::new("first_load_id").big_integer().not_null())
                    .col(ColumnDef::new("type_load_id").big_integer().not_null())
                    .primary_key(Index::create().col("dataset").col("name"))
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table(name("column_history"))
                    .col(id())
                    .col(ColumnDef::new("dataset").text().not_null())
                    .col(ColumnDef::new("name").text().not_null())
                    .col(ColumnDef::new("type").text().not_null())
                    .col(ColumnDef::new("load_id").big_integer().not_null())
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table(name("run"))
                    .col(id())
                    .col(ColumnDef::new("kind").text().not_null())
                    .col(ColumnDef::new("status").text().not_null())
                    .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("finished_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("changes").text())
                    .col(ColumnDef::new("error").text())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for of in ["run", "column_history", "column", "dataset", "reject", "load"] {
            manager.drop_table(Table::drop().table(table(backend, of)).to_owned()).await?;
        }
        Ok(())
    }
}

fn id() -> ColumnDef {
    ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key().to_owned()
}

fn count(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().default(0).to_owned()
}
