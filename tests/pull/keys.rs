//! Pages of OData behind a key: from servers that read no exponents, keep more digits than a double, or do not heed what they are asked.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value as Json, json};

use super::{records, right, run};
use crate::support::api::{Api, Call, Ways, odata, with};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_key_of_numbers_keeps_its_digits,
        a_key_of_moments_is_asked_as_one,
        a_key_of_guids_is_asked_as_its_type_is,
        what_a_server_cannot_do_is_not_asked_again,
        a_server_that_does_not_heed_the_key_is_told,
        a_server_that_finds_nothing_by_the_key_is_told;
}

/// Numbers as the server writes them in JSON, and as it reads them in an address.
const NUMBERS: [(&str, &str); 8] = [
    ("-2.5E+3", "-2500"),
    ("1e-7", "0.0000001"),
    ("0.0025", "0.0025"),
    ("12345678901234567.121", "12345678901234567.121"),
    ("12345678901234567.122", "12345678901234567.122"),
    ("12345678901234567.123", "12345678901234567.123"),
    ("9e18", "9000000000000000000"),
    ("1.5e+300", "1.5e300"),
];

fn numbers(call: &Call) -> Response<Body> {
    let next = match call.param("$filter") {
        None => 0,
        Some(filter) => {
            let mut words = filter.split(' ').skip(1);
            let (by, asked) = (words.next(), words.next());
            match NUMBERS.iter().position(|(_, read)| Some(*read) == asked) {
                Some(at) => at + usize::from(by == Some("gt")),
                None => return with(400, &[], format!("{{\"error\": {{\"message\": \"cannot read {filter}\"}}}}")),
            }
        }
    };
    let page: Vec<_> = NUMBERS.iter().enumerate().skip(next).take(1).collect();
    let page: Vec<_> = page.iter().map(|(at, (written, _))| format!("{{\"K\": {written}, \"n\": {at}}}")).collect();
    with(200, &[("content-type", "application/json")], format!("{{\"value\": [{}]}}", page.join(", ")))
}

