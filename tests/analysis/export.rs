//! `app export`: a table or view as a file, the same text on both engines.

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        both_engines_write_the_same_text,
        a_file_that_was_changed_loses_no_value,
        an_unknown_table_is_named_with_the_nearest;
}

const ROWS: &str = "id,price,ratio,ok,day,at,instant,note\n\
    1,1.10,1e-08,TRUE,2024-02-29,2024-02-29T10:00:00.5,2024-02-29T10:00:00Z,\"\"\n\
    2,-20.00,2.5e+300,FALSE,1850-01-01,2024-03-01T00:00:00,1850-01-01T00:00:00Z,x\n\
    3,,,,,,,\n";

const COMPUTED: &str = "select id, price * 2 as twice, ratio * 2 as double, price > 0 as positive, not ok as wrong, \
    case when id = 1 then true end as maybe, day + 1 as tomorrow, at + interval '1 hour' as later, \
    instant + interval '1 day' as next, date_trunc('month', at) as month, id / 2 as half, coalesce(note, 'none') as note, \
    round(price / 3, 2) as third from staging.t";

const COMPUTED_CSV: [&str; 4] = [
    "id,twice,double,positive,wrong,maybe,tomorrow,later,next,month,half,note,third",
    "1,2.20,2e-08,true,false,true,2024-03-01,2024-02-29 11:00:00.5,2024-03-01 10:00:00+00,2024-02-01 00:00:00,0,\"\",0.37",
    "2,-40.00,5e+300,false,true,,1850-01-02,2024-03-01 01:00:00,1850-01-02 00:00:00+00,2024-03-01 00:00:00,1,x,-6.67",
    "3,,,,,,,,,,1,none,",
];

const COMPUTED_JSON: [&str; 3] = [
    r#"{"id": 1, "twice": 2.20, "double": 2e-08, "positive": true, "wrong": false, "maybe": true, "tomorrow": "2024-03-01", "later": "2024-02-29 11:00:00.5", "next": "2024-03-01 10:00:00+00", "month": "2024-02-01 00:00:00", "half": 0, "note": "", "third": 0.37}"#,
    r#"{"id": 2, "twice": -40.00, "double": 5e+300, "positive": false, "wrong": true, "maybe": null, "tomorrow": "1850-01-02", "later": "2024-03-01 01:00:00", "next": "1850-01-02 00:00:00+00", "month": "2024-03-01 00:00:00", "half": 1, "note": "x", "third": -6.67}"#,
    r#"{"id": 3, "twice": null, "double": null, "positive": null, "wrong": null, "maybe": null, "tomorrow": null, "later": null, "next": null, "month": null, "half": 1, "note": "none", "third": null}"#,
];

const PLAIN_CSV: [&str; 4] = [
    "id,price,ratio,ok,day,at,instant,note",
    "1,1.10,1e-08,true,2024-02-29,2024-02-29 10:00:00.5,2024-02-29 10:00:00+00,\"\"",
    "2,-20.00,2.5e+300,false,1850-01-01,2024-03-01 00:00:00,1850-01-01 00:00:00+00,x",
    "3,,,,,,,",
];

/// The lines of what a table or view is exported as, the rows in their order.
fn lines(workdir: &Workdir, url: &str, table: &str, format: &str) -> anyhow::Result<Vec<String>> {
    let arguments = ["export", table, "--format", format, "--output", "out"];
    let output = app(workdir, &arguments, &[("DATABASE_URL", url)])?;
    same((table, output.status.code()), (table, Some(0))).map_err(|error| error.context(stderr(&output)))?;
    let text = workdir.read("out")?;
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[usize::from(format == "csv")..].sort();
    Ok(lines)
}

