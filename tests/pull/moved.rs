//! Sources that change while they are pulled, or between two pulls: nothing is doubled or missing with exit code 0.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::{right, run};
use crate::support::api::{Api, Call, ok};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        equal_records_are_each_there,
        a_source_that_was_changed_adds_nothing_twice,
        a_source_that_gets_smaller_is_not_whole,
        new_records_in_front_are_told,
        next_links_by_number_are_pages_by_number,
        a_record_that_moves_by_key_is_told,
        equal_pages_behind_new_cursors_end,
        a_window_that_was_taken_back;
}

type Shared = Arc<Mutex<Vec<Json>>>;

fn shared(records: impl IntoIterator<Item = Json>) -> Shared {
    Arc::new(Mutex::new(records.into_iter().collect()))
}

async fn pull(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    let (code, said) = run(database, workdir, &["pull", "x"]).await?;
    right(code == Some(0), &said)?;
    Ok(said)
}

async fn fails(database: &TestDatabase, workdir: &Workdir, with: i32, words: &str) -> Outcome {
    let (code, said) = run(database, workdir, &["pull", "x"]).await?;
    right(code == Some(with), &said)?;
    holds(&said, words)
}

/// Gives the records from a value on, all in one page.
fn since(all: &Shared, call: &Call) -> Json {
    let from = call.param("after").unwrap_or_default();
    let found: Vec<_> =
        all.lock().unwrap().iter().filter(|record| record["at"].as_str().unwrap_or("9") >= from).cloned().collect();
    json!({"data": found})
}

fn plugin(url: &str, since: &str, mode: &str) -> String {
    format!("name: x\nsource:\n  kind: http\n  url: {url}\n  paginate: {{by: none}}\n  since: {since}\nmode: {mode}\n")
}

async fn equal_records_are_each_there(database: TestDatabase, workdir: Workdir) -> Outcome {
    let click = || json!({"at": "2026-01-01T10:00:00Z", "page": "home"});
    let [undated, future] = [json!({"at": null, "page": "none"}), json!({"at": "2098-01-01T00:00:00Z", "page": "far"})];
    let all = shared([click(), click(), undated.clone(), future.clone(), future.clone()]);
    let served = Arc::clone(&all);
    let api = Api::new(move |call: Call| ok(&since(&served, &call))).await?;
    workdir.plugin("x", &plugin(&format!("{}/a", api.base), "{column: at, send: after}", "append"))?;
    let counts = "select page, count(*) from staging.x group by page order by page";
    pull(&database, &workdir).await?;
    same(database.text(counts).await?, "far|2\nhome|2\nnone|1")?;
    let said = pull(&database, &workdir).await?;
    holds(&said, "0 loaded into staging.x, 5 known")?;
    all.lock().unwrap().extend([click(), undated, future]);
    for _ in 0..3 {
        pull(&database, &workdir).await?;
        same(database.text(counts).await?, "far|3\nhome|3\nnone|2")?;
    }
    Ok(())
}

async fn a_source_that_was_changed_adds_nothing_twice(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = shared((1..=3).map(|id| json!({"id": id, "at": format!("2026-01-0{id}")})));
    let served = Arc::clone(&all);
    let api = Api::new(move |call: Call| ok(&since(&served, &call))).await?;
    let (old, new) = (format!("{}/v1", api.base), format!("{}/v2", api.base));
    let by_time = "{column: at, send: after}";
    workdir.plugin("x", &plugin(&old, by_time, "append"))?;
    pull(&database, &workdir).await?;
    let count = "select count(*), count(distinct id) from staging.x";
    for (url, since) in [(&new, by_time), (&old, "{column: id, send: after, format: number}")] {
        workdir.plugin("x", &plugin(url, since, "append"))?;
        fails(&database, &workdir, 2, "its source was changed: staging.x has what ").await?;
    }
    same(database.text(count).await?, "3|3")?;
    // Put back, it goes on.
    workdir.plugin("x", &plugin(&old, by_time, "append"))?;
    all.lock().unwrap().push(json!({"id": 4, "at": "2026-01-04"}));
    pull(&database, &workdir).await?;
    same(database.text(count).await?, "4|4")?;
    // By a key, everything may come again; the old value would ask for nothing in the new order.
    workdir.plugin("x", &plugin(&old, "{column: id, send: after, format: number}", "upsert\nkey: [id]"))?;
    let said = pull(&database, &workdir).await?;
    holds(
        &said,
        "its source was changed (until now: since of another column or format): everything is asked for again",
    )?;
    same(database.text(count).await?, "4|4")?;
    same(api.calls().last().unwrap().param("after"), None)?;
    pull(&database, &workdir).await?;
    same(api.calls().last().unwrap().param("after"), Some("4"))
}

