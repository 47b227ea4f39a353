//! The catalog's versions. A released migration is never edited; a change is a new file.

mod m20261120_000001_catalog;
mod m20261121_000002_same_content;
mod m20261121_000003_star;
mod m20261129_000004_beside;
mod m20261129_000005_questions;
mod m20261129_000006_identity;
mod m20261130_000007_checkpoint;
mod m20261130_000008_star_load;
mod m20261130_000009_views;
mod m20261130_000010_schedule;
mod m20261130_000011_made_good;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, DynIden, Statement};
use sea_orm_migration::{
    MigrationTrait, MigratorTrait,
    prelude::{IntoIden, TableRef},
    sea_query::IntoTableRef,
};

use crate::tables;

/// The schema that holds the catalog on PostgreSQL.
pub const POSTGRES_SCHEMA: &str = "sluice";

/// Brings the catalog up to date.
///
/// On PostgreSQL the connection's `search_path` must name [`POSTGRES_SCHEMA`], and the schema must exist:
/// the migrator keeps its own table in the first schema of the path.
///
/// # Errors
/// Any error of the database; migrations that ran before the error stay.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    match db.get_database_backend() {
        DbBackend::Sqlite => SqliteMigrator::up(db, None).await,
        _ => PostgresMigrator::up(db, None).await,
    }
}

/// State of a catalog against the migrations that this program knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Names of the migrations that ran.
    pub applied: Vec<String>,
    /// Names of the migrations that [`migrate`] would run.
    pub pending: Vec<String>,
    /// Names of the migrations of a newer program.
    pub unknown: Vec<String>,
    /// Tables that migrations which ran have made, and that are not there any more.
    pub missing: Vec<&'static str>,
}

/// Returns the catalog's state. Only reads: a database that takes no writes can be asked.
///
/// # Errors
/// Any error of the database.
pub async fn standing(db: &impl ConnectionTrait) -> Result<Standing, DbErr> {
    let backend = db.get_database_backend();
    let (query, value) = tables_missing(backend);
    let missing = names(db, Statement::from_sql_and_values(backend, query, [value.into()])).await?;
    let is_there = |table: &str| !missing.iter().any(|name| name == table);
    let known: Vec<_> = all().iter().map(|one| one.name().to_owned()).collect();
    if !is_there(MIGRATION) {
        // Its table is the first that is made.
        let missing = if tables().into_iter().any(is_there) { vec![MIGRATION] } else { Vec::new() };
        return Ok(Standing { pending: known, missing, ..Standing::default() });
    }
    let query = format!("select version as name from {} order by version", written(backend, MIGRATION));
    let applied = names(db, Statement::from_string(backend, query)).await?;
    let (has_run, pending): (Vec<_>, Vec<_>) = known.into_iter().partition(|name| applied.contains(name));
    let missing =
        tables().into_iter().filter(|table| !is_there(table) && has_run.iter().any(|name| name == maker(table)));
    Ok(Standing {
        missing: missing.collect(),
        unknown: applied.iter().filter(|name| !has_run.contains(name)).cloned().collect(),
        pending,
        applied,
    })
}

/// Returns the query for the tables of the catalog that are not there, by their names in the schema, and its one value.
/// With a value it is prepared: it is asked once a load.
pub fn tables_missing(backend: DbBackend) -> (String, String) {
    let known: Vec<_> = tables().into_iter().chain([MIGRATION]).map(|table| format!("('{table}')")).collect();
    let known = known.join(", ");
    match backend {
        DbBackend::Sqlite => (
            format!(
                "with known(name) as (values {known}) \
                 select name from known where $1 || name not in (select name from sqlite_schema where type = 'table')"
            ),
            "sluice__".to_owned(),
        ),
        // By a look into the server's own cache: to plan a query of its catalog takes longer than to answer it.
        _ => (
            format!("select name from (values {known}) as known(name) where to_regclass($1 || name) is null"),
            format!("{POSTGRES_SCHEMA}."),
        ),
    }
}

/// The migrator's own table.
const MIGRATION: &str = "migration";

/// The migration that makes a table of the catalog.
fn maker(table: &str) -> &'static str {
    match table {
        "star" | "star_reject" => "m20261121_000003_star",
        "beside" => "m20261129_000004_beside",
        "question" => "m20261129_000005_questions",
        "identity" => "m20261129_000006_identity",
        "checkpoint" => "m20261130_000007_checkpoint",
        "star_load" => "m20261130_000008_star_load",
        "view" => "m20261130_000009_views",
        "schedule" | "schedule_run" => "m20261130_000010_schedule",
        _ => "m20261120_000001_catalog",
    }
}

async fn names(db: &impl ConnectionTrait, query: Statement) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(query).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// Returns the catalog's identity, which its copies share; `None` if it was removed by hand.
///
/// # Errors
/// Any error of the database.
pub async fn identity(db: &DatabaseConnection) -> Result<Option<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = format!("select id from {} order by id limit 1", written(backend, "identity"));
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.map_or(Ok(None), |row| row.try_get("", "id"))
}

/// Returns the time of the catalog's first migration, in seconds since 1970.
async fn made_at(db: &impl ConnectionTrait) -> Result<Option<i64>, DbErr> {
    let backend = db.get_database_backend();
    let sql = format!("select min(applied_at) as made_at from {}", written(backend, "migration"));
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.map_or(Ok(None), |row| row.try_get("", "made_at"))
}

fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m20261120_000001_catalog::Migration),
        Box::new(m20261121_000002_same_content::Migration),
        Box::new(m20261121_000003_star::Migration),
        Box::new(m20261129_000004_beside::Migration),
        Box::new(m20261129_000005_questions::Migration),
        Box::new(m20261129_000006_identity::Migration),
        Box::new(m20261130_000007_checkpoint::Migration),
        Box::new(m20261130_000008_star_load::Migration),
        Box::new(m20261130_000009_views::Migration),
        Box::new(m20261130_000010_schedule::Migration),
        Box::new(m20261130_000011_made_good::Migration),
    ]
}

struct PostgresMigrator;

impl MigratorTrait for PostgresMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        all()
    }

    fn migration_table_name() -> DynIden {
        "migration".into_iden()
    }
}

struct SqliteMigrator;

impl MigratorTrait for SqliteMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        all()
    }

    fn migration_table_name() -> DynIden {
        "sluice__migration".into_iden()
    }
}

/// Returns a catalog table's name on this engine.
fn table(backend: DbBackend, name: &str) -> TableRef {
    match backend {
        DbBackend::Sqlite => format!("{POSTGRES_SCHEMA}__{name}").into_table_ref(),
        _ => (POSTGRES_SCHEMA.to_owned(), name.to_owned()).into_table_ref(),
    }
}

/// Returns the same name as it is written in a statement.
fn written(backend: DbBackend, name: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("{POSTGRES_SCHEMA}__{name}"),
        _ => format!("{POSTGRES_SCHEMA}.{name}"),
    }
}
