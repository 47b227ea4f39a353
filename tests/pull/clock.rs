//! Pulls, the pipeline and the analysis by the clock, by the real daemon; and the commands on schedules.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use serde_json::{Value as Json, json};

use super::{records, run, run_with};
use crate::support::api::{Api, Call, ok, with};
use crate::support::process::Daemon;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_both:
        the_daemon_pulls_by_the_clock,
        a_failing_pull_is_told_once_until_it_is_well,
        a_pull_that_is_stopped_goes_on_later,
        the_pipeline_and_the_analysis_by_the_clock,
        schedules_are_listed_paused_and_run_by_hand;
    alone:
        what_is_wrong_with_a_schedule_is_told;
}

fn plugin(base: &str, schedule: &str) -> String {
    format!(
        "name: posts\nsource:\n  kind: http\n  url: {base}/posts\n  paginate: {{by: none}}\nmode: replace\n{schedule}\n"
    )
}

fn start(workdir: &Workdir, database: &TestDatabase, more: &[(&str, &str)]) -> anyhow::Result<Daemon> {
    let settings: Vec<_> = [("DATABASE_URL", database.url.as_str())].into_iter().chain(more.iter().copied()).collect();
    Daemon::start(workdir, &[], &settings)
}

fn wait(daemon: &mut Daemon, words: &[&str]) -> anyhow::Result<String> {
    // The servers run on this very runtime.
    tokio::task::block_in_place(|| daemon.wait_for(words))
}

async fn the_daemon_pulls_by_the_clock(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&Json::Array(records(20)))).await?;
    workdir.plugin("posts", &plugin(&api.base, "schedule: every 1s"))?;
    let mut daemon = start(&workdir, &database, &[])?;
    wait(&mut daemon, &["posts: begins by its schedule ("])?;
    wait(&mut daemon, &["posts: 20 records of 1 page; 20 loaded into staging.posts"])?;
    // Files are loaded meanwhile.
    workdir.write("imports/n.csv", "a\n1\n")?;
    wait(&mut daemon, &["loaded n.csv"])?;
    wait(&mut daemon, &["posts: 20 records"])?;
    same(database.text("select count(*) from staging.posts").await?, "20")?;
    let (code, said) = run(&database, &workdir, &["schedule", "--json"]).await?;
    same(code, Some(0))?;
    let line: Json = serde_json::from_str(said.lines().next().unwrap_or_default())?;
    same((&line["name"], &line["words"], &line["zone"]), (&json!("posts"), &json!("every 1s"), &json!("UTC")))?;
    same(["done", "running"].contains(&line["last"]["status"].as_str().unwrap_or_default()), true)?;
    // A plugin that is changed, and one that is not enabled any more.
    workdir.plugin("posts", &plugin(&api.base, "schedule: every 2s"))?;
    wait(&mut daemon, &["the plugins have changed"])?;
    wait(&mut daemon, &["posts: 20 records"])?;
    same(database.text("select text from sluice.schedule").await?, "every 2s")?;
    workdir.plugin("posts", &plugin(&api.base, "schedule: every 2s\nenabled: false"))?;
    wait(&mut daemon, &["the plugins have changed"])?;
    let (status, log) = daemon.terminate()?;
    same((status.code(), log.contains("ERROR")), (Some(0), false))?;
    // Nothing of ours is left in the folder.
    same(workdir.claims(), 0)
}

async fn a_failing_pull_is_told_once_until_it_is_well(database: TestDatabase, workdir: Workdir) -> Outcome {
    let is_well = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&is_well);
    let answer = move |_: Call| match known.load(Ordering::SeqCst) {
        true => ok(&Json::Array(records(3))),
        false => with(404, &[], ""),
    };
    let api = Api::new(answer).await?;
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    workdir.plugin("posts", &plugin(&api.base, "schedule: every 1s"))?;
    let mut daemon = start(&workdir, &database, &[("ALERT_WEBHOOK", &webhook)])?;
    for _ in 0..2 {
        wait(&mut daemon, &["posts: the run of its schedule failed: ", "/posts answers 404"])?;
    }
    let (code, said) = run(&database, &workdir, &["status"]).await?;
    same(code, Some(1))?;
    holds(&said, "the last run of the schedule posts failed (")?;
    holds(&said, "app schedule run posts")?;
    let (_, said) = run(&database, &workdir, &["schedule"]).await?;
    holds(&said, "failed: ")?;
    is_well.store(true, Ordering::SeqCst);
    wait(&mut daemon, &["posts: 3 records of 1 page"])?;
    wait(&mut daemon, &["posts: 3 records of 1 page"])?;
    same(run(&database, &workdir, &["status"]).await?.0, Some(0))?;
    for state in ["raised", "recovered"] {
        let alert = tokio::task::block_in_place(|| hook.next())?;
        same(
            (&alert["kind"], &alert["subject"], &alert["state"]),
            (&json!("schedule"), &json!("posts"), &json!(state)),
        )?;
    }
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(hook.is_quiet(), true)
}

