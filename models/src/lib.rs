//! The catalog: loads, rejects, the columns of each staging table, the changes of each pipeline run, checkpoints.
//! Entities and migrations only; the queries are the ledger's.
//!
//! The tables are in the schema `sluice` on PostgreSQL. SQLite has no schemas: there `sluice.load` is the table
//! `sluice__load`, and code that runs a statement built from these entities writes the name so (see `catalog/`).

pub mod beside;
pub mod checkpoint;
pub mod column;
pub mod column_history;
pub mod dataset;
pub mod identity;
pub mod load;
mod migrations;
pub mod question;
pub mod reject;
pub mod run;
pub mod star;
pub mod star_load;
pub mod star_reject;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityName, Statement};

/// Returns the tables of the catalog, by their names in the schema.
pub fn tables() -> Vec<&'static str> {
    vec![
        beside::Entity.table_name(),
        checkpoint::Entity.table_name(),
        column::Entity.table_name(),
        column_history::Entity.table_name(),
        dataset::Entity.table_name(),
        identity::Entity.table_name(),
        load::Entity.table_name(),
        question::Entity.table_name(),
        reject::Entity.table_name(),
        run::Entity.table_name(),
        star::Entity.table_name(),
        star_load::Entity.table_name(),
        star_reject::Entity.table_name(),
    ]
}

/// Returns the missing tables of the catalog, by their names in the schema.
///
/// # Errors
/// Any error of the database.
pub async fn missing_tables(db: &DatabaseConnection) -> Result<Vec<&'static str>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            "select substr(name, 9) as name from sqlite_schema where type = 'table' and name like 'sluice\\_\\_%' escape '\\'"
        }
        _ => "select tablename::text as name from pg_catalog.pg_tables where schemaname = 'sluice'",
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    let there = rows.iter().map(|row| row.try_get("", "name")).collect::<Result<Vec<String>, _>>()?;
    Ok(tables().into_iter().filter(|table| !there.iter().any(|name| name == table)).collect())
}

pub use migrations::{POSTGRES_SCHEMA, identity, migrate, pending, unknown};
