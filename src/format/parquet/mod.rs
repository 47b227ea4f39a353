//! Parquet: its rows as delimited text, made while it is read, so that they go the way of every other record. Its own types go with
//! them: a text that looks like a number stays a text.
//!
//! Columns within structs are named `a__b`; lists and maps are JSON. Instants, days and times are written in ISO 8601, bytes
//! in hexadecimal digits after `\x`, as PostgreSQL has it.

mod text;

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::{ColumnDescriptor, Type as SchemaType, TypePtr};
use serde::{Deserialize, Serialize};

use text::{bytes, double, int96, json_text, whole};

use super::FormatError;
use super::csv::write_record;
use super::json::JOINT;
use super::limits::RATIO_FROM;
use super::planted::planted;
use crate::schema::{Fits, Spelling, Type, double_text};

/// Rows that are decoded at a time.
const ROWS: usize = 1024;

const NANOS_A_DAY: i64 = 86_400_000_000_000;

/// A column as the file declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetColumn {
    /// Its name, that of the struct it stands in before it.
    pub name: String,
    /// The types that its values can be of at most.
    pub fits: Fits,
}

/// The rows of a Parquet file as delimited text without a header: commas, `""` for an empty text and nothing for NULL.
pub struct ParquetText {
    file: Arc<SerializedFileReader<File>>,
    columns: Vec<Column>,
    nested: Option<RowIter<'static>>,
    group: usize,
    left: usize,
    text: Vec<u8>,
    given: usize,
    /// Rows that were read, and those that the file says it has.
    rows: u64,
    promised: u64,
    /// Bytes of text that were made, and how many may be.
    out: u64,
    most: u64,
}

/// Where a column's values come from.
enum Column {
    Leaf {
        leaf: usize,
        kind: Kind,
        max_definition: i16,
        reader: Option<Box<ColumnReader>>,
        cells: Vec<Option<String>>,
    },
    /// A list or map; the place among the fields of `nested`.
    Nested {
        place: usize,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Int,
    Unsigned,
    Double,
    Half,
    Decimal(i32),
    Text,
    Bytes,
    Uuid,
    Date,
    Time(Unit),
    Timestamp(Unit),
    Instant(Unit),
}

/// Nanoseconds in one.
#[derive(Clone, Copy)]
struct Unit(i64);

const MILLIS: Unit = Unit(1_000_000);
const MICROS: Unit = Unit(1_000);
const NANOS: Unit = Unit(1);

impl ParquetText {
    /// Opens the file and tells its columns. `ratio` is how many bytes of text may come out for one byte in, where each value counts as
    /// a byte at least: a column of one value in millions of rows takes a few bytes, and honestly so.
    ///
    /// # Errors
    /// When it is no Parquet file, holds what is not read, or does not have the rows that it says.
    pub fn open(file: File, ratio: u64) -> Result<(Self, Vec<ParquetColumn>), FormatError> {
        let (again, size) = (file.try_clone()?, file.metadata()?.len());
        let file = Arc::new(SerializedFileReader::new(file).map_err(damaged)?);
        let (promised, values) = promised(&file)?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let (mut columns, mut named, mut nested) = (Vec::new(), Vec::new(), Vec::new());
        let root = schema.root_schema();
        for (place, field) in root.get_fields().iter().enumerate() {
            let leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == place);
            let leaves: Vec<_> = leaves.collect();
            if leaves.iter().any(|leaf| schema.column(*leaf).max_rep_level() > 0) {
                columns.push(Column::Nested { place: nested.len() });
                named.push(ParquetColumn { name: field.name().to_owned(), fits: Fits::TEXT });
                nested.push(field.clone());
                continue;
            }
            for leaf in leaves {
                let column = schema.column(leaf);
                let kind = kind(&column);
                named.push(ParquetColumn { name: column.path().parts().join(JOINT), fits: fits(kind, &column) });
                let max_definition = column.max_def_level();
                columns.push(Column::Leaf { leaf, kind, max_definition, reader: None, cells: Vec::new() });
            }
        }
        let nested = if nested.is_empty() { None } else { Some(nested_rows(again, root.name(), nested)?) };
        let most = size.saturating_add(values).saturating_mul(ratio).max(RATIO_FROM);
        let (text, given) = (Vec::new(), 0);
        let rows =
            ParquetText { file, columns, nested, group: 0, left: 0, text, given, rows: 0, promised, out: 0, most };
        Ok((rows, named))
    }

