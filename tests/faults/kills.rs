//! `kill -9` and SIGTERM at moments that chance chooses, while files of every kind arrive.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::bed::{Bed, Engine};
use crate::daemon::PATIENCE;
use crate::make::Kind;
use crate::report::Row;
use crate::site::{STEMS, Site};
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "killed-at-random",
        about: "kill -9 of the released program at random moments while files of every kind arrive",
        engines: BOTH,
        run: |bed, engine| killed_at_random(Site::new(bed, engine)?, bed.options.times(20, 200)),
    },
    Fault {
        name: "killed-at-first-start",
        about: "kill -9 while the first start makes the catalog in a new database",
        engines: BOTH,
        run: killed_at_first_start,
    },
    Fault {
        name: "killed-while-polling",
        about: "the same on a mount that sends no events (POLL=true)",
        engines: BOTH,
        run: |bed, engine| {
            let mut site = Site::new(bed, engine)?;
            site.set("POLL", "true");
            killed_at_random(site, bed.options.times(5, 50))
        },
    },
    Fault {
        name: "terminated",
        about: "SIGTERM in the middle of a big file, and twice",
        engines: BOTH,
        run: terminated,
    },
];

/// Drops a few files of kinds that chance chooses, some renamed in, some copied.
pub fn drop_some(site: &mut Site, most: u64) -> anyhow::Result<()> {
    for _ in 0..=site.bed.chance(most) {
        let stem = STEMS[site.bed.chance(4) as usize];
        let kind = match site.bed.chance(20) {
            0..9 => Kind::Csv,
            9..12 => Kind::Gzip,
            12..15 => Kind::Json,
            15..17 => Kind::Zip,
            17..18 => Kind::Workbook,
            variant => Kind::Bad((variant + site.bed.chance(6)) as usize),
        };
        let rows = [10, 200, 2000, 20_000][site.bed.chance(4) as usize];
        let rows = if matches!(kind, Kind::Workbook | Kind::Zip) { rows.min(500) } else { rows };
        if site.bed.chance(2) == 0 {
            site.drop(stem, kind, rows)?;
        } else {
            site.copy(stem, kind, rows)?;
        }
    }
    Ok(())
}

fn killed_at_random(mut site: Site<'_>, times: usize) -> anyhow::Result<Row> {
    for _ in 0..times {
        drop_some(&mut site, 6)?;
        let end = Instant::now() + Duration::from_millis(20 + site.bed.chance(900));
        site.start()?;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(site.bed.chance(150)));
            drop_some(&mut site, 3)?;
        }
        site.kill()?;
        site.times += 1;
    }
    site.finish()
}

fn killed_at_first_start(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut sum = Row::default();
    for n in 0..bed.options.times(12, 150) as u64 {
        let mut site = Site::new(bed, engine)?;
        site.drop("rows", Kind::Csv, 10)?;
        site.start()?;
        std::thread::sleep(Duration::from_millis(8 + if bed.options.long { n } else { n * 5 }));
        site.kill()?;
        site.times = 1;
        sum.add(site.finish().unwrap_or_else(|error| Row::broken(&format!("{error:#}"))));
    }
    Ok(sum)
}

fn terminated(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    for round in 0..bed.options.times(2, 10) {
        let file = site.drop("rows", Kind::Csv, 300_000)?;
        let daemon = site.start()?;
        daemon.wait_for(&["INFO loading", &file], PATIENCE)?;
        std::thread::sleep(Duration::from_millis(50 * round as u64));
        if round % 2 == 1 {
            // Whoever is impatient asks again.
            daemon.signal(Signal::TERM)?;
        }
        site.stop()?;
        site.times += 1;
    }
    site.finish()
}
