//! The types that the databases' words for them mean: the one place that reads those words.

use super::NUMERIC_TEXT;

/// A type of a column, as far as Sluice tells types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlType {
    /// Whole numbers of two or four bytes.
    Integer,
    /// Whole numbers of eight bytes.
    Bigint,
    /// Decimals, exact.
    Numeric,
    /// Floating-point numbers.
    Double,
    /// True or false.
    Boolean,
    /// Days.
    Date,
    /// Days with a time, without a zone.
    Timestamp,
    /// Instants.
    Timestamptz,
    /// Texts.
    Text,
    /// Any other type, or none.
    Other,
}

impl SqlType {
    /// The type of a word of either engine, with whatever length, digits and letters: `character varying(20)`,
    /// `numeric(10,2)`, `timestamp(3) with time zone`, `BIGINT`.
    pub fn of(declared: &str) -> SqlType {
        let word = declared.trim().to_ascii_lowercase();
        let (base, behind) = word.split_once('(').map_or((word.as_str(), ""), |(base, rest)| {
            (base.trim(), rest.split_once(')').map_or("", |(_, behind)| behind.trim()))
        });
        match base {
            "smallint" | "int" | "int2" | "int4" | "integer" => SqlType::Integer,
            "bigint" | "int8" => SqlType::Bigint,
            "numeric" | "decimal" | NUMERIC_TEXT => SqlType::Numeric,
            "real" | "double" | "double precision" | "float4" | "float8" => SqlType::Double,
            "bool" | "boolean" => SqlType::Boolean,
            "date" => SqlType::Date,
            "timestamp" if behind == "with time zone" => SqlType::Timestamptz,
            "timestamp" | "timestamp without time zone" => SqlType::Timestamp,
            "timestamptz" | "timestamp with time zone" => SqlType::Timestamptz,
            "text" | "char" | "character" | "varchar" | "character varying" | "bpchar" | "name" => SqlType::Text,
            _ => SqlType::Other,
        }
    }

    /// True for numbers, exact or not.
    pub fn is_number(self) -> bool {
        matches!(self, SqlType::Integer | SqlType::Bigint | SqlType::Numeric | SqlType::Double)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_engines_mean_one_type() {
        for (word, kind) in [
            ("bigint", SqlType::Bigint),
            ("INTEGER", SqlType::Integer),
            ("numeric(10,2)", SqlType::Numeric),
            ("numeric_text", SqlType::Numeric),
            ("double precision", SqlType::Double),
            ("character varying(20)", SqlType::Text),
            ("timestamp(3) with time zone", SqlType::Timestamptz),
            ("timestamp(3) without time zone", SqlType::Timestamp),
            ("timestamp with time zone", SqlType::Timestamptz),
            ("timestamp", SqlType::Timestamp),
            // Words that begin like others are types of their own.
            ("interval", SqlType::Other),
            ("int4range", SqlType::Other),
            ("daterange", SqlType::Other),
            ("text[]", SqlType::Other),
            ("", SqlType::Other),
        ] {
            assert_eq!(SqlType::of(word), kind, "{word}");
        }
    }
}
