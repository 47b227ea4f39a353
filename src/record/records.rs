//! Records as they are cut out of a buffer: the cells are ranges of the buffer, so that a cell costs no allocation.

use std::borrow::Cow;

use arrow_array::ArrayRef;

use super::{Beside, Reject};
use crate::record::Columns;

/// The contents of one stretch of an input.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Records, each brought to the input's width.
    pub records: Records,
    /// Records that are refused: no text, a quote that is never closed, part of another table.
    pub rejects: Vec<Reject>,
    /// The contents beside the records that were found so far.
    pub beside: Vec<Beside>,
    /// True if records have keys that are no columns.
    pub has_unknown: bool,
}

impl Chunk {
    /// Number of records read, rejects included.
    pub fn rows(&self) -> u64 {
        (self.records.len() + self.rejects.len()) as u64
    }

    /// Bytes of the records and rejects in the input, estimated.
    pub fn bytes(&self) -> u64 {
        let columns = self.records.columns.as_ref().map_or(0, Columns::bytes);
        (self.records.text.len() + columns + self.rejects.iter().map(|reject| reject.text.len()).sum::<usize>()) as u64
    }
}

/// Records of one width over one buffer, or in typed columns.
#[derive(Debug, Default)]
pub struct Records {
    columns: Option<Columns>,
    /// The input's bytes, then the unescaped text of cells that held an escaped quote.
    text: String,
    cells: Vec<Cell>,
    rows: Vec<Row>,
    width: usize,
}

/// A range of the text, or NULL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub start: u32,
    pub end: u32,
    pub null: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub line: u64,
    pub start: u32,
    pub end: u32,
    pub width: Width,
    /// True if the record holds quotes that are not doubled.
    pub loose: bool,
}

/// The number of a record's own cells, compared with the input's width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The same number.
    Even,
    /// Fewer: the missing cells are NULL.
    Short,
    /// More: the other cells are in the surplus column.
    Long,
}

impl Records {
    /// `cells` holds `width` cells for each row; all ranges lie in `text` at character boundaries.
    pub(crate) fn new(text: String, cells: Vec<Cell>, rows: Vec<Row>, width: usize) -> Self {
        debug_assert_eq!(cells.len(), rows.len() * width);
        Records { columns: None, text, cells, rows, width }
    }

    /// Records from decoded columns.
    pub(crate) fn of_columns(columns: Columns) -> Self {
        Records { width: columns.width(), columns: Some(columns), ..Records::default() }
    }

    /// A decoded column, `None` for records cut from a text: its type is one of the file's, not the table's.
    pub fn column(&self, place: usize) -> Option<&ArrayRef> {
        self.columns.as_ref().map(|columns| columns.array(place))
    }

    /// No records, of this width.
    pub(crate) fn none(width: usize) -> Self {
        Records { width, ..Records::default() }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.columns.as_ref().map_or(self.rows.len(), Columns::rows)
    }

    /// True if there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of records with other letters than ASCII's.
    pub(crate) fn not_ascii(&self) -> u64 {
        if self.text.is_ascii() {
            return 0;
        }
        (0..self.rows.len()).filter(|row| !self.in_text(*row).is_ascii()).count() as u64
    }

    /// Keeps the first `rows` records.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
        self.cells.truncate(rows * self.width);
    }

    /// True if `is_one` accepts a record's text; only records of a text with an escape in it are looked at.
    pub(crate) fn find(&self, is_one: impl Fn(&[u8]) -> bool) -> bool {
        let escapes = memchr::memchr(0x1B, self.text.as_bytes()).is_some();
        escapes && (0..self.len()).any(|row| is_one(self.raw(row).as_bytes()))
    }

    /// Bytes of the records as they stand in the input, without their line ends.
    pub fn raw_bytes(&self) -> u64 {
        self.rows.iter().map(|row| u64::from(row.end - row.start)).sum()
    }

    /// Number of cells in each record.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The text of a cell, `None` for NULL.
    ///
    /// # Panics
    /// When there is no such row or place.
    #[inline]
    pub fn cell(&self, row: usize, place: usize) -> Option<&str> {
        debug_assert!(place < self.width);
        if let Some(columns) = &self.columns {
            return columns.cell(row, place);
        }
        let cell = self.cells[row * self.width + place];
        (!cell.null).then(|| &self.text[cell.start as usize..cell.end as usize])
    }

    /// The cells of these records in a column that are not NULL, each with its record.
    ///
    /// # Panics
    /// When there is no such cell.
    #[inline]
    pub(crate) fn cells_of<'a>(&'a self, rows: &'a [usize], place: usize) -> impl Iterator<Item = (usize, &'a str)> {
        rows.iter().filter_map(move |row| Some((*row, self.cell(*row, place)?)))
    }

    /// The number of cells that the record had, compared with the input's width.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn width_of(&self, row: usize) -> Width {
        match self.columns {
            Some(_) => Width::Even,
            None => self.rows[row].width,
        }
    }

    /// True if the record holds quotes that are not doubled.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn is_loose(&self, row: usize) -> bool {
        self.columns.is_none() && self.rows[row].loose
    }

    /// True if the record's cells are sure to stand under their own headers.
    ///
    /// # Panics
    /// When there is no such row.
    pub(crate) fn is_even(&self, row: usize) -> bool {
        self.width_of(row) == Width::Even && !self.is_loose(row)
    }

    /// The line of the input on which the record starts, from 1; a decoded record's number.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn line(&self, row: usize) -> u64 {
        self.columns.as_ref().map_or_else(|| self.rows[row].line, |columns| columns.number(row))
    }

    /// The start of the record in the text that it was cut from, in bytes.
    ///
    /// # Panics
    /// When there is no such row.
    pub(crate) fn start(&self, row: usize) -> usize {
        self.rows[row].start as usize
    }

    /// The record as it stands in the input, without its line end; a decoded record with commas.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn raw(&self, row: usize) -> Cow<'_, str> {
        match &self.columns {
            Some(columns) => Cow::Owned(columns.record(row)),
            None => Cow::Borrowed(self.in_text(row)),
        }
    }

    /// As [`Records::raw`], for records that were cut from a text.
    pub(crate) fn in_text(&self, row: usize) -> &str {
        &self.text[self.rows[row].start as usize..self.rows[row].end as usize]
    }
}
