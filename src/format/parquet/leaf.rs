//! A column without lists, as an array of the widest type that it has in a table, or as text.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, UInt64Type,
};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType as Physical, FixedLenByteArray, Int64Type as Int64};
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;

use super::Kind;
use super::text::{half, positive_zero, put_bytes, put_int96, put_whole, single};
use crate::record::moment::{MICROS, MILLIS};

/// A column with one value or NULL for each row.
pub(super) struct Leaf {
    place: usize,
    pub(super) kind: Kind,
    max_definition: i16,
    reader: Option<Box<ColumnReader>>,
}

impl Leaf {
    /// `place` counts the file's leaves, `max_definition` is the level of a value that is there.
    pub(super) fn new(place: usize, kind: Kind, max_definition: i16) -> Leaf {
        Leaf { place, kind, max_definition, reader: None }
    }

    /// Begins a row group.
    pub(super) fn begin(&mut self, group: &dyn RowGroupReader) -> Result<(), ParquetError> {
        self.reader = Some(Box::new(group.get_column_reader(self.place)?));
        Ok(())
    }

    /// Ends a row group, which must have no more values.
    pub(super) fn end(&mut self) -> Result<(), ParquetError> {
        let Some(mut reader) = self.reader.take() else { return Ok(()) };
        match self.array(&mut reader, 1)?.len() {
            0 => Ok(()),
            _ => Err(ParquetError::General("a column has more values than its row group has rows".to_owned())),
        }
    }

    /// Reads the next rows, exactly `rows` of them.
    pub(super) fn read(&mut self, rows: usize) -> Result<ArrayRef, ParquetError> {
        let Some(mut reader) = self.reader.take() else { return Err(ends_early()) };
        let array = self.array(&mut reader, rows)?;
        self.reader = Some(reader);
        if array.len() == rows { Ok(array) } else { Err(ends_early()) }
    }

    fn array(&self, reader: &mut ColumnReader, rows: usize) -> Result<ArrayRef, ParquetError> {
        use ColumnReader as R;
        let (most, kind) = (self.max_definition, self.kind);
        match reader {
            R::BoolColumnReader(reader) => {
                let mut array = BooleanBuilder::with_capacity(rows);
                each(reader, most, rows, |value| array.append_option(value.copied()))?;
                Ok(Arc::new(array.finish()))
            }
            R::Int32ColumnReader(reader) => match kind {
                Kind::Int => numbers::<_, Int64Type>(reader, most, rows, |value| i64::from(*value)),
                Kind::Unsigned => numbers::<_, Int64Type>(reader, most, rows, |value| i64::from(value.cast_unsigned())),
                Kind::Date => numbers::<_, Date32Type>(reader, most, rows, |value| *value),
                _ => texts(reader, most, rows, |value, out| put_whole(i64::from(*value), kind, out)),
            },
            R::Int64ColumnReader(reader) => match kind {
                Kind::Int => numbers::<_, Int64Type>(reader, most, rows, |value| *value),
                Kind::Unsigned => numbers::<_, UInt64Type>(reader, most, rows, |value| value.cast_unsigned()),
                Kind::Timestamp(unit) | Kind::Instant(unit) => {
                    let is_instant = matches!(kind, Kind::Instant(_));
                    match unit {
                        MILLIS => moments::<TimestampMillisecondType>(reader, most, rows, is_instant),
                        MICROS => moments::<TimestampMicrosecondType>(reader, most, rows, is_instant),
                        _ => moments::<TimestampNanosecondType>(reader, most, rows, is_instant),
                    }
                }
                _ => texts(reader, most, rows, |value, out| put_whole(*value, kind, out)),
            },
            R::Int96ColumnReader(reader) => texts(reader, most, rows, put_int96),
            R::FloatColumnReader(reader) => numbers::<_, Float64Type>(reader, most, rows, |value| single(*value)),
            R::DoubleColumnReader(reader) => {
                numbers::<_, Float64Type>(reader, most, rows, |value| positive_zero(*value))
            }
            R::ByteArrayColumnReader(reader) => {
                texts(reader, most, rows, |value: &ByteArray, out| put_bytes(value.data(), kind, out))
            }
            R::FixedLenByteArrayColumnReader(reader) => match kind {
                Kind::Half => numbers::<_, Float64Type>(reader, most, rows, |value: &FixedLenByteArray| {
                    // A half takes two bytes, which is checked when the schema is read.
                    positive_zero(half(value.data().try_into().map_or(0, u16::from_le_bytes)))
                }),
                _ => texts(reader, most, rows, |value: &FixedLenByteArray, out| put_bytes(value.data(), kind, out)),
            },
        }
    }
}

fn ends_early() -> ParquetError {
    ParquetError::General("a column ends before its row group does".to_owned())
}

fn numbers<T: Physical, A: ArrowPrimitiveType>(
    reader: &mut ColumnReaderImpl<T>,
    max_definition: i16,
    rows: usize,
    number: impl Fn(&T::T) -> A::Native,
) -> Result<ArrayRef, ParquetError> {
    let mut array = PrimitiveBuilder::<A>::with_capacity(rows);
    each(reader, max_definition, rows, |value| array.append_option(value.map(&number)))?;
    Ok(Arc::new(array.finish()))
}

fn moments<A: ArrowTimestampType>(
    reader: &mut ColumnReaderImpl<Int64>,
    max_definition: i16,
    rows: usize,
    is_instant: bool,
) -> Result<ArrayRef, ParquetError> {
    let mut array = PrimitiveBuilder::<A>::with_capacity(rows);
    each(reader, max_definition, rows, |value| array.append_option(value.copied()))?;
    Ok(Arc::new(array.finish().with_timezone_opt(is_instant.then_some("UTC"))))
}

fn texts<T: Physical>(
    reader: &mut ColumnReaderImpl<T>,
    max_definition: i16,
    rows: usize,
    put: impl Fn(&T::T, &mut String),
) -> Result<ArrayRef, ParquetError> {
    let (mut array, mut text) = (StringBuilder::with_capacity(rows, rows * 16), String::new());
    each(reader, max_definition, rows, |value| {
        text.clear();
        array.append_option(value.map(|value| {
            put(value, &mut text);
            &*text
        }));
    })?;
    Ok(Arc::new(array.finish()))
}

/// Gives the next `rows` cells of a column, NULL as `None`; fewer if the column ends.
fn each<T: Physical>(
    reader: &mut ColumnReaderImpl<T>,
    max_definition: i16,
    rows: usize,
    mut put: impl FnMut(Option<&T::T>),
) -> Result<(), ParquetError> {
    let (mut values, mut levels, mut done) = (Vec::with_capacity(rows), Vec::new(), 0);
    while done < rows {
        values.clear();
        levels.clear();
        let (got, ..) = reader.read_records(rows - done, Some(&mut levels), None, &mut values)?;
        if got == 0 {
            break;
        }
        let mut values = values.iter();
        if max_definition == 0 {
            done += values.len();
            values.for_each(|value| put(Some(value)));
            continue;
        }
        done += levels.len();
        for level in &levels {
            put(if *level == max_definition { Some(values.next().ok_or_else(uneven)?) } else { None });
        }
        if values.next().is_some() {
            return Err(uneven());
        }
    }
    Ok(())
}

fn uneven() -> ParquetError {
    ParquetError::General("a page has other values than it says".to_owned())
}
