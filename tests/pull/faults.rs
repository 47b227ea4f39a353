//! Servers that misbehave: nothing is doubled or missing with exit code 0, and the end says what, where and what to do.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::{records, right, run, run_with};
use crate::support::api::{Api, Call, Ways, odata, ok, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        what_passes_is_tried_again,
        what_does_not_pass_is_told,
        a_count_that_is_not_reached,
        pages_that_contradict_themselves,
        the_last_window_is_not_pulled_again,
        what_would_be_lost_or_doubled_is_refused,
        secrets_stay,
        what_a_server_repeats_is_hidden,
        limits_are_told,
        a_plugin_that_is_not_enabled;
}

fn source(base: &str, more: &str) -> String {
    format!(
        "name: life\nsource:\n  kind: odata\n  url: {base}/\n  resource: R\n{more}mode: upsert\nkey: [spatialdim, timedim, dim1]\n"
    )
}

async fn what_passes_is_tried_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = move |call: Call| {
        let all = records(240);
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let whole = || odata(&all, &call, Ways { counts: true, ..Ways::default() });
        match call.number {
            0 => with(429, &[("retry-after", "0")], ""),
            1 => with(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT"), date], ""),
            2 => with(503, &[("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT"), date], "busy"),
            3 => with(500, &[("retry-after", "Sun Nov  6 08:49:37 1994"), date], ""),
            // The body says more bytes than come.
            4 => with(200, &[("content-length", "9000")], broken()),
            _ => whole(),
        }
    };
    let api = Api::new(answer).await?;
    workdir.plugin("life", &source(&api.base, ""))?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.life").await?, "240")?;
    same(api.calls().len(), 6)?;
    for words in [
        "it answers 429",
        "it answers 503 Service Unavailable: busy; try 4 of 6",
        "connection closed before message completed; try 6 of 6",
    ] {
        holds(&said, words)?;
    }
    Ok(())
}

/// A body that ends before it is whole.
fn broken() -> Body {
    use futures_util::stream;
    Body::from_stream(stream::iter([Ok("{\"value\":".to_owned()), Err(std::io::Error::other("cut"))]))
}

async fn what_does_not_pass_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| -> Response<Body> {
        let page = |next: &str| {
            ok(&json!({"value": [{"SpatialDim": "A", "TimeDim": 1, "Dim1": next}], "@odata.nextLink": next}))
        };
        let path = call.path.trim_end_matches("/R").to_owned();
        let here = format!("{}{path}", call.base);
        match path.as_str() {
            "/404" => with(404, &[], ""),
            "/400" => with(400, &[], "{\"error\": {\"code\": \"E7\", \"message\": \"no such column\"}}"),
            "/html" => with(200, &[("content-type", "text/html")], "<html><title>Sign in</title></html>"),
            "/error" => ok(&json!({"error": {"message": "quota"}, "value": []})),
            "/other" => page("http://127.0.0.1:9/R?x=1"),
            "/redirect" => with(302, &[("location", "http://127.0.0.1:9/R")], ""),
            "/alternate" => page(&format!("{here}/R?turn={}", if call.param("turn") == Some("a") { "b" } else { "a" })),
            "/same" => page(&format!("{here}/R?turn=a")),
            "/hang" => {
                with(200, &[], Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>()))
            }
            "/later" => with(429, &[("retry-after", "86400")], ""),
            "/cut" => with(200, &[], "{\"value\": [{\"SpatialDim\": \"A\""),
            "/none" => ok(&json!({"a": 1, "b": 2})),
            other => with(500, &[], other.to_owned()),
        }
    };
    let api = Api::new(answer).await?;
    let odata = "it is a page for people (HTML), perhaps a login, \"Sign in\", and no JSON";
    for (path, why) in [
        ("404", "/404/R?$count=true answers 404"),
        ("400", "answers 400: E7: no such column"),
        ("html", odata),
        ("error", "it answers with an error: quota"),
        ("other", "it leads to another server, 127.0.0.1:9: if that is right, say allow_hosts: [\"127.0.0.1:9\"]"),
        ("redirect", "it leads to another server, 127.0.0.1:9"),
        ("alternate", "a page leads to one that was there before: the pages have no end"),
        ("same", "a page leads to one that was there before"),
        ("hang", "its body stops for 1 s, after 6 tries"),
        ("later", "asks to come again in 86400 seconds, at "),
        ("cut", "its body breaks off"),
        ("none", "it has no value; it has a, b"),
    ] {
        let more = if path == "hang" { "  timeout: 1s\n" } else { "" };
        workdir.plugin("life", &source(&format!("{}/{path}", api.base), more))?;
        let (code, said) = run(&database, &workdir, &["pull", "life", "--restart"]).await?;
        same((path, code), (path, Some(1)))?;
        holds(&format!("{path}: {said}"), why)?;
    }
    Ok(())
}

