//! Rows that go to another database, with their ledger and checkpoints; and the older form of a plugin, which names one.

use std::path::Path;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value as Json, json};

use super::{records, right, run, run_with};
use crate::support::api::{Api, Call, Ways, odata, ok, with};
use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        the_older_form_runs_as_it_stands,
        several_pulls_in_one_file,
        ledger_and_checkpoint_are_in_the_destination,
        the_project_s_own_database_as_destination,
        the_daemon_pulls_into_destinations,
        a_destination_that_is_down_holds_up_its_plugin_alone,
        what_a_killed_pull_has_left_goes_nowhere_else;
    on_pair:
        the_password_is_nowhere;
    alone:
        what_is_wrong_with_a_destination_is_told,
        what_is_wrong_with_the_older_form_is_told;
}

const OLDER: &str = "name: GHOTopOSTGRES
creator: Zenysis
enabled: true
run: NCDMORT3070
etl:
  NCDMORT3070:
    indicator: NCDMORT3070
    api: https://ghoapi.azureedge.net/api
    transform:
      columns: {Id: Id, Value: Value}
    destination:
      postgres:
        url: !GHOTopOSTGRES_DATABASE_URL
";

async fn service(count: u64) -> anyhow::Result<Api> {
    Api::new(move |call: Call| odata(&records(count), &call, Ways { paged: 100, ..Ways::default() })).await
}

fn older(api: &Api) -> String {
    OLDER.replace("https://ghoapi.azureedge.net", &api.base)
}

/// What a database has of a catalog's table.
async fn count(database: &TestDatabase, table: &str) -> anyhow::Result<String> {
    database.text(&format!("select count(*) from sluice.{table}")).await
}

/// Nothing was loaded, and nothing is known of a pull.
async fn is_untouched(database: &TestDatabase) -> Outcome {
    same((count(database, "load").await?, count(database, "checkpoint").await?), ("0".to_owned(), "0".to_owned()))
}

async fn the_older_form_runs_as_it_stands(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (api, other) = (service(240).await?, database.another().await?);
    workdir.plugin("gho", &older(&api))?;
    // As others write it in .env, in whatever case.
    workdir.write(".env", format!("GHOTopOSTGRES_DATABASE_URL='{}'\n", other.url))?;
    for _ in 0..2 {
        let (code, said) = run(&database, &workdir, &["pull", "GHOTopOSTGRES"]).await?;
        right(code == Some(0), &said)?;
        holds(&said, "GHOTopOSTGRES.NCDMORT3070: 240 records of 3 pages; 240 loaded into staging.ncdmort3070 of ")?;
        same(
            other.text("select count(*), count(distinct id), min(value) from staging.ncdmort3070").await?,
            "240|240|40.0 [x]",
        )?;
    }
    same(api.calls()[0].path.as_str(), "/api/NCDMORT3070")?;
    let columns = other.table("select * from staging.ncdmort3070 order by id").await?.remove(0);
    let columns: Vec<_> = columns.into_iter().flatten().filter(|name| !name.starts_with('_')).collect();
    same(columns, ["id", "value"])?;
    same(other.text("select plugin, stream from sluice.checkpoint").await?, "GHOTopOSTGRES.NCDMORT3070|NCDMORT3070")?;
    same(count(&other, "load").await?, "2")?;
    is_untouched(&database).await?;
    same(database.text("select count(*) from staging.ncdmort3070").await.is_err(), true)?;
    // One by itself, all, and what is shown of it.
    for (command, words) in [
        (&["pull", "GHOTopOSTGRES.NCDMORT3070"][..], "240 loaded into staging.ncdmort3070"),
        (&["pull", "--all"], "240 loaded into staging.ncdmort3070"),
        (&["plugin", "check", "GHOTopOSTGRES"], "rows go to staging.ncdmort3070 of "),
        (&["plugin", "show", "GHOTopOSTGRES"], "# the rows of GHOTopOSTGRES.NCDMORT3070 go to "),
        (&["plugin", "list", "--json"], "\"destination\":\""),
        (&["plugin", "disable", "GHOTopOSTGRES"], "GHOTopOSTGRES is disabled"),
        (&["plugin", "enable", "GHOTopOSTGRES"], "GHOTopOSTGRES is enabled"),
    ] {
        let (code, said) = run(&database, &workdir, command).await?;
        right(code == Some(0), &said)?;
        holds(&said, words)?;
    }
    same(workdir.read("plugins/gho/plugin.yaml")?, older(&api))?;
    let (code, said) = run(&other, &workdir, &["loads"]).await?;
    same(code, Some(0))?;
    holds(&said, "ncdmort3070")?;
    same(workdir.claims(), 0)
}

