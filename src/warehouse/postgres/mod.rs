//! PostgreSQL.

mod copy;
mod exclusive_lock;
mod limits;
mod lookout;
mod notice;
mod parameters;
mod read;
mod rights;
mod socket;
mod transaction;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Row as _};
use tokio::sync::Semaphore;

use super::{
    Address, Lacking, MissingParts, Reading, Rows, Scope, Transaction, Warehouse, WarehouseError, safe, stream,
};
use crate::sql::{Engine, Names, Schema, Table, quote};
pub use copy::encode;
use limits::{UNLIMITED, UNLIMITED_17, dangers, lift_limits};
pub use lookout::Lookout;
use lookout::Own;
use notice::TELL_WARNINGS;
use read::{PostgresReader, text};
use transaction::PostgresTransaction;

/// Wait for a connection of the pool.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Connections that loads, a run and their questions need at once; results are read on the others.
const OTHERS: u32 = 6;

/// Results that may be read at once in any case: that of a run, on its connection, and that of a load's question.
const RESULTS: u32 = 2;

/// Key of the lock by which two programs that start at once take turns at making the schemas: the first eight bytes of
/// `sluice` as a number.
const PREPARE_LOCK: i64 = 0x736c_7569_6365;

/// Number of further tries, and their distance, if another session makes the schemas without the lock: the server still
/// works for a program that was killed over it.
const MAKE_TRIES: u32 = 20;
const MAKE_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// Durability of commits: a file is deleted when its rows are on disk, not before. Session settings do not last behind
/// a pooler, so a load's transaction sets it again.
const DURABLE: &str =
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";
const BEGIN: &str =
    "begin; select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'";
const BEGIN_STAR: &str = "begin isolation level repeatable read";

/// Waits for a lock of others, in milliseconds: of a short transaction, of another one, and of the star's.
const SHORT_WAIT: u32 = 2_000;
const WAIT: u32 = 30_000;
const STAR_WAIT: u32 = 300_000;

/// Keepalives, by which the server notices within half a minute a client that is gone without a word (its container was
/// killed and its last packet lost, its machine lost power), and releases its locks: it asks after ten seconds of
/// silence, three times. A long transaction is no such silence, and neither is a load whose next rows are awaited.
const SESSION: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    // Limit outside of transactions: the catalog's reads.
    ("lock_timeout", "30s"),
];

/// The limit while the server's data stay unacknowledged, from version 12 on. Not for results that are read: a reader
/// that pauses for as long would lose its own.
const UNACKNOWLEDGED: &str = "; set local tcp_user_timeout = 30000";

/// Query for the server's process that serves a connection.
const PROCESS: &str = "select pg_backend_pid()";

/// The check for a gone client while a statement runs or waits, from version 14 on. Servers on some systems refuse it.
const CHECK_CLIENT: &str = "set client_connection_check_interval = 10000";

/// Time for one connection. The system gives up a silent network only after two minutes, and its last tries are a
/// minute apart: a program that waited for them would still wait when it is there again.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(10);

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, WarehouseError> {
    match tokio::time::timeout(ANSWER, options.connect()).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(WarehouseError::Unavailable(format!(
            "no connection within {} s: the server, or the network to it, is silent",
            ANSWER.as_secs()
        ))),
    }
}

pub(super) struct Postgres {
    /// True if the role may ask for the server's identity.
    tells_server: bool,
    /// True if the server took no writes at the beginning: a standby, or by a setting.
    only_reads: bool,
    /// Version of the server, as in `server_version_num`.
    version: i32,
    lookout: Lookout,
    pool: PgPool,
    /// A permit for each result that is read at once.
    turns: Arc<Semaphore>,
    catalog: DatabaseConnection,
    names: Names,
    address: String,
    options: PgConnectOptions,
}

