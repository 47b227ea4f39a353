//! Texts that end within their last record: it is refused, and the load tells that the file seems to be cut.

use serde_json::Value;

use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_record_that_the_end_cuts_off_is_refused,
        a_record_that_is_whole_stays,
        records_that_are_short_elsewhere_stay;
}

async fn a_record_that_the_end_cuts_off_is_refused(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let many: String = (1..30_000).map(|n| format!("{n},name {n},{n}.5\n")).collect();
    for (name, text, loaded) in [
        ("plain", "id,name,price\n1,a,1.5\n2,b,2.5\n3,c".to_owned(), 2),
        ("first", "id;name;price\n1;a;1.5\n2;b;2.5\n3".to_owned(), 2),
        ("crlf", "id,name,price\r\n1,a,1.5\r\n2,b,2.5\r\n3,\"c\"".to_owned(), 2),
        ("tabs", "id\tname\tprice\n1\ta\t1.5\n2\tb\t2.5\n3\tc".to_owned(), 2),
        ("long", format!("id,name,price\n{many}30000,name"), 29_999),
    ] {
        workdir.write(&format!("imports/{name}.csv"), &text)?;
        let done = app(&workdir, &["--once"], &settings)?;
        same((name, done.status.code()), (name, Some(3)))?;
        let count = database.text(&format!("select count(*) from staging.{name}")).await?;
        same((name, count), (name, loaded.to_string()))?;
    }
    let rejects = stdout(&app(&workdir, &["rejects", "1", "--json"], &settings)?);
    let reject: Value = serde_json::from_str(rejects.lines().next().unwrap_or_default())?;
    same((reject["line"].as_i64(), reject["text"].as_str()), (Some(4), Some("3,c")))?;
    holds(&rejects, "does not end")?;
    holds(&rejects, "the file seems to be cut: its last line has no end, and 2 cells of the header's 3")?;
    holds(&stdout(&app(&workdir, &["status"], &settings)?), "5 rejected")
}

async fn a_record_that_is_whole_stays(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, text, loaded) in [
        ("all", "id,name,price\n1,a,1.5\n2,b,2.5", 2),
        ("empty", "id,name,price\n1,a,1.5\n2,,", 2),
        ("one", "id\n1\n2", 2),
        ("surplus", "id,name,price\n1,a,1.5\n2,b,2.5,x", 2),
    ] {
        let books = workdir.load(&database, &format!("{name}.csv"), text).await?.books;
        same((name, books.loaded, books.rejected), (name, loaded, 0))?;
    }
    Ok(())
}

async fn records_that_are_short_elsewhere_stay(database: TestDatabase, workdir: Workdir) -> Outcome {
    let books = workdir.load(&database, "t.csv", "id,name,price\n1,a\n2,b,2.5\n3,c\n").await?.books;
    same((books.loaded, books.rejected, books.padded), (3, 0, 2))
}
