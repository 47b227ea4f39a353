//! An SQLite file that is moved, replaced or deleted under a running program: no input goes, and nothing is mixed.

use std::fs;
use std::path::Path;

use sluice::warehouse::{Scope, WarehouseError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_sqlite:
        nothing_is_committed_into_a_file_that_is_away,
        a_deleted_database_takes_no_file,
        a_moved_folder_is_waited_for,
        a_replaced_database_gets_neither_files_nor_the_log,
        a_deleted_log_takes_no_rows_along,
        no_database_is_made_beside_the_log_of_another,
        a_stop_copies_no_log_of_another_database;
}

const URL: [(&str, &str); 1] = [("DATABASE_URL", "sqlite://data/warehouse.db")];
const MOVED: &str = "the database file was moved or replaced while Sluice runs";

/// True if there is a file of this name in the folder or in one below it.
fn is_below(folder: &Path, name: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name() == name || is_below(&entry.path(), name))
}

/// A daemon that has loaded a.csv, whose file is gone.
fn started(workdir: &Workdir) -> anyhow::Result<Daemon> {
    let mut daemon = Daemon::start(workdir, &[], &URL)?;
    daemon.wait_for(&["watching"])?;
    workdir.write("imports/a.csv", "a\n1\n")?;
    daemon.wait_for(&["loaded a.csv: 1 row"])?;
    // Its file goes after that line.
    let start = std::time::Instant::now();
    while is_below(&workdir.path("imports"), "a.csv") {
        anyhow::ensure!(start.elapsed().as_secs() < 60, "a.csv does not go");
        std::thread::yield_now();
    }
    Ok(daemon)
}

/// Drops b.csv, which is not loaded, but waits.
fn waits(workdir: &Workdir, daemon: &mut Daemon, why: &str) -> Outcome {
    workdir.write("imports/b.csv", "b\n2\n")?;
    daemon.wait_for(&[MOVED, why, "put it back, or restart Sluice"])?;
    // It is written down once a second at most.
    let mut status = app(workdir, &["status"], &URL)?;
    for _ in 0..100 {
        if !stdout(&status).contains(MOVED) {
            status = app(workdir, &["status"], &URL)?;
        }
    }
    holds(&stdout(&status), MOVED)?;
    same(status.status.code(), Some(1))?;
    same(daemon.log().contains("loaded b.csv"), false)
}

fn once(workdir: &Workdir) -> anyhow::Result<String> {
    let done = app(workdir, &["--once"], &URL)?;
    Ok(stdout(&done) + &stderr(&done))
}

/// The loads in the ledger, with their files.
fn loads(workdir: &Workdir) -> anyhow::Result<String> {
    Ok(stdout(&app(workdir, &["loads"], &URL)?))
}

async fn nothing_is_committed_into_a_file_that_is_away(database: TestDatabase, workdir: Workdir) -> Outcome {
    let file = database.url.trim_start_matches("sqlite://").to_owned();
    let away = workdir.path("away.db");
    for scope in [Scope::Load, Scope::Short] {
        let mut transaction = database.warehouse.begin(scope).await?;
        transaction.execute("create table t (n bigint)", &[]).await?;
        fs::rename(&file, &away)?;
        same(matches!(transaction.commit().await, Err(WarehouseError::Moved(_))), true)?;
        same(matches!(database.warehouse.begin(scope).await, Err(WarehouseError::Moved(_))), true)?;
        same(matches!(database.warehouse.is_there().await, Err(WarehouseError::Moved(_))), true)?;
        // Another file of that name is not the database.
        fs::write(&file, "another")?;
        same(matches!(database.warehouse.begin(scope).await, Err(WarehouseError::Moved(_))), true)?;
        fs::rename(&away, &file)?;
        let mut transaction = database.warehouse.begin(scope).await?;
        transaction.execute("create table t (n bigint)", &[]).await?;
        transaction.execute("drop table t", &[]).await?;
        transaction.commit().await?;
    }
    Ok(())
}

async fn a_deleted_database_takes_no_file(_: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = started(&workdir)?;
    fs::remove_dir_all(workdir.path("data"))?;
    waits(&workdir, &mut daemon, "there is no data/warehouse.db any more")?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    // What was loaded into the deleted file is named, and what waited is loaded.
    let said = once(&workdir)?;
    holds(&said, "this is another database than the one that files were loaded into before")?;
    holds(&said, "a.csv")?;
    holds(&said, "b.csv: 1 row")?;
    same(workdir.list("imports"), Vec::<String>::new())
}

