//! Values of the star: decimals are compared by value, whatever digits they are written in.

use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, model, run, run_fails};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        equal_decimals_are_one_version,
        equal_decimals_are_one_row_of_a_grain,
        equal_decimals_are_one_distinct_row,
        equal_decimals_are_one_member_without_a_time,
        equal_decimals_are_one_unique_value,
        the_digits_are_those_of_the_latest_row,
        the_records_of_a_member_are_found_by_value,
        times_in_headers_mean_what_times_mean,
        texts_in_headers_keep_their_digits;
}

/// Builds the same star anew; its table has the same rows in the same digits.
async fn is_as_anew(database: &TestDatabase, workdir: &Workdir, select: &str) -> Outcome {
    let before = database.text(select).await?;
    let full = Options { full: true, ..Options::default() };
    pipeline::run_with(&workdir.app(database).workspace, &full).await?;
    same(database.text(select).await?, before)
}

async fn equal_decimals_are_one_version(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: dimension\nkey: [id]\nhistory: [price]\nat: d";
    model(&workdir, "dim_p", header, "select id, price, d from staging.p")?;
    workdir.load(&database, "p.csv", "id,price,d\n1,9.5,2024-01-01\n2,0.10,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "p.csv", "id,price,d\n1,9.50,2024-02-01\n2,0.1,2024-02-01\n2,0.2,2024-03-01\n").await?;
    run(&database, &workdir).await?;
    let versions =
        "select id, price, valid_from, is_current from datawarehouse.dim_p where dim_p_key > 0 order by id, valid_from";
    let expected = "1|9.5|2024-01-01|true\n2|0.10|2024-01-01|false\n2|0.2|2024-03-01|true";
    same(database.text(versions).await?, expected)?;
    is_settled(&database, &workdir).await?;
    is_as_anew(&database, &workdir, versions).await?;
    // Rows that a later file replaces are compared in the same way.
    workdir.plugin("r", "name: r\nfiles: [\"r*.csv\"]\ntable: r\nmode: replace\n")?;
    model(&workdir, "dim_r", "kind: dimension\nkey: [id]\nhistory: [price]", "select id, price, cost from staging.r")?;
    for (price, cost) in [("9.5", "1.0"), ("9.50", "1.00"), ("9.500", "1"), ("9.7", "1.0")] {
        workdir.load(&database, "r.csv", format!("id,price,cost\n1,{price},{cost}\n2,2.25,0.5\n")).await?;
        run(&database, &workdir).await?;
    }
    let versions = "select id, price, cost from datawarehouse.dim_r where dim_r_key > 0 order by id, valid_from";
    same(database.text(versions).await?, "1|9.5|1.0\n1|9.7|1.0\n2|2.25|0.5")
}

async fn equal_decimals_are_one_row_of_a_grain(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "fact_o", "kind: fact\ngrain: [oid]", "select oid, amount from staging.o")?;
    workdir.load(&database, "o.csv", "oid,amount\n1.0,5\n2.5,6\n").await?;
    run(&database, &workdir).await?;
    same(database.text("select oid, amount from datawarehouse.fact_o order by oid").await?, "1|5\n2.5|6")?;
    let report = workdir.load(&database, "o.csv", "oid,amount\n1.00,7\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "grain: several rows of the select have the same oid: oid = \"1\" (2 rows: o.csv line 2, load ")?;
    holds(&error, "in the table already")?;
    let options = Options { full: true, ..Options::default() };
    let error = pipeline::run_with(&workdir.app(&database).workspace, &options).await.unwrap_err().to_string();
    holds(
        &error,
        "grain: several rows of the select have the same oid: oid = \"1\" (2 rows: o.csv line 2, load 1; o.csv line 2",
    )?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(&workdir, &["retract", &report.load_id.to_string(), "--yes"], &settings)?.status.success(), true)?;
    run(&database, &workdir).await?;
    // A grain of members, of which a decimal names one.
    model(&workdir, "dim_a", "kind: dimension\nkey: [a]\ndistinct: true", "select a from staging.b")?;
    model(&workdir, "fact_b", "kind: fact\ngrain: [a, d]\ndimensions: {a: dim_a}", "select a, d, x from staging.b")?;
    workdir.load(&database, "b.csv", "a,d,x\n1.5,1,5\n1.50,1,6\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(
        &error,
        "grain: several rows of the select have the same a, d: a = \"1.5\", d = \"1\" (2 rows: b.csv line 2",
    )?;
    holds(&error, "b.csv line 3")
}

