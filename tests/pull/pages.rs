//! Every way from page to page gives the same table, and a pull that is killed goes on.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value as Json, json};

use super::{records, right, run};
use crate::support::api::{Api, Call, Ways, odata, ok, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        odata_gives_the_same_table_by_every_way,
        a_condition_is_sent_as_it_is_meant,
        an_api_gives_the_same_table_by_every_way,
        ways_are_found_on_the_first_page,
        a_page_that_shows_no_way_asks_for_one,
        equal_pages_are_two_inputs,
        bodies_of_other_kinds_are_tables,
        digits_and_texts_stay_as_they_are,
        the_whole_truth_is_one_window,
        a_killed_pull_goes_on,
        a_table_that_is_gone_leaves_no_hole,
        another_release_replaces_what_changed,
        what_a_server_is_not_asked_for;
    alone:
        wrong_words_are_told;
}

const COUNT: u64 = 2_400;
const SUM: &str = "select count(*), sum(numericvalue), count(distinct id), min(date), max(value) from staging.life";

fn plugin(source: &str) -> String {
    format!("name: life\nsource:\n{source}table: life\nmode: upsert\nkey: [spatialdim, timedim, dim1]\n")
}

fn odata_source(base: &str, more: &str) -> String {
    plugin(&format!("  kind: odata\n  url: {base}/api\n  resource: WHOSIS_000001\n{more}"))
}

/// What a table of all records has.
async fn expected(database: &TestDatabase, workdir: &Workdir, records: &[Json]) -> anyhow::Result<String> {
    let lines: Vec<_> = records.iter().map(Json::to_string).collect();
    workdir.write("imports/life.jsonl", lines.join("\n"))?;
    same(run(database, workdir, &["--once"]).await?.0, Some(0))?;
    let sum = database.text(SUM).await?;
    same(run(database, workdir, &["drop", "staging.life", "--yes"]).await?.0, Some(0))?;
    Ok(sum)
}

async fn odata_gives_the_same_table_by_every_way(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(COUNT);
    let sum = expected(&database, &workdir, &all).await?;
    let counted = Ways { counts: true, ..Ways::default() };
    let ways = [
        ("one body", Ways::default(), "", 1),
        ("nextLink", Ways { paged: 500, ..counted }, "  page_size: 500\n", 5),
        ("nextLink without a count", Ways { paged: 500, ..Ways::default() }, "", 5),
        ("clamped, by key", Ways { clamp: 700, ..counted }, "  order: [Id]\n", 4),
        ("clamped, by skip", Ways { clamp: 700, ..counted }, "", 4),
        // The last page is empty, and the last record is asked for by its own key.
        ("by key", Ways::default(), "  order: [SpatialDim, Id]\n  page_size: 1000\n  paginate: {by: key}\n", 5),
        ("by skip", counted, "  page_size: 1000\n  paginate: {by: skip}\n", 3),
    ];
    for (name, ways, more, pages) in ways {
        let records = all.clone();
        let api = Api::new(move |call: Call| odata(&records, &call, ways)).await?;
        workdir.plugin("life", &odata_source(&api.base, more))?;
        let (code, said) = run(&database, &workdir, &["pull", "life", "--restart"]).await?;
        right(code == Some(0), &format!("{name}: {said}"))?;
        same((name, database.text(SUM).await?), (name, sum.clone()))?;
        same((name, api.calls().len()), (name, pages))?;
        holds(&said, "life: 2400 records of")?;
        same(run(&database, &workdir, &["drop", "staging.life", "--yes"]).await?.0, Some(0))?;
    }
    Ok(())
}

