//! A duplicate has its rows: a file goes as one only where the rows of the load that brought its content are in the table.

use sluice::load::retract::retract;
use sluice::load::{FileOutcome, LoadReport};
use sluice::sql::{Engine, Table};
use sluice::warehouse::Scope;

use crate::format::packed::make::zip;
use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

const ROWS: &str = "a,b\n1,x\n2,y\n3,z\n";
const ALL: &str = "select a, b from staging.t order by a";

cases! {
    on_both:
        rows_that_are_there_make_one,
        rows_that_are_gone_come_again,
        a_table_dropped_before_another_file,
        some_rows_gone_is_for_a_person,
        a_load_without_rows_has_them,
        upserted_rows_are_merged_again,
        overtaken_rows_are_not_missing,
        replacing_files_replace_again,
        equal_parts_of_a_file_replace_once,
        what_was_committed_before_a_kill,
        the_star_follows,
        of_many_loads,
        content_that_is_there_twice,
        a_column_gone_is_for_a_person,
        a_column_made_again_has_not_its_values,
        a_column_gone_comes_again_where_rows_replace,
        a_column_gone_after_a_kill;
    on_postgres:
        a_schema_dropped;
}

/// What somebody does to the staging table by hand; `{}` is its name.
async fn by_hand(database: &TestDatabase, sql: &str) -> Outcome {
    let table = database.warehouse.names().table(&Table::staging("t"));
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(&sql.replace("{}", &table), &[]).await?;
    Ok(transaction.commit().await?)
}

async fn statuses(database: &TestDatabase) -> anyhow::Result<String> {
    Ok(database.text("select id, status from sluice.load order by id").await?.replace('\n', " "))
}

fn is_loaded(report: &LoadReport, rows: u64) -> Outcome {
    same((report.duplicate_of, report.books.loaded), (None, rows))
}

async fn rows_that_are_there_make_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.other.csv", "a,b\n4,w\n").await?;
    for _ in 0..2 {
        same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(1))?;
        same(workdir.load(&database, "t.other.csv", "a,b\n4,w\n").await?.duplicate_of, Some(2))?;
    }
    // Rows that somebody adds take none away.
    by_hand(&database, "insert into {} (a, b, _load_id, _line) values (9, 'v', 1, 9)").await?;
    same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(1))?;
    same(database.text("select count(*) from staging.t").await?, "5")
}

async fn rows_that_are_gone_come_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", ROWS).await?;
    let truncate = match database.engine {
        Engine::Sqlite => "delete from {}",
        Engine::Postgres => "truncate {}",
    };
    for (times, sql) in
        ["drop table {}", truncate, "delete from {} where _load_id > 0", "alter table {} rename to away"]
            .into_iter()
            .enumerate()
    {
        by_hand(&database, sql).await?;
        let again = workdir.load(&database, "t.csv", ROWS).await?;
        is_loaded(&again, 3)?;
        same((sql, again.load_id), (sql, times as i64 * 2 + 2))?;
        same(database.text(ALL).await?, "1|x\n2|y\n3|z")?;
        same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(again.load_id))?;
    }
    let expected = "1|lost 2|lost 3|duplicate 4|lost 5|duplicate 6|lost 7|duplicate 8|loaded 9|duplicate";
    same(statuses(&database).await?, expected)?;

    // It is said.
    let settings = [("DATABASE_URL", database.url.as_str())];
    by_hand(&database, "delete from {}").await?;
    workdir.write("imports/t.csv", ROWS)?;
    let once = app(&workdir, &["--once"], &settings)?;
    same(once.status.code(), Some(0))?;
    holds(&stdout(&once), "the rows of load 8 are not in staging.t any more: loading it again")?;
    let why = stdout(&app(&workdir, &["why", "t.csv"], &settings)?);
    holds(
        &why,
        "its rows are not in staging.t any more: its rows were not in the table any more when load 10 brought",
    )?;
    let retract = app(&workdir, &["retract", "8", "--yes"], &settings)?;
    same(retract.status.code(), Some(2))
}

