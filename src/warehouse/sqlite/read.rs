//! Results of SQLite, each of one snapshot. An interrupt, by the library's own call, ends a statement in its midst.

use std::ptr::NonNull;
use std::time::Duration;

use futures_util::StreamExt;
use libsqlite3_sys as ffi;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Connection, Executor, Row as _, Sqlite, SqlitePool, Statement, TypeInfo, ValueRef};

use super::super::stream::{Feed, Reader};
use super::super::{Row, WarehouseError, safe, text};
use super::keeper::Keeper;

/// Distance of interrupts until the statement has ended: one that comes before it has begun is lost.
const AGAIN: Duration = Duration::from_millis(20);

/// A statement that is read.
pub(super) struct SqliteReader {
    sql: String,
    pool: SqlitePool,
    keeper: Keeper,
    open: Option<(PoolConnection<Sqlite>, Interrupt)>,
}

impl SqliteReader {
    pub(super) fn new(sql: &str, pool: SqlitePool, keeper: Keeper) -> SqliteReader {
        SqliteReader { sql: sql.to_owned(), pool, keeper, open: None }
    }
}

impl Reader for SqliteReader {
    async fn run(&mut self, feed: &mut Feed) -> Result<(), WarehouseError> {
        self.keeper.check().await?;
        let mut connection = self.pool.acquire().await?;
        let interrupt = Interrupt(connection.lock_handle().await?.as_raw_handle());
        let (connection, _) = self.open.insert((connection, interrupt));
        // One snapshot from here on, and a fresh schema: a connection that prepared a statement by an older schema
        // would count its columns wrong.
        connection.execute("begin").await?;
        connection.execute("select count(*) from sqlite_schema").await?;
        connection.clear_cached_statements().await?;
        let statement = (&mut **connection).prepare(safe(self.sql.as_str())).await?;
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let rows = sqlx::raw_sql(safe(self.sql.as_str())).fetch(&mut **connection);
        feed.send(columns, rows.map(|row| as_text(&row?))).await
    }

    async fn end(mut self, is_whole: bool) {
        let Some((mut connection, interrupt)) = self.open.take() else { return };
        let ended = if is_whole {
            connection.execute("rollback").await.is_ok()
        } else {
            interrupt.until(connection.execute("rollback")).await.is_ok()
        };
        // One that is given up before its begin has nothing to roll back, and goes, too.
        if !ended {
            connection.close_on_drop();
        }
    }
}

impl Drop for SqliteReader {
    fn drop(&mut self) {
        // Only a reading that has ended gives its connection back.
        if let Some((connection, _)) = &mut self.open {
            connection.close_on_drop();
        }
    }
}

/// The library's handle of a connection that is open as long as this is used.
struct Interrupt(NonNull<ffi::sqlite3>);

// `sqlite3_interrupt` may be called from any thread while the connection is open
// (<https://www.sqlite.org/c3ref/interrupt.html>), and nothing else is done with the handle.
#[allow(unsafe_code)]
unsafe impl Send for Interrupt {}
#[allow(unsafe_code)]
unsafe impl Sync for Interrupt {}

impl Interrupt {
    /// Interrupts what runs on the connection, until what waits behind it is done; that borrows the connection, which
    /// is open for so long.
    async fn until<T>(&self, done: impl Future<Output = T>) -> T {
        tokio::pin!(done);
        loop {
            #[allow(unsafe_code)]
            unsafe {
                ffi::sqlite3_interrupt(self.0.as_ptr());
            }
            if let Ok(done) = tokio::time::timeout(AGAIN, &mut done).await {
                return done;
            }
        }
    }
}

/// A row as text, whatever the storage of its values.
pub(super) fn as_text(row: &SqliteRow) -> Result<Row, WarehouseError> {
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            let boolean = row.column(at).type_info().name() == "BOOLEAN";
            Ok(Some(match value.type_info().name() {
                "INTEGER" | "BOOLEAN" | "INT4" => match row.try_get_unchecked::<i64, _>(at)? {
                    truth if boolean => (truth != 0).to_string(),
                    number => number.to_string(),
                },
                "REAL" => text::double(row.try_get_unchecked(at)?),
                "BLOB" => {
                    let bytes: Vec<u8> = row.try_get_unchecked(at)?;
                    bytes.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
                }
                _ => row.try_get_unchecked(at)?,
            }))
        })
        .collect()
}
