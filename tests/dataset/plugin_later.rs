//! A plugin that comes, or says more, when its table stands already.

use serde_json::Value;

use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_stated_type_is_checked_where_the_table_has_text,
        native_values_are_checked_too,
        a_wider_column_stays_as_it_is,
        what_no_column_holds_becomes_text_and_is_checked,
        a_stated_type_that_is_wider_is_taken,
        check_says_that_too_many_rejects_fail_the_file,
        one_word_among_numbers_is_told,
        a_key_of_other_columns_counts_from_the_next_file_on,
        a_plugin_says_no_encoding_that_nothing_proves;
}

const TYPES: &str = "select name, \"type\" from sluice.\"column\" where dataset = 'p' order by position";

fn once(workdir: &Workdir, database: &TestDatabase, expected: i32) -> anyhow::Result<String> {
    let output = app(workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
    let log = stdout(&output) + &stderr(&output);
    anyhow::ensure!(output.status.code() == Some(expected), "{log}");
    Ok(log)
}

async fn a_key_of_other_columns_counts_from_the_next_file_on(database: TestDatabase, workdir: Workdir) -> Outcome {
    let next = |key: &str, text: &str| {
        workdir.plugin("p", &format!("name: p\nfiles: [\"p*.csv\"]\ntable: p\nmode: upsert\nkey: [{key}]\n"))?;
        workdir.write("imports/p.csv", format!("id,line,v\n{text}"))?;
        once(&workdir, &database, 0)
    };
    next("id", "1,1,a\n2,1,b\n")?;
    next("id, line", "1,2,c\n1,1,d\n")?;
    let all = "select id, line, v from staging.p order by id, line";
    same(database.text(all).await?, "1|1|d\n1|2|c\n2|1|b")?;
    next("line, id", "2,1,e\n")?;
    same(database.text(all).await?, "1|1|d\n1|2|c\n2|1|e")
}

async fn a_stated_type_is_checked_where_the_table_has_text(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/p.csv", "id;preis;tag;ok\n1;2,50;03.11.2026;ja\n2;1.000,00;04.11.2026;nein\n")?;
    once(&workdir, &database, 0)?;
    workdir.plugin(
        "p",
        "name: p\nfiles: [\"p*.csv\"]\ntable: p\nmax_rejects: 100 %\nfilter: preis > 1\ncolumns:\n\
         \x20 - {from: preis, decimal: \",\", null: [n/a]}\n\
         \x20 - {from: tag, type: date, format: \"%d.%m.%Y\"}\n\
         \x20 - {from: ok, true: [ja], false: [nein]}\n",
    )?;
    let text = "id;preis;tag;ok\n3;4,75;05.11.2026;ja\n4;quatsch;05.11.2026;ja\n5;5,00;99.11.2026;ja\n\
        6;n/a;06.11.2026;nein\n7;7,00;07.11.2026;vielleicht\n8;0,50;07.11.2026;ja\n9;9,00;;\n";
    workdir.write("p_next.csv", text)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let said =
        ["preis stays text, not numeric; tag stays text, not date; ok stays text, not boolean", "app drop p, then"];
    let checked = app(&workdir, &["check", "p_next.csv"], &settings)?;
    same(checked.status.code(), Some(3))?;
    for words in said.iter().chain(&["= 2 to load + 3 rejected + 2 filtered"]) {
        holds(&stdout(&checked), words)?;
    }
    let json: Value = serde_json::from_str(&stdout(&app(&workdir, &["check", "p_next.csv", "--json"], &settings)?))?;
    holds(json["hints"][0].as_str().unwrap_or_default(), said[0])?;
    workdir.write("imports/p_next.csv", text)?;
    let log = once(&workdir, &database, 3)?;
    for words in said {
        holds(&log, words)?;
    }
    // As the file has them, so that a text is what it was.
    same(
        database.text("select id, preis, tag, ok from staging.p order by id").await?,
        "1|2,50|03.11.2026|ja\n2|1.000,00|04.11.2026|nein\n3|4,75|05.11.2026|ja\n9|9,00|∅|∅",
    )?;
    same(
        database.text("select line, \"column\", detail from sluice.reject order by line").await?,
        "3|preis|\"quatsch\" is no numeric with decimal \",\"\n4|tag|\"99.11.2026\" is no date\n\
         6|ok|\"vielleicht\" is no boolean (true: \"ja\"; false: \"nein\")",
    )?;
    // With the table anew, the types are the stated ones.
    same(app(&workdir, &["drop", "p", "--yes"], &settings)?.status.code(), Some(0))?;
    workdir.write("imports/p_next.csv", text)?;
    let log = once(&workdir, &database, 3)?;
    same(log.contains("stays text"), false)?;
    same(database.text("select id, preis, tag from staging.p order by id").await?, "3|4.75|2026-11-05\n9|9.00|∅")?;
    same(stdout(&app(&workdir, &["check", "p_next.csv"], &settings)?).contains("stays text"), false)
}

async fn native_values_are_checked_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "p.json", "[{\"n\": \"a\", \"t\": 1}, {\"n\": 5, \"t\": 2}]").await?;
    workdir.plugin(
        "p",
        "name: p\nfiles: [\"p*.json\"]\ntable: p\nmax_rejects: 100 %\ncolumns:\n  - {from: n, type: bigint, required: true}\n",
    )?;
    let text = "[{\"n\": 7}, {\"n\": 1.5}, {\"n\": \"x\"}, {\"n\": \"\"}, {\"n\": \"8\"}, {\"n\": true}]";
    let books = workdir.load(&database, "p_2.json", text).await?.books;
    same((books.loaded, books.rejected), (2, 4))?;
    same(database.text("select n from staging.p order by n").await?, "5\n7\n8\na")
}