async fn several_pulls_in_one_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (api, other) = (service(48).await?, database.another().await?);
    let entry = |key: &str, more: &str| format!("  {key}:\n    indicator: R{key}\n    api: {}/api\n{more}", api.base);
    let to = |name: &str| format!("    destination: {{postgres: {{url: {name}}}}}\n");
    let plugin = format!(
        "name: WHO\nrun: [B, A]\netl:\n{}{}{}",
        entry("A", &to("!Other_Url")),
        entry("B", "    transform: {columns: {Value: the Value, Id: nr}}\n"),
        // One that does not run needs nothing.
        entry("C", &to("!NOT_SET")),
    );
    workdir.plugin("who", &plugin)?;
    let settings = [("OTHER_URL", other.url.as_str())];
    let (code, said) = run_with(&database, &workdir, &["pull", "WHO"], &settings).await?;
    right(code == Some(0), &said)?;
    right(said.find("WHO.B: 48 records") < said.find("WHO.A: 48 records"), &said)?;
    same(other.text("select count(*), min(spatialdim) from staging.a").await?, "48|BWA")?;
    same(database.text("select count(*), min(the_value), min(nr) from staging.b").await?, "48|40.0 [x]|1")?;
    for (database, expected) in [(&database, "b|1"), (&other, "a|1")] {
        same(database.text("select dataset, count(*) from sluice.load group by dataset").await?, expected)?;
        same(count(database, "checkpoint").await?, "1")?;
    }
    let (code, said) = run_with(&database, &workdir, &["plugin", "list"], &settings).await?;
    same(code, Some(0))?;
    for words in ["WHO.A", "WHO.B", "staging.a"] {
        holds(&said, words)?;
    }
    for (command, words) in
        [(["pull", "WHO.C"], "run of WHO does not name C: it runs WHO."), (["pull", "WH0"], "there is no plugin WH0")]
    {
        let (code, said) = run_with(&database, &workdir, &command, &settings).await?;
        same(code, Some(2))?;
        holds(&said, words)?;
    }
    let (code, said) = run_with(&database, &workdir, &["plugin", "disable", "WHO.A"], &settings).await?;
    same(code, Some(2))?;
    holds(&said, "enabled stands for all of WHO: app plugin disable WHO")?;
    // A column that the source does not send, and a pull that goes well beside it.
    workdir.plugin("who", &plugin.replace("Value: the Value", "Valeu: the Value"))?;
    let (code, said) = run_with(&database, &workdir, &["pull", "WHO"], &settings).await?;
    same(code, Some(1))?;
    holds(&said, "no column \"Valeu\" comes; those that come are Id, SpatialDim, TimeDim, Dim1, Value, NumericValue,")?;
    holds(&said, "WHO.A: 48 records of 1 page; 48 loaded into staging.a")?;
    same(database.text("select count(*) from staging.b").await?, "48")
}

fn source(base: &str, more: &str) -> String {
    format!(
        "name: n\nsource:\n  kind: http\n  url: {base}/n\n  paginate: {{by: none}}\n  since: {{column: n, send: after, format: number}}\n\
         mode: append\n{more}"
    )
}