async fn equal_decimals_are_one_distinct_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_a", "kind: dimension\nkey: [a]\ndistinct: true", "select a from staging.r")?;
    model(&workdir, "dim_b", "kind: dimension\nkey: [b]\ndistinct: true", "select b from staging.r")?;
    let header = "kind: bridge\ndimensions: {a: dim_a, b: dim_b}\ndistinct: true";
    model(&workdir, "bridge_r", header, "select a, b, w from staging.r")?;
    model(&workdir, "rows_r", "kind: table\ndistinct: true", "select a, w from staging.r")?;
    workdir.load(&database, "r.csv", "a,b,w\n1,2,0.5\n1,2,0.50\n1,3,0.5\n2,2,0.5\n2,2,0.500\n").await?;
    run(&database, &workdir).await?;
    let bridge = "select a_key, b_key, w from datawarehouse.bridge_r order by 1, 2";
    same(database.text(bridge).await?, "1|1|0.50\n1|2|0.5\n2|1|0.500")?;
    same(database.text("select a, w from datawarehouse.rows_r order by 1").await?, "1|0.50\n2|0.500")?;
    workdir.load(&database, "r.csv", "a,b,w\n1,3,0.500\n2,2,0.50\n3,3,0.0\n3,3,0\n").await?;
    run(&database, &workdir).await?;
    same(database.text(bridge).await?, "1|1|0.50\n1|2|0.500\n2|1|0.500\n3|2|0.0")?;
    is_as_anew(&database, &workdir, bridge).await
}

async fn equal_decimals_are_one_member_without_a_time(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [sku]", "select sku, price from staging.p")?;
    workdir.load(&database, "p.csv", "sku,price\n1.5,9.5\n1.50,9.50\n2,1\n").await?;
    run(&database, &workdir).await?;
    let members = "select dim_p_key, sku, price from datawarehouse.dim_p where dim_p_key > 0 order by 1";
    same(database.text(members).await?, "1|1.5|9.50\n2|2|1")?;
    workdir.load(&database, "p.csv", "sku,price\n1.500,9.500\n2.0,1.0\n").await?;
    run(&database, &workdir).await?;
    same(database.text(members).await?, "1|1.5|9.500\n2|2|1.0")?;
    is_as_anew(&database, &workdir, members).await?;
    workdir.load(&database, "p.csv", "sku,price\n1.5,9.51\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "key: several rows of the select have the same sku: sku = \"1.5\" (2 rows: p.csv line 2, load ")
}

async fn equal_decimals_are_one_unique_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: dimension\nkey: [id]\nchecks: {unique: [code]}";
    model(&workdir, "dim_p", header, "select id, code from staging.p")?;
    // The first two differ behind the digits of a double.
    let rows = "id,code\n1,1.00000000000000000001\n2,1.00000000000000000002\n3,2.5\n";
    workdir.load(&database, "p.csv", rows).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "p.csv", "id,code\n4,2.50\n").await?;
    holds(&run_fails(&database, &workdir).await?, "unique: code: 2 at fault")
}

async fn the_digits_are_those_of_the_latest_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", "name: u\nfiles: [\"u*.csv\"]\ntable: u\nmode: upsert\nkey: [id]\n")?;
    model(&workdir, "fact_u", "kind: fact\ngrain: [id]", "select id, amount from staging.u")?;
    model(&workdir, "rows_u", "kind: table", "select id, amount, id as again from staging.u")?;
    model(&workdir, "dim_u", "kind: dimension\nkey: [id]\nat: _load_id", "select id, amount from staging.u")?;
    for amount in ["9.5", "9.50", "9.5", "9.500"] {
        workdir.load(&database, "u.csv", format!("id,amount\n1,{amount}\n2,0.25\n")).await?;
        run(&database, &workdir).await?;
        for table in ["fact_u", "rows_u", "dim_u"] {
            let rows = format!("select id, amount from datawarehouse.{table} where id is not null order by id");
            same((table, database.text(&rows).await?), (table, format!("1|{amount}\n2|0.25")))?;
        }
        is_settled(&database, &workdir).await?;
    }
    // Equal rows that stand beside each other.
    model(&workdir, "rows_v", "kind: table", "select a from staging.v")?;
    workdir.load(&database, "v.csv", "a\n1.5\n1.50\n1.50\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "v.csv", "a\n1.500\n1.5\n").await?;
    run(&database, &workdir).await?;
    let rows = "select cast(a as text) as a, count(*) from datawarehouse.rows_v group by 1 order by 1";
    same(database.text(rows).await?, "1.5|2\n1.50|2\n1.500|1")
}

