//! The catalog: loads, rejects, the columns of each staging table, the changes of each pipeline run, checkpoints, schedules.
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
pub mod schedule;
pub mod schedule_run;
pub mod star;
pub mod star_load;
pub mod star_reject;
pub mod view;

use sea_orm::EntityName;

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
        schedule::Entity.table_name(),
        schedule_run::Entity.table_name(),
        star::Entity.table_name(),
        star_load::Entity.table_name(),
        star_reject::Entity.table_name(),
        view::Entity.table_name(),
    ]
}

pub use migrations::{POSTGRES_SCHEMA, Standing, identity, migrate, standing, tables_missing};
