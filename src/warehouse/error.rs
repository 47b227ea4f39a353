//! Errors of a database, split by their consequences.

use std::time::Duration;

/// Error of a warehouse.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// A useless address; only a person can fix it.
    #[error("DATABASE_URL: {0}")]
    Address(String),
    /// A missing database file, which is not to be made.
    #[error("there is no file {0}")]
    Missing(String),
    /// Migrations of the catalog that this program does not know; only a newer one can use it.
    #[error(
        "the catalog in {0} was made by a newer Sluice, whose migration {1} is not known to this one: install that version or a later one"
    )]
    Newer(String, String),
    /// Parts of the warehouse that a start makes, beside a catalog that is there; a command that only reads makes none.
    #[error(
        "the warehouse in {0} is an older Sluice's, or not whole; missing: {1}: start app, or app --once, with INIT_DB=true, which makes \
         that; commands that only read do not"
    )]
    Unready(String, String),
    /// A database that is absent, busy, full or restarting: a later try may go well.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// A database that answers, and takes no writes, with what opens it for writing.
    #[error("the database takes no writes: {0}")]
    ReadOnly(String),
    /// A database that answers, and has no room on its disk.
    #[error("the database takes no writes, its disk is full: {0}")]
    Full(String),
    /// A database file that was moved, replaced or deleted under a running program: what is committed now would be lost.
    #[error(
        "the database file was moved or replaced while Sluice runs: {0}: put it back, or restart Sluice to go on with what is there"
    )]
    Moved(String),
    /// A part of the catalog was taken away under a running program; files wait until it is there again.
    #[error(
        "the catalog is not whole, missing: {0}: restore it from a backup, and loading goes on by itself; where nothing is left of it, a \
         restart with INIT_DB=true makes a new one, which knows nothing of what was loaded"
    )]
    Incomplete(String),
    /// A row of the catalog with another value in it than this program writes there; files wait until it is put right.
    #[error("a row of the catalog cannot be read, {0}: was it changed by hand? Restore it from a backup")]
    Unreadable(String),
    /// A lock of another session on a table; a try after its release goes well.
    #[error("somebody else holds a lock: {0}")]
    Locked(String),
    /// A right that the role lacks for a statement; files wait until it is granted.
    #[error("the database refuses it to its role: {0}")]
    Denied(String),
    /// A right of the role to make schemas in the database, which it lacks.
    #[error("the database refuses it to its role: {0}")]
    MakesNoSchemas(String),
    /// A right that the role lacks for every load: on the catalog, or on the schema of staging.
    #[error("the database's role lacks a right that every load needs: {0}")]
    Barred(String),
    /// A commit without confirmation: its rows may be there, or may come to be. Only the ledger knows.
    #[error("it is not known whether the commit happened: {0}")]
    Unknown(String),
    /// A result that was not read to its end in the time that its reader had set.
    #[error(
        "the result was not read to its end within {} s, and the query was ended: ask for less of it, or allow more time",
        .0.as_secs_f64()
    )]
    Deadline(Duration),
    /// A key or row of more bytes than the server takes in an index or on a page.
    #[error("{0}")]
    TooLong(String),
    /// An object that another session made while this one was about to.
    #[error("{0}")]
    Exists(String),
    /// A refusal of the database; it would refuse the same again.
    #[error("{0}")]
    Refused(String),
    /// A refusal of a select that was to be described.
    #[error("{why}")]
    RefusedSelect {
        /// The database's words.
        why: String,
        /// Kind of its fault.
        fault: SelectFault,
        /// Number of signs before the word at fault, if the database tells it.
        at: Option<usize>,
    },
}

/// Faults of a select that PostgreSQL tells by a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectFault {
    /// A column that is not there: `undefined_column`.
    NoColumn,
    /// A function or operator that is not there: `undefined_function`.
    NoFunction,
    /// Two columns of one name: `duplicate_column`.
    TwoColumns,
    /// Any other one.
    Other,
}

impl SelectFault {
    fn of_code(code: &str) -> SelectFault {
        match code {
            "42703" => SelectFault::NoColumn,
            "42883" => SelectFault::NoFunction,
            "42701" => SelectFault::TwoColumns,
            _ => SelectFault::Other,
        }
    }
}