async fn a_wider_column_stays_as_it_is(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "p.csv", "n,at\n1.5,2026-01-01 10:00:00\n2.25,2026-01-02 11:30:00\n").await?;
    workdir.plugin(
        "p",
        "name: p\nfiles: [\"p*.csv\"]\ntable: p\nmax_rejects: 100 %\ncolumns:\n  - {from: n, type: bigint}\n\
         \x20 - {from: at, type: date, format: \"%d.%m.%Y\"}\n",
    )?;
    let text = "n,at\n3,05.11.2026\n3.5,05.11.2026\n4,2026-11-05 10:00:00\n5,\n";
    workdir.write("imports/p_2.csv", text)?;
    let log = once(&workdir, &database, 3)?;
    holds(&log, "n stays numeric, not bigint; at stays timestamp, not date")?;
    same(database.text(TYPES).await?, "n|numeric\nat|timestamp")?;
    same(
        database.text("select n, at from staging.p order by n").await?,
        "1.5|2026-01-01 10:00:00\n2.25|2026-01-02 11:30:00\n3|2026-11-05 00:00:00\n5|∅",
    )?;
    same(
        database.text("select line, detail from sluice.reject order by line").await?,
        "3|\"3.5\" is no bigint\n4|\"2026-11-05 10:00:00\" is no date",
    )
}

async fn what_no_column_holds_becomes_text_and_is_checked(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "p.csv", "x,n\n1e-05,7\n2.5e+20,8\n").await?;
    workdir.plugin(
        "p",
        "name: p\nfiles: [\"p*.csv\"]\ntable: p\nmax_rejects: 100 %\ncolumns:\n  - {from: x, type: numeric}\n\
         \x20 - {from: n, type: date}\n",
    )?;
    let text = "x,n\n0.12345678901234567890,2026-11-05\n1e-05,2026-11-05\n1.5,9\n";
    workdir.write("p_2.csv", text)?;
    let checked = app(&workdir, &["check", "p_2.csv"], &[("DATABASE_URL", &database.url)])?;
    workdir.write("imports/p_2.csv", text)?;
    let log = once(&workdir, &database, 3)?;
    for said in [stdout(&checked), log] {
        holds(&said, "x becomes text, not numeric; n becomes text, not date")?;
    }
    same(
        database.text("select x, n from staging.p order by _load_id, _line").await?,
        "1e-05|7\n2.5e+20|8\n0.12345678901234567890|2026-11-05",
    )
}

