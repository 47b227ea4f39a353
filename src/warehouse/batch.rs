//! Rows that are sent together.

use super::Row;

/// Rows and bytes of a batch: the first of the two that is reached ends it.
const ROWS: usize = 1024;
const BYTES: usize = 256 * 1024;

/// Rows, up to those of a batch.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    bytes: usize,
}

impl Batch {
    /// Appends a row; returns true if the batch is full.
    pub(super) fn push(&mut self, row: Row) -> bool {
        self.bytes += row.iter().flatten().map(String::len).sum::<usize>();
        self.rows.push(row);
        self.rows.len() >= ROWS || self.bytes >= BYTES
    }
}