impl WarehouseError {
    /// True if a later try may go well.
    pub fn is_transient(&self) -> bool {
        use WarehouseError::{Barred, Denied, Full, Incomplete, Locked, Moved, ReadOnly, Unavailable, Unreadable};
        matches!(
            self,
            Barred(_)
                | Denied(_)
                | Full(_)
                | Incomplete(_)
                | Locked(_)
                | Moved(_)
                | ReadOnly(_)
                | Unavailable(_)
                | Unreadable(_)
        )
    }

    /// The remedy, if it is an error of a database that answers; the others are about its address or its absence.
    pub fn fix_of_answer(&self) -> Option<&'static str> {
        match self {
            WarehouseError::Full(_) => Some("make room on its disk; loads go on by themselves"),
            WarehouseError::ReadOnly(_) => Some("do what the message says; app doctor tries to write"),
            WarehouseError::Locked(_) => {
                Some("it goes on when that transaction has ended; select pg_terminate_backend(PROCESS) ends it")
            }
            WarehouseError::Denied(_) | WarehouseError::Barred(_) => Some("let the owner of what is named grant it"),
            WarehouseError::Incomplete(_) | WarehouseError::Unreadable(_) | WarehouseError::Unready(..) => {
                Some("do what the message says")
            }
            _ => None,
        }
    }

    /// Prefixes the message with the work in progress.
    #[must_use]
    pub fn while_doing(self, what: &str) -> Self {
        match self {
            WarehouseError::Address(_)
            | WarehouseError::Missing(_)
            | WarehouseError::Newer(..)
            | WarehouseError::Unready(..)
            | WarehouseError::Moved(_)
            | WarehouseError::Incomplete(_)
            | WarehouseError::Unreadable(_)
            | WarehouseError::Deadline(_)
            | WarehouseError::RefusedSelect { .. } => self,
            WarehouseError::Unavailable(why) => WarehouseError::Unavailable(format!("{what}: {why}")),
            WarehouseError::ReadOnly(why) => WarehouseError::ReadOnly(format!("{what}: {why}")),
            WarehouseError::Full(why) => WarehouseError::Full(format!("{what}: {why}")),
            WarehouseError::Locked(why) => WarehouseError::Locked(format!("{what}: {why}")),
            WarehouseError::Denied(why) => WarehouseError::Denied(format!("{what}: {why}")),
            WarehouseError::MakesNoSchemas(why) => WarehouseError::MakesNoSchemas(format!("{what}: {why}")),
            WarehouseError::Barred(why) => WarehouseError::Barred(format!("{what}: {why}")),
            WarehouseError::Unknown(why) => WarehouseError::Unknown(format!("{what}: {why}")),
            WarehouseError::TooLong(why) => WarehouseError::TooLong(format!("{what}: {why}")),
            WarehouseError::Exists(why) => WarehouseError::Exists(format!("{what}: {why}")),
            WarehouseError::Refused(why) => WarehouseError::Refused(format!("{what}: {why}")),
        }
    }
}

impl WarehouseError {
    /// Error of a commit that was not confirmed.
    pub(super) fn unknown(error: impl std::fmt::Display) -> Self {
        WarehouseError::Unknown(error.to_string())
    }

    /// Refuses the catalog at an address (without its password) with unknown migrations.
    pub(super) fn of_newer(address: &str, unknown: &[String]) -> Result<(), WarehouseError> {
        if unknown.is_empty() { Ok(()) } else { Err(WarehouseError::Newer(address.to_owned(), unknown.join(", "))) }
    }

    /// Error of SQLite with this result code.
    pub(super) fn of_sqlite(code: i32, message: String) -> Self {
        match code {
            code if code & 0xFF == FULL => WarehouseError::Full(message),
            code if code & 0xFF == READ_ONLY => WarehouseError::ReadOnly(format!("{message}: {}", opens(code))),
            code if is_passing_in_sqlite(code) => WarehouseError::Unavailable(message),
            _ => WarehouseError::Refused(message),
        }
    }
}

