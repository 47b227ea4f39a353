//! What can be asked: each answer is what a command prints.

use serde_json::{Value as Json, json};

use crate::support::http::Served;
use crate::support::process::app;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        loads_are_listed_page_by_page,
        a_load_is_taken_back_and_a_failed_file_comes_again,
        ready_means_that_files_are_loaded;
    on_sqlite:
        the_documentation_has_every_path;
}

async fn loads_are_listed_page_by_page(database: TestDatabase, workdir: Workdir) -> Outcome {
    for n in 0..5 {
        workdir.load(&database, &format!("o_{n}.csv"), format!("a\n{n}\n")).await?;
    }
    workdir.load(&database, "ox1.csv", "a\n9\n").await?;
    workdir.drop_file(&database, "bad.json", "[{").await?;
    let served = Served::start(&workdir, &database, &[])?;
    let numbers = |answer: &Json| -> Vec<i64> {
        answer["loads"].as_array().into_iter().flatten().filter_map(|load| load["load"].as_i64()).collect()
    };
    let (mut seen, mut path) = (Vec::new(), "/loads?limit=3".to_owned());
    loop {
        let page = served.get(&path)?.json()?;
        seen.push(numbers(&page));
        match page["next"].as_i64() {
            Some(next) => path = format!("/loads?limit=3&before={next}"),
            None => break,
        }
    }
    same(seen, [vec![7, 6, 5], vec![4, 3, 2], vec![1]])?;
    let found = |query: &str| anyhow::Ok(numbers(&served.get(&format!("/loads?{query}"))?.json()?));
    same(found("status=failed")?, [7])?;
    same(found("status=failed,loaded&limit=2")?, [7, 6])?;
    same(found("table=o_3")?, [4])?;
    // Signs that mean something in a pattern are signs of the name.
    same((found("q=o_")?, found("q=%25")?, found("q=%27")?), (vec![5, 4, 3, 2, 1], Vec::new(), Vec::new()))?;
    same((found("since=2020-01-01&q=x1")?, found("until=2020-01-01")?), (vec![6], Vec::new()))?;
    let printed = app(&workdir, &["loads", "--json"], &[("DATABASE_URL", &database.url)])?;
    let lines = String::from_utf8(printed.stdout)?;
    let lines: Vec<Json> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    same(&served.get("/loads")?.json()?["loads"], &json!(lines))?;
    let why = app(&workdir, &["why", "o_3.csv", "--json"], &[("DATABASE_URL", &database.url)])?;
    same(served.get("/loads/4")?.json()?, serde_json::from_slice::<Json>(&why.stdout)?)
}

async fn a_load_is_taken_back_and_a_failed_file_comes_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    same(served.push("o.csv?wait=true", "a\n1\n2\n")?.status, 200)?;
    let dry = served.call("POST", "/loads/1/retract?dry_run=true", &[], b"")?;
    same((dry.status, &dry.json()?["rows_removed"], &dry.json()?["dry_run"]), (200, &json!(2), &json!(true)))?;
    same(database.text("select count(*) from staging.o").await?, "2")?;
    let done = served.call("POST", "/loads/1/retract", &[], b"")?;
    same((done.status, &done.json()?["already"], &done.json()?["dry_run"]), (200, &json!(false), &json!(false)))?;
    same(database.text("select count(*) from staging.o").await?, "0")?;
    let again = served.call("POST", "/loads/1/retract", &[], b"")?;
    same((again.status, &again.json()?["already"]), (200, &json!(true)))?;
    // Mended in its place, it comes again.
    same(served.push("p.json?wait=true", "[{")?.status, 422)?;
    same(served.call("POST", "/loads/2/retract", &[], b"")?.status, 409)?;
    workdir.write("imports/failed/p.json", "[{\"a\": 1}]")?;
    let moved = served.call("POST", "/failed/2/retry", &[], b"")?;
    same((moved.status, &moved.json()?["moved"][0]["file"]), (200, &json!("p.json")))?;
    let mut served = served;
    served.daemon.wait_for(&["loaded p.json: 1 row"])?;
    same(served.get("/failed")?.json()?, json!({"failed": []}))
}

async fn ready_means_that_files_are_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    same((served.get("/ready")?.status, served.get("/ready")?.json()?), (200, json!({"ready": true})))?;
    std::fs::rename(workdir.path("imports"), workdir.path("away"))?;
    let answer = served.get("/ready")?;
    same((answer.status, answer.header("retry-after")), (503, Some("5")))?;
    holds(&answer.body, "imports cannot be read and written")?;
    same((served.get("/health")?.status, served.push("o.csv", "a\n1\n")?.status), (200, 503))
}

/// A path that nobody can look up is one that nobody uses.
async fn the_documentation_has_every_path(database: TestDatabase, workdir: Workdir) -> Outcome {
    let served = Served::start(&workdir, &database, &[])?;
    let document = served.get("/openapi.json")?.json()?;
    holds(document["openapi"].as_str().unwrap_or_default(), "3.")?;
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            same((path, operation["description"].is_string() || operation["summary"].is_string()), (path, true))?;
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    described.sort();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/http.md"))?;
    let missing: Vec<_> = described.iter().filter(|one| !page.contains(&format!("`{one}`"))).collect();
    same(missing, Vec::<&String>::new())?;
    // Each answer that is refused says that it may be.
    same(described.len() > 20, true)
}