async fn ledger_and_checkpoint_are_in_the_destination(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| {
        let after = call.number_of("after").unwrap_or(0);
        ok(&Json::Array((after..5 + call.number).map(|n| json!({"n": n})).collect()))
    };
    let (api, other) = (Api::new(answer).await?, database.another().await?);
    workdir.plugin("n", &source(&api.base, "destination: {url: !env REPORTS}\n"))?;
    let settings = [("REPORTS", other.url.as_str())];
    for rows in ["5", "6", "7"] {
        let (code, said) = run_with(&database, &workdir, &["pull", "n"], &settings).await?;
        right(code == Some(0), &said)?;
        same(other.text("select count(*) from staging.n").await?, rows)?;
    }
    same(other.text("select plugin, cursor from sluice.checkpoint").await?, "n|6")?;
    is_untouched(&database).await?;
    // Another database has a checkpoint of its own.
    let third = database.another().await?;
    let (code, said) = run_with(&database, &workdir, &["pull", "n", "--json"], &[("REPORTS", &third.url)]).await?;
    right(code == Some(0), &said)?;
    same(third.text("select count(*) from staging.n").await?, "8")?;
    let line: Json = serde_json::from_str(said.lines().find(|line| line.starts_with('{')).unwrap_or_default())?;
    same(
        line["destination"].as_str().is_some_and(|shown| third.url.contains(shown.rsplit('/').next().unwrap())),
        true,
    )?;
    // What is done about a table there.
    let (code, said) = run_with(&database, &workdir, &["pull", "n", "--restart"], &settings).await?;
    same(code, Some(2))?;
    holds(&said, "app drop staging.n with DATABASE_URL set to ")?;
    same(run(&other, &workdir, &["drop", "staging.n", "--yes"]).await?.0, Some(0))?;
    let (code, said) = run_with(&database, &workdir, &["pull", "n"], &settings).await?;
    right(code == Some(0), &said)?;
    same(other.text("select count(*) from staging.n").await?, "9")
}

async fn the_project_s_own_database_as_destination(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&json!([{"n": 1}]))).await?;
    workdir.plugin("n", &source(&api.base, "destination: !env REPORTS\n"))?;
    for url in [database.url.clone(), format!("{}?application_name=x", database.url)] {
        let url = if url.starts_with("sqlite") { url.split('?').next().unwrap_or_default().to_owned() } else { url };
        let (code, said) = run_with(&database, &workdir, &["pull", "n"], &[("REPORTS", &url)]).await?;
        right(code == Some(0), &said)?;
        right(!said.contains("staging.n of "), &said)?;
        same(database.text("select count(*) from staging.n").await?, "1")?;
    }
    Ok(())
}

fn start(workdir: &Workdir, database: &TestDatabase, more: &[(&str, &str)]) -> anyhow::Result<Daemon> {
    let settings: Vec<_> = [("DATABASE_URL", database.url.as_str())].into_iter().chain(more.iter().copied()).collect();
    Daemon::start(workdir, &[], &settings)
}

fn wait(daemon: &mut Daemon, words: &[&str]) -> anyhow::Result<String> {
    // The servers run on this very runtime.
    tokio::task::block_in_place(|| daemon.wait_for(words))
}

async fn the_daemon_pulls_into_destinations(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (api, other) = (service(48).await?, database.another().await?);
    workdir.plugin("gho", &format!("{}schedule: every 1s\n", older(&api)))?;
    let replaced = format!(
        "name: posts\nsource: {{kind: http, url: {}/posts, records: value, paginate: {{by: none}}}}\nmode: replace\n\
         destination: !env GHOTopOSTGRES_DATABASE_URL\nschedule: every 1s\n",
        api.base
    );
    workdir.plugin("posts", &replaced)?;
    let mut daemon = start(&workdir, &database, &[("GHOTopOSTGRES_DATABASE_URL", &other.url)])?;
    let mut named: Vec<_> = ["GHOTopOSTGRES.NCDMORT3070", "posts"].into();
    while !named.is_empty() {
        let line = wait(&mut daemon, &[" records of ", "; 48 loaded into staging.", " of "])?;
        named.retain(|name| !line.contains(&format!("{name}: 48 records")));
    }
    workdir.write("imports/n.csv", "a\n1\n")?;
    wait(&mut daemon, &["loaded n.csv"])?;
    let (code, said) =
        run_with(&database, &workdir, &["schedule"], &[("GHOTopOSTGRES_DATABASE_URL", &other.url)]).await?;
    same(code, Some(0))?;
    holds(&said, "GHOTopOSTGRES.NCDMORT3070")?;
    let (status, log) = tokio::task::block_in_place(|| daemon.terminate())?;
    same((status.code(), log.contains("ERROR")), (Some(0), false))?;
    same(other.text("select count(*) from staging.ncdmort3070").await?, "48")?;
    same(other.text("select count(*) from staging.posts").await?, "48")?;
    same(database.text("select source from sluice.load").await?, "n.csv")?;
    same(count(&database, "checkpoint").await?, "0")
}

