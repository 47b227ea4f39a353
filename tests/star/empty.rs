//! Columns that never had a value: the star reads them as it wants them, and goes on when the first value comes.

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, model, run, run_fails};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_day_without_a_value_is_a_calendars,
        a_key_without_a_value_is_of_its_dimension,
        numbers_without_a_value_are_computed_with,
        several_columns_without_a_value_each_have_a_type,
        columns_without_a_value_meet_in_an_expression,
        values_of_a_header_go_with_a_column_without_one,
        the_rows_of_a_table_without_rows_are_none,
        months_without_a_value_are_of_the_others_type,
        a_wrong_select_stays_wrong;
}

/// The files are right, the plan is, and the run.
async fn goes(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for arguments in [&["check", "sql/"][..], &["plan"], &["--pipeline"]] {
        let output = app(workdir, arguments, &settings)?;
        let said = stdout(&output) + &stderr(&output);
        same((arguments, output.status.code(), &said), (arguments, Some(0), &said))?;
    }
    is_settled(database, workdir).await
}

async fn a_day_without_a_value_is_a_calendars(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_day", "kind: calendar\nfrom: 2024-01-01\nto: 2024-12-31", "")?;
    let header = "kind: fact\ngrain: [oid]\ndimensions: {ordered: dim_day, shipped: dim_day}";
    model(&workdir, "fact_o", header, "select oid, ordered, shipped, amount from staging.o")?;
    workdir.load(&database, "o.csv", "oid,ordered,shipped,amount\n1,2024-01-05,,9.5\n2,2024-02-05,,\n").await?;
    goes(&database, &workdir).await?;
    let keys = "select oid, ordered_key, shipped_key, amount from datawarehouse.fact_o order by oid";
    same(database.text(keys).await?, "1|20240105|0|9.5\n2|20240205|0|∅")?;
    workdir.load(&database, "o.csv", "oid,ordered,shipped,amount\n3,2024-03-05,,1\n").await?;
    goes(&database, &workdir).await?;
    workdir.load(&database, "o.csv", "oid,ordered,shipped,amount\n4,2024-03-05,2024-03-06,1\n").await?;
    goes(&database, &workdir).await?;
    let all = "1|20240105|0|9.5\n2|20240205|0|∅\n3|20240305|0|1\n4|20240305|20240306|1";
    same(database.text(keys).await?, all)?;
    // The first value is of another type.
    workdir.load(&database, "p.csv", "oid,ordered,shipped,amount\n1,2024-01-05,,9.5\n").await?;
    model(&workdir, "fact_p", header, "select oid, ordered, shipped, amount from staging.p")?;
    goes(&database, &workdir).await?;
    workdir.load(&database, "p.csv", "oid,ordered,shipped,amount\n2,2024-01-05,2024-01-06T10:00:00,9.5\n").await?;
    goes(&database, &workdir).await?;
    let keys = "select oid, shipped_key from datawarehouse.fact_p order by oid";
    same(database.text(keys).await?, "1|0\n2|20240106")
}

async fn a_key_without_a_value_is_of_its_dimension(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]", "select id, name from staging.c")?;
    model(&workdir, "dim_d", "kind: dimension\nkey: [id]\nhistory: [name]", "select id, name from staging.d")?;
    for missing in ["unknown", "reject", "infer"] {
        let header = format!(
            "kind: fact\ngrain: [oid]\nat: t\ndimensions: {{c: {{dimension: dim_c, missing: {missing}}}, \
             d: {{dimension: dim_d, missing: {missing}}}}}"
        );
        model(&workdir, &format!("fact_{missing}"), &header, "select oid, c, d, t from staging.o")?;
    }
    workdir.load(&database, "c.csv", "id,name\n1,a\n2,b\n").await?;
    workdir.load(&database, "d.csv", "id,name\n1.5,a\n").await?;
    workdir.load(&database, "o.csv", "oid,c,d,t\n1,,,\n2,,,\n").await?;
    goes(&database, &workdir).await?;
    workdir.load(&database, "o.csv", "oid,c,d,t\n3,2,1.50,2030-01-01T00:00:00Z\n").await?;
    goes(&database, &workdir).await?;
    for fact in ["fact_unknown", "fact_reject", "fact_infer"] {
        let keys = format!("select oid, c_key, d_key from datawarehouse.{fact} order by oid");
        same((fact, database.text(&keys).await?), (fact, "1|0|0\n2|0|0\n3|2|1".to_owned()))?;
    }
    Ok(())
}

