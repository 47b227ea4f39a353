//! A file whose rows are in the table already but for one in a hundred, beside the plain load of a file of its size.

use std::fs;

use crate::Bench;
use crate::data::Kind;
use crate::project::Project;
use crate::report::{Figure, Goal, Measure, Report, thousands};

const PLUGIN: &str = "\
name: lineitem
files: [\"lineitem*.csv\"]
table: lineitem
mode: upsert
key: [l_orderkey, l_linenumber]
";

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let rows = bench.options.rows;
    let (first, second) = (bench.data(Kind::Lineitem, rows)?, bench.data(Kind::Changed, rows)?);
    let (mut measures, mut figures) = (Vec::new(), Vec::new());
    for engine in bench.engines() {
        let measure = |what: &str| {
            Measure::new(format!("{}, {what}", engine.name()), rows, second.metadata().map_or(0, |file| file.len()))
        };
        let (mut plain, mut fill, mut again) =
            (measure("plain"), measure("upsert, new table"), measure("upsert, 1 % changed"));
        for _ in 0..bench.options.runs {
            let project = Project::new(bench, engine)?;
            project.put(&second, "lineitem.csv")?;
            plain.add(&project.once(rows)?);
            drop(project);

            let project = Project::new(bench, engine)?;
            fs::create_dir_all(project.path("plugins/lineitem"))?;
            fs::write(project.path("plugins/lineitem/plugin.yaml"), PLUGIN)?;
            project.put(&first, "lineitem.csv")?;
            fill.add(&project.once(rows)?);
            if let Some(cluster) = &bench.cluster {
                cluster.checkpoint()?;
            }
            project.put(&second, "lineitem.2.csv")?;
            again.add(&project.once(rows)?);
            project.expect(&format!("select count(*) from {}", engine.staging("lineitem")), rows)?;
            let changed =
                format!("select count(*) from {} where l_comment = 'another comment'", engine.staging("lineitem"));
            project.expect(&changed, rows.div_ceil(100))?;
        }
        let name = engine.name();
        let ratio = again.median() / plain.median();
        figures.push(Figure::new(
            format!("{name}: upsert with 1 % changed / plain load, wall"),
            ratio,
            Goal::AtMost(1.5),
        ));
        figures.push(Figure::new(
            format!("{name}: upsert into a new table / plain load, wall"),
            fill.median() / plain.median(),
            None,
        ));
        figures.push(Figure::new(format!("{name}: peak memory in MiB"), again.peak(), Goal::AtMost(96.0)));
        measures.extend([plain, fill, again]);
    }
    let about = format!("{} rows by a key of two columns, then again with 1 % changed", thousands(rows as f64));
    Ok(Report { case: "upsert", about, measures, figures })
}