async fn a_condition_is_sent_as_it_is_meant(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(COUNT);
    let api =
        Api::new(move |call: Call| odata(&all, &call, Ways { counts: true, paged: 500, ..Ways::default() })).await?;
    let more = "  filter: {SpatialDim: [ZAF, BWA, NAM, ZWE, MOZ, LSO], TimeDim: 2004}\n  select: [Id]\n";
    workdir.plugin("life", &odata_source(&api.base, more))?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    same(
        (code, database.text("select count(*), count(distinct spatialdim) from staging.life").await?),
        (Some(0), "18|6".into()),
    )?;
    holds(&said, "whole: the server says 18")?;
    let calls = api.calls();
    let filter = "(SpatialDim eq 'ZAF' or SpatialDim eq 'BWA' or SpatialDim eq 'NAM' or SpatialDim eq 'ZWE' or SpatialDim eq 'MOZ' \
                  or SpatialDim eq 'LSO') and (TimeDim eq 2004)";
    same(calls[0].param("$filter"), Some(filter))?;
    same(calls[0].param("$select"), Some("Id"))
}

/// Pages of an API, by the way that its path names.
fn pages(call: &Call, all: &[Json]) -> Response<Body> {
    let size = call.number_of("size").unwrap_or(100);
    let cut = |from: usize| all.iter().skip(from).take(size).cloned().collect::<Vec<_>>();
    match call.path.as_str() {
        "/page" => ok(&json!({"rows": cut((call.number_of("p").unwrap() - 1) * size)})),
        "/pages" => ok(
            &json!({"data": cut((call.number_of("page").unwrap_or(1) - 1) * size), "total_pages": all.len().div_ceil(size)}),
        ),
        "/offset" => ok(&json!({"meta": {"total": all.len()}, "items": cut(call.number_of("start").unwrap())})),
        "/cursor" => {
            let from = call.number_of("cursor").unwrap_or(0);
            let next = (from + size < all.len()).then(|| (from + size).to_string());
            ok(&json!({"data": cut(from), "meta": {"next_cursor": next}}))
        }
        "/post" => {
            let from = call.body["page"]["after"].as_str().map_or(0, |after| after.parse().unwrap());
            let next = if from + size < all.len() { (from + size).to_string() } else { String::new() };
            ok(&json!({"data": cut(from), "next": next, "more": !next.is_empty()}))
        }
        "/link" => {
            let from = call.number_of("from").unwrap_or(0);
            let link = format!("<{}/link?from={}>; rel=\"next\", <{0}/link>; rel=\"first\"", call.base, from + size);
            let headers = if from + size < all.len() { vec![("link", link.as_str())] } else { Vec::new() };
            with(200, &headers, Json::Array(cut(from)).to_string())
        }
        "/next" => {
            let from = call.number_of("from").unwrap_or(0);
            let next = (from + size < all.len()).then(|| format!("?from={}", from + size));
            ok(&json!({"count": all.len(), "next": next, "results": cut(from)}))
        }
        other => with(404, &[], other.to_owned()),
    }
}

async fn an_api_gives_the_same_table_by_every_way(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(COUNT);
    let sum = expected(&database, &workdir, &all).await?;
    let api = Api::new(move |call: Call| pages(&call, &all)).await?;
    let ways = [
        ("page", "  paginate: {by: page, param: p, size_param: size, size: 300}\n"),
        ("pages", "  paginate: {by: page, size_param: size, size: 500, pages: total_pages}\n"),
        (
            "offset",
            "  records: items\n  paginate: {by: offset, param: start, size_param: size, size: 450, total: meta.total}\n",
        ),
        ("cursor", "  paginate: {by: cursor, from: meta.next_cursor, size_param: size, size: 1000}\n"),
        (
            "post",
            "  method: POST\n  body: {q: all}\n  params: {size: 800}\n  paginate: {by: cursor, param: page.after, from: next, \
             has_more: more}\n",
        ),
        ("link", "  params: {size: 100}\n  paginate: {by: link_header}\n"),
        ("next", "  paginate: {by: next_url, from: next, total: count}\n"),
        ("cursor", "  params: {size: 1000}\n"),
        ("pages", ""),
        ("link", ""),
        ("next", ""),
    ];
    for (path, more) in ways {
        workdir.plugin("life", &plugin(&format!("  kind: http\n  url: {}/{path}\n{more}", api.base)))?;
        let (code, said) = run(&database, &workdir, &["pull", "life", "--restart"]).await?;
        right(code == Some(0), &format!("{path} {more} {said}"))?;
        same((path, database.text(SUM).await?), (path, sum.clone()))?;
        same(run(&database, &workdir, &["drop", "staging.life", "--yes"]).await?.0, Some(0))?;
    }
    Ok(())
}

