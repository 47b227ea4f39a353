//! What comes back from `failed/` where each content is loaded again whenever it comes: its parts that were loaded are not, and a file that
//! is dropped anew is.

use std::fs;

use crate::format::packed::make::{sheet, xlsx, zip};
use crate::support::process::{app, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

const PLUGIN: &str = "name: gg\nfiles: [\"gg*\"]\ntable: gg\nduplicates: load\n";
const GOOD: &str = "id,v\n1,a\n2,b\n";

cases! {
    on_both:
        parts_that_are_loaded_are_not_loaded_again,
        a_file_that_was_mended,
        a_file_that_is_dropped_anew_is_loaded,
        a_program_ends_on_the_way,
        rows_that_are_gone_come_again,
        files_of_one_name_come_back_in_their_order;
}

/// Runs the program once; gives its exit code.
fn once(database: &TestDatabase, workdir: &Workdir, more: &[(&str, &str)]) -> anyhow::Result<Option<i32>> {
    let settings: Vec<_> = [("DATABASE_URL", database.url.as_str())].into_iter().chain(more.iter().copied()).collect();
    Ok(app(workdir, &["--once"], &settings)?.status.code())
}

fn retry(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    same(app(workdir, &["retry"], &[("DATABASE_URL", database.url.as_str())])?.status.code(), Some(0))
}

async fn has(database: &TestDatabase, rows: usize) -> Outcome {
    same(database.text("select count(*) from staging.gg").await?, rows.to_string())
}

fn pack(bad: &str) -> Vec<u8> {
    zip(&[("gg.csv", GOOD).into(), ("bad.csv", bad).into(), ("gg.2.csv", GOOD).into()])
}

async fn parts_that_are_loaded_are_not_loaded_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("gg", &format!("{PLUGIN}columns: [{{from: v, required: true}}]\n"))?;
    let text = |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let row = |n: u8, one: &str, other: &str| {
        format!("<row r=\"{n}\">{}{}</row>", text(&format!("A{n}"), one), text(&format!("B{n}"), other))
    };
    let good = sheet(&(row(1, "id", "v") + &row(2, "x", "a")));
    let bad = sheet(&(row(1, "id", "w") + &row(2, "x", "a")));
    let book = xlsx(&[("A", &good), ("B", &bad)]);
    let mut rows = 0;
    for (name, bytes, more) in [("p.zip", pack(""), 4), ("ggx.xlsx", book?, 1)] {
        rows += more;
        workdir.write(&format!("imports/{name}"), bytes)?;
        same((name, once(&database, &workdir, &[])?), (name, Some(1)))?;
        has(&database, rows).await?;
        for _ in 0..3 {
            retry(&database, &workdir)?;
            same(once(&database, &workdir, &[])?, Some(1))?;
            has(&database, rows).await?;
        }
        // Moved back by hand.
        fs::rename(workdir.path("imports/failed").join(name), workdir.path("imports").join(name))?;
        same(once(&database, &workdir, &[])?, Some(1))?;
        has(&database, rows).await?;
        fs::remove_file(workdir.path("imports/failed").join(name))?;
    }
    let statuses = "select count(*) from sluice.load where dataset = 'gg' and status = 'duplicate'";
    same(database.text(statuses).await?, "12")
}

async fn a_file_that_was_mended(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("gg", PLUGIN)?;
    workdir.write("imports/p.zip", pack(""))?;
    same(once(&database, &workdir, &[])?, Some(1))?;
    // In two steps: a part that was changed is another content.
    let other = zip(&[("gg.csv", GOOD).into(), ("bad.csv", "").into(), ("gg.2.csv", "id,v\n3,c\n").into()]);
    fs::remove_file(workdir.path("imports/failed/p.zip"))?;
    workdir.write("imports/failed/p.zip", other)?;
    retry(&database, &workdir)?;
    same(once(&database, &workdir, &[])?, Some(1))?;
    has(&database, 5).await?;
    let whole = zip(&[("gg.csv", GOOD).into(), ("bad.csv", "id\n7\n").into(), ("gg.2.csv", "id,v\n3,c\n").into()]);
    workdir.write("imports/failed/p.zip", &whole)?;
    retry(&database, &workdir)?;
    same(once(&database, &workdir, &[])?, Some(0))?;
    has(&database, 5).await?;
    same(database.text("select id from staging.bad").await?, "7")?;
    same(workdir.list("imports/failed"), Vec::<String>::new())?;
    let left = fs::read_dir(workdir.path("imports/.sluice"))?.flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".partly-")).count();
    anyhow::ensure!(left <= 1, "{left}");
    // All of it is loaded: what comes now comes anew.
    workdir.write("imports/p.zip", &whole)?;
    same(once(&database, &workdir, &[])?, Some(0))?;
    has(&database, 8).await
}