async fn the_records_of_a_member_are_found_by_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: dimension\nkey: [sku]\nat: _load_id\nchecks: {not_null: [name]}";
    model(&workdir, "dim_p", header, "select sku, name from staging.p")?;
    workdir.load(&database, "p.csv", "sku,name\n100.10,a\n2.5,b\n").await?;
    run(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    for value in ["100.1", "100.10", "100.100"] {
        let output = app(&workdir, &["trace", "dim_p", "--where", &format!("sku = {value}")], &settings)?;
        holds(&(stdout(&output) + &stderr(&output)), "p.csv line 2")?;
    }
    workdir.load(&database, "p.csv", "sku,name\n100.100,\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "not_null: name: 1 at fault, such as")?;
    holds(&error, "(p.csv line 2, load 2)")
}

async fn times_in_headers_mean_what_times_mean(database: TestDatabase, workdir: Workdir) -> Outcome {
    let rows = "id,ts,tz,day\n1,2024-12-31 23:00:00,2024-01-01T00:30:00+02:00,2024-06-30\n\
        2,2024-01-01 00:00:00.5,2024-06-01T10:00:00Z,2024-01-01\n";
    workdir.load(&database, "o.csv", rows).await?;
    let fact = |checks: &str| {
        let header = format!("kind: fact\ngrain: [id]\nchecks: {{{checks}}}");
        model(&workdir, "fact_o", &header, "select id, ts, tz, day from staging.o")
    };
    for right in [
        "range: {ts: [\"2024-01-01 00:00\", \"2024-12-31 23:00\"]}",
        "range: {ts: [2024-01-01, 2024-12-31T23:00:00.000]}",
        "range: {ts: [2024-01-01T00:00:00.5, 2025-01-01]}",
        "range: {tz: [\"2023-12-31 22:30\", \"2024-06-01T12:00+02:00\"]}",
        "range: {tz: [2023-12-31T23:30:00+01, 2024-06-02]}",
        "accepted: {tz: [2023-12-31T22:30:00Z, \"2024-06-01 10:00\"]}",
        "accepted: {ts: [2024-12-31T23:00, 2024-01-01T00:00:00.500000]}",
        "range: {day: [2024-01-01, 2024-06-30]}",
    ] {
        fact(right)?;
        run(&database, &workdir).await.map_err(|error| anyhow::anyhow!("{right}: {error}"))?;
    }
    for (wrong, error) in [
        (
            "range: {ts: [2020-01-01T00:00:00, 2024-12-31T10:00:00]}",
            "range: ts: '2020-01-01 00:00:00' to '2024-12-31 10:00:00': 1 at fault",
        ),
        // A day is its beginning, as it is in SQL.
        ("range: {ts: [2024-01-01, 2024-12-31]}", "1 at fault, such as id = \"1\""),
        ("range: {ts: [2024-01-01T00:00:01, 2025-01-01]}", "1 at fault, such as id = \"2\""),
        ("range: {tz: [2024-01-01, 2025-01-01]}", "1 at fault, such as id = \"1\""),
        ("range: {tz: [2023-01-01, \"2024-06-01T10:00:00+02:00\"]}", "1 at fault, such as id = \"2\""),
        ("accepted: {tz: [2024-01-01T00:30:00+02:00]}", "1 at fault, such as id = \"2\""),
    ] {
        fact(wrong)?;
        holds(&run_fails(&database, &workdir).await?, error)?;
    }
    let settings = [("DATABASE_URL", database.url.as_str())];
    for (wrong, error) in [
        (
            "range: {ts: [2024-01-01T00:00:00Z, 2025-01-01]}",
            "fact_o.sql:4: checks: range: ts: '2024-01-01T00:00:00Z' is not a time without an offset as",
        ),
        ("accepted: {ts: [2024-13-01]}", "fact_o.sql:4: checks: accepted: ts: '2024-13-01' is not a time"),
        (
            "range: {day: [2024-01-01T10:00, 2024-02-01]}",
            "fact_o.sql:4: checks: range: day: '2024-01-01T10:00' is not a date as 2024-01-31",
        ),
        (
            "range: {tz: [\"2024-01-01 11:00+01\", \"2024-01-01 09:00+00\"]}",
            "fact_o.sql:4: checks: range: tz: '2024-01-01 10:00:00+00:00' is above '2024-01-01 09:00:00+00:00'",
        ),
    ] {
        fact(wrong)?;
        for arguments in [&["check", "sql/"][..], &["--pipeline"]] {
            let output = app(&workdir, arguments, &settings)?;
            same((wrong, output.status.success()), (wrong, false))?;
            holds(&(stdout(&output) + &stderr(&output)), error)?;
        }
    }
    // The unknown member.
    fact("not_null: [id]")?;
    let header = "kind: dimension\nkey: [id]\nunknown: {tz: \"2000-01-01T10:00:00+02:00\", ts: 2000-01-01T10:00, day: 2000-01-01}";
    model(&workdir, "dim_o", header, "select id, tz, ts, day from staging.o")?;
    run(&database, &workdir).await?;
    let unknown = "select tz, ts, day from datawarehouse.dim_o where dim_o_key = 0";
    same(database.text(unknown).await?, "2000-01-01 08:00:00+00|2000-01-01 10:00:00|2000-01-01")
}

async fn texts_in_headers_keep_their_digits(database: TestDatabase, workdir: Workdir) -> Outcome {
    let values = ["01", "02", "1.10", "1e3", "true", "yes", "NA", "0x1F", "2024-01-01", "1_000", "+5", ".5"];
    let rows: String = values.iter().enumerate().map(|(id, value)| format!("{id},{value}\n")).collect();
    workdir.load(&database, "c.csv", format!("id,code\n{rows}99,x\n")).await?;
    let fact = |list: &str| {
        let header = format!("kind: fact\ngrain: [id]\nchecks: {{accepted: {{code: [{list}]}}}}");
        model(&workdir, "fact_c", &header, "select id, code from staging.c")
    };
    fact(&format!("{}, x", values.join(", ")))?;
    run(&database, &workdir).await?;
    for (place, value) in values.iter().enumerate() {
        let others: Vec<_> = values.iter().filter(|other| *other != value).copied().collect();
        fact(&format!("{}, x", others.join(", ")))?;
        holds(
            &run_fails(&database, &workdir).await?,
            &format!("1 at fault, such as id = \"{place}\", code = \"{value}\""),
        )?;
    }
    fact("1, 2, x")?;
    holds(&run_fails(&database, &workdir).await?, "12 at fault")?;
    std::fs::remove_file(workdir.path("sql/pipeline/fact_c.sql"))?;
    let header =
        "kind: dimension\nkey: [id]\nunknown: {code: 007, price: 9.50, n: 1e3}\nchecks: {range: {code: [007, xx]}}";
    model(
        &workdir,
        "dim_c",
        header,
        "select id, code, cast(id as numeric) as price, id as n from staging.c where id > 98",
    )?;
    run(&database, &workdir).await?;
    let unknown = "select code, price, n from datawarehouse.dim_c where dim_c_key = 0";
    same(database.text(unknown).await?, "007|9.50|1000")?;
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]\nunknown: {n: 9.5}", "select id, id as n from staging.c")?;
    holds(&run_fails(&database, &workdir).await?, "unknown: n: 9.5 is not a whole number")?;
    // What YAML takes for no value is none.
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]\nunknown: {code: null}", "select id, code from staging.c")?;
    holds(&run_fails(&database, &workdir).await?, "dim_c.sql:4: header: unknown takes")
}
