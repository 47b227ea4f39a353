//! One module for each question about a project; they return structs and print nothing.

pub mod check;
pub mod config;
pub mod connect;
pub mod destination;
pub mod doctor;
pub mod draft;
pub mod drop;
pub mod export;
pub mod extract;
pub mod graph;
pub mod help;
pub mod loads;
pub mod plugins;
pub mod pull;
pub mod ready;
pub mod rejects;
pub mod reported;
pub mod retry;
pub mod schedule;
pub mod status;
pub mod trace;
pub mod why;
