//! How things stand: who watches the folder, what waits, what failed, what was loaded, and what of it needs a person. Pure: what
//! was found goes in, what people read comes out.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::ledger::{Failure, LastRun, Total};
use crate::progress::Running;
use crate::source::FailedFile;
use crate::worker::{Held, State, Waiting};

/// How things stand.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Whether nothing needs a person.
    pub ok: bool,
    /// What needs a person.
    pub needs: Vec<Need>,
    /// The folder.
    pub folder: PathBuf,
    /// The programs that load out of it.
    pub watching: Vec<Watcher>,
    /// What is loaded now.
    pub running: Vec<Running>,
    /// What is not loaded yet, the oldest first.
    pub waiting: Vec<Waiting>,
    /// What lies in `failed/`.
    pub failed_files: Vec<FailedNote>,
    /// The database.
    pub database: DatabaseStatus,
}

/// Something that a person has to do.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

/// A program that loads out of the folder.
#[derive(Debug, Serialize)]
pub struct Watcher {
    /// Its number on its machine; unknown where it cannot write what it does.
    pub pid: Option<u32>,
    /// Its machine.
    pub host: Option<String>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// What keeps it from loading.
    pub trouble: Option<Held>,
    /// What it has in hand.
    pub in_hand: Vec<String>,
}

/// A file in `failed/`, and the reason beside it.
#[derive(Debug, Serialize)]
pub struct FailedNote {
    /// Its name there.
    pub file: String,
    /// The load's number in the ledger.
    pub load: Option<i64>,
    /// What is wrong.
    pub error: Option<String>,
    /// How to mend it.
    pub mend: Option<String>,
    /// When it was tried.
    pub at: Option<DateTime<Utc>>,
}

/// What the ledger knows, or why it cannot be asked.
#[derive(Debug, Default, Serialize)]
pub struct DatabaseStatus {
    /// Where it is, without its password.
    pub address: String,
    /// Why it cannot be asked.
    pub error: Option<String>,
    /// Whether there is a warehouse in it.
    pub exists: bool,
    /// What was loaded since midnight, in UTC.
    pub today: Total,
    /// What was loaded in the last hour.
    pub last_hour: Total,
    /// The newest loads that failed.
    pub failures: Vec<Failure>,
    /// The newest run of the pipeline.
    pub pipeline: Option<LastRun>,
}

/// What was found.
pub struct Found {
    /// The folder.
    pub folder: PathBuf,
    /// The programs that live, with what they say of themselves.
    pub living: Vec<Option<State>>,
    /// What lies in the folder.
    pub waiting: Vec<Waiting>,
    /// What programs had claimed that do not live any more.
    pub orphans: Vec<Waiting>,
    /// What lies in `failed/`.
    pub failed: Vec<FailedFile>,
    /// What the ledger says.
    pub database: DatabaseStatus,
    /// What could not be looked at, in words.
    pub unreadable: Vec<Need>,
    /// How long a file may wait until a person has to look at it.
    pub stale_after: Duration,
}

/// Puts together how things stand at `now`.
pub fn status(found: Found, now: DateTime<Utc>) -> Status {
    let Found { folder, living, mut waiting, orphans, failed, database, unreadable, stale_after } = found;
    let states: Vec<_> = living.iter().flatten().collect();
    let running = states.iter().flat_map(|state| state.running.clone()).collect();
    let names: Vec<_> = waiting.iter().map(|file| file.file.clone()).collect();
    for file in &mut waiting {
        if let Some(held) = states.iter().find_map(|state| state.put_back.get(&file.file)) {
            (file.since, file.why) = (held.since.min(file.since), format!("to be tried again: {}", held.why));
        } else if file.is_ours && living.is_empty() {
            "nobody watches the folder".clone_into(&mut file.why);
        }
    }
    waiting.extend(orphans);
    waiting.extend(states.iter().flat_map(|state| kept(state, &names)));
    waiting.sort_by_key(|file| file.since);
    let watching: Vec<_> = living.iter().map(|state| watcher(state.as_ref())).collect();
    let mut needs = unreadable;
    needs.extend(troubles(&watching));
    needs.extend(waits(&waiting, living.is_empty(), now, stale_after));
    needs.extend(failed.iter().map(failed_need));
    needs.extend(database_needs(&database));
    let failed_files = failed.into_iter().map(FailedNote::from).collect();
    Status { ok: needs.is_empty(), needs, folder, watching, running, waiting, failed_files, database }
}

