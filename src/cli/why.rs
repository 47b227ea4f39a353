//! `app why FILE`: the arrival of a file, its layout, the fate of its rows and their present place.

use std::io::Write;

use chrono::Utc;

use super::status::step;
use super::{End, beside, screen, table};
use crate::daemon::{self, Usage};
use crate::ops::check::words;
use crate::ops::status::{Status, look, moment, status};
use crate::ops::why::{became, explained};
use crate::settings::Settings;
use crate::text::counted;
use crate::text::nearest;
use crate::text::shown::shown;

/// The number of rejects that are shown of each load.
const REJECTS: u64 = 5;

pub(super) async fn run(settings: &Settings, what: &str, json: bool) -> anyhow::Result<End> {
    let app = match daemon::look(settings).await {
        // Before the first load there is no warehouse yet.
        Err(error) if error.is::<Usage>() && say_wait(settings, what, json).await? => return Ok(End::Done),
        app => app?,
    };
    let loads = app.workspace.catalog.loads_of(what).await?;
    if loads.is_empty() {
        if say_wait(settings, what, json).await? {
            return Ok(End::Done);
        }
        let recent = app.workspace.catalog.loads(1000).await?;
        let hint = nearest(what, recent.iter().map(|load| load.source.as_str()));
        return Err(Usage(format!("no file or hash {} is in the ledger{}", shown(what), shown(&hint))).into());
    }
    if json {
        explained(&app.workspace, loads, REJECTS).await?.iter().try_for_each(table::print_json)?;
        return Ok(End::Done);
    }
    let mut out = screen::stdout();
    for load in loads {
        writeln!(
            out,
            "load {}: {} came {}",
            load.id,
            shown(&load.source),
            load.started_at.format("%Y-%m-%d %H:%M:%SZ")
        )?;
        if let (Some(bytes), Some(hash)) = (load.bytes, &load.hash) {
            writeln!(out, "  {}, blake3 {hash}", counted(bytes.unsigned_abs(), "byte"))?;
        }
        if let Some(layout) = &load.dialect {
            let layout = serde_json::from_str(layout).map_or_else(|_| layout.clone(), |layout| words(&layout));
            writeln!(out, "  read as {}", shown(&layout))?;
        }
        writeln!(
            out,
            "  rows: {} read = {} loaded + {} rejected + {} duplicate + {} filtered",
            load.rows_read, load.rows_loaded, load.rows_rejected, load.rows_duplicate, load.rows_filtered
        )?;
        if load.rows_padded + load.rows_extended > 0 {
            let (padded, extended) = (load.rows_padded, load.rows_extended);
            writeln!(
                out,
                "  of those loaded {padded} had fewer cells than the header, {extended} had more (in _extra)"
            )?;
        }
        writeln!(out, "  {}", shown(&became(&app.workspace, &load).await?))?;
        let kept = app.workspace.catalog.beside_of(&[load.id]).await?;
        let kept: Vec<_> = kept
            .iter()
            .map(|one| {
                let line = one.line.map(i64::unsigned_abs);
                (one.kind.as_str(), line, one.name.as_deref(), one.text.as_str())
            })
            .collect();
        beside::print("  beside its records, and kept with the load:", &kept)?;
        let rejects = app.workspace.catalog.rejects(Some(load.id), REJECTS).await?;
        if !rejects.is_empty() {
            let rows: Vec<_> = rejects
                .into_iter()
                .map(|one| {
                    let column = one.column.unwrap_or_default();
                    let reason = table::reason(&one.reason, one.detail.as_deref());
                    vec![one.line.to_string(), column, reason, table::shortened(&one.text)]
                })
                .collect();
            table::print(&[("line", 0), ("column", 2), ("reason", 0), ("text", 1)], &rows)?;
        }
    }
    say_wait(settings, what, false).await?;
    Ok(End::Done)
}

/// Tells for what a file of this name waits in the folder, or at which step it is; returns true if there is one.
async fn say_wait(settings: &Settings, what: &str, json: bool) -> anyhow::Result<bool> {
    let now = Utc::now();
    let Status { running, waiting, .. } = status(look(settings, None, now).await, now);
    let (mut out, mut is_there) = (screen::stdout(), false);
    for one in waiting.iter().filter(|one| one.file == what) {
        is_there = true;
        match json {
            true => table::print_json(one)?,
            false => {
                writeln!(out, "{} is not loaded, since {}: {}", shown(&one.file), moment(one.since), shown(&one.why))?
            }
        }
    }
    for one in running.iter().filter(|one| one.file == what) {
        is_there = true;
        match json {
            true => table::print_json(one)?,
            false => {
                writeln!(out, "{} is in hand since {}: {}", shown(&one.file), moment(one.started), shown(&step(one)))?
            }
        }
    }
    Ok(is_there)
}
