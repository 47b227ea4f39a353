//! Members whose natural key became a text: they keep their keys under the text that staging has for their value.

use std::collections::BTreeMap;

use super::super::NEW;
use super::DimensionSql;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN, Type};
use crate::sql::{Engine, TableColumn, quote, type_of};

/// The temporary table with the texts of members, beside the plain texts of their earlier values.
pub const RENAMED: &str = "sluice_renamed";

/// The key columns that became texts, with their types before.
pub type Widened = BTreeMap<String, String>;

/// Returns the key columns that become texts, and that were written in other words before.
pub fn widened(stood: &[TableColumn], key: &[TableColumn]) -> Widened {
    let is_text = |column: &&TableColumn| type_of(&column.declared) == Some(Type::Text);
    let before = |column: &TableColumn| {
        let old = stood.iter().find(|old| old.name == column.name)?;
        let had = matches!(type_of(&old.declared)?, Type::Numeric | Type::Double | Type::Boolean);
        had.then(|| (column.name.clone(), old.declared.clone()))
    };
    key.iter().filter(is_text).filter_map(before).collect()
}

/// Returns the statement that fills [`RENAMED`] with the first text of each earlier value among some rows.
pub(in crate::star) fn note_texts(
    engine: Engine,
    key: &[String],
    widened: &Widened,
    rows: &str,
    order: &str,
) -> String {
    let was = was(key);
    let plain = key.iter().zip(&was).map(|(name, was)| {
        let column = format!("n.{}", quote(name));
        let plain = widened.get(name).map(|declared| engine.plain_text_of(declared, &column));
        format!("{} as {was}", plain.unwrap_or(column))
    });
    let plain = plain.collect::<Vec<_>>().join(", ");
    let (list, was) = (key.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "), was.join(", "));
    let none = was.replace(", ", " is not null and ");
    format!(
        "create temp table {RENAMED} as select {list}, {was} from (select r.*, row_number() over (partition by {was} \
         order by {order}, {list}) as pick from (select n.*, {plain} from {rows} as n) as r where {none} is not null) as p \
         where pick = 1"
    )
}

/// Returns the statement that gives rows `d` of a table the texts of their members, under a further condition.
pub(in crate::star) fn take_texts(table: &str, key: &[String], and: &str) -> String {
    let set: Vec<_> = key.iter().map(|name| format!("{0} = r.{0}", quote(name))).collect();
    let others: Vec<_> = key.iter().map(|name| format!("d.{0} <> r.{0}", quote(name))).collect();
    let same: Vec<_> = key.iter().zip(was(key)).map(|(name, was)| format!("d.{} = r.{was}", quote(name))).collect();
    format!(
        "update {table} as d set {} from {RENAMED} as r where {} and ({}){and}",
        set.join(", "),
        same.join(" and "),
        others.join(" or ")
    )
}

fn was(key: &[String]) -> Vec<String> {
    (0..key.len()).map(|place| format!("sluice_was_{place}")).collect()
}

impl DimensionSql {
    /// Fills [`RENAMED`] out of [`NEW`]. Of several texts for one value, the first in the order of loads and lines is
    /// its member's.
    pub fn note_texts(&self, widened: &Widened) -> String {
        let order = match self.lineage {
            true => format!("{}, {}", quote(LOAD_COLUMN), quote(LINE_COLUMN)),
            false => "1".to_owned(),
        };
        note_texts(self.engine, &self.key_names(), widened, NEW, &order)
    }

    /// Returns the statements that give members, and keys that wait for theirs, the noted texts.
    pub fn take_texts(&self) -> [String; 2] {
        [&self.table, &self.retired].map(|table| take_texts(table, &self.key_names(), ""))
    }

    /// Returns the statement that gives remembered rows these texts.
    pub fn take_texts_seen(&self) -> String {
        take_texts(&self.seen, &self.key_names(), "")
    }

    /// Counts the other texts for the value of a member, which become members of their own.
    pub fn count_other_texts(&self, widened: &Widened) -> String {
        let names = self.key_names();
        let plain = |name: &String| {
            let column = format!("n.{}", quote(name));
            widened.get(name).map_or(column.clone(), |declared| self.engine.plain_text_of(declared, &column))
        };
        let same: Vec<_> =
            names.iter().zip(was(&names)).map(|(name, was)| format!("{} = r.{was}", plain(name))).collect();
        let others: Vec<_> = names.iter().map(|name| format!("n.{0} <> r.{0}", quote(name))).collect();
        let keys = self.keys();
        format!(
            "select count(*) from (select distinct {} from {NEW}) as n join {RENAMED} as r on {} where ({}) and exists \
             (select 1 from {} as d where {})",
            keys.join(", "),
            same.join(" and "),
            others.join(" or "),
            self.table,
            super::same(&keys, "d", "r")
        )
    }

    fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|column| column.name.clone()).collect()
    }
}
