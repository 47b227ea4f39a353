//! The advice for a table whose rows do not tell their origin: the reason, and the tables that can be traced.

use std::collections::{BTreeMap, BTreeSet};

use super::TraceError;
use crate::app::App;
use crate::catalog::columns_read;
use crate::project::sql_files;
use crate::project::{Kind, Model, SqlFile};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Select, Table};
use crate::warehouse::Transaction;

/// Returns the file that makes a table.
///
/// # Errors
/// When there is none, or it is a question's, or it cannot be read.
pub(super) fn model_of(app: &App, table: &Table) -> Result<Model, TraceError> {
    let names = app.workspace.warehouse.names();
    let file_in = |folder: &str| {
        let path = app.workspace.sql.join(folder).join(format!("{}.sql", table.name));
        let files = sql_files(&app.workspace.sql.join(folder), names.engine).unwrap_or_default();
        files.into_iter().find(|file| file.path == path).ok_or(path)
    };
    let path = match file_in("pipeline") {
        Ok(file) => return Ok(Model::parse(&file)?),
        Err(path) => path,
    };
    let question = file_in("analysis").ok().and_then(|file: SqlFile| file.read().ok());
    let why = match question {
        Some((_, select)) => format!("it is a view; trace what it shows: {}", listed(names, &select, &BTreeMap::new())),
        None => format!("its rows do not say where they come from, and there is no {} that tells", path.display()),
    };
    Err(TraceError::Asked(format!("{}: {why}", names.shown(table))))
}

/// Returns the reason why rows of the model's table cannot be traced.
pub(super) async fn of_model(
    names: &Names,
    transaction: &mut dyn Transaction,
    table: &Table,
    model: &Model,
) -> TraceError {
    let no_key = Vec::new();
    let is_row_wise = model.select.as_ref().is_some_and(|select| select.row_wise(names).is_some());
    let (why, named_by) = match &model.header.kind {
        Kind::Calendar(_) => ("a calendar's days are made, no file has brought them".to_owned(), &no_key),
        kind @ (Kind::Table | Kind::View) if is_row_wise => (
            format!(
                "a kind: {} has what its select gives, and this one does not give {LOAD_COLUMN} and {LINE_COLUMN}: add them to it, \
                 run app --pipeline, and its rows can be traced",
                kind.word()
            ),
            &no_key,
        ),
        Kind::Table | Kind::View => (NOT_ONE.to_owned(), &no_key),
        Kind::Dimension(header) => (
            "its select takes its rows from a with query, a join of derived tables or the star, or keeps some of them \
             (limit, except, intersect), \
             so they cannot be followed to staged rows"
                .to_owned(),
            &header.key,
        ),
        Kind::Fact(header) | Kind::Bridge(header, _) => (NOT_ONE.to_owned(), &header.grain),
    };
    let mut instead = String::new();
    if let Some(select) = &model.select {
        let columns = columns_read(transaction, names, select).await.unwrap_or_default();
        let mut named: BTreeMap<Table, BTreeSet<String>> = BTreeMap::new();
        for output in select.outputs(names, &columns).into_iter().filter(|output| named_by.contains(&output.name)) {
            if let [(table, column)] = &Vec::from_iter(output.sources)[..] {
                named.entry(table.clone()).or_default().insert(column.clone());
            }
        }
        instead = format!("; trace what its select reads: {}", listed(names, select, &named));
    }
    TraceError::Asked(format!("{}: {why}{instead}", names.shown(table)))
}

const NOT_ONE: &str = "its select groups or combines rows, or leaves out repeats, so no row of it is one staged row's";

/// Returns the commands that trace the tables of a select, by the columns that name its rows.
fn listed(names: &Names, select: &Select, named: &BTreeMap<Table, BTreeSet<String>>) -> String {
    let command = |table: Table| {
        let columns = named.get(&table).into_iter().flatten();
        let conditions: Vec<_> = columns.map(|column| format!("{column} = ...")).collect();
        let only =
            if conditions.is_empty() { String::new() } else { format!(" --where \"{}\"", conditions.join(" and ")) };
        format!("app trace {}{only}", names.shown(&table))
    };
    select.tables(names).into_iter().map(command).collect::<Vec<_>>().join(", ")
}
