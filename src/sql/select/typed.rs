//! An expression as SQLite takes it, with the kind of its values and the columns they come from.
//!
//! A decimal stands in a row as its digits, in a text, so that none is lost; arithmetic takes the number. The scale
//! goes along, so that a result has as many digits as in PostgreSQL.

use std::collections::BTreeSet;

use super::super::Table;
use super::kind::Kind;

/// The columns of tables that values come from.
pub(super) type Sources = BTreeSet<(Table, String)>;

/// Number of digits of a decimal behind the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Fixed(u64),
    /// An expression for the digits of each row.
    Of(String),
    /// The result of a division: as many as fifteen digits in all allow.
    Free,
}

impl Scale {
    fn sql(&self) -> Option<String> {
        match self {
            Scale::Fixed(digits) => Some(digits.to_string()),
            Scale::Of(sql) => Some(sql.clone()),
            Scale::Free => None,
        }
    }

    /// The scale of a sum or a difference.
    pub(super) fn larger(&self, other: &Scale) -> Scale {
        match (self, other) {
            (Scale::Fixed(one), Scale::Fixed(other)) => Scale::Fixed(*one.max(other)),
            (Scale::Fixed(0), scale @ Scale::Of(_)) | (scale @ Scale::Of(_), Scale::Fixed(0)) => scale.clone(),
            (Scale::Of(one), Scale::Of(other)) if one == other => self.clone(),
            _ => self.with(other, |one, other| format!("max({one}, {other})")),
        }
    }

    /// The scale of a product.
    pub(super) fn added(&self, other: &Scale) -> Scale {
        match (self, other) {
            (Scale::Fixed(one), Scale::Fixed(other)) => Scale::Fixed(one + other),
            (Scale::Fixed(0), scale @ Scale::Of(_)) | (scale @ Scale::Of(_), Scale::Fixed(0)) => scale.clone(),
            _ => self.with(other, |one, other| format!("({one} + {other})")),
        }
    }

    fn with(&self, other: &Scale, join: impl Fn(String, String) -> String) -> Scale {
        match (self.sql(), other.sql()) {
            (Some(one), Some(other)) => Scale::Of(join(one, other)),
            _ => Scale::Free,
        }
    }
}

/// A translated expression.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// Its value; for a decimal the floating-point number.
    pub sql: String,
    pub kind: Kind,
    pub sources: Sources,
    /// Scale of a decimal.
    pub scale: Scale,
    /// Digits of a decimal, if they stand somewhere.
    pub digits: Option<String>,
    /// True if the number is the nearest to the decimal; else its sixteenth digit may be off.
    pub exact: bool,
    /// The text between the quotes.
    pub literal: Option<String>,
}

impl Typed {
    pub(super) fn new(sql: impl Into<String>, kind: Kind) -> Typed {
        let (sources, scale) = (Sources::new(), Scale::Fixed(0));
        Typed { sql: sql.into(), kind, sources, scale, digits: None, exact: true, literal: None }
    }

    /// A value of a row.
    pub(super) fn stored(sql: impl Into<String>, kind: Kind) -> Typed {
        let sql = sql.into();
        if kind != Kind::Numeric {
            return Typed::new(sql, kind);
        }
        let scale = Scale::Of(format!("max(0, length({sql}) - instr({sql} || '.', '.'))"));
        let number = format!("cast({sql} as real)");
        Typed { scale, digits: Some(sql), ..Typed::new(number, kind) }
    }

    /// A computed decimal.
    pub(super) fn computed(sql: impl Into<String>, scale: Scale) -> Typed {
        Typed { scale, exact: false, ..Typed::new(sql, Kind::Numeric) }
    }

    pub(super) fn from(mut self, sources: impl IntoIterator<Item = Sources>) -> Typed {
        self.sources.extend(sources.into_iter().flatten());
        self
    }

    pub(super) fn is_null(&self) -> bool {
        self.kind == Kind::Literal && self.literal.is_none()
    }

    /// Its form in a row, and in a text: the digits of a decimal.
    pub(super) fn at_rest(&self) -> String {
        if self.kind != Kind::Numeric {
            return self.sql.clone();
        }
        if let Some(digits) = &self.digits {
            return digits.clone();
        }
        let sql = &self.sql;
        match self.scale.sql() {
            // A zero added takes the sign from a zero.
            Some(scale) => {
                format!("case when {sql} is not null then printf('%.*f', {scale}, round({sql}, {scale}) + 0.0) end")
            }
            None => {
                let exponent = format!("substr(printf('%.14e', {sql}), instr(printf('%.14e', {sql}), 'e') + 1)");
                format!(
                    "case when {sql} is not null then rtrim(rtrim(printf('%.*f', max(1, 14 - cast({exponent} as \
                     integer)), {sql} + 0.0), '0'), '.') end"
                )
            }
        }
    }

    /// Key for comparison, order, grouping and rounding: equal for equal decimals.
    pub(super) fn key(&self) -> String {
        if self.exact || self.kind != Kind::Numeric {
            return self.sql.clone();
        }
        let sql = &self.sql;
        match self.scale.sql() {
            Some(scale) => format!("round({sql}, {scale})"),
            None => format!("case when {sql} is not null then cast(printf('%.15g', {sql}) as real) end"),
        }
    }
}

/// A decimal's number rounded, half away from zero. The number nearest to 1.005 lies below it; one bit more, and it is
/// rounded as the decimal is.
pub(super) fn round(key: &str, digits: u64) -> String {
    format!("round({key} * 1.0000000000000002, {digits})")
}

/// Quotes a text.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An expression that ends the statement with these words and a value: only SQLite's JSON functions take our words.
pub(super) fn fails(words: &str, value: &str) -> String {
    format!("json_extract('{{}}', {} || coalesce({value}, 'NULL'))", quoted(&format!("{words}: ")))
}
