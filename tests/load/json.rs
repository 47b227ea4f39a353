//! JSON through the whole path: nothing of a file that goes is lost, whatever its length and whatever in it is broken.

use std::fmt::Write;

use sluice::load::FileOutcome;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        what_is_long_loads_as_what_is_short,
        one_broken_record_costs_one_record,
        keys_beside_the_records_are_kept,
        keys_beside_the_records_become_columns,
        what_is_no_json_changes_no_table,
        a_reader_that_skips_is_caught,
        records_on_one_line_are_told_apart,
        what_is_too_wide_fails_at_once,
        a_null_is_no_record,
        several_arrays_are_told;
}

async fn a_null_is_no_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.json", "[{\"a\": 1}]").await?;
    for (name, text) in [("t.json", "null"), ("new.json", " null\n"), ("t.jsonl", "null\n")] {
        let outcome = workdir.drop_file(&database, name, text).await?;
        anyhow::ensure!(matches!(&outcome, FileOutcome::Failed(parts) if parts.is_empty()), "{name}: {outcome:?}");
        holds(
            &workdir.read(&format!("imports/failed/{name}.error.json"))?,
            "no records that can be loaded: it is null",
        )?;
    }
    same(database.text("select count(*) from staging.t").await?, "1")?;
    // Among records it is a line.
    same(workdir.load(&database, "u.jsonl", "{\"a\": 1}\nnull\n").await?.books.read, 2)
}

async fn several_arrays_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write(
        "imports/two.json",
        "{\"users\": [{\"id\": 1}, {\"id\": 2}], \"orders\": [{\"id\": 7}], \"tags\": [1]}",
    )?;
    let done = app(&workdir, &["--once", "--quiet"], &settings)?;
    same(done.status.code(), Some(0))?;
    holds(&(stdout(&done) + &stderr(&done)), "the file is one object with several arrays of objects (users, orders)")?;
    same(database.text("select users from staging.two").await?, "[{\"id\": 1}, {\"id\": 2}]")?;
    for (name, text) in [
        ("one.json", "{\"users\": [{\"id\": 1}], \"tags\": [1]}"),
        ("more.json", "{\"a\": [{\"x\": 1}], \"b\": [{\"x\": 2}]}\n{\"a\": [{\"x\": 3}], \"b\": [{\"x\": 4}]}\n"),
    ] {
        workdir.write(&format!("imports/{name}"), text)?;
        let done = app(&workdir, &["--once", "--quiet"], &settings)?;
        same((name, (stdout(&done) + &stderr(&done)).contains("several arrays")), (name, false))?;
    }
    Ok(())
}

async fn what_is_long_loads_as_what_is_short(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (size, many) in [("short", 3), ("long", 8000)] {
        let array = |key: &str| {
            let objects: Vec<_> = (0..many).map(|n| format!("{{\"t\":{n},\"v\":\"{}\"}}", "x".repeat(40))).collect();
            format!("\"{key}\":[{}]", objects.join(", "))
        };
        let two = format!("{{{},\n{}}}", array("users"), array("orders"));
        let report = workdir.load(&database, &format!("two_{size}.json"), &two).await?;
        same((report.books.loaded, report.books.rejected), (1, 0))?;
        let lengths = format!("select length(users) + length(orders) from staging.two_{size}");
        same(database.text(&lengths).await?, (two.len() - "{\"users\":,\n\"orders\":}".len()).to_string())?;

        let lines: String =
            (1..4).fold(String::new(), |text, id| text + &format!("{{\"id\":{id},{}}}\n", array("events")));
        let report = workdir.load(&database, &format!("docs_{size}.ndjson"), &lines).await?;
        same((report.books.loaded, report.books.rejected), (3, 0))?;
        same(database.text(&format!("select id, _line from staging.docs_{size} order by id")).await?, "1|1\n2|2\n3|3")?;

        let page = format!("{{\"day\":\"2024-05-01\",{},\"next\":null}}", array("rates"));
        same(workdir.load(&database, &format!("page_{size}.json"), &page).await?.books.loaded, many)?;
    }
    Ok(())
}

