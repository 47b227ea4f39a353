//! Rows without a key of their own: plain tables, and facts whose grain has members' columns. They are updated by the
//! differences between the table and its new content, with each row counted as often as it occurs.

use super::DIFFERENCE;
use super::fact::{OfGrain, PLACE};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Engine, Names, Table, TableColumn, quote};

/// Copies of a row in the table, and in its new content: columns of [`DIFFERENCE`] beside those of the row.
const STANDS: &str = "\"sluice stands\"";
const COMES: &str = "\"sluice comes\"";
/// Copies that go and come of all rows of a staged row.
const ALL_GONE: &str = "\"sluice gone\"";
const ALL_NEW: &str = "\"sluice new\"";
/// Copies that are still to be written.
const MISSING: &str = "\"sluice missing\"";

/// Greatest number of conditions in a row, of which SQLite takes at most a thousand.
const CONDITIONS: usize = 500;

/// The SQL that makes a table hold exactly the rows of a temporary table.
pub struct RowsSql {
    engine: Engine,
    table: String,
    source: &'static str,
    /// The temporary table with the rows that are compared, and their places in the table, if these are not all.
    standing: Option<&'static str>,
    given: Vec<TableColumn>,
    /// The columns' names, quoted.
    columns: String,
}

impl RowsSql {
    /// Prepares the table called `name`, whose rows are in `source`.
    pub fn new(names: &Names, name: &str, source: &'static str, columns: &[TableColumn]) -> Self {
        let list: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        RowsSql {
            engine: names.engine,
            table: names.table(&Table::datawarehouse(name)),
            source,
            standing: None,
            given: columns.to_vec(),
            columns: list.join(", "),
        }
    }

    /// Compares only some rows of the table, which are in this temporary table with their places.
    #[must_use]
    pub fn among(mut self, standing: &'static str) -> Self {
        self.standing = Some(standing);
        self
    }

    /// Fills an empty table.
    pub fn fill(&self) -> String {
        let RowsSql { table, source, columns, .. } = self;
        format!("insert into {table} ({columns}) select {columns} from {source}")
    }

    /// Writes the rows that occur more or less often than before into [`DIFFERENCE`].
    pub fn compare(&self) -> String {
        let RowsSql { source, columns, .. } = self;
        let table = self.standing.unwrap_or(&self.table);
        let digits = self.given.iter().filter_map(|one| self.engine.digits(&one.declared, &quote(&one.name)));
        let digits: Vec<_> = digits.map(|digits| format!(", {digits}")).collect();
        // Grouping takes NULLs for equal.
        format!(
            "create temp table {DIFFERENCE} as select {columns}, sum({STANDS}) as {STANDS}, sum({COMES}) as {COMES} from (\
             select {columns}, 1 as {STANDS}, 0 as {COMES} from {table} union all select {columns}, 0, 1 from {source}\
             ) as both_sides group by {columns}{} having sum({STANDS}) <> sum({COMES})",
            digits.concat()
        )
    }

    /// Counts, in one row, the rows that [`RowsSql::delete`] deletes, those that [`RowsSql::insert`] writes, and those of
    /// them that are deleted before.
    pub fn count(&self) -> String {
        let sum = |surplus: &str, else_: &str| {
            format!("coalesce(sum(case when {STANDS} > {COMES} then {surplus} else {else_} end), 0)")
        };
        let (deleted, again) = (sum(STANDS, "0"), sum(COMES, "0"));
        let inserted = sum(COMES, &format!("{COMES} - {STANDS}"));
        format!("select {deleted}, {inserted}, {again} from {DIFFERENCE}")
    }

    /// Counts the rows that go for which another one comes: of the same staged row, or else of the same grain.
    pub fn count_of_grain(&self, of_grain: &OfGrain) -> String {
        let OfGrain { joins, values, lineage } = of_grain;
        let surplus =
            |one: &str, other: &str| format!("case when f.{one} > f.{other} then f.{one} - f.{other} else 0 end");
        let (gone, new) = (surplus(STANDS, COMES), surplus(COMES, STANDS));
        let both = |groups: &str, rows: &str| {
            format!(
                "(select coalesce(sum(case when g < n then g else n end), 0) from (select sum({gone}) as g, sum({new}) as n \
                 from {rows} group by {groups}) as pairs)"
            )
        };
        let rows = format!("{DIFFERENCE} as f");
        let staged = format!("f.{}, f.{}", quote(LOAD_COLUMN), quote(LINE_COLUMN));
        if !lineage {
            return format!("select {}", both(values, &format!("{rows}{joins}")));
        }
        let alone = format!(
            "(select f.*, sum({gone}) over (partition by {staged}) as {ALL_GONE}, sum({new}) over (partition by {staged}) as {ALL_NEW} \
             from {rows}) as f{joins} where {ALL_GONE} = 0 or {ALL_NEW} = 0"
        );
        format!("select {} + {}", both(&staged, &rows), both(values, &alone))
    }

    /// Returns the rows that occur more often than before, to follow `from`.
    pub fn coming(&self) -> String {
        format!("(select {} from {DIFFERENCE} where {COMES} > {STANDS})", self.columns)
    }

    /// Statements before [`RowsSql::delete`], if it has rows to delete.
    pub fn before_delete(&self) -> Vec<String> {
        let index = self.engine.after_comparison(DIFFERENCE, DIFFERENCE, &self.columns);
        std::iter::once(index).chain(self.engine.prefer_hashing(true)).collect()
    }

    /// Deletes each row with surplus copies, with all of its copies: nothing tells them apart.
    pub fn delete(&self) -> String {
        let same = |column: &TableColumn| self.engine.equal(column, "t", "d");
        let same: Vec<_> = self.given.iter().map(same).collect();
        let same: Vec<_> = same.chunks(CONDITIONS).map(|some| format!("({})", some.join(" and "))).collect();
        let is_surplus = format!("d.{STANDS} > d.{COMES} and {}", same.join(" and "));
        match self.standing {
            Some(standing) => format!(
                "delete from {} where {} in (select t.{PLACE} from {standing} as t join {DIFFERENCE} as d on {is_surplus})",
                self.table,
                self.engine.place()
            ),
            None => self.engine.delete_found(&self.table, DIFFERENCE, &is_surplus),
        }
    }

    /// Statements behind [`RowsSql::delete`].
    pub fn after_delete(&self) -> Option<String> {
        self.engine.prefer_hashing(false)
    }

    /// Adds the copies that are missing then.
    pub fn insert(&self) -> String {
        let RowsSql { table, columns, .. } = self;
        let missing = format!("case when {STANDS} > {COMES} then {COMES} else {COMES} - {STANDS} end");
        format!(
            "insert into {table} ({columns}) with recursive copies({columns}, {MISSING}) as (\
             select {columns}, {missing} from {DIFFERENCE} where {COMES} > 0 \
             union all select {columns}, {MISSING} - 1 from copies where {MISSING} > 1\
             ) select {columns} from copies"
        )
    }
}
