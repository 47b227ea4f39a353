//! `app trace` and `app rejects FACT`: a row of the star names the file, line and load that it came by.

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_fact_names_its_record,
        a_member_names_all_its_records,
        rows_that_made_way_are_told,
        what_cannot_be_traced_says_why,
        a_condition_only_reads,
        what_is_left_out_of_a_fact_is_shown;
}

const FILES: [(&str, &str); 13] = [
    (
        "pipeline/dim_customer.sql",
        "/*\nkind: dimension\nkey: [customer_id]\nhistory: [city]\nat: since\n*/\nselect customer_id, name, city, \
         since from staging.customers",
    ),
    (
        "pipeline/dim_city.sql",
        "/*\nkind: dimension\nkey: [city]\n*/\nselect distinct trim(city) as city from staging.customers",
    ),
    (
        "pipeline/fact_order.sql",
        "/*\nkind: fact\ngrain: [order_id]\nat: sold\ndimensions:\n  customer_id: {dimension: dim_customer, missing: \
         reject}\n*/\nselect order_id, customer_id, sold, price from staging.orders",
    ),
    (
        "pipeline/per_day.sql",
        "/*\nkind: fact\ngrain: [sold]\n*/\nselect sold, count(*) as n from staging.orders group by sold",
    ),
    ("pipeline/plain.sql", "/* kind: table */ select order_id from staging.orders"),
    ("pipeline/traced.sql", "/* kind: table */ select _line, order_id * 10 as ten, _load_id from staging.orders"),
    (
        "pipeline/dim_place.sql",
        "/*\nkind: dimension\nkey: [place]\n*/\nselect city as place from staging.customers union select customer_id \
         from staging.orders union all select 'none'",
    ),
    (
        "pipeline/dim_sold.sql",
        "/*\nkind: dimension\nkey: [sold]\n*/\nselect sold, count(*) as n, max(price) as most from staging.orders \
         where price > 4 group by sold having count(*) > 0",
    ),
    (
        "pipeline/dim_latest.sql",
        "/*\nkind: dimension\nkey: [customer_id]\n*/\nselect distinct on (customer_id) customer_id, name from \
         staging.customers order by customer_id, since desc",
    ),
    (
        "pipeline/dim_derived.sql",
        "/*\nkind: dimension\nkey: [name]\n*/\nselect s.name, count(*) as n, max(s.since) as since from (select name, \
         since from staging.customers union all select customer_id, null from staging.orders) as s where s.name <> '' group by s.name",
    ),
    (
        "pipeline/dim_with.sql",
        "/*\nkind: dimension\nkey: [o]\n*/\nwith s as (select order_id as o from staging.orders) select o from s",
    ),
    ("pipeline/dim_day.sql", "/*\nkind: calendar\nfrom: 2024-01-01\nto: 2024-12-31\n*/"),
    ("analysis/top.sql", "select order_id from datawarehouse.fact_order"),
];

async fn star(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    workdir
        .load(
            database,
            "customers.csv",
            "customer_id,name,city,since\nC1,Ann,Bern,2024-01-01\nC2,Bob,Genf,2024-01-01\n",
        )
        .await?;
    workdir.load(database, "customers.v2.csv", "customer_id,name,city,since\nC1,Ann,Zug,2024-02-01\n").await?;
    workdir
        .load(
            database,
            "orders.csv",
            "order_id,customer_id,sold,price\n7,C1,2024-01-15,4.50\n8,C2,2024-02-15,5\n9,C9,2024-02-15,6\n",
        )
        .await?;
    for (file, text) in FILES {
        workdir.write(&format!("sql/{file}"), text)?;
    }
    for arguments in [["--pipeline"], ["--analysis"]] {
        let output = app(workdir, &arguments, &[("DATABASE_URL", &database.url)])?;
        same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
    }
    Ok(())
}

fn objects(text: &str) -> anyhow::Result<Vec<serde_json::Value>> {
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

async fn a_fact_names_its_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["trace", "datawarehouse.fact_order", "--where", "order_id = 8"], &settings)?;
    let text = stdout(&output);
    same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
    holds(&text, "datawarehouse.fact_order: order_id = 8, customer_id_key = ")?;
    holds(&text, "\n  orders.csv line 3, load 3, loaded 20")?;
    holds(&text, "\n    staging.orders: order_id = 8, customer_id = \"C2\", sold = \"2024-02-15\", price = 5\n")?;
    same(text.lines().count(), 3)?;
    let json = stdout(&app(&workdir, &["trace", "fact_order", "--json", "--limit", "1"], &settings)?);
    let [one] = &objects(&json)?[..] else { anyhow::bail!("{json}") };
    let staged = &one["staged"][0];
    same(
        (
            one["table"].as_str(),
            one["row"]["order_id"].as_str(),
            staged["file"].as_str(),
            staged["line"].as_i64(),
            staged["load"].as_i64(),
        ),
        (Some("datawarehouse.fact_order"), Some("7"), Some("orders.csv"), Some(2), Some(3)),
    )?;
    // Its digits are the file's.
    same((staged["row"]["price"].as_str(), staged["table"].as_str()), (Some("4.50"), Some("staging.orders")))?;
    holds(&stdout(&app(&workdir, &["trace", "fact_order", "--limit", "1"], &settings)?), "and more rows: ")?;
    // A staged row is its own.
    let text = stdout(&app(&workdir, &["trace", "staging.orders", "--where", "order_id = 9"], &settings)?);
    holds(&text, "orders.csv line 4, load 3")?;
    // Rows that were taken back since are told so.
    same(app(&workdir, &["retract", "3", "--yes"], &settings)?.status.code(), Some(0))?;
    let text = stdout(&app(&workdir, &["trace", "fact_order", "--where", "order_id = 7"], &settings)?);
    holds(&text, "staging.orders: the row is not there any more: its load was taken back since\n")?;
    holds(&text, "the table was built before that: app --pipeline brings it up to date")?;
    let json = stdout(&app(&workdir, &["trace", "fact_order", "--json", "--limit", "1"], &settings)?);
    let [one] = &objects(&json)?[..] else { anyhow::bail!("{json}") };
    same((one["staged"][0]["status"].as_str(), one["staged"][0]["row"].is_null()), (Some("retracted"), true))
}

