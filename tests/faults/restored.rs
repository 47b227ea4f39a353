//! A backup of the database is restored: loads that were committed after it was made are gone, and nothing but the content tells. What is
//! kept in the archive comes back; what was deleted is named. And a client that holds a dataset's lock: other tables go on.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::bed::{Bed, Engine};
use crate::books::Expect;
use crate::daemon::{PATIENCE, until};
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault, POSTGRES, sql};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "restored-archive",
        about: "a backup of the database is restored; loaded files are kept in archive/: nothing is lost",
        engines: BOTH,
        run: |bed, engine| restored(bed, engine, "kept", Expect::Rows),
    },
    Fault {
        name: "restored-delete",
        about: "the same, loaded files were deleted: the daemon names each that the backup lacks",
        engines: BOTH,
        run: |bed, engine| restored(bed, engine, "rows", Expect::RowsOrNamed),
    },
    Fault {
        name: "postgres-dataset-held",
        about: "somebody holds the lock of a dataset for a while: who is named, and other tables go on",
        engines: POSTGRES,
        run: dataset_held,
    },
];

fn restored(bed: &Bed, engine: Engine, stem: &'static str, expect: Expect) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    let some = |site: &mut Site| -> anyhow::Result<()> {
        for _ in 0..5 {
            site.drop(stem, Kind::Csv, 500)?;
        }
        site.settle(PATIENCE)
    };
    some(&mut site)?;
    site.stop()?;
    copy(bed, &site, true)?;
    some(&mut site)?;
    site.stop()?;
    for one in site.dropped.iter_mut().skip(5) {
        one.expect = expect;
    }
    copy(bed, &site, false)?;
    some(&mut site)?;
    let count = format!("select count(*) from {}", engine.staging(stem));
    let all = 15 * 500;
    // What is brought back is loaded a little later.
    if !until(Duration::from_secs(10), || sql::number(&site.url, &count).is_ok_and(|rows| rows == all)) {
        let back = sql::number(&site.url, &count)?;
        site.notes.push(format!("the backup lacked 5 loads; {back} of {all} rows are there"));
    }
    site.times = 1;
    site.finish()
}

/// Makes a backup, or restores it.
fn copy(bed: &Bed, site: &Site, is_backup: bool) -> anyhow::Result<()> {
    match site.engine {
        Engine::Sqlite => {
            let (file, backup) = (site.path("data/warehouse.db"), site.path("backup.db"));
            let (from, to) = if is_backup { (&file, &backup) } else { (&backup, &file) };
            if !is_backup {
                for ending in ["db-wal", "db-shm"] {
                    let _ = std::fs::remove_file(site.path(&format!("data/warehouse.{ending}")));
                }
            }
            std::fs::copy(from, to)?;
        }
        Engine::Postgres => {
            let name = site.url.rsplit('/').next().context("an address without a database")?;
            let (from, to) = if is_backup {
                (name.to_owned(), format!("{name}_backup"))
            } else {
                (format!("{name}_backup"), name.to_owned())
            };
            let server = bed.server()?;
            if !is_backup {
                sql::execute(&server.maintenance(), &format!("drop database {name} with (force)"))?;
            }
            sql::execute(&server.maintenance(), &format!("create database {to} template {from}"))?;
        }
    }
    Ok(())
}

fn dataset_held(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    use sqlx::{Connection, Executor};
    let mut site = Site::new(bed, engine)?;
    site.drop("rows", Kind::Csv, 10)?;
    site.settle(PATIENCE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut holder = runtime.block_on(sqlx::PgConnection::connect(&site.url))?;
    let holds = "begin; update sluice.dataset set last_started_at = now() where name = 'rows'";
    runtime.block_on(holder.execute(holds))?;
    for _ in 0..30 {
        site.drop("rows", Kind::Csv, 100)?;
    }
    let (other, started) = (site.drop("again", Kind::Csv, 500)?, Instant::now());
    ensure!(until(Duration::from_secs(10), || !site.waiting().contains(&other)), "a file of another table waits");
    site.notes.push(format!("a file of another table took {:.1} s meanwhile", started.elapsed().as_secs_f64()));
    site.daemon()?.wait_for(&["somebody else holds a lock", "idle in transaction"], PATIENCE)?;
    runtime.block_on(holder.execute("rollback"))?;
    site.times = 1;
    site.finish()
}
