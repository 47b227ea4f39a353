//! `app check sql/`: every error of every file at once, each with its line, before anything is built.

use std::process::Output;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        every_error_of_every_file_has_its_line,
        what_is_not_built_yet_is_known,
        what_is_said_holds_when_it_is_run,
        a_run_says_all_that_is_wrong_before_it_begins;
    alone:
        headers_are_looked_at_without_a_warehouse;
}

fn check(workdir: &Workdir, arguments: &[&str], url: &str) -> anyhow::Result<Output> {
    app(workdir, &[&["check"], arguments].concat(), &[("DATABASE_URL", url)])
}

/// The errors: everything but the closing line.
fn errors(output: &Output) -> Vec<String> {
    let mut lines: Vec<_> = stdout(output).lines().map(str::to_owned).collect();
    lines.pop();
    lines
}

async fn load(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    workdir
        .load(database, "orders.csv", "order_id,city,sold,price\n1,Bern,2024-01-01,4.50\n2,Genf,2024-02-01,5\n")
        .await?;
    workdir.load(database, "cities.csv", "city,country\nBern,CH\nGenf,CH\n").await?;
    Ok(())
}

async fn every_error_of_every_file_has_its_line(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&database, &workdir).await?;
    for (file, text) in [
        (
            "pipeline/dim_city.sql",
            "/*\nkind: dimension\nkey: [citty]\nhistory:\n  - contry\nunknown: {country: none}\nchecks:\n  not_null: \
             [nothing]\n  unique: [city]\n  sql: select 1 from this where ctiy = 'x'\n*/\nselect city, country\nfrom staging.cities",
        ),
        (
            "pipeline/dim_pair.sql",
            "/*\nkind: dimension\nkey: [city, country]\n*/\nselect city, country from staging.cities",
        ),
        (
            "pipeline/fact_order.sql",
            "/*\nkind: fact\ngrain: [order_idd]\ndimensions:\n  city: dim_ctiy\n  pair: dim_pair\n  sold: \
             dim_day\n*/\nselect order_id, city, city as pair,\n  cast(sold as text) as sold, order_id as \
              sold_key,\n  price, price\nfrom staging.orders",
        ),
        ("pipeline/dim_day.sql", "/*\nkind: calendar\nfrom: 2024-01-01\nto: 2024-12-31\n*/"),
        (
            "pipeline/fact_day.sql",
            "/*\nkind: fact\ngrain: [order_id]\ndimensions:\n  sold: dim_day\n*/\nselect order_id,\n  cast(sold as \
             text) as sold, order_id as sold_key\nfrom staging.orders",
        ),
        ("pipeline/words.sql", "/*\nkind: table\ngrian: [a]\ndistict: true\n*/\nselec 1"),
        (
            "pipeline/columns.sql",
            "/* kind: table */\nselect o.pric,\n  citty\nfrom staging.orders as o\nwhere o.sodl is null",
        ),
        ("pipeline/absent.sql", "/* kind: table */\nselect a.x\nfrom staging.ordres as a, datawarehouse.dim_citi as b"),
        ("pipeline/one.sql", "/* kind: table */ select * from datawarehouse.two"),
        ("pipeline/two.sql", "/* kind: table */ select * from datawarehouse.one"),
        ("analysis/top.sql", "select city,\n  count(*) as n\nfrom datawarehouse.dim_city\ngroup by cty"),
        ("analysis/words.sql", "select 1 as a"),
        (
            "analysis/chart.sql",
            "/*\ntitle: Cities\nchart: {type: bar, x: city, y: coutn}\n*/\nselect city, 1 as count from staging.cities",
        ),
    ] {
        workdir.write(&format!("sql/{file}"), text)?;
    }
    let output = check(&workdir, &["sql"], &database.url)?;
    let all = errors(&output);
    let expected = [
        "sql/analysis/chart.sql:3: header: chart: y: the select gives no column coutn; did you mean count?",
        "sql/analysis/top.sql:4:10: there is no column cty; did you mean city?",
        "sql/analysis/words.sql:1: sql/pipeline has a table of that name, words: rename the file",
        "sql/pipeline/absent.sql:3: there is no table datawarehouse.dim_citi, and no file of sql/ makes one; did you mean dim_city?",
        "sql/pipeline/absent.sql:3: there is no table staging.ordres: no file has been loaded into it; did you mean orders?",
        "sql/pipeline/columns.sql:2:8: there is no column o.pric; did you mean price?",
        "sql/pipeline/columns.sql:3:3: there is no column citty; did you mean city?",
        "sql/pipeline/columns.sql:5:7: there is no column o.sodl; did you mean sold?",
        "sql/pipeline/dim_city.sql:3: key: the select gives no column citty; did you mean city?",
        "sql/pipeline/dim_city.sql:5: history: the select gives no column contry; did you mean country?",
        "sql/pipeline/dim_city.sql:8: checks: not_null: the table has no column nothing",
        "sql/pipeline/dim_city.sql:10: checks: sql: there is no column ctiy; did you mean city?",
        "sql/pipeline/fact_day.sql:5: dimensions: sold is text, and dim_day knows its members by date, which is date: \
         cast one of them in its select",
        "sql/pipeline/fact_day.sql:8: two columns would be called sold_key: rename one, or give a role",
        "sql/pipeline/fact_order.sql:5: dimensions: city: there is no dimension dim_ctiy; did you mean dim_city?",
        "sql/pipeline/fact_order.sql:6: dimensions: pair: dim_pair is known by 2 columns together (city, country), a \
         fact's column can name one; give the dimension a key of one column",
        "sql/pipeline/fact_order.sql:11: the select gives two columns the name price",
        "sql/pipeline/one.sql:1: the tables need each other in a circle: one -> two -> one",
        "sql/pipeline/words.sql:3: header: unknown word grian; did you mean grain?",
        "sql/pipeline/words.sql:4: header: unknown word distict; did you mean distinct?",
        "sql/pipeline/words.sql:6:1: expected an SQL statement, found selec",
    ];
    for (is, expected) in all.iter().zip(expected) {
        anyhow::ensure!(is.starts_with(expected), "\n      is {is}\nexpected {expected}\nof\n{}", all.join("\n"));
    }
    same(all.len(), expected.len())?;
    same(output.status.code(), Some(1))?;
    same(stdout(&output).lines().last(), Some("13 files: 21 errors in 10 of them"))?;
    // A folder or a file of it, and the same as JSON.
    let output = check(&workdir, &["sql/analysis", "--json"], &database.url)?;
    let lines: Vec<serde_json::Value> = stdout(&output).lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    same(
        (lines.len(), lines[1]["file"].as_str(), lines[1]["line"].as_u64()),
        (3, Some("sql/analysis/top.sql"), Some(4)),
    )?;
    same(output.status.code(), Some(1))?;
    let output = check(&workdir, &["sql/pipeline/dim_day.sql"], &database.url)?;
    same(output.status.code(), Some(0))?;
    same(stdout(&output).trim(), "1 file: nothing wrong in the headers, selects and columns. Next: app plan")?;
    // Nothing was made.
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
    for name in ["dim_city", "dim_day"] {
        let columns = transaction.columns(&sluice::sql::Table::datawarehouse(name)).await?;
        same(columns.len(), 0)?;
    }
    Ok(())
}

