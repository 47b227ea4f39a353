//! The classes of columns by the values that they can be compared with.

use crate::project::Scalar;
use crate::schema::Type;
use crate::sql::{TableColumn, type_of};

/// The classes of values that can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Integers, decimals or floating-point numbers.
    Number,
    /// A text.
    Text,
    /// Booleans: true or false.
    Bool,
    /// A day.
    Date,
    /// A day and a time, without a zone.
    Timestamp,
    /// An instant.
    Timestamptz,
    /// Another type, or an unknown one.
    Other,
}

impl Class {
    /// Returns the class of a type in an engine's words.
    pub fn of(declared: &str) -> Class {
        match type_of(declared) {
            Some(Type::Bigint | Type::Numeric | Type::Double) => Class::Number,
            Some(Type::Text) => Class::Text,
            Some(Type::Boolean) => Class::Bool,
            Some(Type::Timestamptz) => Class::Timestamptz,
            Some(Type::Timestamp) => Class::Timestamp,
            Some(Type::Date) => Class::Date,
            None => Class::Other,
        }
    }

    /// Returns true for dates and times.
    pub fn is_time(self) -> bool {
        matches!(self, Class::Date | Class::Timestamp | Class::Timestamptz)
    }

    /// Returns true if values of this class can be summed up, as far as it is known.
    pub fn can_be_number(self) -> bool {
        matches!(self, Class::Number | Class::Other)
    }

    /// Returns the class in words.
    pub fn word(self) -> &'static str {
        match self {
            Class::Number => "a number",
            Class::Text => "a text",
            Class::Bool => "true or false",
            Class::Date => "a date as 2024-01-31",
            Class::Timestamp | Class::Timestamptz => "a time as 2024-01-31 10:00:00",
            Class::Other => "a value",
        }
    }

    /// Returns a value of a header in SQL, for a column of this class.
    ///
    /// # Errors
    /// In words, if the column cannot hold it.
    pub fn literal(self, value: &Scalar) -> Result<String, String> {
        let fits = match (self, value) {
            (Class::Text, Scalar::Text(_)) | (Class::Other, _) => true,
            (Class::Text, other) => return Ok(format!("'{}'", other.sql())),
            (Class::Number, value) => matches!(value, Scalar::Whole(_) | Scalar::Number(_)),
            (Class::Bool, value) => matches!(value, Scalar::Bool(_)),
            (_, Scalar::Text(text)) => text.get(..10).is_some_and(|day| day.parse::<chrono::NaiveDate>().is_ok()),
            _ => false,
        };
        if fits { Ok(value.sql()) } else { Err(format!("{} is not {}", value.sql(), self.word())) }
    }
}

impl Class {
    /// Returns true if a value of a header is above another one in each column of this class; the order of texts is the
    /// database's.
    pub fn is_above(self, one: &Scalar, other: &Scalar) -> bool {
        // An instant's offset may move it by a day.
        let time = |text: &str| match self {
            Class::Timestamptz => text.get(..10).unwrap_or_default().to_owned(),
            _ => text.replace('T', " "),
        };
        match (self, one, other) {
            (Class::Text | Class::Bool, ..) => false,
            (_, Scalar::Text(one), Scalar::Text(other)) => self.is_time() && time(one) > time(other),
            _ => one.number().zip(other.number()).is_some_and(|(one, other)| one > other),
        }
    }
}

/// Checks that the column with the time from which a row holds is a date or a timestamp.
///
/// # Errors
/// In words, if it is not.
pub(super) fn must_be_time(at: Option<&str>, columns: &[TableColumn]) -> Result<(), String> {
    let Some(column) = columns.iter().find(|column| Some(column.name.as_str()) == at) else { return Ok(()) };
    let class = Class::of(&column.declared);
    if class.is_time() || class == Class::Other {
        return Ok(());
    }
    Err(format!("at: {} is {}: it must be a date or a timestamp; cast it in the select", column.name, column.declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_their_columns() {
        let literal = |declared: &str, value: Scalar| Class::of(declared).literal(&value);
        assert_eq!(literal("bigint", Scalar::Whole(5)).unwrap(), "5");
        assert_eq!(literal("text", Scalar::Whole(5)).unwrap(), "'5'");
        assert_eq!(literal("date", Scalar::Text("2024-01-31".into())).unwrap(), "'2024-01-31'");
        assert!(literal("date", Scalar::Text("not-a-date".into())).unwrap_err().contains("is not a date"));
        assert!(literal("numeric_text", Scalar::Text("abc".into())).unwrap_err().contains("is not a number"));
        assert!(literal("boolean", Scalar::Whole(1)).is_err());
        let day = |text: &str| Scalar::Text(text.into());
        assert!(Class::Number.is_above(&Scalar::Whole(2), &Scalar::Number(1.5)));
        assert!(!Class::Number.is_above(&Scalar::Whole(1), &Scalar::Whole(1)));
        assert!(Class::Timestamp.is_above(&day("2024-01-01T10:00:00"), &day("2024-01-01 09:00:00")));
        assert!(!Class::Timestamptz.is_above(&day("2024-01-01 10:00:00+05"), &day("2024-01-01 09:00:00+00")));
        assert!(Class::Timestamptz.is_above(&day("2024-01-02 10:00:00+05"), &day("2024-01-01 09:00:00+00")));
        assert!(!Class::Text.is_above(&day("b"), &day("a")));
        assert_eq!(Class::of("interval"), Class::Other);
        assert_eq!(Class::of("timestamp with time zone"), Class::Timestamptz);
        assert_eq!(Class::of("timestamp without time zone"), Class::Timestamp);
    }
}
