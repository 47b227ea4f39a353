//! The kinds of a result's columns: the declared types, as far as all values fit them. Where SQLite does not know the
//! type of a computed column, its values decide.

use crate::schema::{Type, read_date, read_timestamp, read_timestamptz};
use crate::sql::{Engine, type_of};

/// The most digits of a decimal in Parquet and in most of its readers.
const MAX_DIGITS: usize = 38;
/// The number of digits that a double always preserves.
pub(super) const DOUBLE_DIGITS: usize = 15;

/// The kinds of columns by all their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integers of 64 bits.
    Whole,
    /// Decimal numbers.
    Decimal {
        /// The most digits in all, up to 38.
        digits: u8,
        /// The most digits after the point.
        scale: u8,
    },
    /// Floating-point numbers.
    Double,
    /// Booleans: true and false.
    Boolean,
    /// Days.
    Date,
    /// Days with a time, without a zone.
    Timestamp,
    /// Instants.
    Timestamptz,
    /// Any text.
    Text,
}

impl Kind {
    /// Returns true if the values are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Kind::Whole | Kind::Decimal { .. } | Kind::Double)
    }

    /// Returns true if the values are days or moments.
    pub fn is_moment(self) -> bool {
        matches!(self, Kind::Date | Kind::Timestamp | Kind::Timestamptz)
    }
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// The number of letters of the longest value.
    pub longest: usize,
    /// True if moments have fractions of seconds.
    pub fractions: bool,
}

/// Returns the type for the engine's word; `None` for a column that SQLite computes without a type.
pub(super) fn declared(engine: Engine, word: &str) -> Option<Type> {
    let word = word.to_lowercase();
    if engine.tells_nothing(&word) {
        return None;
    }
    Some(type_of(&word).unwrap_or(Type::Text))
}

/// The values of a column so far.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    declared: Option<Type>,
    any: bool,
    /// True if SQLite stores one of them as text, in a column without a type.
    text: bool,
    whole: bool,
    plain: bool,
    double: bool,
    boolean: bool,
    date: bool,
    timestamp: bool,
    timestamptz: bool,
    before_point: usize,
    after_point: usize,
    longest: usize,
    fractions: bool,
}

impl Observed {
    pub(super) fn new(declared: Option<Type>) -> Observed {
        Observed {
            declared,
            any: false,
            text: false,
            whole: true,
            plain: true,
            double: true,
            boolean: true,
            date: true,
            timestamp: true,
            timestamptz: true,
            before_point: 0,
            after_point: 0,
            longest: 0,
            fractions: false,
        }
    }

    /// Takes in one more value that is not NULL, with SQLite's storage class if the column has no type.
    pub(super) fn see(&mut self, value: &str, storage: Option<&str>) {
        self.any = true;
        self.longest = self.longest.max(value.chars().count());
        self.text |= matches!(storage, Some("text" | "blob"));
        let kept_as_text = matches!(storage, Some("text" | "blob"));
        match self.declared {
            Some(Type::Bigint | Type::Numeric | Type::Double) => self.see_number(value, false),
            None if !kept_as_text => self.see_number(value, storage == Some("real")),
            Some(Type::Boolean) => self.boolean &= matches!(value, "true" | "false"),
            Some(Type::Date | Type::Timestamp | Type::Timestamptz) | None => self.see_moment(value),
            Some(Type::Text) => {}
        }
    }

    fn see_number(&mut self, value: &str, is_double: bool) {
        (self.date, self.timestamp, self.timestamptz) = (false, false, false);
        self.whole &= value.parse::<i64>().is_ok();
        match plain_digits(value) {
            Some((before, after)) => {
                self.before_point = self.before_point.max(before);
                self.after_point = self.after_point.max(after);
                self.double &= is_double || self.declared == Some(Type::Double) || before + after <= DOUBLE_DIGITS;
            }
            None => {
                self.plain = false;
                self.double &= value.parse::<f64>().is_ok();
            }
        }
    }

    fn see_moment(&mut self, value: &str) {
        self.date = self.date && read_date(value).is_some();
        self.timestamp = self.timestamp && read_timestamp(value).is_some();
        self.timestamptz = self.timestamptz && read_timestamptz(value).is_some();
        self.fractions |= value.contains('.');
    }

