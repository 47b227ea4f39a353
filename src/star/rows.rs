//! Rows without a key of their own: plain tables, and facts whose grain has members' columns. They are updated by the
//! differences between the table and its new content, with each row counted as often as it occurs.

use super::DIFFERENCE;
use crate::sql::{Engine, Names, Table, TableColumn, quote};

/// The SQL that makes a table hold exactly the rows of a temporary table.
pub struct RowsSql {
    engine: Engine,
    table: String,
    source: &'static str,
    columns: String,
}

impl RowsSql {
    /// Prepares the table called `name`, whose rows are in `source`.
    pub fn new(names: &Names, name: &str, source: &'static str, columns: &[TableColumn]) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        RowsSql {
            engine: names.engine,
            table: names.table(&Table::datawarehouse(name)),
            source,
            columns: columns.join(", "),
        }
    }

    /// Fills an empty table.
    pub fn fill(&self) -> String {
        let RowsSql { table, source, columns, .. } = self;
        format!("insert into {table} ({columns}) select {columns} from {source}")
    }

    /// Writes the differences into [`DIFFERENCE`]: `place` is the position of a row to be deleted, NULL for a new one.
    pub fn compare(&self) -> String {
        let RowsSql { table, source, columns, .. } = self;
        let place = self.place();
        let highest = self.engine.only_place("place");
        // Equal rows are numbered, so that of three and two one remains. Grouping takes NULLs for equal.
        format!(
            "create temp table {DIFFERENCE} as select {columns}, {highest} as place from (\
             select {columns}, {place} as place, row_number() over (partition by {columns}) as repeat from {table} \
             union all \
             select {columns}, null, row_number() over (partition by {columns}) from {source}\
             ) as both_sides group by {columns}, repeat having count(*) = 1"
        )
    }

    /// Deletes obsolete rows.
    pub fn delete(&self) -> String {
        let place = self.place();
        format!("delete from {} where {place} in (select place from {DIFFERENCE} where place is not null)", self.table)
    }

    /// Adds new rows.
    pub fn insert(&self) -> String {
        let RowsSql { table, columns, .. } = self;
        format!("insert into {table} ({columns}) select {columns} from {DIFFERENCE} where place is null")
    }

    fn place(&self) -> &'static str {
        self.engine.place()
    }
}
