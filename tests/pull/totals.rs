//! What a page says of all records counts also where the way from page to page was found out: fewer are not a whole pull.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{right, run};
use crate::support::api::{Api, Call, ok};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        what_the_pages_say_is_held_against_what_came,
        the_number_of_a_page_is_no_total,
        a_page_without_its_object_is_no_end,
        a_plugin_that_says_its_way_is_warned,
        a_draft_says_the_total,
        a_part_without_a_way_is_not_taken_for_all;
    alone:
        words_of_the_end_go_with_ways_that_have_one;
}

/// Records of these numbers.
fn rows(from: u64, to: u64) -> Json {
    (from..to).map(|id| json!({"id": id})).collect()
}

/// A server with these pages, each asked for by its number in `cursor` or `page`, the first one without.
async fn pages(all: Vec<Json>) -> anyhow::Result<Api> {
    let all = Arc::new(all);
    Api::new(move |call: Call| {
        let number = call.number_of("cursor").or(call.number_of("page").map(|page| page - 1)).unwrap_or(0);
        ok(all.get(number).unwrap_or(&json!({"data": []})))
    })
    .await
}

async fn pull(
    database: &TestDatabase,
    workdir: &Workdir,
    api: &Api,
    more: &str,
) -> anyhow::Result<(Option<i32>, String)> {
    let source = format!("  kind: http\n  url: {}/x\n{more}", api.base);
    workdir.plugin("x", &format!("name: x\nsource:\n{source}mode: replace\n"))?;
    run(database, workdir, &["pull", "x"]).await
}

async fn what_the_pages_say_is_held_against_what_came(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = |more: Json| {
        let mut page = json!({"data": rows(0, 10)});
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        page
    };
    let short = "20 records came, and the server says 25";
    let of_links = [
        ("total", json!({"next": "/x?page=2", "total": 25}), json!({"data": rows(10, 20), "next": null, "total": 25})),
        ("count", json!({"next": "/x?page=2", "count": 25}), json!({"data": rows(10, 20), "next": null, "count": 25})),
        ("zendesk", json!({"next_page": "/x?page=2", "count": 25}), json!({"data": rows(10, 20), "next_page": null})),
        (
            "laravel",
            json!({"links": {"next": "/x?page=2"}, "meta": {"total": 25}}),
            json!({"data": rows(10, 20), "links": {"next": null}, "meta": {"total": 25}}),
        ),
        (
            "cursor",
            json!({"next_cursor": "1", "pagination": {"total": "25"}}),
            json!({"data": rows(10, 20), "next_cursor": null}),
        ),
        (
            "pages",
            json!({"total_pages": 2, "total_count": 25}),
            json!({"data": rows(10, 20), "total_pages": 2, "total_count": 25}),
        ),
        ("number", json!({"next_page": 2, "total": 25}), json!({"data": rows(10, 20), "next_page": null, "total": 25})),
        ("odata", json!({"next": "/x?page=2", "@odata.count": 25}), json!({"data": rows(10, 20)})),
    ];
    for (name, more, second) in of_links {
        let (code, said) =
            pull(&database, &workdir, &pages(vec![first(more.clone()), second.clone()]).await?, "").await?;
        right(code == Some(1), &format!("{name}: {said}"))?;
        holds(&said, short)?;
        holds(&said, "is not the number of all records, say how the next page is asked for")?;
        // All are there: it is whole.
        let whole = |page: &Json| page.to_string().replace("25", "20").parse::<Json>().unwrap();
        let api = pages(vec![whole(&first(more)), whole(&second)]).await?;
        let (code, said) = pull(&database, &workdir, &api, "").await?;
        right(code == Some(0), &format!("{name}: {said}"))?;
        holds(&said, "whole: the server says 20")?;
        same((name, database.text("select count(*) from staging.x").await?), (name, "20".into()))?;
    }
    // More on the last page.
    for more in [
        json!({"has_more": true}),
        json!({"hasMore": true}),
        json!({"meta": {"has_more": true}}),
        json!({"last": false}),
    ] {
        let mut one = first(more.clone());
        one["next_cursor"] = "1".into();
        let (code, said) = pull(&database, &workdir, &pages(vec![one, first(more)]).await?, "").await?;
        right(code == Some(1), &said)?;
        holds(&said, "no cursor, and yet it says that there is more")?;
    }
    // A cursor on the last page leads nowhere.
    let mut last = first(json!({"next_cursor": "7", "has_more": false}));
    last["data"] = rows(10, 20);
    let api = pages(vec![first(json!({"next_cursor": "1", "has_more": true})), last]).await?;
    let (code, said) = pull(&database, &workdir, &api, "").await?;
    right(code == Some(0), &said)?;
    holds(&said, "20 records of 2 pages; 20 loaded into staging.x; whole: the page says that there is no more")?;
    // More came than it says.
    let second = json!({"data": rows(10, 20), "next_cursor": "2", "total": 15});
    let api = pages(vec![first(json!({"next_cursor": "1", "total": 15})), second]).await?;
    let (code, said) = pull(&database, &workdir, &api, "").await?;
    right(code == Some(1), &said)?;
    holds(&said, "20 records came, it says 15, and yet there is another page")
}

async fn the_number_of_a_page_is_no_total(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (first, second) in [(10, 10), (12, 5), (10, 5)] {
        let api = pages(vec![
            json!({"data": rows(0, 10), "next_cursor": "1", "count": first}),
            json!({"data": rows(10, 15), "next_cursor": "2", "count": second}),
            json!({"data": rows(15, 18), "next_cursor": null, "count": 3}),
        ]);
        let (code, said) = pull(&database, &workdir, &api.await?, "").await?;
        right(code == Some(0), &format!("{first} {second}: {said}"))?;
        holds(&said, "18 records of 3 pages; 18 loaded into staging.x; whole: no cursor")?;
    }
    Ok(())
}

