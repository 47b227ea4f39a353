//! Corners of the declared star: first errors, unique members, weights, calendars that get shorter, and the plan as SQL.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{model, run, run_fails};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_key_of_several_columns_is_the_first_error,
        a_plan_without_changes_has_no_statements,
        a_plan_that_alters_a_table_is_sql,
        versions_of_one_member_share_a_unique_value,
        members_that_share_a_unique_value_are_at_fault,
        a_weight_that_is_null_is_at_fault,
        a_weight_is_a_number,
        weights_sum_to_one_by_a_millionth_a_row,
        weights_are_of_the_selects_own_groups,
        rows_left_out_are_not_weighed,
        groups_are_members_and_decimals_are_values,
        a_calendar_keeps_the_days_of_its_facts,
        a_calendar_without_facts_may_get_shorter,
        versions_and_members_are_counted_apart,
        what_an_engine_cannot_hold_is_told_before,
        what_a_run_lets_pass_is_named_and_shown,
        many_attributes_are_overwritten;
}

fn lacks(text: &str, words: &str) -> Outcome {
    same((words, text.contains(words), text), (words, false, text))
}

async fn a_key_of_several_columns_is_the_first_error(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_p", "kind: dimension\nkey: [store, sku]", "select store, sku, price from staging.p")?;
    workdir.load(&database, "p.csv", "store,sku,price\n1,A,5\n2,A,6\n").await?;
    workdir.load(&database, "o.csv", "oid,sku,store\n1,A,1\n2,A,2\n").await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let all: [&[&str]; 4] = [&["check", "sql/"], &["plan"], &["plan", "--select", "fact_o"], &["--pipeline"]];
    for header in
        ["kind: fact\ngrain: [oid]\ndimensions: {sku: dim_p}", "kind: bridge\ndimensions: {sku: dim_p, oid: dim_o}"]
    {
        model(&workdir, "dim_o", "kind: dimension\nkey: [oid]", "select oid from staging.o")?;
        model(&workdir, "fact_o", header, "select oid, sku from staging.o")?;
        for arguments in all {
            let output = app(&workdir, arguments, &settings)?;
            let said = stdout(&output) + &stderr(&output);
            same(output.status.success(), false)?;
            holds(&said, "dim_p is known by 2 columns together (store, sku)")?;
            lacks(&said, "cast one of them")?;
        }
    }
    Ok(())
}

async fn a_plan_without_changes_has_no_statements(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]", "select id, v from staging.c")?;
    model(&workdir, "fact_c", "kind: fact\ngrain: [id]\ndimensions: {id: dim_c}", "select id from staging.c")?;
    workdir.load(&database, "c.csv", "id,v\n1,a\n").await?;
    run(&database, &workdir).await?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["plan", "--sql"], &settings)?;
    same((output.status.code(), stdout(&output)), (Some(0), String::new()))?;
    let output = app(&workdir, &["plan", "--sql", "--json"], &settings)?;
    holds(&stdout(&output), "{\"sql\":[]}")?;
    workdir.load(&database, "c.csv", "id,v\n2,b\n").await?;
    holds(&stdout(&app(&workdir, &["plan", "--sql"], &settings)?), "insert into ")
}

async fn a_plan_that_alters_a_table_is_sql(database: TestDatabase, workdir: Workdir) -> Outcome {
    let dimension = |columns: &str| {
        let header = "kind: dimension\nkey: [id]";
        model(&workdir, "dim_c", header, &format!("select {columns} from staging.c"))
    };
    dimension("id, v, w")?;
    model(&workdir, "rows_c", "kind: table", "select id, v from staging.c")?;
    workdir.load(&database, "c.csv", "id,v,w\n1,a,x\n").await?;
    run(&database, &workdir).await?;
    // A new column, one that goes, and one of another type.
    for columns in ["id, v, w, v as more", "id, v", "id, cast(w as bigint) as v, w", "cast(id as text) as id, v, w"] {
        dimension(columns)?;
        model(
            &workdir,
            "rows_c",
            "kind: table",
            &format!("select {} from staging.c", columns.replace("cast(w as bigint)", "3")),
        )?;
        let options = Options { allow_drop: true, dry: true, ..Options::default() };
        let report = pipeline::run_with(&workdir.app(&database).workspace, &options).await;
        let Ok(report) = report else { continue };
        let sql = report.sql.join(";\n");
        for word in ["TableColumn", "Alteration", "[Add", "[Drop", "Cast("] {
            lacks(&sql, word)?;
        }
        holds(&sql, "alter table ")?;
        if columns.ends_with("more") {
            holds(&sql.to_lowercase(), "add column \"more\" text")?;
        }
    }
    Ok(())
}

