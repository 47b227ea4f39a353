//! The daemon with many loads behind it: what it costs while nothing comes, and how soon it takes what comes.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::data::{Kind, SMALL_ROWS};
use crate::project::{Engine, Project};
use crate::report::{Figure, Goal, Report, mebibytes, median, thousands};
use crate::{Bench, sql};

/// Loads in the ledger.
const LOADS: u64 = 100_000;

/// How long nothing comes.
const IDLE: Duration = Duration::from_secs(20);

/// Ticks a second in which `/proc` counts time: Linux's USER_HZ.
const TICKS: f64 = 100.0;

/// Longer than a daemon takes to start.
const START: Duration = Duration::from_secs(3);

/// Longer than a small file takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let runs = bench.options.runs;
    let folder = bench.data(Kind::Small, bench.options.rows / 2)?;
    let mut files: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    ensure!(files.len() > 2 * runs, "fewer files than runs: use more --rows");
    let mut figures = Vec::new();
    for engine in bench.engines() {
        let project = Project::new(bench, engine)?;
        let name = engine.name();
        project.put(&files[0], "part.00000.csv")?;
        project.once(SMALL_ROWS)?;
        fill_ledger(&project)?;
        let daemon = Daemon::start(&project)?;
        std::thread::sleep(START);
        let before = daemon.cpu_seconds()?;
        std::thread::sleep(IDLE);
        let used = daemon.cpu_seconds()? - before;
        eprintln!("{name}: {used:.2} s of CPU in {} s", IDLE.as_secs());
        figures.push(Figure::new(format!("{name}: CPU seconds in {} idle seconds", IDLE.as_secs()), used, None));
        let (mut renamed, mut copied) = (Vec::new(), Vec::new());
        for pair in files[1..=2 * runs].chunks(2) {
            renamed.push(seconds_until_gone(&project, &pair[0], Way::Renamed)?);
            copied.push(seconds_until_gone(&project, &pair[1], Way::Copied)?);
        }
        eprintln!("{name}: gone after {renamed:.3?} s when renamed in, {copied:.3?} s when copied in");
        let what = format!("{name}: seconds from renamed in to gone");
        figures.push(Figure::new(what, median(&renamed), Goal::AtMost(1.0)));
        let what = format!("{name}: seconds from copied in to gone (`SETTLE_SECONDS` is 4)");
        figures.push(Figure::new(what, median(&copied), None));
        figures.push(Figure::new(format!("{name}: peak memory in MiB"), mebibytes(daemon.peak()?), Goal::AtMost(96.0)));
    }
    let about = format!("the daemon with {} loads in its ledger", thousands(LOADS as f64));
    Ok(Report { case: "idle", about, measures: Vec::new(), figures })
}

/// Writes the first load down again and again, each time as of another content.
fn fill_ledger(project: &Project) -> anyhow::Result<()> {
    let (numbers, hash) = match project.engine {
        Engine::Postgres => (format!("generate_series(1, {LOADS}) as series(n)"), "lpad(to_hex(n), 64, '0')"),
        Engine::Sqlite => {
            let numbers = format!(
                "(with recursive series(n) as (select 1 union all select n + 1 from series where n < {LOADS}) select n from series)"
            );
            (numbers, "printf('%064x', n)")
        }
    };
    let table = project.engine.catalog("load");
    let same = "dataset, bytes, rows_read, rows_loaded, rows_rejected, rows_duplicate, rows_filtered, rows_padded,
                rows_extended, status, repeat, dialect, \"columns\", started_at, finished_at";
    let sql = format!(
        "insert into {table} (source, hash, {same})
         select 'part.x' || n || '.csv', {hash}, {same} from {table}, {numbers} where id = 1"
    );
    sql::execute(&project.url, &sql)?;
    let loads = sql::number(&project.url, &format!("select count(*) from {table}"))?;
    ensure!(loads == LOADS as i64 + 1, "the ledger has {loads} loads");
    Ok(())
}

/// How a file comes into the folder.
enum Way {
    Renamed,
    Copied,
}

fn seconds_until_gone(project: &Project, file: &Path, way: Way) -> anyhow::Result<f64> {
    let name = file.file_name().context("a file without a name")?.to_string_lossy();
    let (imports, hidden) = (project.path("imports"), format!(".{name}"));
    let started = match way {
        Way::Renamed => {
            project.put(file, &hidden)?;
            let started = Instant::now();
            std::fs::rename(imports.join(&hidden), imports.join(&*name))?;
            started
        }
        Way::Copied => {
            let started = Instant::now();
            project.put(file, &name)?;
            started
        }
    };
    // While it is loaded it lies in `.sluice/<program>/<claim>/`.
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_there = || {
        let mut claims = entries(&imports.join(".sluice")).flat_map(|program| entries(&program).collect::<Vec<_>>());
        imports.join(&*name).exists() || claims.next().is_some()
    };
    while is_there() {
        if started.elapsed() > PATIENCE {
            let log = std::fs::read_to_string(project.path("daemon.log"))?;
            bail!("{name} is still there:\n{log}");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(started.elapsed().as_secs_f64())
}

/// A running daemon; asked to stop when it is dropped.
struct Daemon(Child);

impl Daemon {
    fn start(project: &Project) -> anyhow::Result<Daemon> {
        let mut command = project.app(&["--watch"]);
        let log = std::fs::File::create(project.path("daemon.log"))?;
        Ok(Daemon(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?))
    }

    /// What it used of all cores since it started.
    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let line = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name stands in parentheses and may hold anything; user and system time are fields 14 and 15.
        let fields: Vec<_> = line.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).context("no times in stat");
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }

    fn peak(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no peak in status")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no peak in status")?.parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}