async fn a_moved_folder_is_waited_for(_: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = started(&workdir)?;
    fs::rename(workdir.path("data"), workdir.path("data.old"))?;
    waits(&workdir, &mut daemon, "there is no data/warehouse.db any more")?;
    fs::rename(workdir.path("data.old"), workdir.path("data"))?;
    daemon.wait_for(&["loaded b.csv: 1 row"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    let loads = loads(&workdir)?;
    holds(&loads, "a.csv")?;
    holds(&loads, "b.csv")
}

async fn a_replaced_database_gets_neither_files_nor_the_log(_: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/first.csv", "a\n0\n")?;
    once(&workdir)?;
    fs::copy(workdir.path("data/warehouse.db"), workdir.path("backup.db"))?;
    let mut daemon = started(&workdir)?;
    fs::rename(workdir.path("backup.db"), workdir.path("data/warehouse.db"))?;
    waits(&workdir, &mut daemon, "another file is in the place of data/warehouse.db")?;
    same(fs::metadata(workdir.path("data/warehouse.db-wal"))?.len(), 0)?;
    daemon.kill()?;
    // The load that the backup lacks is lost, and named until its file comes again.
    let said = once(&workdir)?;
    let lost = said.lines().find(|line| line.contains("the database has lost a load")).unwrap_or_default();
    holds(lost, "a.csv")?;
    holds(&said, "b.csv: 1 row")?;
    let status = app(&workdir, &["status"], &URL)?;
    same(status.status.code(), Some(1))?;
    holds(&stdout(&status), "a.csv into a")?;
    let loads = loads(&workdir)?;
    holds(&loads, "first.csv")?;
    same(loads.contains(" a.csv"), false)
}

async fn a_deleted_log_takes_no_rows_along(_: TestDatabase, workdir: Workdir) -> Outcome {
    for ending in ["-wal", "-shm"] {
        let mut daemon = started(&workdir)?;
        fs::remove_file(workdir.path(&format!("data/warehouse.db{ending}")))?;
        waits(&workdir, &mut daemon, &format!("data/warehouse.db{ending} any more"))?;
        daemon.kill()?;
        once(&workdir)?;
        let loads = loads(&workdir)?;
        holds(&loads, "a.csv")?;
        holds(&loads, "b.csv")?;
        fs::remove_dir_all(workdir.path("data"))?;
    }
    Ok(())
}

async fn no_database_is_made_beside_the_log_of_another(_: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = started(&workdir)?;
    fs::rename(workdir.path("data/warehouse.db"), workdir.path("away.db"))?;
    waits(&workdir, &mut daemon, "there is no data/warehouse.db any more")?;
    for command in ["--once", "doctor"] {
        let done = app(&workdir, &[command], &URL)?;
        holds(&(stdout(&done) + &stderr(&done)), "its log data/warehouse.db-wal is there")?;
        same(done.status.success(), false)?;
    }
    same(workdir.path("data/warehouse.db").exists(), false)?;
    // Back in its place it has all, and goes on.
    fs::rename(workdir.path("away.db"), workdir.path("data/warehouse.db"))?;
    daemon.wait_for(&["loaded b.csv: 1 row"])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    let loads = loads(&workdir)?;
    holds(&loads, "a.csv")?;
    holds(&loads, "b.csv")
}

async fn a_stop_copies_no_log_of_another_database(_: TestDatabase, workdir: Workdir) -> Outcome {
    let mut daemon = started(&workdir)?;
    fs::rename(workdir.path("data/warehouse.db"), workdir.path("away.db"))?;
    waits(&workdir, &mut daemon, "there is no data/warehouse.db any more")?;
    // Another program makes a database there, of which the daemon holds the log, and the first one is put back.
    let path = workdir.path("data/warehouse.db");
    let options =
        SqliteConnectOptions::new().filename(&path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let mut other = options.connect().await?;
    other.execute("create table another (n bigint)").await?;
    for _ in 0..50 {
        other.execute("insert into another values (1)").await?;
    }
    other.close().await?;
    fs::rename(workdir.path("away.db"), &path)?;
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(workdir.path(&format!("data/warehouse.db{ending}")));
    }
    let before = fs::read(&path)?;
    daemon.terminate()?;
    same(fs::read(&path)? == before, true)?;
    holds(&loads(&workdir)?, "a.csv")
}
