//! Runs that are begun over HTTP.

use serde_json::{Value as Json, json};

use crate::support::api::{Api, Ways, odata};
use crate::support::http::{Answer, Served};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_run_is_begun_once_and_asked_for,
        a_run_that_fails_says_why,
        a_job_pulls_what_is_marked;
}

/// Asks for a run until it has ended.
fn ended(served: &Served, begun: &Answer) -> anyhow::Result<Json> {
    let place = begun.header("location").unwrap_or_default().to_owned();
    loop {
        let run = served.get(&place)?.json()?;
        if run["status"] != "running" {
            return Ok(run);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

async fn a_run_is_begun_once_and_asked_for(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.o")?;
    workdir.write("sql/analysis/v.sql", "select count(*) as n from datawarehouse.t")?;
    let served = Served::start(&workdir, &database, &[])?;
    same(served.push("o.csv?wait=true", "a\n1\n2\n")?.status, 200)?;
    let begun = served.call("POST", "/pipeline", &[], b"")?;
    same((begun.status, &begun.json()?["name"]), (202, &json!("pipeline")))?;
    let done = ended(&served, &begun)?;
    same((&done["status"], &done["by"], &done["id"]), (&json!("done"), &json!("hand"), &begun.json()?["id"]))?;
    holds(done["result"].as_str().unwrap_or_default(), "2 changes in 1 table")?;
    same(database.text("select count(*) from datawarehouse.t").await?, "2")?;
    let answered = served.call("POST", "/analysis", &[], b"")?;
    same(&ended(&served, &answered)?["result"], &json!("1 question answered"))?;
    same(workdir.read("exports/v.csv")?, "n\n2\n")?;
    let all = served.get("/runs")?.json()?;
    let names: Vec<_> = all["runs"].as_array().into_iter().flatten().map(|run| run["name"].clone()).collect();
    same(names, [json!("analysis"), json!("pipeline")])?;
    let one = served.get("/runs?limit=1")?.json()?;
    let next = format!("/runs?limit=1&before={}", one["next"].as_str().unwrap_or_default());
    same(&served.get(&next)?.json()?["runs"][0]["name"], &json!("pipeline"))?;
    // Whoever asks while it goes on gets the run that goes on.
    let both = [served.call("POST", "/pipeline", &[], b"")?, served.call("POST", "/pipeline", &[], b"")?];
    for begun in &both {
        same((begun.status, &ended(&served, begun)?["status"]), (202, &json!("done")))?;
    }
    same(served.daemon.terminate()?.0.code(), Some(0))
}

async fn a_run_that_fails_says_why(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.gone")?;
    let served = Served::start(&workdir, &database, &[])?;
    let done = ended(&served, &served.call("POST", "/pipeline", &[], b"")?)?;
    same((&done["status"], done["result"].is_null()), (&json!("failed"), true))?;
    holds(done["error"].as_str().unwrap_or_default(), "staging.gone")
}

async fn a_job_pulls_what_is_marked(database: TestDatabase, workdir: Workdir) -> Outcome {
    let records: Vec<_> = (1..=50).map(|id| json!({"Id": id, "v": id * 2})).collect();
    let api = Api::new(move |call| odata(&records, &call, Ways { paged: 20, counts: true, ..Ways::default() })).await?;
    let source = format!("source: {{kind: odata, url: \"{}\", resource: R}}", api.base);
    workdir.plugin("r", &format!("name: r\n{source}\ntable: r\nmode: upsert\nkey: [id]\ndefault: true\n"))?;
    workdir.plugin("s", &format!("name: s\n{source}\ntable: s\nmode: upsert\nkey: [id]\n"))?;
    let ask =
        |served: &Served, method: &str, path: &str| tokio::task::block_in_place(|| served.call(method, path, &[], b""));
    let served = tokio::task::block_in_place(|| Served::start(&workdir, &database, &[]))?;
    let started = ask(&served, "GET", "/start-etl-job")?;
    let body = started.json()?;
    same((started.status, &body["success"], &body["message"]), (200, &json!(true), &json!("Job has started")))?;
    same(body["jobs"].as_array().map(Vec::len), Some(1))?;
    let wait = |job: &str| -> anyhow::Result<Json> {
        loop {
            let run = ask(&served, "GET", &format!("/runs/{job}"))?.json()?;
            if run["status"] != "running" {
                return Ok(run);
            }
            tokio::task::block_in_place(|| std::thread::sleep(std::time::Duration::from_millis(50)));
        }
    };
    let done = wait(body["job"].as_str().unwrap_or_default())?;
    same((&done["name"], &done["status"]), (&json!("r"), &json!("done")))?;
    holds(done["result"].as_str().unwrap_or_default(), "50 loaded into staging.r")?;
    let named = ask(&served, "POST", "/start-etl-job?plugin=s")?.json()?;
    same(&wait(named["job"].as_str().unwrap_or_default())?["status"], &json!("done"))?;
    // However often it is asked for, the rows are the same.
    for _ in 0..3 {
        let again = ask(&served, "POST", "/pulls/r")?;
        same(again.status, 202)?;
        wait(again.json()?["id"].as_str().unwrap_or_default())?;
    }
    same(ask(&served, "POST", "/start-etl-job?plugin=t")?.status, 404)?;
    same(database.text("select count(*), sum(v) from staging.r").await?, "50|2550")?;
    same(database.text("select count(*) from staging.s").await?, "50")
}
