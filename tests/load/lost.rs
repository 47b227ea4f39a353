//! Loads whose table somebody dropped or emptied by hand: red until their rows are there again, or somebody says to know.

use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_both:
        what_a_dropped_table_had_stays_red,
        what_an_emptied_table_had_stays_red,
        a_retraction_says_that_somebody_knows,
        the_whole_truth_makes_it_moot,
        an_empty_truth_does_not,
        a_content_that_adds_again_is_made_good_once,
        a_table_that_is_dropped_for_good_lacks_nothing,
        who_is_alerted_hears_of_it,
        the_star_follows_a_retraction;
}

/// Runs a statement over the staging table t.
async fn by_hand(database: &TestDatabase, sql: &str) -> Outcome {
    let table = if database.engine == Engine::Postgres { "staging.t" } else { "staging__t" };
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(&sql.replace("{}", table), &[]).await?;
    Ok(transaction.commit().await?)
}

/// Runs a command; its exit code has to be this one. Returns what it says.
fn says(database: &TestDatabase, workdir: &Workdir, command: &[&str], code: i32) -> anyhow::Result<String> {
    let done = app(workdir, command, &[("DATABASE_URL", database.url.as_str())])?;
    let said = stdout(&done) + &stderr(&done);
    same((command, done.status.code(), said.as_str()), (command, Some(code), said.as_str()))?;
    Ok(said)
}

/// Loads a file by `app --once`, which has to end with this code.
fn once(database: &TestDatabase, workdir: &Workdir, name: &str, text: &str, code: i32) -> anyhow::Result<String> {
    workdir.write(&format!("imports/{name}"), text)?;
    says(database, workdir, &["--once"], code)
}

fn is_green(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    says(database, workdir, &["status"], 0)?;
    says(database, workdir, &["--once"], 0)?;
    holds(&says(database, workdir, &["doctor"], 0)?, "each table has the rows that its loads brought")
}

const STATUSES: &str = "select id, status, made_good_by from sluice.load order by id";

async fn what_a_dropped_table_had_stays_red(database: TestDatabase, workdir: Workdir) -> Outcome {
    once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 0)?;
    once(&database, &workdir, "t.2.csv", "a\n3\n", 0)?;
    by_hand(&database, "drop table {}").await?;
    let said = once(&database, &workdir, "t.3.csv", "a\n4\n", 1)?;
    holds(&said, "ERROR")?;
    holds(&said, "staging.t was dropped by hand, and the rows of 2 loads with it; app status names them")?;
    let lacks = "staging.t lacks 3 rows of 2 loads, lost with a table that somebody dropped or emptied by hand: \
                 load 1 (t.1.csv, 2 rows), load 2 (t.2.csv, 1 row)";
    for command in ["status", "doctor"] {
        let said = says(&database, &workdir, &[command], 1)?;
        holds(&said, lacks)?;
        holds(
            &said,
            "drop their files in again, or restore a backup; app retract LOAD says that the rows of a load may go",
        )?;
    }
    holds(&says(&database, &workdir, &["why", "t.1.csv"], 0)?, "app retract 1 says that you know")?;
    // Nothing that comes later makes it green, but the files themselves.
    once(&database, &workdir, "t.4.csv", "a\n5\n", 1)?;
    once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 1)?;
    holds(&says(&database, &workdir, &["status"], 1)?, "lacks 1 row of 1 load, lost")?;
    holds(&says(&database, &workdir, &["loads"], 0)?, "made good by load 5")?;
    once(&database, &workdir, "t.2.csv", "a\n3\n", 0)?;
    same(database.text(STATUSES).await?, "1|lost|5\n2|lost|6\n3|loaded|∅\n4|loaded|∅\n5|loaded|∅\n6|loaded|∅")?;
    same(database.text("select a from staging.t order by a").await?, "1\n2\n3\n4\n5")?;
    is_green(&database, &workdir)
}

async fn what_an_emptied_table_had_stays_red(database: TestDatabase, workdir: Workdir) -> Outcome {
    for mode in ["", "mode: upsert\nkey: [a]\n"] {
        workdir.plugin("t", &format!("name: t\nfiles: [\"t.*\"]\ntable: t\n{mode}"))?;
        once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 0)?;
        by_hand(&database, "delete from {}").await?;
        let said = once(&database, &workdir, "t.3.csv", "a\n4\n", 1)?;
        holds(&said, "staging.t was emptied by hand, and the rows of 1 load with it")?;
        holds(&says(&database, &workdir, &["status"], 1)?, "staging.t lacks 2 rows of 1 load")?;
        once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 0)?;
        same(database.text("select a from staging.t order by a").await?, "1\n2\n4")?;
        is_green(&database, &workdir)?;
        says(&database, &workdir, &["drop", "staging.t", "--yes"], 0)?;
    }
    Ok(())
}

async fn a_retraction_says_that_somebody_knows(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (number, rows) in [(1, "1\n2\n"), (2, "3\n")] {
        once(&database, &workdir, &format!("t.{number}.csv"), &format!("a\n{rows}"), 0)?;
    }
    by_hand(&database, "drop table {}").await?;
    once(&database, &workdir, "t.3.csv", "a\n4\n", 1)?;
    let would = says(&database, &workdir, &["retract", "1", "--dry-run"], 0)?;
    holds(&would, "load 1 (t.1.csv): its rows are not in staging.t, they were lost; it would be retracted")?;
    same(database.text("select count(*) from sluice.load where status = 'lost'").await?, "2")?;
    holds(&says(&database, &workdir, &["retract", "1", "--yes"], 0)?, "they were lost; it is retracted")?;
    holds(&says(&database, &workdir, &["status"], 1)?, "lacks 1 row of 1 load, lost")?;
    let json = says(&database, &workdir, &["retract", "2", "--yes", "--json"], 0)?;
    holds(&json, "\"was_lost\":true")?;
    holds(&json, "\"rows_removed\":0")?;
    same(database.text(STATUSES).await?, "1|retracted|∅\n2|retracted|∅\n3|loaded|∅")?;
    is_green(&database, &workdir)?;
    holds(&says(&database, &workdir, &["retract", "1", "--yes"], 0)?, "was taken back before: nothing to do")?;
    // Its content is new, as that of any retracted load.
    once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 0)?;
    same(database.text("select a from staging.t order by a").await?, "1\n2\n4")?;
    by_hand(&database, "drop table {}").await?;
    once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 1)?;
    let said = says(&database, &workdir, &["retract", "4", "--yes"], 2)?;
    holds(&said, "they were lost, and load 5 made that good: app retract 5 takes its rows back")
}

