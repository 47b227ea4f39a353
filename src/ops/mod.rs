//! One module for each thing that can be asked of a project: gives structs, prints nothing.

pub mod check;
pub mod config;
pub mod draft;
pub mod drop;
pub mod export;
pub mod graph;
pub mod help;
pub mod loads;
pub mod rejects;
pub mod status;
pub mod trace;
