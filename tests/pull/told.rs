//! What commands say of pulls: of those into another database, of windows that fail, of what was extracted, of places that are gone.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value as Json, json};

use super::{right, run, run_with};
use crate::support::api::{Api, Call, ok, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};
use crate::warehouse::rights::{as_owner, role};

cases! {
    on_both:
        the_last_pull_into_a_destination_is_listed,
        the_doctor_looks_at_destinations,
        a_window_that_fails_has_a_way_out,
        a_place_that_is_gone_has_a_way_out,
        an_extraction_of_a_disabled_plugin_is_told,
        a_window_that_was_overtaken_is_told_in_words,
        the_older_form_is_extracted_by_its_name;
    on_postgres:
        a_destination_that_refuses_is_named;
}

fn three(_: Call) -> Response<Body> {
    ok(&json!([{"n": 1}, {"n": 2}, {"n": 3}]))
}

fn plugin(name: &str, base: &str, more: &str) -> String {
    format!("name: {name}\nsource: {{kind: http, url: {base}/n, paginate: {{by: none}}}}\nmode: replace\n{more}")
}

/// The line that tells of a word.
fn line<'t>(said: &'t str, word: &str) -> &'t str {
    said.lines().find(|line| line.contains(word)).unwrap_or_default()
}

async fn the_last_pull_into_a_destination_is_listed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (api, other) = (Api::new(three).await?, database.another().await?);
    workdir.plugin("away", &plugin("away", &api.base, "destination: !env REPORTS\n"))?;
    workdir.plugin("here", &plugin("here", &api.base, ""))?;
    workdir.plugin("down", &plugin("down", &api.base, "destination: postgres://127.0.0.1:1/down\n"))?;
    let settings = [("REPORTS", other.url.as_str())];
    let (code, said) = run_with(&database, &workdir, &["plugin", "list"], &settings).await?;
    same(code, Some(0))?;
    holds(line(&said, "| away"), "none yet")?;
    holds(line(&said, "| down"), "not known: its destination")?;
    holds(&said, "the last pulls into postgres://127.0.0.1:1/down could not be looked at")?;
    same(run_with(&database, &workdir, &["pull", "away"], &settings).await?.0, Some(0))?;
    let (code, said) = run_with(&database, &workdir, &["plugin", "list"], &settings).await?;
    same(code, Some(0))?;
    holds(line(&said, "| away"), "done: 3 rows in all")?;
    holds(line(&said, "| here"), "none yet")?;
    let (_, said) = run_with(&database, &workdir, &["plugin", "list", "--json"], &settings).await?;
    holds(line(&said, "\"away\""), "\"result\":\"3 rows in all\"")
}

async fn the_doctor_looks_at_destinations(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (api, other) = (Api::new(three).await?, database.another().await?);
    for name in ["one", "two"] {
        workdir.plugin(name, &plugin(name, &api.base, "destination: !env REPORTS\n"))?;
    }
    let settings = [("REPORTS", other.url.as_str())];
    // A pull without rejects makes no folder of exports, and none is missing.
    std::fs::remove_dir_all(workdir.path("exports")).ok();
    same(run_with(&database, &workdir, &["pull", "--all"], &settings).await?.0, Some(0))?;
    std::fs::remove_dir_all(workdir.path("exports")).ok();
    std::fs::create_dir_all(workdir.path("logs"))?;
    let (code, said) = run_with(&database, &workdir, &["doctor"], &settings).await?;
    right(code == Some(0), &said)?;
    let of_both = line(&said, " of one, two");
    holds(of_both, "| destination ")?;
    holds(of_both, "answers, with all that pulls need")?;
    holds(line(&said, "folder exports"), "is made when it is needed")?;
    let down = [("REPORTS", "postgres://u:geheim-4711@127.0.0.1:1/reports")];
    let (code, said) = run_with(&database, &workdir, &["doctor"], &down).await?;
    same(code, Some(1))?;
    // The column is as wide as its longest cell.
    let of_both = line(&said, "destination postgres://127.0.0.1:1/reports of one, two ");
    holds(of_both, " | NOT OK |")?;
    right(!said.contains("geheim"), &said)
}

/// It is not the project's own database that lacks something.
async fn a_destination_that_refuses_is_named(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (api, other) = (Api::new(three).await?, database.another().await?);
    let (role, url) = role(&other, "away").await?;
    workdir.plugin("n", &plugin("n", &api.base, "destination: !env REPORTS\n"))?;
    let shown = format!("postgres://{}", other.url.split_once('@').map_or("", |(_, rest)| rest));
    let settings = [("REPORTS", url.as_str())];
    same(run_with(&database, &workdir, &["pull", "n"], &settings).await?.0, Some(0))?;
    let wrong = url.replace(":secret@", ":mistaken@");
    let owner = |right: &str, table: &str| format!("revoke {right} on {table} from {role}");
    let cases = [
        (wrong.as_str(), String::new(), "password authentication failed"),
        (&url, owner("select", "sluice.checkpoint"), "permission denied"),
        (&url, owner("insert", "staging.n"), ""),
    ];
    for (url, statement, why) in cases {
        if !statement.is_empty() {
            as_owner(&other, &[&format!("alter table staging.n owner to {}", "current_user"), &statement]).await?;
        }
        let (code, said) = run_with(&database, &workdir, &["pull", "n"], &[("REPORTS", url)]).await?;
        right(code == Some(1), &said)?;
        for words in [&format!("its destination {shown}"), why] {
            holds(&said, words)?;
        }
        right(!said.contains("mistaken") && !said.contains("secret"), &said)?;
        if statement.contains("checkpoint") {
            as_owner(&other, &[&format!("grant select on sluice.checkpoint to {role}")]).await?;
        }
    }
    Ok(())
}

