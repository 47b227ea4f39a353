//! The most memory that a load has at once, for a file and for one three times as large.

use crate::Bench;
use crate::data::Kind;
use crate::project::Project;
use crate::report::{Figure, Goal, Measure, Report};

/// Memory varies little from run to run.
const RUNS: usize = 3;

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let (mut measures, mut figures, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for rows in [bench.options.rows, bench.options.rows * 3] {
        let file = bench.data(Kind::Lineitem, rows)?;
        let bytes = file.metadata()?.len();
        let size = format!("{:.0} MB", bytes as f64 / 1e6);
        for engine in bench.engines() {
            let mut measure = Measure::new(format!("{}, {size}", engine.name()), rows, bytes);
            for _ in 0..bench.options.runs.min(RUNS) {
                let project = Project::new(bench, engine)?;
                project.put(&file, "lineitem.csv")?;
                measure.add(&project.once(rows)?);
            }
            let what = format!("peak memory in MiB: {}", measure.name);
            figures.push(Figure::new(what, measure.peak(), Goal::AtMost(96.0)));
            measures.push(measure);
        }
        sizes.push(size);
    }
    Ok(Report { case: "memory", about: format!("files of {}", sizes.join(" and ")), measures, figures })
}
