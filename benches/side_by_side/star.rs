//! A star over lineitem: the first build beside the same tables made by hand, then a run after 1 % new rows, and one with nothing new.
//! Beside it one whose fact has a grain of members.

mod members;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use crate::Bench;
use crate::child::{self, Ran};
use crate::data::Kind;
use crate::project::{Engine, Project};
use crate::report::{Figure, Goal, Measure, Report, thousands};
use crate::sql;

/// The fact has three times as many rows as the files of the other cases.
const TIMES: u64 = 3;

/// A build takes a while, and varies little.
const RUNS: usize = 3;

const FILES: [(&str, &str); 5] = [
    (
        "dim_part",
        "/*\nkind: dimension\nkey: [p_partkey]\n*/\nselect p_partkey, p_name, p_brand, p_type, p_size from staging.part",
    ),
    ("dim_supplier", "/*\nkind: dimension\nkey: [s_suppkey]\n*/\nselect s_suppkey, s_name, s_acctbal from staging.supplier"),
    ("dim_mode", "/*\nkind: dimension\nkey: [mode]\n*/\nselect mode, is_fast from staging.mode"),
    ("dim_date", "/*\nkind: calendar\nfrom: 1992-01-01\nto: 1998-12-31\n*/\n"),
    (
        "fact_line",
        "/*
kind: fact
grain: [l_orderkey, l_linenumber]
dimensions:
  l_partkey: {dimension: dim_part, role: part}
  l_suppkey: {dimension: dim_supplier, role: supplier}
  l_shipmode: {dimension: dim_mode, role: mode}
  l_shipdate: {dimension: dim_date, role: ship_date}
*/
select l_orderkey, l_linenumber, l_partkey, l_suppkey, l_shipmode, l_shipdate, l_quantity, l_extendedprice, l_discount, l_tax
from staging.lineitem",
    ),
];

const MODES: &str =
    "mode,is_fast\nAIR,true\nFOB,false\nMAIL,false\nRAIL,false\nREG AIR,true\nSHIP,false\nTRUCK,false\n";

pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let rows = bench.options.rows * TIMES;
    let lineitem = bench.data(Kind::Lineitem, rows)?;
    let more = bench.data(Kind::More, rows)?;
    let (mut measures, mut figures) = (Vec::new(), Vec::new());
    for engine in bench.engines() {
        let measure = |what: &str, rows: u64| Measure::new(format!("{}, {what}", engine.name()), rows, 0);
        let (mut hand, mut first) = (measure("by hand", rows), measure("first build", rows));
        let (mut added, mut nothing) = (measure("1 % new", rows / 100), measure("nothing new", 0));
        for _ in 0..bench.options.runs.min(RUNS) {
            let project = Project::new(bench, engine)?;
            for (name, text) in FILES {
                fs::create_dir_all(project.path("sql/pipeline"))?;
                fs::write(project.path(&format!("sql/pipeline/{name}.sql")), text)?;
            }
            project.put(&bench.data(Kind::Part, rows)?, "part.csv")?;
            project.put(&bench.data(Kind::Supplier, rows)?, "supplier.csv")?;
            fs::write(project.path("imports/mode.csv"), MODES)?;
            project.put(&lineitem, "lineitem.csv")?;
            child::run(&mut project.app(&["--once"]))?;
            // Statistics as they are on any table that has stood for a while.
            if engine == Engine::Postgres {
                sql::execute(&project.url, "vacuum analyze")?;
            }
            rest(bench)?;
            hand.add(&by_hand(&project)?);
            rest(bench)?;
            first.add(&child::run(&mut project.app(&["--pipeline", "--json"]))?);
            same(&project, rows)?;
            nothing.add(&child::run(&mut project.app(&["--pipeline", "--json"]))?);
            project.put(&more, "lineitem.2.csv")?;
            project.once(rows / 100)?;
            rest(bench)?;
            let ran = child::run(&mut project.app(&["--pipeline", "--json"]))?;
            ensure!(ran.stdout.contains("1 load new"), "the rows were not added from the new load: {}", ran.stdout);
            added.add(&ran);
            project.expect(&format!("select count(*) from {}", fact(engine)), rows + rows / 100)?;
        }
        let name = engine.name();
        let figure = |what: &str, is: f64, goal: f64| Figure::new(format!("{name}: {what}"), is, Goal::AtMost(goal));
        figures.extend([
            figure("first build / by hand, wall", first.median() / hand.median(), 1.3),
            figure("1 % new / first build, wall", added.median() / first.median(), 0.03),
            figure("nothing new, seconds", nothing.median(), 0.2),
            figure("peak memory in MiB", first.peak().max(added.peak()), 64.0),
        ]);
        measures.extend([hand, first, added, nothing]);
        let (of_members, against) = members::run(bench, engine, bench.options.runs.min(RUNS))?;
        measures.extend(of_members);
        figures.extend(against);
    }
    let about = format!(
        "{} rows of lineitem with four dimensions, {} rows with a grain of three members",
        thousands(rows as f64),
        thousands(members::rows(bench) as f64)
    );
    Ok(Report { case: "star", about, measures, figures })
}

/// Nobody pays for what was written before.
fn rest(bench: &Bench) -> anyhow::Result<()> {
    bench.cluster.as_ref().map_or(Ok(()), |cluster| cluster.checkpoint())
}

fn by_hand(project: &Project<'_>) -> anyhow::Result<Ran> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/side_by_side/star");
    match project.engine {
        Engine::Postgres => {
            let mut psql = Command::new("psql");
            psql.args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", &project.url, "-f"]);
            child::run(psql.arg(script.join("postgres.sql")))
        }
        Engine::Sqlite => {
            let mut sqlite = Command::new("sqlite3");
            sqlite.args(["-bail", "-cmd"]).arg(format!(".read {}", script.join("sqlite.sql").display()));
            child::run(sqlite.arg(project.path("warehouse.db")).arg("select 1"))
        }
    }
}

/// Both stars say the same, row by row.
fn same(project: &Project<'_>, rows: u64) -> anyhow::Result<()> {
    let hand = match project.engine {
        Engine::Postgres => "hand.fact_line",
        Engine::Sqlite => "hand__fact_line",
    };
    let same = ["part_key", "supplier_key", "mode_key", "ship_date_key", "_line"]
        .map(|column| format!("f.{column} = h.{column}"))
        .join(" and ");
    project.expect(
        &format!(
            "select count(*) from {} as f join {hand} as h on f.l_orderkey = h.l_orderkey and f.l_linenumber = h.l_linenumber where {same}",
            fact(project.engine)
        ),
        rows,
    )?;
    match project.engine {
        Engine::Postgres => sql::execute(&project.url, "drop schema hand cascade"),
        Engine::Sqlite => {
            let tables = ["fact_line", "dim_part", "dim_supplier", "dim_mode", "dim_date"];
            tables.iter().try_for_each(|table| sql::execute(&project.url, &format!("drop table hand__{table}")))
        }
    }
}

fn fact(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "datawarehouse.fact_line",
        Engine::Sqlite => "datawarehouse__fact_line",
    }
}