async fn ways_are_found_on_the_first_page(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(300);
    let api = Api::new(move |call: Call| pages(&call, &all)).await?;
    for (path, way, records) in [
        ("cursor", "by: cursor, param: cursor, from: meta.next_cursor", "data"),
        ("link", "by: link_header", "."),
        ("next", "by: next_url, from: next", "results"),
    ] {
        workdir.plugin("life", &plugin(&format!("  kind: http\n  url: {}/{path}\n", api.base)))?;
        let (code, said) = run(&database, &workdir, &["plugin", "check", "life"]).await?;
        same((path, code), (path, Some(0)))?;
        for words in [way, &format!("records: {records}"), "numericvalue"] {
            holds(&said, words)?;
        }
    }
    // It loads nothing, and moves no checkpoint.
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    same(database.text("select count(*) from sluice.checkpoint").await?, "0")
}

async fn a_page_that_shows_no_way_asks_for_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_| ok(&records(30).into())).await?;
    let source = format!("  kind: http\n  url: {}/\n", api.base);
    workdir.plugin("life", &plugin(&source))?;
    for (command, code) in [(["pull", "life"].as_slice(), 1), (&["plugin", "check", "life"], 0)] {
        let (ended, said) = run(&database, &workdir, command).await?;
        same((command, ended), (command, Some(code)))?;
        holds(&said, "if it is all, say paginate: {by: none}, else how the next one is asked for")?;
    }
    same(database.text("select count(*) from sluice.load").await?, "0")?;
    workdir.plugin("life", &plugin(&format!("{source}  paginate: {{by: none}}\n")))?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    right(code == Some(0), &said)?;
    holds(&said, "whole: there is one page")
}