/// Error of PostgreSQL about a select that stands behind `before` signs of a statement.
pub(super) fn of_select(error: sqlx::Error, before: usize) -> WarehouseError {
    let place = error.as_database_error().and_then(|error| {
        match error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?.position()? {
            // The server counts from 1.
            sqlx::postgres::PgErrorPosition::Original(place) => (place - 1).checked_sub(before),
            sqlx::postgres::PgErrorPosition::Internal { .. } => None,
        }
    });
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    let fault = SelectFault::of_code(&code);
    match WarehouseError::from(error) {
        WarehouseError::Refused(why) if fault != SelectFault::Other || place.is_some() => {
            WarehouseError::RefusedSelect { why, fault, at: place }
        }
        error => error,
    }
}

/// True for a prepared statement that is not there, or is there already: SQLSTATE 26000 and 42P05. Only a pooler's
/// connection has these errors.
fn is_of_pooler(code: &str) -> bool {
    matches!(code, "26000" | "42P05")
}

/// SQLSTATE of a key or row beyond a limit of the server (`program_limit_exceeded`).
const TOO_LONG: &str = "54000";

/// Function of the server that looks for a page for a row.
const FINDS_ROOM: &str = "RelationGetBufferForTuple";

/// SQLSTATE of a lock that was waited for as long as `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE of a right that the role lacks (`insufficient_privilege`).
const DENIED: &str = "42501";

/// SQLITE_READONLY and SQLITE_FULL.
const READ_ONLY: i32 = 8;
const FULL: i32 = 13;

/// SQLSTATE of a write in a read-only transaction (`read_only_sql_transaction`), and of a full disk (`disk_full`).
const READ_ONLY_TRANSACTION: &str = "25006";
const DISK_FULL: &str = "53100";

/// What makes a server take writes that has refused one with 25006. It has one code for both causes.
const OPENS_SERVER: &str = "it is a standby (select pg_is_in_recovery() says t): let DATABASE_URL name the primary, or promote it; \
    or default_transaction_read_only is on: set default_transaction_read_only = off; alter database NAME reset \
    default_transaction_read_only, or the same of the role or of the server (select source from pg_settings where \
    name = 'default_transaction_read_only' says whose it is)";

/// What makes a file take writes that has refused one with this code: SQLITE_READONLY, or one of its extended codes.
fn opens(code: i32) -> &'static str {
    match code {
        // SQLITE_READONLY_RECOVERY, _CANTLOCK, _CANTINIT: of the files beside it.
        264 | 520 | 1288 => {
            "those beside it that end in -wal and -shm cannot be written: give the user that Sluice runs as the right to write them and \
             their folder (chown), or mount their file system so that it can be written (findmnt -T FILE shows how it is)"
        }
        // SQLITE_READONLY_DBMOVED.
        1032 => "the file was moved while it was open: put it back, or restart Sluice",
        // SQLITE_READONLY_DIRECTORY.
        1544 => "its folder cannot be written: give the user that Sluice runs as the right to write in it",
        _ => {
            "the user that Sluice runs as needs the right to write the file, those beside it that end in -wal and -shm, and their folder \
             (chown; chmod u+w FILE FILE-wal FILE-shm); or their file system is mounted read-only (findmnt -T FILE shows how): mount it so \
             that it can be written"
        }
    }
}

fn is_passing_in_sqlite(code: i32) -> bool {
    matches!(code & 0xFF, 5 | 6 | 8 | 10 | 11 | 13 | 14 | 15 | 23 | 26)
}

/// True for an object that another session has made meanwhile: duplicate_schema, duplicate_table, duplicate_object, or a
/// name that stands in the server's own catalog already.
fn is_made_meanwhile(code: &str, constraint: Option<&str>) -> bool {
    const NAMES: [&str; 3] = ["pg_namespace_nspname_index", "pg_type_typname_nsp_index", "pg_class_relname_nsp_index"];
    matches!(code, "42P06" | "42P07" | "42710")
        || (code == "23505" && constraint.is_some_and(|name| NAMES.contains(&name)))
}

