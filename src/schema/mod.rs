//! What a table looks like: names, types, inference, conforming, widening. Pure: values in, values out, no I/O.

mod conform;
mod evolve;
mod infer;
mod name;
mod types;

pub use conform::{Conformed, LINE_COLUMN, LOAD_COLUMN, conform};
pub use evolve::{Evolution, evolve};
pub use infer::Inference;
pub use name::{column_names, table_name};
pub use types::{Fits, Spelling, Type};

use serde::Serialize;

/// A column of a staging table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The name in the database.
    pub name: String,
    /// The header as it stands in the file.
    pub header: String,
    /// The types that every value of the column reads back from unchanged.
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

/// A record that was read and is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line of the input on which the record starts, from 1.
    pub line: u64,
    /// The header of the column at fault, where it is one column's.
    pub column: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// The record's bytes as they stand in the input, without the line end.
    pub text: Vec<u8>,
}
