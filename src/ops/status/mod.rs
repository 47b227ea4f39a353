//! The state of a project: watchers, waiting and failed files, loads, and all that needs a person. Findings in, a report
//! out.

mod disks;
mod look;
mod needs;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::needs::{absent_need, database_needs, failed_need, short, stuck, troubles, waits};
use crate::catalog::{Emptied, Failure, Gone, LastRun, LoadLine, Total};
use crate::ops::schedule::Scheduled;
use crate::source::FailedFile;
use crate::telemetry::progress::{FileStep, Running};
use crate::worker::{Held, IN_TURN, State, Waiting};

pub use self::disks::full;
pub use self::look::look;
pub use self::needs::Need;
pub(super) use self::needs::{closed, rows_gone, rows_lost, silent};

/// The state of a project.
#[derive(Debug, Serialize)]
pub struct Status {
    /// True if nothing needs a person.
    pub ok: bool,
    /// The problems that need a person.
    pub needs: Vec<Need>,
    /// The watched folder.
    pub folder: PathBuf,
    /// The programs that load out of the folder.
    pub watching: Vec<Watcher>,
    /// The files in hand.
    pub running: Vec<Running>,
    /// The files that are not loaded yet, the oldest first.
    pub waiting: Vec<Waiting>,
    /// The files in `failed/`.
    pub failed_files: Vec<FailedNote>,
    /// The ledger's part.
    pub database: DatabaseStatus,
}

/// A program that loads out of the folder.
#[derive(Debug, Serialize)]
pub struct Watcher {
    /// The process number on its machine; `None` where the program cannot write its state.
    pub pid: Option<u32>,
    /// The name of its machine.
    pub host: Option<String>,
    /// The time of its start.
    pub since: Option<DateTime<Utc>>,
    /// The obstacle to loading, if any.
    pub trouble: Option<Held>,
    /// The files in hand.
    pub in_hand: Vec<String>,
    /// True if it waits for the folder, which it cannot use.
    pub waits_for_folder: bool,
}

/// A file in `failed/`, and the reason beside it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FailedNote {
    /// The name in `failed/`.
    pub file: String,
    /// The load's number in the ledger.
    pub load: Option<i64>,
    /// The error.
    pub error: Option<String>,
    /// The remedy.
    pub fix: Option<String>,
    /// The time of the attempt.
    pub at: Option<DateTime<Utc>>,
}

/// The ledger's facts, or the reason why it cannot be asked.
#[derive(Debug, Default, Serialize)]
pub struct DatabaseStatus {
    /// The address, without its password.
    pub address: String,
    /// The reason why it cannot be asked.
    pub error: Option<String>,
    /// The remedy, if it answers and refuses.
    #[serde(skip)]
    pub fix: Option<&'static str>,
    /// True if the database contains a warehouse.
    pub exists: bool,
    /// The loads since midnight, in UTC.
    pub today: Total,
    /// The loads of the last hour.
    pub last_hour: Total,
    /// The newest loads that failed.
    pub failures: Vec<Failure>,
    /// The newest run of the pipeline.
    pub pipeline: Option<LastRun>,
    /// The schedules that are paused, or whose last run failed.
    pub schedules: Vec<Scheduled>,
    /// The tables that a file without rows emptied; they are among the needs.
    #[serde(skip)]
    pub emptied: Vec<Emptied>,
    /// The tables without the rows that their loads brought; they are among the needs.
    #[serde(skip)]
    pub gone: Vec<Gone>,
    /// The lost loads that none has made good; they are among the needs.
    #[serde(skip)]
    pub lost: Vec<LoadLine>,
}

/// The findings that a status is made of.
pub struct Found {
    /// The watched folder.
    pub folder: PathBuf,
    /// The living programs, with their own state where it can be read.
    pub living: Vec<Option<State>>,
    /// The programs that wait for the folder.
    pub absent: Vec<State>,
    /// True if the folder exists.
    pub folder_is_there: bool,
    /// The files in the folder.
    pub waiting: Vec<Waiting>,
    /// The files that dead programs had claimed.
    pub orphans: Vec<Waiting>,
    /// The files in `failed/`.
    pub failed: Vec<FailedFile>,
    /// The ledger's part.
    pub database: DatabaseStatus,
    /// The places that could not be read, in words.
    pub unreadable: Vec<Need>,
    /// The wait after which a file needs a person.
    pub stale_after: Duration,
}

