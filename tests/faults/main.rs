//! Faults done to the real program, one after the other, on both engines: it is killed, its database and its disk are taken away,
//! files are bad, hostile or changed under its hands. Afterwards every file that was dropped is looked for: its rows are there once,
//! or it lies in `failed/` with the reason. What sleeps here lets a fault fall at a random moment, or last; no
//! result is waited for so. `scripts/test-faults` builds the program and starts this.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[expect(dead_code, reason = "the integration tests look at more of it")]
#[path = "../support/api.rs"]
mod api;
mod bed;
mod bombs;
mod books;
mod changed;
mod company;
mod counting;
mod cut;
mod daemon;
mod embedded;
#[path = "../support/engine.rs"]
mod engine;
mod hostile;
mod intruder;
mod kills;
mod make;
mod mount;
mod network;
mod options;
mod outages;
mod places;
mod points;
mod power;
mod promotion;
mod proxy;
mod pulls;
mod report;
mod restored;
mod server;
mod silent;
mod site;
mod soak;
#[path = "../../benches/side_by_side/sql.rs"]
mod sql;
mod syscalls;
mod windows;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bed::{Bed, Engine, Skipped};
use options::Options;
use report::{Report, Row};

/// One way in which things go wrong.
#[derive(Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    pub engines: &'static [Engine],
    pub run: fn(&Bed, Engine) -> anyhow::Result<Row>,
}

pub const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];
pub const POSTGRES: &[Engine] = &[Engine::Postgres];
pub const SQLITE: &[Engine] = &[Engine::Sqlite];

/// Every fault, in the order in which they are run.
fn faults() -> Vec<Fault> {
    [
        counting::FAULTS,
        points::FAULTS,
        kills::FAULTS,
        windows::FAULTS,
        pulls::FAULTS,
        cut::FAULTS,
        outages::FAULTS,
        silent::FAULTS,
        embedded::FAULTS,
        power::FAULTS,
        promotion::FAULTS,
        restored::FAULTS,
        syscalls::FAULTS,
        places::FAULTS,
        changed::FAULTS,
        company::FAULTS,
        hostile::FAULTS,
        bombs::FAULTS,
        intruder::FAULTS,
        soak::FAULTS,
    ]
    .concat()
}

fn main() -> anyhow::Result<()> {
    if let Some(folder) = std::env::var_os(windows::SOURCE) {
        return windows::work(folder.into());
    }
    let options = Options::read(std::env::args().skip(1))?;
    let faults = faults();
    if options.list {
        for fault in &faults {
            println!("{:<28} {}", fault.name, fault.about);
        }
        return Ok(());
    }
    let chosen: Vec<_> = faults.iter().filter(|fault| options.takes(fault.name)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no fault of that name: scripts/test-faults --list");
    let bed = Bed::new(options)?;
    let jobs: Vec<_> =
        chosen.iter().flat_map(|fault| fault.engines.iter().map(move |engine| (*fault, *engine))).collect();
    let jobs: Vec<_> =
        jobs.into_iter().filter(|(_, engine)| bed.options.engine.is_none_or(|only| only == *engine)).collect();
    let (next, report) = (AtomicUsize::new(0), Mutex::new(Report::default()));
    std::thread::scope(|scope| {
        for _ in 0..bed.options.jobs {
            scope.spawn(|| {
                while let Some((fault, engine)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let (row, took) = run(&bed, fault, *engine);
                    report.lock().unwrap().add(fault.name, *engine, row, took);
                }
            });
        }
    });
    let mut report = report.into_inner()?;
    if jobs.iter().any(|(_, engine)| *engine == Engine::Postgres) {
        report.server =
            sql::text(&bed.server()?.maintenance(), "select 'PostgreSQL ' || current_setting('server_version')")?;
    }
    bed.end();
    report.sort_by(&|fault| faults.iter().position(|one| one.name == fault));
    print!("{}", report.markdown());
    report.write(&bed.folder.join("faults.json"))?;
    std::process::exit(i32::from(!report.is_good()));
}

fn run(bed: &Bed, fault: &Fault, engine: Engine) -> (Row, Duration) {
    let started = Instant::now();
    bed.begin_chance(fault.name, engine);
    let row = (fault.run)(bed, engine).unwrap_or_else(|error| match error.downcast::<Skipped>() {
        Ok(Skipped(why)) => Row::skipped(&why),
        Err(error) => Row::broken(&format!("{error:#}")),
    });
    (row, started.elapsed())
}
