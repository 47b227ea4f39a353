//! The outputs of views by their files: SQLite does not know the types of computed columns.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Workspace, columns_read, describe_views};
use crate::project::sql_files;
use crate::project::{Kind, Model, SqlFile, names_in_order};
use crate::sql::{Names, Output, Schema, Select};
use crate::warehouse::Transaction;

/// Returns the outputs of these views and those that they read, as far as their files tell; other names are skipped.
pub(crate) async fn given_by_views(
    workspace: &Workspace,
    transaction: &mut dyn Transaction,
    wanted: BTreeSet<String>,
) -> BTreeMap<String, Vec<Output>> {
    let names = workspace.warehouse.names();
    let mut selects = selects(workspace);
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut left: Vec<String> = wanted.into_iter().collect();
    while let Some(name) = left.pop() {
        if let Some(select) = selects.get(&name).filter(|_| !needs.contains_key(&name)) {
            let reads = reads_of_star(names, select);
            left.extend(reads.iter().cloned());
            needs.insert(name, reads);
        }
    }
    let mut given = BTreeMap::new();
    for name in names_in_order(needs).unwrap_or_default() {
        let Some(select) = selects.remove(&name) else { continue };
        let Ok(mut columns) = columns_read(transaction, names, &select).await else { continue };
        describe_views(&mut columns, &given);
        given.insert(name, select.outputs(names, &columns));
    }
    given
}

/// Returns the selects of the files that make views.
fn selects(workspace: &Workspace) -> BTreeMap<String, Select> {
    let engine = workspace.warehouse.names().engine;
    let files = |folder: &str| sql_files(&workspace.sql.join(folder), engine).unwrap_or_default();
    let is_view = |file: &SqlFile| Model::parse(file).is_ok_and(|model| model.header.kind == Kind::View);
    let of_star = files("pipeline").into_iter().filter(is_view);
    of_star.chain(files("analysis")).filter_map(|file| file.read().ok()).collect()
}

fn reads_of_star(names: &Names, select: &Select) -> BTreeSet<String> {
    let tables = select.tables(names).into_iter();
    tables.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect()
}
