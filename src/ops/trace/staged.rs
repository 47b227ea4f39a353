//! A record: its row in staging, and the load that brought it.

use super::{Staged, TraceError, cells};
use crate::app::App;
use crate::catalog::LoadStatus;
use crate::format::{Counting, JsonLayout, Layout};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Table, quote};
use crate::warehouse::Transaction;

/// Returns the rows of a record in staging; one entry without a row where it is gone.
pub(super) async fn records(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &str,
    load: i64,
    line: i64,
) -> Result<Vec<Staged>, TraceError> {
    let of = Table::staging(table);
    let columns = transaction.columns(&of).await?;
    let mut rows = Vec::new();
    if !columns.is_empty() {
        let (load_column, line_column) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
        let sql = format!("select * from {} where {load_column} = {load} and {line_column} = {line}", names.table(&of));
        rows = transaction.query(&sql, &[]).await?;
    }
    let record = |row| Staged {
        load,
        line: Some(line),
        record: None,
        file: String::new(),
        loaded_at: None,
        table: names.shown(&of),
        row,
        status: String::new(),
        note: None,
    };
    if rows.is_empty() {
        return Ok(vec![record(None)]);
    }
    Ok(rows.into_iter().map(|row| record(Some(cells(&columns, row)))).collect())
}

/// Adds the ledger's facts about its load.
pub(super) async fn tell_load(app: &App, record: &mut Staged) -> Result<(), TraceError> {
    if let Some(load) = app.workspace.catalog.load(record.load).await? {
        let layout = load.dialect.as_deref().and_then(|layout| serde_json::from_str(layout).ok());
        if let Some(Layout::Json(JsonLayout { counting: Counting::Records(on), .. })) = layout {
            record.record = record.line;
            record.line = on.and_then(|line| i64::try_from(line).ok());
        }
        record.file = load.source;
        record.loaded_at = load.finished_at;
        record.status = load.status.word();
        record.note = record.row.is_none().then(|| {
            let why = match load.status {
                LoadStatus::Replaced => "a later file has taken the place of all rows of this one since",
                LoadStatus::Retracted => "its load was taken back since",
                LoadStatus::Lost => "the rows of its load were taken out of the table by hand since",
                _ => "a later file has changed it since",
            };
            format!("the row is not there any more: {why}")
        });
    }
    Ok(())
}
