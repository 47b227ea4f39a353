//! The warehouse: two engines behind one small interface of storage verbs. The only user of sqlx. A warehouse never
//! sees a source, and knows neither loads nor stars.

mod backlog;
mod batch;
mod error;
mod lacking;
mod lock_wait;
mod postgres;
pub(crate) mod relying;
mod row;
mod spool;
mod sqlite;
mod stream;
mod text;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;

pub use batch::Batch;
pub use error::{SelectFault, WarehouseError};
pub use lacking::{Lacking, with_grants};
use lock_wait::tell_lock;
pub(crate) use lock_wait::telling_locks;
pub use postgres::Lookout;
#[doc(hidden)]
pub use postgres::encode as encode_copy;
pub use row::{Cell, Row};
pub(crate) use spool::Spool;
pub use stream::{Reading, Rows};

use crate::schema::{Fits, Type};
use crate::sql::{Names, Table, TableColumn};

/// A value bound to a statement. A NULL has a type too, because PostgreSQL wants one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// An instant.
    Time(Option<DateTime<Utc>>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(Some(text.to_owned()))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(Some(number))
    }
}

/// Purpose of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A load: sees the commits of others meanwhile.
    Load,
    /// A small load, or a line in the ledger: may be committed together with others. Waits two seconds at most for a
    /// lock of others, a [`Scope::Load`] half a minute, unless [`Transaction::wait_at_most`] sets another limit.
    Short,
    /// A run: sees the database as it was at its first statement that reads or writes. Waits five minutes for a lock of
    /// others. The catalog begins it, one at a time.
    Star,
}

/// A change of a table's columns.
#[derive(Clone, Debug)]
pub enum Alteration {
    /// A new column, NULL in the existing rows.
    Add(TableColumn),
    /// A new column with another table's keys, 0 in the existing rows. PostgreSQL checks references when told to make
    /// them.
    Refer {
        /// The column.
        column: TableColumn,
        /// The table and, in brackets, its key, in the engine's words.
        to: String,
    },
    /// A column of a staging table gets a wider type; every value stays.
    Widen {
        /// Name of the column.
        name: String,
        /// Types that its values could have so far.
        from: Fits,
        /// The new type.
        to: Type,
    },
    /// A cast of a column's values to another type.
    Cast(TableColumn),
    /// Another type for a column, in its place; its values go.
    Retype(TableColumn),
    /// Another name for a column; stands alone. Views that read the old one are told as for a removal.
    Rename {
        /// Its name so far.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Removal of a column with its values.
    Drop {
        /// Name of the column.
        name: String,
    },
}

/// A view that was dropped with a column, and can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedView {
    /// The view.
    pub view: Table,
    /// The statements for its options, owner, grants and comment.
    pub extras: Vec<String>,
}

/// The result of a change of a table's columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Altered {
    /// The views that were dropped, because they read a column that is gone.
    pub dropped: Vec<DroppedView>,
    /// The statements that changed the table, in their order.
    pub statements: Vec<String>,
}

/// Parts of a warehouse that are not there, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingParts {
    /// Parts that [`Warehouse::prepare`] makes: schemas, and migrations of the catalog.
    pub to_make: Vec<String>,
    /// Tables of the catalog that were there and are not any more: only a backup has their rows.
    pub taken: Vec<String>,
    /// True if a catalog is there, perhaps of an older program.
    pub has_catalog: bool,
}

impl MissingParts {
    /// The catalog's part of them. `address` is without its password.
    ///
    /// # Errors
    /// [`WarehouseError::Newer`] for a catalog of a newer program.
    fn of_catalog(address: &str, standing: models::Standing) -> Result<MissingParts, WarehouseError> {
        let models::Standing { applied, pending, unknown, missing } = standing;
        WarehouseError::of_newer(address, &unknown)?;
        Ok(MissingParts {
            has_catalog: !(applied.is_empty() && missing.is_empty()),
            to_make: pending.into_iter().map(|name| format!("the catalog's migration {name}")).collect(),
            taken: missing.into_iter().map(|name| format!("the catalog's table {name}")).collect(),
        })
    }

