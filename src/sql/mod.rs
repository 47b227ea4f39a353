//! SQL as text: names and their quotes, what a select of an SQL file reads and gives, and how it is written on an engine. Pure: no statement is run here.

mod condition;
mod names;
mod select;

pub(crate) use names::NUMERIC_TEXT;
pub use names::{Engine, Names, Schema, Table, TableColumn, create_table, quote};
pub use select::{Output, Place, Select, SqlError, as_written, described, overruled_by, overrules};
pub(crate) use select::{nearest_function, place_in};