async fn a_page_without_its_object_is_no_end(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = json!({"data": rows(0, 10), "meta": {"next_cursor": "1"}});
    for more in ["", "  paginate: {by: cursor, from: meta.next_cursor}\n"] {
        let api = pages(vec![first.clone(), json!({"data": rows(10, 20)})]).await?;
        let (code, said) = pull(&database, &workdir, &api, more).await?;
        right(code == Some(1), &said)?;
        holds(&said, "page 2 has no meta, which the pages before had: without meta.next_cursor it cannot be told")?;
        for last in [json!({"data": []}), json!({"data": rows(10, 20), "meta": {}}), json!({"data": [], "meta": null})]
        {
            let (code, said) = pull(&database, &workdir, &pages(vec![first.clone(), last]).await?, more).await?;
            right(code == Some(0), &said)?;
        }
    }
    // An object of links may be left out.
    let first = json!({"data": rows(0, 10), "paging": {"next": {"after": "1"}}});
    let api = pages(vec![first, json!({"data": rows(10, 20)})]).await?;
    let (code, said) = pull(&database, &workdir, &api, "  paginate: {by: cursor, from: paging.next.after}\n").await?;
    right(code == Some(0), &said)
}

async fn a_plugin_that_says_its_way_is_warned(database: TestDatabase, workdir: Workdir) -> Outcome {
    let first = json!({"data": rows(0, 10), "next_cursor": "1", "total": 25});
    let all = vec![first, json!({"data": rows(10, 20), "next_cursor": null, "total": 25})];
    for (paginate, rows) in [("{by: none}", 10), ("{by: cursor, from: next_cursor}", 20)] {
        let more = format!("  paginate: {paginate}\n");
        let (code, said) = pull(&database, &workdir, &pages(all.clone()).await?, &more).await?;
        right(code == Some(0), &said)?;
        holds(&said, &format!("the last page says 25 records, and {rows} records came"))?;
        holds(&said, "paginate takes total: total, by which such a pull fails")?;
    }
    let more = "  paginate: {by: cursor, from: next_cursor, total: total}\n";
    let (code, said) = pull(&database, &workdir, &pages(all).await?, more).await?;
    right(code == Some(1), &said)?;
    holds(&said, "20 records came, and the server says 25; the next pull asks for the rest again")
}

async fn a_draft_says_the_total(database: TestDatabase, workdir: Workdir) -> Outcome {
    let meta = |next: Option<&str>| json!({"next_cursor": next, "total": 25, "has_more": next.is_some()});
    let first = json!({"data": rows(0, 10), "meta": meta(Some("1"))});
    let api = pages(vec![first, json!({"data": rows(10, 20), "meta": meta(None)})]).await?;
    let url = format!("{}/x", api.base);
    let (code, said) = run(&database, &workdir, &["plugin", "new", "x", "--url", &url]).await?;
    right(code == Some(0), &said)?;
    holds(&said, "another page follows of 25 records that the server says")?;
    let yaml = workdir.read("plugins/x/plugin.yaml")?;
    let way =
        "paginate: {by: cursor, param: cursor, from: meta.next_cursor, total: meta.total, has_more: meta.has_more}";
    holds(&yaml, way)?;
    // As it is, and with its way said.
    for yaml in [yaml.clone(), yaml.replace("table:", &format!("  {way}\ntable:"))] {
        workdir.plugin("x", &yaml)?;
        let (code, said) = run(&database, &workdir, &["pull", "x"]).await?;
        right(code == Some(1), &said)?;
        holds(&said, "20 records came, and the server says 25")?;
    }
    Ok(())
}

async fn a_part_without_a_way_is_not_taken_for_all(database: TestDatabase, workdir: Workdir) -> Outcome {
    let api = pages(vec![json!({"data": rows(0, 10), "total": 25})]).await?;
    let (code, said) = pull(&database, &workdir, &api, "").await?;
    right(code == Some(1), &said)?;
    holds(&said, "it has 10 records of the 25 that it says, and shows no way to a next page: say by paginate how")?;
    let url = format!("{}/x", api.base);
    let (code, said) = run(&database, &workdir, &["plugin", "new", "y", "--url", &url, "--print"]).await?;
    right(code == Some(0), &said)?;
    holds(&said, "# The first page has 10 of the 25 records that it says, and shows no next one: say how that")?;
    right(!said.contains("{by: none}"), &said)
}

async fn words_of_the_end_go_with_ways_that_have_one(workdir: Workdir) -> Outcome {
    let url = format!("sqlite://{}", workdir.path("w.db").display());
    for source in [
        "{kind: http, url: http://a, paginate: {by: none, total: total}}",
        "{kind: http, url: http://a, paginate: {by: link_header, has_more: more}}",
        "{kind: odata, url: http://a, paginate: {by: next_url, total: total}}",
    ] {
        workdir.plugin("x", &format!("name: x\nsource: {source}\nmode: replace\n"))?;
        let done = tokio::task::block_in_place(|| {
            crate::support::process::app(&workdir, &["pull", "x"], &[("DATABASE_URL", &url)])
        })?;
        same((source, done.status.code()), (source, Some(2)))?;
        let why =
            "paginate: total, pages, has_more and last go with by: page, offset, cursor and next_url of kind: http";
        holds(&String::from_utf8_lossy(&done.stderr), why)?;
    }
    Ok(())
}
