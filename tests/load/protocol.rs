//! The load protocol where it is not a crash that tries it: a commit without an answer, a delete that fails, a file that is touched
//! after it was claimed, a folder and a database that are away, a server that has lost what it had confirmed.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;

use sluice::load::deletion_log::{DeletionLog, DeletionRecord};
use sluice::load::{FileOutcome, load_file};
use sluice::source::Folder;
use sluice::warehouse::Scope;

use crate::support::process::Daemon;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_commit_without_an_answer_is_asked_for,
        a_database_that_is_away_then_is_asked_later,
        a_delete_that_fails_is_tried_again,
        a_file_over_which_programs_end_is_no_longer_tried,
        what_is_touched_after_it_was_claimed_goes_back,
        what_the_server_lost_is_named_and_brought_back,
        a_fault_of_the_program_costs_no_file;
    alone:
        a_folder_that_is_away_is_waited_for,
        a_database_that_is_away_at_the_start_is_waited_for;
}

/// Datasets whose files are told apart by their content, and such as load it again each time.
const PLUGINS: [(&str, &str); 3] = [
    ("plain", "name: plain\nfiles: [plain.*]\n"),
    ("again", "name: again\nfiles: [again.*]\nduplicates: load\n"),
    ("upsert", "name: upsert\nfiles: [upsert.*]\nmode: upsert\nkey: [id]\n"),
];

async fn a_commit_without_an_answer_is_asked_for(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, yaml) in PLUGINS {
        workdir.plugin(name, yaml)?;
    }
    for (round, point) in ["commit_not_sent", "commit_not_answered"].into_iter().enumerate() {
        for (name, _) in PLUGINS {
            let settings = [("DATABASE_URL", database.url.clone()), ("FAILPOINTS", format!("{point}=1*return"))];
            let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut daemon = Daemon::start(&workdir, &[], &settings)?;
            daemon.wait_for(&["watching"])?;
            workdir.write(&format!("imports/{name}.csv"), format!("id,n\n1,{round}\n2,{round}\n"))?;
            daemon.wait_for(&["it is not known whether the commit happened"])?;
            daemon.wait_for(&["INFO loaded", name, ": 2 rows"])?;
            daemon.wait_for(&["all is well again"])?;
            same(daemon.terminate()?.0.code(), Some(0))?;
            let rows = if name == "upsert" { 2 } else { 2 * (round + 1) };
            same(
                (name, point, database.text(&format!("select count(*) from staging.\"{name}\"")).await?),
                (name, point, rows.to_string()),
            )?;
            same((workdir.list("imports"), workdir.claims()), (Vec::new(), 0))?;
        }
    }
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "6")
}

async fn a_database_that_is_away_then_is_asked_later(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("again", PLUGINS[1].1)?;
    // Nobody answers when it is asked for, twice: the file must not be taken for another one by then.
    let faults = "commit_not_answered=1*return;begin=1*off->2*return->off";
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", faults)])?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/again.csv", "id\n1\n2\n")?;
    daemon.wait_for(&["it is not known whether the commit happened"])?;
    daemon.wait_for(&["the database does not answer"])?;
    daemon.wait_for(&["loaded what had been begun before of again.csv: 2 rows"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same((workdir.list("imports"), workdir.claims()), (Vec::new(), 0))?;
    same(database.text("select count(*) from staging.again").await?, "2")
}

async fn a_delete_that_fails_is_tried_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("again", PLUGINS[1].1)?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "delete=2*return")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/again.csv", "id\n1\n2\n")?;
    daemon.wait_for(&["ERROR again.csv: its rows are loaded, and the file cannot be deleted"])?;
    daemon.wait_for(&["loaded what had been begun", "again.csv"])?;
    daemon.wait_for(&["loaded what had been begun", "again.csv"])?;
    workdir.write("imports/other.csv", "id\n1\n")?;
    daemon.wait_for(&["INFO loaded", "other.csv"])?;
    let (status, log) = daemon.terminate()?;
    same(status.code(), Some(0))?;
    same(log.matches("cannot be deleted").count(), 1)?;
    same(database.text("select count(*) from staging.again").await?, "2")?;
    same(database.text("select count(*) from sluice.load").await?, "2")?;
    same((workdir.list("imports"), workdir.claims()), (Vec::new(), 0))
}

