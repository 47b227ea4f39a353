//! Conforming of records to typed columns, or to rejects: a value is written only if its column's type gives it back.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowTimestampType, Date32Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{Array, ArrayRef, Int64Array, PrimitiveArray, RecordBatch, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use arrow_select::take::take;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::by_format::{date_by, timestamp_by, timestamptz_by};
use super::filter::Datum;
use super::{Column, Form, ProjectedColumn, Projection, Type, exact, infer, key, moment};
use crate::record::{Reason, Records, Reject, Width};

/// Column with the number of the load that brought the row (bigint).
pub const LOAD_COLUMN: &str = "_load_id";
/// Column with the line of the input on which the row's record starts (bigint).
pub const LINE_COLUMN: &str = "_line";
/// Column with the cells that a record has beyond its header, as an array in JSON (text). A table gets it with the
/// first such record.
pub const EXTRA_COLUMN: &str = "_extra";
/// Columns of Sluice's own, which no file has.
/// The columns of a staging table that no file has.
pub const OWN_COLUMNS: [&str; 3] = [LOAD_COLUMN, LINE_COLUMN, EXTRA_COLUMN];

/// Typed columns, and the records that do not fit them.
#[derive(Debug)]
pub struct Conformed {
    /// The shape's columns, then [`LOAD_COLUMN`] and [`LINE_COLUMN`]. Text and numeric are Utf8 (a numeric keeps its
    /// digits), the other types are Arrow's own; timestamps are in microseconds.
    pub batch: RecordBatch,
    /// Records that neither the batch nor the filter took, in their order.
    pub rejects: Vec<Reject>,
    /// Number of records that the filter does not keep.
    pub filtered: u64,
    /// Records in the batch that had fewer cells than the header.
    pub padded: u64,
    /// Records in the batch that had more cells than the header.
    pub extended: u64,
}

/// Conforms records to typed columns. The shape's columns have the types of the table.
///
/// # Errors
/// An error of Arrow about the columns, which would be a fault of this function.
pub fn conform(records: &Records, shape: &Projection, load_id: i64) -> Result<Conformed, ArrowError> {
    let mut kept: Vec<usize> = (0..records.len()).filter(|row| keeps(records, shape, *row)).collect();
    let filtered = (records.len() - kept.len()) as u64;
    let long = key::long_keys(records, &kept, &shape.columns);
    kept.retain(|row| !long.contains_key(row));
    let mut bad = BTreeMap::new();
    let mut batch = typed(records, &kept, &shape.columns, load_id, &mut bad)?;
    let mut good = kept;
    if !bad.is_empty() {
        good.retain(|row| !bad.contains_key(row));
        batch = typed(records, &good, &shape.columns, load_id, &mut BTreeMap::new())?;
    }
    let reject = |(row, at): (usize, usize)| {
        let shaped = &shape.columns[at];
        let ProjectedColumn { column, place, .. } = shaped;
        let cells = exact::other_width(records, row);
        let (reason, detail) = match (records.cell(row, *place), value(records, row, shaped)) {
            (Some(text), Some(value)) => {
                let stated = shaped.as_stated();
                let shaped = stated.as_ref().filter(|stated| !is_of_type(value, stated)).unwrap_or(shaped);
                (Reason::NotOfType, format!("{text:?} {}{cells}", exact::refusal(value, shaped)))
            }
            _ => (Reason::Required, cells.trim_start_matches(", and ").to_owned()),
        };
        (row, rejected(records, row, reason, detail, column))
    };
    let mut rejects: Vec<_> = bad.into_iter().map(reject).collect();
    rejects.extend(long.into_iter().map(|(row, (at, detail))| {
        (row, rejected(records, row, Reason::KeyTooLong, detail, &shape.columns[at].column))
    }));
    rejects.sort_by_key(|(row, _)| *row);
    let rejects = rejects.into_iter().map(|(_, reject)| reject).collect();
    let count = |width| good.iter().filter(|row| records.width_of(**row) == width).count() as u64;
    Ok(Conformed { batch, rejects, filtered, padded: count(Width::Short), extended: count(Width::Long) })
}