async fn the_whole_truth_makes_it_moot(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\nmode: replace\n")?;
    for sql in ["drop table {}", "delete from {}"] {
        once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 0)?;
        by_hand(&database, sql).await?;
        once(&database, &workdir, "t.2.csv", "a\n3\n", 0)?;
        same((sql, database.text("select a from staging.t").await?.as_str()), (sql, "3"))?;
        is_green(&database, &workdir)?;
    }
    Ok(())
}

async fn an_empty_truth_does_not(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\nmode: replace\n")?;
    once(&database, &workdir, "t.1.csv", "a\n1\n2\n", 0)?;
    by_hand(&database, "drop table {}").await?;
    once(&database, &workdir, "t.2.csv", "a\n", 1)?;
    holds(&says(&database, &workdir, &["status"], 1)?, "load 1 (t.1.csv, 2 rows)")?;
    once(&database, &workdir, "t.3.csv", "a\n3\n", 0)?;
    is_green(&database, &workdir)
}

async fn a_content_that_adds_again_is_made_good_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\nduplicates: load\n")?;
    for _ in 0..2 {
        once(&database, &workdir, "t.csv", "a\n1\n", 0)?;
    }
    by_hand(&database, "drop table {}").await?;
    once(&database, &workdir, "t.csv", "a\n1\n", 1)?;
    same(database.text(STATUSES).await?, "1|lost|∅\n2|lost|3\n3|loaded|∅")?;
    once(&database, &workdir, "t.csv", "a\n1\n", 0)?;
    is_green(&database, &workdir)
}

async fn a_table_that_is_dropped_for_good_lacks_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    once(&database, &workdir, "t.1.csv", "a\n1\n", 0)?;
    by_hand(&database, "drop table {}").await?;
    once(&database, &workdir, "t.2.csv", "a\n2\n", 1)?;
    says(&database, &workdir, &["drop", "staging.t", "--yes"], 0)?;
    same(database.text(STATUSES).await?, "1|retracted|∅\n2|retracted|∅")?;
    is_green(&database, &workdir)
}

async fn who_is_alerted_hears_of_it(database: TestDatabase, workdir: Workdir) -> Outcome {
    once(&database, &workdir, "t.1.csv", "a\n1\n", 0)?;
    by_hand(&database, "drop table {}").await?;
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let settings = [("DATABASE_URL", database.url.as_str()), ("ALERT_WEBHOOK", &webhook)];
    let daemon = crate::support::process::Daemon::start(&workdir, &[], &settings)?;
    workdir.write("imports/t.2.csv", "a\n2\n")?;
    let told = hook.next()?;
    same((&told["kind"], &told["state"], &told["subject"]), (&"lost".into(), &"raised".into(), &"staging.t".into()))?;
    holds(
        told["message"].as_str().unwrap_or_default(),
        "staging.t was dropped by hand, and the rows of 1 load with it",
    )?;
    workdir.write("imports/t.1.csv", "a\n1\n")?;
    let told = hook.next()?;
    same((&told["kind"], &told["state"]), (&"lost".into(), &"recovered".into()))?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn the_star_follows_a_retraction(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write(
        "sql/pipeline/dim_a.sql",
        "/*\nkind: dimension\nkey: [a]\nhistory: [b]\nat: day\n*/\nselect a, b, day from staging.t",
    )?;
    workdir.write(
        "sql/pipeline/fact_t.sql",
        "/*\nkind: fact\ngrain: [a, day]\nat: day\ndimensions: {a: dim_a}\n*/\nselect a, day from staging.t",
    )?;
    let star = "select d.a, d.b, f.day from datawarehouse.fact_t as f join datawarehouse.dim_a as d on d.dim_a_key = f.a_key \
                order by 1, 3";
    once(&database, &workdir, "t.1.csv", "a,b,day\nx,old,2026-01-01\n", 0)?;
    once(&database, &workdir, "t.2.csv", "a,b,day\nx,mid,2026-01-02\ny,one,2026-01-02\n", 0)?;
    says(&database, &workdir, &["--pipeline"], 0)?;
    by_hand(&database, "drop table {}").await?;
    once(&database, &workdir, "t.3.csv", "a,b,day\nx,new,2026-01-03\n", 1)?;
    once(&database, &workdir, "t.1.csv", "a,b,day\nx,old,2026-01-01\n", 1)?;
    says(&database, &workdir, &["retract", "2", "--yes"], 0)?;
    says(&database, &workdir, &["--pipeline"], 0)?;
    let expected = "x|old|2026-01-01\nx|new|2026-01-03";
    same(database.text(star).await?, expected)?;
    same(database.text("select count(*) from datawarehouse.dim_a where a = 'y' or b = 'mid'").await?, "0")?;
    says(&database, &workdir, &["--pipeline", "--full"], 0)?;
    same(database.text(star).await?, expected)?;
    is_green(&database, &workdir)
}
