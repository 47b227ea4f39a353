//! What is fetched now and loaded later: the checkpoint moves with its rows, and nothing comes twice.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value as Json, json};

use super::{right, run};
use crate::support::api::{Api, Call, ok, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        it_is_loaded_by_the_next_program_with_its_checkpoint,
        twice_before_the_load_is_there_once,
        a_pull_loads_what_waits_and_goes_on,
        what_fails_leaves_nothing,
        it_waits_for_its_plugin,
        it_goes_on_behind_an_unfinished_pull;
    alone:
        what_cannot_be_extracted_is_told;
}

type Shared = Arc<Mutex<Vec<Json>>>;

fn some(from: u64, to: u64) -> Vec<Json> {
    (from..to).map(|id| json!({"id": id, "at": format!("2026-01-{:02}T00:00:00Z", id + 1), "n": id * 10})).collect()
}

/// Gives the records from a value on, in pages of two.
fn answer(call: &Call, shared: &Shared) -> Response<Body> {
    let all = shared.lock().unwrap();
    let since = call.param("after").unwrap_or_default();
    let found: Vec<_> = all.iter().filter(|record| record["at"].as_str().unwrap() >= since).cloned().collect();
    let from = call.number_of("offset").unwrap_or(0);
    let page: Vec<_> = found.iter().skip(from).take(2).cloned().collect();
    ok(&json!({"total": found.len(), "data": page}))
}

async fn service(shared: &Shared) -> anyhow::Result<Api> {
    let shared = Arc::clone(shared);
    Api::new(move |call: Call| answer(&call, &shared)).await
}

/// The plugin goes into a table that is not called as its file is.
fn plugin(base: &str, more: &str) -> String {
    format!(
        "name: shop\nsource:\n  kind: http\n  url: {base}/\n  paginate: {{by: offset, total: total}}\n{more}table: sold\n\
         columns:\n  - {{from: id, name: id}}\n  - {{from: n, name: amount, type: numeric}}\nfilter: amount < 1000\n"
    )
}

const SINCE: &str = "  since: {column: at, send: after}\n";
const IDS: &str = "select id, amount from staging.sold order by id";
const CHECKPOINTS: &str = "select count(*) from sluice.checkpoint";

async fn did(database: &TestDatabase, workdir: &Workdir, command: &[&str]) -> anyhow::Result<String> {
    let (code, said) = run(database, workdir, command).await?;
    right(code == Some(0), &said)?;
    Ok(said)
}

fn rows(to: u64) -> String {
    (0..to).map(|id| format!("{id}|{}", id * 10)).collect::<Vec<_>>().join("\n")
}

async fn it_is_loaded_by_the_next_program_with_its_checkpoint(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::new(Mutex::new(some(0, 5)));
    let api = service(&shared).await?;
    workdir.plugin("shop", &plugin(&api.base, &format!("{SINCE}mode: append\n")))?;
    let said = did(&database, &workdir, &["extract", "shop"]).await?;
    holds(&said, "shop: 5 records of 3 pages; whole: the server says 5")?;
    holds(&said, "/shop.jsonl, for staging.sold")?;
    holds(&said, "Nothing is loaded yet. Next: app --once")?;
    same((workdir.claims(), database.text(CHECKPOINTS).await?), (1, "0".to_owned()))?;
    let calls = api.calls().len();
    let said = did(&database, &workdir, &["--once"]).await?;
    holds(&said, "5 read = 5 loaded")?;
    same((database.text(IDS).await?, workdir.claims(), api.calls().len()), (rows(5), 0, calls))?;
    same(database.text("select rows from sluice.checkpoint").await?, "5")?;
    // Loaded by the plugin's rules, and once.
    same(database.text("select dataset, source from sluice.load").await?, "sold|shop.jsonl")?;
    did(&database, &workdir, &["--once"]).await?;
    let said = did(&database, &workdir, &["extract", "shop"]).await?;
    holds(&said, "nothing new")?;
    shared.lock().unwrap().extend(some(5, 7));
    let said = did(&database, &workdir, &["pull", "shop"]).await?;
    holds(&said, "2 loaded into staging.sold, 1 known")?;
    same(database.text(IDS).await?, rows(7))?;
    let list = did(&database, &workdir, &["plugin", "list", "--json"]).await?;
    let list: Json = serde_json::from_str(list.trim())?;
    same((&list["last_pull"]["status"], &list["last_pull"]["result"]), (&json!("done"), &json!("7 rows in all")))
}

async fn twice_before_the_load_is_there_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    for more in [format!("{SINCE}mode: append\n"), "mode: replace\n".to_owned(), "mode: upsert\nkey: [id]\n".to_owned()]
    {
        let shared: Shared = Arc::new(Mutex::new(some(0, 3)));
        let api = service(&shared).await?;
        workdir.plugin("shop", &plugin(&api.base, &more))?;
        did(&database, &workdir, &["extract", "shop"]).await?;
        shared.lock().unwrap().extend(some(3, 5));
        let said = did(&database, &workdir, &["extract", "shop"]).await?;
        holds(&said, "in place of what was extracted before and not loaded")?;
        same(workdir.claims(), 1)?;
        did(&database, &workdir, &["--once"]).await?;
        same((database.text(IDS).await?, more.as_str()), (rows(5), more.as_str()))?;
        // From the beginning once more: nothing is doubled, and append is refused.
        let (code, said) = run(&database, &workdir, &["extract", "shop", "--restart"]).await?;
        if more.contains("append") {
            same(code, Some(2))?;
            holds(&said, "--restart would add the rows of staging.sold once more")?;
        } else {
            right(code == Some(0), &said)?;
            did(&database, &workdir, &["--once"]).await?;
        }
        same(database.text(IDS).await?, rows(5))?;
        did(&database, &workdir, &["drop", "staging.sold", "--yes"]).await?;
    }
    Ok(())
}

