//! `app --pipeline`: builds the star, and says what changed.

use std::io::Write;
use std::time::{Duration, Instant};

use super::{End, table};
use crate::alert::{Alerts, Kind};
use crate::counted::counted;
use crate::daemon;
use crate::pipeline::{self, TableChange};
use crate::settings::Settings;

/// How long alerts may take at the end.
const TELLING: Duration = Duration::from_secs(15);

pub(super) async fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let started = Instant::now();
    let alerts = Alerts::start(&settings.alerting)?;
    let done = build(settings, &alerts).await;
    match &done {
        Ok(_) => alerts.recover(Kind::Pipeline, "pipeline", "the pipeline ran"),
        Err(error) => {
            let mend = "mend what is named, then run app --pipeline; the star is as it was";
            alerts.raise(Kind::Pipeline, "pipeline", &format!("{error:#}"), mend, None);
        }
    }
    alerts.finish(TELLING).await;
    print(&done?, started, json)
}

async fn build(settings: &Settings, alerts: &Alerts) -> anyhow::Result<Vec<TableChange>> {
    let app = daemon::connect(settings).await?;
    if app.ledger.pipeline_failed_last().await? {
        alerts.remember(Kind::Pipeline, "pipeline");
    }
    Ok(pipeline::run(&app).await?)
}

/// Prints what a run of the pipeline changed.
pub(super) fn print(changes: &[TableChange], started: Instant, json: bool) -> anyhow::Result<End> {
    if json {
        for change in changes {
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
    let what = if all == 0 { "0 changes: the star was up to date".to_owned() } else { counted(all, "change") };
    writeln!(std::io::stdout(), "{what}; {:.1} s. Next: app --analysis", started.elapsed().as_secs_f64())?;
    Ok(End::Done)
}
