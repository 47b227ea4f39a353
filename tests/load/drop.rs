//! `app drop` takes a table with what belongs to it, questions' views go with their files, and what stands beside a table is shown.

use serde_json::Value;
use sluice::analysis;
use sluice::record::{Beside, BesideKind};
use sluice::sql::Table;
use sluice::warehouse::Scope;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_staging_table,
        tables_of_the_star,
        a_question,
        what_others_made_stays,
        it_asks_and_says_what_there_is_not,
        a_questions_file_that_is_gone,
        a_view_by_hand_is_never_dropped,
        beside_the_table;
}

async fn by_hand(database: &TestDatabase, sql: &str) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(sql, &[]).await?;
    Ok(transaction.commit().await?)
}

/// A view in the star's schema that somebody makes by hand.
async fn view_by_hand(database: &TestDatabase, name: &str, reads: &Table) -> Outcome {
    let names = database.warehouse.names();
    let view = names.table(&Table::datawarehouse(name));
    by_hand(database, &format!("create view {view} as select * from {}", names.table(reads))).await
}

async fn is_there(database: &TestDatabase, table: &Table) -> anyhow::Result<bool> {
    Ok(!database.warehouse.begin(Scope::Load).await?.columns(table).await?.is_empty())
}

fn run(workdir: &Workdir, database: &TestDatabase, arguments: &[&str], code: i32) -> anyhow::Result<String> {
    let output = app(workdir, arguments, &[("DATABASE_URL", database.url.as_str())])?;
    anyhow::ensure!(
        output.status.code() == Some(code),
        "{arguments:?}: {:?}\n{}\n{}",
        output.status,
        stdout(&output),
        stderr(&output)
    );
    Ok(if code == 0 { stdout(&output) } else { stderr(&output) })
}

fn star(workdir: &Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_sku.sql",
        "/*\nkind: dimension\nkey: [sku]\n*/\nselect sku, max(name) as name from staging.n group by sku",
    )?;
    workdir.write(
        "sql/pipeline/fact_n.sql",
        "/*\nkind: fact\ngrain: [sku, day]\ndimensions:\n  sku: dim_sku\n*/\nselect sku, day, amount from staging.n",
    )?;
    workdir.write("sql/analysis/q.sql", "select sku, count(*) as n from staging.n group by sku order by sku")?;
    workdir.write("sql/analysis/total.sql", "select sum(amount) as total from datawarehouse.fact_n")?;
    Ok(())
}

const N: &str = "sku,name,day,amount\nA,apple,1,5\nB,pear,1,6\n";

async fn a_staging_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&workdir)?;
    workdir.load(&database, "n.csv", N).await?;
    workdir.load(&database, "n.2.csv", "sku,name,day,amount\nC,fig,1,7\n").await?;
    run(&workdir, &database, &["--pipeline"], 0)?;
    run(&workdir, &database, &["--analysis"], 0)?;
    run(&workdir, &database, &["export", "staging.n"], 0)?;

    let would = run(&workdir, &database, &["drop", "n", "--dry-run"], 0)?;
    holds(&would, "staging.n (staging) and its 3 rows would be dropped\n2 loads (1, 2) would be retracted")?;
    holds(&would, "views that read it: datawarehouse.q")?;
    holds(&would, "n.csv")?;
    holds(&would, "read by sql/pipeline/dim_sku.sql, sql/pipeline/fact_n.sql, sql/analysis/q.sql: they fail")?;
    same(database.text("select count(*) from staging.n").await?, "3")?;
    same(is_there(&database, &Table::datawarehouse("q")).await?, true)?;
    same(workdir.list("exports"), ["index.html", "n.csv", "q.csv", "total.csv"])?;

    let json: Value = serde_json::from_str(&run(&workdir, &database, &["drop", "staging.n", "--yes", "--json"], 0)?)?;
    same(json["rows"].as_u64(), Some(3))?;
    same(json["loads"].clone(), serde_json::json!([1, 2]))?;
    same(json["dry_run"].as_bool(), Some(false))?;
    for table in [Table::staging("n"), Table::datawarehouse("q")] {
        same(is_there(&database, &table).await?, false)?;
    }
    same(workdir.list("exports"), ["index.html", "total.csv"])?;
    let of = "select (select count(*) from sluice.column), (select count(*) from sluice.dataset)";
    same(database.text(of).await?, "0|0")?;
    same(database.text("select id, status from sluice.load order by id").await?, "1|retracted\n2|retracted")?;
    holds(
        &run(&workdir, &database, &["why", "n.csv"], 0)?,
        "taken back out of staging.n: the table was dropped by app",
    )?;

    // The same file is new, in types of its own, and the star follows.
    let again = workdir.load(&database, "n.csv", N).await?;
    same((again.load_id, again.duplicate_of, again.books.loaded), (3, None, 2))?;
    run(&workdir, &database, &["--pipeline"], 0)?;
    same(database.text("select amount from datawarehouse.fact_n order by 1").await?, "5\n6")?;
    run(&workdir, &database, &["--analysis"], 0)?;
    same(is_there(&database, &Table::datawarehouse("q")).await?, true)?;

    // With what an upsert had replaced.
    workdir.plugin("u", "name: u\nfiles: [\"u*\"]\ntable: u\nmode: upsert\nkey: [a]\n")?;
    workdir.load(&database, "u.csv", "a,b\n1,x\n").await?;
    workdir.load(&database, "u.csv", "a,b\n1,y\n").await?;
    holds(&run(&workdir, &database, &["drop", "u", "--yes"], 0)?, "kept beside it: sluice.u_before")?;
    same(workdir.load(&database, "u.csv", "a,b\n1,x\n").await?.duplicate_of, None)?;
    // One that somebody dropped has the ledger's claim still.
    let drop = format!("drop table {}", database.warehouse.names().table(&Table::staging("u")));
    by_hand(&database, &drop).await?;
    holds(&run(&workdir, &database, &["drop", "u", "--yes"], 0)?, "staging.u (staging) is dropped\n1 load")?;
    run(&workdir, &database, &["drop", "u", "--yes"], 2).map(drop_text)
}

