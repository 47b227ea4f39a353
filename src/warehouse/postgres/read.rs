//! Results of PostgreSQL, each in a transaction on a connection of its own: behind a pooler, too, its statement is run by
//! the process that was asked for its number, which another connection can cancel.

use std::time::Duration;

use futures_util::StreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{
    Column, Connection, Executor, PgConnection, PgPool, Postgres as Server, Row as _, Statement, TypeInfo, ValueRef,
};
use tracing::debug;

use super::super::stream::{Feed, Reader};
use super::super::{Row, WarehouseError, safe};
use super::limits::{UNLIMITED, UNLIMITED_17};
use super::{Lookout, PROCESS, Postgres, connect, why_no_connection};

/// Distance of cancellings until the statement has ended: one that comes before it has begun is lost.
const AGAIN: Duration = Duration::from_millis(50);

/// Time for the end of a statement, behind which its connection is closed in its midst.
const FAREWELL: Duration = Duration::from_secs(5);

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

    /// Ends the statement of the connection, which stays in its transaction: until then its process is no one else's.
    async fn end_statement(&self, connection: &mut PgConnection, process: i32) -> Result<(), WarehouseError> {
        loop {
            cancel(&self.pool, &self.options, process).await?;
            // A process that waits for its reader hears of it when its rows are taken.
            if let Ok(quiet) = tokio::time::timeout(AGAIN, connection.ping()).await {
                return Ok(quiet?);
            }
        }
    }
}

/// Cancels the statement of a process, on a connection of the pool that is free, or on a new one.
async fn cancel(pool: &PgPool, options: &PgConnectOptions, process: i32) -> Result<(), WarehouseError> {
    let cancel = || sqlx::query("select pg_cancel_backend($1)").bind(process);
    if let Some(mut free) = pool.try_acquire()
        && cancel().execute(&mut *free).await.is_ok()
    {
        return Ok(());
    }
    let mut other = connect(options).await?;
    cancel().execute(&mut other).await?;
    Ok(other.close().await?)
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
        let Some(mut connection) = self.connection.take() else { return };
        if is_whole {
            let ended = tokio::time::timeout(FAREWELL, connection.execute("commit")).await;
            if !matches!(ended, Ok(Ok(_))) {
                connection.close_on_drop();
            }
            return;
        }
        if let Some(process) = self.process {
            let ended = tokio::time::timeout(FAREWELL, self.end_statement(&mut connection, process)).await;
            if !matches!(ended, Ok(Ok(()))) {
                debug!(process, ?ended, "a query that is not read any more was not heard to end");
            }
        }
        // A cancelling that is still on its way meets no other statement.
        let _ = tokio::time::timeout(FAREWELL, connection.close()).await;
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