async fn a_stated_type_that_is_wider_is_taken(database: TestDatabase, workdir: Workdir) -> Outcome {
    let plugin = |kind: &str| {
        workdir
            .plugin("p", &format!("name: p\nfiles: [\"p*.csv\"]\ntable: p\ncolumns:\n  - {{from: n, type: {kind}}}\n"))
    };
    plugin("bigint")?;
    workdir.load(&database, "p.csv", "n\n9007199254740993\n").await?;
    plugin("numeric")?;
    workdir.load(&database, "p_2.csv", "n\n1.50\n").await?;
    same(database.text(TYPES).await?, "n|numeric")?;
    same(database.text("select n from staging.p order by n").await?, "1.50\n9007199254740993")
}

async fn check_says_that_too_many_rejects_fail_the_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("p", "name: p\nfiles: [\"p*.csv\"]\ntable: p\ncolumns:\n  - {from: n, type: bigint}\n")?;
    workdir.write("p.csv", "n\n1\n2\nx\n")?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let output = app(&workdir, &["check", "p.csv"], &settings)?;
    same(output.status.code(), Some(1))?;
    holds(&stdout(&output), "3 read = 2 to load + 1 rejected")?;
    holds(&stdout(&output), "more rejects than max_rejects (10 %) allows: nothing of it would be loaded")?;
    same(stdout(&output).contains("0 rejects"), false)?;
    let json: Value = serde_json::from_str(&stdout(&app(&workdir, &["check", "p.csv", "--json"], &settings)?))?;
    holds(json["refused"].as_str().unwrap_or_default(), "max_rejects")?;
    workdir.write("imports/p.csv", "n\n1\n2\nx\n")?;
    once(&workdir, &database, 1)?;
    same(workdir.list("imports/failed").is_empty(), false)
}

async fn one_word_among_numbers_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    for odd in [2, 12, 252, 500, 501] {
        let line = |line: u64| match line == odd {
            true => format!("{line},sechs,unbekannt\n"),
            false => format!("{line},{},2026-01-{:02}\n", line * 3, line % 28 + 1),
        };
        let name = format!("w{odd}.csv");
        let text = format!("id,menge,tag\n{}", (2..=501).map(line).collect::<String>());
        workdir.write(&name, &text)?;
        workdir.write(&format!("imports/{name}"), &text)?;
        let said = [
            format!("menge looks like bigint but for line {odd} (sechs)"),
            format!("tag looks like date but for line {odd} (unbekannt)"),
        ];
        let checked = stdout(&app(&workdir, &["check", &name], &settings)?);
        let log = once(&workdir, &database, 0)?;
        for words in &said {
            holds(&checked, words)?;
            holds(&log, words)?;
        }
    }
    // Codes, and the line of a total.
    let line = |line: u64| format!("{},{}\n", if line == 300 { "12a".to_owned() } else { line.to_string() }, line);
    let text = format!("nr,menge\n{}Total,125000\n", (2..=501).map(line).collect::<String>());
    workdir.write("codes.csv", text)?;
    same(stdout(&app(&workdir, &["check", "codes.csv"], &settings)?).contains("but for"), false)
}

async fn a_plugin_says_no_encoding_that_nothing_proves(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("k_1.csv", "id,name\n1,Meier\n2,Huber\n")?;
    same(stdout(&app(&workdir, &["check", "k_1.csv"], &settings)?).contains("encoding:"), false)?;
    workdir.write("k_2.csv", "id,name\n3,Frey\n")?;
    let new = app(&workdir, &["plugin", "new", "k", "--from", "k_1.csv", "k_2.csv"], &settings)?;
    same((new.status.code(), workdir.read("plugins/k/plugin.yaml")?.contains("encoding:")), (Some(0), false))?;
    workdir.write("imports/k_3.csv", b"id,name\n3,M\xFCller\n4,J\xE4ger\n")?;
    once(&workdir, &database, 0)?;
    same(database.text("select name from staging.k order by id").await?, "Müller\nJäger")?;
    workdir.write("u_1.csv", "id,name\n1,Müller\n2,Jäger\n")?;
    holds(&stdout(&app(&workdir, &["check", "u_1.csv"], &settings)?), "encoding: \"utf-8\"")?;
    holds(
        &stdout(&app(&workdir, &["plugin", "new", "u", "--from", "u_1.csv", "--print"], &settings)?),
        "encoding: \"utf-8\"",
    )
}