const UNIQUE: &str = "kind: dimension\nkey: [id]\nhistory: [city]\nat: d\nchecks: {unique: [id, email, city]}";

async fn versions_of_one_member_share_a_unique_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_c", UNIQUE, "select id, email, city, d from staging.c")?;
    workdir.load(&database, "c.csv", "id,email,city,d\n1,a@x,Bern,2024-01-01\n").await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "c.csv", "id,email,city,d\n1,a@x,Thun,2024-02-01\n").await?;
    run(&database, &workdir).await?;
    // A value that comes back, and one that another member takes over.
    workdir.load(&database, "c.csv", "id,email,city,d\n1,a@x,Bern,2024-03-01\n2,b@x,Thun,2024-03-01\n").await?;
    run(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.dim_c where is_current").await?, "3")?;
    // A key of several columns.
    let header = "kind: dimension\nkey: [a, b]\nhistory: [code]\nat: d\nchecks: {unique: [code]}";
    model(&workdir, "dim_k", header, "select a, b, code, d from staging.k")?;
    let rows = "a,b,code,d\n1,1,K,2024-01-01\n1,1,L,2024-02-01\n1,1,K,2024-03-01\n1,2,M,2024-01-01\n";
    workdir.load(&database, "k.csv", rows).await?;
    run(&database, &workdir).await.map(drop)
}

async fn members_that_share_a_unique_value_are_at_fault(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(&workdir, "dim_c", UNIQUE, "select id, email, city, d from staging.c")?;
    let rows = "id,email,city,d\n1,a@x,Bern,2024-01-01\n1,a@x,Genf,2024-02-01\n2,a@x,Thun,2024-02-01\n\
        3,,Biel,2024-02-01\n4,,Chur,2024-02-01\n";
    workdir.load(&database, "c.csv", rows).await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "unique: email: 2 at fault")?;
    lacks(&error, "unique: city")?;
    // Without history each row is a member.
    model(
        &workdir,
        "dim_c",
        "kind: dimension\nkey: [id]\nat: d\nchecks: {unique: [email]}",
        "select id, email, d from staging.c",
    )?;
    holds(&run_fails(&database, &workdir).await?, "unique: email: 2 at fault")
}

/// A bridge of accounts and customers over these rows; only account A is known.
async fn bridge(database: &TestDatabase, workdir: &Workdir, rows: &str) -> Outcome {
    model(workdir, "dim_acc", "kind: dimension\nkey: [acc]", "select acc from staging.a")?;
    model(workdir, "dim_cust", "kind: dimension\nkey: [cust]\ndistinct: true", "select cust from staging.r")?;
    let header = "kind: bridge\ndimensions: {acc: dim_acc, cust: dim_cust}\nweight: w\ngroup: [acc]";
    model(workdir, "bridge_ac", header, "select acc, cust, w from staging.r")?;
    workdir.load(database, "a.csv", "acc,name\nA,a\n").await?;
    workdir.load(database, "r.csv", format!("acc,cust,w\n{rows}")).await.map(drop)
}

