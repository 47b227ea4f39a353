//! `app plugin new NAME --url URL`: what the first page shows becomes a plugin that can be pulled.

use serde_json::json;

use super::{records, right, run, run_with};
use crate::support::api::{Api, Call, Ways, odata, ok, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        an_address_becomes_a_plugin_that_is_pulled,
        odata_is_told_by_its_context;
    alone:
        what_a_plugin_is_not_written_for;
}

const DATABASE: (&str, &str) = ("DATABASE_URL", "sqlite://none.db");

async fn an_address_becomes_a_plugin_that_is_pulled(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| {
        let from = call.number_of("cursor").unwrap_or(0);
        let one = |id: usize| json!({"id": id, "updated_at": "2026-01-02T03:04:05Z", "price": 1.5, "no": null});
        let next = (from < 4).then(|| (from + 2).to_string());
        ok(&json!({"orders": {"rows": [one(from), one(from + 1)]}, "meta": {"next_cursor": next}}))
    })
    .await?;
    let url = format!("{}/v1/orders?shop=7&api_key=sesame-open-up", api.base);
    let (code, said) = run(&database, &workdir, &["plugin", "new", "orders", "--url", &url]).await?;
    right(code == Some(0), &said)?;
    holds(&said, "another page follows: by: cursor, param: cursor, from: meta.next_cursor")?;
    holds(&said, "put it into ORDERS_API_KEY, in the environment or .env")?;
    let yaml = workdir.read("plugins/orders/plugin.yaml")?;
    right(!yaml.contains("sesame") && !said.contains("sesame"), &yaml)?;
    let expected = format!(
        "name: orders\nsource:\n  kind: http\n  url: \"{}/v1/orders?shop=7\"\n  \
         auth: {{query: \"api_key\", value: !env ORDERS_API_KEY}}\n  records: \"orders.rows\"\n  \
         # Found on the first page, and found again by each pull: paginate: {{by: cursor, param: cursor, from: meta.next_cursor}}\n  \
         # Only what is newer than the last pull, with mode: upsert:\n  # since: {{column: \"updated_at\", send: PARAMETER}}\n\
         table: orders\nmode: replace\n\
         # Each record of the first page has its own: rows that change would take the place of what they were.\n\
         # mode: upsert\n# key: [id]\ncolumns:\n  - {{from: \"id\", name: \"id\", type: bigint}}\n  \
         - {{from: \"updated_at\", name: \"updated_at\", type: timestamptz}}\n  \
         - {{from: \"price\", name: \"price\", type: numeric}}\n  - {{from: \"no\", name: \"no\"}}\n",
        api.base
    );
    same(yaml, expected)?;
    let key = [("ORDERS_API_KEY", "sesame-open-up")];
    for command in [["plugin", "check", "orders"].as_slice(), &["pull", "orders"]] {
        let (code, said) = run_with(&database, &workdir, command, &key).await?;
        right(code == Some(0), &said)?;
    }
    same(database.text("select count(*), sum(price) from staging.orders").await?.split('|').next(), Some("6"))?;
    same(api.calls().iter().all(|call| call.param("api_key") == Some("sesame-open-up")), true)?;
    let (code, said) = run(&database, &workdir, &["plugin", "new", "orders", "--url", &url]).await?;
    same(code, Some(2))?;
    holds(&said, "plugins/orders/plugin.yaml is there already")
}

async fn odata_is_told_by_its_context(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(60);
    let api = Api::new(move |call: Call| {
        match call.headers.get("accept").map(|accept| accept.as_bytes() == b"application/json") {
            Some(true) => odata(&all, &call, Ways { counts: true, paged: 25, ..Ways::default() }),
            _ => with(200, &[("content-type", "application/atom+xml")], "<?xml version=\"1.0\"?><feed/>"),
        }
    })
    .await?;
    let url = format!("{}/api/WHOSIS_000001", api.base);
    let (code, said) = run(&database, &workdir, &["plugin", "new", "life", "--url", &url]).await?;
    right(code == Some(0), &said)?;
    holds(&said, "wrote plugins/life/plugin.yaml: OData -> staging.life")?;
    holds(&said, "another page follows of 60 records that the server says")?;
    let yaml = workdir.read("plugins/life/plugin.yaml")?;
    holds(&yaml, &format!("  kind: odata\n  url: \"{}/api\"\n  resource: \"WHOSIS_000001\"\n", api.base))?;
    let (code, said) = run(&database, &workdir, &["pull", "life"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*) from staging.life").await?, "60")
}

async fn what_a_plugin_is_not_written_for(workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| match call.path.as_str() {
        "/closed" if call.headers.get("authorization").is_none() => with(401, &[], "who are you?"),
        "/closed" => ok(&json!([{"id": 1}])),
        "/html" => with(200, &[("content-type", "text/html")], "<html><head><title>Sign in</title></head></html>"),
        "/elsewhere" => with(302, &[("location", "https://elsewhere.example.org/x")], ""),
        _ => ok(&json!([])),
    })
    .await?;
    let tried = |path: &str, more: &[&str]| {
        let url = format!("{}{path}", api.base);
        let command = [&["plugin", "new", "x", "--url", &url], more].concat();
        let done = tokio::task::block_in_place(|| {
            crate::support::process::app(&workdir, &command, &[DATABASE, ("TOKEN", "sesame-open-up")])
        })?;
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        anyhow::Ok((done.status.code(), said))
    };
    for (path, more, code, why) in [
        ("/closed", &[][..], 1, "with --bearer NAME the token in the variable NAME goes with it"),
        ("/closed", &["--bearer", "NOBODY"], 2, "NOBODY is not set in the environment or .env"),
        ("/html", &[], 1, "it is a page for people (HTML), perhaps a login, \"Sign in\""),
        ("/elsewhere", &[], 1, "it leads to another server, elsewhere.example.org"),
        ("/x?token=abcdefghij&key=bcdefghijk", &[], 2, "more than one credential"),
    ] {
        let (ended, said) = tried(path, more)?;
        same((path, ended), (path, Some(code)))?;
        holds(&said, why)?;
        same(workdir.path("plugins/x").exists(), false)?;
    }
    let (code, yaml) = tried("/closed", &["--bearer", "TOKEN", "--print"])?;
    same(code, Some(0))?;
    holds(&yaml, "  auth: {bearer: !env TOKEN}\n  records: \".\"\n  # The first page shows no next one")?;
    same(workdir.path("plugins/x").exists(), false)?;
    let (code, said) = tried("/none", &[])?;
    same(code, Some(0))?;
    holds(&said, "the first page has no records")?;
    holds(&said, "it shows no way to a next page: say paginate")
}
