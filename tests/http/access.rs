//! Who may ask for what.

use std::io::Write;

use serde_json::Value as Json;

use crate::support::http::{Served, end};
use crate::support::process::{app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_token_opens_what_its_scope_says,
        requests_for_other_hosts_and_from_other_sites_are_refused,
        what_is_wrong_is_told_without_the_inside;
    alone:
        an_address_that_others_reach_needs_tokens,
        a_token_is_printed_once;
}

/// A token of this scope: its text, and its entry.
fn token(workdir: &Workdir, name: &str, scope: &str) -> anyhow::Result<(String, String)> {
    let made = app(workdir, &["token", "new", name, "--scope", scope, "--json"], &[])?;
    let made: Json = serde_json::from_slice(&made.stdout)?;
    let text = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    Ok((text("token"), text("entry")))
}

async fn a_token_opens_what_its_scope_says(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (reader, writer, admin) =
        (token(&workdir, "ann", "read")?, token(&workdir, "shop", "write")?, token(&workdir, "ops", "admin")?);
    let tokens = format!("{},{},{}", reader.1, writer.1, admin.1);
    let served = Served::start(&workdir, &database, &[("API_TOKENS", &tokens)])?;
    let status = |method: &str, path: &str, token: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("authorization", &bearer)] };
        anyhow::Ok(served.call(method, path, headers, body.as_bytes())?.status)
    };
    for path in ["/status", "/health", "/ready"] {
        same((path, status("GET", path, "", "")?), (path, 200))?;
    }
    let unknown = served.get("/loads")?;
    same((unknown.status, unknown.header("www-authenticate")), (401, Some("Bearer realm=\"sluice\"")))?;
    same(status("GET", "/loads", "sluice_x", "")?, 401)?;
    // The entry is no token.
    same(status("GET", "/loads", &reader.1, "")?, 401)?;
    same(status("GET", "/loads", &reader.0, "")?, 200)?;
    same(status("PUT", "/imports/o.csv", &reader.0, "a\n1\n")?, 403)?;
    same(status("PUT", "/imports/o.csv?wait=true", &writer.0, "a\n1\n")?, 200)?;
    same(status("POST", "/loads/1/retract", &writer.0, "")?, 403)?;
    same(status("POST", "/loads/1/retract", "", "")?, 401)?;
    same(status("POST", "/loads/1/retract", &admin.0, "")?, 200)?;
    let log = served.daemon.terminate()?.1;
    holds(&log, "PUT /imports/o.csv: 200 (token shop, from 127.0.0.1)")?;
    holds(&log, "POST /loads/1/retract: 403 (token shop, from 127.0.0.1)")?;
    same([&reader.0, &writer.0, &admin.0].iter().any(|text| log.contains(text.as_str())), false)?;
    // A token whose entry is gone is worth nothing.
    let served = Served::start(&workdir, &database, &[("API_TOKENS", &reader.1)])?;
    let bearer = format!("Bearer {}", admin.0);
    same(served.call("GET", "/loads", &[("authorization", &bearer)], b"")?.status, 401)
}

async fn requests_for_other_hosts_and_from_other_sites_are_refused(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    let served = Served::start(&workdir, &database, &[("HTTP_HOSTS", "sluice.example")])?;
    for (host, expected) in [
        ("localhost", 200),
        ("[::1]:5000", 200),
        ("Sluice.example:80", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ] {
        for path in ["/status", "/loads", "/openapi.json"] {
            same((host, served.call("GET", path, &[("host", host)], b"")?.status), (host, expected))?;
        }
        same((host, served.call("GET", "/nothing", &[("host", host)], b"")?.status == 421), (host, expected == 421))?;
    }
    let own = format!("http://127.0.0.1:{}", served.port);
    let sites: &[(&[(&str, &str)], bool)] = &[
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("origin", "http://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", "http://127.0.0.1:1")], false),
        (&[("sec-fetch-site", "same-origin"), ("origin", &own)], true),
        (&[("origin", &own)], true),
        (&[("sec-fetch-site", "none")], true),
    ];
    for (headers, passes) in sites {
        for (method, path) in [
            ("PUT", "/imports/o.csv"),
            ("POST", "/pipeline"),
            ("POST", "/start-etl-job"),
            ("GET", "/start-etl-job"),
            ("POST", "/loads/1/retract"),
            ("DELETE", "/uploads/x"),
        ] {
            let status = served.call(method, path, headers, b"")?.status;
            same((headers, method, path, status != 403), (headers, method, path, *passes))?;
        }
        // What only reads is let be: a browser keeps the answer from the other site.
        same(served.call("GET", "/status", headers, b"")?.status, 200)?;
    }
    let answer = served.call("GET", "/loads", &[("origin", "http://evil.example")], b"")?;
    same(answer.header("access-control-allow-origin"), None)?;
    same(answer.header("x-content-type-options"), Some("nosniff"))
}

