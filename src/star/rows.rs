//! Facts and plain tables: rows without a key of their own. They are brought up to date by the rows in which the table and
//! its new content differ, each row counted as often as it stands there.

use std::collections::BTreeMap;

use super::header::DimensionUse;
use super::{DIFFERENCE, KEYED, NEW, UNKNOWN, key_column};
use crate::warehouse::{Engine, Names, Table, TableColumn, quote};

/// The SQL that makes a table hold the rows of a temporary table, and nothing else.
pub struct RowsSql {
    engine: Engine,
    table: String,
    source: &'static str,
    columns: String,
}

impl RowsSql {
    /// For the table called `name`, whose rows stand in `source`.
    pub fn new(names: &Names, name: &str, source: &'static str, columns: &[TableColumn]) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        RowsSql {
            engine: names.engine,
            table: names.table(&Table::datawarehouse(name)),
            source,
            columns: columns.join(", "),
        }
    }

    /// Fills a table that is empty.
    pub fn fill(&self) -> String {
        let RowsSql { table, source, columns, .. } = self;
        format!("insert into {table} ({columns}) select {columns} from {source}")
    }

    /// Puts what differs into [`DIFFERENCE`]: `place` is the place of a row that has to go, NULL for one that is new.
    pub fn compare(&self) -> String {
        let RowsSql { table, source, columns, .. } = self;
        let place = self.place();
        let highest = match self.engine {
            Engine::Postgres => "max(place::text)::tid",
            Engine::Sqlite => "max(place)",
        };
        // Rows that are the same are numbered, so that of three and two one is left over. Grouping takes NULLs for equal.
        format!(
            "create temp table {DIFFERENCE} as select {columns}, {highest} as place from (\
             select {columns}, {place} as place, row_number() over (partition by {columns}) as repeat from {table} \
             union all \
             select {columns}, null, row_number() over (partition by {columns}) from {source}\
             ) as both_sides group by {columns}, repeat having count(*) = 1"
        )
    }

    /// Takes out what has to go.
    pub fn delete(&self) -> String {
        let place = self.place();
        format!("delete from {} where {place} in (select place from {DIFFERENCE} where place is not null)", self.table)
    }

    /// Adds what is new.
    pub fn insert(&self) -> String {
        let RowsSql { table, columns, .. } = self;
        format!("insert into {table} ({columns}) select {columns} from {DIFFERENCE} where place is null")
    }

    fn place(&self) -> &'static str {
        match self.engine {
            Engine::Postgres => "ctid",
            Engine::Sqlite => "rowid",
        }
    }
}

/// The SQL that looks up a fact's dimensions.
pub struct FactSql {
    select: String,
    columns: Vec<TableColumn>,
    grain: Vec<String>,
    keys: Vec<String>,
}

impl FactSql {
    /// For a fact with this grain over these columns of its select. Each column in `dimensions` becomes the key of
    /// its member; `natural_keys` has each dimension's one column that names a member.
    pub fn new(
        names: &Names,
        grain: &[String],
        dimensions: &BTreeMap<String, DimensionUse>,
        natural_keys: &BTreeMap<String, String>,
        columns: &[TableColumn],
    ) -> Self {
        let (mut list, mut joins, mut after, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, column) in columns.iter().enumerate() {
            let name = quote(&column.name);
            let Some(used) = dimensions.get(&column.name) else {
                list.push(format!("n.{name}"));
                after.push(column.clone());
                continue;
            };
            let (dimension, key) = (used.dimension(), used.key_column(&column.name));
            let table = names.table(&Table::datawarehouse(dimension));
            let id = quote(&key_column(dimension));
            let natural = quote(&natural_keys[dimension]);
            list.push(format!("coalesce(d{at}.{id}, {UNKNOWN}) as {}", quote(&key)));
            joins
                .push(format!(" left join {table} as d{at} on d{at}.{natural} = n.{name} and d{at}.{id} <> {UNKNOWN}"));
            keys.push(quote(&key));
            after.push(TableColumn { name: key, declared: "bigint".to_owned() });
        }
        FactSql {
            select: format!("select {} from {NEW} as n{}", list.join(", "), joins.concat()),
            columns: after,
            grain: grain.iter().map(|column| quote(column)).collect(),
            keys,
        }
    }

    /// The fact's columns.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// Puts the rows with keys into [`KEYED`].
    pub fn look_up(&self) -> String {
        format!("create temp table {KEYED} as {}", self.select)
    }

    /// A few values of the grain that several rows have, with the number of rows.
    pub fn repeated(&self) -> String {
        repeated(&self.grain.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// For each dimension the number of rows without a member, in one row; `None` for a fact without dimensions.
    pub fn count_unknown(&self) -> Option<String> {
        let counts: Vec<_> =
            self.keys.iter().map(|key| format!("count(case when {key} = {UNKNOWN} then 1 end)")).collect();
        (!counts.is_empty()).then(|| format!("select {} from {KEYED}", counts.join(", ")))
    }
}

/// Values of these columns (quoted) of [`NEW`] that several rows have.
pub(super) fn repeated(columns: &[&str]) -> String {
    let list = columns.join(", ");
    format!(
        "select {list}, count(*) from {NEW} group by {list} having count(*) > 1 order by count(*) desc, {list} limit 5"
    )
}
