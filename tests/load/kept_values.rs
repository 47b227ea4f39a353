//! Values that come back as they stand in their files: keys that widen, numbers beyond a double, moments in declared formats, cells of
//! workbooks, and records with lists in them.

use sluice::load::FileOutcome;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_key_that_widens_names_one_row,
        a_number_of_a_key_that_is_text_now_names_one_row,
        a_key_of_many_forms_does_not_widen,
        moments_widen_to_what_their_files_wrote,
        a_surplus_goes_with_its_record,
        of_two_records_on_a_line_the_last_one_counts,
        a_declared_double_takes_no_more_than_it_holds,
        a_declared_format_drops_no_part,
        a_line_of_json_is_a_record;
}

fn upsert(workdir: &Workdir, key: &str) -> Outcome {
    workdir.plugin("u", &format!("name: u\nfiles: [\"u*\"]\ntable: u\nmode: upsert\nkey: [{key}]\nheader: true\n"))
}

const ALL: &str = "select id, v from staging.u order by id";

async fn a_key_that_widens_names_one_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    upsert(&workdir, "id")?;
    for (key, other) in [
        ("2026-01-01T10:00:00", "2026-01-01T11:30:00.25"),
        ("2026-01-01 10:00:00.500", "2026-01-01 10:00:01.250"),
        ("2026-01-01 10:00", "2026-01-01 10:01"),
        ("2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"),
        ("2026-01-01 10:00:00.5+0000", "2026-01-01 10:00:00.75+0000"),
        ("2026-01-01T10:00:00.000+00", "2026-01-01T10:00:00.120+00"),
        ("0001-01-01T10:00:00+00:00", "9999-12-31T10:00:00+00:00"),
        ("2026-01-01", "2026-01-02"),
        ("TRUE", "FALSE"),
        ("12", "13"),
        ("1.10", "2.25"),
    ] {
        workdir.load(&database, "u1.csv", format!("id,v\n{key},1\n{other},1\n")).await?;
        workdir.load(&database, "u2.csv", format!("id,v\nx,2\n{key},4\n")).await?;
        let report = workdir.load(&database, "u3.csv", format!("id,v\n{key},3\n{other},5\n")).await?;
        same((report.books.loaded, report.books.duplicate), (2, 0))?;
        let mut expected = [format!("{key}|3"), format!("{other}|5"), "x|2".to_owned()];
        expected.sort();
        let mut found: Vec<_> = database.text(ALL).await?.lines().map(str::to_owned).collect();
        found.sort();
        same(found, expected)?;
        let dropped = sluice::ops::drop::drop_table(&workdir.app(&database), "u", true).await;
        dropped.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    Ok(())
}

/// A number is one key before and after the column becomes text, however a file spells it.
async fn a_number_of_a_key_that_is_text_now_names_one_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    upsert(&workdir, "id")?;
    workdir.load(&database, "u1.csv", "id,v\n7,1\n-120,1\n1.10,1\n0,1\n").await?;
    let report = workdir.load(&database, "u2.csv", "id,v\nA1,2\n007,2\n1.1,2\n0.0,2\n-120.00,2\n").await?;
    same((report.books.loaded, report.books.duplicate), (5, 0))?;
    let all = async || -> anyhow::Result<String> {
        let mut found: Vec<_> = database.text(ALL).await?.lines().map(str::to_owned).collect();
        found.sort();
        Ok(found.join(" "))
    };
    same(all().await?, "-120.00|2 0.0|2 007|2 1.1|2 A1|2")?;
    // So it stays, in a file too; texts that are no numbers are what they are.
    let report =
        workdir.load(&database, "u3.csv", "id,v\n07,3\n7.0,3\n7,4\nA01,3\n1.1.0,3\n1-1,3\n01.10,3\n-0120,3\n").await?;
    same((report.books.loaded, report.books.duplicate), (6, 2))?;
    same(all().await?, "-0120|3 0.0|2 01.10|3 1-1|3 1.1.0|3 7|4 A01|3 A1|2")?;
    // What they replaced comes back.
    let app = workdir.app(&database);
    sluice::load::retract::retract(&app.loader, report.load_id, true).await?;
    same(all().await?, "-120.00|2 0.0|2 007|2 1.1|2 A1|2")?;
    // A key that was text from its beginning has no numbers.
    workdir.plugin("w", "name: w\nfiles: [\"w*\"]\ntable: w\nmode: upsert\nkey: [id]\nheader: true\n")?;
    workdir.load(&database, "w1.csv", "id,v\nA,1\n7,1\n").await?;
    workdir.load(&database, "w2.csv", "id,v\n007,2\n").await?;
    same(database.text("select count(*) from staging.w").await?, "3")
}

