//! The classes of columns by the values that they can be compared with.

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
    fn types_in_the_words_of_both_engines() {
        assert_eq!(Class::of("interval"), Class::Other);
        assert_eq!(Class::of("numeric_text"), Class::Number);
        assert_eq!(Class::of("timestamp with time zone"), Class::Timestamptz);
        assert_eq!(Class::of("timestamp without time zone"), Class::Timestamp);
    }
}
