//! `app rejects [LOAD]`: the records that were read and not loaded.

use serde_json::json;

use super::{End, table};
use crate::daemon::{self, Usage};
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings, load: Option<i64>, limit: u64, json: bool) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    if let Some(id) = load
        && app.workspace.catalog.load(id).await?.is_none()
    {
        return Err(Usage(format!("there is no load {id}: see app loads")).into());
    }
    let rejects = app.workspace.catalog.rejects(load, limit).await?;
    let mut loads: Vec<_> = rejects.iter().map(|one| one.load_id).collect();
    loads.dedup();
    let retracted = app.workspace.catalog.retracted(&loads).await?;
    if json {
        for one in rejects {
            table::print_json(&json!({
                "load": one.load_id, "retracted": retracted.contains(&one.load_id), "line": one.line, "column": one.column, "reason": one.reason,
                "detail": one.detail, "text": one.text,
            }))?;
        }
        return Ok(End::Done);
    }
    let rows: Vec<_> = rejects
        .into_iter()
        .map(|one| {
            let note = if retracted.contains(&one.load_id) { " (retracted)" } else { "" };
            vec![
                format!("{}{note}", one.load_id),
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