async fn numbers_without_a_value_are_computed_with(database: TestDatabase, workdir: Workdir) -> Outcome {
    let select = "select o.oid, o.amount - coalesce(o.disc, 0) as net, round(o.tax * 2, 1) as tax, o.disc, o.amount * o.rate as rated \
        from staging.o as o where o.flag is not true and (o.disc is null or o.disc < 100)";
    model(&workdir, "fact_o", "kind: fact\ngrain: [oid]", select)?;
    // Tables that read it from the star, and a check.
    let header = "kind: table\nchecks: {sql: select 1 from this where rate > 100}";
    model(&workdir, "raw", header, "select oid, disc, tax as tax, rate from staging.o")?;
    let over = "select count(*) as n, sum(disc) as disc, sum(coalesce(tax, 0)) as tax from datawarehouse.raw";
    model(&workdir, "over", "kind: table", over)?;
    let sums =
        "select c, sum(disc) as disc, max(shipped) - min(ordered) as days, count(*) as n from staging.o group by c";
    model(&workdir, "sums", "kind: table", sums)?;
    let joined = "select o.oid, r.name from staging.o as o left join staging.r as r on r.id = o.region";
    model(&workdir, "joined", "kind: fact\ngrain: [oid]", joined)?;
    workdir.load(&database, "r.csv", "id,name\n7,North\n").await?;
    let head = "oid,c,ordered,amount,disc,tax,rate,flag,shipped,region\n";
    workdir.load(&database, "o.csv", format!("{head}1,A,2024-01-01,9.50,,,,,,\n2,A,2024-01-02,1.25,,,,,,\n")).await?;
    goes(&database, &workdir).await?;
    let rows = "select oid, net, tax, disc, rated from datawarehouse.fact_o order by oid";
    same(database.text(rows).await?, "1|9.50|∅|∅|∅\n2|1.25|∅|∅|∅")?;
    same(database.text("select c, disc, days, n from datawarehouse.sums").await?, "A|∅|∅|2")?;
    same(database.text("select n, disc, tax from datawarehouse.over").await?, "2|∅|0")?;
    same(database.text("select oid, name from datawarehouse.joined order by 1").await?, "1|∅\n2|∅")?;
    let more = "3,B,2024-01-03,2.00,0.5,0.25,3,false,2024-01-09,7\n4,B,2024-01-03,2.00,0.5,0.25,3,true,2024-01-10,\n";
    workdir.load(&database, "o.csv", format!("{head}{more}")).await?;
    goes(&database, &workdir).await?;
    same(database.text(rows).await?, "1|9.50|∅|∅|∅\n2|1.25|∅|∅|∅\n3|1.50|0.5|0.5|6.00")?;
    same(database.text("select c, disc, days, n from datawarehouse.sums order by c").await?, "A|∅|∅|2\nB|1.0|7|2")?;
    same(database.text("select n, disc, tax from datawarehouse.over").await?, "4|1.0|0.50")?;
    same(database.text("select oid, name from datawarehouse.joined order by 1").await?, "1|∅\n2|∅\n3|North\n4|∅")
}

async fn several_columns_without_a_value_each_have_a_type(database: TestDatabase, workdir: Workdir) -> Outcome {
    let select = "select id, coalesce(a, 0) + b as n, extract(year from d) as year, coalesce(e, current_date) > d as late, \
        upper(f) as f, case when g then 1 else 0 end as g from staging.x";
    model(&workdir, "rows_x", "kind: table", select)?;
    workdir.load(&database, "x.csv", "id,a,b,d,e,f,g\n1,,,,,,\n").await?;
    goes_with_a_clock(&database, &workdir).await?;
    same(database.text("select id, n, year, late, f, g from datawarehouse.rows_x").await?, "1|∅|∅|∅|∅|0")?;
    workdir.load(&database, "x.csv", "id,a,b,d,e,f,g\n2,1,2.5,2024-05-06,2023-01-01,x,true\n").await?;
    goes_with_a_clock(&database, &workdir).await?;
    let rows = database.text("select id, n, year, late, f, g from datawarehouse.rows_x order by id").await?;
    same(rows, "1|∅|∅|∅|∅|0\n2|3.5|2024|false|X|1")
}