async fn a_file_that_is_dropped_anew_is_loaded(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("gg", PLUGIN)?;
    workdir.write("imports/p.zip", pack(""))?;
    let modified = fs::metadata(workdir.path("imports/p.zip"))?.modified()?;
    same(once(&database, &workdir, &[])?, Some(1))?;
    // A copy with its times, while the first lies in failed/ and where that is gone.
    for rows in [8, 12] {
        workdir.write("imports/p.zip", pack(""))?;
        fs::File::options().write(true).open(workdir.path("imports/p.zip"))?.set_modified(modified)?;
        same(once(&database, &workdir, &[])?, Some(1))?;
        has(&database, rows).await?;
        for name in workdir.list("imports/failed") {
            fs::remove_file(workdir.path("imports/failed").join(name))?;
        }
    }
    // Two that failed, each with parts of its own.
    for _ in 0..2 {
        workdir.write("imports/p.zip", pack(""))?;
        same(once(&database, &workdir, &[])?, Some(1))?;
    }
    has(&database, 20).await?;
    retry(&database, &workdir)?;
    same((workdir.list("imports/failed"), workdir.list("imports")), (vec![], vec!["failed".to_owned()]))?;
    same(once(&database, &workdir, &[])?, Some(1))?;
    has(&database, 20).await
}

async fn a_program_ends_on_the_way(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("gg", PLUGIN)?;
    let mut rows = 0;
    for fault in ["committed", "finished", "partly_noted", "noted", "explained"] {
        rows += 4;
        workdir.write("imports/p.zip", pack(""))?;
        // When it comes first, and when it comes back.
        for _ in 0..2 {
            same(once(&database, &workdir, &[("DIE_AT", fault)])? == Some(0), false)?;
            once(&database, &workdir, &[])?;
            same(workdir.list("imports/failed"), ["p.zip", "p.zip.error.json"])?;
            same((fault, database.text("select count(*) from staging.gg").await?), (fault, rows.to_string()))?;
            retry(&database, &workdir)?;
        }
        fs::remove_file(workdir.path("imports/p.zip"))?;
    }
    Ok(())
}

async fn rows_that_are_gone_come_again(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("gg", PLUGIN)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    workdir.write("imports/p.zip", pack(""))?;
    same(once(&database, &workdir, &[])?, Some(1))?;
    let first = database.text("select min(id) from sluice.load where dataset = 'gg'").await?;
    same(app(&workdir, &["retract", &first, "--yes"], &settings)?.status.code(), Some(0))?;
    has(&database, 2).await?;
    retry(&database, &workdir)?;
    same(once(&database, &workdir, &[])?, Some(1))?;
    has(&database, 4).await?;
    holds(&stdout(&app(&workdir, &["why", "p.zip"], &settings)?), "gg.csv")
}

async fn files_of_one_name_come_back_in_their_order(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (files, waits) in [("sales.csv", false), ("sales*.csv", true)] {
        // The name decides the plugin and the place among others, so it stays with a file wherever it lay.
        let plugin = |most: u32| {
            format!(
                "name: sales\nfiles: [\"{files}\"]\ntable: facts\nmode: upsert\nkey: [id]\nmax_rejects: {most}\n\
                 columns:\n  - {{from: id, type: bigint}}\n  - {{from: v, type: bigint}}\n"
            )
        };
        workdir.plugin("sales", &plugin(0))?;
        for day in 1..=12 {
            workdir.write("imports/sales.csv", format!("id,v\n1,{day}\nx,{day}\n"))?;
            same(once(&database, &workdir, &[])?, Some(1))?;
        }
        same(workdir.list("imports/failed").iter().filter(|name| name.ends_with(".csv")).count(), 12)?;
        workdir.plugin("sales", &plugin(100))?;
        if waits {
            workdir.write("imports/sales.csv", "id,v\n1,13\n")?;
        }
        retry(&database, &workdir)?;
        // Some records are rejects.
        same(once(&database, &workdir, &[])?, Some(3))?;
        same(database.text("select v from staging.facts").await?, if waits { "13" } else { "12" })?;
        same(database.text("select count(*) from sluice.dataset where name <> 'facts'").await?, "0")?;
        same((workdir.list("imports"), workdir.list("imports/failed")), (vec!["failed".to_owned()], vec![]))?;
        same(
            app(&workdir, &["drop", "facts", "--yes"], &[("DATABASE_URL", database.url.as_str())])?.status.code(),
            Some(0),
        )?;
    }
    Ok(())
}
