//! The error in a condition that a user typed: its position and the likely intention.

use std::collections::HashMap;

use crate::sql::{Names, SqlError, Table, TableColumn};

/// Returns the error in words: `letter 7: there is no column ordr_id; did you mean order_id? The columns of
/// datawarehouse.fact_order are …`. `known` are the columns of the tables that the condition reads.
pub(super) fn at_fault(
    error: &SqlError,
    text: &str,
    names: &Names,
    known: &HashMap<Table, Vec<TableColumn>>,
) -> String {
    let mut said = error.to_string();
    if !text.trim_end().contains('\n') {
        // A single line needs no number, and "column" means something else here.
        said = said.replacen("line 1, column ", "letter ", 1);
    }
    let SqlError::NoColumn { hint, .. } = error else { return said };
    let end = if hint.is_empty() { "." } else { "" };
    let mut tables: Vec<_> = known.iter().collect();
    tables.sort_by_key(|(table, _)| *table);
    let columns = tables.into_iter().map(|(table, columns)| {
        let columns: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        format!(" The columns of {} are {}", names.shown(table), columns.join(", "))
    });
    format!("{said}{end}{}", columns.collect::<Vec<_>>().join("."))
}
