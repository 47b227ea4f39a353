//! Types in the words of the databases: one table, read and written.

use super::Engine;
use crate::schema::Type;

/// Declared type of SQLite columns with the digits of a decimal number. `TEXT` in it gives the column text affinity.
pub(crate) const NUMERIC_TEXT: &str = "numeric_text";

/// The words for one type.
struct Words {
    kind: Type,
    /// In `create table` on PostgreSQL, and on SQLite.
    postgres: &'static str,
    sqlite: &'static str,
    /// As PostgreSQL tells it of a column.
    told: &'static str,
    /// Other words for a type of the same values, as PostgreSQL tells them.
    same: &'static [&'static str],
    /// Other words, for types with fewer values or none of the other list's places.
    alike: &'static [&'static str],
}

const fn words(kind: Type, word: &'static str, alike: &'static [&'static str]) -> Words {
    Words { kind, postgres: word, sqlite: word, told: word, same: &[], alike }
}

const WORDS: [Words; 8] = [
    words(Type::Bigint, "bigint", &["int8", "smallint", "int", "int2", "int4", "integer"]),
    Words { sqlite: NUMERIC_TEXT, ..words(Type::Numeric, "numeric", &["decimal"]) },
    Words { sqlite: "real", ..words(Type::Double, "double precision", &["double", "float4", "float8"]) },
    words(Type::Boolean, "boolean", &["bool"]),
    words(Type::Date, "date", &[]),
    Words { told: "timestamp without time zone", ..words(Type::Timestamp, "timestamp", &[]) },
    Words { told: "timestamp with time zone", ..words(Type::Timestamptz, "timestamptz", &[]) },
    Words {
        same: &["character varying"],
        ..words(Type::Text, "text", &["char", "character", "varchar", "bpchar", "name"])
    },
];

fn words_of(kind: Type) -> &'static Words {
    // Each type has its line, in the order of the types.
    &WORDS[kind as usize]
}

/// The type of a word of either engine, with whatever length, digits and letters: `character varying(20)`,
/// `numeric(10,2)`, `timestamp(3) with time zone`, `BIGINT`; `None` for a type that is none of ours, or no word.
pub fn type_of(declared: &str) -> Option<Type> {
    let word = base(declared);
    let is_of = |words: &&Words| {
        [words.postgres, words.sqlite, words.told].contains(&word.as_str())
            || words.same.iter().chain(words.alike).any(|one| *one == word)
    };
    WORDS.iter().find(is_of).map(|words| words.kind)
}

/// True for whole numbers of two or four bytes.
pub(super) fn is_short(declared: &str) -> bool {
    type_of(declared) == Some(Type::Bigint) && !matches!(base(declared).as_str(), "bigint" | "int8")
}

/// A declared type in small letters, without what stands in brackets.
fn base(declared: &str) -> String {
    let word = declared.trim().to_ascii_lowercase();
    match word.split_once('(') {
        None => word,
        Some((base, rest)) => {
            let behind = rest.split_once(')').map_or("", |(_, behind)| behind);
            format!("{} {}", base.trim(), behind.trim()).trim().to_owned()
        }
    }
}

impl Engine {
    /// The word for a column's type in `create table`.
    ///
    /// SQLite has no decimals: digits are kept as text there, so that none is lost, and are made a number wherever a
    /// select reads them (`select/typed.rs`). Its types are names only; those of dates tell tools the kind of the text.
    pub fn declared(self, kind: Type) -> &'static str {
        match self {
            Engine::Postgres => words_of(kind).postgres,
            Engine::Sqlite => words_of(kind).sqlite,
        }
    }

    /// The word that the database tells of such a column.
    pub fn told(self, kind: Type) -> &'static str {
        match self {
            Engine::Postgres => words_of(kind).told,
            Engine::Sqlite => words_of(kind).sqlite,
        }
    }

    /// True if a column of this declared type holds every value of the type, in the same bits and unchanged.
    pub fn holds(self, declared: &str, kind: Type) -> bool {
        declared == self.told(kind) || (self == Engine::Postgres && words_of(kind).same.contains(&declared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_engines_mean_one_type() {
        for (word, kind) in [
            ("bigint", Some(Type::Bigint)),
            ("INTEGER", Some(Type::Bigint)),
            ("numeric(10,2)", Some(Type::Numeric)),
            ("numeric_text", Some(Type::Numeric)),
            ("double precision", Some(Type::Double)),
            ("real", Some(Type::Double)),
            ("character varying(20)", Some(Type::Text)),
            ("timestamp(3) with time zone", Some(Type::Timestamptz)),
            ("timestamp(3) without time zone", Some(Type::Timestamp)),
            ("timestamp(3)", Some(Type::Timestamp)),
            ("timestamp with time zone", Some(Type::Timestamptz)),
            ("timestamp", Some(Type::Timestamp)),
            // Words that begin like others are types of their own.
            ("interval", None),
            ("int4range", None),
            ("daterange", None),
            ("text[]", None),
            ("numeric(10,2)[]", None),
            ("", None),
        ] {
            assert_eq!(type_of(word), kind, "{word}");
        }
        assert!(is_short("smallint") && is_short("INTEGER") && !is_short("bigint") && !is_short("interval"));
    }

    #[test]
    fn every_type_is_read_as_it_is_written() {
        for kind in Type::ALL {
            for engine in [Engine::Postgres, Engine::Sqlite] {
                assert_eq!(type_of(engine.declared(kind)), Some(kind));
                assert_eq!(type_of(engine.told(kind)), Some(kind));
                assert!(engine.holds(engine.told(kind), kind));
            }
        }
        assert!(Engine::Postgres.holds("character varying", Type::Text));
        assert!(!Engine::Postgres.holds("character varying(20)", Type::Text));
        assert!(!Engine::Postgres.holds("integer", Type::Bigint) && !Engine::Sqlite.holds("numeric", Type::Numeric));
    }
}
