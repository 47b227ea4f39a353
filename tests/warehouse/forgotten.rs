//! What was lost with a database is told until it is there again, or somebody says to know: whatever database stands in its place.

use std::fs;

use anyhow::Context;
use sluice::sql::Engine;
use sluice::warehouse::{Reading, Scope, WarehouseError};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, listen, same};

cases! {
    on_both:
        a_new_database_names_what_it_lacks,
        a_backup_after_a_new_database_names_what_it_lacks,
        what_somebody_knows_of_is_known_of_one_database,
        what_is_loaded_again_is_lost_no_more,
        kept_files_come_back_once,
        kept_files_come_back_by_their_names_in_their_order,
        what_comes_back_as_something_else_is_lost_as_before,
        a_newer_dump_ends_the_loss,
        a_list_that_cannot_be_read_is_no_consent,
        an_older_catalog_stays_the_same_database,
        what_was_cut_from_the_log_is_told_by_its_number,
        a_delete_that_cannot_be_noted_is_put_off;
    on_sqlite:
        a_removed_database_of_nobody_is_told,
        a_database_that_is_moved_while_nothing_comes_is_told,
        a_file_that_goes_between_commit_and_delete_is_noticed,
        a_new_connection_is_to_the_same_file;
}

fn at(url: &str) -> [(&str, &str); 1] {
    [("DATABASE_URL", url)]
}

/// Runs `app --once`; returns its exit code, and what it says.
fn once(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<(Option<i32>, String)> {
    let done = app(workdir, &["--once"], settings)?;
    Ok((done.status.code(), stdout(&done) + &stderr(&done)))
}

fn status(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<(Option<i32>, String)> {
    let done = app(workdir, &["status"], settings)?;
    Ok((done.status.code(), stdout(&done) + &stderr(&done)))
}

/// Loads files of one row each, by these numbers.
fn load(workdir: &Workdir, settings: &[(&str, &str)], numbers: &[u32]) -> Outcome {
    for number in numbers {
        workdir.write(&format!("imports/t.{number}.csv"), format!("a\n{number}\n"))?;
        let (_, said) = once(workdir, settings)?;
        holds(&said, "files: 1 loaded")?;
    }
    Ok(())
}

/// The numbers of the files that `app status` names, with its exit code.
fn lost(workdir: &Workdir, settings: &[(&str, &str)]) -> anyhow::Result<(Option<i32>, Vec<u32>)> {
    let (code, said) = status(workdir, settings)?;
    let named = |number: &u32| said.contains(&format!("t.{number}.csv"));
    Ok((code, (1..=9).filter(named).collect()))
}

/// A copy of the database as it is now, at another address.
pub(super) async fn copy(database: &TestDatabase, workdir: &Workdir, name: &str) -> anyhow::Result<String> {
    match database.engine {
        Engine::Sqlite => {
            let to = workdir.path(name).display().to_string();
            let mut connection = SqliteConnection::connect(&database.url).await?;
            connection.execute(sqlx::AssertSqlSafe(format!("vacuum into '{to}'"))).await?;
            Ok(format!("sqlite://{to}"))
        }
        Engine::Postgres => crate::support::cluster::copy_of(&database.url).await,
    }
}

async fn a_new_database_names_what_it_lacks(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1, 2])?;
    same(lost(&workdir, &at(&database.url))?, (Some(0), vec![]))?;
    let other = database.another().await?;
    // It is told before anything is started on it, and by whatever is.
    same(lost(&workdir, &at(&other.url))?, (Some(1), vec![1, 2]))?;
    let hook = listen::webhook()?;
    let webhook = format!("http://127.0.0.1:{}/", hook.port);
    let mut daemon = Daemon::start(&workdir, &[], &[at(&other.url)[0], ("ALERT_WEBHOOK", &webhook)])?;
    daemon.wait_for(&["ERROR", "it has not got the rows of 2 loads", "t.1.csv", "put the database back"])?;
    let told = hook.next()?;
    same((&told["kind"], &told["state"]), (&"lost".into(), &"raised".into()))?;
    holds(told["message"].as_str().unwrap_or_default(), "2 loads")?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    let (code, said) = status(&workdir, &at(&other.url))?;
    same(code, Some(1))?;
    holds(&said, "it has not got the rows of 2 loads, whose files are not here any more: t.2.csv, t.1.csv")?;
    holds(&said, "imports/.sluice/lost.jsonl lists the loads: remove it to be told no more")?;
    same(once(&workdir, &at(&other.url))?.0, Some(1))?;
    // The first database has not lost anything.
    same(once(&workdir, &at(&database.url))?.0, Some(0))?;
    same(lost(&workdir, &at(&database.url))?, (Some(0), vec![]))
}

