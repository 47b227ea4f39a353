//! The declared star: the headers in `sql/pipeline/`, the order of the tables, and the SQL that updates each by its
//! differences. Pure: values in, SQL text out, no I/O.

mod calendar;
mod check;
mod class;
mod dimension;
mod fact;
mod limits;
mod literal;
mod long_keys;
mod repeated;
mod rows;
mod source;
mod state;
mod wanted;

pub use calendar::{columns as calendar_columns, values as calendar_values};
pub use check::{Check, checks};
pub use class::Class;
pub use dimension::{DimensionSql, GONE, Lacking, OWN, RENAMED, REPLACED, Widened, widened};
pub use fact::{AGAIN, BESIDE, ENTERING, FactSql, NEEDED, NeededSql, OfGrain, Reference, STANDING, Target, is_again};
pub use long_keys::count_partial;
pub use repeated::Repeated;
pub use rows::RowsSql;
pub use source::Source;
pub use state::{LoadSet, TableState};
pub use wanted::wanted_types;

/// The key of the unknown member, which stands for values that a dimension lacks.
pub const UNKNOWN: i64 = 0;

/// The temporary table with a select's result.
pub const NEW: &str = "sluice_new";
/// The temporary table with a fact's rows after lookup: keys in place of the columns that name members.
pub const KEYED: &str = "sluice_keyed";
/// The temporary table with the differences between a table and its new content.
pub const DIFFERENCE: &str = "sluice_difference";
