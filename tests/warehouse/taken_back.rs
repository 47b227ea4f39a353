//! A load that was retracted, or whose table was dropped, does not come back with a restored database; one that is there
//! again is told, and a file that was delivered again is no such load.

use std::fs;

use sluice::sql::Table;

use super::forgotten::copy;
use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_retracted_load_does_not_come_back,
        a_retracted_load_without_its_file_is_no_loss,
        a_retracted_load_that_is_there_again_is_told,
        what_was_delivered_again_comes_back,
        what_was_delivered_again_is_no_retracted_load,
        a_retraction_is_of_one_database,
        a_retracted_part_holds_up_its_file,
        loads_of_a_dropped_table_do_not_come_back,
        loads_of_a_dropped_table_may_stay,
        a_dropped_table_that_is_there_again_is_told,
        a_retraction_that_cannot_be_noted_does_not_happen,
        a_daemon_tells_it_too,
        what_comes_back_goes_before_what_waits;
}

type Settings<'a> = [(&'a str, &'a str); 2];

fn keeping(url: &str) -> Settings<'_> {
    [("DATABASE_URL", url), ("ON_SUCCESS", "archive")]
}

fn deleting(url: &str) -> Settings<'_> {
    [("DATABASE_URL", url), ("ON_SUCCESS", "delete")]
}

fn run(workdir: &Workdir, args: &[&str], settings: &Settings<'_>) -> anyhow::Result<(Option<i32>, String)> {
    let done = app(workdir, args, settings)?;
    Ok((done.status.code(), stdout(&done) + &stderr(&done)))
}

fn load(workdir: &Workdir, settings: &Settings<'_>, numbers: &[u32]) -> Outcome {
    for number in numbers {
        workdir.write(&format!("imports/t.{number}.csv"), format!("a\n{number}\n"))?;
        holds(&run(workdir, &["--once"], settings)?.1, "files: 1 loaded")?;
    }
    Ok(())
}

fn retract(workdir: &Workdir, settings: &Settings<'_>, load: u32) -> Outcome {
    same(run(workdir, &["retract", &load.to_string(), "--yes"], settings)?.0, Some(0))
}

/// Nothing is told, by `app --once` or by `app status`.
fn is_well(workdir: &Workdir, settings: &Settings<'_>) -> Outcome {
    for args in [["--once"], ["status"]] {
        let (code, said) = run(workdir, &args, settings)?;
        same((code, said.clone()), (Some(0), said))?;
    }
    Ok(())
}

/// The numbers in a table of the database at an address; none if there is no such table.
async fn numbers(url: &str, table: &str) -> anyhow::Result<Vec<i64>> {
    let warehouse = sluice::warehouse::connect(&crate::support::address(url)).await?;
    let mut transaction = warehouse.begin(sluice::warehouse::Scope::Load).await?;
    let table = Table::staging(table);
    let mut rows = Vec::new();
    if !transaction.columns(&table).await?.is_empty() {
        let select = format!("select a from {} order by 1", warehouse.names().table(&table));
        rows = transaction.query(&select, &[]).await?;
    }
    drop(transaction);
    warehouse.close().await;
    rows.iter().map(|row| Ok(row.get(0)?)).collect()
}

async fn a_retracted_load_does_not_come_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = keeping(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &settings, &[2, 3])?;
    // A second delivery of it, which brings nothing, is kept, too.
    workdir.write("imports/t.4.csv", "a\n2\n")?;
    holds(&run(&workdir, &["--once"], &settings)?.1, "1 duplicate")?;
    retract(&workdir, &settings, 2)?;
    is_well(&workdir, &settings)?;
    let restored = keeping(&backup);
    let (code, said) = run(&workdir, &["--once"], &restored)?;
    same((code, said.matches("its file is loaded again").count()), (Some(0), 1))?;
    same(numbers(&backup, "t").await?, vec![1, 3])?;
    is_well(&workdir, &restored)?;
    same(numbers(&backup, "t").await?, vec![1, 3])
}

