//! Long files, which are loaded by what their beginning shows, and many files at once.

use std::fmt::Write;
use std::sync::Arc;

use sluice::sql::Table;
use sluice::warehouse::{Scope, Value};

use crate::support::process::{app, stderr};
use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        what_the_beginning_does_not_show_counts_too,
        what_the_first_records_of_json_do_not_show_counts_too,
        files_that_replace_rows_take_turns,
        short_transactions_that_share_a_commit;
}

/// Some rows more than are looked at before the first is loaded (4 MiB), and one at the end.
fn long(header: &str, row: impl Fn(u32) -> String, last: &[u8]) -> Vec<u8> {
    let mut text = format!("{header}\n");
    for n in 0.. {
        if text.len() > 5 * 1024 * 1024 {
            break;
        }
        writeln!(text, "{}", row(n)).expect("a string takes it");
    }
    [text.as_bytes(), last].concat()
}

async fn what_the_beginning_does_not_show_counts_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let row = |n: u32| format!("{n},{n}.5,,2020-01-0{},{}", n % 9 + 1, "x".repeat(400));
    let types = async |table: &str| {
        let sql = format!("select name, type from sluice.\"column\" where dataset = '{table}' order by position");
        Ok::<_, anyhow::Error>(database.text(&sql).await?.replace('\n', " "))
    };
    // Nothing new comes.
    let books = workdir.load(&database, "a.csv", long("id,n,e,d,t", row, b"7,1e-07,,2020-01-01,y\n")).await?.books;
    same(types("a").await?, "id|bigint n|double e|text d|date t|text")?;
    same(
        database.text("select count(*), max(id) from staging.a").await?,
        format!("{}|{}", books.loaded, books.loaded - 2),
    )?;
    // A text where there were numbers and days, and the first value of a column.
    let books = workdir.load(&database, "b.csv", long("id,n,e,d,t", row, b"x,0.25,5,soon,y\n")).await?.books;
    same(types("b").await?, "id|text n|numeric e|bigint d|text t|text")?;
    same(database.text("select id, n, e, d from staging.b where e is not null").await?, "x|0.25|5|soon")?;
    same(database.text("select count(*) from staging.b").await?, books.read.to_string())?;
    // More cells than the header has.
    let books = workdir.load(&database, "c.csv", long("id,n,e,d,t", row, b"1,2,,2020-01-01,y,z\n")).await?.books;
    same((books.extended, books.rejected), (1, 0))?;
    same(database.text("select _extra from staging.c where _extra is not null").await?, "[\"z\"]")?;
    // Letters of another encoding.
    let books = workdir.load(&database, "d.csv", long("id,n,e,d,t", row, b"1,2,,2020-01-01,M\xFCnchen\n")).await?.books;
    same(books.rejected, 0)?;
    same(database.text("select t from staging.d where t like 'M%'").await?, "München")?;
    // A table whose column is text already takes what comes; the same file again is a duplicate of all its rows.
    let last = b"other,2,6,never,y\n";
    let loaded = workdir.load(&database, "b.csv", long("id,n,e,d,t", row, last)).await?;
    same(types("b").await?, "id|text n|numeric e|bigint d|text t|text")?;
    let again = workdir.load(&database, "b.csv", long("id,n,e,d,t", row, last)).await?;
    same((again.duplicate_of, again.books.duplicate), (Some(loaded.load_id), loaded.books.read))?;
    // A filter sees the whole column's type.
    workdir.plugin(
        "f",
        "name: f\nfiles: [f.csv]\ntable: f\nfilter: id > '10'\ncolumns: [{from: n}, {from: id}]\nothers: drop\n",
    )?;
    let books = workdir.load(&database, "f.csv", long("id,n,e,d,t", row, b"x,2,6,never,y\n")).await?.books;
    same(books.read, books.loaded + books.filtered)?;
    same((books.loaded, books.rejected), (books.read - 11, 0))
}

