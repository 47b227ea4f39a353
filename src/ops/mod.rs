//! One module for each question about a project; they return structs and print nothing.

pub mod check;
pub mod draft;
pub mod drop;
pub mod export;
pub mod graph;
pub mod help;
pub mod status;
pub mod trace;
