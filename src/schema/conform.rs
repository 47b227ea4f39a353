//! Records become typed columns, or rejects: what does not read back from its column's type is never written.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};

use super::{Column, Type, infer};
use crate::format::{Records, Reject};

/// The column that names the load a row came with (bigint).
pub const LOAD_COLUMN: &str = "_load_id";
/// The column that holds the line of the input on which the row's record starts (bigint).
pub const LINE_COLUMN: &str = "_line";

/// Typed columns, and the records that do not fit them.
#[derive(Debug)]
pub struct Conformed {
    /// The columns in the input's order, then [`LOAD_COLUMN`] and [`LINE_COLUMN`]. Text and numeric are Utf8
    /// (a numeric keeps its digits), the other types are Arrow's own; timestamps are in microseconds.
    pub batch: RecordBatch,
    /// One for each record that is not in the batch, in their order.
    pub rejects: Vec<Reject>,
}

/// Makes typed columns of records. `columns` stand in the records' order and have the types of the table.
///
/// # Errors
/// When Arrow refuses the columns, which would be a fault of this function.
pub fn conform(records: &Records, columns: &[Column], load_id: i64) -> Result<Conformed, ArrowError> {
    let every: Vec<usize> = (0..records.len()).collect();
    let mut bad = BTreeMap::new();
    let batch = typed(records, &every, columns, load_id, &mut bad)?;
    if bad.is_empty() {
        return Ok(Conformed { batch, rejects: Vec::new() });
    }
    let good: Vec<usize> = every.into_iter().filter(|row| !bad.contains_key(row)).collect();
    let batch = typed(records, &good, columns, load_id, &mut BTreeMap::new())?;
    let rejects = bad
        .into_iter()
        .map(|(row, place)| Reject {
            line: records.line(row),
            column: Some(columns[place].header.clone()),
            reason: format!("not a {}: {:?}", columns[place].kind(), records.cell(row, place).unwrap_or_default()),
            text: records.raw(row).as_bytes().to_vec(),
        })
        .collect();
    Ok(Conformed { batch, rejects })
}

fn typed(
    records: &Records,
    rows: &[usize],
    columns: &[Column],
    load_id: i64,
    bad: &mut BTreeMap<usize, usize>,
) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(columns.len() + 2);
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len() + 2);
    for (place, column) in columns.iter().enumerate() {
        let mut cells = Cells { records, rows, place, bad };
        let array = cells.array(column.kind());
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let lines = rows.iter().map(|row| i64::try_from(records.line(*row)).unwrap_or(i64::MAX));
    for (name, array) in
        [(LOAD_COLUMN, Int64Array::from_value(load_id, rows.len())), (LINE_COLUMN, Int64Array::from_iter_values(lines))]
    {
        fields.push(Field::new(name, DataType::Int64, false));
        arrays.push(Arc::new(array));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// One column of the records.
struct Cells<'a> {
    records: &'a Records,
    rows: &'a [usize],
    place: usize,
    /// Rows that cannot be loaded, with the first column at fault.
    bad: &'a mut BTreeMap<usize, usize>,
}

impl Cells<'_> {
    fn array(&mut self, kind: Type) -> ArrayRef {
        let rows = self.rows.len();
        match kind {
            Type::Bigint => {
                let mut array = Int64Builder::with_capacity(rows);
                self.each(|text| text.parse().ok(), |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Double => {
                let mut array = Float64Builder::with_capacity(rows);
                self.each(|text| text.parse().ok(), |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Boolean => {
                let mut array = BooleanBuilder::with_capacity(rows);
                self.each(infer::read_boolean, |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Date => {
                let mut array = Date32Builder::with_capacity(rows);
                let epoch = chrono::NaiveDate::default();
                self.each(
                    |text| i32::try_from((infer::read_date(text)? - epoch).num_days()).ok(),
                    |value| array.append_option(value),
                );
                Arc::new(array.finish())
            }
            Type::Timestamp => {
                let mut array = TimestampMicrosecondBuilder::with_capacity(rows);
                self.each(
                    |text| Some(infer::read_timestamp(text)?.and_utc().timestamp_micros()),
                    |value| array.append_option(value),
                );
                Arc::new(array.finish())
            }
            Type::Timestamptz => {
                let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let mut array = TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(utc);
                self.each(
                    |text| Some(infer::read_timestamptz(text)?.timestamp_micros()),
                    |value| array.append_option(value),
                );
                Arc::new(array.finish())
            }
            Type::Numeric | Type::Text => {
                let mut array = StringBuilder::with_capacity(rows, rows * 16);
                for &row in self.rows {
                    array.append_option(self.records.cell(row, self.place));
                }
                Arc::new(array.finish())
            }
        }
    }

    fn each<T>(&mut self, read: impl Fn(&str) -> Option<T>, mut append: impl FnMut(Option<T>)) {
        for &row in self.rows {
            let cell = self.records.cell(row, self.place);
            let value = cell.and_then(&read);
            if cell.is_some() && value.is_none() {
                self.bad.entry(row).or_insert(self.place);
            }
            append(value);
        }
    }
}