fn rejected(records: &Records, row: usize, reason: Reason, detail: String, column: &Column) -> Reject {
    let header = if column.header.is_empty() { &column.name } else { &column.header };
    Reject::new(records.line(row), reason, records.raw(row).into_owned()).detail(detail).column(Some(header.clone()))
}

/// True if the filter keeps a record. A record with a value that is none of its column's type is kept, to be refused.
fn keeps(records: &Records, shape: &Projection, row: usize) -> bool {
    let Some((filter, columns)) = &shape.filter else { return true };
    let datum = |shaped: &ProjectedColumn| value(records, row, shaped).map(|text| datum(text, shaped));
    if columns.iter().any(|shaped| datum(shaped).is_some_and(|datum| datum.is_none())) {
        return true;
    }
    filter.keeps(&|name| datum(columns.iter().find(|shaped| shaped.column.name == name)?)?)
}

/// Reads a cell's value by its column's type; `None` if it is no value of that type.
fn datum<'a>(text: &'a str, shaped: &ProjectedColumn) -> Option<Datum<'a>> {
    let day = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    Some(match shaped.column.kind() {
        Type::Double => Datum::Number(read_double(&number(text, shaped)?, shaped)?),
        Type::Bigint | Type::Numeric => Datum::Number(number(text, shaped)?.parse().ok()?),
        Type::Boolean => Datum::Bool(truth(text, shaped)?),
        Type::Date => Datum::Timestamp(day(read_date(text, shaped)?)),
        Type::Timestamp => Datum::Timestamp(read_timestamp(text, shaped)?.and_utc().timestamp_micros()),
        Type::Timestamptz => Datum::Timestamp(read_timestamptz(text, shaped)?.timestamp_micros()),
        Type::Text => Datum::Text(text),
    })
}

/// True if a value is of its column's type.
fn is_of_type(text: &str, shaped: &ProjectedColumn) -> bool {
    match shaped.column.kind() {
        Type::Bigint => number(text, shaped).is_some_and(|plain| plain.parse::<i64>().is_ok()),
        Type::Numeric => number(text, shaped).is_some_and(|plain| infer::is_decimal(&plain)),
        _ => datum(text, shaped).is_some(),
    }
}

/// A number as programs write it, even if its type was not declared.
fn number<'a>(text: &'a str, shaped: &ProjectedColumn) -> Option<Cow<'a, str>> {
    shaped.notation.plain_number(text, shaped.native).filter(|plain| !exact::is_code(plain))
}

/// A truth, in the column's spelling unless its type was declared.
fn truth(text: &str, shaped: &ProjectedColumn) -> Option<bool> {
    let truth = shaped.notation.read_truth(text, shaped.native)?;
    let is_spelled = || shaped.column.fits.and(shaped.notation.fits(text, shaped.native)).has(Type::Boolean);
    (shaped.declared || is_spelled()).then_some(truth)
}

/// Reads a double that gives the text back, or the nearest one for a declared column. A text beyond its range is none,
/// and neither is a word such as `inf` unless the file has real doubles. `-0.0` is 0.
fn read_double(text: &str, shaped: &ProjectedColumn) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    if value.is_finite() && !shaped.declared && !infer::number(text).has(Type::Double) {
        return None;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if value == 0.0 {
        return is_zero.then_some(0.0);
    }
    (value.is_finite() || (shaped.real && matches!(text, "NaN" | "Infinity" | "-Infinity"))).then_some(value)
}

fn read_date(text: &str, shaped: &ProjectedColumn) -> Option<NaiveDate> {
    let Some(format) = &shaped.format else { return moment::read_date(text) };
    let iso = || moment::read_date(text).filter(|_| shaped.iso);
    date_by(text, format).or_else(iso)
}

fn read_timestamp(text: &str, shaped: &ProjectedColumn) -> Option<NaiveDateTime> {
    if shaped.overruled == Some(Type::Date) {
        return read_date(text, shaped).map(|day| day.and_time(NaiveTime::MIN));
    }
    // A day is midnight if that was said, or if no other moment of the column is one.
    let may = |form: Form| shaped.declared || shaped.column.fits.is_written(form);
    let midnight = || moment::read_date(text).filter(|_| may(Form::Day)).map(|day| day.and_time(NaiveTime::MIN));
    let Some(format) = &shaped.format else {
        let moment = moment::read_timestamp(text).filter(|at| may(Form::Clock) || at.time() != NaiveTime::MIN);
        return moment.or_else(midnight);
    };
    let iso = || moment::read_timestamp(text).or_else(midnight).filter(|_| shaped.iso);
    timestamp_by(text, format).or_else(iso)
}

