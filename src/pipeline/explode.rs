//! Finds the cell that stopped a run because it is no JSON array. The database names no row, so it is looked for after
//! the rollback.

use super::origin::place_of;
use super::rows::written;
use crate::catalog::Workspace;
use crate::catalog::columns_read;
use crate::project::{Model, ModelError};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::quote;
use crate::warehouse::{Reading, Row, Scope, WarehouseError};

/// The number of characters of a cell that are shown.
const SHOWN: usize = 60;

/// Returns the first cell of the exploded column that is no array, as an error of the file; `None` if there is none, or
/// it cannot be told.
pub(super) async fn no_array(workspace: &Workspace, model: &Model) -> Option<ModelError> {
    let explode = model.header.explode.as_ref()?;
    let (traced, row) = first(workspace, model, &explode.column).await.ok()??;
    let cell: String = row.last()?.as_deref()?.chars().take(SHOWN).collect();
    let place = if traced { place(workspace, &row).await.unwrap_or_default() } else { String::new() };
    Some(model.error_of_word(format!("explode: {}: {cell:?} is no JSON array{place}", explode.column)))
}

/// Returns the row with that cell behind its load and line, and true if it has these.
async fn first(workspace: &Workspace, model: &Model, column: &str) -> Result<Option<(bool, Row)>, ModelError> {
    let Some(select) = &model.select else { return Ok(None) };
    let names = workspace.warehouse.names();
    let wrong = |error: WarehouseError| model.error(error.to_string());
    let mut transaction = workspace.warehouse.begin(Scope::Load).await.map_err(wrong)?;
    let columns = columns_read(&mut *transaction, names, select).await.map_err(|why| model.error(why))?;
    drop(transaction);
    let traced = select.row_wise(names).is_some();
    let select = if traced { select.with_lineage(&[]) } else { select.clone() };
    let lineage =
        if traced { [LOAD_COLUMN, LINE_COLUMN].map(|name| quote(name) + ", ").concat() } else { String::new() };
    let column = quote(column);
    let select = written(model, &select, names, &columns)?;
    let sql = format!("select {lineage}{column} from ({select}) as s where {column} is not null");
    let is_array = |cell: &str| serde_json::from_str::<Vec<serde_json::Value>>(cell).is_ok();
    let is_wrong = |row: &Row| row.last().is_some_and(|cell| cell.as_deref().is_some_and(|cell| !is_array(cell)));
    let mut rows = workspace.warehouse.read(&sql, Reading::default()).await.map_err(wrong)?;
    while let Some(batch) = rows.next().await.map_err(wrong)? {
        if let Some(row) = batch.into_iter().find(is_wrong) {
            return Ok(Some((traced, row)));
        }
    }
    Ok(None)
}

/// Formats the place of a row: ` (tags.csv line 3, load 2)`
async fn place(workspace: &Workspace, row: &Row) -> Result<String, WarehouseError> {
    let (Some(load), Some(line)) = (row.get(0)?, row.get(1)?) else { return Ok(String::new()) };
    let mut transaction = workspace.warehouse.begin(Scope::Load).await?;
    Ok(format!(" ({})", place_of(workspace, &mut *transaction, load, line).await?))
}
