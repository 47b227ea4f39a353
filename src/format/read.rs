//! Reads a part in its format: once for its profile, once for its records.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::csv::Reader;
use super::footer::HeldBack;
use super::json::profile::profile_json;
use super::json::{Columns, JsonLayout, JsonReader};
use super::profiler::Profiler;
use super::rows::Rows;
use super::{Charset, Dialect, Digest, Footer, Format, FormatError, Guess, ReadOptions, SpanBytes, guess_encoding};
use crate::record::JOINT;
use crate::record::write_record;
use crate::record::{Chunk, Reason, Reject};
use crate::schema::{Clue, EXTRA_COLUMN, Fits, Inference, MAX_TABLE_COLUMNS, Strays, column_names};

/// The layout of a part, as its profile found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "lowercase")]
pub enum Layout {
    /// Text with this dialect.
    Csv(Dialect),
    /// Objects of JSON.
    Json(JsonLayout),
    /// A sheet of a workbook, read as text with commas.
    Excel(Dialect),
    /// Columns of Parquet.
    Parquet,
}

impl Layout {
    /// The beginning of the JSON of each layout of a sheet.
    pub const SHEET: &str = r#"{"format":"excel""#;

    /// The text between the parts of a column's name; `None` in formats without nested names.
    pub fn joint(&self) -> Option<&'static str> {
        match self {
            Layout::Csv(_) | Layout::Excel(_) => None,
            Layout::Json(_) | Layout::Parquet => Some(JOINT),
        }
    }

    /// The ending of the file that takes the part's rejects.
    pub fn rejects_ending<'a>(&self, table_hint: &'a str) -> &'a str {
        match self {
            Layout::Csv(_) | Layout::Json(_) => table_hint.rsplit_once('.').map_or("csv", |(_, ending)| ending),
            Layout::Excel(_) | Layout::Parquet => "csv",
        }
    }

    /// True if the last column is the one of surplus cells.
    pub fn has_surplus(&self) -> bool {
        matches!(self, Layout::Csv(dialect) | Layout::Excel(dialect) if dialect.surplus)
    }
}

/// The input of a part.
pub enum Content {
    /// Bytes, unpacked.
    Bytes(Box<dyn Read + Send>),
    /// Rows, decoded.
    Rows(Rows),
}

impl Content {
    fn bytes(self) -> Result<Box<dyn Read + Send>, FormatError> {
        match self {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Rows(_) => Err(FormatError::NotText("it is a Parquet file".to_owned())),
        }
    }
}

/// The profile of a part: its identity, layout, columns and number of records.
#[derive(Clone, Debug)]
pub struct FormatProfile {
    /// Identity and size of the bytes.
    pub digest: Digest,
    /// The layout of the text.
    pub layout: Layout,
    /// The header as it stands in the part, without the line end; empty if there is none.
    pub header_text: Vec<u8>,
    /// The columns' names, as they stand in the part, with the possible types of their values.
    pub columns: Vec<(String, Inference)>,
    /// Number of records, rejects included, the header not.
    pub rows: u64,
    /// The preview for people.
    pub preview: Preview,
    /// True if all of the part was read, false if only its beginning was.
    pub whole: bool,
}

/// A preview of a part for people who look at it.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// The first values of each column that are not NULL.
    pub samples: Vec<Vec<String>>,
    /// Records that are refused whatever the columns' types.
    pub rejected: u64,
    /// The first of the rejects.
    pub rejects: Vec<Reject>,
    /// True if some records have another width than the header.
    pub is_uneven: bool,
    /// Clues on the way in which each column's values are written.
    pub clues: Vec<Clue>,
    /// The few values of each column that alone make a text of it.
    pub strays: Vec<Strays>,
}

/// Bytes read of a long part for its sample.
pub const SAMPLE_BYTES: u64 = 4 * 1024 * 1024;

/// Reads everything for the profile and keeps nothing else.
///
/// # Errors
/// When the input cannot be read, or cannot be loaded.
pub fn profile(
    format: Format,
    open: impl Fn() -> Result<Content, FormatError>,
    stated: &ReadOptions,
) -> Result<FormatProfile, FormatError> {
    checked(match (format, open()?) {
        (Format::Parquet, Content::Rows(rows)) => profile_rows(&rows, true),
        (Format::Json, Content::Bytes(_)) => profile_json(|| open()?.bytes(), stated, u64::MAX),
        (Format::Workbook, input) => profile_sheet(input.bytes()?, stated),
        _ => profile_text(|| open()?.bytes(), stated, u64::MAX),
    }?)
}