async fn a_pull_that_is_stopped_goes_on_later(database: TestDatabase, workdir: Workdir) -> Outcome {
    let hangs = Arc::new(AtomicBool::new(true));
    let known = Arc::clone(&hangs);
    let answer = move |_: Call| match known.load(Ordering::SeqCst) {
        true => with(200, &[], Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>())),
        false => ok(&Json::Array(records(7))),
    };
    let api = Api::new(answer).await?;
    workdir.plugin("posts", &plugin(&api.base, "schedule: daily 00:00"))?;
    // A tick that was missed: the schedule is known since long ago.
    let (code, said) = run(&database, &workdir, &["schedule", "pause", "posts"]).await?;
    same((code, said.contains("posts: paused")), (Some(0), true))?;
    let known_since = "update SCHEDULE set paused_at = null, since = '2026-01-01 00:00:00+00:00'";
    let table = database
        .warehouse
        .names()
        .table(&sluice::sql::Table { schema: sluice::sql::Schema::Catalog, name: "schedule".to_owned() });
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Short).await?;
    transaction.execute(&known_since.replace("SCHEDULE", &table), &[]).await?;
    transaction.commit().await?;
    let mut daemon = start(&workdir, &database, &[])?;
    wait(&mut daemon, &["posts: ", " missed: runs once for them"])?;
    wait(&mut daemon, &["posts: begins by its schedule"])?;
    while api.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    let (code, said) = run(&database, &workdir, &["schedule", "run", "posts"]).await?;
    same(code, Some(1))?;
    holds(&said, "posts runs already (pid ")?;
    // The pull's own place is no second watcher.
    let (_, said) = run(&database, &workdir, &["status"]).await?;
    holds(&said, "imports is watched\n")?;
    let begun = std::time::Instant::now();
    let (status, log) = tokio::task::block_in_place(|| daemon.terminate())?;
    same((status.code(), begun.elapsed().as_secs() < 9), (Some(0), true))?;
    holds(&log, "posts: stopped; the next start goes on with it")?;
    same(workdir.claims(), 0)?;
    let (_, said) = run(&database, &workdir, &["schedule"]).await?;
    holds(&said, "stopped")?;
    hangs.store(false, Ordering::SeqCst);
    let mut daemon = start(&workdir, &database, &[])?;
    wait(&mut daemon, &["posts: takes over the run of ", "was stopped"])?;
    wait(&mut daemon, &["posts: 7 records of 1 page; 7 loaded"])?;
    // Killed in the midst of a run, the next one takes it over when it has not beaten for a minute: see worker/schedule.
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select status, tries from sluice.schedule_run").await?, "done|2")
}

async fn the_pipeline_and_the_analysis_by_the_clock(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("sql/pipeline/t.sql", "/* kind: table */ select a from staging.n")?;
    workdir.write("sql/analysis/v.sql", "select count(*) as n from datawarehouse.t")?;
    let settings = [("SCHEDULE_PIPELINE", "every 1s"), ("SCHEDULE_ANALYSIS", "*/2 * * * * * Europe/Zurich")];
    let mut daemon = start(&workdir, &database, &settings)?;
    // As app --pipeline: what it needs is not there yet.
    wait(&mut daemon, &["pipeline: the run of its schedule failed: ", "staging.n"])?;
    let (code, said) = run_with(&database, &workdir, &["status"], &settings).await?;
    same((code, said.matches("the last pipeline run failed").count()), (Some(1), 1))?;
    same(said.contains("the schedule pipeline"), false)?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    wait(&mut daemon, &["loaded n.csv"])?;
    wait(&mut daemon, &["pipeline: 1 change in 1 table"])?;
    wait(&mut daemon, &["pipeline: 0 changes in 1 table"])?;
    wait(&mut daemon, &["analysis: 1 question answered"])?;
    same(database.text("select n from datawarehouse.v").await?, "1")?;
    same(workdir.path("exports/index.html").exists(), true)?;
    let (code, said) = run_with(&database, &workdir, &["schedule"], &settings).await?;
    same(code, Some(0))?;
    for words in ["pipeline", "analysis", "every 1s", "Europe/Zurich", "done: "] {
        holds(&said, words)?;
    }
    same(said.contains("nobody runs them"), false)?;
    same(daemon.terminate()?.0.code(), Some(0))
}

