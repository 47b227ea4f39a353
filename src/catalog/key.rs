//! The key columns of an upsert, as SQL compares them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::schema::Type;
use crate::sql::{Engine, quote};

/// The columns that tell a row from another.
pub(crate) struct Key<'a> {
    engine: Engine,
    pub(crate) names: &'a [String],
    /// The columns among the names in which NULL is a value like others.
    optional: &'a [String],
    /// Types of the names that the table has.
    kinds: HashMap<String, Type>,
    /// The texts among the names that were numbers, whose values name one row however they are spelled.
    spelled: Vec<String>,
}

/// The names of a key, as the database keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum KeyNames {
    /// Names without NULL.
    Plain(Vec<String>),
    /// Names, some of which may be NULL.
    Optional {
        /// All of them.
        key: Vec<String>,
        /// Those that may.
        optional: Vec<String>,
    },
    /// No names.
    #[default]
    None,
}

impl KeyNames {
    /// Reads the names from the text of [`Key::words`].
    pub(crate) fn read(words: &str) -> KeyNames {
        serde_json::from_str(words).unwrap_or_default()
    }

    /// Key of these names; `columns` are the table's, and `numbers` those that are or were numbers.
    pub(crate) fn key<'b>(
        &self,
        engine: Engine,
        columns: impl Iterator<Item = (&'b str, Type)>,
        numbers: &[String],
    ) -> Key<'_> {
        let names: (&[String], &[String]) = match self {
            KeyNames::Plain(names) => (names, &[]),
            KeyNames::Optional { key, optional } => (key, optional),
            KeyNames::None => (&[], &[]),
        };
        Key::new(engine, names, columns, numbers)
    }
}

impl<'a> Key<'a> {
    /// Key of these names, of which some may be NULL; `columns` are the table's, and `numbers` those that are or were
    /// numbers.
    pub(crate) fn new<'b>(
        engine: Engine,
        (names, optional): (&'a [String], &'a [String]),
        columns: impl Iterator<Item = (&'b str, Type)>,
        numbers: &[String],
    ) -> Self {
        let kinds = columns.filter(|(name, _)| names.iter().any(|own| own == name));
        let kinds: HashMap<_, _> = kinds.map(|(name, kind)| (name.to_owned(), kind)).collect();
        let is_spelled = |name: &&String| kinds.get(*name) == Some(&Type::Text) && numbers.contains(*name);
        let spelled = names.iter().filter(is_spelled).cloned().collect();
        Key { engine, names, optional, kinds, spelled }
    }

    /// The names as one text.
    pub(crate) fn words(&self) -> String {
        let names = match self.optional {
            [] => KeyNames::Plain(self.names.to_vec()),
            optional => KeyNames::Optional { key: self.names.to_vec(), optional: optional.to_vec() },
        };
        serde_json::to_string(&names).unwrap_or_default()
    }

    /// Condition in SQL: the rows of two tables have the same key.
    pub(crate) fn same(&self, one: &str, other: &str) -> String {
        let pair = |name: &String| {
            let of = |table: &str| self.compared(&format!("{table}.{}", quote(name)), name);
            format!("{} = {}", of(one), of(other))
        };
        self.names.iter().map(pair).collect::<Vec<_>>().join(" and ")
    }

    /// The columns as they are compared.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.names.iter().map(|name| self.compared(&quote(name), name)).collect()
    }

    /// A column as it is compared. SQLite has decimals as text, so zeros behind the point go: 1.0 is the key 1. In a column
    /// that held numbers before its first text, 007 and 7.0 are the key 7, as they were then.
    fn compared(&self, column: &str, name: &str) -> String {
        let kind = self.kinds.get(name).copied().unwrap_or(Type::Text);
        let compared = if self.spelled.iter().any(|one| one == name) {
            self.engine.one_spelling(column)
        } else if self.engine.keeps_decimals_as_texts() && kind == Type::Numeric {
            format!("case when instr({column}, '.') > 0 then rtrim(rtrim({column}, '0'), '.') else {column} end")
        } else {
            column.to_owned()
        };
        if self.optional.iter().any(|own| own == name) { self.engine.null_as_value(&compared, kind) } else { compared }
    }
}