async fn a_file_over_which_programs_end_is_no_longer_tried(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/a.csv", "a\n1\n")?;
    workdir.plugin("again", PLUGINS[1].1)?;
    for _ in 0..3 {
        let settings = [("DATABASE_URL", database.url.as_str()), ("DIE_AT", "copied")];
        Daemon::start(&workdir, &[], &settings)?.wait()?;
    }
    workdir.write("imports/b.csv", "a\n1\n")?;
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &database.url)])?;
    daemon.wait_for(&["not loaded: the program ended 3 times while it loaded this file", "a.csv"])?;
    daemon.wait_for(&["INFO loaded", "b.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(workdir.list("imports/failed"), ["a.csv", "a.csv.error.json"])?;
    // One whose rows are committed goes, however many programs end before it does.
    workdir.write("imports/again.csv", "a\n1\n")?;
    for point in ["committed", "claimed", "claimed", "claimed", "claimed"] {
        let settings = [("DATABASE_URL", database.url.as_str()), ("DIE_AT", point)];
        Daemon::start(&workdir, &[], &settings)?.wait()?;
    }
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &database.url)])?;
    daemon.wait_for(&["INFO loaded", "again.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select count(*) from staging.again").await?, "1")?;
    same(workdir.list("imports/failed"), ["a.csv", "a.csv.error.json"])?;
    // It may be tried again.
    fs::rename(workdir.path("imports/failed/a.csv"), workdir.path("imports/a.csv"))?;
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &database.url)])?;
    daemon.wait_for(&["INFO loaded", "a.csv"])?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn what_is_touched_after_it_was_claimed_goes_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let folder = Folder::open(&workdir.path("imports"))?;
    let app = workdir.app(&database);
    // Its writer has not let go of it, and goes on where it is claimed.
    let mut writer = fs::File::create(workdir.path("imports/x.csv"))?;
    writer.write_all(b"a\n1\n")?;
    let claimed = folder.claim(OsStr::new("x.csv"))?;
    let outcome = load_file(&app.loader, &app.plugins.get(), claimed, false, app.loader.order.join()).await;
    same(matches!(outcome, FileOutcome::Waits(_)), true)?;
    same(workdir.list("imports"), ["x.csv"])?;
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    writer.write_all(b"2\n")?;
    drop(writer);
    let claimed = folder.claim(OsStr::new("x.csv"))?;
    // Another version under the same name, while the first one is loaded, is another file.
    workdir.write("imports/x.csv", "a\n3\n")?;
    let outcome = load_file(&app.loader, &app.plugins.get(), claimed, false, app.loader.order.join()).await;
    same(matches!(outcome, FileOutcome::Loaded(_)), true)?;
    same((workdir.read("imports/x.csv")?.as_str(), workdir.claims()), ("a\n3\n", 1))?;
    same(database.text("select count(*), max(a) from staging.x").await?, "2|2")
}

async fn what_the_server_lost_is_named_and_brought_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    let server = transaction.server().await?.unwrap_or_default();
    drop(transaction);
    let (database_of, timeline) = server.rsplit_once('/').unwrap_or_default();
    same(timeline, if database.engine == sluice::sql::Engine::Postgres { "00000001" } else { "0" })?;
    let report = workdir.load(&database, "there.csv", "a\n1\n").await?;
    let before = |load: i64, hash: &str, kept: Option<&str>| DeletionRecord {
        load,
        hash: hash.to_owned(),
        source: format!("{load}.csv"),
        table: "t".to_owned(),
        server: format!("{database_of}/00000000"),
        kept: kept.map(|name| workdir.path(name)),
        ..DeletionRecord::default()
    };
    fs::create_dir(workdir.path("archive"))?;
    workdir.write("archive/kept.csv", "a\n2\n")?;
    let journal = DeletionLog::of(&workdir.path("imports"));
    journal.write(&[
        before(report.load_id, &report.hash, None),
        // The number was given to another load since.
        before(report.load_id, "other", Some("archive/kept.csv")),
        before(99, "lost", None),
    ])?;
    let app = workdir.app(&database);
    app.loader.deletions.reconcile(&app.workspace.catalog, &app.loader.alerts, Some(&server)).await?;
    // The file has the name by which it had come.
    let waiting = || -> anyhow::Result<Vec<String>> {
        let folder = sluice::source::Folder::open(&workdir.path("imports"))?;
        let files = folder.claim_leftovers(&mut |_, _| {})?;
        folder.stop();
        Ok(files.iter().map(sluice::source::ClaimedFile::name).collect())
    };
    let name = format!("{}.csv", report.load_id);
    same((workdir.list("imports"), waiting()?), (vec![], vec![name.clone()]))?;
    // It is met once.
    let app = workdir.app(&database);
    app.loader.deletions.reconcile(&app.workspace.catalog, &app.loader.alerts, Some(&server)).await?;
    same((workdir.list("imports"), waiting()?), (vec![], vec![name]))
}

async fn a_fault_of_the_program_costs_no_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", "copied=1*panic")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/x.csv", "a\n1\n")?;
    daemon.wait_for(&["a fault of the program", "x.csv"])?;
    daemon.wait_for(&[" INFO loaded ", " x.csv: 1 row "])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select count(*) from staging.x").await?, "1")
}

async fn a_folder_that_is_away_is_waited_for(workdir: Workdir) -> Outcome {
    let mut daemon = Daemon::start(&workdir, &[], &[])?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/x.csv", "a\n1\n")?;
    daemon.wait_for(&["INFO loaded", "x.csv"])?;
    // The daemon may write its state into what is being removed.
    while workdir.path("imports").exists() {
        let _ = fs::remove_dir_all(workdir.path("imports"));
    }
    daemon.wait_for(&["ERROR cannot use the folder"])?;
    fs::create_dir(workdir.path("imports"))?;
    daemon.wait_for(&["watching the folder that is there now"])?;
    workdir.write("imports/y.csv", "a\n1\n")?;
    daemon.wait_for(&["INFO loaded", "y.csv"])?;
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.matches("cannot use the folder").count()), (Some(0), 1))
}

async fn a_database_that_is_away_at_the_start_is_waited_for(workdir: Workdir) -> Outcome {
    // Nobody listens there: the port was given to us, and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("postgres://nobody@127.0.0.1:{port}/none");
    let mut daemon = Daemon::start(&workdir, &[], &[("DATABASE_URL", &url)])?;
    let line = daemon.wait_for(&["ERROR", "waiting until that is fixed"])?;
    holds(&line, &port.to_string())?;
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.matches("waiting until that is fixed").count()), (Some(0), 1))
}
