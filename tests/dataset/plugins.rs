//! Plugins: what they claim, how they shape, and what is said of wrong ones.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use sluice::load::FileOutcome;

use crate::support::process::{app, stderr};
use crate::support::{Outcome, TestDatabase, Workdir, alone, holds, on_both, same};

/// Events of one quarter of an hour, of the GDELT 2.0 Event Database: tabs, no header, 61 columns.
const EVENTS: &str = "20191024143000.export.CSV.zip";

fn input() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(EVENTS)
}

pub fn cases() -> Vec<Trial> {
    let there = input().is_file();
    let real = on_both("dataset::plugins::events_are_picked_named_and_filtered", events_are_picked_named_and_filtered);
    real.into_iter()
        .map(|case| if there { case } else { case.with_ignored_flag(true) })
        .chain(on_both("dataset::plugins::columns_are_shaped", columns_are_shaped))
        .chain(on_both("dataset::plugins::a_file_is_the_whole_truth", a_file_is_the_whole_truth))
        .chain(on_both(
            "dataset::plugins::rows_take_the_place_of_those_with_their_key",
            rows_take_the_place_of_those_with_their_key,
        ))
        .chain(on_both(
            "dataset::plugins::duplicates_load_where_asked_and_files_are_kept",
            duplicates_load_where_asked_and_files_are_kept,
        ))
        .chain(on_both("dataset::plugins::decimal_keys_are_compared_as_numbers", decimal_keys_are_compared_as_numbers))
        .chain(on_both("dataset::plugins::filters_see_what_is_loaded", filters_see_what_is_loaded))
        .chain(on_both("dataset::plugins::the_parts_of_a_file_replace_together", the_parts_of_a_file_replace_together))
        .chain(on_both("dataset::plugins::a_printed_plugin_reads_the_same", a_printed_plugin_reads_the_same))
        .chain(on_both("dataset::plugins::columns_of_fixed_width", columns_of_fixed_width))
        .chain(on_both("dataset::plugins::names_are_the_same_however_composed", names_are_the_same_however_composed))
        .chain(alone("dataset::plugins::variables_come_from_the_environment", variables_come_from_the_environment))
        .chain(on_both(
            "dataset::plugins::a_file_that_does_not_go_with_its_plugin_fails",
            a_file_that_does_not_go_with_its_plugin_fails,
        ))
        .chain(alone("dataset::plugins::what_is_wrong_is_said_at_the_start", what_is_wrong_is_said_at_the_start))
        .collect()
}

async fn events_are_picked_named_and_filtered(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "gdelt",
        "name: gdelt
creator: the tests
files: [\"*.export.CSV*\"]
table: events
delimiter: tab
header: false
columns:
  - {from: 1, name: event_id, type: bigint, required: true}
  - {from: 27, name: event_code, type: text}
  - {from: 57, name: latitude, type: numeric}
  - {from: 58, name: longitude, type: numeric}
  - {from: 61, name: source}
others: drop
filter: latitude between 24.396308 and 49.384358 and longitude between -125.0 and -66.93457
",
    )?;
    let report = workdir.load(&database, EVENTS, fs::read(input())?).await?;
    let books = report.books;
    same((books.read, books.loaded, books.filtered, books.rejected), (2111, 714, 1397, 0))?;
    same(database.text("select count(*) from staging.events where event_code like '0%'").await?, "467")?;
    same(database.text("select count(distinct event_id), count(source) from staging.events").await?, "714|714")?;
    same(
        database
            .text("select name, \"type\" from sluice.\"column\" where dataset = 'events' order by position")
            .await?,
        "event_id|bigint\nevent_code|text\nlatitude|numeric\nlongitude|numeric\nsource|text",
    )?;
    same(
        database.text("select source, rows_read, rows_loaded, rows_filtered from sluice.load").await?,
        "20191024143000.export.CSV.zip/20191024143000.export.CSV|2111|714|1397",
    )
}

