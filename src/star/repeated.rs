//! Rows that break a key or grain: the shared values, and the staged rows behind them.

use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::quote;

/// The number of staged rows that are named for each shared value.
const SHOWN: usize = 3;

/// The name of the row count in the queries.
pub(super) const COUNT: &str = "sluice_count";

/// Queries for a few values that several rows share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The shared columns.
    pub columns: Vec<String>,
    /// The query for their values, and the number of rows.
    pub values: String,
    /// The query for the same with load and line, a few rows for each value; `None` for rows without lineage.
    pub rows: Option<String>,
    /// The same query for rows that the table has already.
    pub standing: Option<String>,
}

/// Returns the rows of a value, with load and line: `rows` follows `from`, and the query `values` gives the columns
/// (quoted) and [`COUNT`].
pub(super) fn with_places(rows: &str, columns: &[String], values: &str) -> String {
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    let of_value: Vec<_> = columns.iter().map(|column| format!("r.{column}")).collect();
    let same: Vec<_> = columns.iter().map(|column| format!("k.{column} is not distinct from r.{column}")).collect();
    let (list, of_value) = (columns.join(", "), of_value.join(", "));
    // Several rows may come from one staged row.
    format!(
        "select distinct {list}, {COUNT}, {load}, {line} from (\
         select {of_value}, r.{COUNT}, k.{load}, k.{line}, dense_rank() over (partition by {of_value} order by \
          k.{load}, k.{line}) as sluice_place \
         from (select * from {rows}) as k join ({values}) as r on {}\
         ) as s where sluice_place <= {SHOWN} order by {COUNT} desc, {list}, {load}, {line}",
        same.join(" and ")
    )
}

/// Returns load and line of the first row that meets a condition.
pub(super) fn first_place(rows: &str, condition: &str) -> String {
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    format!("select {load}, {line} from {rows} where {condition} order by {load}, {line} limit 1")
}
