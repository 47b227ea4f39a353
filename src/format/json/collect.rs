//! Collects records into chunks of one width, and the names of columns as they come up.

use std::collections::{HashMap, HashSet};

use super::cut::Found;
use crate::format::records::{Cell, Row, Width};
use crate::format::{Beside, Chunk, Reason, Records, Reject};

/// Cells of one chunk, also those that are NULL, at most: where columns are many, records are few.
const MAX_CELLS: usize = 1024 * 1024;

/// Names of columns and their places.
#[derive(Debug, Default)]
pub(in crate::format) struct Columns {
    pub names: Vec<String>,
    places: HashMap<String, usize>,
    /// For each the number of the last record that has it.
    last: Vec<u64>,
    /// Bytes of the names.
    pub bytes: usize,
    records: u64,
    /// Whether new names are taken in.
    open: bool,
}

impl Columns {
    /// Takes in every name.
    pub(in crate::format) fn growing() -> Self {
        Columns { open: true, ..Columns::default() }
    }

    /// Knows these names.
    pub(in crate::format) fn of(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        let places = names.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        let last = vec![0; names.len()];
        Columns { names, places, last, ..Columns::default() }
    }

    /// The place of each of a record's names, `None` where it is not known; a name that stands there twice is an error.
    fn places<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<Vec<Option<usize>>, String> {
        self.records += 1;
        let before = self.names.len();
        let mut places = Vec::with_capacity(names.size_hint().0);
        // No record that is taken in has one: it was refused where the columns still grew.
        let mut unknown = HashSet::new();
        for name in names {
            let place = self.place(name);
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
        Ok(places)
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

/// The records of one chunk while they are collected. While the columns still grow, records have the width they have at the end of the
/// chunk.
pub(super) struct Builder {
    text: String,
    values: Vec<Vec<(usize, Cell)>>,
    rows: Vec<Row>,
    pub(super) rejects: Vec<Reject>,
    pub(super) beside: Vec<Beside>,
    /// Bytes of the rejects.
    refused: usize,
    width: usize,
}

impl Builder {
    pub(super) fn new(width: usize) -> Self {
        Builder {
            text: String::new(),
            values: Vec::new(),
            rows: Vec::new(),
            rejects: Vec::new(),
            beside: Vec::new(),
            refused: 0,
            width,
        }
    }

    pub(super) fn refuse(&mut self, reject: Reject) {
        self.refused += reject.text.len();
        self.rejects.push(reject);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.rejects.is_empty() && self.beside.is_empty()
    }

    /// Whether it holds about as much as a chunk should.
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.text.len() + self.refused > most || self.rows.len() * self.width > MAX_CELLS
    }

    /// Takes a record in, told from others by its `number` or else by its line; `false` where it is refused.
    pub(super) fn add(
        &mut self,
        found: Found,
        number: Option<u64>,
        cells: &[(String, Option<String>)],
        columns: &mut Columns,
    ) -> bool {
        let Found { line, text } = found;
        let text = match String::from_utf8(text) {
            Ok(text) => text,
            Err(error) => {
                self.refuse(Reject::new(line, Reason::WrongByte, error.into_bytes()));
                return false;
            }
        };
        let has_nul = |(name, value): &(String, Option<String>)| {
            name.contains('\0') || value.as_ref().is_some_and(|value| value.contains('\0'))
        };
        if cells.iter().any(has_nul) {
            self.refuse(Reject::new(line, Reason::Nul, text));
            return false;
        }
        let places = match columns.places(cells.iter().map(|(name, _)| name.as_str())) {
            Ok(places) => places,
            Err(name) => {
                self.refuse(Reject::new(line, Reason::RepeatedKey, text).column(Some(name)));
                return false;
            }
        };
        let start = self.text.len() as u32;
        self.text.push_str(&text);
        let line = number.unwrap_or(line);
        self.rows.push(Row { line, start, end: self.text.len() as u32, width: Width::Even, loose: false });
        let mut values = Vec::with_capacity(places.len());
        for (place, (_, value)) in std::iter::zip(places, cells) {
            let (Some(place), Some(value)) = (place, value) else { continue };
            let start = self.text.len() as u32;
            self.text.push_str(value);
            values.push((place, Cell { start, end: self.text.len() as u32, null: false }));
        }
        self.values.push(values);
        self.width = columns.names.len();
        true
    }

    pub(super) fn finish(self) -> Chunk {
        let null = Cell { start: 0, end: 0, null: true };
        let mut cells = vec![null; self.rows.len() * self.width];
        for (row, values) in self.values.into_iter().enumerate() {
            for (place, cell) in values {
                cells[row * self.width + place] = cell;
            }
        }
        Chunk {
            records: Records::new(self.text, cells, self.rows, self.width),
            rejects: self.rejects,
            beside: self.beside,
        }
    }
}