    /// Decodes some more rows; gives whether there were any.
    fn decode(&mut self) -> Result<bool, ParquetError> {
        while self.left == 0 {
            self.end_group()?;
            if planted("skip_row_group", self.group) {
                self.group += 1;
            }
            if self.group >= self.file.num_row_groups() {
                self.end()?;
                return Ok(false);
            }
            let group = self.file.get_row_group(self.group)?;
            // No number of rows is negative: that was looked at when it was opened.
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            for column in &mut self.columns {
                if let Column::Leaf { leaf, reader, .. } = column {
                    *reader = Some(Box::new(group.get_column_reader(*leaf)?));
                }
            }
            self.group += 1;
        }
        let rows = self.left.min(ROWS);
        for column in &mut self.columns {
            if let Column::Leaf { kind, max_definition, reader: Some(reader), cells, .. } = column {
                cells.clear();
                read(reader, *kind, *max_definition, rows, cells)?;
                if cells.len() != rows {
                    return Err(ParquetError::General("a column ends before its row group does".to_owned()));
                }
            }
        }
        self.text.clear();
        self.given = 0;
        for row in 0..rows {
            let nested = match &mut self.nested {
                Some(iter) => match iter.next().transpose()? {
                    Some(nested) => nested.into_columns(),
                    None => return Err(ParquetError::General("its lists end before its rows do".to_owned())),
                },
                None => Vec::new(),
            };
            let nested: Vec<_> = nested.iter().map(|(_, field)| json_text(field)).collect();
            let cell = |column: &'_ Column| match column {
                Column::Leaf { cells, .. } => cells[row].clone(),
                Column::Nested { place } => nested.get(*place).cloned().flatten(),
            };
            let cells: Vec<Option<String>> = self.columns.iter().map(cell).collect();
            // A delimiter at the end of a lone cell, so that NULL is no blank line.
            let lone = (cells.len() == 1).then_some(None);
            write_record(&mut self.text, cells.iter().map(Option::as_deref).chain(lone)).map_err(ParquetError::from)?;
        }
        self.left -= rows;
        self.rows += rows as u64;
        self.out += self.text.len() as u64;
        if self.out > self.most {
            let bytes = self.most;
            return Err(ParquetError::General(format!(
                "more than {bytes} bytes come out of it, for a byte of the file or a value in it too many (ARCHIVE_MAX_RATIO)"
            )));
        }
        Ok(true)
    }

    /// A row group that was read has no more values than rows.
    fn end_group(&mut self) -> Result<(), ParquetError> {
        for column in &mut self.columns {
            if let Column::Leaf { kind, max_definition, reader, cells, .. } = column
                && let Some(mut reader) = reader.take()
            {
                cells.clear();
                read(&mut reader, *kind, *max_definition, 1, cells)?;
                if !cells.is_empty() {
                    return Err(ParquetError::General(
                        "a column has more values than its row group has rows".to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// All that the file says it has was read.
    fn end(&mut self) -> Result<(), ParquetError> {
        if self.rows != self.promised {
            let (says, has) = (self.promised, self.rows);
            return Err(ParquetError::General(format!("it says that it has {says} rows, and {has} were read")));
        }
        let more = self.nested.as_mut().and_then(Iterator::next).transpose()?;
        match more {
            Some(_) => Err(ParquetError::General("it has more lists than rows".to_owned())),
            None => Ok(()),
        }
    }
}

/// The rows that the file says it has, and the values in its columns; its row groups and columns have to say the same.
fn promised(file: &SerializedFileReader<File>) -> Result<(u64, u64), FormatError> {
    let says = file.metadata().file_metadata().num_rows();
    let (mut rows, mut values) = (0_u64, 0_u64);
    for group in file.metadata().row_groups() {
        let own = u64::try_from(group.num_rows()).map_err(damaged)?;
        rows = rows.saturating_add(own);
        for column in group.columns() {
            let has = u64::try_from(column.num_values()).map_err(damaged)?;
            values = values.saturating_add(has);
            if column.column_descr().max_rep_level() == 0 && has != own {
                let name = column.column_path();
                return Err(damaged(format!("a row group has {own} rows, and its column {name} {has} values")));
            }
        }
    }
    if u64::try_from(says).ok() != Some(rows) {
        return Err(damaged(format!("it says that it has {says} rows, and its row groups {rows}")));
    }
    Ok((rows, values))
}

impl Read for ParquetText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() && !self.decode().map_err(unreadable)? {
            return Ok(0);
        }
        let got = (&self.text[self.given..]).read(buffer)?;
        self.given += got;
        Ok(got)
    }
}

/// The rows of the lists and maps alone.
fn nested_rows(file: File, name: &str, fields: Vec<TypePtr>) -> Result<RowIter<'static>, FormatError> {
    let schema = SchemaType::group_type_builder(name).with_fields(fields).build().map_err(damaged)?;
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    RowIter::from_file_into(Box::new(reader)).project(Some(schema)).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> FormatError {
    FormatError::Archive(format!("the Parquet file is damaged or not read: {error}"))
}

fn unreadable(error: ParquetError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, damaged(error))
}

fn kind(column: &ColumnDescriptor) -> Kind {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => MILLIS,
        TimeUnit::MICROS => MICROS,
        _ => NANOS,
    };
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp(time)) if time.is_adjusted_to_u_t_c => return Kind::Instant(unit(&time.unit)),
        Some(LogicalType::Timestamp(time)) => return Kind::Timestamp(unit(&time.unit)),
        Some(LogicalType::Time(time)) => return Kind::Time(unit(&time.unit)),
        Some(LogicalType::Uuid) => return Kind::Uuid,
        Some(LogicalType::Float16) => return Kind::Half,
        _ => {}
    }
    match (column.converted_type(), column.physical_type()) {
        (ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON, _) => Kind::Text,
        (ConvertedType::DECIMAL, _) => Kind::Decimal(column.type_scale()),
        (ConvertedType::DATE, _) => Kind::Date,
        (ConvertedType::TIME_MILLIS, _) => Kind::Time(MILLIS),
        (ConvertedType::TIME_MICROS, _) => Kind::Time(MICROS),
        (ConvertedType::TIMESTAMP_MILLIS, _) => Kind::Instant(MILLIS),
        (ConvertedType::TIMESTAMP_MICROS, _) => Kind::Instant(MICROS),
        (
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
            Physical::INT32 | Physical::INT64,
        ) => Kind::Unsigned,
        (_, Physical::BOOLEAN) => Kind::Bool,
        (_, Physical::INT32 | Physical::INT64) => Kind::Int,
        (_, Physical::INT96) => Kind::Timestamp(NANOS),
        (_, Physical::FLOAT | Physical::DOUBLE) => Kind::Double,
        (_, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY) => Kind::Bytes,
    }
}