async fn a_dropped_table_that_is_there_again_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = keeping(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    same(run(&workdir, &["drop", "staging.t", "--yes"], &settings)?.0, Some(0))?;
    let told = |settings: &Settings<'_>| -> anyhow::Result<bool> {
        let (code, said) = run(&workdir, &["doctor"], settings)?;
        same((code, said.as_str()), (Some(0), said.as_str()))?;
        Ok(said.contains("app drop had dropped staging.t") && said.contains("to drop it again: app drop staging.t"))
    };
    same((told(&settings)?, told(&keeping(&backup))?), (false, true))?;
    // Loaded since, it is wanted.
    load(&workdir, &settings, &[2])?;
    same(told(&settings)?, false)?;
    same(run(&workdir, &["drop", "staging.t", "--yes"], &keeping(&backup))?.0, Some(0))?;
    same(told(&keeping(&backup))?, false)
}

async fn a_retracted_load_without_its_file_is_no_loss(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = deleting(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &settings, &[2])?;
    retract(&workdir, &settings, 2)?;
    is_well(&workdir, &deleting(&backup))?;
    // Nor in a database that never had it.
    let other = database.another().await?;
    let (code, said) = run(&workdir, &["status"], &deleting(&other.url))?;
    same((code, said.contains("t.1.csv"), said.contains("t.2.csv")), (Some(1), true, false))
}

async fn a_retracted_load_that_is_there_again_is_told(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = deleting(&database.url);
    load(&workdir, &settings, &[1, 2])?;
    let (first, second) = (copy(&database, &workdir, "one").await?, copy(&database, &workdir, "two").await?);
    retract(&workdir, &settings, 2)?;
    let restored = deleting(&first);
    let told = |settings: &Settings<'_>| -> Outcome {
        for args in [["status"], ["--once"], ["status"], ["--once"]] {
            same((args, run(&workdir, &args, settings)?.0), (args, Some(1)))?;
        }
        let (_, said) = run(&workdir, &["status"], settings)?;
        holds(&said, "load 2 (t.2.csv into t): its load was retracted, and its rows are in t again")?;
        holds(&said, "app retract 2 takes them out again")?;
        same(said.contains("t.1.csv"), false)
    };
    told(&restored)?;
    // The first database is as it was, whatever was told of another state.
    is_well(&workdir, &settings)?;
    told(&restored)?;
    retract(&workdir, &restored, 2)?;
    same(run(&workdir, &["status"], &restored)?.0, Some(0))?;
    is_well(&workdir, &restored)?;
    same(numbers(&first, "t").await?, vec![1])?;
    // Restored once more, and this time it is to stay.
    let restored = deleting(&second);
    told(&restored)?;
    fs::remove_file(workdir.path("imports/.sluice/lost.jsonl"))?;
    is_well(&workdir, &restored)?;
    fs::remove_file(workdir.path("imports/.sluice/told.json"))?;
    is_well(&workdir, &restored)?;
    same(numbers(&second, "t").await?, vec![1, 2])?;
    // From here on its loss is one.
    let other = database.another().await?;
    let (_, said) = run(&workdir, &["status"], &deleting(&other.url))?;
    holds(&said, "2 loads")?;
    retract(&workdir, &restored, 2)?;
    is_well(&workdir, &restored)
}

async fn what_was_delivered_again_comes_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = keeping(&database.url);
    load(&workdir, &settings, &[1])?;
    let before = copy(&database, &workdir, "before").await?;
    load(&workdir, &settings, &[2])?;
    let with = copy(&database, &workdir, "with").await?;
    retract(&workdir, &settings, 2)?;
    let without = copy(&database, &workdir, "without").await?;
    load(&workdir, &settings, &[2])?;
    for backup in [&before, &with, &without] {
        for _ in 0..2 {
            is_well(&workdir, &keeping(backup))?;
            same(numbers(backup, "t").await?, vec![1, 2])?;
        }
    }
    is_well(&workdir, &settings)
}

