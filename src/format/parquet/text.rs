//! Parquet's values as text.

use parquet::data_type::Int96;
use parquet::record::Field;

use super::{Kind, MICROS, MILLIS, NANOS_A_DAY, Unit};
use crate::schema::double_text;

/// The day that INT96 counts from, as a Julian day: 1970-01-01.
const JULIAN_EPOCH: i64 = 2_440_588;

/// -0 is 0: the two compare equal everywhere.
pub(super) fn double(value: f64) -> String {
    double_text(if value == 0.0 { 0.0 } else { value })
}

pub(super) fn whole(value: i64, kind: Kind) -> String {
    match kind {
        Kind::Decimal(scale) => decimal(&value.to_string(), scale),
        Kind::Date => moment(value, NANOS_A_DAY).map_or_else(|| value.to_string(), |(day, _)| day),
        Kind::Time(unit) => moment(value, unit.0).map_or_else(|| value.to_string(), |(_, time)| time),
        Kind::Timestamp(unit) => timestamp(value, unit, ""),
        Kind::Instant(unit) => timestamp(value, unit, "Z"),
        _ => value.to_string(),
    }
}

/// The day and the time of day, `units` of so many nanoseconds after 1970-01-01.
fn moment(units: i64, nanos: i64) -> Option<(String, String)> {
    let nanos = i128::from(units) * i128::from(nanos);
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    let fraction = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    let moment = chrono::DateTime::from_timestamp(seconds, fraction)?;
    let mut time = moment.format("%H:%M:%S").to_string();
    if fraction > 0 {
        time += &format!(".{fraction:09}");
        time.truncate(time.trim_end_matches('0').len());
    }
    Some((moment.format("%Y-%m-%d").to_string(), time))
}

fn timestamp(value: i64, unit: Unit, zone: &str) -> String {
    moment(value, unit.0).map_or_else(|| value.to_string(), |(day, time)| format!("{day} {time}{zone}"))
}

/// Nanoseconds of the day, then the Julian day.
pub(super) fn int96(value: &Int96) -> String {
    let data = value.data();
    let nanos = (i64::from(data[1]) << 32) + i64::from(data[0]);
    let days = i64::from(data[2]) - JULIAN_EPOCH;
    match (moment(days, NANOS_A_DAY), moment(nanos, 1)) {
        (Some((day, _)), Some((_, time))) => format!("{day} {time}"),
        _ => format!("{data:?}"),
    }
}

/// The digits with a point before the last `scale` of them.
fn decimal(digits: &str, scale: i32) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let scale = usize::try_from(scale).unwrap_or(0);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

pub(super) fn bytes(data: &[u8], kind: Kind) -> String {
    let hex = |data: &[u8]| data.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match kind {
        // A text that is none is shown as its bytes.
        Kind::Text => match std::str::from_utf8(data) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("\\x{}", hex(data)),
        },
        Kind::Decimal(scale) => decimal(&big_endian(data), scale),
        Kind::Uuid if data.len() == 16 => {
            let hex = hex(data);
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
        }
        Kind::Half if data.len() == 2 => double(half(u16::from_le_bytes([data[0], data[1]]))),
        _ => format!("\\x{}", hex(data)),
    }
}

/// A whole number in two's complement as decimal digits, however long it is.
fn big_endian(data: &[u8]) -> String {
    let negative = data.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude: Vec<u8> = data.iter().map(|byte| if negative { !byte } else { *byte }).collect();
    if negative {
        for byte in magnitude.iter_mut().rev() {
            let (sum, carried) = byte.overflowing_add(1);
            *byte = sum;
            if !carried {
                break;
            }
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0u32;
        for byte in &mut magnitude {
            let value = rest * 256 + u32::from(*byte);
            *byte = (value / 10) as u8;
            rest = value % 10;
        }
        digits.push(char::from(b'0' + rest as u8));
    }
    if digits.is_empty() {
        return "0".to_owned();
    }
    let digits: String = digits.into_iter().rev().collect();
    if negative { format!("-{digits}") } else { digits }
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 != 0 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1F if fraction == 0.0 => f64::INFINITY,
        0x1F => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

pub(super) fn json_text(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        field => Some(json(field).to_string()),
    }
}

fn json(field: &Field) -> serde_json::Value {
    use serde_json::Value;
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::from(*value),
        Field::Byte(value) => Value::from(*value),
        Field::Short(value) => Value::from(*value),
        Field::Int(value) => Value::from(*value),
        Field::Long(value) => Value::from(*value),
        Field::UByte(value) => Value::from(*value),
        Field::UShort(value) => Value::from(*value),
        Field::UInt(value) => Value::from(*value),
        Field::ULong(value) => Value::from(*value),
        // What JSON has no number for is a word.
        Field::Double(value) if !value.is_finite() => Value::from(double_text(*value)),
        Field::Float(value) if !value.is_finite() => Value::from(double_text(f64::from(*value))),
        Field::Float(value) => Value::from(value.to_string().parse().unwrap_or(f64::from(*value))),
        Field::Double(value) => Value::from(*value),
        Field::Str(value) => Value::from(value.as_str()),
        Field::Bytes(value) => Value::from(bytes(value.data(), Kind::Bytes)),
        Field::Date(days) => Value::from(whole(i64::from(*days), Kind::Date)),
        Field::TimeMillis(value) => Value::from(whole(i64::from(*value), Kind::Time(MILLIS))),
        Field::TimeMicros(value) => Value::from(whole(*value, Kind::Time(MICROS))),
        Field::TimestampMillis(value) => Value::from(whole(*value, Kind::Timestamp(MILLIS))),
        Field::TimestampMicros(value) => Value::from(whole(*value, Kind::Timestamp(MICROS))),
        Field::Decimal(value) => Value::from(decimal(&big_endian(value.data()), value.scale())),
        Field::Group(row) => {
            Value::Object(row.get_column_iter().map(|(name, field)| (name.clone(), json(field))).collect())
        }
        Field::ListInternal(list) => Value::Array(list.elements().iter().map(json).collect()),
        Field::MapInternal(map) => {
            let key = |field: &Field| match json(field) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            let entries: Vec<_> = map.entries().iter().map(|(one, other)| (key(one), json(other))).collect();
            let repeated =
                entries.iter().enumerate().any(|(at, (one, _))| entries[..at].iter().any(|(key, _)| key == one));
            if repeated {
                Value::Array(
                    entries.into_iter().map(|(key, value)| Value::Array(vec![Value::from(key), value])).collect(),
                )
            } else {
                Value::Object(entries.into_iter().collect())
            }
        }
        other => Value::from(other.to_string()),
    }
}
