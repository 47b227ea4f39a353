//! The schema of a table: names, types, inference, conforming, widening. Pure: values in, values out, no I/O.

mod by_format;
mod conform;
mod doubles;
mod evolve;
mod exact;
mod filter;
mod header;
mod infer;
mod key;
mod likely;
mod loose;
mod moment;
mod name;
mod notation;
mod projection;
mod types;

pub use conform::{Conformed, EXTRA_COLUMN, LINE_COLUMN, LOAD_COLUMN, OWN_COLUMNS, conform};
pub use doubles::double_as_written;
pub use evolve::{Evolution, evolve};
pub use filter::Filter;
pub use header::{KnownBy, known_places};
pub use infer::Inference;
pub(crate) use infer::is_value;
pub use key::KEY_BYTES;
pub(crate) use likely::is_point_grouping;
pub use likely::{Clue, Likely, Strays};
pub use loose::Loose;
pub use moment::{as_written, exact_micros, is_day, read_date, read_timestamp, read_timestamptz, timestamp_text};
pub use name::{SYSTEM_COLUMNS, column_names, composed, is_same_text, table_name};
pub use notation::{Grouping, Notation, NumberNotation, Percent, Separator, TruthWords};
pub use projection::{AbsentColumn, ColumnRule, ProjectedColumn, Projection, Selection, shape};
pub use types::{Fits, Form, Spelling, Type};

use serde::Serialize;

/// Greatest number of columns of a table: PostgreSQL's limit, which SQLite keeps too so that the same files load on
/// both. <https://www.postgresql.org/docs/current/limits.html>
pub const MAX_TABLE_COLUMNS: usize = 1_600 - 2;

/// A column of a staging table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The name in the database.
    pub name: String,
    /// The header as it stands in the file.
    pub header: String,
    /// Types that every value of the column reads back from unchanged.
    #[serde(rename = "type", serialize_with = "type_word")]
    pub fits: Fits,
}

impl Column {
    /// The narrowest type that holds every value.
    pub fn kind(&self) -> Type {
        self.fits.narrowest()
    }
}

fn type_word<S: serde::Serializer>(fits: &Fits, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fits.narrowest().word())
}
