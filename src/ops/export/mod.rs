//! A table or view as a file. A staging table gets back the headers of its files.

mod view;

use std::path::Path;

use crate::catalog::Workspace;
use crate::export::{Export, ExportError, Format, Query, QueryColumn, write};
use crate::schema::Column;
use crate::sql::{Schema, Table};
use crate::warehouse::{Scope, Warehouse, WarehouseError};

/// The queries that export a table.
#[derive(Clone, Debug)]
pub struct TableExport {
    /// The table or view.
    pub table: Table,
    query: Query,
    /// The same query with unique column names.
    typed: Query,
}

/// Returns the export of the table or view called `name` (`staging.x`, `datawarehouse.y`, or without a schema), or
/// `None` where there is none. A staging table gets back the headers of its files and, as text, the spelling of their
/// booleans and moments, in the order in which its rows were loaded.
///
/// # Errors
/// When the database refuses the query.
pub async fn table(workspace: &Workspace, name: &str) -> Result<Option<TableExport>, WarehouseError> {
    let names = workspace.warehouse.names();
    let candidates = match name.split_once('.') {
        Some((schema, name)) => match names.schema_named(schema) {
            Some(schema) => vec![Table { schema, name: name.to_owned() }],
            None => Vec::new(),
        },
        None => vec![Table::datawarehouse(name), Table::staging(name)],
    };
    let mut transaction = workspace.warehouse.begin(Scope::Load).await?;
    for table in candidates {
        let found = transaction.columns(&table).await?;
        if found.is_empty() {
            continue;
        }
        let known = match table.schema {
            Schema::Staging => workspace.catalog.columns(&mut *transaction, &table.name).await?,
            _ => Vec::new(),
        };
        let (query, typed) = if known.is_empty() {
            let (found, outputs) = view::typed(workspace, &mut *transaction, &table, found).await;
            let query = Query::of(names, &table, &found, &outputs);
            (query.clone(), query)
        } else {
            let order = " order by _load_id, _line";
            let query = |header: &dyn Fn(&Column) -> String| {
                let columns = known.iter().map(|column| (column.name.clone(), in_files(column, header(column))));
                Query::over(names, &names.table(&table), columns.collect(), order)
            };
            // Files without a header leave nothing to name columns by.
            let named = known.iter().any(|column| !column.header.is_empty());
            (
                query(&|column| if named { column.header.clone() } else { column.name.clone() }),
                query(&|column| if is_name(column, &known) { column.header.clone() } else { column.name.clone() }),
            )
        };
        return Ok(Some(TableExport { table, query, typed }));
    }
    Ok(None)
}

fn in_files(column: &Column, name: String) -> QueryColumn {
    QueryColumn { name, declared: Some(column.kind()), spelling: Some(column.fits) }
}

/// Returns true if the header names this column and no other one, regardless of case.
fn is_name(column: &Column, all: &[Column]) -> bool {
    let same =
        |other: &Column, name: &str| other.name != column.name && other.header.to_lowercase() == name.to_lowercase();
    let taken =
        |other: &Column| same(other, &column.header) || other.name != column.name && other.name == column.header;
    !column.header.trim().is_empty() && !all.iter().any(taken)
}

impl TableExport {
    /// Writes the table.
    ///
    /// # Errors
    /// As [`write()`].
    pub async fn write(&self, warehouse: &dyn Warehouse, format: Format, path: &Path) -> Result<Export, ExportError> {
        let query = if matches!(format, Format::Csv | Format::Json) { &self.query } else { &self.typed };
        write(warehouse, query, &[(format, path.to_owned())], |_| {}).await
    }
}