async fn a_destination_that_is_down_holds_up_its_plugin_alone(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&json!([{"n": 1}]))).await?;
    // Nobody listens there; and nothing can be made below a file.
    workdir.write("file", "")?;
    let down = [("SERVER", "postgres://u:geheim-4711@127.0.0.1:1/reports"), ("FILE", "sqlite://file/reports.db")];
    let plugin = |name: &str, more: &str| {
        let source = format!("source: {{kind: http, url: {}, paginate: {{by: none}}}}", api.base);
        workdir.plugin(name, &format!("name: {name}\n{source}\nmode: replace\n{more}"))
    };
    plugin("a_server", "destination: !env SERVER\nschedule: every 1s\n")?;
    plugin("a_file", "destination: !env FILE\n")?;
    plugin("an_unset", "destination: !env NOT_SET\n")?;
    plugin("own", "")?;
    let (code, said) = run_with(&database, &workdir, &["pull", "--all"], &down).await?;
    same(code, Some(1))?;
    for words in [
        "a_server: its destination postgres://127.0.0.1:1/reports: ",
        "a_file: its destination sqlite://file/reports.db: cannot make the folder file",
        "an_unset/plugin.yaml:4: !env NOT_SET: NOT_SET is not set in the environment or .env",
        "own: 1 record of 1 page; 1 loaded into staging.own",
    ] {
        holds(&said, words)?;
    }
    for name in ["a_server", "a_file"] {
        let (code, said) = run_with(&database, &workdir, &["pull", name], &down).await?;
        same((name, code), (name, Some(1)))?;
        holds(&said, "its destination ")?;
    }
    std::fs::remove_dir_all(workdir.path("plugins/an_unset"))?;
    let mut daemon = start(&workdir, &database, &down)?;
    wait(&mut daemon, &["a_server: the run of its schedule failed: its destination postgres://127.0.0.1:1/reports: "])?;
    workdir.write("imports/n.csv", "a\n1\n")?;
    wait(&mut daemon, &["loaded n.csv"])?;
    let (code, said) = run_with(&database, &workdir, &["status"], &down).await?;
    same(code, Some(1))?;
    holds(&said, "the last run of the schedule a_server failed (")?;
    right(!said.contains("geheim"), &said)?;
    let (status, log) = tokio::task::block_in_place(|| daemon.terminate())?;
    same((status.code(), log.contains("geheim")), (Some(0), false))
}

/// Killed with its second window spooled: no other program loads it into the project's own database, and the next pull goes on behind the
/// first.
async fn what_a_killed_pull_has_left_goes_nowhere_else(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| -> Response<Body> {
        match call.number_of("page").unwrap_or(1) {
            page @ 1..=3 => with(200, &[("content-type", "text/csv")], format!("n\n{page}\n")),
            _ => with(200, &[("content-type", "text/csv")], ""),
        }
    };
    let (api, other) = (Api::new(answer).await?, database.another().await?);
    let source = format!("source: {{kind: http, url: {}/n, paginate: {{by: page}}}}", api.base);
    workdir.plugin("n", &format!("name: n\n{source}\nmode: append\ndestination: !env REPORTS\n"))?;
    let reports = ("REPORTS", other.url.as_str());
    for finishes in [&["pull", "n"][..], &["--once"]] {
        for point in ["claimed:2", "deleted:2"] {
            let (code, said) = run_with(&database, &workdir, &["pull", "n"], &[reports, ("DIE_AT", point)]).await?;
            right(code.is_none() || code == Some(137), &format!("{code:?} {said}"))?;
            let before = other.text("select count(*) from staging.n").await?;
            same(before, if point == "claimed:2" { "1" } else { "2" })?;
            let asked = api.calls().len();
            let (code, said) = run_with(&database, &workdir, finishes, &[reports]).await?;
            right(code == Some(0), &said)?;
            if point == "claimed:2" {
                holds(&said, "its rows go to ")?;
                holds(&said, "and a pull of its plugin alone loads them there")?;
            }
            let (code, said) = run_with(&database, &workdir, &["pull", "n"], &[reports]).await?;
            if finishes[0] == "pull" {
                same(code, Some(0))?;
            } else {
                right(code == Some(0), &said)?;
                let next = api.calls()[asked].number_of("page");
                same((point, next), (point, Some(if point == "claimed:2" { 2 } else { 3 })))?;
            }
            let rows = other.text("select n, count(*) from staging.n group by n order by n").await?;
            let times = if finishes[0] == "pull" { 2 } else { 1 };
            same(rows, format!("1|{times}\n2|{times}\n3|{times}"))?;
            is_untouched(&database).await?;
            same(run(&other, &workdir, &["drop", "staging.n", "--yes"]).await?.0, Some(0))?;
        }
    }
    same(database.text("select count(*) from staging.n").await.is_err(), true)
}

