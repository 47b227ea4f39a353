//! The values and keys that a dimension keeps while the types of its columns change, and where its memory begins anew.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options};

use crate::support::process::{app, stderr, stdout};
use crate::support::star::{is_settled, model, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        attributes_that_widen_keep_their_values,
        a_select_that_changes_types_keeps_their_values,
        a_memory_that_is_empty_begins_anew,
        a_key_that_was_a_text_is_given_to_nobody_else,
        a_remembered_text_stays_where_it_is_no_number,
        a_file_that_a_run_saw_is_not_missed;
}

const HISTORY: &str = "kind: dimension\nkey: [b]\nhistory: [x]\nat: since";
const VERSIONS: &str =
    "select b, x, note, valid_from, is_current from datawarehouse.dim_b where dim_b_key <> 0 order by b, valid_from";
const MEMBERS: &str = "select dim_c_key, inv, title from datawarehouse.dim_c where dim_c_key <> 0 order by 1";

fn plugin(workdir: &Workdir, name: &str, mode: &str) -> Outcome {
    let text =
        format!("name: {name}\ncreator: us\nfiles: [{name}*.csv]\ntable: {name}\nduplicates: load\nmode: {mode}\n");
    workdir.plugin(name, &text)
}

/// A run; then one that compares everything and changes nothing.
async fn runs(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    run(database, workdir).await?;
    let full = Options { full: true, ..Options::default() };
    let again = pipeline::run_with(&workdir.app(database).workspace, &full).await?.changes;
    same(again.iter().map(|change| change.changed()).sum::<u64>(), 0)
}

async fn take_back(database: &TestDatabase, workdir: &Workdir, load: i64) -> Outcome {
    retract(&workdir.app(database).loader, load, true).await.map(drop).map_err(Into::into)
}

fn drop_staging(database: &TestDatabase, workdir: &Workdir, table: &str) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(workdir, &["drop", &format!("staging.{table}"), "--yes"], &settings)?;
    same((output.status.code(), stderr(&output)), (Some(0), stderr(&output)))
}

async fn attributes_that_widen_keep_their_values(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (place, (before, after, shown)) in [
        ("10", "10.5", "10"),
        ("10", "abc", "10"),
        ("10", "1e-07", "10"),
        ("10.50", "abc", "10.50"),
        ("10.5", "1e-300", "10.5"),
        ("2026-08-01", "2026-08-01 10:00:00", "2026-08-01 00:00:00"),
        ("2026-08-01", "x", "2026-08-01"),
        ("true", "x", "true"),
        ("2026-08-01 10:00:00", "x", "2026-08-01 10:00:00"),
        ("2026-08-01T10:00:00Z", "x", "2026-08-01 10:00:00+00:00"),
    ]
    .into_iter()
    .enumerate()
    {
        let database = database.another().await?;
        let name = format!("b{place}");
        plugin(&workdir, &name, "replace")?;
        model(&workdir, "dim_b", HISTORY, &format!("select b, x, note, since from staging.{name}"))?;
        model(&workdir, "dim_n", "kind: dimension\nkey: [b]", &format!("select b, x, note from staging.{name}"))?;
        let file = format!("{name}.csv");
        let header = "b,x,note,since\n";
        let first = format!("{header}1,{before},{before},2026-08-01\n2,{before},{before},2026-08-01\n");
        workdir.load(&database, &file, first).await?;
        run(&database, &workdir).await?;
        let second = workdir.load(&database, &file, format!("{header}1,{after},{after},2026-09-01\n")).await?.load_id;
        runs(&database, &workdir).await?;
        let versions = database.text(VERSIONS).await?;
        let lines: Vec<_> = versions.lines().collect();
        same((before, lines.len()), (before, 3))?;
        same((before, lines[2]), (before, &*format!("2|{shown}|{shown}|2026-08-01|false")))?;
        same((before, lines[0].split('|').nth(1)), (before, Some(shown)))?;
        let plain = database.text("select x, note from datawarehouse.dim_n where b = 2").await?;
        same((before, plain), (before, format!("{shown}|{shown}")))?;
        take_back(&database, &workdir, second).await?;
        runs(&database, &workdir).await?;
        same(
            (before, database.text(VERSIONS).await?),
            (before, format!("1|{shown}|{shown}|2026-08-01|true\n2|{shown}|{shown}|2026-08-01|true")),
        )?;
    }
    Ok(())
}

