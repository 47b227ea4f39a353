//! Kinds of an expression's values, in PostgreSQL's terms, and the words that declare columns of them.

use sqlparser::ast::{DataType, ExactNumberInfo, TimezoneInfo};

use crate::schema::Type;
use crate::sql::types::is_short;
use crate::sql::{Engine, NUMERIC_TEXT, type_of};

/// The kind of an expression's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `integer`: four bytes. Its sum is `bigint`.
    Integer,
    /// `bigint`. Its sum is `numeric`.
    Bigint,
    /// `numeric` without a fraction: SQLite keeps it as a whole number.
    Whole,
    /// `numeric`: SQLite keeps its digits as text, and computes with a floating-point number.
    Numeric,
    Double,
    Boolean,
    Date,
    Timestamp,
    Timestamptz,
    Text,
    /// A text in quotes, or NULL: it takes the kind of its counterpart.
    Literal,
    /// Seconds, as the difference of two moments gives them.
    Interval,
    /// An unknown kind.
    Unknown,
}

impl Kind {
    /// The kind of a column with this declared type.
    pub(super) fn of_declared(engine: Engine, declared: &str) -> Kind {
        match (type_of(declared), engine) {
            (Some(Type::Numeric), Engine::Sqlite) if declared != NUMERIC_TEXT => Kind::Whole,
            (Some(Type::Numeric), _) => Kind::Numeric,
            // Keys and the catalog, which are bigint on PostgreSQL.
            (Some(Type::Bigint), Engine::Sqlite) if declared == "integer" => Kind::Bigint,
            (Some(Type::Bigint), _) if is_short(declared) => Kind::Integer,
            (Some(Type::Bigint), _) => Kind::Bigint,
            (Some(Type::Double), _) => Kind::Double,
            (Some(Type::Boolean), _) => Kind::Boolean,
            (Some(Type::Date), _) => Kind::Date,
            (Some(Type::Timestamp), _) => Kind::Timestamp,
            (Some(Type::Timestamptz), _) => Kind::Timestamptz,
            (Some(Type::Text), _) => Kind::Text,
            (None, _) => Kind::Unknown,
        }
    }

    /// Declared type of a column of this kind.
    pub(super) fn declared(self, engine: Engine) -> Option<&'static str> {
        let sqlite = engine == Engine::Sqlite;
        Some(match self {
            Kind::Integer if sqlite => "int4",
            Kind::Integer => "integer",
            Kind::Whole => "numeric",
            Kind::Bigint => engine.told(Type::Bigint),
            Kind::Numeric => engine.told(Type::Numeric),
            Kind::Double => engine.told(Type::Double),
            Kind::Boolean => engine.told(Type::Boolean),
            Kind::Date => engine.told(Type::Date),
            Kind::Timestamp => engine.told(Type::Timestamp),
            Kind::Timestamptz => engine.told(Type::Timestamptz),
            Kind::Text | Kind::Literal => engine.told(Type::Text),
            Kind::Interval | Kind::Unknown => return None,
        })
    }

    /// PostgreSQL's word, for messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Literal => "a text in quotes",
            Kind::Interval => "interval",
            Kind::Unknown => "something of an unknown type",
            Kind::Timestamptz => "timestamptz",
            Kind::Timestamp => "timestamp",
            kind => kind.declared(Engine::Postgres).unwrap_or("something"),
        }
    }

    pub(super) fn is_integer(self) -> bool {
        matches!(self, Kind::Integer | Kind::Bigint)
    }

    /// True if PostgreSQL computes it exactly.
    pub(super) fn is_exact_number(self) -> bool {
        self.is_integer() || matches!(self, Kind::Whole | Kind::Numeric)
    }

    pub(super) fn is_number(self) -> bool {
        self.is_exact_number() || self == Kind::Double
    }

    pub(super) fn is_moment(self) -> bool {
        matches!(self, Kind::Date | Kind::Timestamp | Kind::Timestamptz)
    }

    /// The kind that values of both kinds become when they meet; `None` if PostgreSQL would not let them meet.
    pub(super) fn meeting(self, other: Kind) -> Option<Kind> {
        const NUMBERS: [Kind; 5] = [Kind::Integer, Kind::Bigint, Kind::Whole, Kind::Numeric, Kind::Double];
        const MOMENTS: [Kind; 3] = [Kind::Date, Kind::Timestamp, Kind::Timestamptz];
        if self == other {
            return Some(self);
        }
        match (self, other) {
            (Kind::Literal, kind) | (kind, Kind::Literal) => return Some(kind),
            (Kind::Unknown, _) | (_, Kind::Unknown) => return Some(Kind::Unknown),
            _ => {}
        }
        [&NUMBERS[..], &MOMENTS[..]].into_iter().find_map(|ladder| {
            let place = |kind| ladder.iter().position(|one| *one == kind);
            Some(ladder[place(self)?.max(place(other)?)])
        })
    }
}