async fn a_table_dropped_before_another_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.2.csv", "a,b\n4,w\n").await?;
    by_hand(&database, "drop table {}").await?;
    workdir.load(&database, "t.3.csv", "a,b\n5,v\n").await?;
    // The ledger says of both that their rows are gone, as soon as it is seen.
    same(statuses(&database).await?, "1|lost 2|lost 3|loaded")?;
    is_loaded(&workdir.load(&database, "t.2.csv", "a,b\n4,w\n").await?, 1)?;
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)?;
    same(database.text("select a, b from staging.t order by a").await?, "1|x\n2|y\n3|z\n4|w\n5|v")?;
    // Emptied, and another file loaded then: nothing tells before the file comes.
    by_hand(&database, "delete from {}").await?;
    workdir.load(&database, "t.4.csv", "a,b\n6,u\n").await?;
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)?;
    same(workdir.load(&database, "t.4.csv", "a,b\n6,u\n").await?.duplicate_of, Some(6))?;
    // Dropped, and something else stands there: the file is not lost over it.
    by_hand(&database, "drop table {}").await?;
    by_hand(&database, "create table {} (a bigint)").await?;
    let outcome = workdir.drop_file(&database, "t.csv", ROWS).await?;
    anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{outcome:?}");
    same(workdir.list("imports/failed"), ["t.csv", "t.csv.error.json"])
}

async fn some_rows_gone_is_for_a_person(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "t.csv", ROWS).await?;
    by_hand(&database, "delete from {} where a = 2").await?;
    let outcome = workdir.drop_file(&database, "t.csv", ROWS).await?;
    anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{outcome:?}");
    same(database.text(ALL).await?, "1|x\n3|z")?;
    let note = workdir.read("imports/failed/t.csv.error.json")?;
    holds(&note, "it has the content of load 1, of whose 3 rows 2 are still in staging.t")?;
    holds(&note, "app retract 1 and then app retry loads all of it")?;
    holds(&note, "duplicates: load")?;
    same(statuses(&database).await?, "1|loaded 2|failed")?;

    // The ways on.
    same(retract(&workdir.app(&database).loader, 1, true).await?.rows_removed, 2)?;
    same(app(&workdir, &["retry"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(database.text(ALL).await?, "1|x\n2|y\n3|z")?;
    by_hand(&database, "delete from {} where a = 2").await?;
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\nduplicates: load\n")?;
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)
}

async fn a_load_without_rows_has_them(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "p",
        "name: p\nfiles: [\"t*\"]\ntable: t\nmax_rejects: 100 %\nfilter: a > 10\ncolumns:\n  - {from: a, name: a, \
         type: bigint}\n  - {from: b, name: b, type: text}\n",
    )?;
    let none = [("t.1.csv", "a,b\n"), ("t.2.csv", "a,b\nx,y\n"), ("t.3.csv", "a,b\n1,y\n")];
    for (name, text) in none {
        is_loaded(&workdir.load(&database, name, text).await?, 0)?;
    }
    for sql in ["delete from {}", "drop table {}"] {
        by_hand(&database, sql).await?;
        for (of, (name, text)) in none.into_iter().enumerate() {
            same(workdir.load(&database, name, text).await?.duplicate_of, Some(of as i64 + 1))?;
        }
    }
    Ok(())
}

const UPSERT: &str = "name: p\nfiles: [\"t*\"]\ntable: t\nmode: upsert\nkey: [a]\n";