impl Postgres {
    pub(super) async fn connect(address: &Address) -> Result<Postgres, WarehouseError> {
        let mut options: PgConnectOptions =
            address.url.parse().map_err(|error: sqlx::Error| WarehouseError::Address(error.to_string()))?;
        parameters::warn_of_unknown(&address.url);
        if let Some(password) = address.password.as_deref().filter(|_| !parameters::has_password(&address.url)) {
            options = options.password(password);
        }
        options = options
            .application_name("sluice")
            // One form of values as text, whatever the server's settings.
            .options([("timezone", "UTC"), ("datestyle", "ISO"), ("intervalstyle", "postgres")])
            .options(SESSION)
            .log_slow_statements(log_level(false), std::time::Duration::from_secs(10))
            .log_statements(log_level(address.echo));
        // A single connection fails at once with the reason; a pool would go on trying.
        let mut first = connect(&options).await.map_err(|error| error.while_doing(&shown(&options)))?;
        notice::prove(&mut first).await.map_err(|error| error.while_doing(&shown(&options)))?;
        first.close().await?;
        let (own, peer) = (Own::default(), options.clone());
        let pool = PgPoolOptions::new()
            .max_connections(address.connections)
            .acquire_timeout(PATIENCE)
            .after_connect({
                let own = own.clone();
                move |connection, _| {
                    let (own, peer) = (own.clone(), peer.clone());
                    Box::pin(async move {
                        socket::set_options(&servers(&peer).await);
                        lift_limits(connection).await;
                        connection.execute(DURABLE).await?;
                        own.add(connection.fetch_one(PROCESS).await?.try_get(0)?);
                        // A setting that an older server or another system lacks is done without.
                        let _ = connection.execute(CHECK_CLIENT).await;
                        Ok(())
                    })
                }
            })
            .connect_with(options.clone())
            .await
            .map_err(|error| WarehouseError::from(error).while_doing(&shown(&options)))?;
        let (version, tells_server, only_reads): (i32, bool, bool) = sqlx::query_as(
            "select current_setting('server_version_num')::int, \
             has_function_privilege('pg_control_system()', 'execute')
                 and has_function_privilege('pg_current_wal_lsn()', 'execute') and \
                  has_function_privilege('pg_walfile_name(pg_lsn)', 'execute'), \
             current_setting('transaction_read_only')::bool",
        )
        .fetch_one(&pool)
        .await?;
        Ok(Postgres {
            tells_server,
            only_reads,
            version,
            lookout: Lookout::new(pool.clone(), own),
            catalog: SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
            pool,
            turns: Arc::new(Semaphore::new(address.connections.saturating_sub(OTHERS).max(RESULTS) as usize)),
            names: Names {
                engine: Engine::Postgres,
                staging: address.staging.clone(),
                datawarehouse: address.datawarehouse.clone(),
            },
            address: shown(&options),
            options,
        })
    }

    async fn has_schema(&self, schema: &str) -> Result<bool, WarehouseError> {
        let found = sqlx::query("select 1 from pg_namespace where nspname = $1")
            .bind(schema)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.is_some())
    }

    /// Creates the schemas and the catalog, one program at a time.
    async fn make(&self) -> Result<(), WarehouseError> {
        let mut lock = self.pool.begin().await?;
        let turn = sqlx::query("select pg_advisory_xact_lock($1)").bind(PREPARE_LOCK);
        self.lookout.over(turn.execute(&mut *lock)).await?;
        for schema in SCHEMAS {
            let name = self.names.schema(schema);
            // `if not exists` would need the right to create even if nothing is to be made.
            if !self.has_schema(name).await? {
                let made = self.pool.execute(safe(format!("create schema {}", quote(name)))).await;
                made.map_err(|error| match error.into() {
                    WarehouseError::Denied(why) => WarehouseError::MakesNoSchemas(why),
                    other => other,
                })?;
            }
        }
        let migrator = self.migrator().await?;
        let missing = match self.lookout.over(models::standing(&migrator)).await {
            Ok(standing) => MissingParts::of_catalog(&self.address, standing),
            Err(error) => Err(error),
        };
        let done = match missing.and_then(|missing| missing.refuse_taken()) {
            Ok(()) => self.lookout.over(models::migrate(&migrator)).await,
            refused => refused,
        };
        migrator.close().await?;
        lock.rollback().await?;
        done
    }

    /// A connection with the catalog's schema as its own, because the migrator keeps its table there.
    async fn migrator(&self) -> Result<DatabaseConnection, WarehouseError> {
        let options = self.options.clone().options([("search_path", models::POSTGRES_SCHEMA)]);
        let lookout = self.lookout.clone();
        let pool = PgPoolOptions::new().max_connections(2).after_connect(move |connection, _| {
            let lookout = lookout.clone();
            Box::pin(async move {
                lift_limits(connection).await;
                lookout.knows(connection.fetch_one(PROCESS).await?.try_get(0)?);
                Ok(())
            })
        });
        let pool = pool.connect_with(options).await?;
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
    }
}

const SCHEMAS: [Schema; 3] = [Schema::Staging, Schema::Datawarehouse, Schema::Catalog];