fn fits(kind: Kind, column: &ColumnDescriptor) -> Fits {
    match kind {
        Kind::Bool => Fits::boolean(Spelling::Lower),
        Kind::Int | Kind::Unsigned => Fits::of(&[Type::Bigint, Type::Numeric, Type::Double]),
        Kind::Double | Kind::Half => Fits::of(&[Type::Double]),
        Kind::Decimal(_) if column.type_precision() <= 38 => Fits::of(&[Type::Numeric]),
        Kind::Date => Fits::of(&[Type::Date]),
        Kind::Timestamp(_) => Fits::of(&[Type::Timestamp]),
        Kind::Instant(_) => Fits::of(&[Type::Timestamptz]),
        Kind::Decimal(_) | Kind::Text | Kind::Bytes | Kind::Uuid | Kind::Time(_) => Fits::TEXT,
    }
}

/// Appends the next `rows` cells of a column.
fn read(
    reader: &mut ColumnReader,
    kind: Kind,
    max_definition: i16,
    rows: usize,
    cells: &mut Vec<Option<String>>,
) -> Result<(), ParquetError> {
    use ColumnReader as R;
    match reader {
        R::BoolColumnReader(reader) => texts(reader, max_definition, rows, cells, |value| value.to_string()),
        R::Int32ColumnReader(reader) => texts(reader, max_definition, rows, cells, |value| match kind {
            Kind::Unsigned => value.cast_unsigned().to_string(),
            _ => whole(i64::from(*value), kind),
        }),
        R::Int64ColumnReader(reader) => texts(reader, max_definition, rows, cells, |value| match kind {
            Kind::Unsigned => value.cast_unsigned().to_string(),
            _ => whole(*value, kind),
        }),
        R::Int96ColumnReader(reader) => texts(reader, max_definition, rows, cells, int96),
        // The shortest digits that give the value back in its own width.
        R::FloatColumnReader(reader) => texts(reader, max_definition, rows, cells, |value| {
            double_text(value.to_string().parse().unwrap_or(f64::from(*value)))
        }),
        R::DoubleColumnReader(reader) => texts(reader, max_definition, rows, cells, |value| double(*value)),
        R::ByteArrayColumnReader(reader) => {
            texts(reader, max_definition, rows, cells, |value: &ByteArray| bytes(value.data(), kind))
        }
        R::FixedLenByteArrayColumnReader(reader) => {
            texts(reader, max_definition, rows, cells, |value: &FixedLenByteArray| bytes(value.data(), kind))
        }
    }
}

fn texts<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    max_definition: i16,
    rows: usize,
    cells: &mut Vec<Option<String>>,
    text: impl Fn(&T::T) -> String,
) -> Result<(), ParquetError> {
    while cells.len() < rows {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let (got, ..) = reader.read_records(rows - cells.len(), Some(&mut levels), None, &mut values)?;
        if got == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        if max_definition == 0 {
            cells.extend(values.map(|value| Some(text(value))));
            continue;
        }
        for level in levels {
            let value = if level == max_definition { Some(values.next().ok_or_else(uneven)?) } else { None };
            cells.push(value.map(&text));
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