async fn columns_without_a_value_meet_in_an_expression(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_day", "kind: calendar\nfrom: 2024-01-01\nto: 2024-12-31", "")?;
    let days = ["c", "d", "e", "g", "h"].map(|name| format!("{name}: dim_day")).join(", ");
    let select = "select oid, coalesce(a, b) as c, cast(coalesce(a, b) as date) as d, case when oid > 1 then a else b end as e, \
        greatest(a, b) as g, coalesce(b, ordered) as h from staging.o";
    model(&workdir, "fact_o", &format!("kind: fact\ngrain: [oid]\ndimensions: {{{days}}}"), select)?;
    let select = "select oid, cast(coalesce(a, b) as date) as d, coalesce(a, b) - ordered as days, coalesce(a, b) - z as gap, \
        coalesce(x, y) * 2 as twice, case when x > y then x else y end as most from staging.o";
    model(&workdir, "rows_o", "kind: table", select)?;
    model(&workdir, "rows_n", "kind: table", "select oid, coalesce(a, b) - z as gap from staging.o")?;
    workdir.load(&database, "o.csv", "oid,ordered,a,b,z,x,y\n1,2024-01-05,,,,,\n2,2024-02-05,,,,,\n").await?;
    goes(&database, &workdir).await?;
    let keys = "select oid, c_key, d_key, e_key, g_key, h_key from datawarehouse.fact_o order by oid";
    same(database.text(keys).await?, "1|0|0|0|0|20240105\n2|0|0|0|0|20240205")?;
    let rows = "select oid, d, days, gap, twice, most from datawarehouse.rows_o order by oid";
    same(database.text(rows).await?, "1|∅|∅|∅|∅|∅\n2|∅|∅|∅|∅|∅")?;
    // One of them gets a value, then all.
    workdir.load(&database, "o.csv", "oid,ordered,a,b,z,x,y\n3,2024-01-05,2024-01-07,,,1.5,\n").await?;
    goes(&database, &workdir).await?;
    same(
        database.text(&keys.replace("order", "where oid = 3 order")).await?,
        "3|20240107|20240107|20240107|20240107|20240105",
    )?;
    let more = "4,2024-01-05,,2024-01-08,2024-01-01,,2\n";
    workdir.load(&database, "o.csv", format!("oid,ordered,a,b,z,x,y\n{more}")).await?;
    goes(&database, &workdir).await?;
    same(
        database.text(&keys.replace("order", "where oid = 4 order")).await?,
        "4|20240108|20240108|0|20240108|20240108",
    )?;
    let last = rows.replace("order", "where oid > 2 order");
    same(database.text(&last).await?, "3|2024-01-07|2|∅|3.0|∅\n4|2024-01-08|3|7|4|2")
}

/// A select with a clock is compared at every run.
async fn goes_with_a_clock(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(workdir, &["check", "sql/"], &settings)?;
    same((output.status.code(), stdout(&output) + &stderr(&output)), (Some(0), stdout(&output) + &stderr(&output)))?;
    run(database, workdir).await.map(drop)
}

async fn values_of_a_header_go_with_a_column_without_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: dimension\nkey: [id]\nunknown: {price: 0, sold: 2000-01-01, note: none, on_sale: false}\nchecks:\n  \
        range: {price: [0, 100], sold: [2020-01-01, 2030-01-01]}\n  accepted: {on_sale: [true, false], note: [a, none]}";
    model(&workdir, "dim_p", header, "select id, price, sold, note, on_sale from staging.p")?;
    workdir.load(&database, "p.csv", "id,price,sold,note,on_sale\n1,,,,\n").await?;
    goes(&database, &workdir).await?;
    let rows = "select id, price, sold, note, on_sale from datawarehouse.dim_p order by dim_p_key";
    same(database.text(rows).await?, "∅|0|2000-01-01|none|false\n1|∅|∅|∅|∅")?;
    workdir.load(&database, "p.csv", "id,price,sold,note,on_sale\n2,9.5,2024-01-01,a,true\n").await?;
    goes(&database, &workdir).await?;
    same(database.text(rows).await?, "∅|0|2000-01-01|none|false\n1|∅|∅|∅|∅\n2|9.5|2024-01-01|a|true")?;
    workdir.load(&database, "p.csv", "id,price,sold,note,on_sale\n3,900,2024-01-01,a,true\n").await?;
    holds(&run_fails(&database, &workdir).await?, "range: price: 0 to 100: 1 at fault")
}

