//! `app trace TABLE`: the origin of rows of the star: file, line, load and staged row.

use std::io::Write;

use clap::Args;

use super::{End, screen, table};
use crate::daemon::{self, Usage};
use crate::ops::status::moment;
use crate::ops::trace::{Cells, Staged, Trace, TraceError, TracedOf, trace};
use crate::settings::Settings;
use crate::text::shown::shown as clean;

/// The arguments of `app trace`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  app trace datawarehouse.fact_order --where \"order_id = 7\"")]
pub(super) struct Wanted {
    /// A fact, a dimension, or a table of staging
    table: String,
    /// The rows: a condition in SQL
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// The number of rows to trace, and of records to show for each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Print one JSON object a row
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let app = daemon::look(settings).await?;
    let Wanted { table, condition, limit, json } = wanted;
    let traced = trace(&app, &table, condition.as_deref(), limit).await;
    let Trace { table, rows, more } = traced.map_err(|error| match error {
        TraceError::Asked(why) => Usage(why).into(),
        other => anyhow::Error::from(other),
    })?;
    let shown = app.workspace.warehouse.names().shown(&table);
    if rows.is_empty() {
        let left_out = app.workspace.catalog.star_rejects(&table.name, 1).await?;
        let hint = match left_out.is_empty() {
            true => String::new(),
            false => format!("; some rows are left out of it: app rejects {}", table.name),
        };
        let holds = condition.map_or("has no rows".to_owned(), |condition| format!("has no row where {condition}"));
        anyhow::bail!("{shown} {holds}{hint}");
    }
    let mut out = screen::stdout();
    for one in rows {
        if json {
            table::print_json(&TracedOf { traced: one, table: shown.clone() })?;
            continue;
        }
        writeln!(out, "{shown}: {}", clean(&words(&one.row)))?;
        for Staged { load, line, record, file, loaded_at, table, row, note, .. } in one.staged {
            let when = loaded_at.map_or_else(String::new, |at| format!(", loaded {}", moment(at)));
            let places = [("line", line), ("record", record)];
            let places = places.into_iter().filter_map(|(what, at)| Some(format!("{what} {}", at?)));
            let place = places.collect::<Vec<_>>().join(", ");
            writeln!(out, "  {} {place}, load {load}{when}", clean(&table::shortened(&file)))?;
            let what =
                row.map(|row| words(&row)).or(note).unwrap_or_else(|| "the row is not there any more".to_owned());
            writeln!(out, "    {table}: {}", clean(&what))?;
        }
        if let Some(note) = one.note {
            writeln!(out, "  {}", clean(&note))?;
        }
        if one.more {
            writeln!(out, "  and more: --limit shows them")?;
        }
    }
    if more && !json {
        writeln!(out, "and more rows: narrow --where, or say --limit")?;
    }
    Ok(End::Done)
}

/// Formats a row on one line: `a = 1, b = "x"`, without load and line, which are shown elsewhere.
fn words(row: &Cells) -> String {
    let cells = row.iter().filter(|(name, _)| *name != "_load_id" && *name != "_line");
    let cell = |cell: &serde_json::Value| match cell.as_str() {
        None => "NULL".to_owned(),
        Some(text) if text.parse::<f64>().is_ok() => text.to_owned(),
        Some(text) => format!("{:?}", table::shortened(text)),
    };
    cells.map(|(name, value)| format!("{name} = {}", cell(value))).collect::<Vec<_>>().join(", ")
}
