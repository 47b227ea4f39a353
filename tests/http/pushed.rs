//! Files that are pushed: loaded once, told as they are, and lost in no case.

use std::io::Write;

use serde_json::{Value as Json, json};

use crate::support::http::{Served, end};
use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_pushed_file_is_loaded_once,
        an_answer_tells_rejects_and_failures,
        a_file_of_a_name_that_waits_loses_nothing,
        a_body_that_is_cut_leaves_nothing,
        names_that_lead_elsewhere_are_refused,
        a_file_that_is_too_large_is_refused,
        what_was_received_before_a_kill_is_loaded_by_the_next_start;
}

/// The fields of an answer that say what became of a file.
fn fate(body: &Json) -> Json {
    let loads = body["loads"].as_array().cloned().unwrap_or_default();
    let of =
        |load: &Json| json!([load["load"], load["table"], load["status"], load["rows_loaded"], load["duplicate_of"]]);
    json!([body["status"], loads.iter().map(of).collect::<Vec<_>>()])
}

async fn a_pushed_file_is_loaded_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    let text = "id,name\n1,a\n2,<b>\n";
    let first = served.push("o.csv?wait=true", text)?;
    same((first.status, fate(&first.json()?)), (200, json!(["loaded", [[1, "o", "loaded", 2, null]]])))?;
    same(first.json()?["hash"].as_str(), Some(blake3::hash(text.as_bytes()).to_hex().as_str()))?;
    same(first.json()?["bytes"].as_u64(), Some(text.len() as u64))?;
    // The old load is named by the answer that waits.
    let again = served.push("o.csv?wait=true", text)?;
    same((again.status, fate(&again.json()?)), (200, json!(["duplicate", [[2, "o", "duplicate", 0, 1]]])))?;
    let third = served.push("o.csv", text)?;
    same((third.status, fate(&third.json()?)), (201, json!(["waiting", []])))?;
    // A part of a file is no file.
    same(served.call("PUT", "/imports/o.csv", &[("content-range", "bytes 5-9/10")], b"1,a\n")?.status, 400)?;
    // The same content into another table is new.
    let other = served.push("p.csv", text)?;
    same((other.status, &other.json()?["status"]), (201, &json!("waiting")))?;
    let place = other.header("location").unwrap_or_default().to_owned();
    let mut found = served.get(&place)?.json()?;
    while found["status"] == "waiting" {
        std::thread::sleep(std::time::Duration::from_millis(20));
        found = served.get(&place)?.json()?;
    }
    same((fate(&found), &found["name"]), (json!(["loaded", [[4, "p", "loaded", 2, null]]]), &json!("p.csv")))?;
    // What is told is what the command prints.
    let (status, log) = served.daemon.terminate()?;
    same(status.code(), Some(0))?;
    holds(&log, "INFO loaded o.csv: 2 rows into staging.o (load 1, ")?;
    holds(&log, "INFO PUT /imports/o.csv: 200 (token -, from 127.0.0.1)")?;
    let printed = app(&workdir, &["loads", "--json", "--limit", "1"], &[("DATABASE_URL", &database.url)])?;
    same(&serde_json::from_slice::<Json>(&printed.stdout)?, &found["loads"][0])?;
    same(database.text("select id, name from staging.o order by id").await?, "1|a\n2|<b>")?;
    same((workdir.list("imports"), workdir.claims()), (Vec::new(), 0))
}

async fn an_answer_tells_rejects_and_failures(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin(
        "o",
        "name: o\nfiles: [\"o*.csv\"]\ntable: o\nmax_rejects: 1\ncolumns:\n  - {from: id, type: bigint}\n",
    )?;
    let served = Served::start(&workdir, &database, &[])?;
    let rejects = served.push("o1.csv?wait=true", "id,name\n1,a\nx,b\n3,c\n4,d\n")?;
    same((rejects.status, fate(&rejects.json()?)), (207, json!(["rejects", [[1, "o", "loaded", 3, null]]])))?;
    let found = served.get("/rejects?load=1")?.json()?;
    same((&found["rejects"][0]["line"], &found["rejects"][0]["text"]), (&json!(3), &json!("x,b")))?;
    let failed = served.push("bad.json?wait=true", "[{")?;
    same((failed.status, &failed.json()?["status"]), (422, &json!("failed")))?;
    same(&failed.json()?["loads"][0]["status"], &json!("failed"))?;
    let listed = served.get("/failed")?.json()?;
    same((&listed["failed"][0]["file"], &listed["failed"][0]["load"]), (&json!("bad.json"), &json!(2)))?;
    same(workdir.list("imports/failed"), ["bad.json", "bad.json.error.json"])?;
    // What cannot even be opened has a line of the ledger, too.
    let broken = served.push("x.zip?wait=true", "PK\u{3}\u{4}broken")?;
    same((broken.status, &broken.json()?["status"]), (422, &json!("failed")))?;
    holds(broken.json()?["loads"][0]["error"].as_str().unwrap_or_default(), "archive")
}

