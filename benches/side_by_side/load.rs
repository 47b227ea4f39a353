//! One large file into a new table: Sluice beside the database's own way, in turn.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use crate::child::{self, Ran};
use crate::data::Kind;
use crate::machine;
use crate::project::{Engine, Project};
use crate::report::{Figure, Goal, Measure, Report, thousands};
use crate::{Bench, sql};

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let rows = bench.options.rows;
    let file = bench.data(Kind::Lineitem, rows)?;
    let bytes = file.metadata()?.len();
    let measure = |name: &str| Measure::new(name, rows, bytes);
    let mut postgres = bench.cluster.is_some().then(|| (measure("Sluice, PostgreSQL"), measure("`psql \\copy`")));
    let mut sqlite = measure("Sluice, SQLite");
    let mut import = installed("sqlite3", machine::sqlite3()).then(|| measure("`sqlite3 .import`"));
    let mut duckdb = installed("DuckDB's Python package", machine::duckdb()).then(|| measure("DuckDB"));
    for _ in 0..bench.options.runs {
        if let Some((sluice, copy)) = &mut postgres {
            let (by_sluice, by_copy) = postgres_pair(bench, &file)?;
            sluice.add(&by_sluice);
            copy.add(&by_copy);
        }
        let project = Project::new(bench, Engine::Sqlite)?;
        project.put(&file, "lineitem.csv")?;
        sqlite.add(&project.once(rows)?);
        drop(project);
        if let Some(import) = &mut import {
            import.add(&by_import(bench, &file)?);
        }
        if let Some(duckdb) = &mut duckdb {
            duckdb.add(&by_duckdb(bench, &file)?);
        }
    }

    let mut figures = Vec::new();
    if let Some((sluice, copy)) = &postgres {
        let ratio = sluice.median() / copy.median();
        figures.push(Figure::new("PostgreSQL: Sluice / `\\copy`, wall", ratio, Goal::AtMost(0.5)));
    }
    if let Some(import) = &import {
        let ratio = sqlite.median() / import.median();
        figures.push(Figure::new("SQLite: Sluice / `.import`, wall", ratio, Goal::AtMost(0.45)));
    }
    if let Some(duckdb) = &duckdb {
        figures.push(Figure::new("SQLite: Sluice / DuckDB, wall", sqlite.median() / duckdb.median(), None));
    }
    let (sluice, copy) = postgres.unzip();
    let measures = [sluice, copy, Some(sqlite), import, duckdb].into_iter().flatten().collect();
    let about = format!("{} rows of TPC-H lineitem, {:.0} MB", thousands(rows as f64), bytes as f64 / 1e6);
    Ok(Report { case: "load", about, measures, figures })
}

fn installed(what: &str, version: Option<String>) -> bool {
    if version.is_none() {
        eprintln!("{what} is left out: it is not installed");
    }
    version.is_some()
}

/// Sluice, then `\copy` into a table like the one that Sluice made, in a database of its own.
fn postgres_pair(bench: &Bench, file: &Path) -> anyhow::Result<(Ran, Ran)> {
    let rows = bench.options.rows;
    let project = Project::new(bench, Engine::Postgres)?;
    project.put(file, "lineitem.csv")?;
    let by_sluice = project.once(rows)?;
    // The statement that makes the table is built where the table is.
    let columns = "select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
                   from pg_attribute where attrelid = 'staging.lineitem'::regclass and attnum > 0 and attname not like '\\_%'";
    let columns = sql::text(&project.url, columns)?;
    drop(project);

    let project = Project::new(bench, Engine::Postgres)?;
    sql::execute(&project.url, &format!("create table lineitem ({columns})"))?;
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", &project.url, "-c"]);
    psql.arg(format!("\\copy lineitem from '{}' with (format csv, header)", file.display()));
    let by_copy = child::run(&mut psql)?;
    ensure!(sql::number(&project.url, "select count(*) from lineitem")? == rows as i64, "\\copy lost rows");
    Ok((by_sluice, by_copy))
}

/// Every column text, in a new file.
fn by_import(bench: &Bench, file: &Path) -> anyhow::Result<Ran> {
    let project = Project::new(bench, Engine::Sqlite)?;
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(project.path("warehouse.db")).arg(format!(".import --csv \"{}\" lineitem", file.display()));
    let ran = child::run(&mut sqlite)?;
    let count = sql::number(&project.url, "select count(*) from lineitem")?;
    ensure!(count == bench.options.rows as i64, ".import lost rows");
    Ok(ran)
}

/// Types found by DuckDB, in a new file of its own kind; the start of Python counts.
fn by_duckdb(bench: &Bench, file: &Path) -> anyhow::Result<Ran> {
    let project = Project::new(bench, Engine::Sqlite)?;
    let script = "import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute('create table lineitem as from read_csv(?)', [sys.argv[2]])
connection.close()";
    child::run(Command::new(machine::python()).args(["-c", script]).arg(project.path("lineitem.duckdb")).arg(file))
}
