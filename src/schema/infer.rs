//! Inference of types: a value is only of those types that it reads back from as the same value.
//!
//! Rules, so that nothing is altered in silence: a number has no leading zero, no plus sign, no blank and no `-0`
//! (`007` and `+5` are somebody's codes); a number with an exponent must look as programs print it (`1e-07`, `1.5E+10`,
//! `1.0E7`), so that `5885E9` and `1E5`, which are codes as often, stay text; a day is ISO 8601, because `01/02/2020`
//! could be two days, and midnight where others of its column have a time and none of them is midnight; `true` and
//! `false` in one spelling of three.

use super::Notation;
use super::doubles::{long_exponent_text, python_text};
use super::moment::moment;
use super::types::{Fits, Spelling, Type};

const BIGINT: Fits = Fits::of(&[Type::Bigint, Type::Numeric, Type::Double]);
const BIGINT_NOT_DOUBLE: Fits = Fits::of(&[Type::Bigint, Type::Numeric]);
const NUMERIC: Fits = Fits::of(&[Type::Numeric]);
const NUMERIC_OR_DOUBLE: Fits = Fits::of(&[Type::Numeric, Type::Double]);
const DOUBLE: Fits = Fits::of(&[Type::Double]);

/// Greatest number of digits of a numeric. PostgreSQL's holds far more, but a longer number is somebody's identifier.
const MAX_NUMERIC_DIGITS: usize = 38;

/// Greatest length in digits, the point included, that every double gives back.
const MAX_PLAIN_DIGITS: usize = 16;

/// Greatest number of digits of whole numbers that are all doubles of their own.
const PLAIN_BIGINT_DIGITS: usize = 15;

/// Digits of a whole number that Python prints without an exponent, and of a number of any kind that `%g` does.
const PYTHON_POWER: usize = 16;
const LONG_EXPONENT_DIGITS: usize = 6;

/// Greatest whole number up to which each is a double of its own (2^53).
const MAX_WHOLE_DOUBLE: u64 = 1 << 53;

/// The types of a column, narrowed by one value after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inference(Fits);

impl Default for Inference {
    fn default() -> Self {
        Inference(Fits::ALL)
    }
}

impl Inference {
    /// Narrows by one more value that is not NULL.
    pub fn see(&mut self, value: &str) {
        self.narrow(fits(value));
    }

    /// Narrows by more values, until only text is left.
    pub fn see_all<'a>(&mut self, mut values: impl Iterator<Item = &'a str>) {
        while self.0 != Fits::TEXT
            && let Some(value) = values.next()
        {
            self.narrow(fits(value));
        }
    }

    /// Narrows by more cells in a stated notation. An empty text is NULL among numbers and days, a text among texts.
    pub(crate) fn see_written<'a>(
        &mut self,
        mut cells: impl Iterator<Item = Option<&'a str>>,
        notation: &Notation,
        native: bool,
    ) {
        while self.0 != Fits::TEXT
            && let Some(cell) = cells.next()
        {
            if let Some(value) = notation.value(cell).filter(|value| !value.is_empty()) {
                self.narrow(notation.fits(value, native));
            }
        }
    }

    /// The types that both are of.
    pub(super) fn and(self, other: Inference) -> Inference {
        Inference(self.0.and(other.0))
    }

    /// Narrows by the types of one more value.
    pub(crate) fn narrow(&mut self, fits: Fits) {
        self.0 = self.0.and(fits);
    }

    /// Inference for values that are known to be of these types at most.
    pub fn within(fits: Fits) -> Self {
        Inference(fits)
    }

    /// The types that every value seen fits.
    pub fn fits(self) -> Fits {
        self.0.settled()
    }
}

/// The types that one value reads back from as the same value.
pub(super) fn fits(value: &str) -> Fits {
    let bytes = value.as_bytes();
    match bytes.first() {
        Some(b'0'..=b'9') => {
            let number = number(value);
            if number == Fits::TEXT { moment(value) } else { number }
        }
        Some(b'-') => number(value),
        Some(b't' | b'T' | b'f' | b'F') => boolean(value).map_or(Fits::TEXT, |(_, spelling)| Fits::boolean(spelling)),
        _ => Fits::TEXT,
    }
}

