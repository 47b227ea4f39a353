//! The declared star: what the headers in `sql/pipeline/` say, in which order the tables are built, and the SQL that brings
//! each up to date by what differs. Pure: values in, SQL text out, no I/O.

mod calendar;
mod check;
mod class;
mod dimension;
mod fact;
mod repeated;
mod rows;
mod source;
mod state;

pub use calendar::{columns as calendar_columns, values as calendar_values};
pub use check::{Check, checks};
pub use class::Class;
pub use dimension::{DimensionSql, GONE, OWN, REPLACED};
pub use fact::{AGAIN, FactSql, NEEDED, NeededSql, Reference, Target, is_again};
pub use repeated::Repeated;
pub use rows::RowsSql;
pub use source::Source;
pub use state::{LoadSet, TableState};

/// The key of the member that stands for what is not in a dimension.
pub const UNKNOWN: i64 = 0;

/// The temporary table that a select's result is put into.
pub const NEW: &str = "sluice_new";
/// The temporary table with a fact's rows after its dimensions' columns were replaced by keys.
pub const KEYED: &str = "sluice_keyed";
/// The temporary table with the rows in which a table and its new content differ.
pub const DIFFERENCE: &str = "sluice_difference";