async fn a_backup_after_a_new_database_names_what_it_lacks(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1, 2])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &at(&database.url), &[3, 4])?;
    let other = database.another().await?;
    // A start on the new one, with and without a load into it.
    for number in [vec![], vec![5]] {
        once(&workdir, &at(&other.url))?;
        load(&workdir, &at(&other.url), &number)?;
        let (_, said) = once(&workdir, &at(&backup))?;
        holds(&said, "t.3.csv")?;
        let named = if number.is_empty() { vec![3, 4] } else { vec![3, 4, 5] };
        same(lost(&workdir, &at(&backup))?, (Some(1), named))?;
    }
    // To and fro: each has its own losses.
    same((once(&workdir, &at(&other.url))?.0, once(&workdir, &at(&backup))?.0), (Some(1), Some(1)))?;
    same(lost(&workdir, &at(&other.url))?, (Some(1), vec![1, 2, 3, 4]))?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![3, 4, 5]))?;
    // The first one has all but what went into the other.
    same(lost(&workdir, &at(&database.url))?, (Some(1), vec![5]))
}

async fn what_somebody_knows_of_is_known_of_one_database(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1, 2])?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &at(&database.url), &[3])?;
    let other = database.another().await?;
    once(&workdir, &at(&other.url))?;
    fs::remove_file(workdir.path("imports/.sluice/lost.jsonl"))?;
    for _ in 0..2 {
        same(lost(&workdir, &at(&other.url))?, (Some(0), vec![]))?;
        same(once(&workdir, &at(&other.url))?.0, Some(0))?;
    }
    // The backup's loss is another.
    same(once(&workdir, &at(&backup))?.0, Some(1))?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![3]))?;
    same(once(&workdir, &at(&other.url))?.0, Some(0))?;
    same(once(&workdir, &at(&backup))?.0, Some(1))?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![3]))?;
    fs::remove_file(workdir.path("imports/.sluice/lost.jsonl"))?;
    same(once(&workdir, &at(&backup))?.0, Some(0))?;
    // Without the memory of what was told, it is told again.
    fs::remove_file(workdir.path("imports/.sluice/told.json"))?;
    same(once(&workdir, &at(&backup))?.0, Some(1))?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![3]))
}

async fn what_is_loaded_again_is_lost_no_more(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\nduplicates: load\n")?;
    load(&workdir, &at(&database.url), &[1])?;
    let backup = copy(&database, &workdir, "backup").await?;
    // The same content twice is two loads here.
    load(&workdir, &at(&database.url), &[2, 2])?;
    same(once(&workdir, &at(&backup))?.0, Some(1))?;
    same(fs::read_to_string(workdir.path("imports/.sluice/lost.jsonl"))?.lines().count(), 2)?;
    load(&workdir, &at(&backup), &[2])?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![2]))?;
    load(&workdir, &at(&backup), &[2])?;
    same(lost(&workdir, &at(&backup))?, (Some(0), vec![]))?;
    same(once(&workdir, &at(&backup))?.0, Some(0))?;
    // The first one has those loads under its own numbers.
    same(once(&workdir, &at(&database.url))?.0, Some(0))?;
    same(lost(&workdir, &at(&database.url))?, (Some(0), vec![]))
}