pub(super) fn number(value: &str) -> Fits {
    let unsigned = value.strip_prefix('-').unwrap_or(value).as_bytes();
    let whole = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return Fits::TEXT;
    }
    if whole == unsigned.len() {
        if whole <= LONG_EXPONENT_DIGITS && unsigned != b"0" {
            return BIGINT.with_double_forms(false, true);
        }
        if whole <= PLAIN_BIGINT_DIGITS && unsigned != b"0" {
            return BIGINT;
        }
        return match value.parse::<i64>() {
            Ok(0) if value != "0" => Fits::TEXT,
            Ok(0) => BIGINT.with_double_forms(false, true),
            Ok(number) if number.unsigned_abs() <= MAX_WHOLE_DOUBLE => BIGINT,
            Ok(_) => BIGINT_NOT_DOUBLE,
            Err(_) => Fits::TEXT,
        };
    }
    let rest = &unsigned[whole..];
    let fraction = if rest[0] == b'.' { digits(&rest[1..]) } else { 0 };
    if rest[0] == b'.' && fraction == 0 {
        return Fits::TEXT;
    }
    let tail = if fraction == 0 { rest } else { &rest[1 + fraction..] };
    if tail.is_empty() {
        if whole + fraction > MAX_NUMERIC_DIGITS {
            return Fits::TEXT;
        }
        let zero = unsigned.iter().all(|byte| matches!(byte, b'0' | b'.'));
        if zero && value.starts_with('-') {
            return Fits::TEXT;
        }
        // `1.10` as a double is 1.1, so it is none; `1.0` is the double 1 as programs print it.
        let as_printed = fraction == 1 || unsigned.last() != Some(&b'0');
        if !as_printed || (unsigned.len() > MAX_PLAIN_DIGITS && !is_shortest(unsigned, value)) {
            return NUMERIC;
        }
        // Smaller numbers are written with an exponent.
        let small = !zero && unsigned.starts_with(b"0.0000");
        let short = whole + fraction <= LONG_EXPONENT_DIGITS && unsigned.last() != Some(&b'0');
        return NUMERIC_OR_DOUBLE.with_double_forms(!small && whole <= PYTHON_POWER, !small && short);
    }
    let Some(exponent) = tail.strip_prefix(b"e").or_else(|| tail.strip_prefix(b"E")) else { return Fits::TEXT };
    let signed = matches!(exponent.first(), Some(b'+' | b'-'));
    let exponent = if signed { &exponent[1..] } else { exponent };
    let as_printed = whole == 1
        && unsigned[0] != b'0'
        && (signed || fraction > 0)
        && !exponent.is_empty()
        && exponent.len() <= 3
        && digits(exponent) == exponent.len()
        && (fraction <= 1 || unsigned[whole + fraction] != b'0');
    let mantissa = &unsigned[..unsigned.len() - tail.len()];
    if !as_printed || !is_shortest(mantissa, value) {
        return Fits::TEXT;
    }
    let double = value.parse().unwrap_or(f64::NAN);
    DOUBLE.with_double_forms(value == python_text(double), value == long_exponent_text(double))
}

/// True if the value's digits are those of its double, none lost and none made up.
fn is_shortest(mantissa: &[u8], value: &str) -> bool {
    // Fifteen digits always come back (`DBL_DIG`); only far exponents reach beyond a double.
    if mantissa.len() <= MAX_PLAIN_DIGITS && !value.contains(['e', 'E']) {
        return true;
    }
    let Ok(double) = value.parse::<f64>() else { return false };
    if !double.is_finite() {
        return false;
    }
    let printed = format!("{:e}", double.abs());
    let printed = printed.split('e').next().unwrap_or_default();
    significant(mantissa).eq(significant(printed.as_bytes()))
}

