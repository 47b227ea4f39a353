//! Sluice loads every flat file that lands in a folder exactly once, and builds a star schema out of what it loaded.
//! `ARCHITECTURE.md` says where things are; the path of one file is `load.rs`.

pub mod format;
pub mod schema;
pub mod source;
pub mod warehouse;