#[async_trait]
impl Warehouse for Postgres {
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
        let mut tries = 0;
        loop {
            match self.make().await {
                Err(WarehouseError::Exists(_)) if tries < MAKE_TRIES => {
                    tries += 1;
                    tokio::time::sleep(MAKE_PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn missing(&self) -> Result<MissingParts, WarehouseError> {
        let mut schemas = Vec::new();
        for schema in SCHEMAS {
            let name = self.names.schema(schema);
            if !self.has_schema(name).await? {
                schemas.push(format!("the schema {name}"));
            }
        }
        let standing = match self.has_schema(models::POSTGRES_SCHEMA).await? {
            true => self.lookout.over(models::standing(&self.catalog)).await?,
            false => models::Standing::default(),
        };
        let mut missing = MissingParts::of_catalog(&self.address, standing)?;
        missing.to_make.splice(0..0, schemas);
        Ok(missing)
    }

    async fn drop_all(&self) -> Result<(), WarehouseError> {
        for schema in SCHEMAS {
            let name = quote(self.names.schema(schema));
            let drop = safe(format!("drop schema if exists {name} cascade"));
            self.lookout.over(self.pool.execute(drop)).await?;
        }
        Ok(())
    }

    async fn begin(&self, scope: Scope) -> Result<Box<dyn Transaction>, WarehouseError> {
        fail::fail_point!("begin", |_| Err(WarehouseError::Unavailable("a fault of the test's".to_owned())));
        let (begin, wait) = match scope {
            Scope::Short => (BEGIN, SHORT_WAIT),
            Scope::Load => (BEGIN, WAIT),
            Scope::Star => (BEGIN_STAR, STAR_WAIT),
        };
        let unacknowledged = if self.version >= 120_000 { UNACKNOWLEDGED } else { "" };
        let unlimited = if self.version >= 170_000 { UNLIMITED_17 } else { "" };
        let begin =
            format!("{begin}; {TELL_WARNINGS}; set local lock_timeout = {wait}{UNLIMITED}{unlimited}{unacknowledged}");
        let transaction = match self.pool.begin_with(safe(begin)).await {
            // The pool has tried all the time, and does not give the reason.
            Err(sqlx::Error::PoolTimedOut) => return Err(why_no_connection(&self.options).await),
            begun => begun?,
        };
        let lookout = self.lookout.clone();
        Ok(Box::new(PostgresTransaction::new(
            transaction,
            self.names.clone(),
            (self.tells_server, self.only_reads),
            lookout,
        )))
    }

    async fn dangers(&self) -> Result<Vec<String>, WarehouseError> {
        dangers(&self.pool).await
    }

    async fn barrier(&self) -> Result<(), WarehouseError> {
        // A commit's record is written after those before it, and all of them are synced with it.
        Ok(())
    }

    fn lookout(&self) -> Option<&Lookout> {
        Some(&self.lookout)
    }

    async fn lacking(&self, tables: &[Table], rights: &[&str]) -> Result<Lacking, WarehouseError> {
        rights::lacking(&self.pool, &self.names, tables, rights).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }

    async fn read(&self, sql: &str, reading: Reading) -> Result<Rows, WarehouseError> {
        let reader = PostgresReader::new(self, sql);
        stream::read(reader, &self.turns, reading).await
    }
}

/// The reason why the pool gave no connection.
async fn why_no_connection(options: &PgConnectOptions) -> WarehouseError {
    match connect(options).await {
        Ok(connection) => {
            // A surplus connection is closed as well as it can be.
            let _ = connection.close().await;
            WarehouseError::Unavailable("all connections are in use".to_owned())
        }
        Err(error) => error,
    }
}

/// The addresses of the server; none for a socket in a folder.
async fn servers(options: &PgConnectOptions) -> Vec<SocketAddr> {
    let found = tokio::net::lookup_host((options.get_host(), options.get_port())).await;
    found.map(Iterator::collect).unwrap_or_default()
}

fn shown(options: &PgConnectOptions) -> String {
    let mut url = options.to_url_lossy();
    // Cannot fail on an address with a host; one without a host has no password either.
    let _ = url.set_password(None);
    url.set_query(None);
    // A password with a / in it ends the part that has it too early.
    if url.path().contains(['@', ':']) { "postgres://***".to_owned() } else { url.to_string() }
}

fn log_level(echo: bool) -> log::LevelFilter {
    if echo { log::LevelFilter::Info } else { log::LevelFilter::Off }
}
