//! The server fails over to a standby that lacks its last commits: what was acknowledged is gone. What is kept in the archive comes
//! back; what was deleted is named.

use std::time::Duration;

use anyhow::Context;

use crate::bed::{Bed, Engine};
use crate::books::Expect;
use crate::daemon::{PATIENCE, until};
use crate::make::Kind;
use crate::proxy::Proxy;
use crate::report::Row;
use crate::server::{Server, Stop};
use crate::site::Site;
use crate::{Fault, POSTGRES, sql};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "promotion-archive",
        about: "a standby without the last commits is promoted; loaded files are kept in archive/: nothing is lost",
        engines: POSTGRES,
        run: |bed, engine| promotion(bed, engine, "kept", Expect::Rows),
    },
    Fault {
        name: "promotion-delete",
        about: "the same, loaded files were deleted: the daemon names each that the server lost",
        engines: POSTGRES,
        run: |bed, engine| promotion(bed, engine, "rows", Expect::RowsOrNamed),
    },
];

fn promotion(bed: &Bed, engine: Engine, stem: &'static str, expect: Expect) -> anyhow::Result<Row> {
    let mut sum = Row::default();
    for _ in 0..bed.options.times(1, 5) {
        sum.add(one_promotion(bed, engine, stem, expect)?);
    }
    Ok(sum)
}

fn one_promotion(bed: &Bed, engine: Engine, stem: &'static str, expect: Expect) -> anyhow::Result<Row> {
    let primary = Server::new(&[])?;
    let url = primary.new_database()?;
    let name = url.rsplit('/').next().context("an address without a database")?.to_owned();
    // The daemon's way to whichever server is the primary, and the standby's way to it.
    let (front, stream) = (Proxy::start(primary.port)?, Proxy::start(primary.port)?);
    let standby = primary.standby(stream.port)?;
    standby.start()?;
    let mut site = Site::at(bed, engine, url)?;
    site.set("DATABASE_URL", primary.url_of(&name, front.port));
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    for _ in 0..5 {
        site.drop(stem, Kind::Csv, 500)?;
    }
    site.settle(PATIENCE)?;
    // All of that is with the standby, what follows is not.
    let catching_up =
        "select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 1)::bigint from pg_stat_replication";
    let has_all = || sql::number(&primary.maintenance(), catching_up).is_ok_and(|behind| behind == 0);
    anyhow::ensure!(until(Duration::from_secs(20), has_all), "the standby does not catch up");
    stream.close();
    for _ in 0..5 {
        site.drop(stem, Kind::Csv, 500)?;
    }
    site.settle(PATIENCE)?;
    for one in site.dropped.iter_mut().skip(5) {
        one.expect = expect;
    }
    front.close();
    primary.stop(Stop::Immediate);
    standby.promote()?;
    front.open(standby.port);
    site.url = standby.url_of(&name, standby.port);
    sql::execute(&site.url, "select 1")?;
    for _ in 0..5 {
        site.drop(stem, Kind::Csv, 500)?;
    }
    site.settle(PATIENCE)?;
    // What is brought back is loaded a little later.
    let table = engine.staging(stem);
    let all = 15 * 500;
    let count = format!("select count(*) from {table}");
    let is_back = until(Duration::from_secs(10), || sql::number(&site.url, &count).is_ok_and(|rows| rows == all));
    let back = sql::number(&site.url, &count)?;
    if !is_back {
        site.notes.push(format!("the standby lacked 5 loads; {} of {all} rows are there", back));
    }
    site.times = 1;
    site.finish()
}
