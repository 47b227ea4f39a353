//! The columns of a table or view of the star, where the engine does not tell their types.

use std::collections::BTreeSet;

use crate::catalog::Workspace;
use crate::pipeline::given_by_views;
use crate::sql::{Output, Schema, Table, TableColumn, described};
use crate::warehouse::Transaction;

/// Returns the columns with their types and the expressions by which both engines write them alike. If a file was
/// changed since its view was made, columns that it does not name stay as they are.
pub(super) async fn typed(
    workspace: &Workspace,
    transaction: &mut dyn Transaction,
    table: &Table,
    columns: Vec<TableColumn>,
) -> (Vec<TableColumn>, Vec<Output>) {
    if workspace.warehouse.names().engine.types_views() || table.schema != Schema::Datawarehouse {
        return (columns, Vec::new());
    }
    let mut views = given_by_views(workspace, transaction, [table.name.clone()].into()).await;
    let given = views.remove(&table.name).unwrap_or_default();
    let columns = described(columns, &given);
    let output = |column: &TableColumn| {
        let of_file = given.iter().find(|output| output.name == column.name).and_then(|output| output.declared);
        let instant = (column.declared == "timestamptz").then_some("timestamptz");
        Output { name: column.name.clone(), declared: instant.or(of_file), sources: BTreeSet::new() }
    };
    let outputs = columns.iter().map(output).collect();
    (columns, outputs)
}
