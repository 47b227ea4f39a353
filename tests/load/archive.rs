//! Loaded files that are kept: in a folder on another file system, for days, in an object store; and a store that fails or lies.

use std::fs;
use std::os::unix::fs::MetadataExt;

use libtest_mimic::Trial;

use crate::support::process::{Daemon, app, stderr};
use crate::support::store::{Mood, Store};
use crate::support::{Outcome, TestDatabase, Workdir, alone, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    let mut cases = vec![
        on_both("load::archive::another_file_system", another_file_system),
        on_both("load::archive::kept_for_days", kept_for_days),
        alone("load::archive::what_cannot_be_is_said_at_the_start", what_cannot_be_is_said_at_the_start),
    ];
    if cfg!(feature = "s3") {
        cases.extend([
            on_both("load::archive::an_object_store", an_object_store),
            on_both(
                "load::archive::a_store_that_fails_or_lies_keeps_the_file",
                a_store_that_fails_or_lies_keeps_the_file,
            ),
        ]);
    }
    cases.into_iter().flatten().collect()
}

async fn another_file_system(database: TestDatabase, workdir: Workdir) -> Outcome {
    let other = tempfile::tempdir_in("/dev/shm")?;
    let apart = fs::metadata(other.path())?.dev() != fs::metadata(workdir.path("imports"))?.dev();
    anyhow::ensure!(apart, "/dev/shm is no other file system here");
    let folder = other.path().join("kept").display().to_string();
    let settings = [("DATABASE_URL", database.url.as_str()), ("ON_SUCCESS", "Archive"), ("ARCHIVE", &folder)];
    let text = (0..100_000).fold("a\n".to_owned(), |text, n| text + &format!("{n}\n"));
    for (n, text) in [text.as_str(), "a\n1\n"].into_iter().enumerate() {
        workdir.write("imports/x.csv", text)?;
        workdir.write(&format!("imports/deleted{n}.csv"), format!("b\n{n}\n"))?;
        workdir.plugin("deleted", "name: deleted\nfiles: [\"deleted*\"]\ntable: deleted\non_success: delete\n")?;
        let output = app(&workdir, &["--once"], &settings)?;
        same((output.status.code(), stderr(&output)), (Some(0), String::new()))?;
    }
    // What was copied by a program that was ended before it could delete is not kept twice.
    let claim = workdir.path("imports/.sluice/dead/claim");
    fs::create_dir_all(&claim)?;
    fs::write(claim.join("x.csv"), &text)?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let mut names: Vec<_> = fs::read_dir(&folder)?.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    same(names, ["x.2.csv", "x.csv"])?;
    same(fs::read_to_string(other.path().join("kept/x.csv"))? == text, true)?;
    same(fs::read_to_string(other.path().join("kept/x.2.csv"))?, "a\n1\n")?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    same(database.text("select count(*) from staging.x").await?, "100001")
}