async fn equal_pages_are_two_inputs(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| {
        let from = call.number_of("offset").unwrap_or(0);
        let page: Vec<_> = (from..40.min(from + 10)).map(|n| json!({"n": n % 10, "s": "x"})).collect();
        ok(&json!({"total": 40, "data": page}))
    };
    let api = Api::new(answer).await?;
    let source = format!("  kind: http\n  url: {}/\n  paginate: {{by: offset, total: total}}\n", api.base);
    workdir.plugin("n", &format!("name: n\nsource:\n{source}mode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    same((code, database.text("select count(*), sum(n) from staging.n").await?), (Some(0), "40|180".to_owned()))?;
    holds(&said, "whole: the server says 40")
}

async fn bodies_of_other_kinds_are_tables(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| match (call.path.as_str(), call.number_of("page")) {
        ("/csv", _) => with(200, &[("content-type", "text/csv")], "id,word\n1,a\n2,b\n"),
        ("/pages", Some(page @ 1..=3)) => with(200, &[("content-type", "text/csv")], format!("id,word\n{page},x\n")),
        ("/pages", _) => with(200, &[("content-type", "text/csv")], ""),
        _ => with(
            200,
            &[("content-type", "application/x-ndjson")],
            "{\"id\":1,\"word\":\"a\"}\n{\"id\":2,\"word\":\"b\"}\n",
        ),
    };
    let api = Api::new(answer).await?;
    for (path, more, rows) in [("csv", "", "2"), ("lines", "", "2"), ("pages", "  paginate: {by: page}\n", "3")] {
        let source = format!("  kind: http\n  url: {}/{path}\n{more}", api.base);
        workdir.plugin(path, &format!("name: {path}\nsource:\n{source}mode: append\n"))?;
        let (code, said) = run(&database, &workdir, &["pull", path]).await?;
        right(code == Some(0), &said)?;
        same((path, database.text(&format!("select count(*) from staging.{path}")).await?), (path, rows.to_owned()))?;
    }
    Ok(())
}

async fn digits_and_texts_stay_as_they_are(database: TestDatabase, workdir: Workdir) -> Outcome {
    let body = "[{\"n\": 12345678901234567.890, \"t\": \"NA\"},\n {\"n\": 0.10, \"t\": \"None\"}, {\"n\": 5, \"t\": \"null\"}]";
    let api = Api::new(move |_| with(200, &[], body)).await?;
    workdir.plugin(
        "n",
        &format!("name: n\nsource: {{kind: http, url: {}, paginate: {{by: none}}}}\nmode: append\n", api.base),
    )?;
    same(run(&database, &workdir, &["pull", "n"]).await?.0, Some(0))?;
    let rows = database.text("select cast(n as text), t from staging.n order by _line").await?;
    same(rows.replace("5.000|", "5|").replace("0.100|", "0.10|"), "12345678901234567.890|NA\n0.10|None\n5|null")
}

async fn the_whole_truth_is_one_window(database: TestDatabase, workdir: Workdir) -> Outcome {
    let answer = |call: Call| {
        let (from, all) = (call.number_of("offset").unwrap_or(0), if call.number < 2 { 110_000 } else { 7 });
        let page: Vec<_> = (from..all.min(from + 60_000)).map(|n| json!({"n": n})).collect();
        ok(&json!({"total": all, "data": page}))
    };
    let api = Api::new(answer).await?;
    let source = format!("  kind: http\n  url: {}/\n  paginate: {{by: offset, total: total}}\n", api.base);
    workdir.plugin("n", &format!("name: n\nsource:\n{source}mode: replace\n"))?;
    for rows in ["110000", "7"] {
        let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
        right(code == Some(0), &said)?;
        same(database.text("select count(*) from staging.n").await?, rows)?;
    }
    same(database.text("select count(*) from sluice.load").await?, "2")
}

async fn a_killed_pull_goes_on(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = 230_000;
    let answer = move |call: Call| {
        let from = call.number_of("offset").unwrap_or(0);
        let page: Vec<_> = (from..all.min(from + 10_000)).map(|n| json!({"n": n, "s": format!("text {n}")})).collect();
        ok(&json!({"total": all, "data": page}))
    };
    let api = Api::new(answer).await?;
    let source = format!("  kind: http\n  url: {}/\n  paginate: {{by: offset, total: total}}\n", api.base);
    workdir.plugin("n", &format!("name: n\nsource:\n{source}mode: append\n"))?;
    let mut killed = 0;
    let resumed = loop {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["pull", "n"]).current_dir(workdir.path("")).env("DATABASE_URL", &database.url);
        let mut program = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
        let asked = api.calls().len();
        // Somewhere between two pages, or while a window is loaded.
        while api.calls().len() < asked + 5 + 3 * killed && program.try_wait()?.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        if killed == 3 {
            break tokio::task::block_in_place(|| program.wait())?.code();
        }
        program.kill()?;
        program.wait()?;
        killed += 1;
    };
    same(resumed, Some(0))?;
    same(
        database.text("select count(*), count(distinct n), min(n), max(n) from staging.n").await?,
        "230000|230000|0|229999",
    )
}

async fn a_table_that_is_gone_leaves_no_hole(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(30);
    let api = Api::new(move |call: Call| odata(&all, &call, Ways { counts: true, ..Ways::default() })).await?;
    workdir.plugin("life", &odata_source(&api.base, "  since: {column: Date}\n"))?;
    same(run(&database, &workdir, &["pull", "life"]).await?.0, Some(0))?;
    let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Short).await?;
    let table = database.warehouse.names().table(&sluice::sql::Table::staging("life"));
    transaction.execute(&format!("drop table {table}"), &[]).await?;
    transaction.commit().await?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    same(code, Some(2))?;
    holds(
        &said,
        "its checkpoint stands behind 30 rows of staging.life, which is gone: --restart pulls everything again",
    )?;
    same(run(&database, &workdir, &["pull", "life", "--restart"]).await?.0, Some(0))?;
    // What was lost with the table is there again.
    let lost = "select count(*), count(made_good_by) from sluice.load where status = 'lost'";
    same(database.text(lost).await?, "1|1")?;
    same(run(&database, &workdir, &["status"]).await?.0, Some(0))?;
    same(database.text("select count(*) from staging.life").await?, "30")
}

