//! Several programs at once on one folder and one database.

use std::time::Duration;

use rustix::process::Signal;

use crate::bed::{Bed, Engine};
use crate::daemon::PATIENCE;
use crate::kills::drop_some;
use crate::make::Kind;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "three-daemons",
        about: "three daemons on one folder and one database, --once and --pipeline meanwhile, two of them killed",
        engines: BOTH,
        run: three_daemons,
    },
    Fault {
        name: "stopped-and-continued",
        about: "a daemon is stopped in the middle of a load (SIGSTOP), another one starts, then the first goes on",
        engines: BOTH,
        run: stopped_and_continued,
    },
];

fn three_daemons(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    std::fs::create_dir_all(site.path("sql/pipeline"))?;
    std::fs::write(
        site.path("sql/pipeline/word.sql"),
        "/*\nkind: dimension\nkey: [id]\n*/\nselect id, word from staging.rows\n",
    )?;
    site.drop("rows", Kind::Csv, 100)?;
    site.settle(PATIENCE)?;
    for round in 0..bed.options.times(2, 20) {
        let mut others = vec![site.another(&[])?, site.another(&[])?];
        let mut commands = Vec::new();
        for _ in 0..8 {
            drop_some(&mut site, 4)?;
            commands.push(site.another(&["--once"])?);
            commands.push(site.another(&["--pipeline"])?);
            std::thread::sleep(Duration::from_millis(bed.chance(250)));
        }
        if round % 2 == 1 {
            others.remove(0).kill()?;
        }
        for command in &mut commands {
            let status = command.wait(PATIENCE)?;
            // 3 and 1 are what bad files give.
            if !status.is_some_and(|status| matches!(status.code(), Some(0 | 1 | 3))) {
                site.wrong.push(format!("a command ended with {status:?}"));
            }
            site.wrong.extend(command.log().lines().filter(|line| line.starts_with("error:")).map(str::to_owned));
        }
        site.settle(PATIENCE)?;
        for mut other in others {
            other.terminate()?;
        }
        site.times += 1;
    }
    for word in ["database is locked", "deadlock"] {
        if site.log().contains(word) {
            site.wrong.push(format!("somebody says: {word}"));
        }
    }
    site.finish()
}

fn stopped_and_continued(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    for round in 0..bed.options.times(2, 10) as u64 {
        let big = site.drop("rows", Kind::Csv, 200_000)?;
        let mut first = site.another(&[])?;
        first.wait_for(&["INFO loading", &big], PATIENCE)?;
        std::thread::sleep(Duration::from_millis(60 * round));
        first.signal(Signal::STOP)?;
        site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
        for _ in 0..5 {
            site.drop("rows", Kind::Csv, 500)?;
            site.drop("again", Kind::Csv, 500)?;
        }
        std::thread::sleep(Duration::from_secs(bed.options.times(2, 65) as u64));
        first.signal(Signal::CONT)?;
        site.settle(PATIENCE)?;
        first.terminate()?;
        site.stop()?;
        site.times += 1;
    }
    site.finish()
}
