//! `app rejects [LOAD|FACT]`: the records that were read and not loaded, and those left out of a fact.

use super::{End, table};
use crate::daemon::{self, Usage};
use crate::ops::rejects::{RejectsError, left_out, rejects};
use crate::settings::Settings;

pub(super) async fn of_loads(settings: &Settings, load: Option<i64>, limit: u64, json: bool) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let rejects = rejects(&app.workspace, load, limit).await.map_err(usage)?;
    if json {
        rejects.iter().try_for_each(table::print_json)?;
        return Ok(End::Done);
    }
    let rows: Vec<_> = rejects
        .into_iter()
        .map(|one| {
            let note = if one.retracted { " (retracted)" } else { "" };
            vec![
                format!("{}{note}", one.load),
                one.line.to_string(),
                one.column.unwrap_or_default(),
                table::reason(&one.reason, one.detail.as_deref()),
                table::shortened(&one.text),
            ]
        })
        .collect();
    table::print(&[("load", 0), ("line", 0), ("column", 2), ("reason", 0), ("text", 1)], &rows)?;
    Ok(End::Done)
}

pub(super) async fn of_fact(settings: &Settings, name: &str, limit: u64, json: bool) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let rows = left_out(&app.workspace, name, limit).await.map_err(usage)?;
    if json {
        rows.iter().try_for_each(table::print_json)?;
        return Ok(End::Done);
    }
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let rows: Vec<_> = rows
        .into_iter()
        .map(|one| {
            let value = one.value.as_deref().map_or("NULL".to_owned(), table::shortened);
            vec![number(one.load), one.file.unwrap_or_default(), number(one.line), one.column, value, one.reason]
        })
        .collect();
    let columns = [("load", 2), ("file", 1), ("line", 0), ("column", 0), ("value", 0), ("reason", 3)];
    table::print(&columns, &rows)?;
    Ok(End::Done)
}

/// A wrong command line: it asks for what is not there.
fn usage(error: RejectsError) -> anyhow::Error {
    match error {
        RejectsError::NoLoad(_) | RejectsError::NoFact(..) => Usage(error.to_string()).into(),
        RejectsError::Warehouse(error) => error.into(),
    }
}