/// What a program tries again that does not lie in the folder, because it keeps it in its place.
fn kept(state: &State, names: &[String]) -> Vec<Waiting> {
    let in_place = state.put_back.iter().filter(|(name, _)| !names.contains(name) && !state.in_hand.contains(*name));
    in_place
        .map(|(name, held)| Waiting {
            file: name.clone(),
            since: held.since,
            why: format!("to be tried again: {}", held.why),
            is_ours: true,
            counts: true,
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
    }
}

fn troubles(watching: &[Watcher]) -> impl Iterator<Item = Need> + '_ {
    let troubled = watching.iter().filter_map(|one| Some((one.pid, one.trouble.as_ref()?)));
    troubled.map(|(pid, Held { since, why })| Need {
        what: format!("the daemon (pid {}) loads nothing since {}: {why}", pid.unwrap_or_default(), moment(*since)),
        mend: "it tries again by itself; mend what the message says, app doctor looks at each part".to_owned(),
    })
}

/// What waits too long, and whether anybody is there to load it.
fn waits(waiting: &[Waiting], unwatched: bool, now: DateTime<Utc>, stale_after: Duration) -> Vec<Need> {
    let mut needs = Vec::new();
    let ours = waiting.iter().filter(|file| file.is_ours).count();
    if unwatched && ours > 0 {
        needs.push(Need {
            what: match ours {
                1 => "nobody watches the folder, and a file waits in it".to_owned(),
                _ => format!("nobody watches the folder, and {ours} files wait in it"),
            },
            mend: "start app, or run app --once".to_owned(),
        });
    }
    let is_old = |file: &&Waiting| {
        file.counts && (now - file.since).to_std().is_ok_and(|age| age > stale_after) && !(unwatched && file.is_ours)
    };
    needs.extend(waiting.iter().filter(is_old).map(|file| Need {
        what: format!("{} waits for {}: {}", file.file, span(now - file.since), file.why),
        mend: if file.is_ours {
            "see the log for what is said of it, and whether its writer is done".to_owned()
        } else {
            "rename it if it is to be loaded, or take it out of the folder".to_owned()
        },
    }));
    needs
}

fn failed_need(failed: &FailedFile) -> Need {
    let name = &failed.name;
    match &failed.note {
        Some(note) => Need { what: format!("failed/{name}: {}", note.error), mend: note.mend.clone() },
        None => Need {
            what: format!("failed/{name} lies there, and no reason beside it"),
            mend: format!("see app why {name}; app retry moves it back"),
        },
    }
}

fn database_needs(database: &DatabaseStatus) -> Vec<Need> {
    let mut needs = Vec::new();
    if let Some(error) = &database.error {
        needs.push(Need {
            what: format!("the database does not answer ({}): {error}", database.address),
            mend: "start it, or see whether DATABASE_URL is right: app doctor".to_owned(),
        });
    }
    if let Some(LastRun { failed: true, finished, error }) = &database.pipeline {
        let error = error.as_deref().unwrap_or("no reason was kept");
        needs.push(Need {
            what: format!("the last pipeline run failed ({}): {error}", moment(*finished)),
            mend: "mend what it says and run app --pipeline".to_owned(),
        });
    }
    needs
}

impl From<FailedFile> for FailedNote {
    fn from(failed: FailedFile) -> Self {
        let FailedFile { name, note, .. } = failed;
        let (load, at) = (note.as_ref().and_then(|note| note.load), note.as_ref().map(|note| note.at));
        let (error, mend) = note.map(|note| (note.error, note.mend)).unzip();
        FailedNote { file: name, load, error, mend, at }
    }
}

/// `2020-01-31 10:00:00Z`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A time in two units at most: `40 s`, `5 min`, `3 h 10 min`, `2 d 4 h`.
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

    use super::*;

    fn found(living: Vec<Option<State>>, waiting: Vec<Waiting>) -> Found {
        Found {
            folder: PathBuf::from("imports"),
            living,
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
        let held = |minutes| Held { since: Utc::now() - TimeDelta::minutes(minutes), why: "busy".to_owned() };
        State {
            pid: 7,
            host: "h".to_owned(),
            started: Utc::now(),
            folder: PathBuf::from("imports"),
            trouble: None,
            in_hand: Default::default(),
            running: Vec::new(),
            put_back: put_back.iter().map(|(name, minutes)| ((*name).to_owned(), held(*minutes))).collect(),
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
    fn trouble_a_database_that_is_away_and_a_failed_run_need_a_person() {
        let held = Held { since: DateTime::UNIX_EPOCH, why: "no answer".to_owned() };
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
    fn times_are_told_in_two_units() {
        let told = [40, 300, 11_400, 187_200].map(|seconds| span(TimeDelta::seconds(seconds)));
        assert_eq!(told, ["40 s", "5 min", "3 h 10 min", "2 d 4 h"]);
    }
}
