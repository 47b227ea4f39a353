//! SQLite's file is locked, read-only, on a full disk, or read for long while files arrive.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, SqliteConnection};

use crate::bed::{Bed, Engine, needs, needs_root};
use crate::daemon::PATIENCE;
use crate::kills::drop_some;
use crate::make::Kind;
use crate::mount::Mount;
use crate::report::Row;
use crate::site::Site;
use crate::{Fault, SQLITE};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "sqlite-locked",
        about: "another program writes into the database file for a while (70 s in the long form)",
        engines: SQLITE,
        run: locked,
    },
    Fault {
        name: "sqlite-disk-full",
        about: "the disk of the database file is full for a while",
        engines: SQLITE,
        run: disk_full,
    },
    Fault {
        name: "sqlite-read-only",
        about: "the database file cannot be written when the daemon starts, then it can",
        engines: SQLITE,
        run: read_only,
    },
    Fault {
        name: "sqlite-long-reader",
        about: "somebody reads one state for a while under load: the log grows no further than it must",
        engines: SQLITE,
        run: long_reader,
    },
];

fn locked(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    site.drop("rows", Kind::Csv, 10)?;
    site.is_idle(PATIENCE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut other = runtime.block_on(SqliteConnection::connect(&site.url))?;
    for seconds in [1, bed.options.times(6, 70) as u64] {
        runtime.block_on(other.execute("begin immediate"))?;
        for _ in 0..20 {
            site.drop("rows", Kind::Csv, 500)?;
            site.copy("again", Kind::Csv, 500)?;
        }
        std::thread::sleep(Duration::from_secs(seconds));
        runtime.block_on(other.execute("rollback"))?;
        site.settle(PATIENCE)?;
        site.times += 1;
    }
    runtime.block_on(other.close())?;
    site.finish()
}

fn disk_full(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let disk = Mount::new(bed, 96)?;
    let mut site = Site::at(bed, engine, format!("sqlite://{}/warehouse.db", disk.path.display()))?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for _ in 0..bed.options.times(1, 3) {
        disk.fill(1 << 20)?;
        for _ in 0..3 {
            site.drop("rows", Kind::Csv, 60_000)?;
            site.drop("again", Kind::Csv, 5000)?;
        }
        std::thread::sleep(Duration::from_secs(3));
        disk.free()?;
        site.settle(PATIENCE * 2)?;
        site.times += 1;
    }
    site.finish()
}

fn read_only(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    needs_root("running the program as another user")?;
    needs("setpriv", "util-linux")?;
    let mut site = Site::new(bed, engine)?;
    site.run_as_nobody()?;
    site.drop("rows", Kind::Csv, 500)?;
    site.settle(PATIENCE)?;
    site.stop()?;
    let file = site.path("data/warehouse.db");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o444))?;
    site.drop("rows", Kind::Csv, 500)?;
    if site.start()?.wait(Duration::from_secs(3))?.is_some() {
        site.notes.push("it ends at the start, and says why".to_owned());
    }
    site.stop_whatever_it_says()?;
    // Those beside it get its mode when they are made.
    for ending in ["", "-wal", "-shm"] {
        let file = site.path(&format!("data/warehouse.db{ending}"));
        if file.exists() {
            std::fs::set_permissions(file, PermissionsExt::from_mode(0o644))?;
        }
    }
    site.settle(PATIENCE)?;
    site.times = 1;
    site.finish()
}

fn long_reader(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    site.drop("rows", Kind::Csv, 1000)?;
    site.settle(PATIENCE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut reader = runtime.block_on(SqliteConnection::connect(&site.url))?;
    runtime.block_on(reader.execute("begin"))?;
    runtime.block_on(reader.execute("select count(*) from staging__rows"))?;
    let log = site.path("data/warehouse.db-wal");
    let size = || std::fs::metadata(&log).map_or(0, |meta| meta.len() >> 20);
    let (mut most, mut bytes) = (0, 0);
    let end = Instant::now() + Duration::from_secs(bed.options.times(6, 300) as u64);
    while Instant::now() < end {
        let file = site.drop("rows", Kind::Csv, 100_000)?;
        bytes += std::fs::metadata(site.imports.join(&file)).map_or(0, |meta| meta.len() >> 20);
        drop_some(&mut site, 3)?;
        site.is_idle(PATIENCE);
        most = most.max(size());
    }
    runtime.block_on(reader.execute("rollback"))?;
    runtime.block_on(reader.close())?;
    site.drop("rows", Kind::Csv, 1000)?;
    site.settle(PATIENCE)?;
    crate::daemon::until(Duration::from_secs(5), || size() <= 64);
    site.notes.push(format!("the log grew to {most} MiB while {bytes} MiB were loaded, and is {} MiB after", size()));
    site.times = 1;
    site.finish()
}
