//! `kill -9` at points of the path: after a restart every row is there once, and no file is left.

use crate::support::process::Daemon;
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

/// Points of the path at which the program dies, in their order, and whether its rows were committed by then.
const POINTS: [(&str, bool); 6] = [
    ("claimed", false),
    ("profiled", false),
    ("copied", false),
    ("finished", false),
    ("committed", true),
    ("deleted", true),
];

cases! {
    on_both:
        every_row_is_there_once_after_a_restart,
        killed_while_reading;
}

async fn every_row_is_there_once_after_a_restart(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (round, (point, committed)) in POINTS.into_iter().enumerate() {
        let text = (0..5000).fold(format!("a,{point}\n"), |text, n| text + &format!("{n},x\n")) + "bad\n";
        workdir.write("imports/t.csv", text)?;
        let settings = [("DATABASE_URL", database.url.as_str()), ("DIE_AT", point)];
        let mut daemon = Daemon::start(&workdir, &[], &settings)?;
        let status = daemon.wait()?;
        same((point, std::os::unix::process::ExitStatusExt::signal(&status)), (point, Some(9)))?;
        let loads = database.text("select count(*) from sluice.load").await?.parse::<usize>()?;
        same((point, loads), (point, round + usize::from(committed)))?;
        same(workdir.list("imports"), Vec::<String>::new())?;

        let mut daemon = Daemon::start(&workdir, &[], &settings[..1])?;
        if point != "deleted" {
            let line = daemon.wait_for(&[" loaded ", "t.csv"])?;
            holds(
                &line,
                "WARN loaded what had been begun before of t.csv: 5000 rows into staging.t, 1 rejected: app rejects ",
            )?;
        }
        // What comes after it loads as well, so the restart is over.
        workdir.write("imports/after.csv", format!("a\n{round}\n"))?;
        daemon.wait_for(&["INFO loaded", "after.csv"])?;
        same(daemon.terminate()?.0.code(), Some(0))?;
        same(workdir.claims(), 0)?;

        let rows = (round + 1) * 5000;
        same(
            (point, database.text("select count(*), count(distinct _load_id) from staging.t").await?),
            (point, format!("{rows}|{}", round + 1)),
        )?;
        same(database.text("select count(*) from sluice.reject").await?, (round + 1).to_string())?;
        same((point, workdir.list("exports/rejects").len()), (point, round + 1))?;
        same(std::fs::read_dir(workdir.path("exports/rejects"))?.count(), round + 1)?;
        same(
            database.text("select count(*) from sluice.load where dataset = 't' and status = 'loaded'").await?,
            (round + 1).to_string(),
        )?;
        // The ledger's other lines are those of after.csv.
        let mut transaction = database.warehouse.begin(sluice::warehouse::Scope::Load).await?;
        let load = database
            .warehouse
            .names()
            .table(&sluice::sql::Table { schema: sluice::sql::Schema::Catalog, name: "load".into() });
        same(transaction.execute(&format!("delete from {load} where dataset = 'after'"), &[]).await?, 1)?;
        transaction.commit().await?;
    }
    Ok(())
}

async fn killed_while_reading(database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut text = "id,word,price\n".to_owned();
    for n in 0..300_000 {
        text += &format!("{n},word number {n},{n}.25\n");
    }
    workdir.write("imports/big.csv", text)?;
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["loading", "big.csv"])?;
    daemon.kill()?;
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["INFO loaded", "big.csv: 300000 rows into staging.big (load "])?;
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(
        database.text("select count(*), count(distinct id), min(_line), max(_line) from staging.big").await?,
        "300000|300000|2|300001",
    )?;
    same(workdir.claims(), 0)
}