async fn a_member_names_all_its_records(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let places = |table: &str, condition: &str| -> anyhow::Result<Vec<Vec<String>>> {
        let output = app(&workdir, &["trace", table, "--where", condition, "--json"], &settings)?;
        same(output.status.code(), Some(0)).map_err(|error| error.context(stderr(&output)))?;
        let of = |one: &serde_json::Value| format!("{}:{}", one["file"].as_str().unwrap_or_default(), one["line"]);
        let staged = |one: &serde_json::Value| one["staged"].as_array().into_iter().flatten().map(of).collect();
        Ok(objects(&stdout(&output))?.iter().map(staged).collect())
    };
    let both = ["customers.csv:2", "customers.v2.csv:2"];
    same(places("dim_customer", "customer_id = 'C1' and is_current")?, [both])?;
    same(places("dim_customer", "customer_id = 'C1'")?, [both, both])?;
    // Though its select leaves out repeats.
    same(places("datawarehouse.dim_city", "city = 'Genf'")?, [["customers.csv:3"]])?;
    // Also where it groups rows, takes one of several, or puts several selects together.
    same(places("dim_sold", "n = 2")?, [["orders.csv:3", "orders.csv:4"]])?;
    same(places("dim_latest", "customer_id = 'C1'")?, [both])?;
    same(places("dim_derived", "name = 'Ann'")?, [both])?;
    same(places("dim_derived", "name = 'C2'")?, [["orders.csv:3"]])?;
    same(places("dim_place", "place = 'C1'")?, [["orders.csv:2"]])?;
    same(places("dim_place", "place = 'Genf'")?, [["customers.csv:3"]])?;
    same(places("dim_place", "place = 'none'")?, [[""; 0]])?;
    // A table's rows tell where they come from when its select does.
    same(places("traced", "ten = 80")?, [["orders.csv:3"]])?;
    let output = stdout(&app(&workdir, &["trace", "dim_city", "--where", "dim_city_key = 0"], &settings)?);
    holds(&output, "it stands for what is unknown")
}

async fn rows_that_made_way_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("stock", "name: stock\nfiles: [\"stock*.csv\"]\ntable: stock\nmode: replace\n")?;
    workdir.plugin("prices", "name: prices\nfiles: [\"prices*.csv\"]\ntable: prices\nmode: upsert\nkey: [sku]\n")?;
    for (file, text) in [
        ("dim_sku", "/*\nkind: dimension\nkey: [sku]\nhistory: [place]\n*/\nselect sku, place from staging.stock"),
        ("fact_stock", "/*\nkind: fact\ngrain: [sku]\n*/\nselect sku, place from staging.stock"),
        ("fact_price", "/*\nkind: fact\ngrain: [sku]\n*/\nselect sku, price from staging.prices"),
    ] {
        workdir.write(&format!("sql/pipeline/{file}.sql"), text)?;
    }
    let settings = [("DATABASE_URL", database.url.as_str())];
    let trace = |table: &str| -> anyhow::Result<String> {
        let output = app(&workdir, &["trace", table, "--where", "sku = 'A'"], &settings)?;
        same((table, output.status.code()), (table, Some(0))).map_err(|error| error.context(stderr(&output)))?;
        Ok(stdout(&output))
    };
    let build = || same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0));
    workdir.load(&database, "prices.csv", "sku,price\nA,1\nB,2\n").await?;
    workdir.load(&database, "stock1.csv", "sku,place\nA,x\nB,y\n").await?;
    build()?;
    workdir.load(&database, "prices2.csv", "sku,price\nA,3\n").await?;
    workdir.load(&database, "stock2.csv", "sku,place\nA,z\n").await?;
    for (table, why) in [
        ("fact_price", "staging.prices: the row is not there any more: a later file has changed it since"),
        (
            "fact_stock",
            "staging.stock: the row is not there any more: a later file has taken the place of all rows of this one since",
        ),
    ] {
        let text = trace(table)?;
        holds(&text, why)?;
        holds(&text, "the table was built before that: app --pipeline brings it up to date")?;
    }
    build()?;
    for (table, file) in [
        ("fact_price", "prices2.csv line 2, load 3, loaded 20"),
        ("fact_stock", "stock2.csv line 2, load 4, loaded 20"),
    ] {
        let text = trace(table)?;
        holds(&text, file)?;
        same((table, text.matches("not there any more").count()), (table, 0))?;
    }
    workdir.load(&database, "stock3.csv", "sku,place\nA,w\n").await?;
    build()?;
    // Each version of the member names all rows that it had, as far as they are known.
    let text = trace("dim_sku")?;
    same(text.matches("stock2.csv line 2, load 4, loaded 20").count(), 3)?;
    same(text.matches("stock3.csv line 2, load 5, loaded 20").count(), 3)?;
    holds(&text, "it had a row before, from stock1.csv (load 2), that a later file has replaced; its line was not kept")
}

