//! What a hostile or broken file may not do: take memory out of proportion, keep others waiting for ever, show a secret, or be read on one
//! engine and refused on the other.

use std::fs::File;

use libtest_mimic::Trial;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, holds, on_both, same};

pub fn cases() -> Vec<Trial> {
    [
        on_both("load::limits::a_record_of_too_many_cells_is_a_reject", a_record_of_too_many_cells_is_a_reject),
        on_both("load::limits::keys_that_are_data_fail_the_file", keys_that_are_data_fail_the_file),
        on_both("load::limits::a_nul_in_a_key_costs_its_record", a_nul_in_a_key_costs_its_record),
        on_both("load::limits::a_file_without_end_loses_its_place", a_file_without_end_loses_its_place),
        on_both("load::limits::a_password_of_a_store_is_refused_unshown", a_password_of_a_store_is_refused_unshown),
        vec![Trial::test("load::limits::a_secret_of_odd_signs_is_hidden", || Ok(a_secret_of_odd_signs_is_hidden()?))],
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whoever repeats a word in an error writes out some of its signs, each in a way of its own.
fn a_secret_of_odd_signs_is_hidden() -> Outcome {
    let workdir = Workdir::new()?;
    workdir.write("imports/p.csv", "a\n1\n2\n")?;
    for value in
        ["hünter2\u{202e}zz", "hünter2\u{2028}z\u{feff}z", "hünter2\u{200f}z\u{2067}\u{ad}z", "hünter2\u{1b}[31mzz\tz"]
    {
        for line in ["mode: !env K", "duplicates: !env K", "? !env K\n: x"] {
            workdir.plugin("p", &format!("name: p\nfiles: [\"p*\"]\n{line}\n"))?;
            let output = app(&workdir, &["--once"], &[("K", value)])?;
            let said = stdout(&output) + &stderr(&output);
            same(
                (value, line, said.contains("plugins/p/plugin.yaml"), said.contains("nter2")),
                (value, line, true, false),
            )?;
        }
    }
    Ok(())
}

async fn a_record_of_too_many_cells_is_a_reject(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text = format!("a,b\n1,2\n3{}\n4{}\n5,6\n", ",7".repeat(200_000), ",7".repeat(3_000));
    let report = workdir.load(&database, "wide.csv", &text).await?;
    same((report.books.loaded, report.books.rejected), (3, 1))?;
    let sql = "select line, reason, detail, length(text) from sluice.reject";
    same(
        database.text(sql).await?,
        "3|longer than a record may be|200001 cells, and a record has 100000 at most|400001",
    )?;
    let sql = "select a, b, length(_extra) from staging.wide order by a";
    same(database.text(sql).await?, format!("1|2|∅\n4|7|{}\n5|6|∅", 2_999 * 4 + 1))
}

async fn keys_that_are_data_fail_the_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let text: String = (0..200).map(|n| format!("{{\"{n}{}\":1}}\n", "k".repeat(60_000))).collect();
    workdir.write("imports/keys.jsonl", text)?;
    let output = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
    same(output.status.code(), Some(1))?;
    holds(
        &stdout(&output),
        "line 70: the file's keys, each with those around it, are longer than 4194304 bytes together",
    )
}

async fn a_nul_in_a_key_costs_its_record(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, bad) in [
        ("plain", r#"{"a\u0000":1}"#),
        ("nested", r#"{"a":{"k\u0000":1}}"#),
        ("both", r#"{"a":{"\u0000":"\u0000"},"l":[{"z\u0000":"\u0000"}]}"#),
        ("value", r#"{"a":"\u0000"}"#),
    ] {
        let text = format!("[{{\"a\":\"ok\"}},\n{bad},\n{{\"a\":\"k2\"}}]");
        let report = workdir.load(&database, &format!("{name}.json"), &text).await?;
        same((name, report.books.loaded, report.books.rejected), (name, 2, 1))?;
        let sql = format!("select line, reason, text from sluice.reject where load_id = {}", report.load_id);
        same(database.text(&sql).await?, format!("2|holds a NUL byte|{bad}"))?;
        same(database.text(&format!("select a from staging.{name} order by _line")).await?, "ok\nk2")?;
    }
    // Within an array it is text, and its escape stays; as the key of the records or beside them it is no column.
    let text = r#"{"n\u0000":"\u0000","r\u0000":[{"l":[{"z\u0000":"\u0000"}]}]}"#;
    let report = workdir.load(&database, "page.json", text).await?;
    same((report.books.loaded, report.books.rejected), (1, 0))?;
    same(database.text("select l from staging.page").await?, r#"[{"z\u0000":"\u0000"}]"#)
}

async fn a_file_without_end_loses_its_place(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("up", "name: up\nfiles: [\"up*\"]\ntable: up\nmode: upsert\nkey: [id]\n")?;
    workdir.write("imports/0.zip", "")?;
    let held = File::options().append(true).open(workdir.path("imports/0.zip"))?;
    workdir.write("imports/up.csv", "id,v\n1,x\n2,y\n")?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("STALE_AFTER", "2s"), ("SETTLE_SECONDS", "0.2")];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["up.csv", "waits for 0.zip, which comes before it"])?;
    let uid = rustix::process::geteuid().as_raw();
    let owner = format!("still being written, longer than STALE_AFTER (its owner is uid {uid})");
    daemon.wait_for(&["0.zip", &owner])?;
    daemon.wait_for(&["INFO loaded", "up.csv"])?;
    let status = stdout(&app(&workdir, &["status"], &settings)?);
    holds(&status, &owner)?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    drop(held);
    same(workdir.list("imports"), ["0.zip"])?;
    same(database.text("select id, v from staging.up order by id").await?, "1|x\n2|y")
}

async fn a_password_of_a_store_is_refused_unshown(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("imports/x.csv", "a\n1\n2\n")?;
    for endpoint in [
        "http://u:hunter2zz@127.0.0.1:1",
        "https://hunter2zz@localhost:1",
        "u:hunter2zz@127.0.0.1:1",
        "http://127.0.0.1:1/?key=hunter2zz",
        "http://127.0.0.1:1/#hunter2zz",
    ] {
        let settings = [
            ("DATABASE_URL", database.url.as_str()),
            ("ON_SUCCESS", "archive"),
            ("ARCHIVE", "s3://b/p"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        for arguments in [["--once"], ["status"], ["config"]] {
            let output = app(&workdir, &arguments, &settings)?;
            let said = stdout(&output) + &stderr(&output);
            same((endpoint, said.contains("hunter2zz")), (endpoint, false))?;
            if arguments == ["--once"] {
                same(output.status.code(), Some(2))?;
                holds(
                    &said,
                    "AWS_ENDPOINT_URL has a user, a password or a query in it: keys go into AWS_ACCESS_KEY_ID",
                )?;
            }
        }
    }
    same(workdir.list("imports"), ["x.csv"])
}