async fn a_file_of_a_name_that_waits_loses_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[("SETTLE_SECONDS", "3600")])?;
    // It has no end of its line, and so is not known to be whole.
    workdir.write("imports/o.csv", "id\n1\n2")?;
    let pushed = served.push("o.csv?wait=true", "id\n3\n")?;
    same((pushed.status, fate(&pushed.json()?)), (200, json!(["loaded", [[1, "o", "loaded", 1, null]]])))?;
    same(workdir.read("imports/o.csv")?, "id\n1\n2")?;
    let waiting = served.get("/waiting")?.json()?;
    same(&waiting["waiting"][0]["file"], &json!("o.csv"))?;
    // Several of one name at a time are loads of their own.
    std::thread::scope(|scope| -> Outcome {
        let client = served.client;
        let pushes: Vec<_> =
            (10..18).map(|n| scope.spawn(move || client.push("o.csv?wait=true", format!("id\n{n}\n")))).collect();
        for push in pushes {
            same(push.join().expect("it ends")?.status, 200)?;
        }
        Ok(())
    })?;
    same(database.text("select count(*), count(distinct id) from staging.o").await?, "9|9")
}

async fn a_body_that_is_cut_leaves_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    let mut stream = served.begin("PUT", "/imports/o.csv?wait=true", &[], 100)?;
    stream.write_all(b"id\n1\n2\n")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // The server may break off as well.
    let answer = end(stream);
    same(answer.is_err() || answer.is_ok_and(|answer| answer.status == 400), true)?;
    let uploads = workdir.path("imports/.sluice/.uploads");
    let is_empty = || std::fs::read_dir(&uploads).is_ok_and(|mut names| names.next().is_none());
    for _ in 0..500 {
        if is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    same((is_empty(), served.get("/loads")?.json()?), (true, json!({"loads": []})))
}

async fn names_that_lead_elsewhere_are_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    let long = "x".repeat(300);
    for (name, status) in [
        ("..%2Fx.csv", 400),
        ("a%2Fb.csv", 400),
        ("..%5Cx.csv", 400),
        ("x%0Ay.csv", 400),
        ("x%00.csv", 400),
        (&format!("{long}.csv"), 400),
        ("../x.csv", 404),
        (".env", 415),
        ("x.csv.part", 415),
        ("failed", 415),
        ("x.exe", 415),
    ] {
        let answer = served.push(name, "a\n1\n")?;
        same((name, answer.status), (name, status))?;
        same(answer.header("content-type"), Some("application/problem+json"))?;
    }
    // A name that is text in every place is one.
    let marked = served.push("%3Cimg%20src=x%3E.csv?wait=true", "a\n1\n")?;
    same((marked.status, &marked.json()?["name"]), (200, &json!("<img src=x>.csv")))?;
    same(workdir.list("").iter().any(|name| name.contains("x.csv")), false)
}

async fn a_file_that_is_too_large_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[("HTTP_MAX_UPLOAD", "10")])?;
    same(served.push("o.csv", "a\n1\n2\n3\n4\n5\n")?.status, 413)?;
    // Also where its length is not said.
    let chunked = [("transfer-encoding", "chunked"), ("content-length", "")];
    let body = b"6\r\na\n1\n2\n\r\n6\r\n3\n4\n5\n\r\n0\r\n\r\n";
    let mut stream = served.begin("PUT", "/imports/o.csv", &chunked[..1], 0)?;
    let _ = stream.write_all(body);
    let answer = end(stream)?;
    same(answer.status == 413 || answer.status == 400, true)?;
    same(served.push("o.csv?wait=true", "a\n1\n2\n3\n")?.status, 200)?;
    same(served.get("/loads")?.json()?["loads"].as_array().map(Vec::len), Some(1))
}

async fn what_was_received_before_a_kill_is_loaded_by_the_next_start(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    // A plugin that is wrong holds the file back, so that the program dies over it.
    workdir.plugin("o", "name: o\nfiles: [\"o.csv\"]\nmode: sometimes\n")?;
    let served = Served::start(&workdir, &database, &[])?;
    let pushed = served.push("o.csv", "id\n1\n2\n")?;
    same(pushed.status, 201)?;
    let place = pushed.header("location").unwrap_or_default().to_owned();
    let found = served.get(&place)?.json()?;
    same((&found["status"], &found["name"]), (&json!("waiting"), &json!("o.csv")))?;
    served.daemon.kill()?;
    workdir.plugin("o", "name: o\nfiles: [\"o.csv\"]\ntable: orders\n")?;
    let mut next = Served::start(&workdir, &database, &[])?;
    next.daemon.wait_for(&["2 rows into staging.orders"])?;
    let mut found = next.get(&place)?.json()?;
    while found["status"] == "waiting" {
        found = next.get(&place)?.json()?;
    }
    same(fate(&found), json!(["loaded", [[1, "orders", "loaded", 2, null]]]))
}