async fn what_cannot_be_traced_says_why(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    for (table, why) in [
        (
            "per_day",
            "its select groups or combines rows, or leaves out repeats, so no row of it is one staged row's; trace \
             what its select reads: app trace staging.orders --where \"sold = ...\"",
        ),
        (
            "plain",
            "this one does not give _load_id and _line: add them to it, run app --pipeline, and its rows can be \
             traced; trace what its select reads: app trace staging.orders",
        ),
        ("dim_with", "cannot be followed to staged rows; trace what its select reads: app trace staging.orders"),
        ("dim_day", "a calendar's days are made"),
        ("datawarehouse.top", "it is a view; trace what it shows: app trace datawarehouse.fact_order"),
        ("fact_ordre", "there is no table fact_ordre; did you mean fact_order?"),
        ("sluice.load", "there is no table sluice.load"),
    ] {
        let output = app(&workdir, &["trace", table], &settings)?;
        same((table, output.status.code()), (table, Some(2)))?;
        holds(&stderr(&output), why)?;
    }
    let output = app(&workdir, &["trace", "fact_order", "--where", "order_id = 77"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stderr(&output), "has no row where order_id = 77; some rows are left out of it: app rejects fact_order")
}

async fn a_condition_only_reads(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    for (condition, why) in [
        ("1 = 1; drop table staging.orders", "expected one condition"),
        (
            "order_id in (with d as (delete from staging.orders returning order_id) select order_id from d)",
            "only reads",
        ),
        ("1 = 1) or (1 = 1", "expected one condition"),
        (
            "ordre_id = 7",
            "--where: letter 1: there is no column ordre_id; did you mean order_id? The columns of datawarehouse.fact_order are order_id, ",
        ),
        // Its place is that in what was typed.
        ("order_id  =  7 and /* which */ prise > 1", "--where: letter 32: there is no column prise"),
        (
            "order_id = 7\n  and customer = 1",
            "line 2, column 7: there is no column customer; did you mean customer_id_key?",
        ),
        ("order_id in (select o.ordr from staging.orders as o)", "letter 21: there is no column o.ordr; did you mean "),
        ("o.order_id = 7", "letter 1: o.order_id: from names no table o"),
        ("order_id = ", "expected an expression, found its end"),
        ("sum(order_id) > 7", "expected a condition on each row by itself"),
        ("exists (select 1 from staging.ordres)", "did you mean orders?"),
    ] {
        let output = app(&workdir, &["trace", "fact_order", "--where", condition], &settings)?;
        same((condition, output.status.code()), (condition, Some(2)))?;
        holds(&stderr(&output), "--where: ")?;
        holds(&stderr(&output), why)?;
    }
    same(database.text("select count(*) from staging.orders").await?, "3")?;
    let condition = "fact_order.order_id in (select o.order_id from staging.orders as o where o.price > 4.6)";
    let output = app(&workdir, &["trace", "fact_order", "--where", condition, "--json"], &settings)?;
    same(objects(&stdout(&output))?.len(), 1).map_err(|error| error.context(stderr(&output)))
}

async fn what_is_left_out_of_a_fact_is_shown(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    for name in ["fact_order", "datawarehouse.fact_order"] {
        let text = stdout(&app(&workdir, &["rejects", name], &settings)?);
        same(text.lines().count(), 3)?;
        for words in ["| orders.csv |", "customer_id", "C9", "is no member of dim_customer"] {
            holds(&text, words)?;
        }
    }
    let json = stdout(&app(&workdir, &["rejects", "fact_order", "--json"], &settings)?);
    let [one] = &objects(&json)?[..] else { anyhow::bail!("{json}") };
    same((one["line"].as_i64(), one["load"].as_i64(), one["value"].as_str()), (Some(4), Some(3), Some("C9")))?;
    let output = app(&workdir, &["rejects", "fact_ordre"], &settings)?;
    same(output.status.code(), Some(2))?;
    holds(&stderr(&output), "there is no fact_ordre; did you mean fact_order?")?;
    same(app(&workdir, &["rejects", "dim_customer"], &settings)?.status.code(), Some(0))
}
