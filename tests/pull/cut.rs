//! Bodies that end because the connection does.

use super::{right, run};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_both:
        a_body_whose_end_is_that_of_the_connection;
}

/// Without a length, a body that was cut looks like one that was not.
async fn a_body_whose_end_is_that_of_the_connection(database: TestDatabase, workdir: Workdir) -> Outcome {
    let of = |kind: &str, head: &str, body: &str| format!("HTTP/{head}\r\ncontent-type: {kind}\r\n\r\n{body}");
    let warning = "the server gives no length of its body: if the connection breaks behind a line, the rest is missing";
    let bodies = [
        ("text/csv", "id,word\n1,a\n2,b\n", "id,word\n1,a\n2,b"),
        ("application/x-ndjson", "{\"id\":1,\"word\":\"a\"}\n{\"id\":2,\"word\":\"b\"}\n", "{\"id\":1,\"word\":\"a\"}"),
    ];
    for (kind, whole, cut) in bodies {
        for head in ["1.0 200 OK", "1.1 200 OK\r\nconnection: close"] {
            let pull = async |answers: Vec<String>| {
                let server = listen::answers(answers)?;
                let source = format!("{{kind: http, url: http://127.0.0.1:{}/x, paginate: {{by: none}}}}", server.port);
                workdir.plugin("x", &format!("name: x\nsource: {source}\nmode: replace\n"))?;
                run(&database, &workdir, &["pull", "x"]).await
            };
            let (code, said) = pull(vec![of(kind, head, cut)]).await?;
            right(code == Some(1), &said)?;
            holds(&said, "its body ends in the midst of a line, and the server gives no length of it: it may be cut")?;
            holds(&said, "try 3 of 3")?;
            // Another try brings it.
            let (code, said) = pull(vec![of(kind, head, cut), of(kind, head, whole)]).await?;
            right(code == Some(0), &said)?;
            holds(&said, warning)?;
            same(database.text("select count(*) from staging.x").await?, "2")?;
            let length = format!("{head}\r\ncontent-length: {}", cut.len());
            let (code, said) = pull(vec![of(kind, &length, cut)]).await?;
            right(code == Some(0) && !said.contains(warning), &said)?;
        }
    }
    // JSON ends where it ends.
    let server = listen::answers(vec![of("application/json", "1.0 200 OK", "[{\"id\":1},{\"id\":2}]")])?;
    let source = format!("{{kind: http, url: http://127.0.0.1:{}/x, paginate: {{by: none}}}}", server.port);
    workdir.plugin("x", &format!("name: x\nsource: {source}\nmode: replace\n"))?;
    let (code, said) = run(&database, &workdir, &["pull", "x"]).await?;
    right(code == Some(0) && !said.contains(warning), &said)
}