async fn a_count_that_is_not_reached(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| {
        let ways = Ways {
            counts: true,
            paged: 100,
            miscounts: i64::from(call.headers.contains_key("x-more")),
            ..Ways::default()
        };
        odata(&records(240), &call, ways)
    });
    let api = api.await?;
    workdir.plugin("life", &source(&api.base, "  headers: {X-More: yes}\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    same(code, Some(1))?;
    holds(&said, "it is not whole: 240 records came, and the server says 241")?;
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    workdir.plugin("life", &source(&api.base, ""))?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.life").await?, "240")
}

async fn secrets_stay(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| -> Response<Body> {
        match call.path.as_str() {
            // The address of the next page has the key in it, as some servers write it.
            "/R" if call.param("page").is_none() => {
                let next = format!("{}/R?page=2&key={}", call.base, call.param("key").unwrap_or_default());
                ok(&json!({"value": [{"a": 1}], "next": next}))
            }
            "/R" => ok(&json!({"value": [{"a": 2}]})),
            _ => with(401, &[], format!("no entry for {}", call.param("key").unwrap_or_default())),
        }
    };
    let api = Api::new(answer).await?;
    let plugin = |path: &str, auth: &str| {
        format!(
            "name: s\nsource:\n  kind: http\n  url: {}/{path}\n  auth: {auth}\n  paginate: {{by: next_url, from: next}}\nmode: append\n",
            api.base
        )
    };
    let secret = [("S_KEY", "geheim-4711-key")];
    let (by_query, by_header) = ("{query: key, value: !env S_KEY}", "{header: X-Key, value: !env S_KEY}");
    let mut all = String::new();
    for (path, auth, code) in [
        ("R", by_query, 0),
        ("wrong", by_query, 1),
        ("R", by_header, 0),
        ("R", "{bearer: !env S_KEY}", 0),
        ("R", "{user: u, password: !env S_KEY}", 0),
    ] {
        workdir.plugin("s", &plugin(path, auth))?;
        let (ended, said) = run_with(&database, &workdir, &["pull", "s", "--json"], &secret).await?;
        right(ended == Some(code), &said)?;
        all += &said;
    }
    let calls = api.calls();
    same(calls[1].param("key"), Some("geheim-4711-key"))?;
    let header = |at: usize, name: &str| calls[at].headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    same(header(3, "x-key"), Some("geheim-4711-key".to_owned()))?;
    same(header(5, "authorization"), Some("Bearer geheim-4711-key".to_owned()))?;
    same(header(7, "authorization").map(|value| value.starts_with("Basic ")), Some(true))?;
    all += &database.text("select position from sluice.checkpoint").await?;
    all += &database.text("select source, coalesce(error, '') from sluice.load").await?;
    for log in workdir.list("logs") {
        all += &workdir.read(&format!("logs/{log}"))?;
    }
    right(!all.contains("geheim"), &all)
}

async fn what_a_server_repeats_is_hidden(database: TestDatabase, workdir: Workdir) -> Outcome {
    const KEY: &str = "geheim-4711-\"key\"-Zq";
    let answer = |call: Call| -> Response<Body> {
        let got = call.headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        match call.path.as_str() {
            "/echo" => with(401, &[], format!("x{KEY}y {got} {}", json!({"got": got}))),
            "/cursor" => ok(&json!({"data": [{"a": 1}], "next_cursor": format!("{KEY}-2")})),
            "/post" => {
                let other = call.base.replace("127.0.0.1", "localhost");
                with(307, &[("location", &format!("{other}/taken"))], "")
            }
            _ => ok(&json!({"data": [call.body]})),
        }
    };
    let api = Api::new(answer).await?;
    let other = api.base.replace("http://127.0.0.1", "localhost");
    let mut all = String::new();
    for (path, auth, more, why) in [
        ("echo", "{bearer: !env S_KEY}", "  paginate: {by: none}\n", "answers 401"),
        ("echo", "{user: u, password: !env S_KEY}", "  paginate: {by: none}\n", "answers 401"),
        ("cursor", "{bearer: !env S_KEY}", "", "the place of the next page has the credentials in it"),
        (
            "post",
            "{bearer: !env S_KEY}",
            "  method: POST\n  body: {key: !env S_KEY}\n",
            "a redirect would give the body of a POST to",
        ),
    ] {
        let source =
            format!("  kind: http\n  url: {}/{path}\n  auth: {auth}\n  allow_hosts: [\"{other}\"]\n{more}", api.base);
        workdir.plugin("s", &format!("name: s\nsource:\n{source}mode: append\n"))?;
        let (ended, said) = run_with(&database, &workdir, &["pull", "s", "--json"], &[("S_KEY", KEY)]).await?;
        right(ended == Some(1), &said)?;
        holds(&said, why)?;
        all += &said;
    }
    same(api.calls().iter().any(|call| call.path == "/taken"), false)?;
    same(database.text("select count(*) from sluice.checkpoint").await?, "0")?;
    for log in workdir.list("logs") {
        all += &workdir.read(&format!("logs/{log}"))?;
    }
    // Letters of the key, and those of `u:geheim` in base 64.
    right(!all.contains("geheim") && !all.contains("dTpnZWhl"), &all)
}

async fn limits_are_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| odata(&records(240), &call, Ways { paged: 50, ..Ways::default() })).await?;
    for (more, why) in [
        ("  max_pages: 3\n", "it has more than 3 pages: raise max_pages, if that is right"),
        ("  max_bytes: 5000\n", "it has more than 5000 bytes: raise max_bytes, if that is right"),
    ] {
        workdir.plugin("life", &source(&api.base, more))?;
        let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
        same(code, Some(1))?;
        holds(&said, why)?;
    }
    same(database.text("select count(*) from sluice.checkpoint").await?, "0")?;
    // Ctrl-C in a pause ends at once.
    let slow = Api::new(|_| with(429, &[("retry-after", "300")], "")).await?;
    workdir.plugin("life", &source(&slow.base, ""))?;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(["pull", "life"]).current_dir(workdir.path("")).env("DATABASE_URL", &database.url);
    let mut program = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    while slow.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&program), rustix::process::Signal::INT)?;
    let ended = tokio::task::block_in_place(|| program.wait())?;
    same(ended.code(), Some(1))?;
    anyhow::ensure!(asked.elapsed() < Duration::from_secs(30), "it ends after {:?}", asked.elapsed());
    Ok(())
}