async fn records_on_one_line_are_told_apart(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.load(&database, "orders.json", "\n[{\"id\":1,\"n\":5},{\"id\":2,\"n\":5},{\"id\":3,\"n\":5}]").await?;
    workdir.load(&database, "pairs.json", "{\"id\":1}{\"id\":2}\n{\"id\":3}\n").await?;
    workdir.write("sql/pipeline/fact_order.sql", "/*\nkind: fact\ngrain: id\n*/ select id, n from staging.orders")?;
    same(stderr(&app(&workdir, &["--pipeline"], &settings)?).contains("rror"), false)?;
    for table in ["staging.orders", "datawarehouse.fact_order"] {
        let arguments = ["trace", table, "--where", "id = 2"];
        let told = stdout(&app(&workdir, &arguments, &settings)?);
        holds(&told, "  orders.json line 2, record 2, load 1")?;
        same(told.matches("orders.json").count(), 1)?;
        let json: serde_json::Value =
            serde_json::from_str(&stdout(&app(&workdir, &[&arguments[..], &["--json"]].concat(), &settings)?))?;
        let staged = &json["staged"][0];
        same((staged["line"].as_i64(), staged["record"].as_i64()), (Some(2), Some(2)))?;
        same(staged["row"]["id"].as_str(), Some("2"))?;
    }
    // Several on a line, and several lines: the number alone.
    holds(
        &stdout(&app(&workdir, &["trace", "staging.pairs", "--where", "id = 3"], &settings)?),
        "pairs.json record 3, load 2",
    )
}

async fn one_broken_record_costs_one_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    let record = |id: usize| format!("{{\"id\":{id},\"name\":\"item number {id}\",\"note\":\"{}\"}}", "z".repeat(40));
    let bad = ["{\"id\":1,\"name\":\"5\" pipe\",\"note\":\"z\"}", "{\"id\":1,\"name\":\"abc\\\",\"note\":\"z\"}"];
    for (at, bad) in bad.iter().enumerate() {
        for (word, joint) in [("lines", ",\n"), ("line", ",")] {
            let records: Vec<_> = (0..30_000).map(|id| if id == 1 { (*bad).to_owned() } else { record(id) }).collect();
            let name = format!("a{at}_{word}");
            let report = workdir.load(&database, &format!("{name}.json"), format!("[{}]", records.join(joint))).await?;
            same((report.books.read, report.books.loaded, report.books.rejected), (30_000, 29_999, 1))?;
            let sql = format!("select text from sluice.reject where load_id = {}", report.load_id);
            same(database.text(&sql).await?, *bad)?;
            let sql = format!("select count(distinct id), sum(id) from staging.{name}");
            same(database.text(&sql).await?, format!("29999|{}", 29_999 * 15_000 - 1))?;
        }
    }
    let lines = (2..30_000).fold(String::new(), |mut text, id| {
        let _ = writeln!(text, "{}", record(id));
        text
    });
    let behind = format!("[{},{}]\n{lines}", record(0), record(1));
    same(workdir.load(&database, "behind.json", behind).await?.books.loaded, 30_000)?;
    // What cannot be found again is kept whole, however long it is.
    let rest = format!("{{\"id\":1,\"x\":[{}", "[1,2".repeat(500_000));
    let report = workdir.load(&database, "rest.json", format!("[{},\n{rest}", record(0))).await?;
    same((report.books.loaded, report.books.rejected), (1, 1))?;
    let sql = format!("select length(text) from sluice.reject where load_id = {}", report.load_id);
    same(database.text(&sql).await?, rest.len().to_string())
}

const RATES: &str = "{\"base\":\"EUR\",\"date\":\"2024-05-01\",\
    \"rates\":[{\"code\":\"USD\",\"rate\":1.08},{\"code\":\"CHF\",\"rate\":0.98}],\n\
                     \"source\":{\"id\":7,\"tags\":[1]}}";

async fn keys_beside_the_records_are_kept(database: TestDatabase, workdir: Workdir) -> Outcome {
    same(workdir.load(&database, "rates.json", RATES).await?.books.loaded, 2)?;
    same(
        database.text("select kind, name, line, text from sluice.beside order by id").await?,
        "key|base|1|\"EUR\"\nkey|date|1|\"2024-05-01\"\nkey|source|2|{\"id\":7,\"tags\":[1]}",
    )
}

