//! SQLite, in one file: schemas are prefixes of names there, and the one file makes a commit atomic in WAL mode.

mod access;
mod checkpoint;
mod holders;
mod insert;
mod keeper;
mod read;
mod rebuild;
mod transaction;
mod writer;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Executor, SqliteConnection, SqlitePool};
use tokio::sync::Semaphore;

use super::{Address, MissingParts, Reading, Rows, Scope, Transaction, Warehouse, WarehouseError, safe, stream};
use crate::sql::{Engine, Names, Schema, quote};
use crate::text::rights::{explain_folder, shut};
use crate::text::secrets::without_password;
use access::Access;
use checkpoint::Checkpointer;
use keeper::Keeper;
use read::{SqliteReader, as_text};
use transaction::SqliteTransaction;
use writer::Writer;

/// Connections: one writes, the others read.
const CONNECTIONS: u32 = 5;

/// Results that are read at once; the other connections read the catalog.
const RESULTS: usize = 2;

/// Wait of a writer for another one, also for one in another program.
const BUSY: Duration = Duration::from_secs(60);

pub(super) struct Sqlite {
    pool: SqlitePool,
    /// A permit for each result that is read at once.
    turns: Arc<Semaphore>,
    writer: Writer,
    checkpointer: Checkpointer,
    keeper: Keeper,
    catalog: DatabaseConnection,
    names: Names,
    address: String,
    path: PathBuf,
    /// Name of the file in SQLite's words.
    file: Arc<OnceLock<String>>,
}

impl Sqlite {
    pub(super) async fn connect(address: &Address) -> Result<Sqlite, WarehouseError> {
        let options = SqliteConnectOptions::from_str(&address.url)
            .map_err(|error| WarehouseError::Address(error.to_string()))?
            .create_if_missing(address.create)
            // The star's references are checked as a whole by the run that changes them, not row by row.
            .foreign_keys(false)
            .busy_timeout(BUSY)
            .log_slow_statements(log::LevelFilter::Off, Duration::from_secs(10))
            .log_statements(if address.echo { log::LevelFilter::Info } else { log::LevelFilter::Off });
        let path = options.get_filename().to_owned();
        let access = if address.reads { Access::of(&path) } else { Access::Write };
        let options = access.granted(options);
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            return Err(WarehouseError::Address("a warehouse in memory is gone with the program: name a file".into()));
        }
        if let Some(log) = keeper::log_without_file(&path) {
            return Err(WarehouseError::Address(format!(
                "there is no {file}, and its log {log} is there: a program that runs may have the moved file open. Put {file} back; \
                 to begin a new database, end that program, then remove {file}-wal and {file}-shm",
                file = path.display(),
                log = log.display()
            )));
        }
        if address.create {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| {
                    let why = explain_folder(error, folder);
                    WarehouseError::Address(format!("cannot make the folder {}: {why}", folder.display()))
                })?;
            }
        } else if !path.exists() {
            let shown = without_password(&format!("sqlite://{}", path.display()));
            return Err(WarehouseError::Missing(shown.trim_start_matches("sqlite://").to_owned()));
        }
        refuse_network(&path)?;
        let what = |error: sqlx::Error| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let what = match shut(folder) {
                Some(whose) => format!("{}: {whose}", path.display()),
                None => path.display().to_string(),
            };
            WarehouseError::from(error).while_doing(&what)
        };
        let keeper = Keeper::open(&options, access).await.map_err(what)?;
        let gate = keeper.clone();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            // A connection that is opened later could be one to a file that was put in the place of this one, and stay
            // when that is put back: such a one is refused.
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |connection, _| {
                let gate = gate.clone();
                Box::pin(async move {
                    gate.see().map_err(|moved| sqlx::Error::Io(std::io::Error::other(moved.to_string())))?;
                    if access == Access::Write { is_durable(connection).await } else { Ok(()) }
                })
            })
            .connect_with(options.create_if_missing(false))
            .await
            .map_err(what)?;
        keeper.guard(pool.clone());
        let checkpointer = Checkpointer::start(pool.clone(), &path);
        Ok(Sqlite {
            catalog: SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone()),
            writer: Writer::new(pool.clone(), checkpointer.clone(), keeper.clone(), access),
            checkpointer,
            keeper,
            pool,
            turns: Arc::new(Semaphore::new(RESULTS)),
            names: Names {
                engine: Engine::Sqlite,
                staging: address.staging.clone(),
                datawarehouse: address.datawarehouse.clone(),
            },
            address: without_password(&format!("sqlite://{}", path.display())),
            path,
            file: Arc::default(),
        })
    }
}