async fn upserted_rows_are_merged_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", UPSERT)?;
    workdir.load(&database, "t.csv", ROWS).await?;
    same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(1))?;
    // The same rows in other bytes: all of them are another load's.
    let reordered = "a,b\n3,z\n2,y\n1,x\n";
    let second = workdir.load(&database, "t.csv", reordered).await?;
    same((second.books.loaded, second.books.duplicate), (0, 3))?;
    for sql in ["delete from {}", "drop table {}", "delete from {} where a = 1"] {
        by_hand(&database, sql).await?;
        let again = workdir.load(&database, "t.csv", reordered).await?;
        same((sql, again.duplicate_of), (sql, None))?;
        same(database.text(ALL).await?, "1|x\n2|y\n3|z")?;
    }
    // Rows of the newest load that are gone come again, and none twice.
    let changed = "a,b\n1,x2\n2,y2\n4,w\n";
    workdir.load(&database, "t.csv", changed).await?;
    same(workdir.load(&database, "t.csv", changed).await?.duplicate_of.is_some(), true)?;
    by_hand(&database, "delete from {} where a = 4").await?;
    is_loaded(&workdir.load(&database, "t.csv", changed).await?, 1)?;
    same(database.text(ALL).await?, "1|x2\n2|y2\n3|z\n4|w")?;
    // With a new table, what was replaced in the old one is not kept any more, and does not come back.
    by_hand(&database, "drop table {}").await?;
    workdir.load(&database, "t.csv", ROWS).await?;
    let wider = workdir.load(&database, "t.csv", "a,b,c\n1,x3,new\n").await?;
    same(retract(&workdir.app(&database).loader, wider.load_id, true).await?.rows_restored, 1)?;
    same(database.text(ALL).await?, "1|x\n2|y\n3|z")
}

async fn overtaken_rows_are_not_missing(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", UPSERT)?;
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.csv", "a,b\n1,x2\n").await?;
    // As the newest that counts is the second, the first is a state that comes again.
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 1)?;
    workdir.load(&database, "t.csv", "a,b\n1,x4\n").await?;
    // From here on rows are added: those that were overtaken have been there.
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\n")?;
    same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(3))?;
    same(workdir.load(&database, "t.csv", "a,b\n1,x2\n").await?.duplicate_of, Some(2))?;
    by_hand(&database, "delete from {}").await?;
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)?;
    same(database.text(ALL).await?, "1|x\n2|y\n3|z")
}

async fn replacing_files_replace_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\nmode: replace\n")?;
    let other = "a,b\n7,q\n";
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.csv", other).await?;
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)?;
    same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(3))?;
    for sql in ["delete from {}", "drop table {}", "delete from {} where a = 2"] {
        by_hand(&database, sql).await?;
        is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)?;
        same((sql, database.text(ALL).await?.as_str()), (sql, "1|x\n2|y\n3|z"))?;
    }
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "1")
}

async fn equal_parts_of_a_file_replace_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\nmode: replace\n")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let parts = zip(&[("t_a.csv", ROWS).into(), ("t_b.csv", "a,b\n4,w\n").into(), ("t_c.csv", ROWS).into()]);
    for round in 1..=2 {
        // Each file replaces what the one before brought, also what it has in common with it.
        workdir.write("imports/t.zip", &parts)?;
        same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
        same((round, database.text(ALL).await?.as_str()), (round, "1|x\n2|y\n3|z\n4|w"))?;
        let duplicates = "select count(*) from sluice.load where status = 'duplicate'";
        same(database.text(duplicates).await?, round.to_string())?;
        workdir.load(&database, "t.csv", "a,b\n7,q\n").await?;
        same(database.text(ALL).await?, "7|q")?;
    }
    Ok(())
}

async fn what_was_committed_before_a_kill(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let killed = [settings[0], ("FAILPOINTS", "committed=panic")];
    for (times, (sql, expected)) in [
        ("select 1", "1|x\n2|y\n3|z"),
        ("drop table {}", "1|x\n2|y\n3|z"),
        ("delete from {}", "1|x\n2|y\n3|z"),
        ("delete from {} where a = 2", "1|x\n3|z"),
    ]
    .into_iter()
    .enumerate()
    {
        if times > 0 {
            let newest = "select max(id) from sluice.load where status = 'loaded'";
            let newest: i64 = database.text(newest).await?.parse()?;
            retract(&workdir.app(&database).loader, newest, true).await?;
        }
        workdir.write("imports/t.csv", ROWS)?;
        anyhow::ensure!(!app(&workdir, &["--once"], &killed)?.status.success());
        same(database.text(ALL).await?, "1|x\n2|y\n3|z")?;
        by_hand(&database, sql).await?;
        let once = app(&workdir, &["--once"], &settings)?;
        let is_in_part = sql.contains("a = 2");
        same((sql, once.status.code()), (sql, Some(i32::from(is_in_part))))?;
        same((sql, database.text(ALL).await?.as_str()), (sql, expected))?;
        same(workdir.list("imports/failed").len(), if is_in_part { 2 } else { 0 })?;
        same(workdir.list("imports").iter().any(|name| name == "t.csv"), false)?;
    }
    Ok(())
}