fn of_database(error: &dyn sqlx::error::DatabaseError) -> WarehouseError {
    let code = error.code().unwrap_or_default();
    let mut text = error.message().to_owned();
    let postgres = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>();
    if let Some(postgres) = postgres {
        for more in [postgres.detail(), postgres.hint()].into_iter().flatten() {
            text = format!("{text} ({more})");
        }
        // The server's function that found it: words depend on its language.
        if code == TOO_LONG && postgres.routine() == Some(FINDS_ROOM) {
            text += ": a row does not fit a page of the server; let a plugin take fewer columns, or split the file";
        }
    }
    if let Some(ours) = text.strip_prefix("bad JSON path: '").and_then(|rest| rest.strip_suffix('\'')) {
        // Words of a translated select about a value (`sql/select/typed.rs`).
        text = ours.to_owned();
    }
    if is_of_pooler(&code) {
        text += ": a pooler that gives each transaction another connection? Use session pooling, or \
         PgBouncer 1.21 with max_prepared_statements";
    }
    if postgres.is_none()
        && let Ok(code) = code.parse::<i32>()
        && matches!(code & 0xFF, READ_ONLY | FULL)
    {
        return WarehouseError::of_sqlite(code, text);
    }
    match () {
        () if code == LOCK_NOT_AVAILABLE => WarehouseError::Locked(text),
        () if code == DENIED => WarehouseError::Denied(text),
        () if code == TOO_LONG => WarehouseError::TooLong(text),
        () if code == READ_ONLY_TRANSACTION => WarehouseError::ReadOnly(format!("{text}: {OPENS_SERVER}")),
        () if code == DISK_FULL => WarehouseError::Full(text),
        () if is_passing(&code, error) => WarehouseError::Unavailable(text),
        () if postgres.is_some() && is_made_meanwhile(&code, error.constraint()) => WarehouseError::Exists(text),
        () => WarehouseError::Refused(text),
    }
}

impl From<sqlx::Error> for WarehouseError {
    fn from(error: sqlx::Error) -> Self {
        of_sqlx(&error)
    }
}

fn of_sqlx(error: &sqlx::Error) -> WarehouseError {
    match error {
        sqlx::Error::Database(database) => of_database(database.as_ref()),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => WarehouseError::Unavailable(error.to_string()),
        _ => WarehouseError::Refused(error.to_string()),
    }
}

/// True for errors that are no file's fault, so that files wait until a person or time has fixed them. PostgreSQL:
/// classes 08 (connection), 28 (who we are), 3D (no such database), 3F (no such schema), 40 (serialisation, deadlock),
/// 53 (resources), 55 (lock), 57 (operator), 58 (system), XX001 and XX002 (corruption), 25006 (read-only), 25P03 and
/// 25P04 (a transaction longer than the server's limit). SQLite: busy, locked, read-only, I/O error,
/// corrupt, full, cannot open, locking protocol, rights, no database.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>, <https://www.sqlite.org/rescode.html>
fn is_passing(code: &str, error: &dyn sqlx::error::DatabaseError) -> bool {
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return is_passing_in_sqlite(code.parse().unwrap_or(0));
    }
    let classes = ["08", "28", "3D", "3F", "40", "53", "55", "57", "58"];
    is_of_pooler(code)
        || ["25006", "25P03", "25P04", "XX001", "XX002"].contains(&code)
        || classes.contains(&code.get(..2).unwrap_or_default())
}

impl From<sea_orm::DbErr> for WarehouseError {
    fn from(error: sea_orm::DbErr) -> Self {
        use sea_orm::{DbErr, RuntimeErr};
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => of_sqlx(&error),
            DbErr::ConnectionAcquire(why) => WarehouseError::Unavailable(why.to_string()),
            other => WarehouseError::Refused(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_or_read_only_file_answers() {
        for (code, expected) in [
            (8, "the database takes no writes: x: the user that Sluice runs as needs the right"),
            (264, "the database takes no writes: x: those beside it"),
            (1032, "the database takes no writes: x: the file was moved"),
            (1544, "the database takes no writes: x: its folder cannot be written"),
            (13, "the database takes no writes, its disk is full: x"),
            (5, "the database does not answer: x"),
            (1, "x"),
        ] {
            let error = WarehouseError::of_sqlite(code, "x".to_owned());
            assert!(error.to_string().starts_with(expected), "{error}");
            assert_eq!(error.is_transient(), code != 1);
        }
    }
}
