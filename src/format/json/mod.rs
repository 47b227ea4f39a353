//! JSON: objects one after the other (JSON Lines), in an array, or in an array under one key of an object. Records are
//! cut out of the text one by one, so that each has its line and its raw text, and memory does not grow with the file.
//!
//! Objects within a record become columns `a__b`, arrays stay JSON text, numbers keep their digits, `null` is NULL.
//!
//! The file is read once to tell the place of its records ([`layout`]), then for its records ([`JsonReader`]): the
//! second reading never decides anew. It runs in the program itself and not in a process of its own, because no text
//! makes it allocate or compute more than in proportion to its length: one value of 64 MiB at most is held, a record
//! has no more keys than a table has columns, keys are looked up by hashing, objects are nested 64 deep at most, and a
//! broken stretch is searched again only so often, then the rest of the text is refused.

mod collect;
mod cut;
mod flatten;
mod layout;
pub(super) mod profile;
mod scan;
mod search;
mod window;

use std::borrow::Cow;
use std::io::Read;

use fail::fail_point;

pub(super) use collect::Columns;
pub use layout::{Counting, JsonLayout, Place};
pub(super) use layout::{is_called_json, is_called_lines, layout as json_layout};

use super::audit::Span;
use super::encoding::Digest;
use super::limits::MAX_HEADER;
use super::{FormatError, SpanBytes};
use crate::record::{Chunk, Reason, Reject};
use crate::schema::MAX_TABLE_COLUMNS;
use collect::Builder;
use cut::{At, Cutter, Found, Piece};
use flatten::Leaves;

/// Text of the records of one chunk, in bytes, at most (one record may be longer).
const CHUNK: usize = 512 * 1024;

/// Cuts records out of a text.
pub(super) struct JsonReader<R> {
    cutter: Cutter<R>,
    layout: JsonLayout,
    /// Elements that were read as records, the refused ones too.
    elements: u64,
    spans: Option<SpanBytes>,
}

impl<R: Read> JsonReader<R> {
    /// Opens a text of this layout.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn open(input: R, layout: &JsonLayout) -> Result<Self, FormatError> {
        let cutter = Cutter::open(input, layout.records.clone())?;
        Ok(JsonReader { cutter, layout: layout.clone(), elements: 0, spans: None })
    }

    /// Identity and size of the text, once [`JsonReader::each_chunk`] has given everything.
    pub(super) fn digest(&self) -> Digest {
        self.cutter.window.digest()
    }

    /// The bytes by kind of span, once all were read and every one of them is accounted for.
    pub(super) fn spans(&self) -> Option<SpanBytes> {
        self.spans
    }

    /// Reads every record; `columns` takes the new names, in their order. Gives chunks of records as wide as `columns`
    /// was before, until `sink` says stop.
    ///
    /// # Errors
    /// When reading fails, there are more columns than a table can have, or something was skipped. A bad record is a
    /// reject.
    pub(super) fn each_chunk(
        &mut self,
        columns: &mut Columns,
        mut sink: impl FnMut(Chunk) -> bool,
    ) -> Result<(), FormatError> {
        let has_nul = |(name, value): &(String, Option<String>)| {
            name.contains('\0') || value.as_ref().is_some_and(|value| value.contains('\0'))
        };
        let beside_has_nul = self.layout.columns.iter().any(has_nul);
        let mut builder = Builder::new(columns.names.len(), beside_has_nul);
        while let Some(piece) = self.cutter.next()? {
            match piece {
                Piece::Element(found) if is_planted("json_skips") => drop(found),
                Piece::Element(found) if is_planted("json_swallows") => {
                    self.cutter.settle(found.text.len(), Span::Record)?;
                }
                Piece::Element(found) => self.add(found, &mut builder, columns)?,
                Piece::Reject(reject) => builder.refuse(reject),
                Piece::Beside(beside) => builder.beside.push(beside),
            }
            if is_planted("json_stops") {
                self.cutter.at = At::Done;
            }
            if columns.names.len() > MAX_TABLE_COLUMNS {
                let what = format!("line {}: the file has more columns", self.cutter.window.line());
                return Err(FormatError::TooWide(what, MAX_TABLE_COLUMNS));
            }
            if columns.bytes > MAX_HEADER {
                return Err(FormatError::Refused(format!(
                    "line {}: the file's keys, each with those around it, are longer than {MAX_HEADER} bytes together, which is more \
                     than the names of a table's columns may have: are its keys data?",
                    self.cutter.window.line()
                )));
            }
            if builder.is_full(CHUNK) {
                let full = std::mem::replace(&mut builder, Builder::new(columns.names.len(), beside_has_nul));
                if !sink(full.finish(columns)) {
                    return Ok(());
                }
            }
        }
        while self.cutter.window.fill()? {}
        self.spans = Some(self.cutter.window.finish()?);
        if !builder.is_empty() {
            sink(builder.finish(columns));
        }
        Ok(())
    }

    /// Reads an element of the text as a record.
    fn add(&mut self, found: Found, builder: &mut Builder, columns: &mut Columns) -> Result<(), FormatError> {
        let (length, mut leaves) = (found.text.len(), Leaves::with_capacity(columns.names.len()));
        self.elements += 1;
        let line = match self.layout.counting {
            Counting::Records(_) => self.elements,
            Counting::Lines => found.line,
        };
        let read = match leaves.record(&found.text) {
            Ok(()) => {
                self.add_columns(found.line, &mut leaves)?;
                builder.add(line, &found.text, &leaves.cells, columns)
            }
            Err(why) => Err(Reject::new(found.line, Reason::NotJson, Vec::new()).detail(why)),
        };
        let is_record = read.is_ok();
        if let Err(reject) = read {
            builder.refuse(Reject { line: found.line, text: found.text, ..reject });
        }
        self.cutter.settle(length, if is_record { Span::Record } else { Span::Reject })
    }

    /// Adds the contents beside the records as columns of each.
    fn add_columns<'a>(&'a self, line: u64, leaves: &mut Leaves<'a>) -> Result<(), FormatError> {
        for (name, _) in &self.layout.columns {
            if leaves.cells.iter().any(|(own, _)| own == name) {
                return Err(FormatError::Refused(format!(
                    "beside: columns: {name:?} stands beside the records and in the one on line {line}: it would be two columns of one name"
                )));
            }
        }
        let beside = self.layout.columns.iter();
        leaves.cells.extend(beside.map(|(name, value)| (name.as_str().into(), value.as_deref().map(Cow::Borrowed))));
        Ok(())
    }
}

/// True if this fault is planted, so that tests see that the books find it.
fn is_planted(_fault: &str) -> bool {
    fail_point!(_fault, |_| true);
    false
}

#[cfg(test)]
mod tests;
