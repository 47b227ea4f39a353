//! The daemon, as a real program: what lies there and what comes, half-written files, signals.

use std::fs;
use std::io::Write;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        what_lies_there_and_what_comes_is_loaded,
        a_file_is_taken_when_it_is_whole,
        other_commands_work_while_it_holds_the_database,
        it_waits_for_a_database_that_is_away;
    alone:
        what_is_not_for_us_is_left_and_named_once,
        polling_finds_files_too,
        many_files_and_bad_ones_among_them;
}

fn start(workdir: &Workdir, database: &TestDatabase) -> anyhow::Result<Daemon> {
    Daemon::start(workdir, &[], &[("DATABASE_URL", &database.url)])
}

async fn what_lies_there_and_what_comes_is_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/first.csv", "a\n1\n")?;
    let mut daemon = start(&workdir, &database)?;
    daemon.wait_for(&["INFO loaded first.csv: 1 row into staging.first (load 1, ", " ms)"])?;
    workdir.write("imports/second.csv", "a\n1\n2\n")?;
    daemon.wait_for(&["loading", "second.csv"])?;
    daemon.wait_for(&["loaded second.csv: 2 rows into ", "(load 2, "])?;
    same(workdir.list("imports"), Vec::<String>::new())?;
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    holds(&log, "asked to stop (SIGTERM)")?;
    holds(&log, "files are deleted after they were loaded")?;
    same(database.text("select a from staging.second order by a").await?, "1\n2")?;
    // Nothing of ours is left in the folder.
    same(workdir.claims(), 0)
}

async fn a_file_is_taken_when_it_is_whole(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = start(&workdir, &database)?;
    daemon.wait_for(&["watching"])?;
    // A writer that keeps the file open: another file comes and goes meanwhile, twice.
    let mut pieces = fs::File::create(workdir.path("imports/pieces.csv"))?;
    pieces.write_all(b"a\n1\n")?;
    for name in ["other.csv", "another.csv"] {
        workdir.write(&format!("imports/{name}"), "a\n1\n")?;
        daemon.wait_for(&["loaded", name])?;
        pieces.write_all(b"2\n")?;
    }
    same(daemon.log().contains("pieces.csv"), false)?;
    pieces.write_all(b"3\n")?;
    drop(pieces);
    daemon.wait_for(&["loaded pieces.csv: 4 rows"])?;
    // As rsync and editors do: hidden, then renamed.
    workdir.write("imports/.x.csv.Ab12", "a\n1\n")?;
    fs::rename(workdir.path("imports/.x.csv.Ab12"), workdir.path("imports/x.csv"))?;
    daemon.wait_for(&["loaded x.csv: 1 row "])?;
    // As mv does from another file system: written, then given its old times.
    let moved = fs::File::create(workdir.path("imports/moved.csv"))?;
    (&moved).write_all(b"a\n1\n2\n")?;
    moved.set_modified(std::time::SystemTime::UNIX_EPOCH)?;
    drop(moved);
    daemon.wait_for(&["loaded moved.csv: 2 rows"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "5")
}

async fn other_commands_work_while_it_holds_the_database(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.n")?;
    workdir.write("sql/analysis/v.sql", "select count(*) as n from datawarehouse.t")?;
    let mut daemon = start(&workdir, &database)?;
    daemon.wait_for(&["watching"])?;
    for n in 1..=5 {
        workdir.write("imports/n.csv", format!("a\n{n}\n"))?;
        daemon.wait_for(&["loaded", "n.csv"])?;
        same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
        same(app(&workdir, &["--analysis"], &settings)?.status.code(), Some(0))?;
        same(workdir.read("exports/v.csv")?, format!("n\n{n}\n"))?;
    }
    // Two programs on one folder: each file is one's.
    for n in 0..20 {
        workdir.write(&format!("imports/m{n}.csv"), "a\n1\n")?;
    }
    let once = app(&workdir, &["--once", "--json"], &settings)?;
    same(once.status.code(), Some(0))?;
    let totals: serde_json::Value = serde_json::from_str(&stdout(&once))?;
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    let daemons = log.matches("INFO loaded ").count() as u64 - 5;
    let rest = app(&workdir, &["--once", "--json"], &settings)?;
    let rest: serde_json::Value = serde_json::from_str(&stdout(&rest))?;
    let all = daemons + totals["loaded"].as_u64().unwrap_or(0) + rest["loaded"].as_u64().unwrap_or(0);
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "25")?;
    same(all <= 20, true)
}