async fn a_key_of_numbers_keeps_its_digits(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|call: Call| numbers(&call)).await?;
    let source = format!("  kind: odata\n  url: {}/api\n  resource: N\n  order: [K]\n", api.base);
    let more = "  page_size: 1\n  paginate: {by: key}\n";
    workdir.plugin("n", &format!("name: n\nsource:\n{source}{more}table: n\nmode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    right(code == Some(0), &said)?;
    let each = "select count(*), count(distinct n), sum(n) from staging.n";
    same(database.text(each).await?, "8|8|28")
}

async fn a_key_of_moments_is_asked_as_one(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all: Vec<Json> = (10..20)
        .map(|n| json!({"at": format!("2025-01-{n}T10:00:00+02:00"), "day": "2025-01-01", "name": format!("2025-{n}")}))
        .collect();
    let api = Api::new(move |call: Call| odata(&all, &call, Ways::default())).await?;
    let source = format!("  kind: odata\n  url: {}/api\n  resource: M\n  order: [day, at, name]\n", api.base);
    let more = "  page_size: 6\n  filter: {day: '2025-01-01'}\n  paginate: {by: key}\n";
    workdir.plugin("m", &format!("name: m\nsource:\n{source}{more}table: m\nmode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "m"]).await?;
    right(code == Some(0), &said)?;
    same(database.text("select count(*), count(distinct name) from staging.m").await?, "10|10")?;
    let (day, at) = ("day eq 2025-01-01", "at eq 2025-01-15T10:00:00+02:00");
    let behind = format!(
        "day gt 2025-01-01 or ({day} and at gt 2025-01-15T10:00:00+02:00) or ({day} and {at} and name gt '2025-15')"
    );
    same(api.calls()[1].param("$filter"), Some(format!("(day eq '2025-01-01') and ({behind})").as_str()))
}

async fn a_key_of_guids_is_asked_as_its_type_is(database: TestDatabase, workdir: Workdir) -> Outcome {
    let guid = |n: u64| format!("0f8fad5b-d9cb-469f-A165-{n:012}");
    let all: Vec<Json> = (0..10).map(|n| json!({"Id": guid(n), "n": n})).collect();
    for (name, kind, pages) in [("typed", Some("Edm.Guid"), 4), ("untold", None, 4), ("texts", Some("Edm.String"), 4)] {
        let all = all.clone();
        let api = Api::new(move |call: Call| {
            if call.path == "/api/$metadata" {
                let property = |kind| format!("<Property Name=\"Id\" Type=\"{kind}\" Nullable=\"false\"/>");
                return kind.map_or_else(|| with(404, &[], ""), |kind| with(200, &[], property(kind)));
            }
            match call.param("$filter") {
                Some(filter) if filter.contains('\'') != (kind == Some("Edm.String")) => {
                    with(400, &[], "{\"error\": {\"message\": \"the types Edm.Guid and Edm.String are incompatible\"}}")
                }
                _ => odata(&all, &call, Ways::default()),
            }
        })
        .await?;
        let source = format!("  kind: odata\n  url: {}/api\n  resource: G\n  order: [Id]\n", api.base);
        let more = "  page_size: 4\n  paginate: {by: key}\n";
        workdir.plugin(name, &format!("name: {name}\nsource:\n{source}{more}table: {name}\nmode: append\n"))?;
        let (code, said) = run(&database, &workdir, &["pull", name]).await?;
        right(code == Some(0), &format!("{name}: {said}"))?;
        let each = format!("select count(*), count(distinct n) from staging.{name}");
        same((name, database.text(&each).await?), (name, "10|10".to_owned()))?;
        let quote = if kind == Some("Edm.String") { "'" } else { "" };
        let calls = api.calls();
        let asked: Vec<_> = calls.iter().filter_map(|call| call.param("$filter")).collect();
        same(asked[0], format!("Id gt {quote}{}{quote}", guid(3)).as_str())?;
        // The types are asked for once.
        same((name, calls.iter().filter(|call| call.path.ends_with("$metadata")).count()), (name, 1))?;
        same((name, asked.len()), (name, pages))?;
    }
    Ok(())
}

async fn what_a_server_cannot_do_is_not_asked_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = Api::new(|_: Call| with(501, &[], "{\"error\": {\"message\": \"no $orderby here\"}}")).await?;
    let source = format!("  kind: odata\n  url: {}/api\n  resource: N\n  order: [K]\n", api.base);
    workdir.plugin("n", &format!("name: n\nsource:\n{source}table: n\nmode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "n"]).await?;
    right(code == Some(1), &said)?;
    holds(&said, "answers 501: no $orderby here")?;
    same(api.calls().len(), 1)
}

async fn a_server_that_does_not_heed_the_key_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(1_000);
    for (name, mode) in [("append", "append"), ("upsert", "upsert\nkey: [id]")] {
        let all = all.clone();
        // From its third page on the server reads no condition, and gives everything.
        let api = Api::new(move |mut call: Call| {
            if call.number > 1 && call.param("$filter").is_some_and(|filter| !filter.contains("gt 1000")) {
                call.query.retain(|name, _| name == "$orderby");
            }
            odata(&all, &call, Ways::default())
        })
        .await?;
        let source = format!("  kind: odata\n  url: {}/api\n  resource: L\n  params: {{$count: false}}\n", api.base);
        let more = "  order: [Id]\n  page_size: 300\n  paginate: {by: key}\n";
        workdir.plugin(name, &format!("name: {name}\nsource:\n{source}{more}table: {name}\nmode: {mode}\n"))?;
        let (code, said) = run(&database, &workdir, &["pull", name]).await?;
        right(code == Some(1), &said)?;
        holds(&said, "a page behind Id = 600 has that record again: the server does not heed $filter by Id")?;
    }
    Ok(())
}

async fn a_server_that_finds_nothing_by_the_key_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let all = records(1_000);
    let api = Api::new(move |call: Call| match call.param("$filter") {
        // It takes the number for a text, which is none of its records'.
        Some(_) => odata(&[], &call, Ways::default()),
        None => odata(&all, &call, Ways::default()),
    })
    .await?;
    let source = format!("  kind: odata\n  url: {}/api\n  resource: L\n", api.base);
    let more = "  order: [Id]\n  page_size: 300\n  paginate: {by: key}\n";
    workdir.plugin("l", &format!("name: l\nsource:\n{source}{more}table: l\nmode: append\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "l"]).await?;
    right(code == Some(1), &said)?;
    holds(&said, "it has nothing behind the last record, and does not find that record by its key either")
}