/// What the server does to its records before the answer to a call.
type Change = fn(usize, &mut Vec<Json>);

/// Pages of two by their offset, or their number where `pages` is said.
async fn pages(start: u64, change: Change, pages: bool) -> anyhow::Result<Api> {
    let all = shared((1..=start).map(|id| json!({"id": id})));
    Api::new(move |call: Call| {
        let mut all = all.lock().unwrap();
        change(call.number, &mut all);
        let number = call.number_of("page").unwrap_or(1);
        let from = if pages { (number - 1) * 2 } else { call.number_of("offset").unwrap_or(0) };
        let page: Vec<_> = all.iter().skip(from).take(2).cloned().collect();
        if pages {
            ok(&json!({"pages": all.len().div_ceil(2), "data": page}))
        } else {
            ok(&json!({"total": all.len(), "data": page}))
        }
    })
    .await
}

fn paged(base: &str, pages: bool) -> String {
    let by = if pages { "{by: page, pages: pages}" } else { "{by: offset, total: total}" };
    format!("name: x\nsource:\n  kind: http\n  url: {base}/\n  paginate: {by}\nmode: replace\n")
}

async fn a_source_that_gets_smaller_is_not_whole(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shrinks: Change = |number, all| {
        if number == 1 {
            all.drain(..2);
        }
    };
    for by_pages in [true, false] {
        let api = pages(7, shrinks, by_pages).await?;
        workdir.plugin("x", &paged(&api.base, by_pages))?;
        fails(&database, &workdir, 1, "records have left the source meanwhile").await?;
        // It is as it is now at the next pull.
        pull(&database, &workdir).await?;
        same(database.text("select count(*), min(id) from staging.x").await?, "5|3")?;
    }
    Ok(())
}

async fn new_records_in_front_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let in_front: Change = |number, all| {
        if number == 1 {
            all.insert(0, json!({"id": 100}));
        }
    };
    let behind: Change = |number, all| {
        if number == 1 {
            all.push(json!({"id": 100}));
        }
    };
    for by_pages in [true, false] {
        let api = pages(6, in_front, by_pages).await?;
        workdir.plugin("x", &paged(&api.base, by_pages))?;
        fails(&database, &workdir, 1, "new records have moved the others, and may be missing").await?;
        let api = pages(6, behind, by_pages).await?;
        workdir.plugin("x", &paged(&api.base, by_pages))?;
        pull(&database, &workdir).await?;
        same(database.text("select count(*), count(distinct id) from staging.x").await?, "7|7")?;
    }
    Ok(())
}

/// A server's own next address may have the number of records in it; a cursor in its place stands still.
async fn next_links_by_number_are_pages_by_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (link, gone, code, words) in [
        ("$skip=2", 1, 1, "it says 5 records where the page before said 6"),
        ("$skiptoken=2", 1, 1, "it says 5 records where the page before said 6"),
        ("$skiptoken=Id-2", 6, 0, "5 records of 3 pages; 5 loaded"),
    ] {
        let all = shared((1..=6).map(|id| json!({"id": id})));
        let api = Api::new(move |call: Call| {
            let mut all = all.lock().unwrap();
            if call.number == 1 {
                all.retain(|record| record["id"] != gone);
            }
            let is_cursor = link.contains('-');
            let from = call.param("$skip").or(call.param("$skiptoken")).unwrap_or("0");
            let from: u64 = from.trim_start_matches("Id-").parse().unwrap();
            let is_behind = |at: usize, record: &Json| {
                if is_cursor { record["id"].as_u64() > Some(from) } else { at as u64 >= from }
            };
            let found =
                all.iter().enumerate().filter(|(at, record)| is_behind(*at, record)).map(|(_, record)| record.clone());
            let page: Vec<_> = found.take(2).collect();
            let mut body = json!({"@odata.count": all.len(), "value": page});
            if page.len() == 2 {
                body["@odata.nextLink"] = format!("x?{}", link.replace('2', &(from + 2).to_string())).into();
            }
            ok(&body)
        })
        .await?;
        let source = format!("  kind: odata\n  url: {}\n  resource: x\n", api.base);
        workdir.plugin("x", &format!("name: x\nsource:\n{source}mode: replace\n"))?;
        fails(&database, &workdir, code, words).await?;
    }
    Ok(())
}

