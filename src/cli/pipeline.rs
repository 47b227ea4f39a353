//! `app --pipeline`: builds the star, and prints the changes.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;

use super::screen::{self, Tone};
use super::{End, table};
use crate::alert::{Alerts, Kind};
use crate::daemon::{self, Usage};
use crate::pipeline::{self, Finding, Options, RunError, TableChange};
use crate::settings::Settings;
use crate::telemetry;
use crate::text::counted;

/// The longest wait for alerts at the end.
const TELLING: Duration = Duration::from_secs(15);

/// The options of a run.
#[derive(Clone, Debug, Args)]
pub(super) struct Asked {
    /// Only these tables: fact_x, with those it needs +fact_x, with those that need it fact_x+
    #[arg(long, value_name = "TABLES", requires = "pipeline")]
    select: Vec<String>,
    /// Compare every table whole, with or without news
    #[arg(long, requires = "pipeline")]
    full: bool,
    /// Drop columns and tables that no file gives any more, with their values
    #[arg(long, requires = "pipeline")]
    allow_drop: bool,
    /// Publish whatever this table's guard says, this once
    #[arg(long, value_name = "TABLE", requires = "pipeline")]
    accept_guard: Vec<String>,
}

/// The arguments of `app plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Only these tables: fact_x, with those it needs +fact_x, with those that need it fact_x+
    #[arg(long, value_name = "TABLES")]
    select: Vec<String>,
    /// Show the changes of comparing every table whole
    #[arg(long)]
    full: bool,
    /// Show the changes of dropping columns and tables that no file gives any more
    #[arg(long)]
    allow_drop: bool,
    /// Show the changes whatever this table's guard says
    #[arg(long, value_name = "TABLE")]
    accept_guard: Vec<String>,
    /// Print the statements, too
    #[arg(long)]
    sql: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, asked: &Asked, json: bool) -> anyhow::Result<End> {
    let started = Instant::now();
    let Asked { select, full, allow_drop, accept_guard } = asked.clone();
    let options = Options { select, full, allow_drop, accept_guard, dry: false };
    let alerts = Alerts::start(&settings.alerting)?;
    let done = build(settings, &alerts, &options).await;
    let done = done.map_err(wrong_selection);
    match &done {
        Err(error) if error.is::<Usage>() => {}
        // A part that is done mends nothing of the whole.
        Ok(_) if !options.select.is_empty() => {}
        Ok(_) => alerts.recover(Kind::Pipeline, "pipeline", "the pipeline ran"),
        Err(error) => {
            let fix = "fix what is named, then run app --pipeline; the star is as it was";
            alerts.raise(Kind::Pipeline, "pipeline", &crate::text::chain(error), fix, None);
        }
    }
    alerts.finish(TELLING).await;
    print(&done?, started, json)
}

/// Prints the changes that a run would make, and rolls them back.
pub(super) async fn plan(settings: &Settings, wanted: Plan) -> anyhow::Result<End> {
    let Plan { select, full, allow_drop, accept_guard, sql, json } = wanted;
    let app = daemon::look(settings).await?;
    let options = Options { select, full, allow_drop, accept_guard, dry: true };
    let report = pipeline::run_with(&app.workspace, &options).await.map_err(|error| wrong_selection(error.into()))?;
    let changed = report.changes.iter().any(TableChange::is_change);
    if sql && !json && !changed && report.sql.is_empty() {
        return Ok(End::Done);
    }
    let mut out = screen::stdout();
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
        // To be copied as it is.
        writeln!(crate::text::shown::stdout(), "\n{};", report.sql.join(";\n"))?;
    } else if !json {
        writeln!(
            out,
            "Nothing was changed. {}",
            if changed { "Next: app --pipeline" } else { "The star is up to date" }
        )?;
    }
    Ok(End::Done)
}

/// A table that is selected and does not exist is wrong usage: nothing ran, and nothing failed.
fn wrong_selection(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<RunError>() {
        Some(RunError::Selection(why)) => Usage(why.clone()).into(),
        _ => error,
    }
}

async fn build(settings: &Settings, alerts: &Alerts, options: &Options) -> anyhow::Result<Vec<TableChange>> {
    telemetry::show_steps();
    let app = daemon::connect(settings).await?;
    if app.workspace.catalog.pipeline_failed_last().await? {
        alerts.remember(Kind::Pipeline, "pipeline");
    }
    Ok(pipeline::run_with(&app.workspace, options).await?.changes)
}

/// Prints the changes of a run of the pipeline.
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
                [one.rows, one.new_rows(), one.updated, one.deleted].map(|count| count.to_string());
            // A view has no rows of its own.
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
    let columns =
        [("table", 0), ("kind", 4), ("rows", 0), ("new", 2), ("changed", 2), ("gone", 2), ("besides", 1), ("how", 3)];
    table::print_toned(&columns, &rows, |header, cell| {
        let is_doubtful = header == "besides" && ["rejected", "unknown"].iter().any(|word| cell.contains(word));
        is_doubtful.then_some(Tone::Doubt)
    })?;
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
    let what = match changes.iter().any(TableChange::is_change) {
        true => counted(all, "change"),
        false => "0 changes: the star was up to date".to_owned(),
    };
    writeln!(screen::stdout(), "{what}; {:.1} s. Next: app --analysis", started.elapsed().as_secs_f64())?;
    Ok(End::Done)
}
