//! Rows that are sent together, as one text. One thread fills a batch and another one empties it: memory that is taken in
//! one and given back in the other costs far more than to copy the cells, and so a batch has two pieces of it, not one
//! for each cell.

use super::Row;

/// Rows and bytes of a batch: the first of the two that is reached ends it.
const ROWS: usize = 1024;
const BYTES: usize = 256 * 1024;

/// Rows, up to those of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    rows: usize,
    /// The cells of all rows, behind each other.
    text: String,
    /// The bytes of each cell in `text`; `None` for NULL.
    cells: Vec<Option<usize>>,
}

impl Batch {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends a row, with as many cells as those before it; returns true if the batch is full.
    pub(super) fn push(&mut self, row: &Row) -> bool {
        for cell in row.iter() {
            self.text.push_str(cell.as_deref().unwrap_or_default());
            self.cells.push(cell.as_ref().map(String::len));
        }
        self.rows += 1;
        self.rows >= ROWS || self.text.len() >= BYTES
    }
}

impl IntoIterator for Batch {
    type Item = Row;
    type IntoIter = BatchRows;

    fn into_iter(self) -> BatchRows {
        let width = self.cells.len().checked_div(self.rows).unwrap_or(0);
        BatchRows { rows: self.rows, width, text: self.text, at: 0, cells: self.cells.into_iter() }
    }
}

/// The rows of a batch, one after the other.
pub struct BatchRows {
    /// The number of rows that are left.
    rows: usize,
    width: usize,
    text: String,
    /// The bytes of `text` that were taken.
    at: usize,
    cells: std::vec::IntoIter<Option<usize>>,
}

impl Iterator for BatchRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.rows = self.rows.checked_sub(1)?;
        let BatchRows { width, text, at, cells, .. } = self;
        let mut cell = |length: Option<usize>| {
            let begin = *at;
            *at += length?;
            Some(text[begin..*at].to_owned())
        };
        Some(cells.take(*width).map(&mut cell).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let row = |cells: &[Option<&str>]| -> Row { cells.iter().map(|cell| cell.map(str::to_owned)).collect() };
        let rows = [row(&[Some("a"), None, Some("")]), row(&[None, Some("äß\n"), Some("1")])];
        let mut batch = Batch::default();
        assert!(rows.iter().all(|row| !batch.push(row)));
        assert_eq!(batch.rows(), 2);
        assert_eq!(batch.into_iter().collect::<Vec<_>>(), rows);
        // A select without columns has rows, too.
        let mut batch = Batch::default();
        batch.push(&row(&[]));
        batch.push(&row(&[]));
        assert_eq!(batch.into_iter().collect::<Vec<_>>(), [row(&[]), row(&[])]);
        assert_eq!(Batch::default().into_iter().next(), None);
    }

    #[test]
    fn a_batch_ends_by_its_rows_or_bytes() {
        let row = |text: String| -> Row { [Some(text)].into_iter().collect() };
        let mut batch = Batch::default();
        assert_eq!((1..).find(|_| batch.push(&row("1".to_owned()))), Some(ROWS));
        let mut batch = Batch::default();
        assert!(!batch.push(&row("1".to_owned())) && batch.push(&row("x".repeat(BYTES))));
    }
}