fn read_timestamptz(text: &str, shaped: &ProjectedColumn) -> Option<DateTime<Utc>> {
    match &shaped.format {
        None => moment::read_timestamptz(text),
        Some(format) => timestamptz_by(text, format),
    }
}

/// A cell's text; `None` for NULL, for a word for NULL, and for an empty text in a column of another type than text.
pub(super) fn value<'a>(records: &'a Records, row: usize, shaped: &ProjectedColumn) -> Option<&'a str> {
    values(records, shaped)(row)
}

/// The [`value`] of each row of a column.
#[inline]
fn values<'a>(records: &'a Records, shaped: &ProjectedColumn) -> impl Fn(usize) -> Option<&'a str> {
    let ProjectedColumn { notation, place, .. } = shaped;
    let kind = shaped.overruled.unwrap_or(shaped.column.kind());
    let is_plain = notation.is_plain();
    let is_box = !is_plain && kind == Type::Boolean && notation.reads_empty();
    let takes_empty = kind == Type::Text || is_box;
    move |row| {
        let mut cell = records.cell(row, *place);
        if is_box && shaped.delimited && records.width_of(row) != Width::Short {
            cell = cell.or(Some(""));
        }
        let cell = if is_plain { cell } else { notation.value(cell) };
        cell.filter(|text| takes_empty || !text.is_empty())
    }
}

fn typed(
    records: &Records,
    rows: &[usize],
    columns: &[ProjectedColumn],
    load_id: i64,
    bad: &mut BTreeMap<usize, usize>,
) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(columns.len() + 2);
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len() + 2);
    for (at, shaped) in columns.iter().enumerate() {
        let mut cells = Cells { records, rows, at, shaped, bad };
        let array = cells.array(shaped.column.kind());
        fields.push(Field::new(&shaped.column.name, array.data_type().clone(), true));
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

/// A decoded column in a table's type, with NULL for values of other types; `None` if it has to be read from its text.
fn native(column: &ArrayRef, kind: Type) -> Option<ArrayRef> {
    match (kind, column.data_type()) {
        (Type::Bigint, DataType::Int64)
        | (Type::Double, DataType::Float64)
        | (Type::Boolean, DataType::Boolean)
        | (Type::Text, DataType::Utf8) => Some(Arc::clone(column)),
        (Type::Date, DataType::Date32) => {
            let days = column.as_primitive::<Date32Type>();
            Some(Arc::new(days.unary_opt::<_, Date32Type>(|day| moment::is_day(day).then_some(day))))
        }
        (Type::Timestamp, DataType::Timestamp(unit, None))
        | (Type::Timestamptz, DataType::Timestamp(unit, Some(_))) => {
            let micros = match unit {
                TimeUnit::Nanosecond => exact::<TimestampNanosecondType>(column),
                TimeUnit::Microsecond => exact::<TimestampMicrosecondType>(column),
                TimeUnit::Millisecond => exact::<TimestampMillisecondType>(column),
                TimeUnit::Second => return None,
            };
            Some(Arc::new(micros.with_timezone_opt((kind == Type::Timestamptz).then_some("UTC"))))
        }
        _ => None,
    }
}

fn exact<T: ArrowTimestampType>(column: &ArrayRef) -> PrimitiveArray<TimestampMicrosecondType> {
    column.as_primitive::<T>().unary_opt(|value| moment::exact_micros(value, T::UNIT))
}

/// One column of the records.
struct Cells<'a> {
    records: &'a Records,
    rows: &'a [usize],
    /// Index of the column.
    at: usize,
    shaped: &'a ProjectedColumn,
    /// Rows that cannot be loaded, with the first column at fault.
    bad: &'a mut BTreeMap<usize, usize>,
}