async fn kept_files_come_back_once(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("t", "name: t\nfiles: [\"t.*\"]\ntable: t\nduplicates: load\n")?;
    let keeping = |url| [("DATABASE_URL", url), ("ON_SUCCESS", "archive")];
    load(&workdir, &keeping(database.url.as_str()), &[1])?;
    let (first, second) = (copy(&database, &workdir, "one").await?, copy(&database, &workdir, "two").await?);
    load(&workdir, &keeping(&database.url), &[2, 3])?;
    // Before a start brings them back, it is told where they are.
    let (code, said) = status(&workdir, &keeping(&first))?;
    same((code, said.contains("not here any more")), (Some(1), false))?;
    holds(
        &said,
        "load 3 (t.3.csv into t): the database has lost a load that it had confirmed, and its file is kept as archive/",
    )?;
    holds(&said, "app, or app --once, brings it back once and loads it again")?;
    let count = async |url: &str| -> anyhow::Result<u64> {
        let warehouse = sluice::warehouse::connect(&crate::support::address(url)).await?;
        let table = warehouse.names().table(&sluice::sql::Table::staging("t"));
        let rows = warehouse.read(&format!("select count(*) from {table}"), Reading::default()).await?.all().await?;
        warehouse.close().await;
        Ok(rows[0].get(0)?)
    };
    // The same backup is restored, twice.
    for url in [&first, &second] {
        for _ in 0..2 {
            same(once(&workdir, &keeping(url))?.0, Some(0))?;
            same(count(url).await?, 3)?;
        }
        same(lost(&workdir, &keeping(url))?, (Some(0), vec![]))?;
    }
    // And then what had them all along.
    same(once(&workdir, &keeping(&database.url))?.0, Some(0))?;
    same(count(&database.url).await?, 3)?;
    same(workdir.list("imports"), Vec::<String>::new())
}

async fn kept_files_come_back_by_their_names_in_their_order(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("sales", "name: sales\nfiles: [\"sales.csv\"]\ntable: facts\nmode: upsert\nkey: [id]\n")?;
    let keeping = |url| [("DATABASE_URL", url), ("ON_SUCCESS", "archive")];
    let day = |day: u32| -> Outcome {
        workdir.write("imports/sales.csv", format!("id,v\n1,{day}\n"))?;
        Ok(())
    };
    day(1)?;
    same(once(&workdir, &keeping(&database.url))?.0, Some(0))?;
    let backup = copy(&database, &workdir, "backup").await?;
    for number in 2..=12 {
        day(number)?;
        same(once(&workdir, &keeping(&database.url))?.0, Some(0))?;
    }
    // What has come meanwhile counts after them.
    day(13)?;
    let (code, said) = once(&workdir, &keeping(&backup))?;
    same((code, said.matches("its file is loaded again").count()), (Some(0), 11))?;
    let warehouse = sluice::warehouse::connect(&crate::support::address(&backup)).await?;
    let table = warehouse.names().table(&sluice::sql::Table::staging("facts"));
    let rows = warehouse.read(&format!("select v from {table}"), Reading::default()).await?.all().await?;
    let tables = sluice::catalog::Catalog::new(std::sync::Arc::clone(&warehouse));
    let mut transaction = warehouse.begin(Scope::Load).await?;
    same(tables.datasets_in(&mut *transaction).await?, vec!["facts".to_owned()])?;
    drop(transaction);
    warehouse.close().await;
    same((rows[0].get::<i64>(0)?, workdir.list("imports")), (13, vec![]))
}

async fn what_comes_back_as_something_else_is_lost_as_before(database: TestDatabase, workdir: Workdir) -> Outcome {
    let keeping = |url| [("DATABASE_URL", url), ("ON_SUCCESS", "archive")];
    let own = keeping(database.url.as_str());
    let plugin = |table: &str| workdir.plugin("t", &format!("name: t\nfiles: [\"t.*\"]\ntable: {table}\n"));
    plugin("t")?;
    load(&workdir, &own, &[1])?;
    let (first, second) = (copy(&database, &workdir, "one").await?, copy(&database, &workdir, "two").await?);
    load(&workdir, &own, &[2, 3])?;
    let kept: Vec<_> = workdir.list("archive").into_iter().filter(|name| name.contains("t.2")).collect();
    let kept = format!("archive/{}", kept.first().context("it is kept")?);
    // What is kept was written over, and stands again afterwards.
    let text = fs::read(workdir.path(&kept))?;
    workdir.write(&kept, "a\n7\n")?;
    let (_, said) = once(&workdir, &keeping(&first))?;
    holds(&said, "has other rows, or went into another table: the load is lost as before")?;
    same(lost(&workdir, &keeping(&first))?, (Some(1), vec![2]))?;
    workdir.write("imports/t.2.csv", &text)?;
    same(once(&workdir, &keeping(&first))?.0, Some(0))?;
    same(lost(&workdir, &keeping(&first))?, (Some(0), vec![]))?;
    // It goes into another table.
    fs::write(workdir.path(&kept), &text)?;
    plugin("other")?;
    once(&workdir, &keeping(&second))?;
    same(lost(&workdir, &keeping(&second))?, (Some(1), vec![2, 3]))
}