/// The text of every file below a folder.
fn texts(folder: &Path) -> anyhow::Result<String> {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        all += &match path.is_dir() {
            true => texts(&path)?,
            false => String::from_utf8_lossy(&std::fs::read(&path)?).into_owned(),
        };
    }
    Ok(all)
}

async fn the_password_is_nowhere(database: TestDatabase, other: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&json!([{"n": 1}, {"n": "no number"}]))).await?;
    let password = other.url.split('@').next().and_then(|user| user.rsplit(':').next()).unwrap_or_default().to_owned();
    same(password.len() > 12, true)?;
    let more = "columns: [{from: n, type: bigint}]\nmax_rejects: 5\ndestination: !env REPORTS\nschedule: every 1s\n";
    workdir.plugin("n", &source(&api.base, more).replace("  since: {column: n, send: after, format: number}\n", ""))?;
    let absent = other.url.replace("/case_", "/no_such_case_");
    let refused = other.url.replace(&password, &format!("{password}%2Fx"));
    let mut all = String::new();
    for (url, code, command) in [
        (&other.url, 3, &["pull", "n"][..]),
        (&absent, 1, &["pull", "n"]),
        (&refused, 1, &["pull", "n"]),
        (&absent, 1, &["pull", "--all"]),
        (&other.url, 3, &["plugin", "check", "n"]),
        (&other.url, 0, &["plugin", "show", "n"]),
        (&other.url, 0, &["plugin", "list"]),
        (&other.url, 0, &["plugin", "list", "--json"]),
        (&other.url, 0, &["config"]),
        (&other.url, 0, &["schedule"]),
        (&other.url, 0, &["status", "--json"]),
    ] {
        let settings = [("REPORTS", url.as_str()), ("ECHO_SQL", "true")];
        let (ended, said) = run_with(&database, &workdir, command, &settings).await?;
        right(ended == Some(code), &format!("{command:?} {ended:?} {said}"))?;
        all += &said;
    }
    let mut daemon = start(&workdir, &database, &[("REPORTS", &other.url)])?;
    wait(&mut daemon, &["n: ", " loaded into staging.n of "])?;
    all += &tokio::task::block_in_place(|| daemon.terminate())?.1;
    all += &texts(&workdir.path(""))?;
    for database in [&database, &other] {
        all += &database.text("select source, coalesce(error, '') from sluice.load").await?;
        all += &database.text("select coalesce(error, ''), coalesce(result, '') from sluice.schedule_run").await?;
    }
    holds(&all, "staging.n of postgres://127.0.0.1:")?;
    let found = all.lines().find(|line| line.contains(&password)).unwrap_or_default();
    same(found, "")
}

fn told(workdir: &Workdir, plugin: &str, more: &[(&str, &str)]) -> anyhow::Result<String> {
    workdir.plugin("x", plugin)?;
    let done = app(workdir, &["plugin", "list"], more)?;
    let (pulled, both) = (app(workdir, &["pull", "x"], more)?, format!("{}{}", stdout(&done), stderr(&done)));
    same((plugin, done.status.code(), pulled.status.code()), (plugin, Some(1), Some(2)))?;
    Ok(format!("{both}{}", stderr(&pulled)))
}