impl Cells<'_> {
    fn array(&mut self, kind: Type) -> ArrayRef {
        if let Some(decoded) = self.decoded(kind) {
            return decoded;
        }
        let rows = self.rows.len();
        match kind {
            Type::Bigint => {
                let mut array = Int64Builder::with_capacity(rows);
                let shaped = self.shaped;
                self.each(|text| number(text, shaped)?.parse().ok(), |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Double => {
                let mut array = Float64Builder::with_capacity(rows);
                let shaped = self.shaped;
                self.each(|text| read_double(&number(text, shaped)?, shaped), |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Boolean => {
                let mut array = BooleanBuilder::with_capacity(rows);
                let shaped = self.shaped;
                self.each(|text| truth(text, shaped), |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Date => {
                let mut array = Date32Builder::with_capacity(rows);
                let epoch = chrono::NaiveDate::default();
                let shaped = self.shaped;
                let read = |text: &str| match &shaped.format {
                    None => moment::day_number(text),
                    Some(_) => i32::try_from((read_date(text, shaped)? - epoch).num_days()).ok(),
                };
                self.each(read, |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Timestamp => {
                let mut array = TimestampMicrosecondBuilder::with_capacity(rows);
                let shaped = self.shaped;
                let read = |text: &str| Some(read_timestamp(text, shaped)?.and_utc().timestamp_micros());
                self.each(read, |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Timestamptz => {
                let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let mut array = TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(utc);
                let shaped = self.shaped;
                let read = |text: &str| Some(read_timestamptz(text, shaped)?.timestamp_micros());
                self.each(read, |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Numeric => {
                let mut array = StringBuilder::with_capacity(rows, rows * 8);
                let shaped = self.shaped;
                let read = |text| number(text, shaped).filter(|plain| infer::is_decimal(plain));
                self.each(read, |value| array.append_option(value));
                Arc::new(array.finish())
            }
            Type::Text => {
                let mut array = StringBuilder::with_capacity(rows, rows * 16);
                let stated = self.shaped.as_stated();
                let value = values(self.records, self.shaped);
                for &row in self.rows {
                    let text = value(row);
                    let is_stated = |text: &str| stated.as_ref().is_none_or(|stated| is_of_type(text, stated));
                    if !text.map_or(!self.shaped.required, is_stated) {
                        self.bad.entry(row).or_insert(self.at);
                    }
                    array.append_option(text);
                }
                Arc::new(array.finish())
            }
        }
    }

    /// The column as it was decoded, if it is of the table's type already and no notation of words is declared.
    fn decoded(&mut self, kind: Type) -> Option<ArrayRef> {
        let column = self.records.column(self.shaped.place)?;
        let ProjectedColumn { notation, format, overruled, .. } = self.shaped;
        let is_text = column.data_type() == &DataType::Utf8;
        let is_read = format.is_some() || overruled.is_some();
        if !notation.null.is_empty() || is_read || (is_text && !notation.is_plain()) {
            return None;
        }
        let typed = native(column, kind)?;
        let is_bad = |row: &usize| typed.is_null(*row) && (self.shaped.required || column.is_valid(*row));
        for row in self.rows.iter().copied().filter(is_bad) {
            self.bad.entry(row).or_insert(self.at);
        }
        if self.rows.len() == typed.len() {
            return Some(typed);
        }
        let rows = UInt64Array::from_iter_values(self.rows.iter().map(|row| *row as u64));
        take(&typed, &rows, None).ok()
    }

    fn each<'a, T>(&mut self, read: impl Fn(&'a str) -> Option<T>, mut append: impl FnMut(Option<T>))
    where
        Self: 'a,
    {
        let stated = self.shaped.as_stated();
        let value = values(self.records, self.shaped);
        for &row in self.rows {
            let cell = value(row);
            let may_stand = |text: &&str| match &stated {
                Some(stated) => is_of_type(text, stated),
                None => exact::goes_with_types(text, self.records, row, self.shaped),
            };
            let read = cell.filter(may_stand).and_then(&read);
            if read.is_none() && (cell.is_some() || self.shaped.required) {
                self.bad.entry(row).or_insert(self.at);
            }
            append(read);
        }
    }
}
