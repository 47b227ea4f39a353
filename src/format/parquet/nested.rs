//! Lists and maps as JSON.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, DecimalType, Float16Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, MapArray, StringArray};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as Physical;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Map, Value};

use super::text::{nanos, positive_zero, put_bytes, put_whole, single};
use super::{FormatError, Kind, damaged};
use crate::record::moment::{MICROS, MILLIS, NANOS};
use crate::text::double_text;

/// Rows that are read at a time.
const ROWS: usize = 1024;

/// The rows of the lists and maps alone.
pub(super) struct Nested {
    reader: ParquetRecordBatchReader,
    columns: Vec<ArrayRef>,
    /// Rows of the batch that were taken, and all its rows.
    taken: usize,
    rows: usize,
}

impl Nested {
    /// `places` are those of the columns in the file.
    pub(super) fn open(file: File, places: &[usize]) -> Result<Nested, FormatError> {
        let again = SerializedFileReader::new(file.try_clone()?).map_err(damaged)?;
        int96_fits(&again, places).map_err(damaged)?;
        // The types are those of Parquet, not the writer's own.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(damaged)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(ROWS).build().map_err(damaged)?;
        Ok(Nested { reader, columns: Vec::new(), taken: 0, rows: 0 })
    }

    /// The JSON of the next rows, exactly `rows` of them.
    pub(super) fn take(&mut self, rows: usize) -> Result<Vec<ArrayRef>, ParquetError> {
        let mut texts: Vec<Vec<Option<String>>> = Vec::new();
        for _ in 0..rows {
            if self.taken == self.rows && !self.advance()? {
                return Err(ParquetError::General("its lists end before its rows do".to_owned()));
            }
            texts.resize(self.columns.len(), Vec::new());
            for (texts, column) in texts.iter_mut().zip(&self.columns) {
                let is_there = column.is_valid(self.taken);
                texts.push(is_there.then(|| json(column, self.taken).map(|value| value.to_string())).transpose()?);
            }
            self.taken += 1;
        }
        Ok(texts.into_iter().map(|texts| Arc::new(StringArray::from(texts)) as ArrayRef).collect())
    }

    /// Checks that there are no more rows.
    pub(super) fn end(&mut self) -> Result<(), ParquetError> {
        match self.taken < self.rows || self.advance()? {
            true => Err(ParquetError::General("it has more lists than rows".to_owned())),
            false => Ok(()),
        }
    }

    /// Reads the next rows; `false` if there are none.
    fn advance(&mut self) -> Result<bool, ParquetError> {
        let Some(batch) = self.reader.next().transpose()? else { return Ok(false) };
        (self.taken, self.rows, self.columns) = (0, batch.num_rows(), batch.columns().to_vec());
        Ok(self.rows > 0)
    }
}

