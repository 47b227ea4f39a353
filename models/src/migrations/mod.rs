//! The catalog's versions. A released migration is never edited; a change is a new file.

mod m20261120_000001_catalog;
mod m20261121_000002_same_content;
mod m20261121_000003_star;
mod m20261129_000004_beside;
mod m20261129_000005_questions;
mod m20261129_000006_identity;
mod m20261130_000007_checkpoint;
mod m20261130_000008_star_load;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, DynIden, Statement};
use sea_orm_migration::{
    MigrationTrait, MigratorTrait,
    prelude::{IntoIden, TableRef},
    sea_query::IntoTableRef,
};

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

/// Returns the names of the migrations that [`migrate`] would run. Changes nothing, unless the migrator's own table is
/// missing.
///
/// # Errors
/// Any error of the database.
pub async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let pending = match db.get_database_backend() {
        DbBackend::Sqlite => SqliteMigrator::get_pending_migrations(db).await?,
        _ => PostgresMigrator::get_pending_migrations(db).await?,
    };
    Ok(pending.iter().map(|one| one.name().to_owned()).collect())
}

/// Returns the names of migrations that a newer program has run and this one does not know. Changes nothing, unless the
/// migrator's own table is missing.
///
/// # Errors
/// Any error of the database.
pub async fn unknown(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let run = match db.get_database_backend() {
        DbBackend::Sqlite => SqliteMigrator::get_migration_models(db).await?,
        _ => PostgresMigrator::get_migration_models(db).await?,
    };
    let known: Vec<_> = all().iter().map(|one| one.name().to_owned()).collect();
    Ok(run.into_iter().map(|one| one.version).filter(|version| !known.contains(version)).collect())
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
