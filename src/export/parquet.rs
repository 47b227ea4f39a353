//! A result as Parquet: typed columns, in groups of rows that are bounded, so that memory does not grow with the
//! result. The types are those that DuckDB, pandas and Spark read as their own:
//! <https://parquet.apache.org/docs/file-format/types/logicaltypedefinition/>.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{Field, Kind};
use crate::schema::{read_date, read_timestamp, read_timestamptz};
use crate::warehouse::Row;

/// The most rows of a group, and the most bytes of its cells.
const GROUP_ROWS: usize = 122_880;
const GROUP_BYTES: usize = 32 << 20;

/// The number of digits up to which decimals fit 64 bits; longer ones take 16 bytes.
const SHORT_DIGITS: u8 = 18;

pub(super) fn write(
    fields: &[Field],
    rows: impl Iterator<Item = io::Result<Row>>,
    file: impl Write + Send,
) -> io::Result<()> {
    write_groups(fields, rows, file, GROUP_ROWS).map_err(|error| match error {
        ParquetError::External(error) => io::Error::other(error),
        error => io::Error::other(error),
    })
}

fn write_groups(
    fields: &[Field],
    rows: impl Iterator<Item = io::Result<Row>>,
    file: impl Write + Send,
    group_rows: usize,
) -> Result<()> {
    let columns = fields.iter().map(|field| Ok(Arc::new(column_type(field)?))).collect::<Result<Vec<TypePtr>>>()?;
    let schema = Type::group_type_builder("schema").with_fields(columns).build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("sluice version ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut group: Vec<_> = fields.iter().map(Column::new).collect();
    let (mut count, mut bytes) = (0, 0);
    for row in rows {
        let row = row?;
        for (column, cell) in group.iter_mut().zip(&row) {
            bytes += 8 + cell.as_deref().map_or(0, str::len);
            column.push(cell.as_deref())?;
        }
        count += 1;
        if count == group_rows || bytes >= GROUP_BYTES {
            write_group(&mut writer, &mut group)?;
            (count, bytes) = (0, 0);
        }
    }
    if count > 0 {
        write_group(&mut writer, &mut group)?;
    }
    writer.close()?;
    Ok(())
}

fn write_group(writer: &mut SerializedFileWriter<impl Write + Send>, group: &mut [Column]) -> Result<()> {
    let mut row_group = writer.next_row_group()?;
    for column in group {
        let Some(mut chunk) = row_group.next_column()? else { break };
        column.flush(&mut chunk)?;
        chunk.close()?;
    }
    row_group.close()?;
    Ok(())
}

fn column_type(field: &Field) -> Result<Type> {
    let (physical, logical) = match field.kind {
        Kind::Whole => (Physical::INT64, None),
        Kind::Decimal { digits, scale } => {
            let physical = if digits <= SHORT_DIGITS { Physical::INT64 } else { Physical::FIXED_LEN_BYTE_ARRAY };
            (physical, Some(LogicalType::decimal(scale.into(), digits.into())))
        }
        Kind::Double => (Physical::DOUBLE, None),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::Timestamp => (Physical::INT64, Some(LogicalType::timestamp(false, TimeUnit::MICROS))),
        Kind::Timestamptz => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let builder = Type::primitive_type_builder(&field.name, physical).with_repetition(Repetition::OPTIONAL);
    let builder = match field.kind {
        Kind::Decimal { digits, scale } => {
            builder.with_precision(digits.into()).with_scale(scale.into()).with_length(size_of::<i128>() as i32)
        }
        _ => builder,
    };
    builder.with_logical_type(logical).build()
}

/// A column of the current group.
struct Column {
    kind: Kind,
    /// 1 for each value, 0 for each NULL.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Fixed(Vec<FixedLenByteArray>),
    Bytes(Vec<ByteArray>),
}

impl Column {
    fn new(field: &Field) -> Column {
        let values = match field.kind {
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Date => Values::Int32(Vec::new()),
            Kind::Double => Values::Double(Vec::new()),
            Kind::Text => Values::Bytes(Vec::new()),
            Kind::Decimal { digits, .. } if digits > SHORT_DIGITS => Values::Fixed(Vec::new()),
            Kind::Decimal { .. } | Kind::Whole | Kind::Timestamp | Kind::Timestamptz => Values::Int64(Vec::new()),
        };
        Column { kind: field.kind, levels: Vec::new(), values }
    }

    fn push(&mut self, cell: Option<&str>) -> Result<()> {
        self.levels.push(cell.is_some().into());
        let Some(text) = cell else { return Ok(()) };
        self.value(text).ok_or_else(|| ParquetError::General(format!("{text:?} is not what its column's values are")))
    }

    /// Appends a value; `None` if it is not of the column's kind, which contradicts the earlier look at all values.
    fn value(&mut self, text: &str) -> Option<()> {
        match &mut self.values {
            Values::Boolean(values) => values.push(text == "true"),
            Values::Int32(values) => {
                let days = read_date(text)?.signed_duration_since(chrono::NaiveDate::default()).num_days();
                values.push(i32::try_from(days).ok()?);
            }
            Values::Double(values) => values.push(text.parse().ok()?),
            Values::Bytes(values) => values.push(text.into()),
            Values::Int64(values) => values.push(match self.kind {
                Kind::Timestamp => read_timestamp(text)?.and_utc().timestamp_micros(),
                Kind::Timestamptz => read_timestamptz(text)?.timestamp_micros(),
                Kind::Decimal { scale, .. } => i64::try_from(unscaled(text, scale)?).ok()?,
                _ => text.parse().ok()?,
            }),
            Values::Fixed(values) => {
                let Kind::Decimal { scale, .. } = self.kind else { return None };
                values.push(unscaled(text, scale)?.to_be_bytes().to_vec().into());
            }
        }
        Some(())
    }

    fn flush(&mut self, chunk: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = Some(self.levels.as_slice());
        match &mut self.values {
            Values::Boolean(values) => chunk.typed::<BoolType>().write_batch(values, levels, None).map(drop)?,
            Values::Int32(values) => chunk.typed::<Int32Type>().write_batch(values, levels, None).map(drop)?,
            Values::Int64(values) => chunk.typed::<Int64Type>().write_batch(values, levels, None).map(drop)?,
            Values::Double(values) => chunk.typed::<DoubleType>().write_batch(values, levels, None).map(drop)?,
            Values::Fixed(values) => {
                chunk.typed::<FixedLenByteArrayType>().write_batch(values, levels, None).map(drop)?;
            }
            Values::Bytes(values) => chunk.typed::<ByteArrayType>().write_batch(values, levels, None).map(drop)?,
        }
        self.levels.clear();
        match &mut self.values {
            Values::Boolean(values) => values.clear(),
            Values::Int32(values) => values.clear(),
            Values::Int64(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Fixed(values) => values.clear(),
            Values::Bytes(values) => values.clear(),
        }
        Ok(())
    }
}

/// Returns a plain decimal number times ten to the power of `scale`.
fn unscaled(text: &str, scale: u8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<width$}", width = usize::from(scale)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn groups_of_rows_are_bounded_and_digits_are_kept() {
        let field = |name: &str, kind| Field { name: name.into(), kind, longest: 0, fractions: false };
        let fields = [field("n", Kind::Whole), field("d", Kind::Decimal { digits: 38, scale: 2 })];
        let wide = format!("-{}.45", "9".repeat(36));
        let rows = (0..25).map(|n| Ok(vec![(n != 3).then(|| n.to_string()), Some(wide.clone())].into()));
        let file = tempfile::tempfile().unwrap();
        write_groups(&fields, rows, file.try_clone().unwrap(), 10).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        assert_eq!(reader.num_row_groups(), 3);
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 25);
        assert_eq!(rows[3], format!("{{n: null, d: {wide}}}"));
        assert_eq!(rows[24], format!("{{n: 24, d: {wide}}}"));
    }

    #[test]
    fn a_decimal_is_written_to_its_columns_scale() {
        assert_eq!(unscaled("-0.5", 3), Some(-500));
        assert_eq!(unscaled("12", 0), Some(12));
        assert_eq!(unscaled("7", 2), Some(700));
    }
}