async fn what_was_delivered_again_is_no_retracted_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = deleting(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &settings, &[2])?;
    retract(&workdir, &settings, 2)?;
    // It gets the number that the retracted one had.
    load(&workdir, &deleting(&backup), &[2])?;
    is_well(&workdir, &deleting(&backup))?;
    let other = database.another().await?;
    let (_, said) = run(&workdir, &["status"], &deleting(&other.url))?;
    holds(&said, "2 loads")?;
    retract(&workdir, &deleting(&backup), 2)?;
    is_well(&workdir, &deleting(&backup))?;
    same(numbers(&backup, "t").await?, vec![1])
}

async fn a_retraction_is_of_one_database(database: TestDatabase, workdir: Workdir) -> Outcome {
    let (settings, other) = (deleting(&database.url), database.another().await?);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &settings, &[2])?;
    // Both files go into the other one, as its loads 1 and 2, and one is taken out there.
    same(run(&workdir, &["--once"], &deleting(&other.url))?.0, Some(1))?;
    load(&workdir, &deleting(&other.url), &[1, 2])?;
    is_well(&workdir, &deleting(&other.url))?;
    retract(&workdir, &deleting(&other.url), 2)?;
    is_well(&workdir, &deleting(&other.url))?;
    is_well(&workdir, &settings)?;
    same(numbers(&database.url, "t").await?, vec![1, 2])?;
    // The first one has lost a load that was retracted in the other one only.
    let (code, said) = run(&workdir, &["--once"], &deleting(&backup))?;
    same(code, Some(1))?;
    holds(&said, "t.2.csv")
}

async fn a_retracted_part_holds_up_its_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = keeping(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [("good.csv", "a\n5\n"), ("bad.csv", "a\n6\n")] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())?;
        std::io::Write::write_all(&mut zip, text.as_bytes())?;
    }
    workdir.write("imports/day.zip", zip.finish()?.into_inner())?;
    same(run(&workdir, &["--once"], &settings)?.0, Some(0))?;
    let bad = if numbers(&database.url, "bad").await? == [6] { "bad" } else { "day_bad" };
    let lines = database.text(&format!("select distinct _load_id from staging.{bad}")).await?;
    retract(&workdir, &settings, lines.parse()?)?;
    let (code, said) = run(&workdir, &["--once"], &keeping(&backup))?;
    same(code, Some(1))?;
    holds(&said, "is not brought back, because day.zip/bad.csv in it was retracted")?;
    same((numbers(&backup, bad).await?, workdir.list("imports")), (vec![], vec![]))?;
    let (code, said) = run(&workdir, &["status"], &keeping(&backup))?;
    same(code, Some(1))?;
    holds(&said, "archive/day.zip into imports again, and then retract the load of day.zip/bad.csv once more")?;
    fs::copy(workdir.path("archive/day.zip"), workdir.path("imports/day.zip"))?;
    run(&workdir, &["--once"], &keeping(&backup))?;
    is_well(&workdir, &keeping(&backup))
}

async fn loads_of_a_dropped_table_do_not_come_back(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = keeping(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &settings, &[2, 3])?;
    same(run(&workdir, &["drop", "staging.t", "--yes"], &settings)?.0, Some(0))?;
    load(&workdir, &settings, &[3])?;
    is_well(&workdir, &settings)?;
    // What was dropped and is there again is told, also where the table was filled since.
    let restored = keeping(&backup);
    for args in [["--once"], ["status"], ["--once"]] {
        same((args, run(&workdir, &args, &restored)?.0), (args, Some(1)))?;
    }
    same(numbers(&backup, "t").await?, vec![1, 3])?;
    let (_, said) = run(&workdir, &["status"], &restored)?;
    holds(
        &said,
        "staging.t was dropped, and the rows of 1 load are in it again, for an older state of the database was restored: load 1 (t.1.csv)",
    )?;
    holds(&said, "app retract LOAD takes a load out again, app drop staging.t all that the table has")?;
    is_well(&workdir, &settings)?;
    retract(&workdir, &restored, 1)?;
    is_well(&workdir, &restored)?;
    same(numbers(&backup, "t").await?, vec![3])
}