async fn a_select_that_changes_types_keeps_their_values(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(&workdir, "b", "replace")?;
    model(&workdir, "dim_b", HISTORY, "select b, x, note, since from staging.b")?;
    let file = |rows: &str| format!("b,x,note,since\n{rows}");
    workdir.load(&database, "b.csv", file("1,10,7,2026-08-01\n2,20,7,2026-08-01\n")).await?;
    run(&database, &workdir).await?;
    model(&workdir, "dim_b", HISTORY, "select b, cast(x as text) as x, note, since from staging.b")?;
    workdir.load(&database, "b.csv", file("1,11,7,2026-09-01\n")).await?;
    runs(&database, &workdir).await?;
    let kept = "1|10|7|2026-08-01|false\n1|11|7|2026-09-01|true\n2|20|7|2026-08-01|false";
    same(database.text(VERSIONS).await?, kept)?;
    // And back.
    model(&workdir, "dim_b", HISTORY, "select b, x, note, since from staging.b")?;
    runs(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, kept)?;
    same(database.text("select sum(x) from datawarehouse.dim_b").await?, "41")?;
    is_settled(&database, &workdir).await
}

/// The star as it is when the third file comes after the first two were taken back.
async fn a_memory_that_is_empty_begins_anew(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(&workdir, "b", "replace")?;
    let select = "select b, x, note, since from staging.b";
    model(&workdir, "dim_b", HISTORY, select)?;
    model(&workdir, "dim_l", "kind: dimension\nkey: [b]\nhistory: [x]", "select b, x, note from staging.b")?;
    model(&workdir, "dim_n", "kind: dimension\nkey: [b]", "select b, x, note from staging.b")?;
    for (first, second, at_once) in [(1, 0, false), (0, 1, false), (1, 0, true), (0, 1, true)] {
        let database = database.another().await?;
        let mut loads = Vec::new();
        for place in 1..=4 {
            if place == 3 {
                for (turn, load) in [first, second].into_iter().enumerate() {
                    take_back(&database, &workdir, loads[load]).await?;
                    if turn == 1 || !at_once {
                        runs(&database, &workdir).await?;
                    }
                }
            }
            let rows = format!("b,x,note,since\nC,m{place},n,2026-0{place}-01\nx{place},m,n,2026-0{place}-01\n");
            loads.push(workdir.load(&database, "b.csv", rows).await?.load_id);
            runs(&database, &workdir).await?;
        }
        let expected =
            "C|m3|n|2026-03-01|false\nC|m4|n|2026-04-01|true\nx3|m|n|2026-03-01|false\nx4|m|n|2026-04-01|true";
        same(database.text(VERSIONS).await?, expected)?;
        let loaded = "select b, x, is_current from datawarehouse.dim_l where dim_l_key <> 0 order by b, valid_from";
        same(database.text(loaded).await?, "C|m3|false\nC|m4|true\nx3|m|false\nx4|m|true")?;
        let plain = "select b, x from datawarehouse.dim_n where dim_n_key <> 0 order by b";
        same(database.text(plain).await?, "C|m4\nx3|m\nx4|m")?;
        // What began anew leaves with its load.
        take_back(&database, &workdir, loads[2]).await?;
        runs(&database, &workdir).await?;
        same(database.text(VERSIONS).await?, "C|m4|n|2026-04-01|true\nx4|m|n|2026-04-01|true")?;
        same(database.text(plain).await?, "C|m4\nx4|m")?;
    }
    Ok(())
}

