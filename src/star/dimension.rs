//! A dimension: attributes are overwritten when they change, members stay for ever, and so do their keys.

use super::{NEW, UNKNOWN, key_column};
use crate::warehouse::{Engine, Names, Table, TableColumn, quote};

/// The SQL of one dimension. The select's result stands in [`NEW`].
pub struct DimensionSql {
    engine: Engine,
    table: String,
    index: String,
    /// The surrogate key, quoted.
    id: String,
    /// The natural key, quoted, and whether it is text.
    key: Vec<(String, bool)>,
    /// Everything else, quoted.
    attributes: Vec<String>,
    declared: Vec<String>,
}

impl DimensionSql {
    /// For the dimension called `name` with this natural key and these columns of its select.
    pub fn new(names: &Names, name: &str, key: &[String], columns: &[TableColumn]) -> Self {
        let is_key = |column: &&TableColumn| key.contains(&column.name);
        let text = |declared: &str| ["text", "char"].iter().any(|word| declared.contains(word));
        DimensionSql {
            engine: names.engine,
            table: names.table(&Table::datawarehouse(name)),
            index: quote(&format!("{name}_natural_key")),
            id: quote(&key_column(name)),
            key: columns.iter().filter(is_key).map(|one| (quote(&one.name), text(&one.declared))).collect(),
            attributes: columns.iter().filter(|one| !is_key(one)).map(|one| quote(&one.name)).collect(),
            declared: columns.iter().map(|one| format!("{} {}", quote(&one.name), one.declared)).collect(),
        }
    }

    /// Makes the table with its unknown member.
    pub fn create(&self) -> Vec<String> {
        let DimensionSql { table, id, index, .. } = self;
        let integer = match self.engine {
            Engine::Postgres => "bigint",
            Engine::Sqlite => "integer",
        };
        vec![
            format!("create table {table} ({id} {integer} primary key, {})", self.declared.join(", ")),
            format!("insert into {table} ({id}) values ({UNKNOWN})"),
            format!("create index {index} on {table} ({})", self.keys().join(", ")),
        ]
    }

    /// Counts rows without a name: the natural key holds NULL.
    pub fn count_nameless(&self) -> String {
        let null: Vec<_> = self.keys().iter().map(|key| format!("{key} is null")).collect();
        format!("select count(*) from {NEW} where {}", null.join(" or "))
    }

    /// A few natural keys that several rows have, with the number of rows.
    pub fn repeated(&self) -> String {
        super::rows::repeated(&self.keys())
    }

    /// Overwrites the attributes that changed; `None` where there are none.
    pub fn update(&self) -> Option<String> {
        if self.attributes.is_empty() {
            return None;
        }
        let set: Vec<_> = self.attributes.iter().map(|one| format!("{one} = n.{one}")).collect();
        let differs: Vec<_> = self.attributes.iter().map(|one| format!("d.{one} is distinct from n.{one}")).collect();
        Some(format!(
            "update {} as d set {} from {NEW} as n where {} and d.{} <> {UNKNOWN} and ({})",
            self.table,
            set.join(", "),
            self.same_member(),
            self.id,
            differs.join(" or ")
        ))
    }

    /// Adds new members. Keys go on from the highest, in the order of the natural key's bytes, so that they are the same
    /// on both engines, whatever a server's collation.
    pub fn insert(&self) -> String {
        let DimensionSql { table, id, .. } = self;
        let order: Vec<_> = self
            .key
            .iter()
            .map(|(key, text)| match self.engine {
                Engine::Postgres if *text => format!("n.{key} collate \"C\""),
                _ => format!("n.{key}"),
            })
            .collect();
        let columns: Vec<_> = self.keys().into_iter().chain(self.attributes.iter().map(String::as_str)).collect();
        let values: Vec<_> = columns.iter().map(|one| format!("n.{one}")).collect();
        format!(
            "insert into {table} ({id}, {}) select highest.id + row_number() over (order by {}), {} from {NEW} as n \
             cross join (select max({id}) as id from {table}) as highest \
             where not exists (select 1 from {table} as d where {})",
            columns.join(", "),
            order.join(", "),
            values.join(", "),
            self.same_member()
        )
    }

    fn keys(&self) -> Vec<&str> {
        self.key.iter().map(|(key, _)| key.as_str()).collect()
    }

    fn same_member(&self) -> String {
        let same: Vec<_> = self.keys().iter().map(|key| format!("d.{key} = n.{key}")).collect();
        same.join(" and ")
    }
}
