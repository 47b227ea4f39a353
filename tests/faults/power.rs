//! The power goes while a file is loaded: at each point of the path, and at random under load. The disks are loop devices whose file
//! system is shut down, so that what was not synced is gone.

use std::time::Duration;

use crate::bed::{Bed, Engine};
use crate::daemon::{PATIENCE, until};
use crate::kills::drop_some;
use crate::make::Kind;
use crate::mount::Mount;
use crate::points::points;
use crate::report::Row;
use crate::server::{Server, Stop};
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "power-cut-one-disk",
        about: "the power goes at each point of the path; imports, archive and database on one file system",
        engines: BOTH,
        run: |bed, engine| at_points(bed, engine, true),
    },
    Fault {
        name: "power-cut-two-disks",
        about: "the same with imports and database on two file systems",
        engines: BOTH,
        run: |bed, engine| at_points(bed, engine, false),
    },
    Fault {
        name: "power-cut-at-random",
        about: "the power goes at random moments while files of every kind arrive",
        engines: BOTH,
        run: at_random,
    },
];

/// The disks, what stands on them, and what has to be stopped with them.
struct Machine<'a> {
    site: Site<'a>,
    server: Option<Server>,
    disks: Vec<Mount>,
}

impl<'a> Machine<'a> {
    fn new(bed: &'a Bed, engine: Engine, one_disk: bool) -> anyhow::Result<Machine<'a>> {
        let sizes: &[u64] = if one_disk { &[384] } else { &[64, 320] };
        let disks = sizes.iter().map(|size| Mount::new(bed, *size)).collect::<anyhow::Result<Vec<_>>>()?;
        let (files, data) = (&disks[0].path, disks[disks.len() - 1].path.join("data"));
        std::fs::create_dir(&data)?;
        let (url, server) = match engine {
            Engine::Sqlite => (format!("sqlite://{}/warehouse.db", data.display()), None),
            Engine::Postgres => {
                let server = Server::in_folder(&data, &["min_wal_size=32MB", "max_wal_size=64MB"])?;
                (server.new_database()?, Some(server))
            }
        };
        let mut site = Site::at(bed, engine, url)?;
        site.imports = files.join("imports");
        std::fs::create_dir(&site.imports)?;
        site.set("IMPORTS_DIR", site.imports.clone());
        site.keep_in(&files.join("archive"))?;
        Ok(Machine { site, server, disks })
    }

    /// The disks can be written to. One that cannot, though nobody cut its power, gets it cut once more, and that is noted.
    fn check(&mut self) -> anyhow::Result<()> {
        let failed = self.disks.iter().find_map(|disk| disk.probe().err());
        failed.map_or(Ok(()), |error| {
            self.site.notes.push(format!("a disk failed by itself: {error}"));
            self.lose_power()
        })
    }

    /// What the partner's program has written is on the disk.
    fn sync(&self) -> anyhow::Result<()> {
        for disk in &self.disks {
            rustix::fs::syncfs(std::fs::File::open(&disk.path)?)?;
        }
        Ok(())
    }

    fn lose_power(&mut self) -> anyhow::Result<()> {
        for disk in &self.disks {
            disk.cut_power()?;
        }
        self.site.kill()?;
        if let Some(server) = &self.server {
            server.stop(Stop::Kill);
        }
        for disk in &self.disks {
            let mut done = disk.remount();
            // The kernel may still be clearing up after those that were killed.
            until(Duration::from_secs(10), || {
                done.is_ok() || {
                    done = disk.remount();
                    done.is_ok()
                }
            });
            done?;
        }
        if let Some(server) = &self.server {
            server.start()?;
        }
        self.site.times += 1;
        Ok(())
    }
}

const WAYS: [(&str, Kind, u64); 4] =
    [("rows", Kind::Csv, 2000), ("again", Kind::Csv, 2000), ("kept", Kind::Csv, 500), ("rows", Kind::Zip, 300)];

fn at_points(bed: &Bed, engine: Engine, one_disk: bool) -> anyhow::Result<Row> {
    let mut machine = Machine::new(bed, engine, one_disk)?;
    // What the start itself makes is not what is looked for.
    machine.site.drop("rows", Kind::Csv, 10)?;
    machine.site.settle(PATIENCE)?;
    machine.site.stop()?;
    for round in 0..bed.options.times(1, 5) {
        for (at, point) in points()?.iter().enumerate() {
            for way in 0..WAYS.len() {
                let (stem, kind, rows) = WAYS[(at + way + round) % WAYS.len()];
                machine.check()?;
                // Several, so that what is done to one has an effect on the next.
                let files = (0..2).map(|_| machine.site.drop(stem, kind, rows)).collect::<anyhow::Result<Vec<_>>>()?;
                machine.sync()?;
                let daemon = machine.site.start_armed("STOP_AT", &format!("{point}:{}", 1 + (at + way + round) % 2))?;
                until(Duration::from_secs(20), || {
                    daemon.is_stopped() || files.iter().all(|file| daemon.says(&[" loaded ", file]))
                });
                machine.lose_power()?;
                machine.site.settle(PATIENCE)?;
                machine.site.stop()?;
            }
        }
    }
    let Machine { site, server, disks } = machine;
    let row = site.finish();
    drop((server, disks));
    row
}

fn at_random(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut machine = Machine::new(bed, engine, false)?;
    for _ in 0..bed.options.times(4, 50) {
        machine.check()?;
        drop_some(&mut machine.site, 8)?;
        machine.sync()?;
        machine.site.start()?;
        std::thread::sleep(Duration::from_millis(50 + bed.chance(700)));
        machine.lose_power()?;
    }
    let Machine { mut site, server, disks } = machine;
    site.settle(PATIENCE)?;
    let row = site.finish();
    drop((server, disks));
    row
}