    /// Refuses a catalog of which tables were taken away: what is loaded into it could not be told from what is new.
    ///
    /// # Errors
    /// [`WarehouseError::Incomplete`].
    pub fn refuse_taken(&self) -> Result<(), WarehouseError> {
        if self.taken.is_empty() { Ok(()) } else { Err(WarehouseError::Incomplete(self.taken.join(", "))) }
    }

    /// Refuses whatever is missing, under a program that found all there when it began.
    ///
    /// # Errors
    /// [`WarehouseError::Incomplete`].
    pub fn refuse_any(&self) -> Result<(), WarehouseError> {
        let all: Vec<_> = self.taken.iter().chain(&self.to_make).map(String::as_str).collect();
        if all.is_empty() { Ok(()) } else { Err(WarehouseError::Incomplete(all.join(", "))) }
    }
}

/// A database.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Naming of schemas and tables on this engine.
    fn names(&self) -> &Names;

    /// The catalog, over the same connections.
    fn catalog(&self) -> &DatabaseConnection;

    /// The address, without its password.
    fn address(&self) -> &str;

    /// Creates the schemas and migrates the catalog.
    async fn prepare(&self) -> Result<(), WarehouseError>;

    /// The parts that are not there. Only reads.
    async fn missing(&self) -> Result<MissingParts, WarehouseError>;

    /// Drops staging, datawarehouse and catalog, with all their tables.
    async fn drop_all(&self) -> Result<(), WarehouseError>;

    /// The server's settings that endanger what is loaded, a sentence each.
    async fn dangers(&self) -> Result<Vec<String>, WarehouseError> {
        Ok(Vec::new())
    }

    /// Waits until earlier commits of others are on stable storage. The commit of a killed session can be seen before
    /// it is; a transaction of one's own has to be committed first, whose commit waits for those before it.
    async fn barrier(&self) -> Result<(), WarehouseError>;

    /// Sees that what was committed can be found again: an SQLite file is still in its place. A server has no place.
    async fn is_there(&self) -> Result<(), WarehouseError> {
        Ok(())
    }

    /// The lookout for the holders of locks that the catalog's readings wait for, if the engine lets readers wait.
    fn lookout(&self) -> Option<&Lookout> {
        None
    }

    /// The rights out of `rights` (`insert`, `select`...) that the role lacks on these tables, asked on another connection
    /// than that of the statement which was refused.
    async fn lacking(&self, _tables: &[Table], _rights: &[&str]) -> Result<Lacking, WarehouseError> {
        Ok(Lacking::default())
    }

    /// Closes the connections, and leaves a complete database: SQLite's log is copied into its file.
    async fn close(&self);

    /// Begins a transaction. Dropping it rolls back.
    async fn begin(&self, scope: Scope) -> Result<Box<dyn Transaction>, WarehouseError>;

    /// Begins to read a query's rows as they come, of one moment, on a connection of its own. Readers wait for no
    /// writer, and a slow one holds up none.
    async fn read(&self, sql: &str, reading: Reading) -> Result<Rows, WarehouseError>;
}

/// Changes that are all there after [`Transaction::commit`], or none of them.
#[async_trait]
pub trait Transaction: Send {
    /// Runs a statement; returns the number of rows it touched.
    async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, WarehouseError>;

    /// Runs a query with few rows. With values, its columns are bigint or text.
    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, WarehouseError>;

    /// The columns of a table or view in their order; none if there is no such table.
    async fn columns(&mut self, table: &Table) -> Result<Vec<TableColumn>, WarehouseError>;

    /// The columns of a select, without running it; their types are those that [`Transaction::columns`] would give for
    /// a table made with them.
    async fn describe(&mut self, select: &str) -> Result<Vec<TableColumn>, WarehouseError>;

    /// Appends batches to a table until there are no more, the columns matched by name. `types` are the batches'
    /// columns' types. The next batch is asked for while one is written.
    async fn copy_in(
        &mut self,
        table: &Table,
        types: &[Type],
        batches: &mut dyn Batches,
    ) -> Result<u64, WarehouseError>;