/// The digits from the first to the last that is not zero.
fn significant(mantissa: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let first = mantissa.iter().position(|byte| matches!(byte, b'1'..=b'9')).unwrap_or(mantissa.len());
    let last = mantissa.iter().rposition(|byte| matches!(byte, b'1'..=b'9')).map_or(first, |at| at + 1);
    mantissa[first..last].iter().copied().filter(|byte| *byte != b'.')
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn boolean(value: &str) -> Option<(bool, Spelling)> {
    match value {
        "true" => Some((true, Spelling::Lower)),
        "false" => Some((false, Spelling::Lower)),
        "True" => Some((true, Spelling::Title)),
        "False" => Some((false, Spelling::Title)),
        "TRUE" => Some((true, Spelling::Upper)),
        "FALSE" => Some((false, Spelling::Upper)),
        _ => None,
    }
}

/// True for a plain decimal of a numeric column; also for a whole number too long to be taken for one if not declared.
pub(super) fn is_decimal(value: &str) -> bool {
    let unsigned = value.strip_prefix('-').unwrap_or(value).as_bytes();
    let whole = digits(unsigned);
    let fraction = match unsigned.get(whole) {
        None => 0,
        Some(b'.') if digits(&unsigned[whole + 1..]) == unsigned.len() - whole - 1 => unsigned.len() - whole - 1,
        Some(_) => return false,
    };
    let ends_well = whole == unsigned.len() || fraction > 0;
    let no_leading_zero = whole == 1 || (whole > 1 && unsigned[0] != b'0');
    let no_negative_zero = !value.starts_with('-') || unsigned.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    ends_well && no_leading_zero && no_negative_zero && whole + fraction <= MAX_NUMERIC_DIGITS
}

/// True if a text is rather a value than a word: a number or a truth, in any spelling.
pub(crate) fn is_value(text: &str) -> bool {
    let is_number = text.contains(|letter: char| letter.is_ascii_digit()) && text.parse::<f64>().is_ok();
    is_number || read_boolean(text).is_some()
}

/// `true` or `false` in one of the three spellings.
pub(super) fn read_boolean(value: &str) -> Option<bool> {
    boolean(value).map(|(truth, _)| truth)
}

#[cfg(test)]
mod tests {
    use super::super::doubles::double_as_written;
    use super::*;
    use crate::text::double_text;

    fn kind(values: &[&str]) -> Type {
        let mut inference = Inference::default();
        values.iter().for_each(|value| inference.see(value));
        inference.fits().narrowest()
    }

    #[test]
    fn a_type_is_taken_only_where_every_value_reads_back_as_the_same_value() {
        for (expected, values) in [
            (Type::Bigint, vec!["0", "-1", "9223372036854775807", "-9223372036854775808"]),
            (Type::Text, vec!["9223372036854775808"]),
            (Type::Text, vec!["007"]),
            (Type::Text, vec!["1", "007"]),
            (Type::Text, vec!["+5"]),
            (Type::Text, vec!["-0"]),
            (Type::Text, vec!["-0.0"]),
            (Type::Text, vec![" 5"]),
            (Type::Text, vec!["1,5"]),
            (Type::Text, vec!["5."]),
            (Type::Text, vec![".5"]),
            (Type::Text, vec!["-"]),
            (Type::Numeric, vec!["1.10", "5", "-0.05", "12345678901234567890.12"]),
            (Type::Text, vec!["1234567890123456789012345678901234567.89"]),
            (Type::Text, vec!["00.5"]),
            (Type::Text, vec!["5885E9", "1"]),
            (Type::Text, vec!["1E5"]),
            (Type::Double, vec!["1e-07", "0.5", "5.0", "7", "1.5E+10", "2.5E-10"]),
            (Type::Text, vec!["1e-07", "1.10"]),
            (Type::Text, vec!["1e-07", "9007199254740993"]),
            (Type::Text, vec!["1e+999"]),
            (Type::Text, vec!["1.0000000000000000001e-07"]),
            (Type::Text, vec!["NaN"]),
            (Type::Text, vec!["inf"]),
            (Type::Boolean, vec!["true", "false"]),
            (Type::Boolean, vec!["TRUE", "FALSE"]),
            (Type::Text, vec!["True", "false"]),
            (Type::Text, vec!["t"]),
            (Type::Text, vec!["true", "1"]),
            (Type::Date, vec!["2024-02-29", "0001-01-01", "9999-12-31"]),
            (Type::Text, vec!["2023-02-29"]),
            (Type::Text, vec!["0000-01-01"]),
            (Type::Text, vec!["01/02/2020"]),
            (Type::Timestamp, vec!["2020-01-01", "2020-01-01 10:00:00"]),
            (Type::Timestamp, vec!["2020-01-01T10:00", "2020-01-02", "2020-01-01T10:00:00.5"]),
            (Type::Text, vec!["2020-01-01", "2020-01-01 10:00:00", "2020-01-02 00:00:00"]),
            (Type::Text, vec!["2020-01-01", "2020-01-02T00:00"]),
            (Type::Text, vec!["2020-01-01", "2020-01-01T10:00:00Z"]),
            (Type::Timestamp, vec!["2020-01-01 10:00:00", "2020-01-01T10:00", "2020-01-01T10:00:00.123456"]),
            (Type::Text, vec!["2020-01-01 10:00:00.1234567"]),
            (Type::Text, vec!["2020-01-01 25:00:00"]),
            (Type::Text, vec!["2016-12-31 23:59:60"]),
            (
                Type::Timestamptz,
                vec!["2020-01-01T10:00:00Z", "2020-01-01 10:00:00+02:00", "2020-01-01T10:00:00.5-0530"],
            ),
            (Type::Text, vec!["2020-01-01T10:00:00Z", "2020-01-01 10:00:00"]),
            (Type::Text, vec!["null"]),
            (Type::Text, vec![""]),
            (Type::Text, vec![]),
        ] {
            assert_eq!(kind(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn doubles_are_written_back_as_python_and_as_c_have_printed_them() {
        let written = |values: &[&str]| -> Vec<String> {
            let mut inference = Inference::default();
            values.iter().for_each(|value| inference.see(value));
            let stored = |value: &&str| double_text(value.parse().unwrap());
            values.iter().map(|value| double_as_written(&stored(value), inference.fits())).collect()
        };
        for values in [
            vec!["0.0", "1.5", "3.25e-08"],
            vec!["-2.0", "1e+16", "123456789012345.0", "0.0001", "1e-05", "1.5e+300"],
            vec!["2.03e+006", "0", "1.5", "-12", "100000", "1e-005", "3.25e-104", "0.0001"],
        ] {
            assert_eq!(written(&values), values);
        }
        // Several ways: the usual one.
        assert_eq!(written(&["7", "1e-07", "2.0"]), ["7", "1e-07", "2"]);
        // Other numbers have no such form.
        let mut inference = Inference::default();
        ["5", "0.5"].iter().for_each(|value| inference.see(value));
        assert_eq!(inference.fits().words(), "numeric,double,text");
    }

    #[test]
    fn a_decimal_is_what_is_taken_for_one_and_longer_whole_numbers() {
        for value in [
            "0",
            "-1",
            "1.10",
            "-0.05",
            "0.00",
            "12345678901234567890.12",
            "00.5",
            "007",
            "-0",
            "-0.0",
            "5.",
            ".5",
            "1e5",
        ] {
            assert_eq!(is_decimal(value), number(value).has(Type::Numeric), "{value}");
        }
        assert!(
            is_decimal("12345678901234567890123")
                && !is_decimal(&"1".repeat(39))
                && !is_decimal("1.2.3")
                && !is_decimal("")
        );
    }

    #[test]
    fn the_order_of_values_does_not_matter() {
        let values = [
            "1",
            "1.10",
            "x",
            "true",
            "True",
            "2020-01-01",
            "1e-07",
            "0.5",
            "9007199254740993",
            "2020-01-01 10:00",
            "2020-01-01 00:00",
        ];
        for one in values {
            for other in values {
                for third in values {
                    assert_eq!(kind(&[one, other, third]), kind(&[third, other, one]), "{one} {other} {third}");
                }
            }
        }
    }
}