/// The profile of the beginning of a text, or of all of a short one; without its identity if it is not whole. Of
/// Parquet only the columns that need it are decoded, and damage elsewhere is seen when the rows are.
///
/// # Errors
/// As [`profile`].
pub fn sample(
    format: Format,
    open: impl Fn() -> Result<Content, FormatError>,
    stated: &ReadOptions,
) -> Result<FormatProfile, FormatError> {
    checked(match (format, open()?) {
        (_, Content::Rows(rows)) => profile_rows(&rows, false),
        (Format::Json, Content::Bytes(_)) => profile_json(|| open()?.bytes(), stated, SAMPLE_BYTES),
        (_, Content::Bytes(_)) => profile_text(|| open()?.bytes(), stated, SAMPLE_BYTES),
    }?)
}

/// The identity of a part's bytes, which are read to the end or until `needed` is false.
///
/// # Errors
/// When the input cannot be read, or is not needed any more.
pub fn identity(input: Content, needed: &AtomicBool) -> Result<Digest, FormatError> {
    Ok(Digest::of(While { input: input.bytes()?, needed })?)
}

/// An input that is read while `needed` is true.
struct While<'a, R> {
    input: R,
    needed: &'a AtomicBool,
}

impl<R: Read> Read for While<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.needed.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody needs it any more"));
        }
        self.input.read(buffer)
    }
}

fn checked(found: FormatProfile) -> Result<FormatProfile, FormatError> {
    check_columns(found.columns.len())?;
    if found.columns.iter().any(|(name, _)| name.contains('\0')) {
        return Err(FormatError::NotText("the name of a column holds a NUL byte".to_owned()));
    }
    // A part is no text if none of its lines is one.
    let is_headless = matches!(&found.layout, Layout::Csv(dialect) if dialect.header_rows == 0);
    if let Some(first) = found.preview.rejects.first()
        && is_headless
        && found.preview.rejected == found.rows
        && matches!(first.reason, Reason::WrongByte | Reason::Nul)
    {
        return Err(FormatError::NotText(first.shown()));
    }
    Ok(found)
}

fn check_columns(count: usize) -> Result<(), FormatError> {
    if count > MAX_TABLE_COLUMNS {
        return Err(FormatError::TooWide(format!("the file has {count} columns"), MAX_TABLE_COLUMNS));
    }
    Ok(())
}

/// The profile of a sheet: text in one known dialect, with the table's start and the columns' names still to be found.
fn profile_sheet(input: impl Read, stated: &ReadOptions) -> Result<FormatProfile, FormatError> {
    let known = stated.clone().with_sheet();
    let (found, _) = profile_csv(input, &known, u64::MAX)?;
    let layout = match found.layout {
        Layout::Csv(dialect) => Layout::Excel(dialect),
        other => other,
    };
    Ok(FormatProfile { layout, ..found })
}

/// The profile of a Parquet file: it states its columns itself, and its values only narrow that down.
fn profile_rows(rows: &Rows, whole: bool) -> Result<FormatProfile, FormatError> {
    let (table, digest) = (rows.table(whole)?, rows.digest()?);
    let mut header_text = Vec::new();
    write_record(&mut header_text, table.columns.iter().map(|column| Some(column.name.as_str())))?;
    header_text.pop();
    let (mut columns, mut preview) = (Vec::with_capacity(table.columns.len()), Preview::default());
    for column in table.columns {
        columns.push((column.name, Inference::within(column.fits)));
        preview.samples.push(column.samples);
    }
    Ok(FormatProfile { digest, layout: Layout::Parquet, header_text, columns, rows: table.rows, preview, whole: true })
}

/// The profile of delimited text, read once more if it is not UTF-8.
fn profile_text<R: Read>(
    open: impl Fn() -> Result<R, FormatError>,
    stated: &ReadOptions,
    most: u64,
) -> Result<FormatProfile, FormatError> {
    let again = |guessed| profile_csv(open()?, &ReadOptions { guessed: Some(guessed), ..stated.clone() }, u64::MAX);
    match profile_csv(open()?, stated, most) {
        Ok((found, Some(_))) if !found.whole => profile_text(open, stated, u64::MAX),
        Ok((_, Some(guessed))) => Ok(again(guessed)?.0),
        Ok((found, None)) => Ok(found),
        // Not even the header is UTF-8.
        Err(FormatError::NotText(why)) if stated.encoding.is_none() => {
            let mut sample = Vec::new();
            open()?.take(64 * 1024).read_to_end(&mut sample)?;
            match guess_of(&sample) {
                Some(guessed) => Ok(again(guessed)?.0),
                None => Err(FormatError::NotText(why)),
            }
        }
        Err(error) => Err(error),
    }
}

/// An encoding, with the degree to which it is a guess.
type Guessed = (Charset, Guess);

