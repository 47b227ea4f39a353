//! What the cases stand on: a database per case and engine, a project folder per case, the real program.

pub mod api;
pub mod cluster;
pub mod http;
mod installed;
pub mod listen;
pub mod process;
pub mod star;
pub mod store;
mod workdir;

use std::future::Future;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use sluice::sql::{Engine, Select, as_written};
use sluice::warehouse::{Address, Reading, Row, Warehouse, connect};
use sqlx::{ConnectOptions, Connection};

pub use workdir::Workdir;

pub type Outcome = anyhow::Result<()>;

/// A database of one case.
pub struct TestDatabase {
    pub engine: Engine,
    pub url: String,
    pub warehouse: Arc<dyn Warehouse>,
    _folder: tempfile::TempDir,
}

impl TestDatabase {
    /// Another one of the same engine, schemas made.
    pub async fn another(&self) -> anyhow::Result<TestDatabase> {
        let other = TestDatabase::new(self.engine).await?;
        other.warehouse.prepare().await?;
        Ok(other)
    }

    /// A new one, made by the statements of a file of the repository; `file` names it by the engine's word.
    pub async fn of_statements(&self, file: impl Fn(&str) -> String) -> anyhow::Result<TestDatabase> {
        let new = TestDatabase::new(self.engine).await?;
        let word = if self.engine == Engine::Sqlite { "sqlite" } else { "postgres" };
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file(word));
        let sql = sqlx::AssertSqlSafe(std::fs::read_to_string(path)?);
        match self.engine {
            Engine::Sqlite => {
                let options = new.url.parse::<sqlx::sqlite::SqliteConnectOptions>()?.foreign_keys(false);
                sqlx::raw_sql(sql).execute(&mut options.connect().await?).await?;
            }
            Engine::Postgres => {
                sqlx::raw_sql(sql).execute(&mut sqlx::PgConnection::connect(&new.url).await?).await?;
            }
        }
        Ok(new)
    }

    async fn new(engine: Engine) -> anyhow::Result<TestDatabase> {
        let folder = tempfile::tempdir()?;
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("warehouse.db").display()),
            Engine::Postgres => cluster::new_database().await?,
        };
        let warehouse = connect(&address(&url)).await?;
        Ok(TestDatabase { engine, url, warehouse, _folder: folder })
    }

    /// The rows of a select, with names as SQL files have them.
    pub async fn rows(&self, sql: &str) -> anyhow::Result<Vec<Row>> {
        let mut rows = self.table(sql).await?;
        rows.remove(0);
        Ok(rows)
    }

    /// The same, with the names of the columns before them.
    pub async fn table(&self, sql: &str) -> anyhow::Result<Vec<Row>> {
        let select = Select::parse(sql)?;
        let names = self.warehouse.names();
        let mut columns = std::collections::HashMap::new();
        let mut transaction = self.warehouse.begin(sluice::warehouse::Scope::Load).await?;
        for table in select.tables(names) {
            columns.insert(table.clone(), transaction.columns(&table).await?);
        }
        drop(transaction);
        let relation = format!("({}) as result", select.sql(names, &columns)?);
        let sql = as_written(names, &relation, &select.outputs(names, &columns));
        let rows = self.warehouse.read(&sql, Reading::default()).await?;
        let names = rows.columns().iter().cloned().map(Some).collect();
        Ok(std::iter::once(names).chain(rows.all().await?).collect())
    }

    /// The rows as one text: a line each, cells separated by `|`, NULL as `∅`.
    pub async fn text(&self, sql: &str) -> anyhow::Result<String> {
        let rows = self.rows(sql).await?;
        let line = |row: &Row| row.iter().map(|cell| cell.as_deref().unwrap_or("∅")).collect::<Vec<_>>().join("|");
        Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

pub fn address(url: &str) -> Address {
    Address {
        url: url.to_owned(),
        password: None,
        staging: "staging".into(),
        datawarehouse: "datawarehouse".into(),
        echo: false,
        create: true,
        reads: false,
        connections: 8,
    }
}

/// The cases of a file, each by the function that gives it what it needs: `cases! { on_both: a, b; alone: c; }`.
macro_rules! cases {
    ($($kind:ident: $($case:ident),+ $(,)?;)+) => {
        pub fn cases() -> Vec<libtest_mimic::Trial> {
            let mut all = Vec::new();
            $($(all.extend($crate::support::$kind(&$crate::support::name_of(module_path!(), stringify!($case)), $case));)+)+
            all
        }
    };
}
pub(crate) use cases;

/// `it::load::books` and `each_byte` are `load::books::each_byte`.
pub fn name_of(module: &str, case: &str) -> String {
    format!("{}::{case}", module.split_once("::").map_or(module, |(_, rest)| rest))
}

/// The case on both engines, each with a database and a project folder of its own, schemas made.
pub fn on_both<F, R>(name: &str, case: F) -> Vec<Trial>
where
    F: Fn(TestDatabase, Workdir) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome>,
{
    [(Engine::Sqlite, "sqlite"), (Engine::Postgres, "postgres")]
        .into_iter()
        .map(|(engine, word)| {
            let case = case.clone();
            let ignored = engine == Engine::Postgres && !cluster::is_available();
            Trial::test(format!("{word}::{name}"), move || {
                run(async {
                    let database = TestDatabase::new(engine).await?;
                    database.warehouse.prepare().await?;
                    case(database, Workdir::new()?).await
                })
            })
            .with_ignored_flag(ignored)
        })
        .collect()
}

/// A case of what only PostgreSQL has.
pub fn on_postgres<F, R>(name: &str, case: F) -> Vec<Trial>
where
    F: Fn(TestDatabase, Workdir) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome>,
{
    on_both(name, case).into_iter().filter(|trial| trial.name().starts_with("postgres::")).collect()
}

/// A case of what only SQLite has.
pub fn on_sqlite<F, R>(name: &str, case: F) -> Vec<Trial>
where
    F: Fn(TestDatabase, Workdir) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome>,
{
    on_both(name, case).into_iter().filter(|trial| trial.name().starts_with("sqlite::")).collect()
}

/// A case on SQLite and PostgreSQL at once.
pub fn on_pair<F, R>(name: &str, case: F) -> Vec<Trial>
where
    F: Fn(TestDatabase, TestDatabase, Workdir) -> R + Send + 'static,
    R: Future<Output = Outcome>,
{
    let trial = Trial::test(name, move || {
        run(async {
            let (sqlite, postgres) =
                (TestDatabase::new(Engine::Sqlite).await?, TestDatabase::new(Engine::Postgres).await?);
            sqlite.warehouse.prepare().await?;
            postgres.warehouse.prepare().await?;
            case(sqlite, postgres, Workdir::new()?).await
        })
    });
    vec![trial.with_ignored_flag(!cluster::is_available())]
}

/// A case without a database.
pub fn alone<F, R>(name: &str, case: F) -> Vec<Trial>
where
    F: Fn(Workdir) -> R + Send + 'static,
    R: Future<Output = Outcome>,
{
    vec![Trial::test(name, move || run(async { case(Workdir::new()?).await }))]
}

fn run(case: impl Future<Output = Outcome>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(case).map_err(|error| Failed::from(format!("{error:?}")))
}

/// `a == b`, as an error that shows both.
#[track_caller]
pub fn same<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(is: T, expected: U) -> Outcome {
    let place = std::panic::Location::caller();
    anyhow::ensure!(is == expected, "{place}:\n      is {is:?}\nexpected {expected:?}");
    Ok(())
}

/// The text holds the words.
#[track_caller]
pub fn holds(text: &str, words: &str) -> Outcome {
    let place = std::panic::Location::caller();
    anyhow::ensure!(text.contains(words), "{place}: no {words:?} in\n{text}");
    Ok(())
}
