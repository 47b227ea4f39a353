//! SQL as text: names and their quotes, types, what differs between the engines, the tables and columns of an SQL file's
//! select, and its form on an engine. Pure: no statement is run here.

mod condition;
mod dialect;
mod names;
mod select;
mod types;

pub(crate) use names::NUMERIC_TEXT;
pub use names::{Engine, Names, Schema, Table, TableColumn, create_table, quote};
pub use select::{Output, Place, Select, SqlError, as_written, described, overruled_by, overrules};
pub(crate) use select::{nearest_function, place_in};
pub use types::SqlType;
