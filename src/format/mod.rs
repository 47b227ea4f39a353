//! Bytes become records with their line, and columns with the types that their values fit. This folder knows nothing of
//! tables in a database or of the source of the bytes.

mod archive;
mod audit;
mod bundle;
mod cell;
mod column_stats;
mod container;
pub mod csv;
mod decoder;
mod dialect;
mod directory;
mod encoding;
mod exact;
mod footer;
mod foreign;
mod json;
mod limits;
mod long;
mod notations;
mod parquet;
mod planted;
mod profiler;
mod read;
mod rows;
mod sheet_scan;
mod tags;
mod tar;
mod unpacked;
mod workbook;
mod zip_names;

pub use audit::SpanBytes;
pub use bundle::{Bundle, Bundled};
pub use container::{Part, Workbook, parts};
pub use decoder::{Decoder, decode_if_asked};
pub use dialect::{Dialect, Escape, LineEnd, NO_DELIMITER, ReadOptions};
pub use encoding::{Charset, Digest, Guess, guess_encoding};
pub use footer::Footer;
pub use json::{Counting, JsonLayout, Place};
pub use limits::Limits;
pub use profiler::{ExpectedTypes, Profiler};
pub use read::{
    Content, FormatProfile, Layout, Preview, SAMPLE_BYTES, each_chunk, each_chunk_above, identity, profile, sample,
};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with a delimiter.
    Csv,
    /// Objects of JSON.
    Json,
    /// Sheets of workbooks.
    Workbook,
    /// Columns of Parquet.
    Parquet,
}

/// Endings of the names of files that are read, with one of [`PACKED`] after it or without.
const ENDINGS: [&str; 13] =
    ["csv", "tsv", "txt", "psv", "dat", "json", "jsonl", "ndjson", "parquet", "xlsx", "xlsm", "xls", "ods"];

/// Endings of compressed files and archives.
const PACKED: [&str; 3] = ["gz", "zst", "zip"];

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::Csv, Format::Json, Format::Workbook, Format::Parquet];

    /// The word in plugins.
    pub fn word(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Workbook => "excel",
            Format::Parquet => "parquet",
        }
    }

    /// True if a file's name ends like one that is read, whatever the case.
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

    /// The format of a part that begins with `head`: by its content, or else by its name.
    fn of_content(head: &[u8], name: &str) -> Format {
        let mut letters =
            head.iter().filter(|byte| !byte.is_ascii_whitespace() && !b"\xEF\xBB\xBF\xFE\xFF\0".contains(byte));
        let (first, second) = (letters.next(), letters.next());
        let object = first == Some(&b'{') && matches!(second, Some(b'"' | b'}'));
        let array = first == Some(&b'[') && matches!(second, Some(b'{' | b']'));
        if object || array || (first.is_some() && json::is_called_json(name)) { Format::Json } else { Format::Csv }
    }
}

/// Words for an archive without its directory.
const NO_END: &str = "the archive is damaged or cut off, or is no zip archive: its end is not there; copy it again";

/// The reason why an input cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// An input without bytes.
    #[error("the file is empty")]
    Empty,
    /// An input that is no text.
    #[error("the file is not UTF-8 text: {0}")]
    NotText(String),
    /// An input packed in a way that cannot be or must not be unpacked.
    #[error("cannot unpack: {0}")]
    Archive(String),
    /// An archive without its directory, which stands at its end.
    #[error("cannot unpack: {NO_END}")]
    NoEnd,
    /// An input of another kind, or one whose reader did not get to its end: in words.
    #[error("{0}")]
    Refused(String),
    /// An input without records in their place.
    #[error("the file has no records that can be loaded: {0}")]
    NoRecords(String),
    /// An input without names for its columns.
    #[error("the file has no header: {0}")]
    NoHeader(String),
    /// An input with more columns than a table can have.
    #[error("{0}, and a table has {1} at most")]
    TooWide(String, usize),
    /// A line longer than is kept in memory.
    #[error(
        "line {line} is longer than {limit} bytes, which is more than a record may have: break it up, or take it out"
    )]
    TooLong {
        /// The line on which it starts, from 1.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A byte that the reader has skipped, or claimed wrongly.
    #[error(
        "the books of its bytes do not add up: byte {at} of its text (after decoding, from 0) is of no record, reject or line beside \
         them; nothing was loaded; please report this"
    )]
    Unaccounted {
        /// The place of the first byte without a claim, from 0.
        at: u64,
    },
    /// A reader that the system ended.
    #[error("the {0} could not be read: the system ended its reader (signal 9), as it does where memory is short")]
    Killed(&'static str),
    /// An input whose reading failed.
    #[error("cannot read: {0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for FormatError {
    fn from(error: std::io::Error) -> Self {
        let error = match error.downcast::<FormatError>() {
            Ok(known) => return known,
            Err(error) => error,
        };
        match error.kind() {
            // A packed input that ends too early, or holds invalid bytes.
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput => {
                FormatError::Archive(error.to_string())
            }
            _ => FormatError::Io(error),
        }
    }
}
