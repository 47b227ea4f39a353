//! Results of PostgreSQL, each in a transaction on a connection of its own: behind a pooler, too, its statement is run by
//! the process that was asked for its number, which another connection can cancel.

use std::time::Duration;

use futures_util::StreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Column, Connection, Executor, PgPool, Postgres as Server, Row as _, Statement, TypeInfo, ValueRef};
use tracing::debug;

use super::super::stream::{Feed, Reader};
use super::super::{Row, WarehouseError, safe};
use super::limits::{UNLIMITED, UNLIMITED_17};
use super::{Lookout, PROCESS, Postgres, connect, why_no_connection};

/// Time for a farewell, behind which the connection is closed without one.
const FAREWELL: Duration = Duration::from_secs(1);

/// Cancels the statement of a process.
const CANCEL: &str = "select pg_cancel_backend($1)";

/// A statement that is read.
pub(super) struct PostgresReader {
    sql: String,
    begin: String,
    pool: PgPool,
    options: PgConnectOptions,
    lookout: Lookout,
    connection: Option<PoolConnection<Server>>,
    /// The server's process that runs the statement.
    process: Option<i32>,
}

impl PostgresReader {
    pub(super) fn new(server: &Postgres, sql: &str) -> PostgresReader {
        let unlimited = if server.version >= 170_000 { UNLIMITED_17 } else { "" };
        PostgresReader {
            sql: sql.to_owned(),
            begin: format!("begin{UNLIMITED}{unlimited}; {PROCESS}"),
            pool: server.pool.clone(),
            options: server.options.clone(),
            lookout: server.lookout.clone(),
            connection: None,
            process: None,
        }
    }

    /// Cancels the statement on a connection of the pool that is free, or on a new one.
    async fn cancel(&self, process: i32) -> Result<(), WarehouseError> {
        if let Some(mut free) = self.pool.try_acquire()
            && sqlx::query(CANCEL).bind(process).execute(&mut *free).await.is_ok()
        {
            return Ok(());
        }
        let mut other = connect(&self.options).await?;
        sqlx::query(CANCEL).bind(process).execute(&mut other).await?;
        Ok(other.close().await?)
    }
}

impl Reader for PostgresReader {
    async fn run(&mut self, feed: &mut Feed) -> Result<(), WarehouseError> {
        let connection = match self.pool.acquire().await {
            Err(sqlx::Error::PoolTimedOut) => return Err(why_no_connection(&self.options).await),
            acquired => self.connection.insert(acquired?),
        };
        let process = connection.fetch_one(safe(self.begin.as_str())).await?.try_get(0)?;
        self.process = Some(process);
        self.lookout.knows(process);
        // The columns of `*` may have changed since a statement was kept.
        connection.clear_cached_statements().await?;
        let statement = self.lookout.over((&mut **connection).prepare(safe(self.sql.as_str()))).await?;
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let rows = sqlx::raw_sql(safe(self.sql.as_str())).fetch(&mut **connection);
        feed.send(columns, rows.map(|row| text(&row?))).await
    }

    async fn end(mut self, is_whole: bool) {
        if is_whole {
            if let Some(mut connection) = self.connection.take()
                && connection.execute("commit").await.is_err()
            {
                connection.close_on_drop();
            }
            return;
        }
        if let Some(process) = self.process
            && let Err(error) = self.cancel(process).await
        {
            debug!(process, "a query that is not read any more cannot be cancelled: {error}");
        }
        // A process that waits for its reader hears of no cancelling, only of the connection's end.
        if let Some(connection) = self.connection.take() {
            let _ = tokio::time::timeout(FAREWELL, connection.close()).await;
        }
    }
}

impl Drop for PostgresReader {
    fn drop(&mut self) {
        // Only a reading that has ended gives its connection back.
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

/// A row of the simple protocol, whose values are text already.
pub(super) fn text(row: &PgRow) -> Result<Row, WarehouseError> {
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            let boolean = value.type_info().name() == "BOOL";
            let text = value.as_str().map_err(sqlx::Error::Decode)?;
            Ok(Some(match text {
                "t" if boolean => "true".to_owned(),
                "f" if boolean => "false".to_owned(),
                text => text.to_owned(),
            }))
        })
        .collect()
}