async fn a_newer_dump_ends_the_loss(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1])?;
    let older = copy(&database, &workdir, "older").await?;
    load(&workdir, &at(&database.url), &[2])?;
    let newer = copy(&database, &workdir, "newer").await?;
    load(&workdir, &at(&database.url), &[3])?;
    same(once(&workdir, &at(&older))?.0, Some(1))?;
    same(lost(&workdir, &at(&older))?, (Some(1), vec![2, 3]))?;
    same(once(&workdir, &at(&newer))?.0, Some(1))?;
    same(lost(&workdir, &at(&newer))?, (Some(1), vec![3]))?;
    // Known there, it is not known of an older one, which it was told of before.
    fs::remove_file(workdir.path("imports/.sluice/lost.jsonl"))?;
    same(once(&workdir, &at(&newer))?.0, Some(0))?;
    same(once(&workdir, &at(&older))?.0, Some(1))?;
    same(lost(&workdir, &at(&older))?, (Some(1), vec![2]))?;
    // A log that is older than the database misses nothing.
    fs::remove_file(workdir.path("imports/.sluice/deleted.jsonl"))?;
    same(once(&workdir, &at(&database.url))?.0, Some(0))?;
    same(lost(&workdir, &at(&database.url))?, (Some(0), vec![]))
}

async fn a_list_that_cannot_be_read_is_no_consent(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1])?;
    let other = database.another().await?;
    same(once(&workdir, &at(&other.url))?.0, Some(1))?;
    let list = workdir.path("imports/.sluice/lost.jsonl");
    let listed = fs::read_to_string(&list)?;
    fs::write(&list, &listed[..listed.len() / 2])?;
    same(lost(&workdir, &at(&other.url))?, (Some(1), vec![1]))?;
    same(once(&workdir, &at(&other.url))?.0, Some(1))?;
    same(fs::read_to_string(&list)?, listed)?;
    // The log itself, too.
    let log = workdir.path("imports/.sluice/deleted.jsonl");
    fs::rename(&log, workdir.path("away"))?;
    fs::create_dir_all(log.join("x"))?;
    let (code, said) = status(&workdir, &at(&database.url))?;
    same(code, Some(1))?;
    holds(&said, "the notes of deleted files cannot be read")
}

async fn an_older_catalog_stays_the_same_database(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1])?;
    let (identity, migration) = match database.engine {
        Engine::Sqlite => ("sluice__identity", "sluice__migration"),
        Engine::Postgres => ("sluice.identity", "sluice.migration"),
    };
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(&format!("drop table {identity}"), &[]).await?;
    transaction.execute(&format!("delete from {migration} where version like '%_identity'"), &[]).await?;
    transaction.commit().await?;
    let backup = copy(&database, &workdir, "backup").await?;
    load(&workdir, &at(&database.url), &[2])?;
    // Both are brought up to date by themselves.
    let (code, said) = once(&workdir, &at(&backup))?;
    same(code, Some(1))?;
    holds(&said, "the database has lost a load")?;
    same(said.contains("this is another database"), false)?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![2]))?;
    same(once(&workdir, &at(&database.url))?.0, Some(0))?;
    // The number that stood in records of older versions.
    let log = workdir.path("imports/.sluice/deleted.jsonl");
    let older = fs::read_to_string(&log)?.lines().map(older).collect::<anyhow::Result<String>>()?;
    fs::write(&log, older)?;
    let (_, said) = once(&workdir, &at(&backup))?;
    holds(&said, "has lost a load")?;
    same(lost(&workdir, &at(&backup))?, (Some(1), vec![2]))
}

/// A record as older versions wrote it.
fn older(line: &str) -> anyhow::Result<String> {
    if line.is_empty() {
        return Ok(String::new());
    }
    let mut record: serde_json::Value = serde_json::from_str(line)?;
    if let Some(number) = record["catalog"].as_str().and_then(|catalog| catalog.parse::<i64>().ok()) {
        record["catalog"] = number.into();
    }
    record.as_object_mut().map(|fields| fields.remove("note"));
    Ok(format!("{record}\n{{\"met\":\"x/0\",\"lost\":[{}]}}\n", record["load"]))
}