/// Moments in 96 bits are read as nanoseconds in 64: all have to fit, as those of the years 1677 to 2262 do.
fn int96_fits(file: &SerializedFileReader<File>, places: &[usize]) -> Result<(), ParquetError> {
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let is_int96 = |leaf: &usize| {
        places.contains(&schema.get_column_root_idx(*leaf)) && schema.column(*leaf).physical_type() == Physical::INT96
    };
    for leaf in (0..schema.num_columns()).filter(is_int96) {
        let (definition, repetition) =
            (schema.column(leaf).max_def_level() > 0, schema.column(leaf).max_rep_level() > 0);
        for group in 0..file.num_row_groups() {
            let ColumnReader::Int96ColumnReader(mut reader) = file.get_row_group(group)?.get_column_reader(leaf)?
            else {
                continue;
            };
            loop {
                let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
                let (records, ..) = reader.read_records(
                    ROWS,
                    definition.then_some(&mut defined),
                    repetition.then_some(&mut repeated),
                    &mut values,
                )?;
                if values.iter().any(|value| nanos(value).is_none()) {
                    let name = schema.column(leaf).path().string();
                    return Err(ParquetError::General(format!(
                        "{name} has moments (INT96) outside the years 1677 to 2262"
                    )));
                }
                if records == 0 {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// A value as JSON.
fn json(array: &dyn Array, row: usize) -> Result<Value, ParquetError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let whole = |value: i64, kind| {
        let mut text = String::new();
        put_whole(value, kind, &mut text);
        Value::from(text)
    };
    // A moment is written without its zone, which is UTC for an instant.
    let moment = |value: i64, unit| whole(value, Kind::Timestamp(unit));
    Ok(match array.data_type() {
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Int8 => Value::from(number::<Int8Type>(array, row)),
        DataType::Int16 => Value::from(number::<Int16Type>(array, row)),
        DataType::Int32 => Value::from(number::<Int32Type>(array, row)),
        DataType::Int64 => Value::from(number::<Int64Type>(array, row)),
        DataType::UInt8 => Value::from(number::<UInt8Type>(array, row)),
        DataType::UInt16 => Value::from(number::<UInt16Type>(array, row)),
        DataType::UInt32 => Value::from(number::<UInt32Type>(array, row)),
        DataType::UInt64 => Value::from(number::<UInt64Type>(array, row)),
        DataType::Float16 => double(f64::from(number::<Float16Type>(array, row))),
        DataType::Float32 => double(single(number::<Float32Type>(array, row))),
        DataType::Float64 => double(number::<Float64Type>(array, row)),
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => whole(i64::from(number::<Date32Type>(array, row)), Kind::Date),
        DataType::Time32(_) => whole(i64::from(number::<Time32MillisecondType>(array, row)), Kind::Time(MILLIS)),
        DataType::Time64(TimeUnit::Microsecond) => {
            whole(number::<Time64MicrosecondType>(array, row), Kind::Time(MICROS))
        }
        DataType::Time64(_) => whole(number::<Time64NanosecondType>(array, row), Kind::Time(NANOS)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => moment(number::<TimestampMillisecondType>(array, row), MILLIS),
        DataType::Timestamp(TimeUnit::Microsecond, _) => moment(number::<TimestampMicrosecondType>(array, row), MICROS),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => moment(number::<TimestampNanosecondType>(array, row), NANOS),
        DataType::Decimal128(_, scale) => Value::from(Decimal128Type::format_decimal(
            number::<Decimal128Type>(array, row),
            Decimal128Type::MAX_PRECISION,
            *scale,
        )),
        DataType::Decimal256(_, scale) => Value::from(Decimal256Type::format_decimal(
            number::<Decimal256Type>(array, row),
            Decimal256Type::MAX_PRECISION,
            *scale,
        )),
        DataType::List(_) => list(&array.as_list::<i32>().value(row))?,
        DataType::Map(..) => map(array.as_map(), row)?,
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            Value::Object(
                columns
                    .map(|(field, column)| Ok((field.name().clone(), json(column, row)?)))
                    .collect::<Result<Map<_, _>, ParquetError>>()?,
            )
        }
        other => return Err(ParquetError::NYI(format!("lists of {other} are not read"))),
    })
}

fn number<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

/// A number, or a word for a double that JSON has no number for.
fn double(value: f64) -> Value {
    if value.is_finite() { Value::from(positive_zero(value)) } else { Value::from(double_text(value)) }
}

fn bytes(data: &[u8]) -> Value {
    let mut text = String::new();
    put_bytes(data, Kind::Bytes, &mut text);
    Value::from(text)
}

fn list(items: &dyn Array) -> Result<Value, ParquetError> {
    (0..items.len()).map(|row| json(items, row)).collect::<Result<_, _>>().map(Value::Array)
}

/// An object; pairs if a key stands there twice.
fn map(array: &MapArray, row: usize) -> Result<Value, ParquetError> {
    let entries = array.value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    let mut pairs = Vec::with_capacity(entries.len());
    for row in 0..entries.len() {
        let key = match json(keys, row)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        pairs.push((key, json(values, row)?));
    }
    let keys: HashSet<_> = pairs.iter().map(|(key, _)| key).collect();
    if keys.len() < pairs.len() {
        return Ok(pairs.into_iter().map(|(key, value)| Value::Array(vec![Value::from(key), value])).collect());
    }
    Ok(Value::Object(pairs.into_iter().collect()))
}