/// The encoding of the beginning of a text, by its lines that are not UTF-8.
fn guess_of(sample: &[u8]) -> Option<Guessed> {
    let end = memchr::memrchr2(b'\n', b'\r', sample).map_or(sample.len(), |end| end + 1);
    let lines = || sample[..end].split_inclusive(|byte| matches!(byte, b'\n' | b'\r'));
    let wrong: Vec<&[u8]> = lines().filter(|line| std::str::from_utf8(line).is_err()).collect();
    let share = wrong.len() * 1000 / lines().count().max(1);
    guess_encoding(&wrong.concat(), share as u64)
}

/// The profile of the first `most` bytes, and a likelier encoding.
fn profile_csv(
    input: impl Read,
    stated: &ReadOptions,
    most: u64,
) -> Result<(FormatProfile, Option<Guessed>), FormatError> {
    let mut reader = Reader::open(input, stated)?;
    check_columns(reader.header().len())?;
    let names = column_names(reader.header(), None);
    let columns = reader.header().iter().map(String::as_str).zip(names.iter().map(String::as_str));
    let layout = Layout::Csv(reader.dialect().clone());
    let mut profiler = Profiler::new(columns, stated, &layout);
    let mut whole = false;
    let mut held = HeldBack::new(&stated.footer)?;
    while !whole && reader.taken() < most {
        match reader.next_chunk()? {
            Some(chunk) => held.pass(chunk).iter().for_each(|chunk| profiler.see(chunk)),
            None => whole = true,
        }
    }
    // Records held back may be below the table as long as the text was not read to its end.
    if whole {
        held.finish().0.iter().for_each(|chunk| profiler.see(chunk));
    }
    let mut dialect = reader.dialect().clone();
    let other = profiler.other_encoding();
    let (decided, is_long) = profiler.decide();
    let mut columns: Vec<_> = reader.header().iter().cloned().zip(decided).collect();
    if is_long {
        dialect.surplus = true;
        columns.push((EXTRA_COLUMN.to_owned(), Inference::within(Fits::TEXT)));
    }
    let layout = Layout::Csv(dialect);
    let (header_text, digest, rows) = (reader.header_text(), reader.digest(), profiler.rows);
    Ok((FormatProfile { digest, layout, header_text, columns, rows, preview: profiler.preview(), whole }, other))
}

/// Reads every record as the profile found it written, until `sink` says stop; gives the identity of the bytes, and the
/// bytes by kind of span if all were read.
///
/// # Errors
/// When reading fails, or the reader has skipped something.
pub fn each_chunk(
    input: Content,
    layout: &Layout,
    names: impl IntoIterator<Item = String>,
    sink: impl FnMut(Chunk) -> bool,
) -> Result<(Digest, Option<SpanBytes>), FormatError> {
    each_chunk_above(input, layout, names, &Footer::None, sink)
}

/// As [`each_chunk`], with the lines of the footer beside the records.
///
/// # Errors
/// As [`each_chunk`].
pub fn each_chunk_above(
    input: Content,
    layout: &Layout,
    names: impl IntoIterator<Item = String>,
    footer: &Footer,
    mut sink: impl FnMut(Chunk) -> bool,
) -> Result<(Digest, Option<SpanBytes>), FormatError> {
    match (layout, input) {
        (Layout::Csv(dialect) | Layout::Excel(dialect), input) => {
            read_all(Reader::reopen(input.bytes()?, dialect)?, footer, &mut sink)
        }
        (Layout::Json(layout), input) => {
            let mut reader = JsonReader::open(input.bytes()?, layout)?;
            reader.each_chunk(&mut Columns::of(names), sink)?;
            Ok((reader.digest(), reader.spans()))
        }
        (Layout::Parquet, Content::Rows(rows)) => {
            rows.each_chunk(sink)?;
            Ok((rows.digest()?, None))
        }
        (Layout::Parquet, Content::Bytes(_)) => Err(FormatError::NotText("it is no Parquet file".to_owned())),
    }
}

fn read_all<R: Read>(
    mut reader: Reader<R>,
    footer: &Footer,
    mut sink: impl FnMut(Chunk) -> bool,
) -> Result<(Digest, Option<SpanBytes>), FormatError> {
    let mut held = HeldBack::new(footer)?;
    while let Some(chunk) = reader.next_chunk()? {
        if !held.pass(chunk).into_iter().all(&mut sink) {
            return Ok((reader.digest(), reader.spans()));
        }
    }
    let (chunks, moved) = held.finish();
    if !chunks.into_iter().all(sink) {
        return Ok((reader.digest(), None));
    }
    Ok((reader.digest(), reader.spans().map(|spans| spans.moved(moved))))
}