async fn what_was_cut_from_the_log_is_told_by_its_number(database: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &at(&database.url), &[1])?;
    let log = workdir.path("imports/.sluice/deleted.jsonl");
    let noted = fs::read_to_string(&log)?;
    let record: serde_json::Value = serde_json::from_str(noted.trim())?;
    for (cut, code) in [(1, 0), (50, 1)] {
        fs::write(&log, format!("{}\n{noted}", serde_json::json!({"cut": cut, "of": record["catalog"]})))?;
        same((cut, once(&workdir, &at(&database.url))?.0), (cut, Some(code)))?;
    }
    let (code, said) = status(&workdir, &at(&database.url))?;
    same(code, Some(1))?;
    holds(&said, "load 50 and others before it, whose names are not kept")?;
    fs::remove_file(workdir.path("imports/.sluice/lost.jsonl"))?;
    same(once(&workdir, &at(&database.url))?.0, Some(0))?;
    same(lost(&workdir, &at(&database.url))?, (Some(0), vec![]))
}

async fn a_delete_that_cannot_be_noted_is_put_off(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (first, second, keeping) in [(1, 2, "delete"), (3, 4, "archive")] {
        let settings = [("DATABASE_URL", database.url.as_str()), ("ON_SUCCESS", keeping)];
        load(&workdir, &settings, &[first])?;
        let log = workdir.path("imports/.sluice/deleted.jsonl");
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        daemon.wait_for(&["watching"])?;
        fs::rename(&log, workdir.path("away"))?;
        fs::create_dir_all(log.join("x"))?;
        workdir.write(&format!("imports/t.{second}.csv"), format!("a\n{second}\n"))?;
        let why = "its rows are loaded, and it is not deleted, because that cannot be noted in .sluice/deleted.jsonl";
        daemon.wait_for(&["ERROR", why])?;
        let mut said = status(&workdir, &settings)?;
        for _ in 0..100 {
            if !said.1.contains(why) {
                said = status(&workdir, &settings)?;
            }
        }
        same(said.0, Some(1))?;
        holds(&said.1, why)?;
        holds(&said.1, "look at what stands there")?;
        same(workdir.path(&format!("archive/t.{second}.csv")).exists(), false)?;
        fs::remove_dir_all(&log)?;
        fs::rename(workdir.path("away"), &log)?;
        daemon.wait_for(&[&format!("loaded what had been begun before of t.{second}.csv")])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
        same(once(&workdir, &settings)?.0, Some(0))?;
        same(database.text(&format!("select count(*) from staging.t where a = {second}")).await?, "1")?;
        holds(&fs::read_to_string(&log)?, &format!("t.{second}.csv"))?;
        same(lost(&workdir, &settings)?, (Some(0), vec![]))?;
    }
    Ok(())
}

const DATA: [(&str, &str); 1] = [("DATABASE_URL", "sqlite://data/warehouse.db")];

async fn a_removed_database_of_nobody_is_told(_: TestDatabase, workdir: Workdir) -> Outcome {
    load(&workdir, &DATA, &[1, 2])?;
    fs::remove_dir_all(workdir.path("data"))?;
    let (code, said) = status(&workdir, &DATA)?;
    same(code, Some(1))?;
    holds(&said, "there is no warehouse in sqlite://data/warehouse.db: 2 loads went into one")?;
    // Nothing was ever loaded here.
    fs::remove_dir_all(workdir.path("imports/.sluice"))?;
    same(status(&workdir, &DATA)?.0, Some(0))
}

async fn a_database_that_is_moved_while_nothing_comes_is_told(_: TestDatabase, workdir: Workdir) -> Outcome {
    let file = workdir.path("data/warehouse.db");
    for is_replaced in [false, true] {
        let mut daemon = Daemon::start(&workdir, &[], &DATA)?;
        daemon.wait_for(&["watching"])?;
        fs::rename(&file, workdir.path("away.db"))?;
        if is_replaced {
            fs::copy(workdir.path("away.db"), &file)?;
        }
        daemon.wait_for(&["the database file was moved or replaced while Sluice runs"])?;
        let mut said = status(&workdir, &DATA)?;
        for _ in 0..100 {
            if said.0 == Some(0) {
                said = status(&workdir, &DATA)?;
            }
        }
        same(said.0, Some(1))?;
        holds(&said.1, "put it back, or restart Sluice")?;
        fs::rename(workdir.path("away.db"), &file)?;
        daemon.wait_for(&["all is well again"])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
    }
    Ok(())
}

