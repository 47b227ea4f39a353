//! Parquet's values as text.

use parquet::data_type::Int96;

use super::Kind;
use crate::record::moment::{MICROS, NANOS, NANOS_A_DAY, Unit, put, put_date, put_moment, put_timestamp};

/// The Julian day of 1970-01-01, from which moments count.
const JULIAN_EPOCH: i128 = 2_440_588;

/// Zero without its sign: -0 and 0 compare equal everywhere.
pub(super) fn positive_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

/// The double with the shortest digits that give the value back in its own width.
pub(super) fn single(value: f32) -> f64 {
    positive_zero(value.to_string().parse().unwrap_or(f64::from(value)))
}

/// Appends a whole number, or the day, time or moment that it stands for.
pub(super) fn put_whole(value: i64, kind: Kind, out: &mut String) {
    match kind {
        Kind::Decimal(scale) => put_decimal(i128::from(value), scale, out),
        Kind::Date => put_date(value, out),
        Kind::Time(unit) => put_time(value, unit, out),
        Kind::Timestamp(unit) => put_timestamp(value, unit, "", out),
        Kind::Instant(unit) => put_timestamp(value, unit, "Z", out),
        _ => put(format_args!("{value}"), out),
    }
}

/// The time `units` after midnight; the bare number if it is outside of a day.
fn put_time(units: i64, unit: Unit, out: &mut String) {
    if (0..NANOS_A_DAY / unit.0).contains(&units) {
        put_moment(units, unit, |moment| moment.format("%H:%M:%S"), "", out);
    } else {
        put(format_args!("{units}"), out);
    }
}

/// Appends a moment: nanoseconds of the day, then the Julian day.
pub(super) fn put_int96(value: &Int96, out: &mut String) {
    let all = all_nanos(value);
    match (nanos(value), i64::try_from(all.div_euclid(1000))) {
        (Some(nanos), _) => put_timestamp(nanos, NANOS, "", out),
        (None, Ok(micros)) if all.rem_euclid(1000) == 0 => put_timestamp(micros, MICROS, "", out),
        _ => put(format_args!("{:?}", value.data()), out),
    }
}

/// The nanoseconds from 1970-01-01 to a moment, if 64 bits hold them.
pub(super) fn nanos(value: &Int96) -> Option<i64> {
    i64::try_from(all_nanos(value)).ok()
}

fn all_nanos(value: &Int96) -> i128 {
    let data = value.data();
    let nanos = (i128::from(data[1]) << 32) + i128::from(data[0]);
    (i128::from(data[2]) - JULIAN_EPOCH) * i128::from(NANOS_A_DAY) + nanos
}

/// Appends the digits of a whole number with a point before the last `scale` of them.
fn put_decimal(value: i128, scale: i32, out: &mut String) {
    // The buffer has room for a sign and 39 digits.
    let (mut buffer, mut at, mut rest) = ([b'0'; 40], 40, value.unsigned_abs());
    while rest > u128::from(u64::MAX) {
        at -= 1;
        buffer[at] += (rest % 10) as u8;
        rest /= 10;
    }
    let mut rest = rest as u64;
    while rest > 0 {
        at -= 1;
        buffer[at] += (rest % 10) as u8;
        rest /= 10;
    }
    let digits = std::str::from_utf8(&buffer[at..]).unwrap_or_default();
    put_digits(value < 0, if digits.is_empty() { "0" } else { digits }, scale, out);
}

/// Appends digits with a point before the last `scale` of them.
fn put_digits(is_negative: bool, digits: &str, scale: i32, out: &mut String) {
    let scale = usize::try_from(scale).unwrap_or(0);
    out.extend(is_negative.then_some('-'));
    if scale == 0 {
        return out.push_str(digits);
    }
    if digits.len() <= scale {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', scale - digits.len()));
        return out.push_str(digits);
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    out.push_str(whole);
    out.push('.');
    out.push_str(fraction);
}

/// Appends bytes, or the value that they stand for.
pub(super) fn put_bytes(data: &[u8], kind: Kind, out: &mut String) {
    match kind {
        Kind::Text if let Ok(text) = std::str::from_utf8(data) => out.push_str(text),
        Kind::Decimal(scale) => match signed(data) {
            Some(value) => put_decimal(value, scale, out),
            None => {
                let digits = big_endian(data);
                let (is_negative, digits) = digits.strip_prefix('-').map_or((false, &*digits), |rest| (true, rest));
                put_digits(is_negative, digits, scale, out);
            }
        },
        Kind::Uuid if data.len() == 16 => {
            for (at, part) in [&data[..4], &data[4..6], &data[6..8], &data[8..10], &data[10..]].into_iter().enumerate()
            {
                out.extend((at > 0).then_some('-'));
                put_hex(part, out);
            }
        }
        // Bytes that are no text are shown in hexadecimal.
        _ => {
            out.push_str("\\x");
            put_hex(data, out);
        }
    }
}

fn put_hex(data: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(data.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])));
}

/// A whole number of up to 16 bytes in two's complement.
fn signed(data: &[u8]) -> Option<i128> {
    let mut bytes = [if data.first()? & 0x80 == 0 { 0 } else { 0xFF }; 16];
    bytes[16_usize.checked_sub(data.len())?..].copy_from_slice(data);
    Some(i128::from_be_bytes(bytes))
}

/// A whole number in two's complement of any length as decimal digits.
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
pub(super) fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 != 0 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1F if fraction == 0.0 => f64::INFINITY,
        0x1F => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::moment::MILLIS;

    #[test]
    fn a_time_that_no_day_has_is_its_number() {
        for (value, unit, expected) in [
            (0, MICROS, "00:00:00"),
            (86_399_999_999, MICROS, "23:59:59.999999"),
            (86_400_000_000, MICROS, "86400000000"),
            (-1, MILLIS, "-1"),
            (90_000_000, MILLIS, "90000000"),
            (86_399_999, MILLIS, "23:59:59.999"),
            (86_400_000_000_000, NANOS, "86400000000000"),
            (i64::MIN, NANOS, "-9223372036854775808"),
            (i64::MAX, MILLIS, "9223372036854775807"),
        ] {
            let mut text = String::new();
            put_whole(value, Kind::Time(unit), &mut text);
            assert_eq!(text, expected);
        }
    }
}