async fn a_plugin_that_is_not_enabled(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("off", "name: off\nenabled: false\nsource: {kind: http, url: !env NOT_SET}\nmode: append\n")?;
    let (code, said) = run(&database, &workdir, &["pull", "off"]).await?;
    same(code, Some(2))?;
    holds(&said, "the plugin off is not enabled: app plugin enable off")?;
    let (code, said) = run(&database, &workdir, &["pull", "of"]).await?;
    same(code, Some(2))?;
    holds(&said, "there is no plugin of")?;
    same(run(&database, &workdir, &["pull", "--all"]).await?.0, Some(2))
}

/// A server of three pages of ten; the second one is what the path says.
async fn pages_that_contradict_themselves(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| -> Response<Body> {
        let page = call.number_of("page").unwrap_or(1);
        let rows: Vec<_> = (0..10).map(|n| json!({"n": page * 10 + n})).collect();
        let second = |body: &str| match page {
            1 => ok(&json!({"data": rows, "has_more": true, "pages": 3})),
            _ => with(200, &[], body.to_owned()),
        };
        match call.path.as_str() {
            "/list" if page == 1 => ok(&rows.into()),
            "/list" => with(200, &[], "{\"message\": \"boom\"}"),
            "/error" => second("{\"error\": \"timeout\", \"data\": []}"),
            "/null" => second("{\"data\": null}"),
            "/object" => second("{\"data\": {}}"),
            "/word" => second("null"),
            "/text" => with(200, &[("content-type", "text/plain")], if page == 1 { "[{\"n\": 1}]" } else { "17" }),
            "/empty" => second("{\"data\": [], \"has_more\": true, \"pages\": 3}"),
            "/links" => {
                let next = format!("<{}/links?page={}>; rel=\"next\"", call.base, page + 1);
                let mut links = vec![("link", "</links>; rel=\"first\"")];
                links.extend((page < 3).then_some(("link", next.as_str())));
                with(200, &links, json!(rows).to_string())
            }
            other => with(404, &[], other.to_owned()),
        }
    };
    let api = Api::new(answer).await?;
    for (path, paginate, why) in [
        ("list", "{by: page}", "records: . is no list of records, but {\"message\": \"boom\"}"),
        ("error", "{by: page}", "it answers with an error: timeout"),
        ("null", "{by: page}", "records: data is no list of records, but null"),
        ("object", "{by: page}", "records: data is no list of records, but {}"),
        ("word", "{by: page}", "its body is neither an object nor an array"),
        ("text", "{by: page}", "no"),
        ("empty", "{by: page, has_more: has_more}", "an empty page, and yet it says that there is more"),
        ("empty", "{by: page, pages: pages}", "an empty page, and yet it says that there is more"),
        ("empty", "{by: cursor, from: nowhere}", "paginate: from: it has no nowhere"),
        ("empty", "{by: page, total: has_more}", "paginate: total: it has no number of records in has_more"),
    ] {
        let source = format!("  kind: http\n  url: {}/{path}\n  paginate: {paginate}\n", api.base);
        workdir.plugin("n", &format!("name: n\nsource:\n{source}mode: append\n"))?;
        let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
        same((path, code), (path, Some(1)))?;
        holds(&format!("{path}: {said}"), why)?;
    }
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    let source = format!("  kind: http\n  url: {}/links\n", api.base);
    workdir.plugin("n", &format!("name: n\nsource:\n{source}mode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.n").await?, "30")
}