/// Files that go together, of every kind; nothing of them is built.
const FILES: [(&str, &str); 8] = [
    (
        "pipeline/dim_city.sql",
        "/*\nkind: dimension\nkey: [city]\nhistory: [country]\nchecks:\n  not_null: [country]\n  sql: select c.city \
         from this as c where c.valid_from > c.valid_to\n*/\nselect city, country from staging.cities",
    ),
    ("pipeline/dim_day.sql", "/*\nkind: calendar\nfrom: 2024-01-01\nto: 2024-12-31\n*/"),
    (
        "pipeline/fact_order.sql",
        "/*\nkind: fact\ngrain: [order_id]\nat: sold\ndimensions:\n  city: {dimension: dim_city, role: place, missing: \
         infer}\n  sold: dim_day\nchecks: {range: {price: [0, 100]}, not_null: [place_key, sold_key]}\n*/\nselect \
          order_id, city, sold, price from staging.orders",
    ),
    (
        "pipeline/city_day.sql",
        "/*\nkind: bridge\ndimensions: {city: dim_city, sold: dim_day}\nweight: share\ngroup: [city]\ndistinct: \
         true\n*/\nselect city, sold, 1.0 as share from staging.orders",
    ),
    (
        "pipeline/per_city.sql",
        "/* kind: table */\nselect d.city, d.is_current, f._load_id, sum(f.price) as total\nfrom \
         datawarehouse.fact_order as f\njoin datawarehouse.dim_city as d on d.dim_city_key = f.place_key\ngroup by \
          d.city, d.is_current, f._load_id",
    ),
    ("pipeline/cities.sql", "/* kind: view */\nselect city, is_inferred from datawarehouse.dim_city"),
    ("analysis/a_second.sql", "select city, total from datawarehouse.z_first"),
    ("analysis/z_first.sql", "select city, total from datawarehouse.per_city"),
];

async fn what_is_not_built_yet_is_known(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&database, &workdir).await?;
    for (file, text) in FILES {
        workdir.write(&format!("sql/{file}"), text)?;
    }
    let output = check(&workdir, &["sql/"], &database.url)?;
    same((stdout(&output).lines().count(), output.status.code()), (1, Some(0)))
        .map_err(|error| error.context(stdout(&output)))?;
    // What a file is about to take away is missed where it is read, though the table still has it.
    same(app(&workdir, &["--pipeline"], &[("DATABASE_URL", &database.url)])?.status.code(), Some(0))?;
    workdir.write("sql/pipeline/per_city.sql", "/* kind: table */ select city from datawarehouse.dim_city")?;
    let all = errors(&check(&workdir, &["sql/"], &database.url)?);
    same(all, ["sql/analysis/z_first.sql:1:14: there is no column total"])
}

