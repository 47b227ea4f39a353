//! What is told of a program, its folder and its database.

use std::path::Path;

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
    let held = |minutes| Held { since: Utc::now() - TimeDelta::minutes(minutes), why: "busy".to_owned(), fix: None };
    State {
        pid: 7,
        host: "h".to_owned(),
        user: Some((7, 8)),
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
    let fix = &silent(&[&state(90)], Path::new("imports"), Utc::now())[0].fix;
    assert!(fix.ends_with("whether its user may write in imports: chown -R 7:8 imports"), "{fix}");
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
        held_by: None,
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
    let run = LastRun {
        failed: true,
        finished: DateTime::UNIX_EPOCH,
        error: Some("no column".to_owned()),
        warnings: Vec::new(),
        left_out: Vec::new(),
    };
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