async fn both_engines_write_the_same_text(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", ROWS).await?;
    for (file, text) in [
        (
            "pipeline/plain",
            "/* kind: table */ select id, price, ratio, ok, day, at, instant, note from staging.t".to_owned(),
        ),
        ("pipeline/computed", format!("/* kind: table */ {COMPUTED}")),
        ("pipeline/of_star", format!("/* kind: view */ {COMPUTED}")),
        (
            "pipeline/over_view",
            "/* kind: table */ select bool_or(wrong) as any_wrong, max(next) as newest from datawarehouse.of_star"
                .to_owned(),
        ),
        ("analysis/answer", COMPUTED.to_owned()),
        ("analysis/z_over", "select * from datawarehouse.answer".to_owned()),
        (
            "analysis/z_over_star",
            "select positive, bool_and(wrong) as all_wrong, max(next) as newest, sum(twice) as total from \
             datawarehouse.of_star group by positive"
                .to_owned(),
        ),
    ] {
        workdir.write(&format!("sql/{file}.sql"), text)?;
    }
    let settings = [("DATABASE_URL", database.url.as_str())];
    for command in [&["--pipeline"][..], &["--pipeline", "--full", "--select", "over_view"], &["--analysis"]] {
        let output = app(&workdir, command, &settings)?;
        same((command, output.status.code()), (command, Some(0))).map_err(|error| error.context(stderr(&output)))?;
    }
    let output = app(&workdir, &["export", "of_star", "--output", "o.parquet"], &settings)?;
    same((output.status.code(), std::fs::read(workdir.path("o.parquet"))?.starts_with(b"PAR1")), (Some(0), true))?;
    let output = app(&workdir, &["export", "of_star", "--output", "o.sas7bdat"], &settings)?;
    same((output.status.code(), workdir.path("o.sas7bdat").exists()), (Some(2), false))?;
    let any = lines(&workdir, &database.url, "over_view", "csv")?;
    same(any, ["any_wrong,newest", "true,2024-03-01 10:00:00+00"])?;
    same(lines(&workdir, &database.url, "plain", "csv")?, PLAIN_CSV)?;
    for table in ["datawarehouse.computed", "of_star", "answer", "z_over"] {
        same(
            (table, lines(&workdir, &database.url, table, "csv")?),
            (table, COMPUTED_CSV.map(str::to_owned).to_vec()),
        )?;
        same(
            (table, lines(&workdir, &database.url, table, "json")?),
            (table, COMPUTED_JSON.map(str::to_owned).to_vec()),
        )?;
    }
    same(
        lines(&workdir, &database.url, "z_over_star", "csv")?,
        [
            "positive,all_wrong,newest,total",
            ",,,",
            "false,true,1850-01-02 00:00:00+00,-40.00",
            "true,false,2024-03-01 10:00:00+00,2.20",
        ],
    )?;
    // What the analysis has written itself is no other text.
    let answer = workdir.read("exports/answer.csv")?;
    let mut written: Vec<_> = answer.lines().collect();
    written[1..].sort_unstable();
    same(written, COMPUTED_CSV)
}

/// A view is what it was made as, whatever its file says now.
async fn a_file_that_was_changed_loses_no_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "a,b\n1,x\n").await?;
    workdir.write("sql/analysis/v.sql", "select a + 1 as n, upper(b) as t from staging.t")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(&workdir, &["--analysis"], &settings)?.status.code(), Some(0))?;
    workdir.write("sql/analysis/v.sql", "select a > 5 as t, a = 1 as n, 7 as other from staging.t")?;
    same(lines(&workdir, &database.url, "v", "csv")?, ["n,t", "2,X"])?;
    std::fs::remove_file(workdir.path("sql/analysis/v.sql"))?;
    same(lines(&workdir, &database.url, "v", "csv")?, ["n,t", "2,X"])
}

async fn an_unknown_table_is_named_with_the_nearest(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "orders.csv", "id\n1\n").await?;
    workdir.write("sql/pipeline/fact_order.sql", "/*\nkind: fact\ngrain: [id]\n*/ select id from staging.orders")?;
    workdir.write("sql/analysis/newest.sql", "select max(id) as id from datawarehouse.fact_order")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    for (name, meant) in [("staging.ordres", "orders"), ("fact_ordr", "fact_order"), ("newst", "newest")] {
        let output = app(&workdir, &["export", name], &settings)?;
        same((name, output.status.code()), (name, Some(2)))?;
        holds(&stderr(&output), &format!("there is no table or view {name}; did you mean {meant}?"))?;
        same(stdout(&output), String::new())?;
    }
    Ok(())
}
