//! Parquet: its columns, decoded some rows at a time. They keep the types that the file declares; lists and maps become
//! JSON, and types that no table has (decimals, times of day, bytes, moments as INT96) become text here.
//!
//! Columns within structs are named `a__b`. Instants, days and times are written in ISO 8601, bytes in hexadecimal
//! digits after `\x`, as PostgreSQL writes them.

mod leaf;
mod narrow;
mod nested;
mod text;

use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use serde::{Deserialize, Serialize};

use leaf::Leaf;
pub(super) use narrow::narrowed;
use nested::Nested;

use super::FormatError;
use super::limits::RATIO_FROM;
use super::planted::planted;
use crate::record::JOINT;
use crate::record::moment::{MICROS, MILLIS, NANOS, Unit};
use crate::schema::{Fits, Spelling, Type};

/// Cells that are decoded at a time, with the rows at most and at least.
const CELLS: usize = 128 * 1024;
const MOST_ROWS: usize = 8 * 1024;
const LEAST_ROWS: usize = 256;

/// A column as the file declares it, or as its values narrow that down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetColumn {
    /// The name, behind that of the struct it stands in.
    pub name: String,
    /// The widest types that the values can be of.
    pub fits: Fits,
    /// The first values that are not NULL, as text.
    pub samples: Vec<String>,
}

/// The columns of a file, and the number of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetTable {
    /// The columns in the file's order.
    pub columns: Vec<ParquetColumn>,
    /// The number of rows, as the file and each of its row groups and columns state it.
    pub rows: u64,
}

/// The rows of a Parquet file, decoded.
pub struct ParquetRows {
    file: Arc<SerializedFileReader<File>>,
    columns: Vec<Column>,
    nested: Option<Nested>,
    group: usize,
    left: usize,
    at_once: usize,
    /// Rows that were read, and the number that the file states.
    rows: u64,
    promised: u64,
    /// Bytes that were decoded, and their limit.
    out: u64,
    most: u64,
}

/// The source of a column's values.
enum Column {
    Leaf(Leaf),
    /// A list or map; the place among the fields of `nested`.
    Nested(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
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
    /// A moment: nanoseconds of the day and the Julian day, in 96 bits.
    Int96,
}

impl ParquetRows {
    /// Opens the file and gives its columns, as it declares them. `ratio` is the number of bytes that may come out for
    /// one byte in, with each value counted as a byte at least: a column of one value in millions of rows takes a few
    /// bytes, and honestly so.
    ///
    /// # Errors
    /// When the file is no Parquet, holds a type that is not read, or does not have the rows that it states.
    pub fn open(file: File, ratio: u64) -> Result<(Self, ParquetTable), FormatError> {
        let (again, size) = (file.try_clone()?, file.metadata()?.len());
        let file = Arc::new(SerializedFileReader::new(file).map_err(damaged)?);
        let (promised, values) = promised(&file)?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let (mut columns, mut named, mut nested) = (Vec::new(), Vec::new(), Vec::new());
        for (place, field) in schema.root_schema().get_fields().iter().enumerate() {
            let leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == place);
            let leaves: Vec<_> = leaves.collect();
            let column = |name: String, fits| ParquetColumn { name, fits, samples: Vec::new() };
            if leaves.iter().any(|leaf| schema.column(*leaf).max_rep_level() > 0) {
                columns.push(Column::Nested(nested.len()));
                named.push(column(field.name().to_owned(), Fits::TEXT));
                nested.push(place);
                continue;
            }
            for leaf in leaves {
                let described = schema.column(leaf);
                let kind = kind(&described);
                named.push(column(described.path().parts().join(JOINT), fits(kind, &described)));
                columns.push(Column::Leaf(Leaf::new(leaf, kind, described.max_def_level())));
            }
        }
        let at_once = (CELLS / columns.len().max(1)).clamp(LEAST_ROWS, MOST_ROWS);
        let nested = if nested.is_empty() { None } else { Some(Nested::open(again, &nested)?) };
        let most = size.saturating_add(values).saturating_mul(ratio).max(RATIO_FROM);
        let rows = ParquetRows { file, columns, nested, group: 0, left: 0, at_once, rows: 0, promised, out: 0, most };
        Ok((rows, ParquetTable { columns: named, rows: promised }))
    }

    /// Decodes the next rows; `None` after the last, once the file has kept its counts.
    ///
    /// # Errors
    /// When the file is damaged, or more comes out than allowed.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, FormatError> {
        self.decode().map_err(damaged)
    }

    fn decode(&mut self) -> Result<Option<RecordBatch>, ParquetError> {
        while self.left == 0 {
            self.end_group()?;
            if planted("skip_row_group", self.group) {
                self.group += 1;
            }
            if self.group >= self.file.num_row_groups() {
                self.end()?;
                return Ok(None);
            }
            let group = self.file.get_row_group(self.group)?;
            // No number of rows is negative: that was checked on opening.
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            for column in &mut self.columns {
                if let Column::Leaf(leaf) = column {
                    leaf.begin(&*group)?;
                }
            }
            self.group += 1;
        }
        let rows = self.left.min(self.at_once);
        let nested = match &mut self.nested {
            Some(nested) => nested.take(rows)?,
            None => Vec::new(),
        };
        let array = |column: &mut Column| match column {
            Column::Leaf(leaf) => leaf.read(rows),
            Column::Nested(place) => Ok(Arc::clone(&nested[*place])),
        };
        let arrays: Vec<_> = self.columns.iter_mut().map(array).collect::<Result<_, _>>()?;
        self.left -= rows;
        self.rows += rows as u64;
        self.out += arrays.iter().map(|array| array.get_array_memory_size() as u64).sum::<u64>();
        if self.out > self.most {
            let bytes = self.most;
            return Err(ParquetError::General(format!(
                "more than {bytes} bytes come out of it, for a byte of the file or a value in it too many (ARCHIVE_MAX_RATIO)"
            )));
        }
        let field = |(place, array): (usize, &arrow_array::ArrayRef)| {
            Field::new(place.to_string(), array.data_type().clone(), true)
        };
        let fields: Vec<_> = arrays.iter().enumerate().map(field).collect();
        Ok(Some(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?))
    }

    /// Checks that a row group that was read has no more values than rows.
    fn end_group(&mut self) -> Result<(), ParquetError> {
        for column in &mut self.columns {
            if let Column::Leaf(leaf) = column {
                leaf.end()?;
            }
        }
        Ok(())
    }

    /// Checks that all rows that the file states were read.
    fn end(&mut self) -> Result<(), ParquetError> {
        if self.rows != self.promised {
            let (says, has) = (self.promised, self.rows);
            return Err(ParquetError::General(format!("it says that it has {says} rows, and {has} were read")));
        }
        match &mut self.nested {
            Some(nested) => nested.end(),
            None => Ok(()),
        }
    }
}

/// The rows that the file states, and the values in its columns; its row groups and columns have to agree.
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

fn damaged(error: impl std::fmt::Display) -> FormatError {
    FormatError::Archive(format!("the Parquet file is damaged or not read: {error}"))
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
        (_, Physical::INT96) => Kind::Int96,
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
        Kind::Timestamp(_) | Kind::Int96 => Fits::of(&[Type::Timestamp]),
        Kind::Instant(_) => Fits::of(&[Type::Timestamptz]),
        Kind::Decimal(_) | Kind::Text | Kind::Bytes | Kind::Uuid | Kind::Time(_) => Fits::TEXT,
    }
}