fn drop_text(_: String) {}

async fn tables_of_the_star(database: TestDatabase, workdir: Workdir) -> Outcome {
    star(&workdir)?;
    workdir.load(&database, "n.csv", N).await?;
    run(&workdir, &database, &["--pipeline"], 0)?;
    run(&workdir, &database, &["--analysis"], 0)?;
    // A dimension that a fact refers to stays.
    let refused = run(&workdir, &database, &["drop", "dim_sku", "--yes"], 1)?;
    holds(&refused, "datawarehouse.dim_sku stays, because these rest on it: datawarehouse.fact_n")?;
    let done = run(&workdir, &database, &["drop", "fact_n", "--yes"], 0)?;
    holds(&done, "datawarehouse.fact_n (fact) and its 2 rows are dropped")?;
    holds(&done, "views that read it: datawarehouse.total")?;
    holds(&done, "sql/pipeline/fact_n.sql still stands: the next app --pipeline makes it again")?;
    same(is_there(&database, &Table::datawarehouse("fact_n")).await?, false)?;
    run(&workdir, &database, &["drop", "datawarehouse.dim_sku", "--yes"], 0)?;
    same(database.text("select count(*) from sluice.star").await?, "0")?;
    same(database.text("select count(*) from staging.n").await?, "2")?;
    run(&workdir, &database, &["--pipeline"], 0)?;
    same(database.text("select amount from datawarehouse.fact_n order by 1").await?, "5\n6")
}

async fn a_question(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", N).await?;
    workdir.write("sql/analysis/q.sql", "select sku, count(*) as n from staging.n group by sku")?;
    workdir.write("sql/analysis/over.sql", "select n from datawarehouse.q")?;
    run(&workdir, &database, &["--analysis"], 0)?;
    let done = run(&workdir, &database, &["drop", "q", "--yes"], 0)?;
    holds(&done, "datawarehouse.q (question) is dropped")?;
    holds(&done, "views that read it: datawarehouse.over")?;
    holds(&done, "sql/analysis/q.sql still stands: the next app --analysis makes it again")?;
    same(workdir.list("exports"), ["index.html"])?;
    same(database.text("select count(*) from sluice.question").await?, "0")?;
    same(database.text("select count(*) from staging.n").await?, "2")?;
    run(&workdir, &database, &["--analysis"], 0)?;
    same(database.text("select name from sluice.question order by 1").await?, "over\nq")
}

