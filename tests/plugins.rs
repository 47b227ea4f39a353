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
    let real = on_both("plugins::events_are_picked_named_and_filtered", events_are_picked_named_and_filtered);
    real.into_iter()
        .map(|case| if there { case } else { case.with_ignored_flag(true) })
        .chain(on_both("plugins::columns_are_shaped", columns_are_shaped))
        .chain(on_both("plugins::a_file_is_the_whole_truth", a_file_is_the_whole_truth))
        .chain(on_both(
            "plugins::a_file_that_does_not_go_with_its_plugin_fails",
            a_file_that_does_not_go_with_its_plugin_fails,
        ))
        .chain(alone("plugins::what_is_wrong_is_said_at_the_start", what_is_wrong_is_said_at_the_start))
        .collect()
}

fn plugin(workdir: &Workdir, name: &str, yaml: &str) -> Outcome {
    fs::create_dir_all(workdir.path("plugins").join(name))?;
    workdir.write(&format!("plugins/{name}/plugin.yaml"), yaml)?;
    Ok(())
}

async fn events_are_picked_named_and_filtered(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(
        &workdir,
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
    plugin(
        &workdir,
        "orders",
        "name: orders
files: [\"orders*.xyz\"]
table: orders
columns:
  - {from: Order No, name: id, type: text, required: true}
  - {from: sold, name: day, type: date, format: \"%d.%m.%Y\"}
  - {from: amount, \"null\": [\"n/a\", \"-\"]}
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
        database.text("select line, \"column\", reason from sluice.reject order by line").await?,
        "3|Order No|id is required and empty\n4|sold|not a date: \"2020-02-03\"",
    )?;
    same(
        database.text("select name, \"type\" from sluice.\"column\" order by position").await?,
        "id|text\nday|date\namount|numeric",
    )
}

async fn a_file_is_the_whole_truth(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(&workdir, "stock", "name: stock\nfiles: [\"stock*\"]\ntable: stock\nmode: replace\n")?;
    workdir.load(&database, "stock_1.csv", "sku,n\na,1\nb,2\n").await?;
    workdir.load(&database, "stock_2.csv", "sku,n\nb,3\n").await?;
    same(database.text("select sku, n from staging.stock").await?, "b|3")?;
    // An earlier state is no duplicate when it comes again, the present one is.
    same(workdir.load(&database, "stock_3.csv", "sku,n\nb,3\n").await?.duplicate_of, Some(2))?;
    workdir.load(&database, "stock_4.csv", "sku,n\na,1\nb,2\n").await?;
    same(database.text("select sku, n from staging.stock order by sku").await?, "a|1\nb|2")?;
    same(database.text("select status from sluice.load order by id").await?, "replaced\nreplaced\nduplicate\nloaded")
}

async fn a_file_that_does_not_go_with_its_plugin_fails(database: TestDatabase, workdir: Workdir) -> Outcome {
    plugin(
        &workdir,
        "a",
        "name: a\nfiles: [\"a*.csv\"]\ntable: t\ncolumns: [{from: id, required: true}]\nmax_rejects: 1\n",
    )?;
    plugin(&workdir, "b", "name: b\nfiles: [\"*b.csv\"]\ntable: t\nfilter: nix > 1\n")?;
    plugin(&workdir, "off", "name: off\nenabled: false\nfiles: [\"c.csv\"]\ntable: t\n")?;
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
        ("name: x\nfilez: [\"*.csv\"]\n", "filez"),
        ("name: x\nfiles: []\n", "files: names no file"),
        ("name: x\nfiles: [a]\ncolumns: [{from: a, type: bigit}]\n", "there is no type bigit; did you mean bigint?"),
        ("name: x\nfiles: [a]\ntable: My Table\n", "my_table would be"),
        ("name: x\nfiles: [a]\nfilter: a ~ 1\n", "filter: "),
        ("name: x\nfiles: [a]\nmode: upsrt\n", "upsrt"),
        ("name: x\nfiles: [a]\ndelimiter: abc\n", "delimiter: \"abc\" is not one character"),
        ("name: x\nfiles: [a]\nencoding: klingon\n", "encoding: there is no \"klingon\""),
        ("name: x\nfiles: [a]\nmax_rejects: many\n", "max_rejects: "),
    ] {
        plugin(&workdir, "x", yaml)?;
        let output = app(&workdir, &["--once"], &[])?;
        same((yaml, output.status.code()), (yaml, Some(2)))?;
        holds(&stderr(&output), "plugins/x/plugin.yaml: ")?;
        holds(&stderr(&output), expected)?;
    }
    plugin(&workdir, "x", "name: x\nfiles: [\"*.csv\"]\n")?;
    plugin(&workdir, "y", "name: y\nfiles: [\"*.csv\"]\n")?;
    holds(
        &stderr(&app(&workdir, &["--once"], &[])?),
        "plugins/y/plugin.yaml: files: *.csv is claimed by the plugin x too",
    )
}
