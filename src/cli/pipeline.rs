//! `app --pipeline`: builds the star, and says what changed.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;

use super::{End, table};
use crate::alert::{Alerts, Kind};
use crate::daemon;
use crate::pipeline::{self, Finding, Options, TableChange};
use crate::settings::Settings;
use crate::text::counted;

/// How long alerts may take at the end.
const TELLING: Duration = Duration::from_secs(15);

/// What a run is asked for.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// Only these tables: fact_x, with those it needs +fact_x, with those that need it fact_x+
    #[arg(long, value_name = "TABLES", requires = "pipeline")]
    select: Vec<String>,
    /// Compare every table whole, whatever is new
    #[arg(long, requires = "pipeline")]
    full: bool,
    /// Let columns and tables go that no file gives any more, with their values
    #[arg(long, requires = "pipeline")]
    allow_drop: bool,
}

/// `app plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Only these tables: fact_x, with those it needs +fact_x, with those that need it fact_x+
    #[arg(long, value_name = "TABLES")]
    select: Vec<String>,
    /// As if every table were compared whole
    #[arg(long)]
    full: bool,
    /// As if columns and tables that no file gives any more were let go
    #[arg(long)]
    allow_drop: bool,
    /// The statements, too
    #[arg(long)]
    sql: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, asked: &Asked, json: bool) -> anyhow::Result<End> {
    let started = Instant::now();
    let options = Options { select: asked.select.clone(), full: asked.full, allow_drop: asked.allow_drop, dry: false };
    let alerts = Alerts::start(&settings.alerting)?;
    let done = build(settings, &alerts, &options).await;
    match &done {
        Ok(_) => alerts.recover(Kind::Pipeline, "pipeline", "the pipeline ran"),
        Err(error) => {
            let fix = "fix what is named, then run app --pipeline; the star is as it was";
            alerts.raise(Kind::Pipeline, "pipeline", &crate::text::chain(error), fix, None);
        }
    }
    alerts.finish(TELLING).await;
    print(&done?, started, json)
}

/// Says what a run would change, and rolls it back.
pub(super) async fn plan(settings: &Settings, wanted: Plan) -> anyhow::Result<End> {
    let Plan { select, full, allow_drop, sql, json } = wanted;
    let app = daemon::look(settings).await?;
    let report = pipeline::run_with(&app.workspace, &Options { select, full, allow_drop, dry: true }).await?;
    let mut out = crate::text::shown::stdout();
    for change in &report.changes {
        if json {
            table::print_json(change)?;
        } else {
            writeln!(out, "{:<24} {}", change.table, change.words())?;
        }
    }
    if sql && json {
        table::print_json(&serde_json::json!({ "sql": report.sql }))?;
    } else if sql {
        writeln!(out, "\n{};", report.sql.join(";\n"))?;
    } else if !json {
        let changed = report.changes.iter().any(|change| change.changed() > 0);
        writeln!(
            out,
            "Nothing was changed. {}",
            if changed { "Next: app --pipeline" } else { "The star is up to date" }
        )?;
    }
    Ok(End::Done)
}

async fn build(settings: &Settings, alerts: &Alerts, options: &Options) -> anyhow::Result<Vec<TableChange>> {
    let app = daemon::connect(settings).await?;
    if app.workspace.catalog.pipeline_failed_last().await? {
        alerts.remember(Kind::Pipeline, "pipeline");
    }
    Ok(pipeline::run_with(&app.workspace, options).await?.changes)
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
            let [rows, inserted, updated, deleted] =
                [one.rows, one.inserted, one.updated, one.deleted].map(|count| count.to_string());
            // A view has none of its own.
            let rows = if one.kind == "view" { String::new() } else { rows };
            vec![
                one.table.clone(),
                one.kind.to_owned(),
                rows,
                inserted,
                updated,
                deleted,
                one.remarks(),
                one.how.clone(),
            ]
        })
        .collect();
    table::print(&["table", "kind", "rows", "new", "changed", "gone", "besides", "how"], &rows)?;
    for (change, warning) in changes.iter().flat_map(|one| one.warnings.iter().map(move |warning| (one, warning))) {
        let Finding { check, rows, samples } = warning;
        writeln!(
            crate::text::shown::stderr(),
            "warning: {}: {check}: {rows} at fault, such as {}",
            change.table,
            samples.join("; ")
        )?;
    }
    let all: u64 = changes.iter().map(TableChange::changed).sum();
    let what = if all == 0 { "0 changes: the star was up to date".to_owned() } else { counted(all, "change") };
    writeln!(crate::text::shown::stdout(), "{what}; {:.1} s. Next: app --analysis", started.elapsed().as_secs_f64())?;
    Ok(End::Done)
}