async fn the_star_follows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("sql/pipeline/fact_t.sql", "/*\nkind: fact\ngrain: [a]\n*/\nselect a, b from staging.t")?;
    let fact = "select a, b from datawarehouse.fact_t order by a";
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.2.csv", "a,b\n4,w\n").await?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    by_hand(&database, "delete from {}").await?;
    workdir.load(&database, "t.csv", ROWS).await?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    // The rows of the other load are lost with the table's, too.
    same(database.text(fact).await?, "1|x\n2|y\n3|z")?;
    by_hand(&database, "drop table {}").await?;
    workdir.load(&database, "t.3.csv", "a,b\n5,v\n").await?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    same(database.text(fact).await?, "5|v")?;
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.2.csv", "a,b\n4,w\n").await?;
    same(app(&workdir, &["--pipeline"], &settings)?.status.code(), Some(0))?;
    same(database.text(fact).await?, "1|x\n2|y\n3|z\n4|w\n5|v")
}

async fn of_many_loads(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = |load: usize| {
        let rows = (0..20_000).map(|row| format!("{load},{row},{}\n", "long ".repeat(10)));
        format!("load,row,text\n{}", rows.collect::<String>())
    };
    for load in 1..=5 {
        is_loaded(&workdir.load(&database, "t.csv", text(load)).await?, 20_000)?;
    }
    for load in [1, 3, 5] {
        same(workdir.load(&database, "t.csv", text(load)).await?.duplicate_of, Some(load as i64))?;
    }
    by_hand(&database, "delete from {} where load = 3 and \"row\" = 19999").await?;
    by_hand(&database, "delete from {} where load = 4").await?;
    let outcome = workdir.drop_file(&database, "t.csv", text(3)).await?;
    anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{outcome:?}");
    holds(&workdir.read("imports/failed/t.csv.error.json")?, "of whose 20000 rows 19999 are still in staging.t")?;
    is_loaded(&workdir.load(&database, "t.csv", text(4)).await?, 20_000)?;
    // In another order than they came: counted one by one.
    by_hand(&database, "create table other as select * from {} order by \"row\"").await?;
    by_hand(&database, "delete from {}").await?;
    by_hand(&database, "insert into {} select * from other").await?;
    same(workdir.load(&database, "t.csv", text(2)).await?.duplicate_of, Some(2))
}

async fn content_that_is_there_twice(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\nduplicates: load\n")?;
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.plugin("p", "name: p\nfiles: [\"t*\"]\ntable: t\n")?;
    by_hand(&database, "delete from {} where _load_id = 2").await?;
    same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(1))?;
    same(database.text("select count(*) from staging.t").await?, "3")
}

async fn a_column_gone_is_for_a_person(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for sql in ["alter table {} drop column b", "alter table {} rename column b to other"] {
        let load = workdir.load(&database, "t.csv", ROWS).await?.load_id;
        by_hand(&database, sql).await?;
        let outcome = workdir.drop_file(&database, "t.csv", ROWS).await?;
        anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{outcome:?}");
        same(database.text("select a from staging.t order by a").await?, "1\n2\n3")?;
        let note = workdir.read("imports/failed/t.csv.error.json")?;
        let why = "whose values of the column b are not in staging.t any more";
        holds(&note, &format!("it has the content of load {load}, {why}"))?;
        holds(&note, &format!("app retract {load} and then app retry loads all of it"))?;

        // The way on.
        same(retract(&workdir.app(&database).loader, load, true).await?.rows_removed, 3)?;
        same(app(&workdir, &["retry"], &settings)?.status.code(), Some(0))?;
        let once = app(&workdir, &["--once"], &settings)?;
        same(once.status.code(), Some(0))?;
        holds(&stdout(&once), "the column b was not in the table any more: it is made again")?;
        same(database.text(ALL).await?, "1|x\n2|y\n3|z")?;
        same(workdir.load(&database, "t.csv", ROWS).await?.duplicate_of, Some(load + 2))?;
        drop_again(&workdir, &database)?;
    }
    Ok(())
}