async fn a_pull_loads_what_waits_and_goes_on(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::new(Mutex::new(some(0, 3)));
    let api = service(&shared).await?;
    workdir.plugin("shop", &plugin(&api.base, &format!("{SINCE}mode: append\n")))?;
    did(&database, &workdir, &["extract", "shop"]).await?;
    shared.lock().unwrap().extend(some(3, 5));
    let said = did(&database, &workdir, &["pull", "shop"]).await?;
    holds(&said, "2 loaded into staging.sold, 1 known")?;
    same((database.text(IDS).await?, workdir.claims()), (rows(5), 0))
}

async fn what_fails_leaves_nothing(database: TestDatabase, workdir: Workdir) -> Outcome {
    let shared: Shared = Arc::new(Mutex::new(some(0, 5)));
    let own = Arc::clone(&shared);
    let api = Api::new(move |call: Call| match call.number_of("offset") {
        Some(2) if own.lock().unwrap().len() == 5 => with(404, &[], "gone"),
        _ => answer(&call, &own),
    })
    .await?;
    workdir.plugin("shop", &plugin(&api.base, "mode: replace\n"))?;
    let (code, said) = run(&database, &workdir, &["extract", "shop"]).await?;
    same((code, workdir.claims()), (Some(1), 0))?;
    holds(&said, "shop: nothing was landed")?;
    holds(&said, "answers 404")?;
    did(&database, &workdir, &["--once"]).await?;
    same(database.text(CHECKPOINTS).await?, "0")?;
    // A source that is empty takes no row away.
    shared.lock().unwrap().truncate(2);
    did(&database, &workdir, &["pull", "shop"]).await?;
    shared.lock().unwrap().clear();
    let (code, said) = run(&database, &workdir, &["extract", "shop"]).await?;
    same((code, database.text(IDS).await?), (Some(1), rows(2)))?;
    holds(&said, "the source has no records, and staging.sold keeps those that it has")
}

async fn it_waits_for_its_plugin(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = service(&Arc::new(Mutex::new(some(0, 3)))).await?;
    workdir.plugin("shop", &plugin(&api.base, "mode: replace\n"))?;
    did(&database, &workdir, &["extract", "shop"]).await?;
    did(&database, &workdir, &["plugin", "disable", "shop"]).await?;
    for _ in 0..4 {
        let (code, said) = run(&database, &workdir, &["--once"]).await?;
        same((code, workdir.claims()), (Some(1), 1))?;
        holds(&said, "the plugin shop is not enabled: app plugin enable shop")?;
    }
    did(&database, &workdir, &["plugin", "enable", "shop"]).await?;
    did(&database, &workdir, &["--once"]).await?;
    same((database.text(IDS).await?, workdir.claims()), (rows(3), 0))?;
    // Without its plugin it would be another table: it goes, and its source has it still.
    did(&database, &workdir, &["extract", "shop"]).await?;
    did(&database, &workdir, &["plugin", "remove", "shop", "--yes"]).await?;
    let said = did(&database, &workdir, &["--once"]).await?;
    holds(&said, "no plugin shop with a source is there any more: nothing of it was loaded")?;
    same((database.text(IDS).await?, workdir.claims()), (rows(3), 0))?;
    same(database.text("select count(*) from sluice.load where dataset <> 'sold'").await?, "0")
}

async fn it_goes_on_behind_an_unfinished_pull(database: TestDatabase, workdir: Workdir) -> Outcome {
    // Two pages fill a window, which is committed before the fourth page fails.
    let broken = Arc::new(Mutex::new(true));
    let own = Arc::clone(&broken);
    let api = Api::new(move |call: Call| {
        let page = call.number_of("page").unwrap_or(1);
        let records = |from: usize, to: usize| (from..to).map(|id| json!({"id": id, "n": 1})).collect::<Vec<_>>();
        match page {
            1..=3 => ok(&json!(records((page - 1) * 50_000, page * 50_000))),
            4 if *own.lock().unwrap() => with(404, &[], "gone"),
            4 => ok(&json!(records(150_000, 150_010))),
            _ => ok(&json!([])),
        }
    })
    .await?;
    let source =
        format!("name: shop\nsource:\n  kind: http\n  url: {}/\n  paginate: {{by: page, param: page}}\n", api.base);
    workdir.plugin("shop", &format!("{source}table: sold\nmode: append\n"))?;
    same(run(&database, &workdir, &["pull", "shop"]).await?.0, Some(1))?;
    same(database.text("select count(*) from staging.sold").await?, "100000")?;
    *broken.lock().unwrap() = false;
    let calls = api.calls().len();
    let said = did(&database, &workdir, &["extract", "shop"]).await?;
    holds(&said, "shop: 150010 records of 5 pages; whole: an empty page")?;
    same(api.calls().len() - calls, 3)?;
    did(&database, &workdir, &["--once"]).await?;
    same(database.text("select count(*), count(distinct id) from staging.sold").await?, "150010|150010")
}

async fn what_cannot_be_extracted_is_told(workdir: Workdir) -> Outcome {
    workdir.plugin("files", "name: files\nfiles: [\"a*.csv\"]\n")?;
    for (name, why) in [("files", "the plugin files has no source"), ("flies", "there is no plugin flies")] {
        let done = crate::support::process::app(&workdir, &["extract", name], &[])?;
        same(done.status.code(), Some(2))?;
        holds(&String::from_utf8_lossy(&done.stderr), why)?;
    }
    Ok(())
}