/// Target of a cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub kind: Kind,
    /// Digits behind the point of `numeric(p, s)`, or letters of `varchar(n)`.
    pub length: Option<u64>,
    /// PostgreSQL's name for a column with such a cast.
    pub name: &'static str,
}

/// Reads a type's name; `None` if SQLite has nothing like it.
pub(super) fn target(of: &DataType) -> Option<Target> {
    let plain = |kind, name| Some(Target { kind, length: None, name });
    match of {
        DataType::Int2(None) | DataType::SmallInt(None) => plain(Kind::Integer, "int2"),
        DataType::Int(None) | DataType::Int4(None) | DataType::Integer(None) => plain(Kind::Integer, "int4"),
        DataType::Int8(None) | DataType::BigInt(None) => plain(Kind::Bigint, "int8"),
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
            let length = match info {
                ExactNumberInfo::None => None,
                ExactNumberInfo::Precision(_) => Some(0),
                ExactNumberInfo::PrecisionAndScale(_, scale) => Some(u64::try_from(*scale).ok()?),
            };
            let kind = if length == Some(0) { Kind::Whole } else { Kind::Numeric };
            Some(Target { kind, length, name: "numeric" })
        }
        DataType::DoublePrecision | DataType::Float8 | DataType::Float(ExactNumberInfo::None) => {
            plain(Kind::Double, "float8")
        }
        DataType::Bool | DataType::Boolean => plain(Kind::Boolean, "bool"),
        DataType::Date => plain(Kind::Date, "date"),
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            plain(Kind::Timestamp, "timestamp")
        }
        DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            plain(Kind::Timestamptz, "timestamptz")
        }
        DataType::Text => plain(Kind::Text, "text"),
        DataType::Varchar(None) | DataType::CharacterVarying(None) => plain(Kind::Text, "varchar"),
        DataType::Varchar(Some(length)) | DataType::CharacterVarying(Some(length)) => match length {
            sqlparser::ast::CharacterLength::IntegerLength { length, unit: None } => {
                Some(Target { kind: Kind::Text, length: Some(*length), name: "varchar" })
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_meet_as_postgresql_lets_them() {
        assert_eq!(Kind::Integer.meeting(Kind::Numeric), Some(Kind::Numeric));
        assert_eq!(Kind::Date.meeting(Kind::Timestamptz), Some(Kind::Timestamptz));
        assert_eq!(Kind::Literal.meeting(Kind::Date), Some(Kind::Date));
        assert_eq!(Kind::Text.meeting(Kind::Date), None);
        assert_eq!(Kind::Boolean.meeting(Kind::Integer), None);
    }

    #[test]
    fn a_declared_word_is_read_back() {
        for engine in [Engine::Postgres, Engine::Sqlite] {
            for kind in [Kind::Integer, Kind::Bigint, Kind::Numeric, Kind::Double, Kind::Boolean, Kind::Date] {
                assert_eq!(Kind::of_declared(engine, kind.declared(engine).unwrap()), kind);
            }
            for kind in [Kind::Timestamp, Kind::Timestamptz, Kind::Text] {
                assert_eq!(Kind::of_declared(engine, kind.declared(engine).unwrap()), kind);
            }
        }
        assert_eq!(Kind::of_declared(Engine::Postgres, "numeric(10,2)"), Kind::Numeric);
        assert_eq!(Kind::of_declared(Engine::Sqlite, ""), Kind::Unknown);
    }
}
