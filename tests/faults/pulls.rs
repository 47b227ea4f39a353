//! `kill -9` of a pull at moments that chance chooses. Its source has pages of CSV, each a window, two after each other with equal
//! bytes, and another one has pages of JSON that replace a table as a whole.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::api::{Api, Call, Ways, odata, with};
use crate::bed::{Bed, Engine};
use crate::daemon::until;
use crate::report::Row;
use crate::site::Site;
use crate::{BOTH, Fault, sql};

pub const FAULTS: &[Fault] = &[Fault {
    name: "killed-in-pulls",
    about: "kill -9 of one or two programs that pull pages of a server, two of them with equal bytes",
    engines: BOTH,
    run: killed_in_pulls,
}];

/// Pages of the source of CSV.
const PAGES: u64 = 1200;

/// Rows of the pages 2n and 2n+1.
fn rows_of(page: u64) -> u64 {
    [1, 40, 300, 70][(page / 2 % 4) as usize]
}

/// Records of the source of JSON.
const RECORDS: u64 = 12_000;

fn killed_in_pulls(bed: &Bed, engine: Engine) -> anyhow::Result<Row> {
    let mut site = Site::new(bed, engine)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let records: Arc<Vec<Json>> = Arc::new((0..RECORDS).map(|n| json!({"Id": n, "Name": format!("n{n}")})).collect());
    let api = runtime.block_on(Api::new(move |call: Call| match call.path.as_str() {
        "/pages.csv" => page_of(&call),
        _ => odata(&records, &call, Ways { paged: 1000, counts: true, ..Ways::default() }),
    }))?;
    let base = &api.base;
    for (name, words) in [
        (
            "pages",
            format!("source: {{kind: http, url: {base}/pages.csv, paginate: {{by: link_header}}}}\nmode: append\n"),
        ),
        ("records", format!("source: {{kind: odata, url: {base}, resource: Records}}\nmode: replace\n")),
    ] {
        let folder = site.path("plugins").join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("plugin.yaml"), format!("name: {name}\ntable: {name}\n{words}"))?;
    }
    let mut row = Row::default();
    for round in 0..bed.options.times(50, 200) {
        let mut pulls = vec![site.another(&["pull", "pages"])?];
        if round % 3 == 2 {
            // The other source's, or another program on the same one: one of the two is too late each time.
            pulls.push(site.another(&["pull", ["pages", "records"][round % 2]])?);
        }
        // A moment of its work, however fast the machine is.
        let asked = api.calls().len() + bed.chance(25) as usize;
        until(Duration::from_secs(20), || api.calls().len() > asked);
        std::thread::sleep(Duration::from_millis(bed.chance(40)));
        for pull in &mut pulls {
            pull.kill()?;
        }
        row.times += 1;
        let whole = rows_in(engine, &site.url, "records");
        if whole.is_ok_and(|rows| rows != 0 && rows != RECORDS) {
            row.wrong.push(format!("round {round}: a part of a whole is there"));
        }
    }
    let at = rows_in(engine, &site.url, "pages")?;
    for name in ["pages", "records"] {
        let mut pull = site.another(&["pull", name])?;
        let ended = pull.wait(Duration::from_secs(300))?;
        if !ended.is_some_and(|status| status.success()) {
            row.wrong.push(format!("the last pull ended with {ended:?}: {}", pull.log()));
        }
    }
    let all: u64 = (0..PAGES).map(rows_of).sum();
    (row.expected, row.found) =
        (all + RECORDS, rows_in(engine, &site.url, "pages")? + rows_in(engine, &site.url, "records")?);
    let of_pair = |wrong: &str| {
        let pages = table(engine, "pages");
        let query =
            format!("select count(*) from (select pair, n from {pages} group by pair, n having count(*) {wrong}) as t");
        sql::number(&site.url, &query)
    };
    row.twice = of_pair("> 2")? as u64;
    let lacking = of_pair("< 2")?;
    if lacking > 0 {
        row.lost.push(format!("{lacking} rows of two equal pages are there once"));
    }
    let left = std::fs::read_dir(site.path("imports/.sluice"))?.flatten().filter(|entry| entry.path().is_dir()).count();
    if left > 0 {
        row.wrong.push(format!("{left} programs left something behind"));
    }
    if at == all {
        row.wrong.push("the source was at its end before the last kill".to_owned());
    }
    row.notes.push(format!("{at} of {all} rows at the last kill, {} requests", api.calls().len()));
    Ok(row)
}

/// A page of CSV; the header names the next one. A server takes its time.
fn page_of(call: &Call) -> axum::http::Response<axum::body::Body> {
    std::thread::sleep(Duration::from_millis(5));
    let page = call.number_of("page").unwrap_or(0) as u64;
    let rows: String = (0..rows_of(page)).map(|n| format!("{},{n}\n", page / 2)).collect();
    let next = format!("<{}/pages.csv?page={}>; rel=\"next\"", call.base, page + 1);
    let mut headers = vec![("content-type", "text/csv")];
    headers.extend((page + 1 < PAGES).then_some(("link", next.as_str())));
    with(200, &headers, format!("pair,n\n{rows}"))
}

fn table(engine: Engine, name: &str) -> String {
    match engine {
        Engine::Sqlite => format!("staging__{name}"),
        Engine::Postgres => format!("staging.{name}"),
    }
}

fn rows_in(engine: Engine, url: &str, name: &str) -> anyhow::Result<u64> {
    Ok(sql::number(url, &format!("select count(*) from {}", table(engine, name)))? as u64)
}
