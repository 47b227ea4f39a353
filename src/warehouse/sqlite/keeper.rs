//! The database's files as they were opened. They can be moved, replaced or deleted under a running program: SQLite goes
//! on writing into files that have no name any more, and the rows are gone with the program.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection, SqlitePool};
use tokio::sync::Mutex;
use tracing::{debug, info};

use super::super::WarehouseError;
use super::access::Access;

/// Endings of the files beside the database's: the write-ahead log, and its index.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Keeps the files open as long as it lives, by a connection of its own: SQLite removes the log with the last one, and
/// the system gives the number of an open file to no other.
#[derive(Clone)]
pub(super) struct Keeper(Arc<Kept>);

struct Kept {
    connection: Mutex<Option<SqliteConnection>>,
    files: Vec<Known>,
    /// True once the log of files that are not in their place any more was copied.
    is_copied: AtomicBool,
    /// The pool, and true while it opens no connection.
    pool: OnceLock<SqlitePool>,
    is_shut: AtomicBool,
    options: SqliteConnectOptions,
}

impl Kept {
    /// The reason why a file is not in its place; `None` if all are.
    fn why_away(&self) -> Option<String> {
        self.files.iter().find_map(Known::is_away)
    }
}

/// A path that no database can have.
const NOWHERE: &str = "/dev/null/moved";

/// A file in its place: its device and number.
struct Known {
    path: PathBuf,
    id: (u64, u64),
}

impl Known {
    fn see(path: PathBuf) -> io::Result<Known> {
        let id = id(&path)?;
        Ok(Known { path, id })
    }

    /// The reason why the file is not in its place; `None` if it is.
    fn is_away(&self) -> Option<String> {
        let path = self.path.display();
        match id(&self.path) {
            Ok(id) if id == self.id => None,
            Ok(_) => Some(format!("another file is in the place of {path}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("there is no {path} any more")),
            Err(error) => Some(format!("{path} cannot be found: {error}")),
        }
    }
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// The files beside a database's.
pub(super) fn beside(path: &Path) -> [PathBuf; 2] {
    BESIDE.map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        name.into()
    })
}

impl Keeper {
    /// Opens the database, and makes it if the options say so.
    pub(super) async fn open(options: &SqliteConnectOptions, access: Access) -> Result<Keeper, sqlx::Error> {
        let mut connection = options.connect().await?;
        if access == Access::Write {
            super::is_durable(&mut connection).await?;
        }
        // The first read opens the log and its index.
        connection.execute("select count(*) from sqlite_schema").await?;
        connection.execute("pragma busy_timeout = 1000").await?;
        let path = options.get_filename();
        // SQLite puts the log beside the file itself, not beside a link to it.
        let beside = beside(&path.canonicalize()?);
        // One that only reads may have none of them.
        let beside = beside.into_iter().filter(|file| access == Access::Write || file.exists());
        let files = [path.to_owned()].into_iter().chain(beside).map(Known::see).collect::<io::Result<Vec<_>>>()?;
        Ok(Keeper(Arc::new(Kept {
            connection: Mutex::new(Some(connection)),
            files,
            is_copied: AtomicBool::new(false),
            pool: OnceLock::new(),
            is_shut: AtomicBool::new(false),
            options: options.clone().create_if_missing(false),
        })))
    }

    /// Keeps a pool from opening connections while the files are not in their place. One to what was put there would
    /// write into it, and stay when the database is put back; and SQLite removes the log in that place with it.
    pub(super) fn guard(&self, pool: SqlitePool) {
        let _ = self.0.pool.set(pool);
    }

    /// Shuts the pool, or opens it again.
    fn shut(&self, is_shut: bool) {
        if self.0.is_shut.swap(is_shut, Ordering::SeqCst) != is_shut
            && let Some(pool) = self.0.pool.get()
        {
            let options = self.0.options.clone();
            pool.set_connect_options(if is_shut { options.filename(NOWHERE) } else { options });
        }
    }

    /// Sees that the files are in their place.
    ///
    /// # Errors
    /// [`WarehouseError::Moved`] if one is not.
    pub(super) fn see(&self) -> Result<(), WarehouseError> {
        self.0.why_away().map_or(Ok(()), |why| Err(WarehouseError::Moved(why)))
    }

    /// As [`Keeper::see`]. The log of a database that was moved is copied into its file, wherever that is, and emptied:
    /// the file is whole there, and what was put in its place does not get another database's log.
    pub(super) async fn check(&self) -> Result<(), WarehouseError> {
        let seen = self.see();
        self.shut(seen.is_err());
        match &seen {
            Ok(()) => self.0.is_copied.store(false, Ordering::SeqCst),
            Err(_) if self.0.is_copied.load(Ordering::SeqCst) => {}
            Err(_) => {
                let is_copied = self.copy_log().await;
                self.0.is_copied.store(is_copied, Ordering::SeqCst);
            }
        }
        seen
    }

    /// Copies the log whole, and empties it; returns true if that is done.
    async fn copy_log(&self) -> bool {
        let mut connection = self.0.connection.lock().await;
        let Some(connection) = &mut *connection else { return false };
        let copied: Result<(i64, i64, i64), _> =
            sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(connection).await;
        match copied {
            Ok((0, ..)) => {
                info!("the log of the database that is not in its place any more was copied into that database's file");
                true
            }
            // Somebody reads an older state: another time.
            Ok(_) => false,
            Err(error) => {
                debug!(%error, "cannot copy the log of the database that is not in its place any more");
                false
            }
        }
    }

    /// Lets the files go; not if they are not in their place.
    pub(super) async fn close(&self) {
        let mut connection = self.0.connection.lock().await;
        if self.see().is_ok()
            && let Some(connection) = connection.take()
        {
            let _ = connection.close().await;
        }
    }
}

impl Drop for Kept {
    /// The last connection copies the log into the file. Where the files are not in their place, another program may have
    /// made a database there, with this log and its index: then the connection is left to the end of the program, which
    /// copies nothing.
    fn drop(&mut self) {
        if self.why_away().is_some() {
            std::mem::forget(self.connection.get_mut().take());
        }
    }
}

/// The log or its index that lies where there is no database.
pub(super) fn log_without_file(path: &Path) -> Option<PathBuf> {
    let is_missing = id(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    beside(path).into_iter().find(|file| is_missing && file.exists())
}