async fn a_file_that_goes_between_commit_and_delete_is_noticed(_: TestDatabase, workdir: Workdir) -> Outcome {
    use rustix::process::{Pid, Signal, WaitIdOptions, kill_process, waitid};
    let reset = || -> Outcome {
        for folder in ["data", "away", "imports/.sluice"] {
            if workdir.path(folder).exists() {
                fs::remove_dir_all(workdir.path(folder))?;
            }
        }
        Ok(())
    };
    let (mut done, mut tried) = (Vec::new(), 0);
    while done != [false, true] {
        let is_replaced = !done.is_empty();
        workdir.write("imports/t.1.csv", "a\n1\n")?;
        let mut daemon = Daemon::start(&workdir, &[], &[DATA[0], ("STOP_AT", "committed")])?;
        let pid = Pid::from_raw(i32::try_from(daemon.id())?).expect("a process has a number");
        waitid(rustix::process::WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT)?;
        // The system may have let the other threads run on for a moment.
        let noted = workdir.read("imports/.sluice/deleted.jsonl").unwrap_or_default();
        if noted.contains("t.1.csv") {
            tried += 1;
            anyhow::ensure!(tried < 50, "it never stops before the delete");
            daemon.kill()?;
            reset()?;
            continue;
        }
        fs::rename(workdir.path("data"), workdir.path("away"))?;
        if is_replaced {
            fs::create_dir(workdir.path("data"))?;
            fs::copy(workdir.path("away/warehouse.db"), workdir.path("data/warehouse.db"))?;
        }
        kill_process(pid, Signal::CONT)?;
        daemon.wait_for(&["the database file was moved or replaced while Sluice runs"])?;
        daemon.kill()?;
        // The rows are in the file that is away, and the file is loaded into what is in its place.
        let (_, said) = once(&workdir, &DATA)?;
        holds(&said, "t.1.csv")?;
        holds(&said, "files: 1 loaded")?;
        same(workdir.list("imports"), Vec::<String>::new())?;
        reset()?;
        done.push(is_replaced);
    }
    Ok(())
}

async fn a_new_connection_is_to_the_same_file(database: TestDatabase, workdir: Workdir) -> Outcome {
    let file = database.url.trim_start_matches("sqlite://").to_owned();
    let (away, other) = (workdir.path("away.db"), workdir.path("other.db"));
    let begin = async || database.warehouse.begin(Scope::Load).await;
    let run = async |sql: &str| -> Outcome {
        let mut transaction = begin().await?;
        transaction.execute(sql, &[]).await?;
        Ok(transaction.commit().await?)
    };
    run("create table t (n bigint)").await?;
    copy(&database, &workdir, "other.db").await?;
    let catalog = sluice::catalog::Catalog::new(std::sync::Arc::clone(&database.warehouse));
    for number in 1..=3 {
        // The connection of a load that is given up goes.
        let mut transaction = begin().await?;
        transaction.execute("insert into t values (0)", &[]).await?;
        drop(transaction);
        fs::rename(&file, &away)?;
        fs::rename(&other, &file)?;
        // Whoever reads or writes now gets no connection to the other file, and none stays for later.
        let moved = |error: Option<WarehouseError>| matches!(error, Some(WarehouseError::Moved(_)));
        let read = database.warehouse.read("select n from t", Reading::default()).await;
        same((moved(read.err()), moved(begin().await.err())), (true, true))?;
        let reads = futures_util::future::join_all((0..8).map(|_| catalog.loads(1))).await;
        drop(reads);
        fs::rename(&file, &other)?;
        fs::rename(&away, &file)?;
        run(&format!("insert into t values ({number})")).await?;
    }
    let rows = async |path: String| -> anyhow::Result<i64> {
        let mut connection = SqliteConnection::connect(&format!("sqlite://{path}")).await?;
        Ok(sqlx::query_scalar("select count(*) from t").fetch_one(&mut connection).await?)
    };
    same((rows(file).await?, rows(other.display().to_string()).await?), (3, 0))
}
