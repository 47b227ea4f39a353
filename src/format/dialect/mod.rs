//! The dialect of a delimited text, and its detection from the text's beginning.

mod above;
mod alike;
mod amounts;
mod backslashes;
mod blocks;
mod captions;
mod commas;
mod crosstab;
mod days;
mod detect;
mod fit;
mod frame;
mod header;
mod headings;
mod levels;
mod lines;
mod notes;
mod null_words;
mod pairs;
mod phrases;
mod prose;
mod quotes;
mod row_names;
mod statement;
mod tables;
#[cfg(test)]
mod tests;
mod units;
mod words;

pub(super) use alike::is_amount;
pub(super) use header::{figure, is_value, joined};
pub(super) use null_words::is_null_word;
pub(super) use tables::table_starts;

use serde::{Deserialize, Serialize};

use super::{Charset, Footer, Format, Guess};
use crate::schema::Selection;

/// The way in which a delimited text is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The encoding's name, by the WHATWG but for code pages of DOS.
    pub encoding: String,
    /// The degree to which the encoding is a guess; `None` if it is UTF-8, stated, or marked. A guess of UTF-8 has
    /// lines in CESU-8 among it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guessed: Option<Guess>,
    /// The byte between cells; [`NO_DELIMITER`] if every line is one cell.
    #[serde(serialize_with = "as_char", deserialize_with = "from_char")]
    pub delimiter: u8,
    /// The byte around cells that hold a delimiter or a line end.
    #[serde(serialize_with = "as_chars", deserialize_with = "from_chars")]
    pub quote: Option<u8>,
    /// The way in which a quote is written inside quotes.
    pub escape: Escape,
    /// True if a backslash means the same before a quote or another backslash in cells without quotes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub escapes_bare: bool,
    /// The ends of lines.
    pub line_end: LineEnd,
    /// True if blanks may stand around quotes: `a, "b, c" , d`. Blanks of cells without quotes are part of them.
    pub padded: bool,
    /// True if a blank follows each delimiter, and belongs to it: `a, b, c`.
    pub spaced: bool,
    /// Lines of the file before the table's first byte, for a table that is not the first of a file.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first_line: u64,
    /// Lines above the header.
    pub skip_lines: u64,
    /// Rows of the header; 0 if there is none.
    pub header_rows: usize,
    /// Lines right below the header that are no records: blank ones, and then a ruler or a text without records.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lines_below: u64,
    /// True if a delimiter stands at the end of each record too.
    pub ends_delimited: bool,
    /// True if each record counts as one line, whatever line ends it holds: the rows of a sheet.
    pub by_record: bool,
    /// True if every record is filled up to the table's width, as the rows of a sheet are.
    #[serde(default)]
    pub filled_up: bool,
    /// Cells of a record.
    pub width: usize,
    /// Characters of each column, if lines are cut by them and not by a delimiter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<usize>,
    /// True if there are records among the lines above the table.
    pub table_above: bool,
    /// The ranges of lines above the table that are records, and refused; counted from 0, the end excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records_above: Vec<(u64, u64)>,
    /// True if records have cells beyond the width, which go into one more column.
    pub surplus: bool,
    /// True if the first cell of each record is the row's name, over which the header has none, as R writes it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub row_names: bool,
    /// True if the header is one name short, and nothing proves which cell of the records has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub doubtful_names: bool,
    /// The byte between the names of the header, if it is another one than between the records' cells.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_chars",
        deserialize_with = "from_chars"
    )]
    pub header_delimiter: Option<u8>,
    /// True if a quote too many stands in the header, which is cut by its line alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub loose_header: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(truth: &bool) -> bool {
    !*truth
}

/// The delimiter of texts without one: no text in UTF-8 holds this byte.
pub const NO_DELIMITER: u8 = 0xFF;

/// The way in which a quote is written inside quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// A quote doubled: `""`.
    Doubled,
    /// A quote behind a backslash: `\"`.
    Backslash,
}

/// The ends of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnd {
    /// LF or CRLF.
    Lf,
    /// CR alone; among such lines also CRLF or LF.
    Cr,
}