async fn what_is_wrong_is_told_without_the_inside(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/loads/7", 404),
        ("GET", "/loads/x", 400),
        ("GET", "/loads?limit=0", 400),
        ("GET", "/loads?limit=1001", 400),
        ("GET", "/loads?statsu=failed", 400),
        ("GET", "/loads?since=yesterday", 400),
        ("GET", "/loads?before=9223372036854775808", 400),
        ("GET", "/rejects?load=7", 404),
        ("GET", "/runs/x", 404),
        ("GET", "/loads?q=%00", 400),
        ("GET", "/claims/%00", 400),
        ("POST", "/loads", 405),
        ("POST", "/loads/7/retract", 404),
        ("POST", "/failed/x/retry", 404),
        ("POST", "/pulls/x", 404),
        ("POST", "/start-etl-job", 409),
    ] {
        let answer = served.call(method, path, &[], b"")?;
        same((method, path, answer.status), (method, path, status))?;
        same(answer.header("content-type"), Some("application/problem+json"))?;
        same((path, answer.json()?["status"].as_u64()), (path, Some(u64::from(status))))?;
    }
    // A head that never ends, and one that is too long.
    let mut long = served.begin("GET", &format!("/{}", "x".repeat(100_000)), &[], 0)?;
    let _ = long.write_all(b"x");
    same(end(long).map_or(true, |answer| answer.status >= 400), true)
}

async fn an_address_that_others_reach_needs_tokens(workdir: Workdir) -> Outcome {
    for (address, words) in [
        ("0.0.0.0:0", "others reach 0.0.0.0:0, and API_TOKENS is not set"),
        ("[::]:0", "others reach [::]:0"),
        ("localhost:5000", "HTTP_ADDR: \"localhost:5000\" is no address with a port"),
        ("192.0.2.1:5000", "others reach 192.0.2.1:5000"),
    ] {
        let done = app(&workdir, &[], &[("HTTP_ADDR", address)])?;
        same(done.status.code(), Some(2))?;
        holds(&stderr(&done), words)?;
    }
    let done = app(&workdir, &[], &[("HTTP_ADDR", "192.0.2.1:5000"), ("API_TOKENS", "x:read:secret")])?;
    same((done.status.code(), stderr(&done).contains("secret")), (Some(2), false))?;
    holds(&stderr(&done), "API_TOKENS: entry 1: expected name:scope:sha256")?;
    let done = app(&workdir, &["--no-auth"], &[("HTTP_ADDR", "192.0.2.1:5000")])?;
    same(done.status.code(), Some(2))?;
    holds(&stderr(&done), "cannot listen on 192.0.2.1:5000")
}

async fn a_token_is_printed_once(workdir: Workdir) -> Outcome {
    let made = app(&workdir, &["token", "new", "shop", "--scope", "write"], &[])?;
    same(made.status.code(), Some(0))?;
    let (out, aside) = (stdout(&made), stderr(&made));
    same((out.starts_with("sluice_"), out.trim().len(), out.lines().count()), (true, 50, 1))?;
    holds(&aside, "\nshop:write:")?;
    same(aside.contains(out.trim()), false)?;
    let wrong = app(&workdir, &["token", "new", "a b"], &[])?;
    same(wrong.status.code(), Some(2))?;
    holds(&stderr(&wrong), "a token's name has up to 64 letters")
}