async fn a_weight_that_is_null_is_at_fault(database: TestDatabase, workdir: Workdir) -> Outcome {
    bridge(&database, &workdir, "A,1,1\nB,2,\nC,1,\nC,2,1\nD,1,0.4\nD,2,0.6\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "weight: the sum of w is 1: 2 at fault")?;
    holds(&error, "acc = \"B\", weight = NULL (r.csv line 3, load 2)")?;
    holds(&error, "acc = \"C\", weight = NULL (r.csv line 4, load 2)")?;
    // A column that never had a value.
    let another = workdir.path("sql/pipeline/bridge_ac.sql");
    std::fs::remove_file(another)?;
    let header = "kind: bridge\ndimensions: {acc: dim_acc, cust: dim_cust}\nweight: w\ngroup: [acc]";
    model(&workdir, "bridge_e", header, "select acc, cust, w from staging.e")?;
    workdir.load(&database, "e.csv", "acc,cust,w\nA,1,\nB,2,\n").await?;
    holds(&run_fails(&database, &workdir).await?, "weight: the sum of w is 1: 2 at fault")
}

async fn a_weight_is_a_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    bridge(&database, &workdir, "A,1,1\nB,2,half\n").await?;
    holds(&run_fails(&database, &workdir).await?, "bridge_ac.sql:4: weight: w is ")?;
    holds(&run_fails(&database, &workdir).await?, ", and a weight is a number: cast it in the select")?;
    let header = "kind: bridge\ndimensions: {acc: dim_acc, cust: dim_cust}\nweight: w\ngroup: [acc]";
    model(&workdir, "bridge_ac", header, "select acc, cust, 1 = 1 as w from staging.r")?;
    holds(&run_fails(&database, &workdir).await?, "weight: w is boolean")
}

async fn weights_sum_to_one_by_a_millionth_a_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    bridge(&database, &workdir, "B,1,1\n").await?;
    for (weights, is_one) in [
        ("0.333333 0.333333 0.333333", true),
        ("0.33333 0.33333 0.33333", false),
        ("0.166667 0.166667 0.166667 0.166667 0.166667 0.166667", true),
        ("0.142857 0.142857 0.142857 0.142857 0.142857 0.142857 0.142857", true),
        ("0.3333333333333333 0.3333333333333333 0.3333333333333333", true),
        ("0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1", true),
        ("0.500002 0.5", true),
        ("0.500003 0.5", false),
        ("0.499998 0.5", true),
        ("0.499997 0.5", false),
        ("1.000001", true),
        ("1.000002", false),
        ("-0.25 1.25", true),
        ("-0.25 1.250003", false),
        ("1001 -1000", false),
    ] {
        let rows: Vec<_> =
            weights.split(' ').enumerate().map(|(place, weight)| format!("A,{place},{weight}\n")).collect();
        let load = workdir.load(&database, "r.csv", format!("acc,cust,w\n{}", rows.concat())).await?.load_id;
        for select in ["acc, cust, w", "acc, cust, cast(w as double precision) as w"] {
            let header = "kind: bridge\ndimensions: {acc: dim_acc, cust: dim_cust}\nweight: w\ngroup: [acc]";
            model(&workdir, "bridge_ac", header, &format!("select {select} from staging.r"))?;
            let done = pipeline::run(&workdir.app(&database).workspace).await;
            same((weights, done.is_ok()), (weights, is_one))?;
        }
        retract(&workdir.app(&database).loader, load, true).await?;
    }
    Ok(())
}

