//! The whole program beside others that load the same files: one process for each run, as a user starts it, each time into a
//! database of its own. `scripts/bench` builds the program and starts this; nothing of the program is called from here.

mod check;
mod child;
mod cluster;
mod data;
#[path = "../../tests/support/engine.rs"]
mod engine;
mod idle;
#[path = "../../tests/support/installed.rs"]
mod installed;
mod load;
mod machine;
mod memory;
mod options;
mod project;
mod report;
mod small;
mod sql;
mod star;
mod upsert;

use std::path::PathBuf;

use anyhow::Context;

use cluster::Cluster;
use options::{Case, Options};
use project::Engine;
use report::Report;

/// What every case stands on.
struct Bench {
    options: Options,
    /// The program, built without the tests' features.
    app: PathBuf,
    /// Where data is kept between runs, and projects while they run.
    folder: PathBuf,
    cluster: Option<Cluster>,
}

impl Bench {
    fn engines(&self) -> Vec<Engine> {
        let postgres = self.cluster.is_some().then_some(Engine::Postgres);
        postgres.into_iter().chain([Engine::Sqlite]).collect()
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // What makes the data holds much in memory, and a child's peak counts from its parent's: so it is a process of its own.
    if let [make, kind, rows, path] = arguments.as_slice()
        && make == data::MAKE
    {
        return data::make(kind, rows.parse()?, path.as_ref());
    }
    let options = Options::read(&arguments)?;
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let app = variable("BENCH_APP").context("BENCH_APP is not set: run scripts/bench")?;
    let folder = variable("BENCH_FOLDER").context("BENCH_FOLDER is not set: run scripts/bench")?;
    let needs_database = options.cases.iter().any(|case| *case != Case::Check);
    let cluster = if needs_database { Cluster::start().context("cannot start PostgreSQL")? } else { None };
    let bench = Bench { options, app, folder, cluster };
    if needs_database && bench.cluster.is_none() {
        eprintln!("PostgreSQL is left out: no initdb, postgres and psql found");
    }
    let machine = machine::describe();
    for case in &bench.options.cases {
        let report: Report = match case {
            Case::Load => load::run(&bench),
            Case::Memory => memory::run(&bench),
            Case::Check => check::run(&bench),
            Case::Small => small::run(&bench),
            Case::Idle => idle::run(&bench),
            Case::Upsert => upsert::run(&bench),
            Case::Star => star::run(&bench),
        }
        .with_context(|| format!("the case {}", case.word()))?;
        let command = format!("scripts/bench {}", bench.options.shown(*case));
        print!("{}", report.markdown(&machine, &command));
        report.write("benches/results".as_ref(), &machine, &command)?;
    }
    Ok(())
}
