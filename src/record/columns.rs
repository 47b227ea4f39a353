//! Records that were decoded into typed columns. The text of a whole column is made when one of its cells is first
//! asked for.

use std::sync::OnceLock;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::DataType;

use super::column_text::is_known;
use super::write_record;
use crate::record::column_text;

/// Typed columns of one length.
#[derive(Debug)]
pub(crate) struct Columns {
    batch: RecordBatch,
    texts: Vec<OnceLock<StringArray>>,
    /// The number of the first record in the input, from 1.
    first: u64,
    /// The size of the records in the input, in bytes, estimated.
    bytes: usize,
}

impl Columns {
    /// Takes columns of the types that [`is_known`] accepts.
    ///
    /// # Errors
    /// The type of the first column that is not decoded.
    pub(crate) fn new(batch: RecordBatch, first: u64, bytes: usize) -> Result<Columns, DataType> {
        if let Some(other) = batch.columns().iter().find(|column| !is_known(column.data_type())) {
            return Err(other.data_type().clone());
        }
        let texts = (0..batch.num_columns()).map(|_| OnceLock::new()).collect();
        Ok(Columns { batch, texts, first, bytes })
    }

    pub(crate) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub(crate) fn width(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn array(&self, place: usize) -> &ArrayRef {
        self.batch.column(place)
    }

    /// The number of a record in the input, from 1.
    pub(crate) fn number(&self, row: usize) -> u64 {
        self.first + row as u64
    }

    /// The text of a cell, `None` for NULL.
    pub(crate) fn cell(&self, row: usize, place: usize) -> Option<&str> {
        let texts = self.texts[place].get_or_init(|| column_text(self.array(place)));
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// A record as text with commas.
    pub(crate) fn record(&self, row: usize) -> String {
        let mut text = Vec::new();
        // Writing to memory does not fail.
        let _ = write_record(&mut text, (0..self.width()).map(|place| self.cell(row, place)));
        text.pop();
        String::from_utf8(text).unwrap_or_default()
    }
}
