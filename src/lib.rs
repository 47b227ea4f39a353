//! Sluice loads every flat file that lands in a folder exactly once, and builds a star schema out of what it loaded.
//! `ARCHITECTURE.md` says where things are; the path of one file is `load/mod.rs`.

pub mod alert;
pub mod analysis;
pub mod app;
pub mod archive;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod daemon;
pub mod dataset;
pub mod export;
pub mod format;
pub mod http;
pub mod load;
pub mod ops;
pub mod pipeline;
pub mod project;
pub mod pull;
pub mod record;
pub mod schema;
pub mod settings;
pub mod source;
pub mod sql;
pub mod sql_check;
pub mod star;
pub mod telemetry;
pub mod text;
pub mod warehouse;
pub mod worker;
