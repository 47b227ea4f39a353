//! The problems that need a person, and their remedies.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{DatabaseStatus, Watcher, moment, span};
use crate::catalog::{Emptied, Gone, LastRun, LoadLine, PIPELINE};
use crate::load::retract::plugin_of;
use crate::ops::schedule::Scheduled;
use crate::source::FailedFile;
use crate::text::counted;
use crate::worker::{Held, State, Waiting};

/// A problem that needs a person.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The problem, in words.
    pub what: String,
    /// The remedy, in words.
    pub fix: String,
}

/// The beginning of the database's problem.
pub(super) const NO_ANSWER: &str = "the database does not answer";

/// Returns an obstacle, without the cause where the database's own problem has it.
pub(super) fn short(why: &str, database: &DatabaseStatus) -> String {
    match (&database.error, why.split_once(": ")) {
        (Some(error), Some((what, cause))) if error.contains(cause) => what.to_owned(),
        _ => why.to_owned(),
    }
}

pub(super) fn troubles(watching: &[Watcher], database: &DatabaseStatus) -> impl Iterator<Item = Need> {
    let troubled = watching.iter().filter_map(|one| Some((one.pid, one.trouble.as_ref()?)));
    troubled.map(|(pid, Held { since, why, .. })| Need {
        what: format!(
            "the daemon (pid {}) loads nothing since {}: {}",
            pid.unwrap_or_default(),
            moment(*since),
            short(why, database)
        ),
        fix: "it tries again by itself; fix what the message says, app doctor looks at each part".to_owned(),
    })
}

pub(super) fn absent_need(state: &State, folder: &Path, is_there: bool) -> Need {
    let (pid, path, folder) = (state.pid, folder, folder.display());
    let (since, why) = match &state.trouble {
        Some(held) => (moment(held.since), held.why.as_str()),
        None => (moment(state.started), "no reason was kept"),
    };
    if is_there {
        let fix = format!(
            "it tries again by itself; give the user that it runs as the right to read and write in it: {}",
            given_to(state, path)
        );
        return Need {
            what: format!("the daemon (pid {pid}) loads nothing out of {folder} since {since}: {why}"),
            fix,
        };
    }
    Need {
        what: format!("{folder}: the folder is gone, and the daemon (pid {pid}) waits for it since {since}"),
        fix: "make it, mount it or move it back: the daemon goes on by itself".to_owned(),
    }
}

/// The age of a program's state from which it is no sign of life.
const SILENT: TimeDelta = TimeDelta::seconds(60);

/// Programs that say nothing of themselves any more: they are stopped, or cannot write in the folder.
pub(in crate::ops) fn silent(states: &[&State], folder: &Path, now: DateTime<Utc>) -> Vec<Need> {
    let need = |state: &&State| {
        let at = state.written.filter(|at| now - *at > SILENT)?;
        let State { pid, host, .. } = state;
        Some(Need {
            what: format!("the daemon (pid {pid} on {host}) says nothing of itself since {}", moment(at)),
            fix: format!(
                "see whether it is stopped (kill -CONT {pid} lets it go on), and whether its user may write in {}: {}",
                folder.display(),
                given_to(state, folder)
            ),
        })
    };
    states.iter().filter_map(need).collect()
}

/// The command that gives the folder to the user of a program.
fn given_to(state: &State, folder: &Path) -> String {
    match state.user {
        Some((uid, gid)) => format!("chown -R {uid}:{gid} {}", folder.display()),
        // An older program's state.
        None => format!("chown -R USER {}, where USER is what ps -o user= -p {} prints", folder.display(), state.pid),
    }
}

/// The folders that a program cannot write.
pub(in crate::ops) fn closed(states: &[&State]) -> Vec<Need> {
    let need = |(folder, Held { since, why, fix }): (&String, &Held)| Need {
        what: format!("{folder} cannot be written since {}: {why}", moment(*since)),
        fix: fix.clone().unwrap_or_default(),
    };
    states.iter().flat_map(|state| &state.closed).map(need).collect()
}

/// The files that cannot be loaded until a person does something, together where the reason is one.
pub(super) fn stuck(states: &[&State]) -> Vec<Need> {
    let mut by_reason: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (file, Held { why, fix, .. }) in states.iter().flat_map(|state| &state.put_back) {
        if let Some(fix) = fix {
            by_reason.entry((why, fix)).or_default().push(file);
        }
    }
    let need = |((why, fix), files): ((&str, &str), Vec<&str>)| Need {
        what: match files.as_slice() {
            [first, others @ ..] if !others.is_empty() => {
                format!("{first} and {} are not loaded: {why}", counted(others.len() as u64, "other file"))
            }
            files => format!("{} is not loaded: {why}", files.concat()),
        },
        fix: fix.to_owned(),
    };
    by_reason.into_iter().map(need).collect()
}

/// Returns the files that wait too long, and whether anybody is there to load them.
pub(super) fn waits(waiting: &[Waiting], unwatched: bool, now: DateTime<Utc>, stale_after: Duration) -> Vec<Need> {
    let mut needs = Vec::new();
    let ours = waiting.iter().filter(|file| file.is_ours).count();
    if unwatched && ours > 0 {
        needs.push(Need {
            what: match ours {
                1 => "nobody watches the folder, and a file waits in it".to_owned(),
                _ => format!("nobody watches the folder, and {ours} files wait in it"),
            },
            fix: "start app, or run app --once".to_owned(),
        });
    }
    let is_old = |file: &&Waiting| {
        file.counts && (now - file.since).to_std().is_ok_and(|age| age > stale_after) && !(unwatched && file.is_ours)
    };
    needs.extend(waiting.iter().filter(is_old).map(|file| Need {
        what: format!("{} waits for {}: {}", file.file, span(now - file.since), file.why),
        fix: if file.is_ours {
            "see the log for what is said of it, and whether its writer is done".to_owned()
        } else {
            "rename it if it is to be loaded, or take it out of the folder".to_owned()
        },
    }));
    needs
}

