//! Many small files into one table: how many a second, and whether the last go as fast as the first.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::Bench;
use crate::child;
use crate::data::{Kind, SMALL_ROWS};
use crate::project::{Engine, Project};
use crate::report::{Figure, Goal, Measure, Report, median, thousands};

/// 10,000 files where a large one has 2,000,000 rows.
const ROWS_FOR_A_FILE: u64 = 200;

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let count = bench.options.rows / ROWS_FOR_A_FILE;
    let rows = count * SMALL_ROWS;
    let files = files(bench, rows)?;
    let bytes = files.iter().map(|file| Ok(file.metadata()?.len())).sum::<std::io::Result<u64>>()?;
    let (mut measures, mut figures) = (Vec::new(), Vec::new());
    let engines = bench.engines();
    let mut evenness = vec![Vec::new(); engines.len()];
    measures.extend(engines.iter().map(|engine| Measure::new(engine.name(), rows, bytes)));
    for _ in 0..bench.options.runs {
        for ((engine, measure), evenness) in engines.iter().zip(&mut measures).zip(&mut evenness) {
            let project = Project::new(bench, *engine)?;
            for file in &files {
                project.put(file, &file.file_name().context("a file without a name")?.to_string_lossy())?;
            }
            measure.add(&project.once(rows)?);
            evenness.push(last_against_first(&project, files.len())?);
        }
    }
    for ((engine, measure), evenness) in engines.iter().zip(&measures).zip(&evenness) {
        let (name, goal) = (engine.name(), if *engine == Engine::Sqlite { 400.0 } else { 250.0 });
        let rate = count as f64 / measure.median();
        figures.push(Figure::new(format!("{name}: files a second"), rate, Goal::AtLeast(goal)));
        let what = format!("{name}: rate of the last tenth / rate of the first tenth");
        figures.push(Figure::new(what, median(evenness), None));
        figures.push(Figure::new(format!("{name}: peak memory in MiB"), measure.peak(), Goal::AtMost(96.0)));
    }
    let about = format!("{} files of {SMALL_ROWS} rows", thousands(count as f64));
    Ok(Report { case: "small", about, measures, figures })
}

fn files(bench: &Bench, rows: u64) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<_> =
        std::fs::read_dir(bench.data(Kind::Small, rows)?)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

/// By the times at which the ledger says that loads were finished.
fn last_against_first(project: &Project, count: usize) -> anyhow::Result<f64> {
    let listed = child::run(&mut project.app(&["loads", "--json", "--limit", "1000000"]))?;
    let mut times = Vec::with_capacity(count);
    for line in listed.stdout.lines() {
        let load: Value = serde_json::from_str(line)?;
        let at: DateTime<Utc> = load["finished_at"].as_str().context("a load that is not finished")?.parse()?;
        times.push(at.timestamp_micros() as f64);
    }
    ensure!(times.len() == count, "the ledger has {} loads for {count} files", times.len());
    times.sort_by(f64::total_cmp);
    let (tenth, last) = (count / 10, count - 1);
    Ok((times[tenth] - times[0]) / (times[last] - times[last - tenth]))
}
