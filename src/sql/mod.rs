//! SQL as text: names and their quotes, types, what differs between the engines, the tables and columns of an SQL file's
//! select, and its form on an engine. Pure: no statement is run here.

mod condition;
mod dialect;
mod joined;
mod names;
mod select;
mod table_def;
mod types;

pub use joined::{all_of, any_of};
pub use names::{Engine, Names, Schema, Table, TableColumn, quote};
pub use select::{EmptyColumns, Output, Place, Select, SqlError, as_written, described, overruled_by, overrules};
pub(crate) use select::{name_at, nearest_function, place_in};
pub use table_def::{ForeignKey, Placement, TableDef};
pub(crate) use types::NUMERIC_TEXT;
pub use types::type_of;
