//! Collects records into chunks of one width, and the names of columns as they are found.

use std::collections::{HashMap, HashSet};

use memchr::memmem;

use super::flatten::Leaf;
use crate::record::{Beside, Chunk, Reason, Records, Reject};
use crate::record::{Cell, Row, Width};

/// Cells of one chunk, NULL included, at most: many columns make few records.
const MAX_CELLS: usize = 1024 * 1024;

/// Names of columns and their places.
#[derive(Debug, Default)]
pub(in crate::format) struct Columns {
    pub names: Vec<String>,
    places: HashMap<String, usize>,
    /// For each column the number of the last record that has it.
    last: Vec<u64>,
    /// Bytes of the names, all together.
    pub bytes: usize,
    records: u64,
    /// True if new names become columns.
    open: bool,
    /// True if other names were found that are no columns.
    unknown: bool,
}

impl Columns {
    /// Columns that grow with every new name.
    pub(in crate::format) fn growing() -> Self {
        Columns { open: true, ..Columns::default() }
    }

    /// Columns of these names only.
    pub(in crate::format) fn of(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        let places = names.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        let last = vec![0; names.len()];
        Columns { names, places, last, ..Columns::default() }
    }

    /// Puts the place of each of a record's names to `places`, `None` if it is unknown; a name that stands there twice
    /// is an error.
    fn places<'a>(
        &mut self,
        names: impl Iterator<Item = &'a str>,
        places: &mut Vec<Option<usize>>,
    ) -> Result<(), String> {
        self.records += 1;
        let before = self.names.len();
        // No accepted record repeats an unknown name: it was refused while the columns still grew.
        let (mut unknown, mut next) = (HashSet::new(), 0);
        for name in names {
            // Nearly all records have the same names in the same order.
            let place = match self.names.get(next) {
                Some(usual) if usual == name => Some(next),
                _ => self.place(name),
            };
            next = place.map_or(next, |place| place + 1);
            let is_repeated = match place {
                Some(place) => std::mem::replace(&mut self.last[place], self.records) == self.records,
                None => !unknown.insert(name),
            };
            if is_repeated {
                for new in self.names.drain(before..) {
                    self.places.remove(&new);
                    self.bytes -= new.len();
                }
                self.last.truncate(before);
                return Err(name.to_owned());
            }
            places.push(place);
        }
        self.unknown |= !unknown.is_empty();
        Ok(())
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if !self.open {
            return None;
        }
        self.bytes += name.len();
        self.names.push(name.to_owned());
        self.last.push(0);
        self.places.insert(name.to_owned(), self.names.len() - 1);
        Some(self.names.len() - 1)
    }
}

/// The records of one chunk while they are collected. While the columns still grow, records have the width that they
/// have at the end of the chunk.
pub(super) struct Builder {
    text: String,
    /// The values of all records, each with the place of its column.
    values: Vec<(usize, Cell)>,
    /// For each record the number of values up to its end.
    ends: Vec<usize>,
    rows: Vec<Row>,
    pub(super) rejects: Vec<Reject>,
    pub(super) beside: Vec<Beside>,
    /// Bytes of the rejects.
    refused: usize,
    width: usize,
    /// The places of the names of the record that is being added.
    places: Vec<Option<usize>>,
    /// True if a NUL stands in a value beside the records that is a column of each.
    beside_has_nul: bool,
}

impl Builder {
    pub(super) fn new(width: usize, beside_has_nul: bool) -> Self {
        Builder {
            text: String::new(),
            values: Vec::new(),
            ends: Vec::new(),
            rows: Vec::new(),
            rejects: Vec::new(),
            beside: Vec::new(),
            refused: 0,
            width,
            places: Vec::new(),
            beside_has_nul,
        }
    }

    pub(super) fn refuse(&mut self, reject: Reject) {
        self.refused += reject.text.len();
        self.rejects.push(reject);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.rejects.is_empty() && self.beside.is_empty()
    }

    /// True if it holds about as much as a chunk should.
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.text.len() + self.refused > most || self.rows.len() * self.width > MAX_CELLS
    }

    /// Adds a record, told from others by its `line`, with its text and the values in it; an error is a reject without
    /// the text.
    pub(super) fn add(
        &mut self,
        line: u64,
        raw: &[u8],
        cells: &[Leaf<'_>],
        columns: &mut Columns,
    ) -> Result<(), Reject> {
        let reject = |reason| Reject::new(line, reason, Vec::new());
        let Ok(text) = std::str::from_utf8(raw) else { return Err(reject(Reason::WrongByte)) };
        let has_nul =
            |(name, value): &Leaf<'_>| name.contains('\0') || value.as_ref().is_some_and(|value| value.contains('\0'));
        // Only an escape gives a NUL; the values beside the records were checked before.
        let may_have_nul = memmem::find(raw, b"\\u0000").is_some() || self.beside_has_nul;
        if may_have_nul && cells.iter().any(has_nul) {
            return Err(reject(Reason::Nul));
        }
        self.places.clear();
        let places = columns.places(cells.iter().map(|(name, _)| &**name), &mut self.places);
        places.map_err(|name| reject(Reason::RepeatedKey).column(Some(name)))?;
        let start = self.text.len();
        self.text.push_str(text);
        self.rows.push(Row {
            line,
            start: start as u32,
            end: self.text.len() as u32,
            width: Width::Even,
            loose: false,
        });
        for (place, (_, value)) in std::iter::zip(&self.places, cells) {
            let (Some(place), Some(value)) = (place, value) else { continue };
            // A value that stands in the record unescaped needs no room of its own.
            let (from, length) = match place_in(text, value) {
                Some(at) => (start + at, value.len()),
                None => {
                    let at = self.text.len();
                    self.text.push_str(value);
                    (at, value.len())
                }
            };
            let cell = Cell { start: from as u32, end: (from + length) as u32, null: false };
            self.values.push((*place, cell));
        }
        self.ends.push(self.values.len());
        self.width = columns.names.len();
        Ok(())
    }

    /// The chunk of the records, under these columns.
    pub(super) fn finish(self, columns: &Columns) -> Chunk {
        let null = Cell { start: 0, end: 0, null: true };
        let mut cells = vec![null; self.rows.len() * self.width];
        let mut values = self.values.into_iter();
        let mut from = 0;
        for (row, end) in self.ends.into_iter().enumerate() {
            for (place, cell) in values.by_ref().take(end - from) {
                cells[row * self.width + place] = cell;
            }
            from = end;
        }
        Chunk {
            records: Records::new(self.text, cells, self.rows, self.width),
            rejects: self.rejects,
            beside: self.beside,
            has_unknown: columns.unknown,
        }
    }
}

/// The place of a part within a text; `None` if it is no part of it.
fn place_in(text: &str, part: &str) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (at + part.len() <= text.len()).then_some(at)
}