/// Returns the status at `now`.
pub fn status(found: Found, now: DateTime<Utc>) -> Status {
    let Found { folder, living, absent, folder_is_there, .. } = found;
    let Found { mut waiting, orphans, failed, database, unreadable, stale_after, .. } = found;
    let states: Vec<_> = living.iter().flatten().collect();
    let mut running: Vec<_> = states.iter().flat_map(|state| state.running.clone()).collect();
    if database.address.starts_with("sqlite:") {
        name_writer(&mut running);
    }
    let names: Vec<_> = waiting.iter().chain(&orphans).map(|file| file.file.clone()).collect();
    for file in &mut waiting {
        if let Some(held) = states.iter().find_map(|state| state.put_back.get(&file.file)) {
            (file.since, file.why) =
                (held.since.min(file.since), format!("to be tried again: {}", short(&held.why, &database)));
            // It needs a person already.
            file.counts &= held.fix.is_none();
        } else if let Some(why) = states.iter().find_map(|state| state.held.get(&file.file)) {
            file.why.clone_from(why);
        } else if file.why == IN_TURN && !states.is_empty() && states.iter().all(|state| state.trouble.is_some()) {
            "nothing is loaded now: see above".clone_into(&mut file.why);
        } else if file.is_ours && file.why == IN_TURN && living.is_empty() && absent.is_empty() {
            "nobody watches the folder".clone_into(&mut file.why);
        }
    }
    waiting.extend(orphans);
    waiting.extend(states.iter().flat_map(|state| kept(state, &names, &database)));
    waiting.sort_by_key(|file| file.since);
    let mut watching: Vec<_> = living.iter().map(|state| watcher(state.as_ref())).collect();
    let mut needs = unreadable;
    needs.extend(troubles(&watching, &database));
    needs.extend(silent(&states, &folder, now));
    needs.extend(closed(&states));
    needs.extend(stuck(&states));
    needs.extend(absent.iter().map(|state| absent_need(state, &folder, folder_is_there)));
    watching.extend(absent.iter().map(|state| Watcher { waits_for_folder: true, ..watcher(Some(state)) }));
    needs.extend(waits(&waiting, watching.is_empty(), now, stale_after));
    needs.extend(failed.iter().map(failed_need));
    needs.extend(database_needs(&database));
    let failed_files = failed.into_iter().map(FailedNote::from).collect();
    Status { ok: needs.is_empty(), needs, folder, watching, running, waiting, failed_files, database }
}

/// Names the file that SQLite's one writer is at, for those that wait for the database.
fn name_writer(running: &mut [Running]) {
    let Some(writes) = running.iter().find(|one| one.step == FileStep::Loading).map(|one| one.file.clone()) else {
        return;
    };
    for waits in running.iter_mut().filter(|one| one.step == FileStep::Database && one.file != writes) {
        waits.waits_for = Some(writes.clone());
    }
}

/// Returns the files that a program keeps in their place and tries again, which are not in the folder.
fn kept(state: &State, names: &[String], database: &DatabaseStatus) -> Vec<Waiting> {
    let in_place = state.put_back.iter().filter(|(name, _)| !names.contains(name) && !state.in_hand.contains(*name));
    in_place
        .map(|(name, held)| Waiting {
            file: name.clone(),
            since: held.since,
            why: format!("to be tried again: {}", short(&held.why, database)),
            is_ours: true,
            counts: held.fix.is_none(),
        })
        .collect()
}

fn watcher(state: Option<&State>) -> Watcher {
    Watcher {
        pid: state.map(|state| state.pid),
        host: state.map(|state| state.host.clone()),
        since: state.map(|state| state.started),
        trouble: state.and_then(|state| state.trouble.clone()),
        in_hand: state.map(|state| state.in_hand.iter().cloned().collect()).unwrap_or_default(),
        waits_for_folder: false,
    }
}

impl From<FailedFile> for FailedNote {
    fn from(failed: FailedFile) -> Self {
        let FailedFile { name, note, .. } = failed;
        let (load, at) = (note.as_ref().and_then(|note| note.load), note.as_ref().map(|note| note.at));
        let (error, fix) = note.map(|note| (note.error, note.fix)).unzip();
        FailedNote { file: name, load, error, fix, at }
    }
}

/// Formats a moment: `2020-01-31 10:00:00Z`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Formats a time in two units at most: `40 s`, `5 min`, `3 h 10 min`, `2 d 4 h`.
pub fn span(time: chrono::TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 60 => format!("{minutes} min"),
        () if hours < 24 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests;
