//! What only reads works on a database that takes no writes: a standby, a file or a mount without the right to write.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use sqlx::{Connection, Executor, SqliteConnection};

use crate::support::process::{app, app_of_user, as_other_user, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_postgres:
        a_server_that_takes_no_writes_is_read;
    alone:
        a_file_that_cannot_be_written_is_read;
}

/// The commands that only read, each with words of its answer.
const READING: [(&[&str], &str); 8] = [
    (&["loads"], "t.csv"),
    (&["rejects"], "reason"),
    (&["why", "t.csv"], "its rows are in staging.t"),
    (&["export", "staging.t", "--output", "-"], "b"),
    (&["trace", "datawarehouse.dim_t", "--where", "a = 1"], "t.csv"),
    (&["graph"], "dim_t"),
    (&["check", "sql"], ""),
    (&["status"], "1 loaded"),
];

fn load(workdir: &Workdir, run: impl Fn(&[&str]) -> anyhow::Result<std::process::Output>) -> Outcome {
    let sql = "/* {kind: dimension, key: [a]} */ select a, b from staging.t";
    workdir.write("sql/pipeline/dim_t.sql", sql)?;
    workdir.write("imports/t.csv", "a,b\n1,x\n2,\0\n")?;
    run(&["--once"])?;
    same(run(&["--pipeline"])?.status.code(), Some(0))
}

fn reads(run: impl Fn(&[&str]) -> anyhow::Result<std::process::Output>) -> Outcome {
    for (command, words) in READING {
        let output = run(command)?;
        let said = stdout(&output) + &stderr(&output);
        same((command, output.status.code(), said.as_str()), (command, Some(0), said.as_str()))?;
        holds(&said, words)?;
    }
    Ok(())
}

async fn a_server_that_takes_no_writes_is_read(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    load(&workdir, |arguments| app(&workdir, arguments, &settings))?;
    let sign = if database.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{sign}options=-c%20default_transaction_read_only=on", database.url);
    let settings = [("DATABASE_URL", url.as_str())];
    reads(|arguments| app(&workdir, arguments, &settings))?;
    // What writes says why it cannot.
    let output = app(&workdir, &["retract", "1", "--yes"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stderr(&output), "the database takes no writes")
}

async fn a_file_that_cannot_be_written_is_read(workdir: Workdir) -> Outcome {
    as_other_user(&workdir)?;
    let settings = [("DATABASE_URL", "sqlite://data/warehouse.db")];
    let run = |arguments: &[&str]| app_of_user(&workdir, arguments, &settings);
    for name in ["sql", "sql/pipeline", "sql/analysis"] {
        chown(workdir.path(name), Some(4321), Some(4321)).or_else(|error| {
            match rustix::process::geteuid().is_root() {
                true => Err(error),
                false => Ok(()),
            }
        })?;
    }
    load(&workdir, run)?;
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let (data, file) = (workdir.path("data"), workdir.path("data/warehouse.db"));
    // The last commits may be in the log, which a command leaves there.
    set(&file, 0o444)?;
    reads(run)?;
    set(&data, 0o555)?;
    reads(run)?;
    // Without a log there can be none beside a file in such a folder.
    set(&file, 0o644)?;
    set(&data, 0o755)?;
    let mut copying = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await?;
    copying.execute("pragma wal_checkpoint(truncate)").await?;
    copying.close().await?;
    same(workdir.list("data"), ["warehouse.db"])?;
    set(&data, 0o555)?;
    reads(run)?;
    set(&file, 0o444)?;
    reads(run)?;
    set(&file, 0o644)?;
    let output = run(&["retract", "1", "--yes"])?;
    same(output.status.code(), Some(1))?;
    holds(&stderr(&output), "the database takes no writes")?;
    set(&data, 0o755)?;
    same(run(&["retract", "1", "--yes"])?.status.code(), Some(0))
}
