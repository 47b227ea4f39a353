//! For half an hour or longer: files of every kind arrive, the program is killed, the database restarts. At the end the books are
//! balanced, and a daemon that was left in peace for the last third has neither grown nor kept files open.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::bed::{Bed, Engine};
use crate::daemon::PATIENCE;
use crate::kills::drop_some;
use crate::report::Row;
use crate::server::{Server, Stop};
use crate::site::Site;
use crate::{BOTH, Fault};

pub const FAULTS: &[Fault] = &[Fault {
    name: "soak",
    about: "--soak 30m: files of every kind, random kills, database restarts; memory and open files over time",
    engines: BOTH,
    run: soak,
}];

fn soak(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let whole = bed.options.soak.unwrap_or(Duration::from_secs(60));
    let server = if engine == Engine::Postgres { Some(Server::new(&[])?) } else { None };
    let url = server.as_ref().map(Server::new_database).transpose()?.unwrap_or_default();
    let mut site = Site::at(bed, engine, url)?;
    site.start()?.wait_for(&["INFO watching"], PATIENCE)?;
    let (started, mut looked, mut kills, mut restarts) = (Instant::now(), Instant::now(), 0, 0);
    let in_peace_from = whole * 2 / 3;
    let mut samples: Vec<(Duration, u64, usize)> = Vec::new();
    while started.elapsed() < whole {
        drop_some(&mut site, 4)?;
        std::thread::sleep(Duration::from_millis(bed.chance(400)));
        if started.elapsed() < in_peace_from && bed.chance(60) == 0 {
            site.kill()?;
            kills += 1;
        }
        if bed.chance(150) == 0
            && let Some(server) = &server
        {
            server.stop([Stop::Fast, Stop::Immediate][restarts % 2]);
            std::thread::sleep(Duration::from_millis(bed.chance(3000)));
            server.start()?;
            restarts += 1;
        }
        site.start()?;
        // What arrives faster than it can be loaded proves nothing more.
        if site.waiting().len() > 200 {
            site.is_idle(PATIENCE);
        }
        if looked.elapsed() > whole / 60 {
            looked = Instant::now();
            let daemon = site.daemon()?;
            if let Some((memory, _)) = daemon.memory() {
                samples.push((started.elapsed(), memory, daemon.open_files()));
            }
        }
    }
    site.is_idle(PATIENCE);
    let mut course = String::from("memory in MiB and open files over time:");
    for (at, memory, files) in samples.iter().step_by((samples.len() / 12).max(1)) {
        let _ = write!(course, " {:.0} s {memory}/{files}", at.as_secs_f64());
    }
    site.notes.push(format!("{kills} kills, {restarts} restarts of the server; {course}"));
    judge(&mut site, &samples, in_peace_from);
    site.times = kills + restarts;
    site.finish()
}

/// Of the daemon that was left in peace: its last quarter against its first.
fn judge(site: &mut Site<'_>, samples: &[(Duration, u64, usize)], from: Duration) {
    let own: Vec<_> = samples.iter().filter(|(at, _, _)| *at > from).collect();
    let quarter = own.len() / 4;
    if quarter == 0 {
        return;
    }
    let most = |part: &[&(Duration, u64, usize)]| {
        let (memory, files) = (part.iter().map(|one| one.1).max(), part.iter().map(|one| one.2).max());
        (memory.unwrap_or_default(), files.unwrap_or_default())
    };
    let (first, last) = (most(&own[..quarter]), most(&own[own.len() - quarter..]));
    if last.0 > first.0 * 3 / 2 + 32 {
        site.wrong.push(format!("memory grew from {} to {} MiB", first.0, last.0));
    }
    if last.1 > first.1 + 20 {
        site.wrong.push(format!("open files grew from {} to {}", first.1, last.1));
    }
}
