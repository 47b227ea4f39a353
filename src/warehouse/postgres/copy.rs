//! Arrow columns as PostgreSQL's binary COPY.
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>, and the `*_recv` functions of each type.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch, StringArray};

use crate::schema::Type;

/// Days and microseconds from 1970-01-01, Arrow's epoch, to 2000-01-01, PostgreSQL's.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// A column, downcast by its type.
enum Cells<'a> {
    Bigint(&'a PrimitiveArray<Int64Type>),
    Numeric(&'a StringArray),
    Double(&'a PrimitiveArray<Float64Type>),
    Boolean(&'a BooleanArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Text(&'a StringArray),
}

/// Header of a COPY stream: the signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0";

/// Trailer of a COPY stream.
pub(super) const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// Appends the batch's rows to a COPY stream; `types` are its columns' types.
pub fn encode(types: &[Type], batch: &RecordBatch, out: &mut Vec<u8>) {
    let columns: Vec<_> = types.iter().zip(batch.columns()).map(|(kind, array)| cells(*kind, array)).collect();
    let width = (columns.len() as i16).to_be_bytes();
    out.reserve(batch.get_array_memory_size() + batch.num_rows() * (2 + 4 * columns.len()));
    for row in 0..batch.num_rows() {
        out.extend_from_slice(&width);
        for column in &columns {
            put(out, column, row);
        }
    }
}

fn cells(kind: Type, array: &dyn Array) -> Cells<'_> {
    match kind {
        Type::Bigint => Cells::Bigint(array.as_primitive()),
        Type::Numeric => Cells::Numeric(array.as_string()),
        Type::Double => Cells::Double(array.as_primitive()),
        Type::Boolean => Cells::Boolean(array.as_boolean()),
        Type::Date => Cells::Date(array.as_primitive()),
        Type::Timestamp | Type::Timestamptz => Cells::Timestamp(array.as_primitive()),
        Type::Text => Cells::Text(array.as_string()),
    }
}

fn put(out: &mut Vec<u8>, column: &Cells<'_>, row: usize) {
    match column {
        Cells::Bigint(array) if array.is_valid(row) => field(out, &array.value(row).to_be_bytes()),
        Cells::Numeric(array) if array.is_valid(row) => numeric(out, array.value(row)),
        Cells::Double(array) if array.is_valid(row) => field(out, &array.value(row).to_be_bytes()),
        Cells::Boolean(array) if array.is_valid(row) => field(out, &[u8::from(array.value(row))]),
        Cells::Date(array) if array.is_valid(row) => field(out, &(array.value(row) - EPOCH_DAYS).to_be_bytes()),
        Cells::Timestamp(array) if array.is_valid(row) => {
            field(out, &(array.value(row) - EPOCH_MICROS).to_be_bytes());
        }
        Cells::Text(array) if array.is_valid(row) => field(out, array.value(row).as_bytes()),
        _ => out.extend_from_slice(&(-1i32).to_be_bytes()),
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    // A record is at most 64 MiB, so a cell's length fits.
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Greatest number of groups of four digits in a decimal, on both sides of its point.
const MAX_GROUPS: usize = 24;

/// Writes a plain decimal (`-12.340`) of at most 38 digits, as `numeric_recv` reads it: groups of four digits from the
/// point outwards, and the scale, so that trailing zeros stay.
fn numeric(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let (negative, bytes) = bytes.strip_prefix(b"-").map_or((false, bytes), |rest| (true, rest));
    let point = memchr::memchr(b'.', bytes).unwrap_or(bytes.len());
    let (whole, fraction) = (&bytes[..point], bytes.get(point + 1..).unwrap_or_default());
    let (mut groups, mut count) = ([0i16; MAX_GROUPS], 0);
    let mut put = |group: i16| {
        groups[count] = group;
        count += 1;
    };
    let (head, tail) = whole.split_at(whole.len() % 4);
    if !head.is_empty() {
        put(group(head, 1));
    }
    tail.chunks(4).for_each(|digits| put(group(digits, 1)));
    for digits in fraction.chunks(4) {
        put(group(digits, [1000, 100, 10, 1][digits.len() - 1]));
    }
    let groups = &groups[..count];
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups[leading..].iter().rev().take_while(|group| **group == 0).count();
    let groups = &groups[leading..count - trailing];
    let weight = if groups.is_empty() { 0 } else { whole.len().div_ceil(4) as i16 - 1 - leading as i16 };

    out.extend_from_slice(&(8 + 2 * groups.len() as i32).to_be_bytes());
    out.extend_from_slice(&(groups.len() as i16).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&(if negative { 0x4000u16 } else { 0 }).to_be_bytes());
    out.extend_from_slice(&(fraction.len() as u16).to_be_bytes());
    for group in groups {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

fn group(digits: &[u8], scale: i16) -> i16 {
    digits.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (i16, Vec<i16>, u16) {
        let mut out = Vec::new();
        numeric(&mut out, text);
        let word = |at: usize| i16::from_be_bytes([out[at], out[at + 1]]);
        assert_eq!(i32::from_be_bytes([out[0], out[1], out[2], out[3]]) as usize, out.len() - 4);
        (word(6), (0..word(4) as usize).map(|n| word(12 + 2 * n)).collect(), word(10) as u16)
    }

    #[test]
    fn decimals_are_groups_of_four_digits_around_the_point() {
        assert_eq!(parts("0"), (0, vec![], 0));
        assert_eq!(parts("0.00"), (0, vec![], 2));
        assert_eq!(parts("1.10"), (0, vec![1, 1000], 2));
        assert_eq!(parts("-12345.6789012"), (1, vec![1, 2345, 6789, 120], 7));
        assert_eq!(parts("0.00001"), (-2, vec![1000], 5));
        assert_eq!(parts("10000"), (1, vec![1], 0));
        assert_eq!(parts("0.05"), (-1, vec![500], 2));
    }
}
