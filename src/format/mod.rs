//! Bytes become records with their line. Knows nothing of types, tables or where the bytes come from.

pub mod csv;
mod dialect;
mod records;

pub use dialect::Dialect;
pub use records::{Chunk, Records, Reject};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with a delimiter, a header in the first row.
    Csv,
}

impl Format {
    /// The format that a file's name ends in, whatever the case; `None` where it is not known.
    pub fn of_name(file_name: &str) -> Option<Format> {
        let ending = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
        matches!(ending.as_str(), "csv" | "tsv" | "psv").then_some(Format::Csv)
    }
}

/// Why an input cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is no text.
    #[error("the file is not UTF-8 text: {0}")]
    NotText(String),
    /// There is nothing to name the columns by.
    #[error("the file has no header: {0}")]
    NoHeader(String),
    /// One record is longer than what is kept in memory.
    #[error("line {line}: the header is longer than {limit} bytes")]
    TooLong {
        /// Where it starts, from 1.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// Reading failed.
    #[error("cannot read: {0}")]
    Io(#[from] std::io::Error),
}