    /// Changes a table's columns. Views over it stay, also those of others. A view of `own_views`, which can be made
    /// again, is dropped if it reads a column that is gone, and so are those over it.
    async fn alter(
        &mut self,
        table: &Table,
        alterations: &[Alteration],
        own_views: &[Table],
    ) -> Result<Altered, WarehouseError>;

    /// Locks tables and views that are to be changed, and the views over them, for this transaction alone, all at once,
    /// so that their readers wait briefly. Does nothing if the engine has no such locks.
    async fn lock_alone(&mut self, tables: &[Table]) -> Result<(), WarehouseError>;

    /// Creates a view, or gives it another select; one that has it already is not touched. Views that depend on it
    /// stay, except those of `own_views` that read a column that is gone: PostgreSQL drops them, and they can be made
    /// again. Returns those.
    async fn replace_view(
        &mut self,
        view: &Table,
        select: &str,
        own_views: &[Table],
    ) -> Result<Vec<DroppedView>, WarehouseError>;

    /// Limits the wait of later statements for a lock of others, if the engine has locks to wait for.
    async fn wait_at_most(&mut self, how_long: Duration) -> Result<(), WarehouseError>;

    /// The server and its history (timeline): a commit acknowledged by one may be missing on another. `None` if the
    /// database is a file, or the server does not tell.
    async fn server(&mut self) -> Result<Option<String>, WarehouseError>;

    /// Makes everything permanent, on stable storage. [`WarehouseError::Unknown`] if that was not confirmed.
    async fn commit(self: Box<Self>) -> Result<(), WarehouseError>;
}

/// Batches of rows that come one after the other.
#[async_trait]
pub trait Batches: Send {
    /// The next batch, with the columns of the first; `None` if there is none now.
    async fn next(&mut self) -> Option<RecordBatch>;
}

/// Address of a database, with its options.
#[derive(Clone, Debug)]
pub struct Address {
    /// `postgres://user:password@host:port/database` or `sqlite://path`.
    pub url: String,
    /// Password for an address without one.
    pub password: Option<String>,
    /// Name of the staging schema.
    pub staging: String,
    /// Name of the star's schema.
    pub datawarehouse: String,
    /// True if every statement is logged.
    pub echo: bool,
    /// True if an SQLite file is made when there is none.
    pub create: bool,
    /// True if a database that cannot be written is opened to be read.
    pub reads: bool,
    /// Connections to PostgreSQL at once, at most.
    pub connections: u32,
}

/// Connects. The scheme of the address decides the engine.
///
/// # Errors
/// An unknown scheme, or a database that cannot be reached.
pub async fn connect(address: &Address) -> Result<Arc<dyn Warehouse>, WarehouseError> {
    // A malformed address may hold a password anywhere.
    let scheme = address.url.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_postgres = address.url.starts_with("postgres://") || address.url.starts_with("postgresql://");
    if scheme != "sqlite" && !is_postgres {
        return Err(WarehouseError::Address(
            "it is no address that is known here: use postgres://user:password@host:5432/database or sqlite://path/to/file.db"
                .to_owned(),
        ));
    }
    match scheme {
        "postgres" | "postgresql" => Ok(Arc::new(postgres::Postgres::connect(address).await?)),
        _ => Ok(Arc::new(sqlite::Sqlite::connect(address).await?)),
    }
}

/// Directives of the log for the databases' own crates: statements from this level on. The crates warn of unknown words
/// in the address with their values, which may be secret, and of connections that they find in the midst of a rollback.
pub fn log_filter(statements: &str) -> String {
    format!(
        "sqlx={statements},sqlx_postgres::options=off,sqlx_core::pool=error,sqlx::pool=error,sea_orm_migration=warn"
    )
}

/// Marks a statement as safe. Every statement passes here: `names.rs` has quoted its names, its values are bound, and
/// selects are those of the user's own SQL files.
fn safe(sql: impl Into<String>) -> sqlx::SqlStr {
    sqlx::SqlSafeStr::into_sql_str(sqlx::AssertSqlSafe(sql.into()))
}