#[async_trait]
impl Warehouse for Sqlite {
    fn names(&self) -> &Names {
        &self.names
    }

    fn catalog(&self) -> &DatabaseConnection {
        &self.catalog
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn prepare(&self) -> Result<(), WarehouseError> {
        // Two programs that start at once take turns: SQLite cannot lock before there is something to lock.
        let lock = self.path.with_extension("init-lock");
        let file = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
            let file = std::fs::File::create(&lock)?;
            file.lock()?;
            Ok((file, lock))
        })
        .await
        .map_err(|error| WarehouseError::Refused(error.to_string()))?
        .map_err(|error| WarehouseError::Refused(error.to_string()))?;
        self.missing().await?.refuse_taken()?;
        models::migrate(&self.catalog).await?;
        // A leftover lock file locks nothing.
        let _ = std::fs::remove_file(&file.1);
        Ok(())
    }

    async fn missing(&self) -> Result<MissingParts, WarehouseError> {
        MissingParts::of_catalog(&self.address, models::standing(&self.catalog).await?)
    }

    async fn drop_all(&self) -> Result<(), WarehouseError> {
        self.keeper.check().await?;
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        for schema in [Schema::Staging, Schema::Datawarehouse, Schema::Catalog] {
            let prefix = format!("{}__", self.names.schema(schema));
            let found: Vec<(String, String)> = sqlx::query_as(
                "select type, name from sqlite_schema
                 where type in ('table', 'view') and substr(name, 1, length($1)) = $1 order by type desc",
            )
            .bind(&prefix)
            .fetch_all(&mut *transaction)
            .await?;
            for (kind, name) in found {
                transaction.execute(safe(format!("drop {kind} {}", quote(&name)))).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    async fn begin(&self, scope: Scope) -> Result<Box<dyn Transaction>, WarehouseError> {
        fail::fail_point!("begin", |_| Err(WarehouseError::Unavailable("a fault of the test's".to_owned())));
        let turn = self.writer.turn(scope == Scope::Short).await?;
        Ok(Box::new(SqliteTransaction::new(turn, self.names.clone(), Arc::clone(&self.file))))
    }

    async fn barrier(&self) -> Result<(), WarehouseError> {
        self.checkpointer.barrier().await;
        Ok(())
    }

    async fn is_there(&self) -> Result<(), WarehouseError> {
        self.keeper.check().await
    }

    async fn close(&self) {
        self.pool.close().await;
        self.keeper.close().await;
    }

    async fn read(&self, sql: &str, reading: Reading) -> Result<Rows, WarehouseError> {
        let reader = SqliteReader::new(sql, self.pool.clone(), self.keeper.clone());
        stream::read(reader, &self.turns, reading).await
    }
}

/// Checks that commits are durable, by the settings read back: SQLite replaces a setting that it cannot have with
/// another one, without an error.
async fn is_durable(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let (mode,): (String,) = sqlx::query_as("pragma journal_mode").fetch_one(&mut *connection).await?;
    let (synchronous,): (i64,) = sqlx::query_as("pragma synchronous").fetch_one(connection).await?;
    if mode == "wal" && synchronous == 2 {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(format!(
        "SQLite does not grant journal_mode=wal and synchronous=full, but {mode} and {synchronous}: a file system without shared memory? \
         Put the database on a local one"
    )))
}

/// Refuses network file systems, which do not lock as SQLite needs it
/// (<https://www.sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations>).
fn refuse_network(path: &Path) -> Result<(), WarehouseError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kind = rustix::fs::statfs(folder).ok().and_then(|found| network(found.f_type));
    match kind {
        None => Ok(()),
        Some(kind) => Err(WarehouseError::Address(format!(
            "{} is on {kind}, whose locks SQLite cannot trust: put the database on a local disk, or use PostgreSQL",
            path.display()
        ))),
    }
}

/// The name of a network's file system, by its number in statfs(2).
fn network(kind: rustix::fs::FsWord) -> Option<&'static str> {
    match kind {
        0x6969 => Some("NFS"),
        0x517B => Some("SMB"),
        0xFF53_4D42 | 0xFE53_4D42 => Some("CIFS"),
        0x0102_1997 => Some("9P"),
        0x00C3_6400 => Some("Ceph"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_on_a_network_is_refused() {
        assert_eq!(network(rustix::fs::NFS_SUPER_MAGIC), Some("NFS"));
        assert_eq!(network(0xEF53), None);
        assert!(refuse_network(Path::new("w.db")).is_ok());
    }
}
