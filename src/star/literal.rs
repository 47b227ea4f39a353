//! The values of a header, read by the types of the columns that they are compared with or go into.

use std::fmt;

use super::class::Class;
use crate::project::Scalar;
use crate::schema::{Type, read_date, read_timestamp, read_timestamptz, timestamp_text};
use crate::sql::{Engine, type_of};

/// The greatest exponent of a number in a header, which is written out.
const EXPONENT: i32 = 300;

/// A value of a header for a column of some type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    /// A number, written out: `1e3` is `1000`.
    Number(String),
    /// True or false.
    Bool(bool),
    /// A day or a moment as tables have it.
    Moment(String),
    /// A text, or a value of a type that is not known here.
    Text(String),
}

impl Literal {
    /// Reads a value for a column of this type.
    ///
    /// # Errors
    /// In words, if the column cannot hold it.
    pub(super) fn read(declared: &str, Scalar(written): &Scalar) -> Result<Literal, String> {
        let class = Class::of(declared);
        let read = match class {
            Class::Number => written_out(written).map(Literal::Number),
            Class::Bool => truth(written).map(Literal::Bool),
            Class::Date | Class::Timestamp | Class::Timestamptz => moment(class, written).map(Literal::Moment),
            Class::Text | Class::Other => Some(Literal::Text(written.replace('\0', ""))),
        };
        read.ok_or_else(|| format!("{} is not {}", quoted(written), word(class)))
    }

    /// Reads a value that goes into a column of this type.
    ///
    /// # Errors
    /// In words, if the column cannot hold it.
    pub(super) fn read_for(declared: &str, value: &Scalar) -> Result<Literal, String> {
        match Literal::read(declared, value)? {
            Literal::Number(digits) if type_of(declared) == Some(Type::Bigint) && digits.contains('.') => {
                Err(format!("{digits} is not a whole number"))
            }
            literal => Ok(literal),
        }
    }

    /// Returns the value in SQL, for comparisons with a column of this type.
    pub(super) fn sql(&self, engine: Engine, declared: &str) -> String {
        match self {
            Literal::Number(digits) => digits.clone(),
            Literal::Bool(truth) => truth.to_string(),
            Literal::Moment(text) => format!("'{text}'"),
            // A value of no known kind is what it looks like, where the column does not say it.
            Literal::Text(text) if engine.tells_nothing(declared) => written_out(text).unwrap_or_else(|| quoted(text)),
            Literal::Text(text) => quoted(text),
        }
    }

    /// Returns the value in SQL as a column of this type keeps it.
    pub(super) fn kept(&self, engine: Engine, declared: &str) -> String {
        match self {
            Literal::Number(digits) if engine.keeps_decimals_as_texts() && type_of(declared) == Some(Type::Numeric) => {
                quoted(digits)
            }
            literal => literal.sql(engine, declared),
        }
    }

    /// Returns true if the value is above another one of its column; the order of texts is the database's.
    pub(super) fn is_above(&self, other: &Literal) -> bool {
        match (self, other) {
            (Literal::Number(one), Literal::Number(other)) => one.parse::<f64>().ok() > other.parse::<f64>().ok(),
            (Literal::Moment(one), Literal::Moment(other)) => one > other,
            _ => false,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Number(text) => formatter.write_str(text),
            Literal::Bool(truth) => write!(formatter, "{truth}"),
            Literal::Moment(text) | Literal::Text(text) => formatter.write_str(&quoted(text)),
        }
    }
}

/// Returns the type that all of these values have; `None` for texts.
pub(super) fn type_of_values<'v>(values: impl IntoIterator<Item = &'v Scalar>) -> Option<Type> {
    let mut left = vec![Type::Numeric, Type::Boolean, Type::Date, Type::Timestamp, Type::Timestamptz];
    for Scalar(written) in values {
        left.retain(|of| match of {
            Type::Numeric => written_out(written).is_some(),
            Type::Boolean => truth(written).is_some(),
            Type::Date => moment(Class::Date, written).is_some(),
            Type::Timestamp => moment(Class::Timestamp, written).is_some(),
            _ => moment(Class::Timestamptz, written).is_some(),
        });
    }
    left.first().copied()
}

