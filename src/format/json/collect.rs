//! Collects records into chunks of one width, and the names of columns as they come up.

use std::collections::HashMap;

use super::Found;
use crate::format::records::{Cell, Row, Width};
use crate::format::{Chunk, Reason, Records, Reject};

/// Names of columns and their places.
#[derive(Debug, Default)]
pub(in crate::format) struct Columns {
    pub names: Vec<String>,
    places: HashMap<String, usize>,
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
        Columns { names, places, open: false }
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if !self.open {
            return None;
        }
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), self.names.len() - 1);
        Some(self.names.len() - 1)
    }
}

/// The records of one chunk while they are collected. While the columns still grow, records have the width they have at the end of the
/// chunk.
pub(super) struct Builder {
    pub(super) text: String,
    values: Vec<Vec<(usize, Cell)>>,
    pub(super) rows: Vec<Row>,
    pub(super) rejects: Vec<Reject>,
    width: usize,
}

impl Builder {
    pub(super) fn new(width: usize) -> Self {
        Builder { text: String::new(), values: Vec::new(), rows: Vec::new(), rejects: Vec::new(), width }
    }

    pub(super) fn add(&mut self, found: Found, cells: Vec<(String, Option<String>)>, columns: &mut Columns) {
        let Found { line, text } = found;
        let mut places: Vec<(usize, &Option<String>)> = Vec::with_capacity(cells.len());
        for (name, value) in &cells {
            let Some(place) = columns.place(name) else { continue };
            if places.iter().any(|(one, _)| *one == place) {
                self.rejects.push(Reject::new(line, Reason::RepeatedKey, text).column(Some(name.clone())));
                return;
            }
            places.push((place, value));
        }
        if cells.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.contains('\0'))) {
            self.rejects.push(Reject::new(line, Reason::Nul, text));
            return;
        }
        let start = self.text.len() as u32;
        self.text.push_str(&String::from_utf8_lossy(&text));
        self.rows.push(Row { line, start, end: self.text.len() as u32, width: Width::Even });
        let mut values = Vec::with_capacity(places.len());
        for (place, value) in places {
            let Some(value) = value else { continue };
            let start = self.text.len() as u32;
            self.text.push_str(value);
            values.push((place, Cell { start, end: self.text.len() as u32, null: false }));
        }
        self.values.push(values);
        self.width = columns.names.len();
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
            beside: Vec::new(),
        }
    }
}