    /// Returns the column.
    pub(super) fn field(&self, name: String) -> Field {
        Field { name, kind: self.kind(), longest: self.longest, fractions: self.fractions }
    }

    fn kind(&self) -> Kind {
        let digits = self.before_point + self.after_point;
        match self.declared {
            None if !self.any => Kind::Text,
            Some(Type::Double) if self.double => Kind::Double,
            Some(Type::Bigint | Type::Numeric) | None if !self.text => match () {
                () if self.whole => Kind::Whole,
                () if self.plain && digits <= MAX_DIGITS => {
                    Kind::Decimal { digits: digits as u8, scale: self.after_point as u8 }
                }
                () if self.double => Kind::Double,
                () => Kind::Text,
            },
            Some(Type::Boolean) if self.boolean => Kind::Boolean,
            Some(Type::Date) | None if self.date => Kind::Date,
            Some(Type::Timestamp) | None if self.timestamp => Kind::Timestamp,
            Some(Type::Timestamptz) | None if self.timestamptz => Kind::Timestamptz,
            _ => Kind::Text,
        }
    }
}

/// Returns the number of digits of a plain decimal number (`-12.340`) before its point and after it.
fn plain_digits(value: &str) -> Option<(usize, usize)> {
    let value = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!whole.is_empty() && digits(whole) && digits(fraction))
        .then(|| (whole.trim_start_matches('0').len(), fraction.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(declared: Option<Type>, values: &[(&str, Option<&str>)]) -> Kind {
        let mut observed = Observed::new(declared);
        values.iter().for_each(|(value, storage)| observed.see(value, *storage));
        observed.kind()
    }

    #[test]
    fn a_declared_type_stands_where_all_values_go_with_it() {
        let of = |declared, values: &[&str]| {
            kind(Some(declared), &values.iter().map(|value| (*value, None)).collect::<Vec<_>>())
        };
        assert_eq!(of(Type::Bigint, &["1", "-9223372036854775808"]), Kind::Whole);
        assert_eq!(of(Type::Numeric, &["1.10", "-12", "0.005"]), Kind::Decimal { digits: 5, scale: 3 });
        assert_eq!(of(Type::Numeric, &["12", "9223372036854775808"]), Kind::Decimal { digits: 19, scale: 0 });
        assert_eq!(of(Type::Numeric, &["1.5", "NaN"]), Kind::Double);
        assert_eq!(of(Type::Numeric, &["1234567890.123456789", "NaN"]), Kind::Text);
        assert_eq!(of(Type::Numeric, &[&"9".repeat(39)]), Kind::Text);
        assert_eq!(of(Type::Double, &["1e-07", "0.30000000000000004", "Infinity"]), Kind::Double);
        assert_eq!(of(Type::Boolean, &["true"]), Kind::Boolean);
        assert_eq!(of(Type::Date, &["2024-02-29", "infinity"]), Kind::Text);
        assert_eq!(of(Type::Timestamptz, &["2024-02-29 10:00:00.5+00"]), Kind::Timestamptz);
        assert_eq!(of(Type::Text, &["1"]), Kind::Text);
        assert_eq!(of(Type::Date, &[]), Kind::Date);
    }

    #[test]
    fn what_has_no_type_is_told_by_its_values_and_how_they_are_kept() {
        let real = Some("real");
        assert_eq!(kind(None, &[("1", Some("integer")), ("2.5", real)]), Kind::Decimal { digits: 2, scale: 1 });
        assert_eq!(kind(None, &[("0.30000000000000004", real), ("1e+300", real)]), Kind::Double);
        assert_eq!(kind(None, &[("941", Some("text"))]), Kind::Text);
        assert_eq!(kind(None, &[("2024-02-29", Some("text"))]), Kind::Date);
        assert_eq!(kind(None, &[("2024-02-29", Some("text")), ("1", Some("integer"))]), Kind::Text);
        assert_eq!(kind(None, &[]), Kind::Text);
    }

    #[test]
    fn the_engines_words() {
        assert_eq!(declared(Engine::of_url("postgres:"), "numeric(10,2)"), Some(Type::Numeric));
        assert_eq!(declared(Engine::of_url("sqlite:"), "numeric_text"), Some(Type::Numeric));
        assert_eq!(declared(Engine::of_url("sqlite:"), "NUM"), None);
        assert_eq!(declared(Engine::of_url("postgres:"), "interval"), Some(Type::Text));
    }
}
