//! The key columns of an upsert, as SQL compares them.

use crate::schema::Type;
use crate::sql::{Engine, quote};

/// The columns that tell a row from another.
pub(crate) struct Key<'a> {
    engine: Engine,
    pub(crate) names: &'a [String],
    /// The decimals among the names.
    decimals: Vec<String>,
    /// The texts among the names that were numbers, whose values name one row however they are spelled.
    spelled: Vec<String>,
}

impl<'a> Key<'a> {
    /// Key of these names; `columns` are the table's, and `numbers` those that are or were numbers.
    pub(crate) fn new<'b>(
        engine: Engine,
        names: &'a [String],
        columns: impl Iterator<Item = (&'b str, Type)>,
        numbers: &[String],
    ) -> Self {
        let (mut decimals, mut spelled) = (Vec::new(), Vec::new());
        for (name, kind) in columns {
            match kind {
                Type::Numeric => decimals.push(name.to_owned()),
                Type::Text if numbers.iter().any(|one| one == name) => spelled.push(name.to_owned()),
                _ => {}
            }
        }
        Key { engine, names, decimals, spelled }
    }

    /// True if values of it that are spelled differently may be one key, which was another index's before.
    pub(crate) fn is_spelled(&self) -> bool {
        self.spelled.iter().any(|name| self.names.contains(name))
    }

    /// The names as one text.
    pub(crate) fn words(&self) -> String {
        serde_json::to_string(self.names).unwrap_or_default()
    }

    /// Reads the names from the text of [`Key::words`].
    pub(crate) fn names(words: &str) -> Vec<String> {
        serde_json::from_str(words).unwrap_or_default()
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
        if self.spelled.iter().any(|one| one == name) {
            self.engine.one_spelling(column)
        } else if self.engine.keeps_decimals_as_texts() && self.decimals.iter().any(|one| one == name) {
            format!("case when instr({column}, '.') > 0 then rtrim(rtrim({column}, '0'), '.') else {column} end")
        } else {
            column.to_owned()
        }
    }
}