async fn another_release_replaces_what_changed(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = records(1000);
    let mut second = first.clone();
    for (at, record) in second.iter_mut().enumerate() {
        record["Id"] = (50_000 + at).into();
        if at % 100 == 7 {
            record["NumericValue"] = 1.5.into();
        }
    }
    let (one, other) = (first.clone(), second.clone());
    let old = Api::new(move |call: Call| odata(&one, &call, Ways { paged: 300, ..Ways::default() })).await?;
    let new = Api::new(move |call: Call| odata(&other, &call, Ways { paged: 300, ..Ways::default() })).await?;
    for api in [&old, &new] {
        workdir.plugin("life", &odata_source(&api.base, ""))?;
        let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
        right(code == Some(0), &said)?;
    }
    same(database.text("select count(*), min(id) from staging.life").await?, "1000|50000")?;
    same(database.text("select count(*) from staging.life where numericvalue = 1.5").await?, "10")
}

async fn wrong_words_are_told(workdir: Workdir) -> Outcome {
    let url = format!("sqlite://{}", workdir.path("w.db").display());
    for (source, why) in [
        ("{kind: ftp, url: a}", "kind: ftp is none of http, odata"),
        ("{kind: http, url: a}", "source: url: is no address, such as https://example.org/api"),
        ("{kind: http, url: http://u:p@a/}", "source: url: user and password go into auth"),
        ("{kind: http, url: http://a, resource: x}", "source: resource goes with kind: odata"),
        ("{kind: http, url: http://a, paginate: {by: cursor}}", "paginate: by: cursor needs from"),
        ("{kind: http, url: http://a, paginate: {by: page, size: 3}}", "size_param and size go together"),
        ("{kind: odata, url: http://a, paginate: {by: key}}", "paginate: by: key needs order: [Id]"),
        ("{kind: http, url: http://a, since: {column: x}}", "since: needs send"),
        (
            "{kind: http, url: http://a, since: {column: x, send: y, initial: soon}}",
            "initial: \"soon\" is none of format: iso",
        ),
        ("{kind: http, url: http://a, auth: {bearer: x, user: y}}", "auth: takes one of {bearer"),
        ("{kind: http, url: http://a, timeout: 5}", "timeout: \"5\" is no time"),
        ("{kind: http, url: http://a, pagniate: {by: none}}", "unknown word pagniate; did you mean paginate?"),
        ("{kind: http, url: http://a}", "without since each pull brings everything: say mode: replace"),
    ] {
        workdir.plugin("x", &format!("name: x\nsource: {source}\n"))?;
        let done = tokio::task::block_in_place(|| {
            crate::support::process::app(&workdir, &["pull", "x"], &[("DATABASE_URL", &url)])
        })?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        same((source, done.status.code()), (source, Some(2)))?;
        holds(&format!("{source}: {said}"), why)?;
    }
    Ok(())
}

async fn what_a_server_is_not_asked_for(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| match call.param("$count") {
        Some(_) => with(400, &[], "$count is not known here"),
        None => ok(&json!({"value": [{"a": 1}]})),
    });
    let api = api.await?;
    let more = "  filter: {Dim: [null, A], N: 5, Whole: true}\n  params: {$count: false, $select: a}\n";
    let source = format!("  kind: odata\n  url: {}/\n  resource: R\n{more}", api.base);
    workdir.plugin("x", &format!("name: x\nsource:\n{source}mode: replace\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "x"]).await?;
    right(code == Some(0), &said)?;
    let call = api.calls().remove(0);
    same(call.param("$select"), Some("a"))?;
    same(call.param("$filter"), Some("(Dim eq null or Dim eq 'A') and (N eq 5) and (Whole eq true)"))
}
