//! The state of a project: watchers, waiting and failed files, loads, and all that needs a person. Pure: findings in, a
//! report out.

mod needs;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::needs::{absent_need, closed, database_needs, failed_need, short, silent, stuck, troubles, waits};
use crate::catalog::{Failure, LastRun, Total};
use crate::source::FailedFile;
use crate::telemetry::progress::{FileStep, Running};
use crate::worker::{Held, State, Waiting};

pub use self::needs::Need;

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
#[derive(Debug, Serialize)]
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
        } else if file.is_ours && living.is_empty() && absent.is_empty() {
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
mod tests {
    use chrono::TimeDelta;

    use super::needs::NO_ANSWER;
    use super::*;

    fn found(living: Vec<Option<State>>, waiting: Vec<Waiting>) -> Found {
        Found {
            folder: PathBuf::from("imports"),
            living,
            absent: Vec::new(),
            folder_is_there: true,
            waiting,
            orphans: Vec::new(),
            failed: Vec::new(),
            database: DatabaseStatus::default(),
            unreadable: Vec::new(),
            stale_after: Duration::from_secs(30 * 60),
        }
    }

    fn file(name: &str, minutes: i64, is_ours: bool) -> Waiting {
        let since = Utc::now() - TimeDelta::minutes(minutes);
        Waiting { file: name.to_owned(), since, why: "settling".to_owned(), is_ours, counts: true }
    }

    fn state(put_back: &[(&str, i64)]) -> State {
        let held =
            |minutes| Held { since: Utc::now() - TimeDelta::minutes(minutes), why: "busy".to_owned(), fix: None };
        State {
            pid: 7,
            host: "h".to_owned(),
            started: Utc::now(),
            written: Some(Utc::now()),
            folder: PathBuf::from("imports"),
            trouble: None,
            in_hand: Default::default(),
            running: Vec::new(),
            put_back: put_back.iter().map(|(name, minutes)| ((*name).to_owned(), held(*minutes))).collect(),
            held: Default::default(),
            closed: Default::default(),
        }
    }

    fn needs(found: Found) -> Vec<String> {
        status(found, Utc::now()).needs.into_iter().map(|need| need.what).collect()
    }

    #[test]
    fn nothing_is_needed_where_files_are_young_and_somebody_watches() {
        assert!(needs(found(Vec::new(), Vec::new())).is_empty());
        assert!(needs(found(vec![None], vec![file("a.csv", 29, true), file("b.docx", 5, false)])).is_empty());
    }

    #[test]
    fn files_that_wait_need_somebody_who_watches() {
        let waiting = vec![file("a.csv", 0, true), file("b.csv", 90, true), file("c.docx", 90, false)];
        assert_eq!(
            needs(found(Vec::new(), waiting)),
            ["nobody watches the folder, and 2 files wait in it", "c.docx waits for 1 h 30 min: settling"]
        );
    }

    #[test]
    fn a_file_that_was_put_back_waits_since_then_whatever_its_own_times_are() {
        let found = found(vec![Some(state(&[("a.csv", 45)]))], vec![file("a.csv", 0, true), file("b.csv", 1, true)]);
        assert_eq!(needs(found), ["a.csv waits for 45 min: to be tried again: busy"]);
    }

    #[test]
    fn a_person_is_needed_at_once_where_a_file_cannot_be_taken_or_a_folder_not_be_written() {
        let held = |why: &str, fix: &str| Held {
            since: DateTime::UNIX_EPOCH,
            why: why.to_owned(),
            fix: (!fix.is_empty()).then(|| fix.to_owned()),
        };
        let put_back = [("a.csv", "chown"), ("b.csv", "chown"), ("c.csv", "")];
        let put_back = put_back.map(|(name, fix)| (name.to_owned(), held("no right", fix))).into();
        let closed = [("exports".to_owned(), held("no right", "chmod"))].into();
        let waiting = vec![file("a.csv", 0, true), file("b.csv", 90, true), file("c.csv", 0, true)];
        let found = found(vec![Some(State { put_back, closed, ..state(&[]) })], waiting);
        let status = status(found, DateTime::UNIX_EPOCH);
        let needs: Vec<_> = status.needs.iter().map(|need| (need.what.as_str(), need.fix.as_str())).collect();
        assert_eq!(
            needs,
            [
                ("exports cannot be written since 1970-01-01 00:00:00Z: no right", "chmod"),
                ("a.csv and 1 other file are not loaded: no right", "chown"),
            ]
        );
    }

    #[test]
    fn a_program_that_is_silent_needs_a_person() {
        let state = |seconds| State { written: Some(Utc::now() - TimeDelta::seconds(seconds)), ..state(&[]) };
        assert!(needs(found(vec![Some(state(30))], Vec::new())).is_empty());
        let needs = needs(found(vec![Some(state(90))], Vec::new()));
        assert!(needs[0].starts_with("the daemon (pid 7 on h) says nothing of itself since 20"), "{needs:?}");
    }

    #[test]
    fn who_waits_for_the_folder_is_named() {
        let held = Held { since: DateTime::UNIX_EPOCH, why: "no right".to_owned(), fix: None };
        for (is_there, expected) in [
            (false, "imports: the folder is gone, and the daemon (pid 7) waits for it since 1970-01-01 00:00:00Z"),
            (true, "the daemon (pid 7) loads nothing out of imports since 1970-01-01 00:00:00Z: no right"),
        ] {
            let absent = vec![State { trouble: Some(held.clone()), ..state(&[]) }];
            let waiting = vec![file("a.csv", 1, true)];
            let found = Found { absent, folder_is_there: is_there, ..found(Vec::new(), waiting) };
            assert_eq!(needs(found), [expected]);
        }
    }

    #[test]
    fn the_file_that_sqlite_writes_is_named_for_those_that_wait() {
        let one = |file: &str, step| Running {
            file: file.to_owned(),
            load: None,
            step,
            waits_for: None,
            started: Utc::now(),
            bytes: 0,
            bytes_total: 0,
            rows: 0,
            rows_per_second: 0,
        };
        for (address, expected) in [("sqlite://x.db", Some("long.csv")), ("postgres://h/d", None)] {
            let running = vec![
                one("short.csv", FileStep::Database),
                one("long.csv", FileStep::Loading),
                one("next.csv", FileStep::FirstPass),
            ];
            let mut found = found(vec![Some(State { running, ..state(&[]) })], Vec::new());
            found.database.address = address.to_owned();
            let waits: Vec<_> = status(found, Utc::now()).running.into_iter().map(|one| one.waits_for).collect();
            assert_eq!(waits, [expected.map(str::to_owned), None, None]);
        }
    }

    #[test]
    fn a_database_that_answers_and_refuses_is_not_said_to_be_silent() {
        let error = Some("somebody else holds a lock: process 7 (psql)".to_owned());
        let mut found = found(vec![Some(state(&[]))], Vec::new());
        found.database = DatabaseStatus { address: "db".to_owned(), error, fix: Some("end it"), ..Default::default() };
        let status = status(found, Utc::now());
        assert_eq!(
            status.needs,
            [Need { what: "somebody else holds a lock: process 7 (psql) (db)".to_owned(), fix: "end it".to_owned() }]
        );
    }

    #[test]
    fn trouble_a_database_that_is_away_and_a_failed_run_need_a_person() {
        let held = Held { since: DateTime::UNIX_EPOCH, why: "no answer".to_owned(), fix: None };
        let mut found = found(vec![Some(State { trouble: Some(held), ..state(&[]) })], Vec::new());
        let run = LastRun { failed: true, finished: DateTime::UNIX_EPOCH, error: Some("no column".to_owned()) };
        found.database = DatabaseStatus { error: Some("gone".into()), pipeline: Some(run), ..Default::default() };
        assert_eq!(
            needs(found),
            [
                "the daemon (pid 7) loads nothing since 1970-01-01 00:00:00Z: no answer",
                "the database does not answer (): gone",
                "the last pipeline run failed (1970-01-01 00:00:00Z): no column"
            ]
        );
    }

    #[test]
    fn what_the_database_says_is_told_once() {
        let held = Held { since: DateTime::UNIX_EPOCH, why: format!("{NO_ANSWER}: no route (os error 7)"), fix: None };
        let put_back = [("a.csv".to_owned(), held.clone())].into();
        let mut found = found(vec![Some(State { trouble: Some(held), put_back, ..state(&[]) })], Vec::new());
        let error = Some(format!("{NO_ANSWER}: db: no route (os error 7)"));
        found.database = DatabaseStatus { address: "db".to_owned(), error, ..Default::default() };
        let status = status(found, DateTime::UNIX_EPOCH);
        assert_eq!(status.waiting[0].why, format!("to be tried again: {NO_ANSWER}"));
        let whats: Vec<_> = status.needs.iter().map(|need| need.what.as_str()).collect();
        assert_eq!(
            whats,
            [
                "the daemon (pid 7) loads nothing since 1970-01-01 00:00:00Z: the database does not answer",
                "the database does not answer (db): no route (os error 7)"
            ]
        );
    }

    #[test]
    fn times_are_told_in_two_units() {
        let told = [40, 300, 11_400, 187_200].map(|seconds| span(TimeDelta::seconds(seconds)));
        assert_eq!(told, ["40 s", "5 min", "3 h 10 min", "2 d 4 h"]);
    }
}