pub(super) fn failed_need(failed: &FailedFile) -> Need {
    let (name, file) = (&failed.name, failed.shown_as());
    match &failed.note {
        Some(note) => {
            // Of an archive or a workbook, the part that failed first.
            let part = note.file.split_once('/').map_or_else(String::new, |(_, part)| format!(" ({part})"));
            Need { what: format!("{file}{part}: {}", note.error), fix: note.fix.clone() }
        }
        None => Need {
            what: format!("{file} lies there, and no reason beside it"),
            fix: format!("see app why {name}; app retry moves it back"),
        },
    }
}

/// A staging table that lacks rows which the ledger has.
pub(in crate::ops) fn rows_gone(Gone { table, loads, rows, there }: &Gone) -> Need {
    let (rows, loads) = (counted(rows.unsigned_abs(), "row"), counted(loads.unsigned_abs(), "load"));
    let what = match there {
        None => format!("staging.{table} is not there, and {loads} brought {rows} into it"),
        Some(0) => format!("staging.{table} is empty, and {loads} brought {rows} into it"),
        Some(there) => format!(
            "staging.{table} has {} of the {rows} that {loads} brought into it",
            counted(there.unsigned_abs(), "row")
        ),
    };
    Need {
        what: format!("{what}: somebody took them away by hand"),
        fix: format!(
            "restore them from a backup; or app drop staging.{table} forgets its loads: their files can be loaded again when they come"
        ),
    }
}

/// Loads of a table that are named.
const NAMED: usize = 10;

/// The lost loads that none has made good, a need for each table.
pub(in crate::ops) fn rows_lost(lost: &[LoadLine]) -> Vec<Need> {
    let mut by_table: BTreeMap<&str, Vec<&LoadLine>> = BTreeMap::new();
    for load in lost {
        by_table.entry(&load.dataset).or_default().push(load);
    }
    let rows = |load: &LoadLine| counted(load.rows_loaded.unsigned_abs(), "row");
    let need = |(table, loads): (&str, Vec<&LoadLine>)| {
        let all: u64 = loads.iter().map(|load| load.rows_loaded.unsigned_abs()).sum();
        let named = loads.iter().take(NAMED).map(|load| format!("load {} ({}, {})", load.id, load.source, rows(load)));
        let more = match loads.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more: app loads"),
        };
        let again = match loads.iter().find_map(|load| plugin_of(load.position.as_deref()?)) {
            Some(plugin) => {
                format!("app pull {plugin} --restart, after app drop staging.{table}, brings all of them again")
            }
            None => "drop their files in again, or restore a backup".to_owned(),
        };
        Need {
            what: format!(
                "staging.{table} lacks {} of {}, lost with a table that somebody dropped or emptied by hand: {}{more}",
                counted(all, "row"),
                counted(loads.len() as u64, "load"),
                named.collect::<Vec<_>>().join(", ")
            ),
            fix: format!("{again}; app retract LOAD says that the rows of a load may go"),
        }
    };
    by_table.into_iter().map(need).collect()
}

pub(super) fn database_needs(database: &DatabaseStatus) -> Vec<Need> {
    let mut needs = Vec::new();
    if let Some(error) = &database.error {
        let address = &database.address;
        // The error may begin with it already.
        let known = format!("{NO_ANSWER}: {address}: ");
        let cause = error.strip_prefix(&known).unwrap_or(error);
        needs.push(match database.fix {
            Some(fix) => Need { what: format!("{error} ({address})"), fix: fix.to_owned() },
            None => Need {
                what: format!("{NO_ANSWER} ({address}): {cause}"),
                fix: "start it, or see whether DATABASE_URL is right: app doctor".to_owned(),
            },
        });
    }
    needs.extend(database.emptied.iter().map(|Emptied { table, load, source }| Need {
        what: format!("staging.{table} is empty: load {load} ({source}) took the place of its rows, and brought none"),
        fix: format!(
            "deliver the file again with its rows; if it is to be empty, app retract {load} says that you know"
        ),
    }));
    needs.extend(database.gone.iter().map(rows_gone));
    needs.extend(rows_lost(&database.lost));
    if let Some(LastRun { failed: true, finished, error, .. }) = &database.pipeline {
        let error = error.as_deref().unwrap_or("no reason was kept");
        needs.push(Need {
            what: format!("the last pipeline run failed ({}): {error}", moment(*finished)),
            fix: "fix what it says and run app --pipeline".to_owned(),
        });
    }
    needs.extend(database.schedules.iter().filter_map(schedule_need));
    needs
}

/// The need of a schedule whose last run failed; the pipeline's is told by its run.
fn schedule_need(Scheduled { name, last, .. }: &Scheduled) -> Option<Need> {
    let last = last.as_ref().filter(|last| last.status == "failed" && name != PIPELINE)?;
    let error = last.error.as_deref().unwrap_or("no reason was kept");
    Some(Need {
        what: format!("the last run of the schedule {name} failed ({}): {error}", moment(last.started)),
        fix: format!("fix what it says; the next tick, or app schedule run {name}, tries it again"),
    })
}
