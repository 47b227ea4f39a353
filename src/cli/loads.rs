//! `app loads`: the ledger.

use std::io::Write;

use chrono::{DateTime, Utc};
use clap::Args;

use super::screen::{self, Tone};
use super::status::total;
use super::{End, table};
use crate::catalog::{LoadFilter, LoadStatus, Period};
use crate::daemon::{self, Usage};
use crate::ops;
use crate::ops::loads::moment;
use crate::settings::Settings;

/// The number of loads that are shown where neither a number nor a time is given.
const SHOWN: u64 = 20;

/// The arguments of `app loads`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  app loads --since 2026-11-27 --until 2026-11-28    the loads of that day, and their sum"
)]
pub(super) struct Wanted {
    /// The number of loads to show [default: 20; with --since or --until, all of them]
    #[arg(long)]
    limit: Option<u64>,
    /// Only loads that began then or later: a day, or a time such as 2026-11-27T08:30, in UTC
    #[arg(long, value_name = "DATE|TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Only loads that began before: a day is not part of it, but the end of the day before
    #[arg(long, value_name = "DATE|TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let Wanted { limit, since, until, json } = wanted;
    let period = Period { since, until };
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        let why = "--since and --until leave no time between them: --until is the first moment after, as the next day";
        return Err(Usage(why.to_owned()).into());
    }
    let is_sum = period != Period::default();
    let app = daemon::look(settings).await?;
    let limit = if is_sum { limit } else { limit.or(Some(SHOWN)) };
    let filter = LoadFilter { period, ..LoadFilter::default() };
    let loads = app.workspace.catalog.loads_where(&filter, limit).await?;
    if json {
        ops::loads::in_full(&app.workspace, loads).await?.iter().try_for_each(table::print_json)?;
        return Ok(End::Done);
    }
    let rows: Vec<_> = loads
        .into_iter()
        .map(|load| {
            let mut notes: Vec<String> = load.error.into_iter().collect();
            notes.extend(load.duplicate_of.map(|of| format!("same content as load {of}")));
            notes.extend(load.made_good_by.map(|by| format!("made good by load {by}")));
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
    if is_sum {
        let sum = app.workspace.catalog.total(period).await?;
        let gone = match sum.gone {
            0 => String::new(),
            gone => format!("; {gone} retracted or lost, and not counted"),
        };
        writeln!(screen::stdout(), "sum: {}{gone}", total(&sum))?;
    }
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
