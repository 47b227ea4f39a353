//! A transaction on SQLite.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Column, Executor, Sqlite, Statement};

use super::super::{Alteration, Altered, Batches, DroppedView, Row, Transaction, Value, WarehouseError};
use super::writer::Turn;
use super::{as_text, insert, quote, rebuild, safe};
use crate::schema::Type;
use crate::sql::{Names, Table, TableColumn};

pub(super) struct SqliteTransaction {
    turn: Turn,
    names: Names,
    file: Arc<OnceLock<String>>,
}

impl SqliteTransaction {
    /// Transaction on the database in `file`, SQLite's name for it, filled once it was asked.
    pub(super) fn new(turn: Turn, names: Names, file: Arc<OnceLock<String>>) -> Self {
        SqliteTransaction { turn, names, file }
    }

    /// The views that cannot be read, with the reasons.
    async fn broken_views(&mut self) -> Result<Vec<(String, String)>, WarehouseError> {
        let views: Vec<(String,)> = sqlx::query_as("select name from sqlite_schema where type = 'view' order by name")
            .fetch_all(self.turn.connection()?)
            .await?;
        let mut broken = Vec::new();
        for (view,) in views {
            let sql = format!("select * from {} limit 0", quote(&view));
            if let Err(error) = self.turn.connection()?.execute(safe(sql)).await {
                broken.push((view, WarehouseError::from(error).to_string()));
            }
        }
        Ok(broken)
    }

    async fn table_info(&mut self, flat: &str) -> Result<Vec<TableColumn>, WarehouseError> {
        let columns: Vec<(String, String)> =
            sqlx::query_as("select name, type from pragma_table_info($1) order by cid")
                .bind(flat)
                .fetch_all(self.turn.connection()?)
                .await?;
        Ok(columns
            .into_iter()
            .map(|(name, declared)| TableColumn { name, declared: declared.to_lowercase() })
            .collect())
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, WarehouseError> {
        Ok(bound(sql, values).execute(self.turn.connection()?).await?.rows_affected())
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, WarehouseError> {
        let rows = bound(sql, values).fetch_all(self.turn.connection()?).await?;
        rows.iter().map(as_text).collect()
    }

    async fn columns(&mut self, table: &Table) -> Result<Vec<TableColumn>, WarehouseError> {
        self.table_info(&self.names.flat(table)).await
    }

    async fn describe(&mut self, select: &str) -> Result<Vec<TableColumn>, WarehouseError> {
        // A view tells the declared types of columns that come straight from a table; a prepared statement does not.
        self.turn.connection()?.execute(safe(format!("create temp view sluice_describe as {select}"))).await?;
        let mut columns = self.table_info("sluice_describe").await?;
        self.turn.connection()?.execute("drop view temp.sluice_describe").await?;
        // A prepared statement tells the names as they are; a view makes repeated ones differ.
        let statement = (self.turn.connection()?).prepare(safe(select)).await?;
        for (column, named) in columns.iter_mut().zip(statement.columns()) {
            named.name().clone_into(&mut column.name);
        }
        Ok(columns)
    }

    async fn copy_in(
        &mut self,
        table: &Table,
        types: &[Type],
        batches: &mut dyn Batches,
    ) -> Result<u64, WarehouseError> {
        let table = self.names.table(table);
        let (mut rows, mut ready) = (0, batches.next().await);
        while let Some(batch) = ready {
            // The next one is asked for first: the insert holds the thread.
            let insert = insert::insert(self.turn.connection()?, &table, types, &batch);
            let (next, inserted) = tokio::join!(biased; batches.next(), insert);
            rows += inserted?;
            ready = next;
        }
        Ok(rows)
    }

    async fn alter(
        &mut self,
        table: &Table,
        alterations: &[Alteration],
        own_views: &[Table],
    ) -> Result<Altered, WarehouseError> {
        let before = self.broken_views().await?;
        let mut statements = rebuild::alter(self.turn.connection()?, &self.names.flat(table), alterations).await?;
        let mut dropped = Vec::new();
        for (view, why) in self.broken_views().await? {
            if before.iter().any(|(known, _)| *known == view) {
                continue;
            }
            match own_views.iter().find(|own| self.names.flat(own) == view) {
                Some(own) => {
                    let drop = format!("drop view {}", quote(&view));
                    self.turn.connection()?.execute(safe(drop.clone())).await?;
                    statements.push(drop);
                    dropped.push(DroppedView { view: own.clone(), extras: Vec::new() });
                }
                None => {
                    return Err(WarehouseError::Refused(format!(
                        "the view {view} reads columns that are to go; change or drop it first: {why}"
                    )));
                }
            }
        }
        Ok(Altered { dropped, statements })
    }

    async fn lock_alone(&mut self, _: &[Table]) -> Result<(), WarehouseError> {
        // Readers see the database as it was until the commit.
        Ok(())
    }

    async fn replace_view(
        &mut self,
        view: &Table,
        select: &str,
        _: &[Table],
    ) -> Result<Vec<DroppedView>, WarehouseError> {
        // Views refer to each other by name only, so those that depend on it stay.
        let name = quote(&self.names.flat(view));
        self.turn.connection()?.execute(safe(format!("drop view if exists {name}"))).await?;
        self.turn.connection()?.execute(safe(format!("create view {name} as {select}"))).await?;
        // SQLite takes any select, and finds out when the view is read.
        self.turn.connection()?.execute(safe(format!("select * from {name} limit 0"))).await?;
        Ok(Vec::new())
    }

    async fn wait_at_most(&mut self, _: Duration) -> Result<(), WarehouseError> {
        // The holder of the turn to write waits for no lock.
        Ok(())
    }

    async fn server(&mut self) -> Result<Option<String>, WarehouseError> {
        let file = match self.file.get() {
            Some(file) => file,
            None => {
                let file = "select file from pragma_database_list where name = 'main'";
                let file = sqlx::query_scalar(file).fetch_one(self.turn.connection()?).await?;
                self.file.get_or_init(|| file)
            }
        };
        // A file has one history.
        Ok(Some(format!("{file}/0")))
    }

    async fn commit(self: Box<Self>) -> Result<(), WarehouseError> {
        self.turn.commit().await
    }
}

fn bound<'q>(sql: &str, values: &[Value]) -> Query<'q, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(safe(sql));
    for value in values {
        query = match value {
            Value::Int(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Time(time) => query.bind(*time),
        };
    }
    query
}
