//! `app schedule`: what runs when, and how the last runs ended; pauses, resumes, and runs one now.

use std::io::Write;

use chrono::Utc;
use clap::{Args, Subcommand};

use super::screen::{self, Tone};
use super::{End, table};
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::ops::schedule::{Did, LastScheduled, Scheduled, Schedules, UnknownSchedule, by_hand};
use crate::ops::status::{moment, span};
use crate::settings::Settings;
use crate::source::is_watched;
use crate::text::shown;

/// The arguments of `app schedule`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  app schedule                what runs when, and how the last runs ended\n  \
                        app schedule run orders     runs it now\n  \
                        app schedule pause orders   until app schedule resume orders")]
pub(super) struct Wanted {
    #[command(subcommand)]
    what: Option<What>,
    /// Print one JSON object a schedule
    #[arg(long)]
    json: bool,
}

/// What is to be done with a schedule.
#[derive(Debug, Subcommand)]
enum What {
    /// Lets its ticks pass until it is resumed
    Pause {
        /// A plugin, pipeline or analysis
        name: String,
    },
    /// Goes on with the next tick
    Resume {
        /// A plugin, pipeline or analysis
        name: String,
    },
    /// Runs it now, in this process, and records it
    Run {
        /// A plugin, pipeline or analysis
        name: String,
    },
}

impl Wanted {
    /// True if it changes the warehouse.
    pub(super) fn keeps_log(&self) -> bool {
        matches!(self.what, Some(What::Run { .. }))
    }
}

pub(super) async fn run(settings: &Settings, wanted: Wanted) -> anyhow::Result<End> {
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name));
    let schedules = Schedules::of(settings.schedules()?, &plugins);
    let mut out = shown::stdout();
    match wanted.what {
        None => list(settings, &schedules, &plugins, wanted.json).await,
        Some(What::Pause { name }) => {
            schedules.named(&name).map_err(|error| unknown(error, &plugins))?;
            let app = daemon::connect(settings).await?;
            let is_new = schedules.pause(&app.workspace.catalog, &name, Some(Utc::now())).await?;
            let word = if is_new { "paused" } else { "paused already" };
            writeln!(out, "{name}: {word}; app schedule resume {name} goes on with the next tick")?;
            Ok(End::Done)
        }
        Some(What::Resume { name }) => {
            let next = schedules.named(&name).map_err(|error| unknown(error, &plugins))?.next_after(Utc::now());
            let app = daemon::connect(settings).await?;
            let is_new = schedules.pause(&app.workspace.catalog, &name, None).await?;
            let word = if is_new { "resumed" } else { "not paused" };
            let next = next.map_or_else(String::new, |next| format!("; next: {}", schedules.moment(&name, next)));
            writeln!(out, "{name}: {word}{next}")?;
            Ok(End::Done)
        }
        Some(What::Run { name }) => {
            schedules.named(&name).map_err(|error| unknown(error, &plugins))?;
            let app = daemon::connect(settings).await?;
            app.plugins.set(plugins);
            let stop = daemon::stop_signal()?;
            let done = Box::pin(by_hand(&app, &settings.folders.imports_dir, &name, stop())).await;
            app.close().await;
            let Did { words, has_rejects } = done?;
            writeln!(out, "{name}: {words}")?;
            Ok(if has_rejects { End::Rejects } else { End::Done })
        }
    }
}

/// Of a schedule whose plugin is wrong, that is the error.
fn unknown(error: UnknownSchedule, plugins: &Plugins) -> anyhow::Error {
    match plugins.errors().next() {
        Some(wrong) => Usage(format!("{error}; a plugin is wrong: {wrong}")).into(),
        None => Usage(error.to_string()).into(),
    }
}

async fn list(settings: &Settings, schedules: &Schedules, plugins: &Plugins, json: bool) -> anyhow::Result<End> {
    let mut end = End::Done;
    for wrong in plugins.errors() {
        writeln!(shown::stderr(), "error: a plugin is wrong, and not scheduled: {wrong}")?;
        end = End::Failed;
    }
    if schedules.is_empty() {
        writeln!(shown::stderr(), "nothing is scheduled: see docs/schedule.md")?;
        return Ok(end);
    }
    let now = Utc::now();
    let all = match daemon::look(settings).await {
        Ok(app) => schedules.look(&app.workspace.catalog, now).await?,
        // No warehouse yet: nothing was run so far.
        Err(error) if error.is::<Usage>() => schedules.never_run(now),
        Err(error) => return Err(error),
    };
    if json {
        all.iter().try_for_each(table::print_json)?;
        return Ok(end);
    }
    let row = |one: &Scheduled| {
        let time = |at| schedules.moment(&one.name, at);
        let next = match (one.paused, one.next) {
            (Some(_), _) => "paused".to_owned(),
            (None, next) => next.map_or_else(String::new, time),
        };
        let mut row = vec![one.name.clone(), one.words.clone(), one.zone.to_owned(), next];
        row.extend(match &one.last {
            None => ["", "", "", "none yet"].map(str::to_owned),
            Some(last) => [last_tick(last, time(last.scheduled_for)), moment(last.started), took(last), became(last)],
        });
        row.push(one.skipped.to_string());
        row
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    let columns = [
        ("name", 0),
        ("schedule", 1),
        ("zone", 4),
        ("next", 0),
        ("last for", 2),
        ("began", 5),
        ("took", 3),
        ("result", 0),
        ("skipped", 3),
    ];
    table::print_toned(&columns, &rows, |header, cell| match header {
        "result" if cell.starts_with("failed") => Some(Tone::Bad),
        "result" if cell.starts_with("done") => Some(Tone::Good),
        "next" if cell == "paused" => Some(Tone::Doubt),
        _ => None,
    })?;
    let folder = &settings.folders.imports_dir;
    if !is_watched(folder).unwrap_or(false) {
        let folder = shown::path(folder);
        writeln!(screen::toned(Tone::Doubt), "nobody runs them: no program watches {folder}; start app")?;
    }
    Ok(end)
}

fn last_tick(last: &LastScheduled, tick: String) -> String {
    if last.by == "hand" { "by hand".to_owned() } else { tick }
}

fn took(last: &LastScheduled) -> String {
    match last.seconds {
        None => String::new(),
        Some(seconds) if seconds < 60.0 => format!("{seconds:.1} s"),
        Some(seconds) => span(chrono::TimeDelta::seconds(seconds as i64)),
    }
}

fn became(last: &LastScheduled) -> String {
    let LastScheduled { status, result, error, program, .. } = last;
    match status.as_str() {
        "running" => format!("running ({program})"),
        "stopped" => "stopped: the next start of app goes on with it".to_owned(),
        status => match error.as_ref().or(result.as_ref()) {
            Some(text) => format!("{status}: {}", table::shortened(text)),
            None => status.to_owned(),
        },
    }
}