async fn a_key_that_was_a_text_is_given_to_nobody_else(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(&workdir, "c", "append")?;
    for history in ["", "\nhistory: [title]\nat: since"] {
        for (first, letter, number) in [
            ("5,T5\n6,T6\n", "7A", "7"),
            ("5.10,T5\n6,T6\n", "7.5A", "7.5"),
            ("2026-08-01,T5\n2026-08-02,T6\n", "A", "2026-08-03"),
        ] {
            for with_run in [true, false] {
                let database = database.another().await?;
                model(
                    &workdir,
                    "dim_c",
                    &format!("kind: dimension\nkey: [inv]{history}"),
                    "select inv, title, since from staging.c",
                )?;
                let file = |rows: &str| format!("inv,title,since\n{}", rows.replace('\n', ",2026-08-01\n"));
                workdir.load(&database, "c.csv", file(first)).await?;
                run(&database, &workdir).await?;
                let wrong = workdir.load(&database, "c.csv", file(&format!("{letter},L\n"))).await?.load_id;
                run(&database, &workdir).await?;
                let before = database.text(MEMBERS).await?;
                take_back(&database, &workdir, wrong).await?;
                if with_run {
                    runs(&database, &workdir).await?;
                }
                drop_staging(&database, &workdir, "c")?;
                workdir.load(&database, "c.csv", file(first)).await?;
                runs(&database, &workdir).await?;
                let others: Vec<_> = before.lines().take(2).collect();
                same((first, database.text(MEMBERS).await?), (first, others.join("\n")))?;
                is_settled(&database, &workdir).await?;
                workdir.load(&database, "c.csv", file(&format!("{number},N\n"))).await?;
                runs(&database, &workdir).await?;
                let with_number = format!("{}\n4|{number}|N", others.join("\n"));
                same((first, database.text(MEMBERS).await?), (first, with_number.clone()))?;
                // It has its key when it comes again.
                workdir.load(&database, "c.csv", file(&format!("{letter},L\n"))).await?;
                runs(&database, &workdir).await?;
                same((first, database.text(MEMBERS).await?), (first, format!("{before}\n4|{number}|N")))?;
            }
        }
    }
    Ok(())
}

async fn a_remembered_text_stays_where_it_is_no_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(&workdir, "b", "replace")?;
    model(&workdir, "dim_b", HISTORY, "select b, x, note, since from staging.b")?;
    let fact = "kind: fact\ngrain: [oid]\ndimensions: {b: dim_b}";
    model(&workdir, "fact_o", fact, "select oid, b from staging.o")?;
    workdir.load(&database, "o.csv", "oid,b\n1,1\n2,2\n").await?;
    let file = |rows: &str| format!("b,x,note,since\n{rows}");
    let last = file("1,12,7,2026-10-01\n2,21,6,2026-10-01\n");
    workdir.load(&database, "b.csv", file("1,9,5,2026-08-01\n2,20,6,2026-08-01\n")).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "b.csv", file("1,n/a,x,2026-09-01\n3A,30,6,2026-09-01\n")).await?;
    run(&database, &workdir).await?;
    workdir.load(&database, "b.csv", &*last).await?;
    runs(&database, &workdir).await?;
    let kept = "1|9|7|2026-08-01|false\n1|n/a|7|2026-09-01|false\n1|12|7|2026-10-01|true";
    same(database.text(&VERSIONS.replace("dim_b_key <> 0", "dim_b_key <> 0 and b = '1'")).await?, kept)?;
    let before = database.text(VERSIONS).await?;
    let facts = "select f.oid, d.b from datawarehouse.fact_o as f join datawarehouse.dim_b as d on d.dim_b_key = f.b_key order by 1";
    same(database.text(facts).await?, "1|1\n2|2")?;
    drop_staging(&database, &workdir, "b")?;
    workdir.load(&database, "b.csv", &*last).await?;
    runs(&database, &workdir).await?;
    same(database.text(VERSIONS).await?, before)?;
    same(database.text(facts).await?, "1|1\n2|2")?;
    is_settled(&database, &workdir).await
}

async fn a_file_that_a_run_saw_is_not_missed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    plugin(&workdir, "b", "replace")?;
    model(&workdir, "dim_b", HISTORY, "select b, x, note, since from staging.b")?;
    let mut loads = Vec::new();
    let missed = "replaced by later ones before a run saw them";
    for place in 1..=5 {
        let rows = format!("b,x,note,since\nC,m{place},n,2026-0{place}-01\n");
        loads.push(workdir.load(&database, "b.csv", rows).await?.load_id);
        // The fourth is replaced at once.
        if place != 4 {
            let output = app(&workdir, &["--pipeline"], &settings)?;
            let said = stdout(&output) + &stderr(&output);
            same((place, said.contains(missed)), (place, place == 5))?;
            if place == 5 {
                holds(&said, "b.csv, load 4)")?;
            }
        }
        if place == 2 || place == 5 {
            take_back(&database, &workdir, loads[place - 1]).await?;
            let output = app(&workdir, &["--pipeline"], &settings)?;
            same((place, (stdout(&output) + &stderr(&output)).contains(missed)), (place, false))?;
        }
    }
    Ok(())
}
