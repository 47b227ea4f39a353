//! Pulls that ask for newer records only: each record is there once, whatever the boundary does.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value as Json, json};

use super::{right, run};
use crate::support::api::{Api, Call, Ways, odata, ok, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        ties_at_the_boundary_are_there_once,
        a_lag_brings_late_records,
        a_lag_goes_with_a_key,
        a_value_in_the_future_moves_nothing_behind_now,
        an_unordered_source_moves_at_its_end,
        a_server_that_does_not_heed_the_value,
        a_run_without_news_ends_what_was_begun;
}

type Shared = Arc<Mutex<Vec<Json>>>;

fn record(id: u64, at: &str) -> Json {
    json!({"id": id, "at": at})
}

/// Gives the records from a value on, in pages of two, the newest first.
fn answer(call: &Call, shared: &Shared, date: &str) -> Response<Body> {
    let all = shared.lock().unwrap();
    let since = call.param("after").unwrap_or_default();
    let mut found: Vec<_> = all.iter().filter(|record| record["at"].as_str().unwrap() >= since).cloned().collect();
    found.reverse();
    let from = call.number_of("offset").unwrap_or(0);
    let page: Vec<_> = found.iter().skip(from).take(2).cloned().collect();
    with(200, &[("date", date)], json!({"total": found.len(), "data": page}).to_string())
}

fn plugin(base: &str, since: &str, mode: &str) -> String {
    format!(
        "name: x\nsource:\n  kind: http\n  url: {base}/\n  paginate: {{by: offset, total: total}}\n  \
         since: {{column: at, send: after{since}}}\nmode: {mode}\n"
    )
}

const NOW: &str = "Thu, 01 Oct 2026 12:00:00 GMT";
const IDS: &str = "select id, at from staging.x order by id, at";

async fn pull(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    let (code, said) = run(database, workdir, &["pull", "x"]).await?;
    right(code == Some(0), &said)?;
    Ok(said)
}

async fn ids(database: &TestDatabase) -> anyhow::Result<String> {
    Ok(database.text("select id from staging.x order by id").await?.replace('\n', " "))
}

async fn ties_at_the_boundary_are_there_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::default();
    shared.lock().unwrap().extend([
        record(1, "2026-01-01T10:00:00Z"),
        record(2, "2026-01-02T10:00:00Z"),
        record(3, "2026-01-02T10:00:00Z"),
    ]);
    let all = Arc::clone(&shared);
    let api = Api::new(move |call: Call| answer(&call, &all, NOW)).await?;
    workdir.plugin("x", &plugin(&api.base, ", initial: 2025-01-01", "append"))?;
    pull(&database, &workdir).await?;
    same(ids(&database).await?, "1 2 3")?;
    let said = pull(&database, &workdir).await?;
    holds(&said, "2 records of 1 page; 0 loaded into staging.x, 2 known")?;
    // Another record with the very same time, and one behind it.
    shared.lock().unwrap().extend([record(4, "2026-01-02T10:00:00Z"), record(5, "2026-01-03T10:00:00Z")]);
    pull(&database, &workdir).await?;
    same(ids(&database).await?, "1 2 3 4 5")?;
    pull(&database, &workdir).await?;
    same(ids(&database).await?, "1 2 3 4 5")?;
    let asked: Vec<_> = api
        .calls()
        .iter()
        .filter(|call| call.param("offset") == Some("0"))
        .map(|call| call.param("after").unwrap().to_owned())
        .collect();
    same(
        asked,
        ["2025-01-01", "2026-01-02T10:00:00Z", "2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z"]
            .map(str::to_owned)
            .to_vec(),
    )
}

async fn a_lag_brings_late_records(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::default();
    shared.lock().unwrap().extend([record(1, "2026-01-01T10:00:00Z"), record(3, "2026-01-01T10:30:00Z")]);
    let all = Arc::clone(&shared);
    let api = Api::new(move |call: Call| answer(&call, &all, NOW)).await?;
    workdir.plugin("x", &plugin(&api.base, ", lag: 1h", "upsert\nkey: [id]"))?;
    pull(&database, &workdir).await?;
    shared.lock().unwrap().insert(1, record(2, "2026-01-01T10:10:00Z"));
    pull(&database, &workdir).await?;
    same(ids(&database).await?, "1 2 3")?;
    same(api.calls().last().unwrap().param("after"), Some("2026-01-01T09:30:00Z"))
}

async fn a_lag_goes_with_a_key(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::default();
    shared.lock().unwrap().extend([record(1, "2026-01-01T10:00:00Z"), record(2, "2026-01-01T10:30:00Z")]);
    let api = Api::new(move |call: Call| answer(&call, &shared, NOW)).await?;
    for mode in ["append", "append\nkey: [id]"] {
        for command in [["pull", "x"].as_slice(), &["plugin", "check", "x"], &["extract", "x"]] {
            workdir.plugin("x", &plugin(&api.base, ", lag: 1h", mode))?;
            let (code, said) = run(&database, &workdir, command).await?;
            right(code == Some(2), &said)?;
            holds(&said, "lag asks again for records that are loaded, and mode: append would add them once more")?;
            holds(&said, "say mode: upsert with a key, or take lag out")?;
        }
    }
    // What is no lag is none.
    workdir.plugin("x", &plugin(&api.base, ", lag: 0s", "append"))?;
    for _ in 0..2 {
        pull(&database, &workdir).await?;
        same(ids(&database).await?, "1 2")?;
    }
    Ok(())
}

