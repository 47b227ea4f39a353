//! `app loads`: the ledger.

use super::screen::Tone;
use super::{End, table};
use crate::catalog::LoadStatus;
use crate::daemon;
use crate::ops;
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings, limit: u64, json: bool) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let loads = app.workspace.catalog.loads(limit).await?;
    if json {
        ops::loads::in_full(&app.workspace, loads).await?.iter().try_for_each(table::print_json)?;
        return Ok(End::Done);
    }
    let rows: Vec<_> = loads
        .into_iter()
        .map(|load| {
            let mut notes: Vec<String> = load.error.into_iter().collect();
            notes.extend(load.duplicate_of.map(|of| format!("same content as load {of}")));
            for (rows, what) in [(load.rows_padded, "padded"), (load.rows_extended, "with cells in _extra")] {
                if rows > 0 {
                    notes.push(format!("{rows} {what}"));
                }
            }
            let counts =
                [load.rows_read, load.rows_loaded, load.rows_rejected, load.rows_duplicate, load.rows_filtered];
            let mut row = vec![
                load.id.to_string(),
                load.started_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                load.source,
                load.dataset,
                load.status.word(),
            ];
            row.extend(counts.map(|count| count.to_string()));
            row.push(notes.join(", "));
            row
        })
        .collect();
    let columns = [
        ("load", 0),
        ("started", 4),
        ("file", 0),
        ("table", 3),
        ("status", 0),
        ("read", 7),
        ("loaded", 0),
        ("rejected", 1),
        ("duplicate", 6),
        ("filtered", 5),
        ("note", 2),
    ];
    table::print_toned(&columns, &rows, tone)?;
    Ok(End::Done)
}

fn tone(header: &str, cell: &str) -> Option<Tone> {
    match (header, cell) {
        ("status", cell) if cell == LoadStatus::Loaded.word() => Some(Tone::Good),
        ("status", cell)
            if [LoadStatus::Failed, LoadStatus::Lost].map(LoadStatus::word).iter().any(|bad| bad == cell) =>
        {
            Some(Tone::Bad)
        }
        ("rejected", cell) if cell != "0" => Some(Tone::Doubt),
        _ => None,
    }
}