async fn schedules_are_listed_paused_and_run_by_hand(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&Json::Array(records(5)))).await?;
    let of = async |command: &[&str]| run(&database, &workdir, command).await;
    let (code, said) = of(&["schedule"]).await?;
    same(code, Some(0))?;
    holds(&said, "nothing is scheduled: see docs/schedule.md")?;
    let schedule = "schedule: {cron: \"0 6 * * 1-5\", zone: Europe/Zurich}";
    workdir.plugin("posts", &plugin(&api.base, schedule))?;
    let (code, said) = of(&["schedule"]).await?;
    same(code, Some(0))?;
    for words in
        ["posts", "At 06:00", "Europe/Zurich", " 06:00:00+0", "none yet", "nobody runs them: no program watches"]
    {
        holds(&said, words)?;
    }
    let (code, said) = of(&["schedule", "run", "posts"]).await?;
    same(code, Some(0))?;
    holds(&said, "posts: 5 records of 1 page; 5 loaded into staging.posts")?;
    let (_, said) = of(&["schedule"]).await?;
    for words in ["by hand", "done: 5 records"] {
        holds(&said, words)?;
    }
    for (command, words) in
        [("pause", "posts: paused;"), ("pause", "posts: paused already;"), ("resume", "posts: resumed; next: ")]
    {
        if command == "resume" {
            holds(&of(&["schedule"]).await?.1, "paused")?;
            let (code, said) = of(&["status"]).await?;
            same(code, Some(0))?;
            holds(&said, "the schedule posts is paused since ")?;
        }
        let (code, said) = of(&["schedule", command, "posts"]).await?;
        same(code, Some(0))?;
        holds(&said, words)?;
    }
    for (name, words) in [
        ("post", "no schedule is called post; did you mean posts?"),
        ("pipeline", "the pipeline has no schedule: set SCHEDULE_PIPELINE"),
    ] {
        let (code, said) = of(&["schedule", "run", name]).await?;
        same((name, code), (name, Some(2)))?;
        holds(&said, words)?;
    }
    // A failure by hand is one.
    drop(api);
    let (code, said) = of(&["schedule", "run", "posts"]).await?;
    same(code, Some(1))?;
    holds(&said, "posts")?;
    same(of(&["status"]).await?.0, Some(1))
}

async fn what_is_wrong_with_a_schedule_is_told(workdir: Workdir) -> Outcome {
    let list = |settings: &[(&str, &str)]| -> anyhow::Result<(Option<i32>, String)> {
        let done = crate::support::process::app(&workdir, &["schedule"], settings)?;
        Ok((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()))
    };
    for (more, code, words) in [
        (
            "schedule: hurly",
            Some(1),
            "plugin.yaml:7: schedule: \"hurly\" is no schedule: use hourly, daily 06:00, every 15m",
        ),
        ("schedule: {cron: hourly, zone: Europe/Zurick}", Some(1), "did you mean Europe/Zurich?"),
        ("schedule: {at: hourly}", Some(1), "schedule takes hourly, daily 06:00"),
        ("catch_up: true", Some(1), "catch_up: goes with schedule"),
        ("schedule: \"61 * * * *\"", Some(1), "\"61 * * * *\" is no schedule"),
    ] {
        workdir.plugin("posts", &plugin("http://127.0.0.1:9", more))?;
        let (found, said) = list(&[])?;
        same((more, found), (more, code))?;
        holds(&said, words)?;
    }
    workdir.plugin("posts", "name: posts\nfiles: [\"*.csv\"]\nschedule: hourly\n")?;
    holds(&list(&[])?.1, "schedule: goes with source: files are loaded when they land")?;
    workdir
        .plugin("posts", &plugin("http://127.0.0.1:9", "schedule: hourly").replace("name: posts", "name: pipeline"))?;
    holds(&list(&[])?.1, "pipeline is the name of another schedule")?;
    workdir.plugin("posts", &plugin("http://127.0.0.1:9", "schedule: hourly"))?;
    for (setting, value, words) in [
        (
            "SCHEDULE_PIPELINE",
            "daily 25:00",
            "SCHEDULE_PIPELINE: \"daily 25:00\" is no schedule (25:00 is no time of day)",
        ),
        ("SCHEDULE_ANALYSIS", "hourly Mars/Olympus", "no time zone is called \"Mars/Olympus\""),
    ] {
        let (code, said) = list(&[(setting, value)])?;
        same((value, code), (value, Some(2)))?;
        holds(&said, words)?;
    }
    Ok(())
}
