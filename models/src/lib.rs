//! The catalog: what was loaded, what was refused, what each staging table looks like, what each pipeline run changed.
//! Entities and migrations only; the queries are the ledger's.
//!
//! The tables live in the schema `sluice` on PostgreSQL. SQLite has no schemas: there `sluice.load` is the table
//! `sluice__load`, and whoever runs a statement built from these entities writes the name so (see `ledger/`).

pub mod beside;
pub mod column;
pub mod column_history;
pub mod dataset;
pub mod load;
mod migrations;
pub mod question;
pub mod reject;
pub mod run;
pub mod star;
pub mod star_reject;

pub use migrations::{POSTGRES_SCHEMA, made_at, migrate, pending, unknown};