async fn a_column_made_again_has_not_its_values(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", ROWS).await?;
    workdir.load(&database, "t.none.csv", "a,b\n").await?;
    workdir.load(&database, "t.narrow.csv", "a\n7\n").await?;
    by_hand(&database, "alter table {} drop column b").await?;
    // Nothing of theirs is missing.
    same(workdir.load(&database, "t.narrow.csv", "a\n7\n").await?.duplicate_of, Some(3))?;
    same(workdir.load(&database, "t.none.csv", "a,b\n").await?.duplicate_of, Some(2))?;
    // Another file brings the column again, and wider; its own values are there then, and the earlier ones are not.
    is_loaded(&workdir.load(&database, "t.wide.csv", "a,b\n4.5,w\n").await?, 1)?;
    same(database.text("select a, b from staging.t where b is not null").await?, "4.5|w")?;
    same(workdir.load(&database, "t.wide.csv", "a,b\n4.5,w\n").await?.duplicate_of, Some(6))?;
    let outcome = workdir.drop_file(&database, "t.csv", ROWS).await?;
    anyhow::ensure!(matches!(outcome, FileOutcome::Failed(_)), "{outcome:?}");
    holds(&workdir.read("imports/failed/t.csv.error.json")?, "whose values of the column b are not in staging.t")
}

async fn a_column_gone_comes_again_where_rows_replace(database: TestDatabase, workdir: Workdir) -> Outcome {
    for plugin in [UPSERT, "name: p\nfiles: [\"t*\"]\ntable: t\nmode: replace\n"] {
        workdir.plugin("p", plugin)?;
        workdir.load(&database, "t.csv", "a,b\n0,v\n1,v\n").await?;
        workdir.load(&database, "t.csv", ROWS).await?;
        let all = database.text(ALL).await?;
        for text in [ROWS, "a,b\n1,x\n2,y\n3,2024-01-31\n"] {
            by_hand(&database, "alter table {} drop column b").await?;
            anyhow::ensure!(workdir.load(&database, "t.csv", text).await?.duplicate_of.is_none());
            same(workdir.load(&database, "t.csv", text).await?.duplicate_of.is_some(), true)?;
            let of_file = database.text("select a, b from staging.t where a > 0 order by a").await?;
            same(of_file, text["a,b\n".len()..].trim_end().replace(',', "|"))?;
        }
        same(all.ends_with("1|x\n2|y\n3|z"), true)?;
        drop_again(&workdir, &database)?;
    }
    Ok(())
}

fn drop_again(workdir: &Workdir, database: &TestDatabase) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    same(app(workdir, &["drop", "staging.t", "--yes"], &settings)?.status.code(), Some(0))
}

async fn a_column_gone_after_a_kill(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let killed = [settings[0], ("FAILPOINTS", "committed=panic")];
    for mode in ["append", "replace", "upsert\nkey: [a]"] {
        workdir.plugin("p", &format!("name: p\nfiles: [\"t*\"]\ntable: t\nmode: {mode}\n"))?;
        workdir.write("imports/t.csv", ROWS)?;
        anyhow::ensure!(!app(&workdir, &["--once"], &killed)?.status.success());
        by_hand(&database, "alter table {} drop column b").await?;
        same((mode, app(&workdir, &["--once"], &settings)?.status.code()), (mode, Some(1)))?;
        holds(&workdir.read("imports/failed/t.csv.error.json")?, "whose values of the column b are not in staging.t")?;
        std::fs::remove_dir_all(workdir.path("imports/failed"))?;
        drop_again(&workdir, &database)?;
    }
    Ok(())
}

async fn a_schema_dropped(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", ROWS).await?;
    by_hand(&database, "drop schema staging cascade").await?;
    is_loaded(&workdir.load(&database, "t.csv", ROWS).await?, 3)?;
    same(database.text(ALL).await?, "1|x\n2|y\n3|z")
}