async fn loads_of_a_dropped_table_may_stay(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = deleting(&database.url);
    load(&workdir, &settings, &[1, 2])?;
    let backup = copy(&database, &workdir, "backup").await?;
    same(run(&workdir, &["drop", "staging.t", "--yes"], &settings)?.0, Some(0))?;
    load(&workdir, &settings, &[3])?;
    let restored = deleting(&backup);
    let (code, said) = run(&workdir, &["--once"], &restored)?;
    same(code, Some(1))?;
    holds(&said, "the rows of 2 loads are in it again")?;
    fs::remove_file(workdir.path("imports/.sluice/lost.jsonl"))?;
    load(&workdir, &restored, &[3])?;
    is_well(&workdir, &restored)?;
    fs::remove_file(workdir.path("imports/.sluice/told.json"))?;
    is_well(&workdir, &restored)?;
    same(numbers(&backup, "t").await?, vec![1, 2, 3])?;
    // From here on their loss is one.
    let other = database.another().await?;
    holds(&run(&workdir, &["status"], &deleting(&other.url))?.1, "t.1.csv")
}

async fn a_retraction_that_cannot_be_noted_does_not_happen(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = deleting(&database.url);
    load(&workdir, &settings, &[1])?;
    let log = workdir.path("imports/.sluice/deleted.jsonl");
    fs::rename(&log, workdir.path("away"))?;
    fs::create_dir_all(log.join("x"))?;
    let (code, said) = run(&workdir, &["retract", "1", "--yes"], &settings)?;
    same(code, Some(1))?;
    holds(&said, "nothing was retracted: it cannot be noted in .sluice/deleted.jsonl")?;
    same(numbers(&database.url, "t").await?, vec![1])?;
    // Without any notes there is nothing that it could come back from, and that is said.
    fs::remove_dir_all(workdir.path("imports/.sluice"))?;
    let (code, said) = run(&workdir, &["retract", "1", "--yes"], &settings)?;
    same(code, Some(0))?;
    holds(&said, "the imports folder has no notes of what was deleted")
}

async fn a_daemon_tells_it_too(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = keeping(&database.url);
    load(&workdir, &settings, &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    retract(&workdir, &settings, 1)?;
    let mut daemon = Daemon::start(&workdir, &[], &keeping(&backup))?;
    daemon.wait_for(&["ERROR", "its load was retracted", "app retract 1"])?;
    retract(&workdir, &keeping(&backup), 1)?;
    same(run(&workdir, &["status"], &keeping(&backup))?.0, Some(0))?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    is_well(&workdir, &keeping(&backup))
}

async fn what_comes_back_goes_before_what_waits(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("days", "name: days\nfiles: [\"*.csv\"]\ntable: days\nmode: upsert\nkey: [id]\n")?;
    let settings = keeping(&database.url);
    let day = |name: &str, text: &str| workdir.write(&format!("imports/{name}"), format!("id,a\n{text}"));
    day("first.csv", "1,1\n")?;
    same(run(&workdir, &["--once"], &settings)?.0, Some(0))?;
    let backup = copy(&database, &workdir, "backup").await?;
    // They came in another order than that of their names.
    for (name, text) in [("y.csv", "1,2\n2,2\n3,2\n"), ("m.csv", "1,3\n2,3\n")] {
        day(name, text)?;
        same(run(&workdir, &["--once"], &settings)?.0, Some(0))?;
    }
    // A correction waits whose name comes before theirs.
    day("b.csv", "1,4\n")?;
    let restored = keeping(&backup);
    let (code, said) = run(&workdir, &["--once"], &restored)?;
    same((code, said.matches("its file is loaded again").count()), (Some(0), 2))?;
    same(said.contains("loaded after a file that comes after it by name: m.csv"), false)?;
    same(numbers(&backup, "days").await?, vec![2, 3, 4])
}