async fn a_value_in_the_future_moves_nothing_behind_now(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::default();
    shared.lock().unwrap().extend([
        record(1, "2026-09-30T10:00:00Z"),
        record(2, "2099-01-01T00:00:00Z"),
        record(3, "2098-01-01T00:00:00Z"),
    ]);
    let all = Arc::clone(&shared);
    let api = Api::new(move |call: Call| answer(&call, &all, NOW)).await?;
    workdir.plugin("x", &plugin(&api.base, "", "append"))?;
    pull(&database, &workdir).await?;
    same(database.text("select cursor from sluice.checkpoint").await?, "2026-09-30T10:00:00Z")?;
    shared.lock().unwrap().push(record(4, "2026-10-02T10:00:00Z"));
    pull(&database, &workdir).await?;
    pull(&database, &workdir).await?;
    same(ids(&database).await?, "1 2 3 4")?;
    // One between the largest value and now, and one without a value.
    shared.lock().unwrap().push(record(5, "2026-09-30T11:00:00Z"));
    for _ in 0..3 {
        pull(&database, &workdir).await?;
        same(ids(&database).await?, "1 2 3 4 5")?;
    }
    Ok(())
}

async fn an_unordered_source_moves_at_its_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::default();
    shared.lock().unwrap().extend((0..9).map(|id| record(id, &format!("2026-01-0{}T10:00:00Z", id + 1))));
    let all = Arc::clone(&shared);
    let broken = Arc::new(Mutex::new(true));
    let is_broken = Arc::clone(&broken);
    let api = Api::new(move |call: Call| {
        if *is_broken.lock().unwrap() && call.param("offset") == Some("4") {
            with(404, &[], "")
        } else {
            answer(&call, &all, NOW)
        }
    });
    let api = api.await?;
    workdir.plugin("x", &plugin(&api.base, "", "append"))?;
    let (code, said) = run(&database, &workdir, &["pull", "x"]).await?;
    same(code, Some(1))?;
    holds(&said, "not whole:")?;
    holds(&said, "answers 404")?;
    same(database.text("select count(*) from sluice.checkpoint").await?, "0")?;
    *broken.lock().unwrap() = false;
    pull(&database, &workdir).await?;
    same(ids(&database).await?, "0 1 2 3 4 5 6 7 8")?;
    same(database.text("select cursor from sluice.checkpoint").await?, "2026-01-09T10:00:00Z")
}

async fn a_server_that_does_not_heed_the_value(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::default();
    shared.lock().unwrap().extend([record(1, "2026-01-01T10:00:00Z"), record(2, "2026-01-02T10:00:00Z")]);
    let all = Arc::clone(&shared);
    let api = Api::new(move |_| ok(&json!({"data": all.lock().unwrap().clone()}))).await?;
    let source =
        format!("  kind: http\n  url: {}/\n  paginate: {{by: none}}\n  since: {{column: at, send: after}}\n", api.base);
    workdir.plugin("x", &format!("name: x\nsource:\n{source}"))?;
    pull(&database, &workdir).await?;
    shared.lock().unwrap().push(record(3, "2026-01-03T10:00:00Z"));
    let said = pull(&database, &workdir).await?;
    holds(&said, "1 loaded into staging.x, 1 known, 1 older than asked")?;
    holds(&said, "the server gives records that are older than what it is asked for: they are left out")?;
    same(database.text(IDS).await?.lines().count(), 3)?;
    // A column that no record has.
    workdir.plugin("y", &format!("name: y\nsource:\n{}", source.replace("column: at", "column: updated")))?;
    let (code, said) = run(&database, &workdir, &["pull", "y"]).await?;
    same(code, Some(1))?;
    holds(&said, "since: no record of the page has a value of format iso in updated")
}

/// More records than a window takes, and then pages of records that are known.
async fn a_run_without_news_ends_what_was_begun(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all: Vec<_> = (0..110_000_u64)
        .map(|id| {
            let minute = if id < 109_990 { id / 4000 } else { 59 };
            json!({"Id": id, "At": format!("2026-01-01T10:{minute:02}:{:02}Z", id / 100 % 40)})
        })
        .collect();
    let all = Arc::new(Mutex::new(all));
    let served = Arc::clone(&all);
    let ways = Ways { counts: true, paged: 55_000, ..Ways::default() };
    let api = Api::new(move |call: Call| odata(&served.lock().unwrap(), &call, ways)).await?;
    let source = format!("  kind: odata\n  url: {}/\n  resource: R\n  since: {{column: At}}\n", api.base);
    workdir.plugin("x", &format!("name: x\nsource:\n{source}"))?;
    pull(&database, &workdir).await?;
    pull(&database, &workdir).await?;
    same(database.text("select count(*), count(distinct id) from staging.x").await?, "110000|110000")?;
    all.lock().unwrap().push(json!({"Id": 110_000, "At": "2026-01-01T11:00:00Z"}));
    pull(&database, &workdir).await?;
    same(database.text("select count(*), count(distinct id) from staging.x").await?, "110001|110001")
}
