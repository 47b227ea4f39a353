//! `app --pipeline`: builds the star, and says what changed.

use std::io::Write;
use std::time::Instant;

use super::{End, table};
use crate::app::App;
use crate::daemon;
use crate::pipeline::{self, TableChange};
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let app = daemon::connect(settings).await?;
    print(&app, json).await
}

/// Runs the pipeline and prints what it changed.
pub(super) async fn print(app: &App, json: bool) -> anyhow::Result<End> {
    let started = Instant::now();
    let changes = pipeline::run(app).await?;
    if json {
        for change in &changes {
            table::print_json(change)?;
        }
        return Ok(End::Done);
    }
    let rows: Vec<_> = changes
        .iter()
        .map(|one| {
            let unknown: Vec<_> = one.unknown.iter().map(|(key, count)| format!("{key}: {count}")).collect();
            let [rows, inserted, updated, deleted] =
                [one.rows, one.inserted, one.updated, one.deleted].map(|count| count.to_string());
            vec![one.table.clone(), one.kind.to_owned(), rows, inserted, updated, deleted, unknown.join(", ")]
        })
        .collect();
    table::print(&["table", "kind", "rows", "new", "changed", "gone", "unknown"], &rows)?;
    let changed = |one: &TableChange| one.inserted + one.updated + one.deleted;
    let all: u64 = changes.iter().map(changed).sum();
    let what = if all == 0 {
        "0 changes: the star was up to date".to_owned()
    } else {
        format!("{all} {}", if all == 1 { "change" } else { "changes" })
    };
    writeln!(std::io::stdout(), "{what}; {:.1} s. Next: app --analysis", started.elapsed().as_secs_f64())?;
    Ok(End::Done)
}