/// A record that changes goes to the end of pages by number, and one that was not read yet takes the place of one that was.
async fn a_record_that_moves_by_key_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let warning = "1 record of 6 that the source says came again by key: records moved between pages that go by number, and as many \
                   others may be missing";
    for round in 1..=3 {
        let all = shared((1..=6).map(|id| json!({"id": id, "at": format!("2026-0{round}-0{id}T00:00:00Z")})));
        let api = Api::new(move |call: Call| {
            let mut all = all.lock().unwrap();
            if call.number == 1 && round < 3 {
                let mut changed = all.remove(0);
                changed["at"] = format!("2026-0{round}-09T00:00:00Z").into();
                all.push(changed);
            }
            let from = call.number_of("offset").unwrap_or(0);
            ok(&json!({"total": all.len(), "data": all.iter().skip(from).take(2).collect::<Vec<_>>()}))
        })
        .await?;
        let source = format!("  kind: http\n  url: {}/\n  paginate: {{by: offset, total: total}}\n", api.base);
        let since = "  since: {column: at, send: after, initial: 2020-01-01}\n";
        workdir.plugin("x", &format!("name: x\nsource:\n{source}{since}mode: upsert\nkey: [id]\nschedule: daily\n"))?;
        // The first time into a new table, then into one that is there.
        let command: &[&str] = if round == 2 { &["schedule", "run", "x"] } else { &["pull", "x", "--restart"] };
        let (code, said) = run(&database, &workdir, command).await?;
        right(code == Some(0), &said)?;
        right(said.contains(warning) == (round < 3), &said)?;
    }
    same(
        database.text("select load_id, kind, name from sluice.beside order by load_id").await?,
        "1|repeated|id\n2|repeated|id",
    )?;
    let result = database.text("select result from sluice.schedule_run").await?;
    holds(&result, warning)
}

async fn equal_pages_behind_new_cursors_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api =
        Api::new(|call: Call| ok(&json!({"data": [{"id": 1}, {"id": 2}], "next_cursor": format!("c{}", call.number)})));
    let api = api.await?;
    workdir.plugin("x", &format!("name: x\nsource:\n  kind: http\n  url: {}/\nmode: replace\n", api.base))?;
    fails(&database, &workdir, 1, "5 pages in a row have the same records: the pages have no end").await?;
    same(api.calls().len() < 10, true)
}

async fn a_window_that_was_taken_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = shared((1..=3).map(|id| json!({"id": id, "at": format!("2026-01-0{id}")})));
    let api = Api::new(move |call: Call| ok(&since(&all, &call))).await?;
    workdir.plugin("x", &plugin(&format!("{}/a", api.base), "{column: at, send: after}", "upsert\nkey: [id]"))?;
    pull(&database, &workdir).await?;
    let (code, said) = run(&database, &workdir, &["retract", "1", "--yes"]).await?;
    right(code == Some(0), &said)?;
    holds(
        &said,
        "The checkpoint of x stays: what is asked for by it alone does not come again, but by app pull x --restart.",
    )?;
    fails(&database, &workdir, 2, "which is empty: --restart pulls everything again").await?;
    let (code, said) = run(&database, &workdir, &["pull", "x", "--restart"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.x").await?, "3")
}