async fn what_is_wrong_with_a_destination_is_told(workdir: Workdir) -> Outcome {
    let pulled = "source: {kind: http, url: http://a}\nmode: append\n";
    for (lines, why) in [
        (
            "files: [a.csv]\ndestination: sqlite://x.db\n",
            ":3: destination: goes with source alone: files are loaded into",
        ),
        (
            "destination: reports\n",
            ":4: destination: is no address of a database, such as postgres://user:password@host",
        ),
        ("destination: sqlite://u:geheim@x/x.db\n", ":4: destination: an SQLite file has no user and no password"),
        ("destination: postgres://u:geheim@h/x\n", ":4: destination: an address with a password stands in a variable"),
        ("destination: !env NOT_SET\n", ":4: !env NOT_SET: NOT_SET is not set in the environment or .env"),
        ("destination: !env ODD\n", ":4: destination: cannot be read for sure"),
        ("destination: {ulr: sqlite://x.db}\n", ":4: destination takes an address, or {url: !env NAME}"),
        ("destiantion: sqlite://x.db\n", ":4: unknown word destiantion; did you mean destination?"),
    ] {
        let source = if lines.starts_with("files") { "" } else { pulled };
        let said = told(&workdir, &format!("name: x\n{source}{lines}"), &[("ODD", "postgres://u:gehe/im@h/x")])?;
        holds(&said, &format!("plugins/x/plugin.yaml{why}"))?;
        right(!said.contains("geheim") && !said.contains("gehe/im"), &said)?;
    }
    // A file of SQLite where files are loaded and deleted.
    workdir.plugin("x", &format!("name: x\n{pulled}destination: sqlite://imports/x.db\n"))?;
    let done = app(&workdir, &["pull", "x"], &[])?;
    same(done.status.code(), Some(1))?;
    holds(&stderr(&done), "destination: sqlite://imports/x.db lies in IMPORTS_DIR")?;
    same(workdir.list("imports"), Vec::<String>::new())
}

async fn what_is_wrong_with_the_older_form_is_told(workdir: Workdir) -> Outcome {
    let url = [("GHOTOPOSTGRES_DATABASE_URL", "sqlite://x.db")];
    for (from, to, why) in [
        ("run: NCDMORT3070", "run: NCDMORT307", ":4: run: etl has no NCDMORT307; did you mean NCDMORT3070?"),
        ("run: NCDMORT3070", "run: []", ":4: run: names none of the pulls beneath etl"),
        ("run: NCDMORT3070", "run: [NCDMORT3070, NCDMORT3070]", ":4: run: "),
        ("run: NCDMORT3070\n", "", "run is missing"),
        ("indicator:", "indicater:", ":7: unknown word indicater; did you mean indicator?"),
        ("creator:", "creater:", ":2: unknown word creater; did you mean creator?"),
        ("transform:", "tranform:", ":9: unknown word tranform; did you mean transform?"),
        ("columns:", "colums:", ":10: unknown word colums; did you mean columns?"),
        ("postgres:", "postgress:", ":12: unknown word postgress; did you mean postgres?"),
        ("url: !", "uri: !", ":13: unknown word uri; did you mean url?"),
        ("{Id: Id, Value: Value}", "{Id: Id, Value: 3}", ": transform: columns: the new name of Value is no text"),
        ("{Id: Id, Value: Value}", "{Id: x, Value: X}", ": columns: two are called x"),
        ("{Id: Id, Value: Value}", "{}", ": transform: columns: names no column"),
        ("https://ghoapi.azureedge.net/api", "ghoapi/api", ":8: api: is no address, such as https://example.org/api"),
        ("!GHOTopOSTGRES_DATABASE_URL", "!Not_Set", ":13: !Not_Set: Not_Set is not set in the environment or .env"),
        ("!GHOTopOSTGRES_DATABASE_URL", "!env Not_Set", ":13: !Not_Set: Not_Set is not set"),
        (
            "!GHOTopOSTGRES_DATABASE_URL",
            "postgres://u:geheim@h/x",
            ":13: destination: an address with a password stands in",
        ),
        ("!GHOTopOSTGRES_DATABASE_URL", "reports", ":13: url: is no address of a database"),
        ("enabled: true", "enabled: true\nschedule: hurly", ":4: schedule: \"hurly\" is no schedule"),
        ("enabled: true", "enabled: true\nfiles: [a]", ":4: unknown word files"),
    ] {
        let text = OLDER.replace(from, to);
        right(text != OLDER, from)?;
        let said = told(&workdir, &text, &url)?;
        holds(&said, "plugins/x/plugin.yaml")?;
        holds(&said, why)?;
        right(!said.contains("geheim"), &said)?;
    }
    // One that is not enabled needs no variable.
    workdir.plugin("x", &OLDER.replace("enabled: true", "enabled: false"))?;
    let done = app(&workdir, &["plugin", "list"], &[])?;
    same(done.status.code(), Some(0))?;
    holds(&stdout(&done), "GHOTopOSTGRES | disabled")?;
    let done = app(&workdir, &["pull", "GHOTopOSTGRES"], &[])?;
    same(done.status.code(), Some(2))?;
    holds(&stderr(&done), "the plugin GHOTopOSTGRES is not enabled: app plugin enable GHOTopOSTGRES")
}