async fn keys_beside_the_records_become_columns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("rates", "name: rates\nfiles: [\"rates*\"]\ntable: rates\nbeside: columns\n")?;
    same(workdir.load(&database, "rates.json", RATES).await?.books.loaded, 2)?;
    same(
        database.text("select code, rate, base, date, source__id from staging.rates order by code").await?,
        "CHF|0.98|EUR|2024-05-01|7\nUSD|1.08|EUR|2024-05-01|7",
    )?;
    same(database.text("select count(*) from sluice.beside").await?, "3")?;
    workdir.write("rates_2.json", RATES)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let checked = stdout(&app(&workdir, &["check", "rates_2.json"], &settings)?);
    holds(&checked, "beside: columns")?;
    let twice = RATES.replace("\"base\"", "\"code\"");
    same(matches!(workdir.drop_file(&database, "rates_3.json", &twice).await?, FileOutcome::Failed(_)), true)?;
    holds(&workdir.read("imports/failed/rates_3.json.error.json")?, "two columns of one name")?;
    for (yaml, why) in
        [("beside: rows\n", "is neither keep nor columns"), ("format: csv\nbeside: columns\n", "only JSON has keys")]
    {
        workdir.plugin("rates", &format!("name: rates\nfiles: [\"rates*\"]\n{yaml}"))?;
        holds(&stderr(&app(&workdir, &["check", "rates_2.json"], &settings)?), why)?;
    }
    Ok(())
}

async fn what_is_no_json_changes_no_table(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "a.json", "[{\"id\":1}]").await?;
    for (text, why) in [
        ("callback([{\"id\":1},{\"id\":2}]);", "JSONP"),
        (")]}',\n[{\"id\":3}]", "guard"),
        ("while(1);[{\"id\":4}]", "guard"),
        ("var rows = [{\"id\":5}];", "JavaScript"),
        ("id,name\n1,x\n", "it is no JSON"),
        ("id\n", "it is no JSON"),
        ("<html><body>503</body></html>", "HTML"),
        ("[]", "no object in it has a key"),
        ("{\"value\": []}", "no object in it has a key"),
        ("[{id: 1}]", "every one of 1 is refused"),
    ] {
        same(matches!(workdir.drop_file(&database, "a.json", text).await?, FileOutcome::Failed(_)), true)?;
        let name = workdir.list("imports/failed").into_iter().find(|name| name.ends_with(".error.json"));
        let name = name.unwrap_or_default();
        holds(&workdir.read(&format!("imports/failed/{name}"))?, why)?;
        std::fs::remove_dir_all(workdir.path("imports/failed"))?;
    }
    same(database.text("select id from staging.a").await?, "1")?;
    same(workdir.load(&database, "numbers.jsonl", "1\n2\n3\n").await?.books.loaded, 3)
}

async fn a_reader_that_skips_is_caught(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = "[{\"id\":1},\n{\"id\":2},\n{\"id\":3}]\n";
    for fault in ["json_skips", "json_swallows", "json_stops"] {
        // Two of three are read well, and those of the first reading.
        for many in ["", "2*off->", "4*off->"] {
            workdir.write("imports/t.json", text)?;
            let points = format!("{fault}={many}return");
            let settings = [("DATABASE_URL", database.url.as_str()), ("FAILPOINTS", points.as_str())];
            let output = app(&workdir, &["--once"], &settings)?;
            same((fault, many, output.status.code()), (fault, many, Some(1)))?;
            same((fault, many, workdir.read("imports/failed/t.json").ok().as_deref()), (fault, many, Some(text)))?;
            std::fs::remove_dir_all(workdir.path("imports/failed"))?;
        }
    }
    same(database.text("select count(*) from sluice.load where status = 'loaded'").await?, "0")
}

async fn what_is_too_wide_fails_at_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let keys = (0..50_000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let text = format!("{{{keys}}}\n{}", "{\"k1\":1}\n".repeat(60_000));
    let report = workdir.load(&database, "wide.json", text).await?;
    same((report.books.loaded, report.books.rejected), (60_000, 1))?;
    let wide: String = (0..1700).map(|n| format!("{{\"k{n}\":1}}\n")).collect();
    same(matches!(workdir.drop_file(&database, "many.json", &wide).await?, FileOutcome::Failed(_)), true)?;
    holds(&workdir.read("imports/failed/many.json.error.json")?, "a table has 1598 at most")
}