/// Whatever the check lets pass is built.
async fn what_is_said_holds_when_it_is_run(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&database, &workdir).await?;
    for (file, text) in FILES {
        workdir.write(&format!("sql/{file}"), text)?;
    }
    let settings = [("DATABASE_URL", database.url.as_str())];
    for arguments in [["--pipeline"], ["--analysis"]] {
        let output = app(&workdir, &arguments, &settings)?;
        same((stderr(&output).contains("error"), output.status.code()), (false, Some(0)))
            .map_err(|error| error.context(stderr(&output)))?;
    }
    let output = check(&workdir, &["sql/"], &database.url)?;
    same(output.status.code(), Some(0))
}

async fn a_run_says_all_that_is_wrong_before_it_begins(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&database, &workdir).await?;
    let run = |arguments: &[&str]| -> anyhow::Result<(Option<i32>, Vec<String>)> {
        let output = app(&workdir, arguments, &[("DATABASE_URL", &database.url)])?;
        let lines =
            stderr(&output).lines().skip_while(|line| !line.starts_with("error: ")).map(str::to_owned).collect();
        Ok((output.status.code(), lines))
    };
    workdir.write("sql/pipeline/b.sql", "/*\nkind: table\n*/\nselect city,\n  contry\nfrom staging.cities")?;
    workdir.write("sql/pipeline/a.sql", "/*\nkind: tabel\n*/\nselect city from staging.cities")?;
    workdir.write("sql/pipeline/c.sql", "/* kind: table */ select city from staging.cities")?;
    workdir.write("sql/analysis/q.sql", "select citty from staging.cities")?;
    let country = "sql/pipeline/b.sql:5:3: there is no column contry; did you mean country?";
    let all = [
        "error: 2 errors:",
        "sql/pipeline/a.sql:2: header: kind: tabel is none of dimension, fact, bridge, calendar, table, view; did you mean table?",
        country,
    ];
    let all: Vec<_> = all.into_iter().map(str::to_owned).collect();
    same(run(&["plan"])?, (Some(1), all.clone()))?;
    same(run(&["--pipeline"])?, (Some(1), all.clone()))?;
    // A file that cannot be read is one more error, and ends as the others do.
    workdir.write("sql/pipeline/d.sql", b"/* kind: table */ select '\xff' as a")?;
    let mut more = all.clone();
    more[0] = "error: 3 errors:".to_owned();
    more.push("sql/pipeline/d.sql:1: it is not in UTF-8: save it so".to_owned());
    same(run(&["plan"])?, (Some(1), more))?;
    same(check(&workdir, &["sql/pipeline"], &database.url)?.status.code(), Some(1))?;
    std::fs::remove_file(workdir.path("sql/pipeline/d.sql"))?;
    workdir.write("sql/pipeline/a.sql", "/* kind: table */ select city from datawarehouse.c")?;
    same(run(&["--pipeline"])?, (Some(1), vec![format!("error: {country}")]))?;
    // What is not asked for is not looked at, and its table is what the database has.
    let none = "error: sql/pipeline/a.sql:1: there is no table datawarehouse.c yet: app --pipeline makes it";
    same(run(&["--pipeline", "--select", "a"])?, (Some(1), vec![none.to_owned()]))?;
    same(run(&["--pipeline", "--select", "+a"])?.0, Some(0))?;
    let wrong = "error: sql/analysis/q.sql:1:8: there is no column citty; did you mean city?";
    let none = "1 of 1 question could not be answered";
    same(run(&["--analysis"])?, (Some(1), vec![wrong.to_owned(), none.to_owned()]))
}

async fn headers_are_looked_at_without_a_warehouse(workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/x.sql", "/*\nkind: fact\n*/ select 1 as a")?;
    let output = check(&workdir, &["sql"], "sqlite://absent.db")?;
    same(errors(&output).len(), 1)?;
    same(stdout(&output).starts_with("sql/pipeline/x.sql:2: header: kind: fact needs grain"), true)?;
    same(output.status.code(), Some(1))?;
    same(stderr(&output).contains("tables and columns could not be looked at: there is no "), true)?;
    same(workdir.path("absent.db").exists(), false)?;
    // What was not looked at is not called right.
    workdir.write("sql/pipeline/x.sql", "/* kind: table */ select 1 as a")?;
    let output = check(&workdir, &["sql"], "sqlite://absent.db")?;
    same((stdout(&output), output.status.code()), (String::new(), Some(2)))?;
    same(stderr(&output).contains("tables and columns could not be looked at: there is no warehouse"), true)?;
    let output = check(&workdir, &["imports"], "sqlite://absent.db")?;
    same(output.status.code(), Some(2))
}