async fn what_the_first_records_of_json_do_not_show_counts_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let row = |n: u32| format!("{{\"id\":{n},\"n\":{n}.5,\"o\":{{\"e\":null}},\"t\":\"{}\"}}", "x".repeat(400));
    let of_array = |n: u32| row(n) + ",";
    let types = async |table: &str| {
        let sql = format!("select name, type from sluice.\"column\" where dataset = '{table}' order by position");
        Ok::<_, anyhow::Error>(database.text(&sql).await?.replace('\n', " "))
    };
    for (ending, long) in [
        ("jsonl", &(|last: &str| long("", row, last.as_bytes())) as &dyn Fn(&str) -> Vec<u8>),
        ("json", &|last: &str| long("[", of_array, format!("{last}]").as_bytes())),
    ] {
        let name = |table: &str| (format!("{table}_{ending}"), format!("{table}_{ending}.{ending}"));
        // Nothing new comes.
        let (table, file) = name("a");
        let books = workdir.load(&database, &file, long("{\"id\":7,\"n\":1.25,\"t\":\"\\u00e4\"}")).await?.books;
        same((books.loaded, books.rejected), (books.read, 0))?;
        same(types(&table).await?, "id|bigint n|numeric o__e|text t|text")?;
        same(database.text(&format!("select id, n, t from staging.{table} where n = 1.25")).await?, "7|1.25|ä")?;
        let counted = format!("select count(*), max(id), min(_line), max(_line) from staging.{table}");
        same(database.text(&counted).await?, format!("{}|{}|2|{}", books.read, books.read - 2, books.read + 1))?;
        // Other keys, a text where there were numbers, the first value of a column.
        let (table, file) = name("b");
        let last = "{\"id\":\"x\",\"o\":{\"e\":5,\"f\":true},\"g\":[1]}";
        let books = workdir.load(&database, &file, long(last)).await?.books;
        same((books.loaded, books.rejected), (books.read, 0))?;
        same(types(&table).await?, "id|text n|numeric o__e|bigint t|text o__f|boolean g|text")?;
        let one = format!("select id, o__e, g from staging.{table} where id = 'x'");
        same(database.text(&one).await?, "x|5|[1]")?;
        same(database.text(&format!("select count(*) from staging.{table}")).await?, books.read.to_string())?;
        // Two records on one line are told apart by their numbers.
        let (table, file) = name("c");
        let two = if ending == "json" { "{\"id\":-1},{\"id\":-2}" } else { "{\"id\":-1}{\"id\":-2}" };
        let books = workdir.load(&database, &file, long(two)).await?.books;
        same((books.loaded, books.rejected), (books.read, 0))?;
        same(
            database.text(&format!("select _line from staging.{table} where id < 0 order by id")).await?,
            format!("{}\n{}", books.read, books.read - 1),
        )?;
        // What is broken costs one record, also at the end.
        let (table, file) = name("d");
        let books = workdir.load(&database, &file, long("{\"id\":1,,}")).await?.books;
        same((books.loaded, books.rejected), (books.read - 1, 1))?;
        same(database.text(&format!("select count(*) from staging.{table}")).await?, books.loaded.to_string())?;
    }
    // A plugin says how the values of a column are written that comes at the end.
    workdir.plugin("p", "name: p\nfiles: [p.jsonl]\ntable: p\ncolumns: [{from: z, decimal: \",\"}]\nothers: keep\n")?;
    workdir.load(&database, "p.jsonl", long("", row, b"{\"z\":\"1,25\"}")).await?;
    same(database.text("select z from staging.p where z is not null").await?, "1.25")
}

async fn files_that_replace_rows_take_turns(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("u", "name: u\nfiles: [u.*]\ntable: u\nmode: upsert\nkey: [id]\n")?;
    for n in 100..140 {
        // The later ones are shorter, so they would overtake.
        workdir.write(&format!("imports/u.{n}.csv"), format!("id,n\n1,{n}\n{}", "2,0\n".repeat((140 - n) * 50)))?;
        workdir.write(&format!("imports/other.{n}.csv"), format!("id,n\n1,{n}\n"))?;
    }
    let output = app(&workdir, &["--once"], &[("DATABASE_URL", &database.url)])?;
    same((output.status.code(), stderr(&output)), (Some(0), String::new()))?;
    same(database.text("select n from staging.u where id = 1").await?, "139")?;
    same(database.text("select count(*), sum(n) from staging.other").await?, "40|4780")
}

async fn short_transactions_that_share_a_commit(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "n\n0\n").await?;
    let (warehouse, table) = (Arc::new(Arc::clone(&database.warehouse)), Table::staging("t"));
    let mut all = tokio::task::JoinSet::new();
    for n in 1..=200i64 {
        let warehouse = Arc::clone(&warehouse);
        let table = warehouse.names().table(&table);
        all.spawn(async move {
            // Every seventh is long, every fifth gives up, every eleventh makes a mistake and gives up.
            let scope = if n % 7 == 0 { Scope::Load } else { Scope::Short };
            let mut transaction = warehouse.begin(scope).await?;
            let insert = format!("insert into {table} (n, _load_id, _line) values ($1, 1, 1)");
            transaction.execute(&insert, &[Value::from(n)]).await?;
            if n % 11 == 0 {
                assert!(transaction.execute("select nothing from nowhere", &[]).await.is_err());
                return Ok(None);
            }
            if n % 5 == 0 {
                return Ok(None);
            }
            transaction.commit().await?;
            // What is committed is seen by others at once.
            let mut other = warehouse.begin(Scope::Short).await?;
            let seen = other.query(&format!("select count(*) from {table} where n = $1"), &[Value::from(n)]).await?;
            Ok::<_, anyhow::Error>(seen[0][0].clone().filter(|count| count == "1").map(|_| n))
        });
    }
    let mut committed = 0;
    while let Some(done) = all.join_next().await {
        committed += done??.unwrap_or(0);
    }
    let expected: i64 = (1..=200).filter(|n| n % 5 != 0 && n % 11 != 0).sum();
    same(committed, expected)?;
    same(database.text("select sum(n) from staging.t").await?, expected.to_string())
}