/// Returns the values of a class, in words.
fn word(class: Class) -> &'static str {
    match class {
        Class::Number => "a number",
        Class::Text => "a text",
        Class::Bool => "true or false",
        Class::Date => "a date as 2024-01-31",
        Class::Timestamp => "a time without an offset as 2024-01-31 10:00:00, or a day for its beginning",
        Class::Timestamptz => {
            "a time as 2024-01-31 10:00:00+02:00, in UTC without an offset, or a day for its beginning"
        }
        Class::Other => "a value",
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Reads true or false as YAML writes them.
fn truth(written: &str) -> Option<bool> {
    match written {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Returns a day or a moment as a column of this class has it in staging.
fn moment(class: Class, written: &str) -> Option<String> {
    if class == Class::Date {
        return read_date(written).map(|_| written.to_owned());
    }
    let midnight = || read_date(written)?.and_hms_opt(0, 0, 0);
    let local = read_timestamp(written).or_else(midnight).map(|moment| moment.and_utc());
    match class {
        Class::Timestamp => Some(timestamp_text(local?.timestamp_micros())),
        _ => {
            let instant = local.or_else(|| read_timestamptz(written))?;
            Some(timestamp_text(instant.timestamp_micros()) + "+00:00")
        }
    }
}

/// Returns a decimal number without exponent and plus sign: `1e3` is `1000`, `.5` is `0.5`; the digits behind the point
/// stay.
fn written_out(written: &str) -> Option<String> {
    let (sign, number) = match written.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", written.strip_prefix('+').unwrap_or(written)),
    };
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) || exponent.abs() > EXPONENT {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    if point <= 0 {
        digits.insert_str(0, &"0".repeat(usize::try_from(1 - point).ok()?));
        point = 1;
    }
    let point = usize::try_from(point).ok()?;
    digits.push_str(&"0".repeat(point.saturating_sub(digits.len())));
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(declared: &str, written: &str) -> Result<String, String> {
        Literal::read(declared, &Scalar(written.into())).map(|literal| literal.to_string())
    }

    #[test]
    fn a_value_is_read_by_its_columns_type() {
        for (declared, written, expected) in [
            ("bigint", "5", "5"),
            ("numeric_text", "+01.50", "1.50"),
            ("numeric", "1e3", "1000"),
            ("real", "-2.5E-3", "-0.0025"),
            ("numeric", ".5", "0.5"),
            ("text", "01", "'01'"),
            ("text", "1e3", "'1e3'"),
            ("text", "true", "'true'"),
            ("text", "it's", "'it''s'"),
            ("boolean", "True", "true"),
            ("date", "2024-01-31", "'2024-01-31'"),
            ("timestamp", "2024-01-31", "'2024-01-31 00:00:00'"),
            ("timestamp", "2024-01-31T10:00", "'2024-01-31 10:00:00'"),
            ("timestamp without time zone", "2024-01-31 10:00:00.500", "'2024-01-31 10:00:00.5'"),
            ("timestamptz", "2024-01-31T01:00:00+02:00", "'2024-01-30 23:00:00+00:00'"),
            ("timestamptz", "2024-01-31T01:00Z", "'2024-01-31 01:00:00+00:00'"),
            ("timestamptz", "2024-01-31 01:00", "'2024-01-31 01:00:00+00:00'"),
        ] {
            assert_eq!(read(declared, written).unwrap(), expected, "{declared} {written}");
        }
    }

    #[test]
    fn a_value_that_the_column_cannot_hold() {
        for (declared, written, why) in [
            ("date", "not-a-date", "'not-a-date' is not a date as 2024-01-31"),
            ("date", "2024-01-31 10:00:00", "is not a date as"),
            ("date", "2024-02-30", "is not a date as"),
            ("timestamp", "2024-01-31 10:00:00Z", "is not a time without an offset as"),
            ("timestamp", "2024-01-31x", "is not a time"),
            ("timestamptz", "10:00", "is not a time"),
            ("numeric_text", "abc", "'abc' is not a number"),
            ("numeric", "1e", "is not a number"),
            ("numeric", "-", "is not a number"),
            ("numeric", "0x1F", "is not a number"),
            ("numeric", "1e999", "is not a number"),
            ("boolean", "1", "'1' is not true or false"),
            ("boolean", "yes", "'yes' is not true or false"),
        ] {
            assert!(read(declared, written).unwrap_err().contains(why), "{declared} {written}");
        }
        assert!(Literal::read_for("bigint", &Scalar("9.5".into())).unwrap_err().contains("is not a whole number"));
        assert!(Literal::read_for("numeric", &Scalar("9.5".into())).is_ok());
    }

    #[test]
    fn the_order_is_that_of_the_values() {
        let is_above = |declared: &str, one: &str, other: &str| {
            let read = |written: &str| Literal::read(declared, &Scalar(written.into())).unwrap();
            read(one).is_above(&read(other))
        };
        assert!(is_above("bigint", "2", "1.5") && !is_above("bigint", "1", "1") && is_above("numeric", "10", "9"));
        assert!(is_above("timestamp", "2024-01-01T10:00:00", "2024-01-01 09:00:00"));
        assert!(!is_above("timestamptz", "2024-01-01 10:00:00+05", "2024-01-01 09:00:00+00"));
        assert!(is_above("timestamptz", "2024-01-02 10:00:00+05", "2024-01-01 09:00:00Z"));
        assert!(!is_above("text", "b", "a"));
    }
}