async fn a_window_that_fails_has_a_way_out(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&json!([{"n": "x"}, {"n": "y"}]))).await?;
    workdir.plugin("n", &plugin("n", &api.base, "columns: [{from: n, name: n, type: bigint}]\n"))?;
    let way_out = "fix the plugin, or what the source gives: app plugin check n shows its first page, and app pull n asks for all of it";
    for commands in [&[["pull", "n"].as_slice()][..], &[["extract", "n"].as_slice(), &["--once"]]] {
        for (at, command) in commands.iter().enumerate() {
            let (code, said) = run(&database, &workdir, command).await?;
            if at + 1 == commands.len() {
                same(code, Some(1))?;
                holds(&said, way_out)?;
                right(!said.contains("app retry") && !said.contains("fix the file"), &said)?;
            }
        }
    }
    Ok(())
}

async fn a_place_that_is_gone_has_a_way_out(database: TestDatabase, workdir: Workdir) -> Outcome {
    for status in [404, 410] {
        let api = Api::new(move |call: Call| {
            let from = call.number_of("cursor").unwrap_or(0);
            if from >= 150_000 {
                return with(status, &[], "{\"message\": \"the cursor has expired\"}");
            }
            let page: Vec<Json> = (from..from + 50_000).map(|id| json!({"id": id})).collect();
            ok(&json!({"data": page, "next_cursor": from + 50_000}))
        })
        .await?;
        let name = format!("n{status}");
        let source =
            format!("source: {{kind: http, url: {}/n, paginate: {{by: cursor, from: next_cursor}}}}", api.base);
        workdir.plugin(&name, &format!("name: {name}\n{source}\nmode: append\n"))?;
        // In the pull that has committed a window, and in each one that goes on.
        for _ in 0..2 {
            let (code, said) = run(&database, &workdir, &["pull", &name]).await?;
            right(code == Some(1), &said)?;
            holds(
                &said,
                &format!(
                    "answers {status}: the cursor has expired; if the place is no longer known there, --restart begins"
                ),
            )?;
        }
    }
    Ok(())
}

async fn an_extraction_of_a_disabled_plugin_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(three).await?;
    workdir.plugin("n", &plugin("n", &api.base, ""))?;
    same(run(&database, &workdir, &["extract", "n"]).await?.0, Some(0))?;
    let (_, said) = run(&database, &workdir, &["status"]).await?;
    holds(line(&said, "| n.jsonl"), "fetched for the plugin n; the next start loads it")?;
    same(run(&database, &workdir, &["plugin", "disable", "n"]).await?.0, Some(0))?;
    let (code, said) = run(&database, &workdir, &["status"]).await?;
    same(code, Some(1))?;
    for words in ["n.jsonl: fetched for the plugin n, which is not enabled", "app plugin enable n has it loaded"] {
        holds(&said, words)?;
    }
    right(!said.contains("a program that ended") && !said.contains("or run app --once"), &said)
}

async fn a_window_that_was_overtaken_is_told_in_words(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| ok(&(call.number_of("after").unwrap_or(0)..5).map(|n| json!({"n": n})).collect()))
        .await?;
    let since = "  since: {column: n, send: after, format: number}\n";
    let source = format!("source:\n  kind: http\n  url: {}/n\n  paginate: {{by: none}}\n{since}", api.base);
    workdir.plugin("n", &format!("name: n\n{source}mode: append\n"))?;
    same(run(&database, &workdir, &["extract", "n"]).await?.0, Some(0))?;
    // Another folder's program is faster.
    let other = Workdir::new()?;
    other.plugin("n", &format!("name: n\n{source}mode: append\n"))?;
    same(run(&database, &other, &["pull", "n"]).await?.0, Some(0))?;
    let (code, said) = run(&database, &workdir, &["--once"]).await?;
    right(code == Some(0), &said)?;
    holds(&said, "stands behind n = 4, and the window goes on from elsewhere: nothing of it was loaded")?;
    right(!said.contains("digest"), &said)?;
    same(database.text("select count(*) from staging.n").await?, "5")
}

async fn the_older_form_is_extracted_by_its_name(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&json!({"@odata.context": "x", "value": [{"Id": 1}, {"Id": 2}]}))).await?;
    let entry = |key: &str| format!("  {key}:\n    indicator: R{key}\n    api: {}/api\n", api.base);
    workdir.plugin("who", &format!("name: WHO\nrun: [A, B]\netl:\n{}{}", entry("A"), entry("B")))?;
    let (code, said) = run(&database, &workdir, &["extract", "WHO"]).await?;
    right(code == Some(0), &said)?;
    for words in ["WHO.A: 2 records of 1 page", "WHO.B: 2 records of 1 page"] {
        holds(&said, words)?;
    }
    let (code, said) = run(&database, &workdir, &["--once"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.a").await?, "2")?;
    same(database.text("select count(*) from staging.b").await?, "2")
}