async fn what_others_made_stays(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", N).await?;
    workdir.write("sql/analysis/q.sql", "select sku from staging.n")?;
    run(&workdir, &database, &["--analysis"], 0)?;
    view_by_hand(&database, "mine", &Table::datawarehouse("q")).await?;
    for name in ["n", "q"] {
        let refused = run(&workdir, &database, &["drop", name, "--yes"], 1)?;
        holds(&refused, "stays, because these rest on it")?;
        holds(&refused, "datawarehouse.mine")?;
    }
    holds(&run(&workdir, &database, &["drop", "mine", "--yes"], 2)?, "datawarehouse.mine was not made by Sluice")?;
    same(database.text("select count(*) from staging.n").await?, "2")?;
    same(workdir.list("exports"), ["index.html", "q.csv"])?;
    same(database.text("select status from sluice.load").await?, "loaded")?;
    let mine = database.warehouse.names().table(&Table::datawarehouse("mine"));
    by_hand(&database, &format!("drop view {mine}")).await?;
    run(&workdir, &database, &["drop", "n", "--yes"], 0).map(drop_text)
}

async fn it_asks_and_says_what_there_is_not(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "orders.csv", "a\n1\n").await?;
    for (arguments, expected) in [
        (["drop", "orders", "--quiet"], "say --yes, or see what it would do by app drop orders --dry-run"),
        (["drop", "oders", "--yes"], "there is no table or view oders; did you mean orders?"),
        (["drop", "datawarehouse.orders", "--yes"], "there is no table or view datawarehouse.orders"),
        (["drop", "sluice.load", "--yes"], "there is no table or view sluice.load"),
        (["drop", "nothere.orders", "--yes"], "there is no table or view nothere.orders"),
    ] {
        holds(&run(&workdir, &database, &arguments, 2)?, expected)?;
    }
    same(database.text("select count(*) from staging.orders").await?, "1")?;
    workdir.write("sql/pipeline/orders.sql", "/*\nkind: table\n*/\nselect a from staging.orders")?;
    run(&workdir, &database, &["--pipeline"], 0)?;
    let which = run(&workdir, &database, &["drop", "orders", "--yes"], 2)?;
    holds(&which, "there are staging.orders and datawarehouse.orders: say which")
}

async fn a_questions_file_that_is_gone(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", N).await?;
    workdir.write("sql/analysis/one.sql", "/*\nexports: [csv, json]\n*/\nselect sku from staging.n")?;
    workdir.write("sql/analysis/over.sql", "select sku from datawarehouse.one")?;
    workdir.write("sql/analysis/stays.sql", "select sku from staging.n")?;
    run(&workdir, &database, &["--analysis"], 0)?;
    same(workdir.list("exports").len(), 5)?;
    // Renamed, and what read it reads the new one.
    std::fs::rename(workdir.path("sql/analysis/one.sql"), workdir.path("sql/analysis/two.sql"))?;
    workdir.write("sql/analysis/over.sql", "select sku from datawarehouse.two")?;
    let output = app(&workdir, &["--analysis"], &[("DATABASE_URL", database.url.as_str())])?;
    same(output.status.code(), Some(0))?;
    holds(&stderr(&output), "its file sql/analysis/one.sql is gone: the view is dropped, its exports are deleted")?;
    same(is_there(&database, &Table::datawarehouse("one")).await?, false)?;
    same(is_there(&database, &Table::datawarehouse("two")).await?, true)?;
    same(workdir.list("exports"), ["index.html", "over.csv", "stays.csv", "two.csv", "two.jsonl"])?;
    // Both that read each other.
    for name in ["two", "over"] {
        std::fs::remove_file(workdir.path(&format!("sql/analysis/{name}.sql")))?;
    }
    run(&workdir, &database, &["--analysis"], 0)?;
    same(database.text("select name from sluice.question").await?, "stays")?;
    same(workdir.list("exports"), ["index.html", "stays.csv"])?;
    // The last one too, though there is nothing to answer then; and a folder that is away tells nothing.
    std::fs::rename(workdir.path("sql/analysis"), workdir.path("sql/away"))?;
    run(&workdir, &database, &["--analysis"], 1)?;
    same(is_there(&database, &Table::datawarehouse("stays")).await?, true)?;
    std::fs::rename(workdir.path("sql/away"), workdir.path("sql/analysis"))?;
    std::fs::remove_file(workdir.path("sql/analysis/stays.sql"))?;
    run(&workdir, &database, &["--analysis"], 1)?;
    same(is_there(&database, &Table::datawarehouse("stays")).await?, false)
}

