//! Bytes become records with their line. Knows nothing of types, tables or where the bytes come from.

mod container;
pub mod csv;
mod dialect;
mod encoding;
mod records;

pub use container::{Limits, Part, parts};
pub use dialect::{Dialect, Escape, LineEnd, Stated};
pub use encoding::{Digest, guess_encoding};
pub use records::{Chunk, Records, Reject};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with a delimiter.
    Csv,
}

/// Names of files that are read end in one of these, with one of [`PACKED`] after it or without.
const ENDINGS: [&str; 5] = ["csv", "tsv", "txt", "psv", "dat"];

/// What compressed files and archives end in.
const PACKED: [&str; 3] = ["gz", "zst", "zip"];

impl Format {
    /// Whether a file's name ends like one that is read, whatever the case.
    pub fn is_known(file_name: &str) -> bool {
        let lower = file_name.to_ascii_lowercase();
        let Some((stem, ending)) = lower.rsplit_once('.') else { return false };
        if ending == "zip" {
            return true;
        }
        if PACKED.contains(&ending) {
            return stem.rsplit_once('.').is_some_and(|(_, inner)| ENDINGS.contains(&inner));
        }
        ENDINGS.contains(&ending)
    }

    /// The format of a part that begins with `head`: its content says, or else its name.
    fn of_content(_head: &[u8], _name: &str) -> Format {
        Format::Csv
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
    /// It is packed in a way that cannot be or must not be unpacked.
    #[error("cannot unpack: {0}")]
    Archive(String),
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
    Io(std::io::Error),
}

impl From<std::io::Error> for FormatError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // What is packed ends too early, or holds what it must not.
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput => {
                FormatError::Archive(error.to_string())
            }
            _ => FormatError::Io(error),
        }
    }
}