async fn the_rows_of_a_table_without_rows_are_none(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_day", "kind: calendar\nfrom: 2024-01-01\nto: 2024-12-31", "")?;
    let header = "kind: dimension\nkey: [id]\nhistory: [city]\nat: since";
    model(&workdir, "dim_c", header, "select id, city, since from staging.c")?;
    let header = "kind: fact\ngrain: [oid]\ndimensions: {d: dim_day, c: dim_c}\nat: d_at";
    model(&workdir, "fact_o", header, "select oid, d, c, d as d_at, amount * 2 as amount from staging.o")?;
    let header = "kind: bridge\ndimensions: {c: dim_c, d: dim_day}\nweight: w\ngroup: [c]";
    model(&workdir, "bridge_b", header, "select c, d, w from staging.b")?;
    workdir.load(&database, "c.csv", "id,city,since\n").await?;
    workdir.load(&database, "o.csv", "oid,d,c,amount\n").await?;
    workdir.load(&database, "b.csv", "c,d,w\n").await?;
    goes(&database, &workdir).await?;
    workdir.load(&database, "c.csv", "id,city,since\n5,Bern,2024-01-01\n").await?;
    workdir.load(&database, "o.csv", "oid,d,c,amount\n1,2024-02-01,5,1.5\n").await?;
    workdir.load(&database, "b.csv", "c,d,w\n5,2024-02-01,1\n").await?;
    goes(&database, &workdir).await?;
    let fact = "select oid, d_key, c_key, d_at, amount from datawarehouse.fact_o";
    same(database.text(fact).await?, "1|20240201|1|2024-02-01|3.0")?;
    // A weight that has values, and no numbers among them.
    model(&workdir, "bridge_b", header, "select c, d, 'x' || w as w from staging.b")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["check", "sql/"], &settings)?;
    holds(
        &(stdout(&output) + &stderr(&output)),
        "bridge_b.sql:4: weight: w is text, and a weight is a number: cast it",
    )?;
    holds(&run_fails(&database, &workdir).await?, "weight: w is text, and a weight is a number: cast it in the select")
}

async fn a_wrong_select_stays_wrong(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "rows_x", "kind: table", "select id, coalesce(a, 0) as a, nam from staging.x")?;
    workdir.load(&database, "x.csv", "id,a,name\n1,,n\n").await?;
    holds(&run_fails(&database, &workdir).await?, "nam")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["check", "sql/"], &settings)?;
    holds(&(stdout(&output) + &stderr(&output)), "rows_x.sql:4:33: there is no column nam; did you mean name?")
}

async fn months_without_a_value_are_of_the_others_type(database: TestDatabase, workdir: Workdir) -> Outcome {
    let header = "kind: table\nunpivot: {into: amount, columns: [jan..mar]}\nchecks: {range: {amount: [0, 100]}}";
    model(&workdir, "rows_m", header, "select id, jan, feb, mar from staging.m")?;
    model(&workdir, "sums", "kind: table", "select sum(amount) as amount from datawarehouse.rows_m")?;
    workdir.load(&database, "m.csv", "id,jan,feb,mar\n1,1.5,2.5,\n2,,3.0,\n").await?;
    goes(&database, &workdir).await?;
    same(database.text("select amount from datawarehouse.sums").await?, "7.0")?;
    workdir.load(&database, "m.csv", "id,jan,feb,mar\n3,1.5,2.0,0.25\n").await?;
    goes(&database, &workdir).await?;
    same(database.text("select amount from datawarehouse.sums").await?, "10.75")
}
