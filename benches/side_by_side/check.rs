//! How long `app check` looks at a file.

use crate::Bench;
use crate::child;
use crate::data::Kind;
use crate::project::{Engine, Project};
use crate::report::{Figure, Goal, Measure, Report};

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let rows = bench.options.rows;
    let file = bench.data(Kind::Lineitem, rows)?.canonicalize()?;
    let bytes = file.metadata()?.len();
    let mut measure = Measure::new("`app check`", rows, bytes);
    for _ in 0..bench.options.runs {
        let project = Project::new(bench, Engine::Sqlite)?;
        let ran = child::run(project.app(&["check"]).arg(&file))?;
        anyhow::ensure!(ran.stdout.contains(&format!("rows: {rows} read = {rows} to load")), "{}", ran.stdout);
        measure.add(&ran);
    }
    let figures = vec![
        Figure::new("seconds", measure.median(), Goal::AtMost(1.5)),
        Figure::new("peak memory in MiB", measure.peak(), Goal::AtMost(96.0)),
    ];
    Ok(Report { case: "check", about: format!("{:.0} MB", bytes as f64 / 1e6), measures: vec![measure], figures })
}