async fn a_key_of_many_forms_does_not_widen(database: TestDatabase, workdir: Workdir) -> Outcome {
    upsert(&workdir, "id")?;
    for (key, other) in [
        ("2026-01-01T10:00:00", "2026-01-01 11:00:00"),
        ("2026-01-01T10:00", "2026-01-01T11:00:00"),
        ("2026-01-01T10:00:00.50", "2026-01-01T11:00:00.5"),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T11:00:00+02:00"),
        ("1.5e-7", "2.5"),
    ] {
        workdir.load(&database, "u1.csv", format!("id,v\n{key},1\n{other},1\n")).await?;
        let outcome = workdir.drop_file(&database, "u2.csv", format!("id,v\nx,2\n{key},4\n")).await?;
        same(matches!(outcome, FileOutcome::Failed(_)), true)?;
        holds(
            &workdir.read("imports/failed/u2.csv.error.json")?,
            "key: with this file the column id would become text",
        )?;
        for one in workdir.list("imports/failed") {
            std::fs::remove_file(workdir.path(&format!("imports/failed/{one}")))?;
        }
        // What is no key may.
        workdir.load(&database, "u3.csv", format!("id,v\n{key},x\n")).await?;
        same(database.text("select count(*), max(v) from staging.u").await?, "2|x")?;
        let dropped = sluice::ops::drop::drop_table(&workdir.app(&database), "u", true).await;
        dropped.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    Ok(())
}

async fn moments_widen_to_what_their_files_wrote(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "m.csv", "a,b,c\n2026-01-01T10:00,2026-01-01T10:00:00.120Z,2026-01-01T10:00:00\n").await?;
    workdir
        .load(&database, "m.csv", "a,b,c\n2026-01-01T10:01,2026-01-01T10:00:00.000Z,2026-01-01 10:00:00.5\n")
        .await?;
    workdir
        .load(&database, "m.csv", "a,b,c\nx,x,x\n2026-01-01T10:02,2026-01-01T10:00:00.125Z,2026-01-01T10:00:00\n")
        .await?;
    same(
        database.text("select a, b, c from staging.m order by _load_id, _line").await?,
        "2026-01-01T10:00|2026-01-01T10:00:00.120Z|2026-01-01 10:00:00\n\
         2026-01-01T10:01|2026-01-01T10:00:00.000Z|2026-01-01 10:00:00.5\n\
         x|x|x\n2026-01-01T10:02|2026-01-01T10:00:00.125Z|2026-01-01T10:00:00",
    )
}

async fn a_surplus_goes_with_its_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    upsert(&workdir, "id")?;
    let all = "select id, v, _extra, _load_id, _line from staging.u where id <= 3 order by id";
    workdir.load(&database, "u1.csv", "id,v\n1,a,surplus\n2,b\n3,c,third\n4,d\n5,e\n6,f\n7,g\n").await?;
    workdir.load(&database, "u2.csv", "id,v\n1,aa\n2,bb\n").await?;
    same(database.text(all).await?, "1|aa|∅|2|2\n2|bb|∅|2|3\n3|c|[\"third\"]|1|4")?;
    // The surplus alone differs.
    let report = workdir.load(&database, "u3.csv", "id,v\n1,aa\n3,c\n").await?;
    same((report.books.loaded, report.books.duplicate), (1, 1))?;
    workdir.load(&database, "u4.csv", "id,v\n1,aa,x\n2,bb\n8,h\n9,i\n").await?;
    same(database.text(all).await?, "1|aa|[\"x\"]|4|2\n2|bb|∅|2|3\n3|c|∅|3|3")
}