async fn it_waits_for_a_database_that_is_away(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = start(&workdir, &database)?;
    daemon.wait_for(&["watching"])?;
    // Somebody else holds the table, or the whole file, longer than anybody waits; here: until the file is there.
    let mut lock = database.warehouse.begin(sluice::warehouse::Scope::Star).await?;
    if database.engine == sluice::sql::Engine::Postgres {
        lock.execute("lock table sluice.dataset in access exclusive mode", &[]).await?;
    }
    workdir.write("imports/n.csv", "a\n1\n")?;
    daemon.wait_for(&["loading", "n.csv"])?;
    drop(lock);
    daemon.wait_for(&["loaded n.csv: 1 row "])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn what_is_not_for_us_is_left_and_named_once(workdir: Workdir) -> Outcome {
    for name in ["notes.docx", ".hidden.csv", "x.csv.part"] {
        workdir.write(&format!("imports/{name}"), "a\n1\n")?;
    }
    fs::create_dir(workdir.path("imports/folder.csv"))?;
    let mut daemon = Daemon::start(&workdir, &["--watch"], &[])?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/later.docx", "x")?;
    daemon.wait_for(&["left where it is", "later.docx"])?;
    workdir.write("imports/later.docx", "xx")?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded", "n.csv"])?;
    let (_, log) = daemon.terminate()?;
    for (level, name, why) in [
        ("WARN", "notes.docx", "no format that is read"),
        ("INFO", ".hidden.csv", "hidden"),
        ("INFO", "x.csv.part", "a temporary name"),
        ("WARN", "folder.csv", "a folder"),
        ("WARN", "later.docx", "no format that is read"),
    ] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&format!("{level} {name}: "))).collect();
        same((name, lines.len()), (name, 1))?;
        holds(lines[0], why)?;
        same(workdir.path("imports").join(name).exists(), true)?;
    }
    Ok(())
}

async fn polling_finds_files_too(workdir: Workdir) -> Outcome {
    let folder = workdir.path("elsewhere").display().to_string();
    // A mistyped one would be watched for ever.
    let output = app(&workdir, &["--watch", &folder], &[])?;
    same((output.status.code(), workdir.path("elsewhere").exists()), (Some(2), false))?;
    holds(&stderr(&output), "elsewhere: make it, or name the right one")?;
    fs::create_dir(workdir.path("elsewhere"))?;
    let mut daemon = Daemon::start(&workdir, &["--watch", &folder], &[("POLL", "true")])?;
    daemon.wait_for(&["watching"])?;
    workdir.write("elsewhere/n.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded", "n.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn many_files_and_bad_ones_among_them(workdir: Workdir) -> Outcome {
    let mut daemon = Daemon::start(&workdir, &[], &[])?;
    daemon.wait_for(&["watching"])?;
    for n in 0..100 {
        workdir.write(&format!("imports/good{n}.csv"), format!("a\n{n}\n"))?;
        workdir.write(&format!("imports/bad{n}.csv"), "")?;
    }
    workdir.write("imports/zlast.csv", "a\n1\n")?;
    for _ in 0..101 {
        daemon.wait_for(&["INFO loaded "])?;
    }
    let (_, log) = daemon.terminate()?;
    same(log.matches("not loaded: the file is empty").count(), 100)?;
    same(workdir.list("imports/failed").len(), 200)?;
    same(workdir.list("imports"), ["failed"])
}
