//! Sluice loads every flat file that lands in a folder exactly once, and builds a star schema out of what it loaded.
//! `ARCHITECTURE.md` says where things are; the path of one file is `load.rs`.

pub mod alert;
pub mod analysis;
pub mod app;
pub mod archive;
pub mod check;
pub mod cli;
mod counted;
pub mod daemon;
pub mod dataset;
pub mod export;
mod feed;
pub mod format;
mod history;
pub mod journal;
pub mod ledger;
pub mod load;
mod load_error;
pub mod order;
mod outcome;
pub mod pipeline;
pub mod plugin;
pub mod progress;
mod reject_file;
pub mod retract;
pub mod schema;
pub mod settings;
pub mod source;
pub mod sql_check;
mod staging;
pub mod star;
pub mod status;
pub mod telemetry;
pub mod trace;
mod upsert;
pub mod warehouse;
pub mod worker;