async fn columns_are_shaped(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "orders",
        "name: orders
files: [\"orders*.xyz\"]
table: orders
columns:
  - {from: Order No, name: id, type: text, required: true}
  - {from: sold, name: day, type: date, format: \"%d.%m.%Y\"}
  - {from: amount, null: [\"n/a\", \"-\"]}
others: drop
max_rejects: 50 %
",
    )?;
    let text =
        "Order No;sold;amount;note\n007;01.02.2020;1.50;x\n;02.02.2020;2.50;y\n9;2020-02-03;3.50;z\n10;;n/a;\n11;;-;\n";
    let report = workdir.load(&database, "orders_1.xyz", text).await?;
    same((report.books.loaded, report.books.rejected), (3, 2))?;
    same(
        database.text("select id, day, amount from staging.orders order by _line").await?.replace("1.50", "1.5"),
        "007|2020-02-01|1.5\n10|∅|∅\n11|∅|∅",
    )?;
    same(
        database.text("select line, \"column\", reason, detail from sluice.reject order by line").await?,
        "3|Order No|required and empty|∅\n4|sold|not of the column's type|\"2020-02-03\" is no date",
    )?;
    same(
        database.text("select name, \"type\" from sluice.\"column\" order by position").await?,
        "id|text\nday|date\namount|numeric",
    )
}

async fn a_file_is_the_whole_truth(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("stock", "name: stock\nfiles: [\"stock*\"]\ntable: stock\nmode: replace\n")?;
    workdir.load(&database, "stock_1.csv", "sku,n\na,1\nb,2\n").await?;
    workdir.load(&database, "stock_2.csv", "sku,n\nb,3\n").await?;
    same(database.text("select sku, n from staging.stock").await?, "b|3")?;
    // An earlier state is no duplicate when it comes again, the present one is.
    same(workdir.load(&database, "stock_3.csv", "sku,n\nb,3\n").await?.duplicate_of, Some(2))?;
    workdir.load(&database, "stock_4.csv", "sku,n\na,1\nb,2\n").await?;
    same(database.text("select sku, n from staging.stock order by sku").await?, "a|1\nb|2")?;
    same(database.text("select status from sluice.load order by id").await?, "replaced\nreplaced\nduplicate\nloaded")
}

async fn rows_take_the_place_of_those_with_their_key(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "stock",
        "name: stock\nfiles: [\"stock*\"]\ntable: stock\nmode: upsert\nkey: [sku]\nmax_rejects: 50 %\n",
    )?;
    let first = "sku,n,price\na,1,1.1\nb,2,2.5\nc,3,3.5\n";
    workdir.load(&database, "stock_1.csv", first).await?;
    // b is as it was, a differs in its scale alone, c stands twice, d is new, one has no key.
    let second = "sku,n,price\nb,2,2.5\na,1,1.10\nc,8,3.5\nc,9,3.5\nd,4,4.5\n,5,5.5\n";
    let books = workdir.load(&database, "stock_2.csv", second).await?.books;
    same((books.read, books.loaded, books.duplicate, books.rejected), (6, 3, 2, 1))?;
    let table = "select sku, n, price, _load_id, _line from staging.stock order by sku";
    let cast = |text: String| text.replace("1.10|", "1.1|");
    same(cast(database.text(table).await?), "a|1|1.1|2|3\nb|2|2.5|1|3\nc|9|3.5|2|5\nd|4|4.5|2|6")?;
    // Other columns stay, new ones come, types widen.
    workdir.load(&database, "stock_3.csv", "sku,n,note\nb,x,new\n").await?;
    same(
        database
            .text("select sku, n, price, note from staging.stock where sku in ('a', 'b') order by sku")
            .await?
            .replace("1.10|", "1.1|"),
        "a|1|1.1|∅\nb|x|2.5|new",
    )?;
    // An earlier state is no duplicate once others came between, the last one is.
    let again = workdir.load(&database, "stock_4.csv", first).await?;
    same((again.duplicate_of, again.books.loaded), (None, 3))?;
    same(workdir.load(&database, "stock_5.csv", first).await?.duplicate_of, Some(again.load_id))?;
    same(workdir.drop_file(&database, "stock_6.csv", "n\n1\n").await.map(|done| format!("{done:?}"))?, "Failed([])")?;
    holds(&workdir.read("imports/failed/stock_6.csv.error.json")?, "key: the file has no column sku")?;
    same(
        database
            .text("select count(*), sum(rows_read - rows_loaded - rows_rejected - rows_duplicate) from sluice.load")
            .await?,
        "6|0",
    )
}

async fn decimal_keys_are_compared_as_numbers(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("o", "name: o\nfiles: [\"o*\"]\ntable: o\nmode: upsert\nkey: [id]\n")?;
    workdir.load(&database, "o1.csv", "id,v\n1,1\n2,2\n10,3\n").await?;
    workdir.load(&database, "o2.csv", "id,v\n1.0,9\n2.5,3\n10.0,4\n").await?;
    same(database.text("select v from staging.o order by v").await?, "2\n3\n4\n9")?;
    let books = workdir.load(&database, "o3.csv", "id,v\n3.0,1\n3.00,2\n3,5\n").await?.books;
    same((books.loaded, books.duplicate), (1, 2))?;
    same(database.text("select v from staging.o where id = 3").await?, "5")
}

async fn filters_see_what_is_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let dates =
        "id;sold;amt\n1;01.02.2020;5.50\n2;01.02.2021;5.50\n3;31.02.2020;5.50\n4;01.02.20;5.50\n5;02.02.2020;10\n";
    workdir.plugin(
        "o",
        "name: o
files: [\"o*\"]
columns:
  - {from: id, name: id}
  - {from: sold, name: day, type: date, format: \"%d.%m.%Y\"}
  - {from: 3, name: amount, type: numeric}
filter: day between '2020-01-01' and '2020-12-31' and amount > 5.4
max_rejects: 3
",
    )?;
    let books = workdir.load(&database, "o1.csv", dates).await?.books;
    // A day that is none is refused, not left out.
    same((books.loaded, books.filtered, books.rejected), (2, 1, 2))?;
    same(database.text("select id, day from staging.o1 order by id").await?, "1|2020-02-01\n5|2020-02-02")?;
    let moments = "id,ts,b,tz\n\
                   1,2020-01-01T10:00:00,TRUE,2020-01-01T10:00:00+02:00\n\
                   2,2020-01-01 23:00:00,FALSE,2020-01-01T23:00:00Z\n\
                   3,2020-01-02 01:00,TRUE,2020-01-02T01:00:00+05:00\n";
    for (filter, expected) in [
        ("ts > '2020-01-01 12:00:00'", "2\n3"),
        ("ts < '2020-01-01 12:00:00'", "1"),
        ("ts = '2020-01-02T01:00'", "3"),
        ("b = true", "1\n3"),
        ("tz > '2020-01-01T09:00:00Z'", "2\n3"),
        ("tz = '2020-01-01 08:00:00+00:00'", "1"),
        ("id in (1, '3')", "1\n3"),
    ] {
        let yaml = format!("name: m\nfiles: [\"m*\"]\ntable: m\nduplicates: load\nmode: replace\nfilter: {filter:?}\n");
        workdir.plugin("m", &yaml)?;
        workdir.load(&database, "m.csv", moments).await?;
        same((filter, database.text("select id from staging.m order by id").await?.as_str()), (filter, expected))?;
    }
    workdir.plugin("m", "name: m\nfiles: [\"m*\"]\ntable: m\nfilter: id > 'x'\n")?;
    same(
        matches!(workdir.drop_file(&database, "m2.csv", format!("{moments}\n")).await?, FileOutcome::Failed(_)),
        true,
    )?;
    holds(&workdir.read("imports/failed/m2.csv.error.json")?, "filter: id is bigint, and 'x' is none")
}

async fn the_parts_of_a_file_replace_together(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("o", "name: o\nfiles: [\"o*\"]\ntable: o\nmode: replace\n")?;
    let zipped = |members: &[(&str, &str)]| -> anyhow::Result<Vec<u8>> {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in members {
            writer.start_file(*name, zip::write::SimpleFileOptions::default())?;
            std::io::Write::write_all(&mut writer, text.as_bytes())?;
        }
        Ok(writer.finish()?.into_inner())
    };
    for (members, expected) in [
        ([("a.csv", "x\n1\n"), ("b.csv", "x\n2\n3\n")], "1\n2\n3"),
        ([("a.csv", "x\n1\n"), ("b.csv", "x\n4\n")], "1\n4"),
    ] {
        let done = workdir.drop_file(&database, "o.zip", zipped(&members)?).await?;
        same(matches!(done, FileOutcome::Loaded(_)), true)?;
        same(database.text("select x from staging.o order by x").await?, expected)?;
    }
    Ok(())
}

/// Reads each of these as it is, and then by the plugin that `app check` prints for it.
async fn a_printed_plugin_reads_the_same(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let book = fs::read(data.join("book.xlsx"))?;
    let files: [(&str, &[u8]); 8] = [
        ("repeated.csv", b"region,q,q\nN,1,2\n"),
        ("names.csv", b"a b,a_b,A-B,a_b_2\n1,2,3,4\n"),
        ("two.csv", b",2023,,2024,\nRegion,Q1,Q2,Q1,Q2\nN,1,2,3,4\nS,5,6,7,8\n"),
        ("nested.json", b"{\"id\":1,\"o\":{\"x\":2},\"A b\":3,\"a_b\":4}\n"),
        ("footer.csv", b"id,n\n1,2\n3,4\n(2 rows affected)\n"),
        ("above.csv", b"5,1\n6,2\n7,3\n\nid,name,price\n1,x,2.5\n2,y,3.5\n"),
        ("spaced.csv", b"a, b, c\n1, x, 2.5\n3, \"y, z\", \n"),
        ("sheets.xlsx", &book),
    ];
    for (name, bytes) in files {
        let table = sluice::schema::table_name(name);
        workdir.write(&format!("imports/{name}"), bytes)?;
        app(&workdir, &["--once"], &settings)?;
        let tables: Vec<_> = [table.clone(), format!("{table}_parts")]
            .into_iter()
            .filter(|one| name == "sheets.xlsx" || *one == table)
            .collect();
        let mut plain = Vec::new();
        for one in &tables {
            app(&workdir, &["export", &format!("staging.{one}"), "--output", "plain.csv"], &settings)?;
            plain.push(workdir.read("plain.csv")?);
        }
        workdir.write(name, bytes)?;
        let checked = app(&workdir, &["check", name, "--json"], &settings)?;
        for line in crate::support::process::stdout(&checked).lines() {
            let part: serde_json::Value = serde_json::from_str(line)?;
            let table = part["table"].as_str().unwrap_or_default();
            let yaml = part["plugin"].as_str().unwrap_or_default();
            workdir.plugin(table, &format!("{}mode: replace\nduplicates: load\n", yaml))?;
        }
        workdir.write(&format!("imports/{name}"), bytes)?;
        let output = app(&workdir, &["--once"], &settings)?;
        same((name, matches!(output.status.code(), Some(0 | 3))), (name, true))?;
        for (one, plain) in tables.iter().zip(&plain) {
            app(&workdir, &["export", &format!("staging.{one}"), "--output", "pinned.csv"], &settings)?;
            same((name, workdir.read("pinned.csv")?), (name, plain.clone()))?;
        }
        let counts =
            "select count(distinct rows_loaded), count(distinct rows_rejected) from sluice.load where dataset = '";
        same((name, database.text(&format!("{counts}{table}'")).await?.as_str()), (name, "1|1"))?;
    }
    Ok(())
}

async fn duplicates_load_where_asked_and_files_are_kept(database: TestDatabase, workdir: Workdir) -> Outcome {
    let kept = workdir.path("kept");
    let yaml = format!(
        "name: t\nfiles: [\"t*\"]\ntable: t\nduplicates: load\non_success: {{archive: {:?}}}\n",
        kept.display().to_string()
    );
    workdir.plugin("t", &yaml)?;
    for repeat in 0..3 {
        same(workdir.load(&database, "t.csv", "x\n1\n").await?.duplicate_of, None)?;
        same(
            database.text("select max(repeat), count(*) from sluice.load").await?,
            format!("{repeat}|{}", repeat + 1),
        )?;
    }
    same(database.text("select count(*) from staging.t").await?, "3")?;
    same(workdir.list("kept"), ["t.2.csv", "t.3.csv", "t.csv"])?;
    same(workdir.read("kept/t.3.csv")?, "x\n1\n")?;
    same(workdir.list("imports"), Vec::<String>::new())
}

async fn columns_of_fixed_width(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "bank",
        "name: bank
files: [\"*.asc\"]
table: bank
format: fixed
widths: [3, 6, 8, 5]
skip_lines: 1
columns:
  - {from: 1, name: id, type: text}
  - {from: 2, name: name}
  - {from: 3, name: day, type: date, format: \"%Y%m%d\"}
  - {from: 4, name: amount}
",
    )?;
    let text = "HDR\r\n001Käthe 20240229 1.75\r\n002Ötzi  20240301-2.25\r\n003      20240302\r\n004Bo    20240303 3.25 more\r\n";
    let books = workdir.load(&database, "x.asc", text).await?.books;
    same((books.loaded, books.padded, books.extended), (4, 1, 1))?;
    same(
        database.text("select id, name, day, amount, _extra, _line from staging.bank order by id").await?,
        "001|Käthe|2024-02-29|1.75|∅|2\n002|Ötzi|2024-03-01|-2.25|∅|3\n003|∅|2024-03-02|∅|∅|4\n\
         004|Bo|2024-03-03|3.25|[\"more\"]|5",
    )
}

async fn variables_come_from_the_environment(workdir: Workdir) -> Outcome {
    workdir.plugin("x", "name: x\nfiles: [\"*.csv\"] # !env NOT_THIS\ntable: !env SLUICE_TEST_TABLE\n")?;
    workdir.write("t.csv", "a\n1\n")?;
    let output = app(&workdir, &["check", "t.csv"], &[])?;
    same(output.status.code(), Some(2))?;
    holds(
        &stderr(&output),
        "plugins/x/plugin.yaml:3: !env SLUICE_TEST_TABLE: SLUICE_TEST_TABLE is not set in the environment or .env",
    )?;
    let output = app(&workdir, &["check", "t.csv"], &[("SLUICE_TEST_TABLE", "secret_table")])?;
    holds(&crate::support::process::stdout(&output), "t.csv -> staging.secret_table")
}

async fn a_file_that_does_not_go_with_its_plugin_fails(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "a",
        "name: a\nfiles: [\"a*.csv\"]\ntable: t\ncolumns: [{from: id, required: true}]\nmax_rejects: 1\n",
    )?;
    workdir.plugin("b", "name: b\nfiles: [\"*b.csv\"]\ntable: t\nfilter: nix > 1\n")?;
    workdir.plugin("off", "name: off\nenabled: false\nfiles: [\"c.csv\"]\ntable: t\n")?;
    for (name, text, expected) in [
        ("a1.csv", "x\n1\n", "the required column \"id\" is not in the file"),
        ("a2.csv", "id,x\n,1\n,2\n3,4\n", "2 of 3 rows would be rejected, more than max_rejects allows"),
        ("b.csv", "x\n1\n", "filter: the file has no column nix"),
        ("ab.csv", "x\n1\n", "the plugins a and b both claim it"),
    ] {
        same(matches!(workdir.drop_file(&database, name, text).await?, FileOutcome::Failed(_)), true)?;
        holds(&workdir.read(&format!("imports/failed/{name}.error.json"))?.replace("\\\"", "\""), expected)?;
    }
    same(database.rows("select * from sluice.dataset").await?.len(), 0)?;
    workdir.load(&database, "c.csv", "x\n1\n").await?;
    same(database.text("select x from staging.c").await?, "1")
}

async fn what_is_wrong_is_said_at_the_start(workdir: Workdir) -> Outcome {
    for (yaml, expected) in [
        ("name: x\nfilez: [\"*.csv\"]\n", ":2: unknown word filez; did you mean files?"),
        ("name: x\nfiles: []\n", "files: names no file"),
        (
            "name: x\nfiles: [a]\ncolumns: [{from: a, type: bigit}]\n",
            "plugin.yaml:3: columns: there is no type bigit; did you mean bigint?",
        ),
        ("name: x\nfiles: [a]\ntable: My Table\n", "my_table would be"),
        ("name: x\nfiles: [a]\nfilter: a ~ 1\n", "filter: "),
        ("name: x\nfiles: [a]\nmode: upsrt\n", "; did you mean upsert?"),
        ("name: x\nfiles: [a]\ndelimiter: abc\n", "delimiter: \"abc\" is not one character"),
        ("name: x\nfiles: [a]\nencoding: klingon\n", "encoding: there is no \"klingon\""),
        ("name: x\nfiles: [a]\nmax_rejects: many\n", "max_rejects: "),
        ("name: x\nfiles: [a]\nmode: upsert\n", "mode: upsert needs a key"),
        ("name: x\nfiles: [a]\nkey: [id]\n", "key: goes with mode: upsert"),
        ("name: x\nfiles: [a]\nformat: cvs\n", "plugin.yaml:3: format: there is no cvs; did you mean csv?"),
        ("name: x\nfiles: [a]\nheader: none\n", "plugin.yaml:3: header takes true, false or a number of rows"),
        ("name: x\nfiles: [a]\nenabled: yes\n", "plugin.yaml:3: enabled takes true or false"),
        ("name: x\nfiles: [a]\nkey: id\n", "plugin.yaml:3: key takes a list of columns, such as [id, name]"),
        ("name: x\nfiles: [a]\nformat: fixed\n", "format: fixed needs widths"),
        ("name: x\nfiles: [a]\nwidths: [3]\ndelimiter: tab\n", "widths: columns of fixed width have no delimiter"),
        ("name: x\nfiles: [a]\non_success: archve\n", "did you mean archive?"),
        ("name: x\nfiles: [a]\nduplicates: lod\n", "lod"),
    ] {
        workdir.plugin("x", yaml)?;
        let output = app(&workdir, &["--once"], &[])?;
        same((yaml, output.status.code()), (yaml, Some(2)))?;
        holds(&stderr(&output), "plugins/x/plugin.yaml:")?;
        holds(&stderr(&output), expected)?;
    }
    workdir.plugin("x", "name: x\nfiles: [\"*.csv\"]\n")?;
    workdir.plugin("y", "name: y\nfiles: [\"*.csv\"]\n")?;
    holds(
        &stderr(&app(&workdir, &["--once"], &[])?),
        "plugins/y/plugin.yaml:2: files: *.csv is claimed by the plugin x too",
    )
}

/// macOS writes `ö` as `o` and its dots in names of files.
async fn names_are_the_same_however_composed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let rows = |header: &str| format!("id,{header},Straße\n1,1,a\n2,3,b\n");
    for (name, files, header) in [("nfc", "Größen_*.csv", "Größe"), ("nfd", "Ho\u{308}hen_*.csv", "Ho\u{308}he")] {
        workdir.plugin(
            name,
            &format!(
                "name: {name}\nfiles: [\"{files}\"]\ntable: {name}\ncolumns:\n  - {{from: {header}, name: size, \
             type: numeric, required: true}}\n"
            ),
        )?;
    }
    for (file, header) in [
        ("Gro\u{308}ßen_1.csv", "Gro\u{308}ße"),
        ("Größen_2.csv", "Größe"),
        ("Höhen_1.csv", "Höhe"),
        ("Ho\u{308}hen_2.csv", "Ho\u{308}he"),
    ] {
        let text = rows(header) + &format!("{},5,c\n", file.len());
        workdir.load(&database, file, text).await?;
    }
    for table in ["nfc", "nfd"] {
        same(database.text(&format!("select count(*), sum(size) from staging.{table}")).await?, "6|18")?;
        let columns =
            format!("select name, \"type\" from sluice.\"column\" where dataset = '{table}' order by position");
        same(database.text(&columns).await?, "size|numeric\nid|bigint\nstraße|text")?;
    }
    // A file that has both has two columns of the name.
    let both = "Größe,Gro\u{308}ße\n1,2\n";
    let books = workdir.load(&database, "Größen_3.csv", both).await?.books;
    same(books.loaded, 1)?;
    same(database.text("select size from staging.nfc where id is null").await?, "1")
}