async fn a_view_by_hand_is_never_dropped(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "n.csv", N).await?;
    for name in ["one", "two", "three"] {
        workdir.write(&format!("sql/analysis/{name}.sql"), "select sku from staging.n")?;
    }
    view_by_hand(&database, "mine", &Table::staging("n")).await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    // One that is read by somebody's view, one that somebody made anew under its name.
    view_by_hand(&database, "of_one", &Table::datawarehouse("one")).await?;
    let two = database.warehouse.names().table(&Table::datawarehouse("two"));
    by_hand(&database, &format!("drop view {two}")).await?;
    view_by_hand(&database, "two", &Table::staging("n")).await?;
    for name in ["one", "two"] {
        std::fs::remove_file(workdir.path(&format!("sql/analysis/{name}.sql")))?;
    }
    for _ in 0..2 {
        analysis::run(&workdir.app(&database).workspace).await?;
        for name in ["mine", "of_one", "one", "two", "three"] {
            same((name, is_there(&database, &Table::datawarehouse(name)).await?), (name, true))?;
        }
    }
    same(database.text("select count(*) from datawarehouse.of_one").await?, "2")?;
    let of_one = database.warehouse.names().table(&Table::datawarehouse("of_one"));
    by_hand(&database, &format!("drop view {of_one}")).await?;
    analysis::run(&workdir.app(&database).workspace).await?;
    same(is_there(&database, &Table::datawarehouse("one")).await?, false)
}

async fn beside_the_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\ncolumns:\n  - {from: a, name: a}\nothers: drop\n")?;
    workdir.write("imports/t.csv", "a,secret\n1,x\n")?;
    workdir.write("t.csv", "a,secret\n1,x\n")?;
    let check = run(&workdir, &database, &["check", "t.csv"], 0)?;
    holds(&check, "beside the records, to be kept with the load:")?;
    holds(&check, "| column left out |      | secret | the plugin does not select it |")?;
    let json: Value = serde_json::from_str(&run(&workdir, &database, &["check", "t.csv", "--json"], 0)?)?;
    let column = serde_json::json!(
        { "kind": "column", "line": null, "name": "secret", "text": "the plugin does not select it" }
    );
    same(json["beside"].clone(), Value::Array(vec![column.clone()]))?;

    let once = run(&workdir, &database, &["--once"], 0)?;
    holds(&once, "left out, not loaded: 1 column: app why t.csv shows them")?;
    let above = |line, text: &str| Beside { kind: BesideKind::Above, line: Some(line), name: None, text: text.into() };
    let total = Beside { kind: BesideKind::Key, line: None, name: Some("total".into()), text: "2".into() };
    let ledger = workdir.app(&database).workspace.catalog;
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    ledger.keep_beside(&mut *transaction, 1, &[above(1, "Orders\u{1b}[31m of May"), above(2, "EUR"), total]).await?;
    transaction.commit().await?;
    let why = run(&workdir, &database, &["why", "t.csv"], 0)?;
    holds(&why, "beside its records, and kept with the load:")?;
    holds(&why, "| above the table        |    1 |        | Orders\\u{1b}[31m of May")?;
    holds(&why, "| key beside the records |      | total  | 2")?;
    holds(&why, "| column left out        |      | secret | the plugin does not select it |")?;
    workdir.load(&database, "u.csv", "a\n1\n").await?;
    let loads = run(&workdir, &database, &["loads", "--json"], 0)?;
    let mut loads = loads.lines().map(serde_json::from_str::<Value>);
    same(loads.next().unwrap()?["beside"].clone(), Value::Array(Vec::new()))?;
    let kept = loads.next().unwrap()?["beside"].clone();
    same(kept.as_array().map(Vec::len), Some(4))?;
    same(kept[0].clone(), column)?;
    same(kept[2]["text"].as_str(), Some("EUR"))?;

    // A load without rows is explained.
    workdir.load(&database, "none.csv", "a,b\n").await?;
    let why = run(&workdir, &database, &["why", "none.csv"], 0)?;
    holds(&why, "(0 with _load_id 3); the file had a header and no rows")?;
    workdir.drop_file(&database, "empty.csv", "").await?;
    holds(
        &run(&workdir, &database, &["why", "empty.csv"], 0)?,
        "failed: the file is empty; no row of it is in staging.empty",
    )
}