async fn kept_for_days(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("ON_SUCCESS", "keep 2 days")];
    workdir.write("imports/old.csv", "a\n1\n")?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    let day = format!("archive/{}", chrono::Utc::now().date_naive());
    same(workdir.list(&day), ["old.csv"])?;
    // Time goes by: what the note says is over.
    let note = workdir.read(&format!("{day}/.kept"))?;
    let until = note.split("\"until\":").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
    let days = (until.parse::<i64>()? - chrono::Utc::now().timestamp()) as f64 / 86_400.0;
    same((1.9..2.1).contains(&days), true)?;
    workdir.write(&format!("{day}/.kept"), note.replace(until, "1000000000"))?;
    workdir.write(&format!("{day}/of somebody else.csv"), "a\n1\n")?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["purged what was kept long enough", "files 1"])?;
    workdir.write("imports/new.csv", "a\n1\n")?;
    daemon.wait_for(&["kept", "new.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(workdir.list(&day), ["new.csv", "of somebody else.csv"])
}

async fn what_cannot_be_is_said_at_the_start(workdir: Workdir) -> Outcome {
    for (settings, why) in [
        (
            vec![("ON_SUCCESS", "archve")],
            "ON_SUCCESS: \"archve\" is neither delete nor archive nor keep N days; did you mean archive?",
        ),
        (vec![("ON_SUCCESS", "keep 0 days")], "a number of days from 1"),
        (vec![("ARCHIVE", "imports")], "ARCHIVE: imports is IMPORTS_DIR (imports) or lies in it"),
        (vec![("ARCHIVE", "ftp://me:hunter2@host/x")], "ARCHIVE: a folder or s3://bucket/prefix is expected"),
        (vec![("ON_SUCCESS", "keep 3 days"), ("ARCHIVE", "s3://bucket")], "keep N days needs a folder"),
    ] {
        let output = app(&workdir, &["--once"], &settings)?;
        same(output.status.code(), Some(2))?;
        holds(&stderr(&output), why)?;
        same(stderr(&output).contains("hunter2"), false)?;
    }
    Ok(())
}

fn settings<'a>(database: &'a TestDatabase, store: &'a Store) -> [(&'a str, &'a str); 6] {
    [
        ("DATABASE_URL", &database.url),
        ("ON_SUCCESS", "archive"),
        ("ARCHIVE", "s3://bucket/loaded"),
        ("AWS_ENDPOINT_URL", &store.endpoint),
        ("AWS_ACCESS_KEY_ID", "the-key"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ]
}

/// The name of the object that a file becomes.
fn object(text: &str, name: &str) -> String {
    format!("/bucket/loaded/DAY/{}/{name}", &blake3::hash(text.as_bytes()).to_hex()[..16])
}

async fn an_object_store(database: TestDatabase, workdir: Workdir) -> Outcome {
    let store = Store::start(Mood::Honest)?;
    let small = "a\n1\n".to_owned();
    // More than is sent in one request.
    let big = (0..900_000).fold("a,b\n".to_owned(), |text, n| text + &format!("{n},word {n}\n"));
    anyhow::ensure!(big.len() > 16 << 20, "{}", big.len());
    let secret = workdir.write("secret", "hunter2\n")?.display().to_string();
    let mut settings = settings(&database, &store).to_vec();
    settings.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    settings.extend([("AWS_SECRET_ACCESS_KEY_FILE", secret.as_str()), ("DEBUG_LOGS", "true")]);
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    for (name, text) in [("small.csv", &small), ("big.csv", &big), ("ä b+c%2F.csv", &small)] {
        workdir.write(&format!("imports/{name}"), text)?;
        daemon.wait_for(&[name, ": kept (kept as ", "s3://bucket/loaded/"])?;
    }
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.contains("hunter2"), log.contains("the-key")), (Some(0), false, false))?;
    let mut expected = vec![
        (object(&small, "small.csv"), small.clone().into_bytes()),
        (object(&big, "big.csv"), big.into_bytes()),
        (object(&small, "%C3%A4%20b%2Bc%252F.csv"), small.into_bytes()),
    ];
    expected.sort();
    let objects = store.objects();
    let names = |objects: &[(String, Vec<u8>)]| objects.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    same(names(&objects), names(&expected))?;
    same(objects == expected, true)?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    same(workdir.claims(), 0)
}

async fn a_store_that_fails_or_lies_keeps_the_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (round, (mood, why)) in [
        (Mood::Away, "cannot keep the file as s3://bucket/loaded/"),
        (Mood::Lying, "is not what was sent there"),
        (Mood::Short, "s3://bucket/loaded/"),
    ]
    .into_iter()
    .enumerate()
    {
        let store = Store::start(mood)?;
        let text = format!("a\n{round}\n");
        workdir.write("imports/x.csv", &text)?;
        let settings = settings(&database, &store);
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        daemon.wait_for(&["INFO loaded", "x.csv"])?;
        let line = daemon.wait_for(&["ERROR", "x.csv", why])?;
        same(line.contains("hunter2"), false)?;
        daemon.kill()?;
        let claimed =
            |name: &std::path::Path| fs::read_dir(name).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut places = claimed(&workdir.path("imports/.sluice"))
            .flat_map(|place| claimed(&place))
            .flat_map(|claim| claimed(&claim));
        same(places.next().map(fs::read_to_string).transpose()?, Some(text.clone()))?;

        store.set(Mood::Honest);
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        daemon.wait_for(&["INFO x.csv: kept ("])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
        same(store.objects(), [(object(&text, "x.csv"), text.into_bytes())])?;
        same(workdir.claims(), 0)?;
        let rows = (round + 1).to_string();
        same(database.text("select count(*) from staging.x").await?, rows.as_str())?;
        same(database.text("select count(*) from sluice.load").await?, rows)?;
    }
    Ok(())
}