async fn of_two_records_on_a_line_the_last_one_counts(database: TestDatabase, workdir: Workdir) -> Outcome {
    upsert(&workdir, "id")?;
    let all = "select id, v from staging.u order by id";
    let report =
        workdir.load(&database, "u1.json", r#"[{"id":1,"v":1},{"id":2,"v":1},{"id":1,"v":2},{"id":1,"v":3}]"#).await?;
    same((report.books.loaded, report.books.duplicate), (2, 2))?;
    same(database.text(all).await?, "1|3\n2|1")?;
    let report =
        workdir.load(&database, "u2.json", r#"[{"id":1,"v":4},{"id":3,"v":1},{"id":1,"v":5},{"id":3,"v":2}]"#).await?;
    same((report.books.loaded, report.books.duplicate), (2, 2))?;
    same(database.text(all).await?, "1|5\n2|1\n3|2")
}

async fn a_declared_double_takes_no_more_than_it_holds(database: TestDatabase, workdir: Workdir) -> Outcome {
    let columns = "columns: [{from: id, name: id}, {from: v, name: v, type: double}]";
    workdir.plugin("c", &format!("name: c\nfiles: [\"c*\"]\ntable: c\n{columns}\nmax_rejects: 100 %\n"))?;
    let wrong =
        ["1e400", "-1e400", "1e-400", "-0.1e-400", "nan", "NaN", "inf", "Infinity", "-infinity", "+inf", "x", "-0"];
    let rows: String = wrong.iter().enumerate().map(|(id, value)| format!("{id},{value}\n")).collect();
    let report = workdir.load(&database, "c1.csv", format!("id,v\n{rows}21,0e999\n22,-0.0\n23,1e300\n24,\n")).await?;
    same((report.books.loaded, report.books.rejected), (4, wrong.len() as u64))?;
    same(database.text("select id, v from staging.c order by id").await?, "21|0\n22|0\n23|1e+300\n24|∅")?;
    // What a filter cannot tell is no row that it leaves out.
    workdir
        .plugin("f", &format!("name: f\nfiles: [\"f*\"]\ntable: f\n{columns}\nmax_rejects: 100 %\nfilter: v > 1\n"))?;
    let report = workdir.load(&database, "f1.csv", "id,v\n1,nan\n2,1e-400\n3,2\n4,0.5\n").await?;
    same((report.books.loaded, report.books.rejected, report.books.filtered), (1, 2, 1))
}

async fn a_declared_format_drops_no_part(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (kind, format, good, bad) in [
        (
            "date",
            "%Y-%m-%d %H:%M:%S",
            vec![("2026-01-01 00:00:00", "2026-01-01")],
            vec!["2026-01-01 10:00:00", "2026-01-01 00:00:01"],
        ),
        (
            "date",
            "%d.%m.%Y %I %p",
            vec![("01.02.2026 12 AM", "2026-02-01")],
            vec!["01.02.2026 12 PM", "01.02.2026 01 AM"],
        ),
        (
            "timestamp",
            "%Y-%m-%d %H:%M:%S%.f",
            vec![
                ("2026-01-01 10:00:00.123456", "2026-01-01 10:00:00.123456"),
                ("2026-01-01 10:00:00.500000000", "2026-01-01 10:00:00.5"),
            ],
            vec!["2026-01-01 10:00:00.123456789", "2026-01-01 10:00:60", "2026-01-01 10:00:00.0000001"],
        ),
        (
            "timestamptz",
            "%d.%m.%Y %H:%M:%S%.f %z",
            vec![("01.02.2026 10:00:00.5 +0500", "2026-02-01 05:00:00.5+00")],
            vec!["01.02.2026 10:00:00.1234567 +0500", "01.02.2026 10:00:60 +0000"],
        ),
    ] {
        let column = format!("{{from: v, name: v, type: {kind}, format: \"{format}\"}}");
        workdir.plugin(
            "d",
            &format!("name: d\nfiles: [\"d*\"]\ntable: d_{kind}\nmax_rejects: 100 %\ncolumns: [{column}]\n"),
        )?;
        let rows: String = good.iter().map(|(value, _)| value).chain(&bad).map(|value| format!("{value}\n")).collect();
        let report = workdir.load(&database, "d1.csv", format!("v\n{rows}")).await?;
        same((report.books.loaded, report.books.rejected), (good.len() as u64, bad.len() as u64))?;
        let expected: Vec<_> = good.iter().map(|(_, value)| *value).collect();
        let sql = format!("select v from staging.d_{kind} where _load_id = {} order by _line", report.load_id);
        same(database.text(&sql).await?, expected.join("\n"))?;
    }
    for (kind, format) in [
        ("timestamp", "%Y-%m-%d %H:%M:%S %z"),
        ("timestamp", "%+"),
        ("date", "%d.%m.%Y %:z"),
        ("timestamp", "%c %Z"),
        ("timestamp", "%F %T%#z"),
    ] {
        let column = format!("{{from: v, name: v, type: {kind}, format: \"{format}\"}}");
        workdir.plugin("d", &format!("name: d\nfiles: [\"d*\"]\ntable: d\ncolumns: [{column}]\n"))?;
        let error = sluice::dataset::plugin::Plugins::read(&workdir.path("plugins"), &|_| Ok(None))
            .err()
            .map(|error| error.to_string());
        holds(&error.unwrap_or_default(), "say type: timestamptz")?;
    }
    Ok(())
}

async fn a_line_of_json_is_a_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    let record = |id: u8| format!("{{\"id\":{id},\"name\":\"x\",\"orders\":[{{\"o\":1}},{{\"o\":2}}]}}\n");
    for ending in ["jsonl", "ndjson", "NDJSON"] {
        let table = format!("t_{}", ending.to_lowercase());
        workdir.load(&database, &format!("{table}.{ending}"), record(1) + &record(2)).await?;
        workdir.load(&database, &format!("{table}.{ending}"), record(3)).await?;
        let rows = database.text(&format!("select id, name, orders from staging.{table} where id = 3")).await?;
        same(rows, "3|x|[{\"o\":1},{\"o\":2}]")?;
        std::fs::write(workdir.path("x"), record(4))?;
    }
    // Pages stay one object each, and an array in such a file is one of records.
    workdir.load(&database, "page.jsonl", "{\"data\":[{\"a\":1}],\"next\":null}\n").await?;
    same(database.text("select data from staging.page").await?, "[{\"a\":1}]")?;
    same(workdir.load(&database, "list.jsonl", "[{\"a\":1},{\"a\":2}]\n").await?.books.loaded, 2)?;
    // One object in a file called .json holds the records in its one array.
    same(
        workdir.load(&database, "page2.json", "{\"data\":[{\"a\":1},{\"a\":2}],\"next\":null}\n").await?.books.loaded,
        2,
    )
}
