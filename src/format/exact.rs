//! Numbers of a workbook whose digits no double holds: 1234567890123456789 of an XLSX or ODS is loaded with the digits
//! that stand in the file, while the reader of cells gives doubles.

use std::ops::Range;

/// The limit of whole numbers that are doubles of their own: this one (2^53) is also the double of the next.
const MAX_WHOLE_DOUBLE: f64 = (1u64 << 53) as f64;

/// Digits that suffice to tell every double.
const MAX_DOUBLE_DIGITS: usize = 17;

/// A cell's row and column, from 0.
type Place = (u64, u64);

/// The numbers of one sheet, in the order of its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exact {
    stretches: Vec<Stretch>,
    /// The digits of all numbers, one behind the other.
    digits: String,
}

/// Neighbouring cells with one number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    rows: Range<u32>,
    columns: Range<u32>,
    /// The start of its digits.
    digits: usize,
}

impl Exact {
    /// Keeps the number of the cells from a place on, `rows` down and `columns` to the right, if no double holds it.
    pub(super) fn see(&mut self, number: &[u8], (row, column): Place, rows: u64, columns: u64) {
        let Some(digits) = std::str::from_utf8(number).ok().and_then(beyond_double) else { return };
        // A sheet ends long before the limit.
        let range = |start: u64, many: u64| {
            let end = start.saturating_add(many);
            u32::try_from(start).unwrap_or(u32::MAX)..u32::try_from(end).unwrap_or(u32::MAX)
        };
        let stretch = Stretch { rows: range(row, rows), columns: range(column, columns), digits: self.digits.len() };
        self.stretches.push(stretch);
        self.digits.push_str(digits);
    }

    /// The digits of a cell that the double `value` was made of; `None` if the double holds them.
    ///
    /// # Errors
    /// When another number stands there in the file.
    pub(super) fn digits(&self, (row, column): Place, value: f64) -> Result<Option<&str>, ()> {
        let is_before = |one: &Stretch| {
            u64::from(one.rows.end) <= row || (u64::from(one.rows.start) <= row && u64::from(one.columns.end) <= column)
        };
        let at = self.stretches.partition_point(is_before);
        let is_there = |one: &&Stretch| u64::from(one.rows.start) <= row && u64::from(one.columns.start) <= column;
        let Some(stretch) = self.stretches.get(at).filter(is_there) else { return Ok(None) };
        let end = self.stretches.get(at + 1).map_or(self.digits.len(), |next| next.digits);
        let digits = &self.digits[stretch.digits..end];
        if digits.parse() == Ok(value) { Ok(Some(digits)) } else { Err(()) }
    }

    /// The number of cells.
    pub(super) fn cells(&self) -> u64 {
        let size = |range: &Range<u32>| u64::from(range.end - range.start);
        self.stretches.iter().map(|one| size(&one.rows).saturating_mul(size(&one.columns))).fold(0, u64::saturating_add)
    }
}

/// The digits of a number that a double does not hold: a whole number from 2^53 on, one out of a double's range, and
/// one with more digits than suffice for a double that is no double's own expansion. Programs write 2.3 as
/// `2.2999999999999998`.
fn beyond_double(number: &str) -> Option<&str> {
    // Fifteen digits always come back; so short a text has no exponent beyond a double's range.
    let has_exponent = number.contains(['e', 'E']);
    if number.len() < 5 || (number.len() <= 15 && !has_exponent) {
        return None;
    }
    if !number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')) {
        return None;
    }
    let value: f64 = number.parse().ok()?;
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let significant = significant(mantissa);
    if !value.is_finite() || (value == 0.0 && !significant.is_empty()) {
        return Some(number);
    }
    let whole = mantissa
        .split_once('.')
        .map_or(mantissa, |(whole, fraction)| if fraction.bytes().all(|digit| digit == b'0') { whole } else { "" });
    if !has_exponent && !whole.is_empty() && value.abs() >= MAX_WHOLE_DOUBLE {
        return Some(whole);
    }
    if significant.len() <= MAX_DOUBLE_DIGITS {
        return None;
    }
    let expansion = format!("{:.*e}", significant.len() - 1, value);
    let is_expansion = self::significant(expansion.split('e').next().unwrap_or_default()) == significant;
    (!is_expansion).then_some(number)
}

/// The digits from the first to the last that is not zero.
fn significant(mantissa: &str) -> String {
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_no_double_holds_are_kept() {
        for (number, kept) in [
            ("1234567890123456789", Some("1234567890123456789")),
            ("-1234567890123456789", Some("-1234567890123456789")),
            ("9007199254740992", Some("9007199254740992")),
            ("9007199254740993", Some("9007199254740993")),
            ("1234567890123456789.00", Some("1234567890123456789")),
            ("123456789012345678901234567890", Some("123456789012345678901234567890")),
            ("1234567890123456.789", Some("1234567890123456.789")),
            ("0.1234567890123456789", Some("0.1234567890123456789")),
            ("1e400", Some("1e400")),
            ("1e-400", Some("1e-400")),
            ("4111111111111111", None),
            ("2.2999999999999998", None),
            ("0.10000000000000000555", None),
            ("1.2345678901234567E+18", None),
            ("0.0000000000000000000000", None),
            ("1E+30", None),
            ("45000.541666666664", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(beyond_double(number), kept, "{number}");
        }
    }

    #[test]
    fn a_number_is_found_by_its_place() {
        let mut exact = Exact::default();
        exact.see(b"9007199254740993", (0, 1), 1, 1);
        exact.see(b"12", (0, 2), 1, 1);
        exact.see(b"9007199254740995", (0, 4), 1, 2);
        exact.see(b"9007199254740997", (2, 0), 3, 1);
        exact.see(b"9007199254740999", (2, 3), 3, 1);
        let at = |row, column, value: f64| exact.digits((row, column), value);
        assert_eq!(at(0, 0, 9007199254740993.0), Ok(None));
        assert_eq!(at(0, 1, 9007199254740993.0), Ok(Some("9007199254740993")));
        assert_eq!(at(0, 1, 1.0), Err(()));
        assert_eq!(at(0, 2, 12.0), Ok(None));
        assert_eq!(at(0, 5, 9007199254740995.0), Ok(Some("9007199254740995")));
        assert_eq!(at(1, 5, 9007199254740995.0), Ok(None));
        for row in 2..5 {
            assert_eq!(at(row, 0, 9007199254740997.0), Ok(Some("9007199254740997")));
            assert_eq!(at(row, 2, 1.0), Ok(None));
            assert_eq!(at(row, 3, 9007199254740999.0), Ok(Some("9007199254740999")));
        }
        assert_eq!((at(5, 0, 1.0), exact.cells()), (Ok(None), 9));
    }
}
