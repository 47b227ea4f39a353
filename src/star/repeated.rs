//! Rows that should be told apart by their columns and are not: which values they share, and of which staged rows they are.

use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::quote;

/// Rows of which the staged rows are asked for, for each value that they share.
const SHOWN: usize = 3;

/// How the number of rows is called in the queries.
pub(super) const COUNT: &str = "sluice_count";

/// Queries for a few values that several rows share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The columns that they share.
    pub columns: Vec<String>,
    /// Gives their values, and the number of rows.
    pub values: String,
    /// Gives the same with load and line, a few rows for each value; `None` where rows do not say of which staged row they are.
    pub rows: Option<String>,
    /// The same for rows that the table has already.
    pub standing: Option<String>,
}

/// The rows of a value, with load and line: `rows` is what stands behind `from`, `values` a query that gives the columns (quoted) and [`COUNT`].
pub(super) fn with_places(rows: &str, columns: &[String], values: &str) -> String {
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    let of_value: Vec<_> = columns.iter().map(|column| format!("r.{column}")).collect();
    let same: Vec<_> = columns.iter().map(|column| format!("k.{column} is not distinct from r.{column}")).collect();
    let (list, of_value) = (columns.join(", "), of_value.join(", "));
    // A staged row can have become several.
    format!(
        "select distinct {list}, {COUNT}, {load}, {line} from (\
         select {of_value}, r.{COUNT}, k.{load}, k.{line}, dense_rank() over (partition by {of_value} order by k.{load}, k.{line}) as sluice_place \
         from (select * from {rows}) as k join ({values}) as r on {}\
         ) as s where sluice_place <= {SHOWN} order by {COUNT} desc, {list}, {load}, {line}",
        same.join(" and ")
    )
}

/// Load and line of the first row of which a condition holds.
pub(super) fn first_place(rows: &str, condition: &str) -> String {
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    format!("select {load}, {line} from {rows} where {condition} order by {load}, {line} limit 1")
}