async fn weights_are_of_the_selects_own_groups(database: TestDatabase, workdir: Workdir) -> Outcome {
    // Nobody knows X and Y, and NULL is a group of its own.
    bridge(&database, &workdir, "A,1,1\nX,1,1\nY,2,0.5\nY,3,0.5\n,1,1\n").await?;
    run(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.bridge_ac where acc_key = 0").await?, "4")?;
    // Two halves of two groups are no whole.
    workdir.load(&database, "r.csv", "acc,cust,w\nV,1,0.5\nW,2,0.5\n").await?;
    let error = run_fails(&database, &workdir).await?;
    holds(&error, "2 at fault")?;
    holds(&error, "acc = \"V\", weight = \"0.5\" (r.csv line 2, load 3)")?;
    // The rest of both comes with another load.
    workdir.load(&database, "r.csv", "acc,cust,w\nV,2,0.5\nW,3,0.5\n").await?;
    run(&database, &workdir).await.map(drop)
}

async fn rows_left_out_are_not_weighed(database: TestDatabase, workdir: Workdir) -> Outcome {
    bridge(&database, &workdir, "A,1,1\nX,1,1\nY,1,1\nY,9,1\n").await?;
    model(&workdir, "dim_known", "kind: dimension\nkey: [cust]", "select cust from staging.k")?;
    workdir.load(&database, "k.csv", "cust,n\n1,x\n").await?;
    let header = "kind: bridge\ndimensions: {acc: dim_acc, cust: {dimension: dim_known, missing: reject}}\nweight: w\ngroup: [acc]";
    model(&workdir, "bridge_ac", header, "select acc, cust, w from staging.r")?;
    run(&database, &workdir).await?;
    same(database.text("select count(*) from datawarehouse.bridge_ac").await?, "3")
}

async fn groups_are_members_and_decimals_are_values(database: TestDatabase, workdir: Workdir) -> Outcome {
    // The versions of a member are one group, and 1.5 and 1.50 are one account.
    let header = "kind: dimension\nkey: [acc]\nhistory: [name]\nat: d";
    model(&workdir, "dim_acc", header, "select acc, name, d from staging.a")?;
    model(&workdir, "dim_cust", "kind: dimension\nkey: [cust]\ndistinct: true", "select cust from staging.r")?;
    let header = "kind: bridge\nat: since\ngrain: [line_no]\ndimensions: {acc: dim_acc, cust: dim_cust}\n\
        weight: w\ngroup: [acc, part, acc]";
    model(&workdir, "bridge_ac", header, "select line_no, acc, cust, part, since, w from staging.r")?;
    workdir.load(&database, "a.csv", "acc,name,d\n1.5,a,2024-01-01\n1.50,b,2024-06-01\n").await?;
    let rows = "line_no,acc,cust,part,since,w\n1,1.50,1,2.0,2024-02-01,0.5\n2,1.5,2,2,2024-07-01,0.5\n3,1.50,1,7.25,2024-02-01,1\n";
    workdir.load(&database, "r.csv", rows).await?;
    run(&database, &workdir).await?;
    same(database.text("select acc_key from datawarehouse.bridge_ac order by line_no").await?, "1\n2\n1")
}

/// A calendar of 2024 with these bounds, and two facts of 2024.
fn calendar(workdir: &Workdir, from: &str, to: &str) -> Outcome {
    model(workdir, "dim_day", &format!("kind: calendar\nfrom: 2024-{from}\nto: 2024-{to}"), "")
}

async fn a_calendar_keeps_the_days_of_its_facts(database: TestDatabase, workdir: Workdir) -> Outcome {
    calendar(&workdir, "01-01", "12-31")?;
    let dimensions = "kind: fact\ngrain: [oid]\ndimensions: {d: dim_day}";
    model(&workdir, "fact_o", dimensions, "select oid, d from staging.o")?;
    let reject = "kind: fact\ngrain: [oid]\ndimensions: {d: {dimension: dim_day, role: day, missing: reject}}";
    model(&workdir, "fact_r", reject, "select oid, d from staging.o where oid < 2")?;
    workdir.load(&database, "o.csv", "oid,d\n1,2024-02-01\n2,2024-11-30\n3,2024-12-01\n").await?;
    run(&database, &workdir).await?;
    let days = "select oid, d_key from datawarehouse.fact_o order by oid";
    let all = "1|20240201\n2|20241130\n3|20241201";
    // Either end; a select that leaves the facts out does not matter.
    calendar(&workdir, "01-01", "06-30")?;
    holds(
        &run_fails(&database, &workdir).await?,
        "dim_day.sql: the days that go have facts: 2 rows of datawarehouse.fact_o with d_key such as 2024-11-30: let the",
    )?;
    let select = Options { select: vec!["dim_day".to_owned()], ..Options::default() };
    let error = pipeline::run_with(&workdir.app(&database).workspace, &select).await.unwrap_err();
    holds(&error.to_string(), "--allow-drop")?;
    calendar(&workdir, "02-02", "12-31")?;
    let options = Options { dry: true, ..Options::default() };
    let error = pipeline::run_with(&workdir.app(&database).workspace, &options).await.unwrap_err().to_string();
    holds(&error, "1 row of datawarehouse.fact_o with d_key such as 2024-02-01")?;
    holds(&error, "1 row of datawarehouse.fact_r with day_key such as 2024-02-01")?;
    same(database.text(days).await?, all)?;
    calendar(&workdir, "01-01", "06-30")?;
    let options = Options { allow_drop: true, ..Options::default() };
    pipeline::run_with(&workdir.app(&database).workspace, &options).await?;
    same(database.text(days).await?, "1|20240201\n2|0\n3|0")?;
    calendar(&workdir, "01-01", "12-31")?;
    run(&database, &workdir).await?;
    same(database.text(days).await?, all)
}

async fn a_calendar_without_facts_may_get_shorter(database: TestDatabase, workdir: Workdir) -> Outcome {
    calendar(&workdir, "01-01", "12-31")?;
    let header = "kind: fact\ngrain: [oid]\ndimensions: {d: dim_day}";
    model(&workdir, "fact_o", header, "select oid, d from staging.o")?;
    workdir.load(&database, "o.csv", "oid,d\n1,2024-02-01\n2,2030-01-01\n").await?;
    run(&database, &workdir).await?;
    calendar(&workdir, "02-01", "06-30")?;
    run(&database, &workdir).await?;
    same(database.text("select d_key from datawarehouse.fact_o order by oid").await?, "20240201\n0")?;
    same(database.text("select count(*) from datawarehouse.dim_day").await?, "152")
}

async fn versions_and_members_are_counted_apart(database: TestDatabase, workdir: Workdir) -> Outcome {
    model(
        &workdir,
        "dim_c",
        "kind: dimension\nkey: [id]\nhistory: [city]\nat: d",
        "select id, city, d from staging.c",
    )?;
    workdir.load(&database, "c.csv", "id,city,d\n1,Bern,2024-01-01\n2,Biel,2024-01-01\n").await?;
    same(run(&database, &workdir).await?[0].words(), "+2 new (first build)")?;
    workdir.load(&database, "c.csv", "id,city,d\n1,Thun,2024-02-01\n3,Chur,2024-02-01\n").await?;
    let change = run(&database, &workdir).await?.remove(0);
    same(change.words(), "+1 new, 1 changed, 1 new version, 3 members (1 load new)")?;
    same((change.rows, change.members, change.inserted, change.new_rows()), (4, Some(3), 2, 1))
}

/// PostgreSQL cuts a name of 64 bytes, SQLite joins 64 tables.
async fn what_an_engine_cannot_hold_is_told_before(database: TestDatabase, workdir: Workdir) -> Outcome {
    use sluice::sql::Engine;
    let roles = 70;
    let columns: Vec<_> = (0..roles).map(|number| format!("c{number}")).collect();
    let (list, uses) = (columns.join(","), columns.join(": dim_m, ") + ": dim_m");
    model(&workdir, "dim_m", "kind: dimension\nkey: [m]", "select m from staging.m")?;
    let header = format!("kind: fact\ngrain: [oid]\ndimensions: {{{uses}}}");
    model(&workdir, "fact_o", &header, &format!("select oid, {list} from staging.o"))?;
    workdir.load(&database, "m.csv", "m,n\n1,x\n2,y\n").await?;
    workdir.load(&database, "o.csv", format!("oid,{list}\n1{}\n", ",2".repeat(roles))).await?;
    if database.engine == Engine::Sqlite {
        let why = "fact_o.sql:4: dimensions: 70 of them and 1 of the select are 71 tables, and SQLite joins 64 at most";
        let settings = [("DATABASE_URL", database.url.as_str())];
        let all: [&[&str]; 3] = [&["check", "sql/"], &["plan"], &["--pipeline"]];
        for arguments in all {
            let output = app(&workdir, arguments, &settings)?;
            same(output.status.success(), false)?;
            holds(&(stdout(&output) + &stderr(&output)), why)?;
        }
        // As many as can be joined are.
        let uses = columns[..63].join(": dim_m, ") + ": dim_m";
        let header = format!("kind: fact\ngrain: [oid]\ndimensions: {{{uses}}}");
        model(&workdir, "fact_o", &header, &format!("select oid, {list} from staging.o"))?;
        run(&database, &workdir).await?;
        same(database.text("select oid, c0_key, c62_key, c69 from datawarehouse.fact_o").await?, "1|2|2|2")?;
        return Ok(());
    }
    run(&database, &workdir).await?;
    same(database.text("select oid, c0_key, c69_key from datawarehouse.fact_o").await?, "1|2|2")?;
    let long = "a".repeat(60);
    let header = format!("kind: fact\ngrain: [oid]\ndimensions: {{{long}: dim_m}}");
    model(&workdir, "fact_l", &header, &format!("select oid, c1 as {long} from staging.o"))?;
    let why = format!("the column {long}_key has a name of 64 bytes, and PostgreSQL takes 63");
    holds(&run_fails(&database, &workdir).await?, &why)
}

/// A row of PostgreSQL has room for so many only where most are NULL.
async fn what_a_run_lets_pass_is_named_and_shown(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    model(&workdir, "dim_p", "kind: dimension\nkey: [p]", "select p, name from staging.p")?;
    let checks = "checks: [{not_null: [amount], severity: warn}]";
    let header =
        format!("kind: fact\ngrain: [oid]\ndimensions: {{p: {{dimension: dim_p, missing: reject}}}}\n{checks}");
    model(&workdir, "fact_o", &header, "select oid, p, amount from staging.o")?;
    workdir.load(&database, "p.csv", "p,name\n1,a\n").await?;
    workdir.load(&database, "o.csv", "oid,p,amount\n1,1,5\n2,1,\n3,7,8\n4,8,9\n").await?;
    let output = app(&workdir, &["--pipeline"], &settings)?;
    same(output.status.code(), Some(0))?;
    holds(
        &stderr(&output),
        "WARN sql/pipeline/fact_o.sql:5: checks: not_null: amount: 1 at fault, such as oid = \"2\"",
    )?;
    let output = app(&workdir, &["status"], &settings)?;
    same(output.status.code(), Some(0))?;
    holds(&stdout(&output), "  fact_o: not_null: amount: 1 at fault")?;
    holds(&stdout(&output), "  fact_o leaves rows out: 2 values of them that no dimension knows; app rejects fact_o")
}

async fn many_attributes_are_overwritten(database: TestDatabase, workdir: Workdir) -> Outcome {
    let columns: Vec<_> = (0..1_050).map(|number| format!("c{number}")).collect();
    let (list, select) = (columns.join(","), format!("select id, {} from staging.c", columns.join(", ")));
    workdir.plugin("c", "name: c\ncreator: us\nfiles: [c*.csv]\ntable: c\nmode: replace\n")?;
    model(&workdir, "dim_c", "kind: dimension\nkey: [id]", &select)?;
    let history = format!("kind: dimension\nkey: [id]\nhistory: [{}]", columns.join(", "));
    model(&workdir, "dim_h", &history, &select)?;
    model(&workdir, "fact_c", "kind: fact\ngrain: [id]", &select)?;
    for value in ["1", "2"] {
        workdir.load(&database, "c.csv", format!("id,{list}\n7,{value}{}{value}\n", ",".repeat(1_049))).await?;
        run(&database, &workdir).await?;
    }
    for table in ["dim_c", "dim_h", "fact_c"] {
        let is_current = if table == "dim_h" { " and is_current" } else { "" };
        let newest = format!("select c0, c1049 from datawarehouse.{table} where id = 7{is_current}");
        same(database.text(&newest).await?, "2|2")?;
    }
    Ok(())
}
