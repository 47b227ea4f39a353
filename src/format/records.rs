//! Records as they are cut out of a buffer: the cells are ranges of it, so that a cell costs no allocation.

use super::{Beside, Reject};

/// What one stretch of an input holds.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Records, each brought to the input's width.
    pub records: Records,
    /// Records that are none: no text, a quote that is never closed, part of another table.
    pub rejects: Vec<Reject>,
    /// What stands beside the records, as far as it was come upon.
    pub beside: Vec<Beside>,
}

impl Chunk {
    /// Records read, the bad ones included.
    pub fn rows(&self) -> u64 {
        (self.records.len() + self.rejects.len()) as u64
    }

    /// About as many bytes as they take in the input.
    pub fn bytes(&self) -> u64 {
        (self.records.text.len() + self.rejects.iter().map(|reject| reject.text.len()).sum::<usize>()) as u64
    }
}

/// Records of one width over one buffer.
#[derive(Debug, Default)]
pub struct Records {
    /// The input's bytes, then the unescaped text of cells that held an escaped quote.
    text: String,
    cells: Vec<Cell>,
    rows: Vec<Row>,
    width: usize,
}

/// A range of the text, or NULL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub start: u32,
    pub end: u32,
    pub null: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub line: u64,
    pub start: u32,
    pub end: u32,
    pub width: Width,
}

/// How a record's own number of cells compares with the input's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The same.
    Even,
    /// Fewer: the rest is NULL.
    Short,
    /// More: the rest is in the surplus column.
    Long,
}

impl Records {
    /// `cells` holds `width` cells for each row, all ranges lie in `text` at character boundaries.
    pub(super) fn new(text: String, cells: Vec<Cell>, rows: Vec<Row>, width: usize) -> Self {
        debug_assert_eq!(cells.len(), rows.len() * width);
        Records { text, cells, rows, width }
    }

    /// No record, of this width.
    pub(super) fn none(width: usize) -> Self {
        Records { width, ..Records::default() }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of records with other letters than ASCII's.
    pub(super) fn not_ascii(&self) -> u64 {
        if self.text.is_ascii() {
            return 0;
        }
        (0..self.len()).filter(|row| !self.raw(*row).is_ascii()).count() as u64
    }

    /// Whether a record's text is one that `is_one` looks for, which begins somewhere with an escape.
    pub(super) fn find(&self, is_one: impl Fn(&[u8]) -> bool) -> bool {
        let escapes = memchr::memchr(0x1B, self.text.as_bytes()).is_some();
        escapes && (0..self.len()).any(|row| is_one(self.raw(row).as_bytes()))
    }

    /// Bytes of the records as they stand in the input, without their line ends.
    pub fn raw_bytes(&self) -> u64 {
        self.rows.iter().map(|row| u64::from(row.end - row.start)).sum()
    }

    /// Number of cells of each record.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The text of a cell, `None` for NULL.
    ///
    /// # Panics
    /// When there is no such row or place.
    pub fn cell(&self, row: usize, place: usize) -> Option<&str> {
        debug_assert!(place < self.width);
        let cell = self.cells[row * self.width + place];
        (!cell.null).then(|| &self.text[cell.start as usize..cell.end as usize])
    }

    /// How many cells the record had.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn width_of(&self, row: usize) -> Width {
        self.rows[row].width
    }

    /// The line of the input on which the record starts, from 1.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn line(&self, row: usize) -> u64 {
        self.rows[row].line
    }

    /// Where the record starts in the text that it was cut from.
    ///
    /// # Panics
    /// When there is no such row.
    pub(super) fn start(&self, row: usize) -> usize {
        self.rows[row].start as usize
    }

    /// The record as it stands in the input, without its line end.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn raw(&self, row: usize) -> &str {
        &self.text[self.rows[row].start as usize..self.rows[row].end as usize]
    }
}