impl LineEnd {
    /// The place of the first line end, in bytes; for CRLF, in a text of lines that end with LF, the place of its LF.
    pub(super) fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            LineEnd::Lf => memchr::memchr(b'\n', text),
            LineEnd::Cr => memchr::memchr2(b'\r', b'\n', text),
        }
    }

    /// The length of the line end with which `text` begins, in bytes.
    pub(super) fn length(self, text: &[u8]) -> usize {
        if self == LineEnd::Cr && text.starts_with(b"\r\n") { 2 } else { 1 }
    }

    /// The number of line ends.
    pub(super) fn count(self, text: &[u8]) -> u64 {
        let feeds = memchr::memchr_iter(b'\n', text).count();
        let returns = || memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
        (feeds + if self == LineEnd::Cr { returns() } else { 0 }) as u64
    }
}

fn as_char<S: serde::Serializer>(byte: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    (*byte != NO_DELIMITER).then_some(char::from(*byte)).serialize(serializer)
}

fn as_chars<S: serde::Serializer>(byte: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    byte.map(char::from).serialize(serializer)
}

fn from_char<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    from_chars(deserializer).map(|byte| byte.unwrap_or(NO_DELIMITER))
}

fn from_chars<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let letter: Option<char> = Option::deserialize(deserializer)?;
    letter.map(u8::try_from).transpose().map_err(serde::de::Error::custom)
}

/// The stated options of a text; `None` is to be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The format, if the content does not tell it.
    pub format: Option<Format>,
    /// The one sheet of a workbook that is read.
    pub sheet: Option<String>,
    /// Characters of each column, if lines are cut by them and not by a delimiter.
    pub widths: Vec<usize>,
    /// Lines of the file before the text's first byte.
    pub first_line: u64,
    /// True for a sheet: each record counts as one line, and is filled up to the table's width.
    pub is_sheet: bool,
    /// True for JSON with a record on each line, whatever its first object holds.
    pub is_lines: bool,
    /// The encoding of the text.
    pub encoding: Option<Charset>,
    /// The encoding that a first reading has guessed, if none is stated.
    pub guessed: Option<(Charset, Guess)>,
    /// The byte between cells.
    pub delimiter: Option<u8>,
    /// True if a blank follows each delimiter.
    pub spaced: bool,
    /// The byte around cells, `Some(None)` if there is none.
    pub quote: Option<Option<u8>>,
    /// The way in which a quote is written inside quotes.
    pub escape: Option<Escape>,
    /// Lines above the header.
    pub skip_lines: Option<u64>,
    /// Rows of the header.
    pub header_rows: Option<usize>,
    /// True if contents beside an array of records become a column of each.
    pub beside_columns: bool,
    /// The columns that are taken, in their order; every column if none is named.
    pub selection: Selection,
    /// The lines at the end that are not of the table.
    pub footer: Footer,
}

impl ReadOptions {
    /// The options with those in which every sheet is written.
    pub(super) fn with_sheet(self) -> ReadOptions {
        ReadOptions {
            encoding: Some(encoding_rs::UTF_8.into()),
            delimiter: Some(b','),
            quote: Some(Some(b'"')),
            escape: Some(Escape::Doubled),
            is_sheet: true,
            ..self
        }
    }
}

impl Dialect {
    /// True if a backslash takes the meaning of a delimiter or a line end away, and there are no quotes, as databases
    /// write text.
    pub(super) fn is_escaped(&self) -> bool {
        self.quote.is_none() && self.escape == Escape::Backslash
    }

    /// True for lines of a text or filled-up rows of a sheet: an empty one then holds nothing. Parquet has rows without
    /// a value.
    pub(super) fn is_of_lines(&self) -> bool {
        !self.by_record || self.filled_up
    }

    pub(super) fn plain(delimiter: u8) -> Dialect {
        Dialect {
            encoding: "UTF-8".to_owned(),
            guessed: None,
            delimiter,
            quote: Some(b'"'),
            escape: Escape::Doubled,
            escapes_bare: false,
            line_end: LineEnd::Lf,
            padded: false,
            spaced: false,
            first_line: 0,
            skip_lines: 0,
            header_rows: 1,
            lines_below: 0,
            ends_delimited: false,
            by_record: false,
            filled_up: false,
            width: 1,
            widths: Vec::new(),
            table_above: false,
            records_above: Vec::new(),
            surplus: false,
            row_names: false,
            doubtful_names: false,
            header_delimiter: None,
            loose_header: false,
        }
    }
}
