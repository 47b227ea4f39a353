//! Typed columns as text.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    UInt64Type,
};
use arrow_array::{Array, StringArray};
use arrow_schema::{DataType, TimeUnit};

use super::moment::{MICROS, MILLIS, NANOS, put, put_date, put_timestamp};
use crate::text::double_text;

/// A column's values as text; the type is one that [`is_known`] accepts.
pub(crate) fn column_text(array: &dyn Array) -> StringArray {
    let texts = |put: &dyn Fn(usize, &mut String)| {
        let mut text = String::new();
        let mut cell = |row| {
            text.clear();
            put(row, &mut text);
            text.clone()
        };
        (0..array.len()).map(|row| array.is_valid(row).then(|| cell(row))).collect()
    };
    let moments =
        |value: &dyn Fn(usize) -> i64, unit, zone| texts(&|row, out| put_timestamp(value(row), unit, zone, out));
    match array.data_type() {
        DataType::Utf8 => array.as_string().clone(),
        DataType::Boolean => texts(&|row, out| put(format_args!("{}", array.as_boolean().value(row)), out)),
        DataType::Int64 => {
            texts(&|row, out| put(format_args!("{}", array.as_primitive::<Int64Type>().value(row)), out))
        }
        DataType::UInt64 => {
            texts(&|row, out| put(format_args!("{}", array.as_primitive::<UInt64Type>().value(row)), out))
        }
        DataType::Float64 => {
            texts(&|row, out| out.push_str(&double_text(array.as_primitive::<Float64Type>().value(row))))
        }
        DataType::Date32 => texts(&|row, out| put_date(i64::from(array.as_primitive::<Date32Type>().value(row)), out)),
        DataType::Timestamp(unit, zone) => {
            let zone = if zone.is_some() { "Z" } else { "" };
            match unit {
                TimeUnit::Millisecond => {
                    moments(&|row| array.as_primitive::<TimestampMillisecondType>().value(row), MILLIS, zone)
                }
                TimeUnit::Microsecond => {
                    moments(&|row| array.as_primitive::<TimestampMicrosecondType>().value(row), MICROS, zone)
                }
                _ => moments(&|row| array.as_primitive::<TimestampNanosecondType>().value(row), NANOS, zone),
            }
        }
        other => unreachable!("`Columns::new` lets no {other} in"),
    }
}

/// True if columns of this type are decoded.
pub(crate) fn is_known(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8
            | DataType::Boolean
            | DataType::Int64
            | DataType::UInt64
            | DataType::Float64
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
    )
}
