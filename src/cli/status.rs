//! `app status`: how things stand, what needs a person first. Works without the database too.

use std::io::Write;

use chrono::{DateTime, Utc};

use super::screen::{self, Tone};
use super::{End, table};
use crate::catalog::{Failure, LeftOut, Total, Warning};
use crate::ops::schedule::Scheduled;
use crate::ops::status::{Need, Status, look, moment, span, status};
use crate::settings::Settings;
use crate::telemetry::progress::{FileStep, Running};
use crate::text::counted;
use crate::text::shown::shown;

/// Files of a kind that are shown to people.
const SHOWN: usize = 20;

pub(super) async fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let now = Utc::now();
    let status = status(look(settings, None, now).await, now);
    if json {
        table::print_json(&status)?;
    } else {
        print(&status, now)?;
    }
    Ok(if status.ok { End::Done } else { End::Failed })
}

fn print(status: &Status, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut out = screen::stdout();
    if !status.needs.is_empty() {
        writeln!(screen::toned(Tone::Bad), "needs a person:")?;
        for Need { what, fix } in status.needs.iter().take(SHOWN) {
            // The errors of a run have a line each.
            for (at, line) in what.lines().enumerate() {
                writeln!(screen::toned(Tone::Bad), "{} {}", if at == 0 { "-" } else { " " }, shown(line))?;
            }
            writeln!(out, "  {}", shown(fix))?;
        }
        more(status.needs.len())?;
        writeln!(out)?;
    }
    let folder = crate::text::shown::path(&status.folder);
    let waits = status.watching.iter().filter(|one| one.waits_for_folder).count();
    match status.watching.len() {
        _ if waits > 0 => writeln!(screen::toned(Tone::Doubt), "{folder} is waited for")?,
        0 => writeln!(screen::toned(Tone::Doubt), "{folder} is watched by nobody")?,
        1 => writeln!(screen::toned(Tone::Good), "{folder} is watched")?,
        many => writeln!(screen::toned(Tone::Good), "{folder} is watched by {many} programs")?,
    }
    for one in &status.watching {
        match (one.pid, one.since) {
            (Some(pid), Some(since)) => {
                let host = shown(one.host.as_deref().unwrap_or_default());
                writeln!(out, "  since {} (pid {pid} on {host}), {} in hand", moment(since), one.in_hand.len())?;
            }
            _ => writeln!(out, "  by a program that says nothing of itself")?,
        }
    }
    if !status.running.is_empty() {
        let row = |one: &Running| {
            let percent = one.bytes * 100 / one.bytes_total.max(1);
            let of = format!("{} of {} bytes ({percent} %)", one.bytes, one.bytes_total);
            let number = |number: u64| if one.load.is_some() { number.to_string() } else { String::new() };
            let load = one.load.map_or_else(String::new, |load| load.to_string());
            let (rows, rate) = (number(one.rows), number(one.rows_per_second));
            vec![load, one.file.clone(), span(now - one.started), step(one), of, rows, rate]
        };
        let rows: Vec<_> = status.running.iter().take(SHOWN).map(row).collect();
        let columns = [("load", 1), ("running", 0), ("for", 1), ("step", 0), ("read", 0), ("rows", 2), ("rows/s", 3)];
        table::print(&columns, &rows)?;
        more(status.running.len())?;
    }
    if !status.waiting.is_empty() {
        let shown = status.waiting.iter().take(SHOWN);
        let rows: Vec<_> = shown.map(|one| vec![one.file.clone(), span(now - one.since), one.why.clone()]).collect();
        table::print(&[("waiting", 0), ("for", 1), ("why", 0)], &rows)?;
        more(status.waiting.len())?;
    }
    let database = &status.database;
    // The files in failed/ are told above, with their fixes.
    let told =
        |one: &&Failure| status.failed_files.iter().any(|file| file.load == Some(one.load) || file.file == one.source);
    let untold: Vec<_> = database.failures.iter().filter(|one| !told(one)).collect();
    if !untold.is_empty() {
        let rows: Vec<_> = untold
            .into_iter()
            .map(|one| {
                let again = one.loaded_by.map(|load| format!("loaded since, by load {load}: ")).unwrap_or_default();
                let error = table::shortened(&format!("{again}{}", one.error));
                vec![one.load.to_string(), moment(one.at), one.source.clone(), error]
            })
            .collect();
        table::print(&[("load", 0), ("failed", 1), ("source", 0), ("error", 0)], &rows)?;
    }
    if !database.exists {
        let why = match (&database.error, database.fix) {
            (None, _) => "there is no warehouse yet",
            (Some(_), None) => "no answer: see above",
            (Some(_), Some(_)) => "its figures could not be read: see above",
        };
        let tone = if database.error.is_some() { Tone::Bad } else { Tone::Aside };
        writeln!(screen::toned(tone), "database {}: {why}", database.address)?;
        return Ok(());
    }
    writeln!(out, "last hour: {}\ntoday (UTC): {}", total(&database.last_hour), total(&database.today))?;
    match &database.pipeline {
        Some(run) => {
            let (tone, became) = if run.failed { (Tone::Bad, "failed") } else { (Tone::Good, "done") };
            writeln!(screen::toned(tone), "last pipeline run: {became}, {}", moment(run.finished))?;
            for Warning { table, check, rows } in &run.warnings {
                writeln!(out, "  {table}: {check}: {rows} at fault")?;
            }
            for LeftOut { fact, rejects } in &run.left_out {
                let values = counted(rejects.unsigned_abs(), "value");
                writeln!(
                    out,
                    "  {fact} leaves rows out: {values} of them that no dimension knows; app rejects {fact}"
                )?;
            }
        }
        None => writeln!(out, "last pipeline run: none yet")?,
    }
    for Scheduled { name, paused, .. } in &database.schedules {
        if let Some(since) = paused {
            let name = shown(name);
            writeln!(
                screen::toned(Tone::Doubt),
                "the schedule {name} is paused since {}: app schedule resume {name}",
                moment(*since)
            )?;
        }
    }
    Ok(())
}

/// The step of a file in hand, in words.
pub(super) fn step(one: &Running) -> String {
    if let Some(holders) = &one.held_by {
        return format!("waits for a lock of {holders}");
    }
    match (one.step, &one.waits_for) {
        (FileStep::Waiting, Some(other)) => format!("waits for {other}"),
        (FileStep::Waiting, None) => "waits for its turn".to_owned(),
        (FileStep::Opening, _) => "opening".to_owned(),
        (FileStep::FirstPass, _) => "first pass".to_owned(),
        (FileStep::Database, Some(other)) => format!("waits until {other} is written: SQLite has one writer"),
        (FileStep::Database, None) => "waits for the database".to_owned(),
        (FileStep::Loading, _) => "loading".to_owned(),
    }
}

fn more(all: usize) -> std::io::Result<()> {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        rest => writeln!(screen::stdout(), "and {rest} more: app status --json"),
    }
}

/// The sums over loads, in words.
pub(super) fn total(total: &Total) -> String {
    let Total { loaded, duplicates, failed, rows_loaded, rows_rejected, gone: _ } = total;
    format!(
        "{loaded} loaded, {duplicates} duplicate, {failed} failed; rows: {rows_loaded} loaded, {rows_rejected} rejected"
    )
}