/// Killed with its last window spooled: whoever finishes it, the next pull does not bring everything again.
async fn the_last_window_is_not_pulled_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&json!([{"n": 1}, {"n": 2}]))).await?;
    let source = format!("{{kind: http, url: {}, paginate: {{by: none}}}}", api.base);
    workdir.plugin("n", &format!("name: n\nsource: {source}\nmode: append\n"))?;
    for (round, finishes) in [["pull", "n"].as_slice(), &["--once"]].into_iter().enumerate() {
        let (code, said) = run_with(&database, &workdir, &["pull", "n"], &[("DIE_AT", "claimed:1")]).await?;
        right(code != Some(0), &said)?;
        right(run(&database, &workdir, finishes).await?.0 == Some(0), "it finishes")?;
        let rows = ((round + 1) * 2).to_string();
        same(database.text("select count(*) from staging.n").await?, rows.clone())?;
        if round == 1 {
            let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
            right(code == Some(0), &said)?;
            holds(&said, "the pull that was stopped is whole now")?;
            same(database.text("select count(*) from staging.n").await?, rows)?;
        }
    }
    Ok(())
}

async fn what_would_be_lost_or_doubled_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| -> Response<Body> {
        let csv = |text: String| with(200, &[("content-type", "text/csv")], text);
        match (call.path.as_str(), call.number_of("page").unwrap_or(1)) {
            ("/ends", page @ 1..=2) => csv(format!("n\n{page}\n")),
            ("/ends", _) => csv("n\n".to_owned()),
            ("/again", _) => csv("n\n7\n".to_owned()),
            ("/none", _) if call.number == 0 => ok(&json!([{"n": 1}])),
            _ => ok(&json!([])),
        }
    };
    let api = Api::new(answer).await?;
    let plugin = |path: &str, more: &str| format!("name: n\nsource:\n  kind: http\n  url: {}/{path}\n{more}", api.base);
    // A whole truth without a record would empty the table.
    workdir.plugin("n", &plugin("none", "  paginate: {by: none}\nmode: replace\n"))?;
    same(run(&database, &workdir, &["pull", "n"]).await?.0, Some(0))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    same(code, Some(1))?;
    holds(&said, "the source has no records, and staging.n keeps those that it has")?;
    same(run(&database, &workdir, &["drop", "staging.n", "--yes"]).await?.0, Some(0))?;
    workdir.plugin("n", &plugin("ends", "  paginate: {by: page}\nmode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.n").await?, "2")?;
    workdir.plugin("n", &plugin("again", "  paginate: {by: page}\nmode: append\ntable: m\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    same(code, Some(1))?;
    holds(&said, "it gives the page before once more")?;
    workdir.plugin("n", &plugin("none", "  since: {column: n, send: after, format: number}\nmode: replace\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    same(code, Some(2))?;
    holds(&said, "since goes with mode: append or upsert")
}
