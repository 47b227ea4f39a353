//! A catalog of which a table was taken away is refused, and told with what is missing, whatever the table is for; one of an
//! older program is told by what only reads.

use sluice::sql::Engine;
use sluice::warehouse::Scope;

use crate::support::process::{Daemon, app, stderr, stdout};
use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        a_table_of_the_catalog_that_is_gone_is_named_at_the_start,
        a_table_of_the_catalog_that_goes_holds_up_all_files,
        an_older_catalog_is_told_by_what_only_reads;
}

async fn run(database: &TestDatabase, sql: &str) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    if database.engine == Engine::Sqlite {
        // A connection that knows older tables would look for the new name among those.
        transaction.query("select count(*) from sqlite_schema", &[]).await?;
    }
    transaction.execute(sql, &[]).await?;
    Ok(transaction.commit().await?)
}

/// The statements that take a table of the catalog away and put it back.
fn taken(database: &TestDatabase, table: &str) -> [String; 2] {
    match database.engine {
        Engine::Postgres => [
            format!("alter table sluice.\"{table}\" rename to kept"),
            format!("alter table sluice.kept rename to \"{table}\""),
        ],
        Engine::Sqlite => [
            format!("alter table sluice__{table} rename to kept"),
            format!("alter table kept rename to sluice__{table}"),
        ],
    }
}

async fn a_table_of_the_catalog_that_is_gone_is_named_at_the_start(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    workdir.load(&database, "t.csv", "a\n0\n").await?;
    for init in ["true", "false"] {
        let settings = [("DATABASE_URL", database.url.as_str()), ("INIT_DB", init)];
        for table in ["load", "reject", "question", "identity", "star_reject", "checkpoint", "migration"] {
            let [take, back] = taken(&database, table);
            run(&database, &take).await?;
            workdir.write("imports/t.csv", format!("a\n{init}{table}\n"))?;
            let words =
                format!("the catalog is not whole, missing: the catalog's table {table}: restore it from a backup");
            for command in [&["--once"][..], &["status"], &["doctor"], &["loads"], &["why", "t.csv"]] {
                let output = app(&workdir, command, &settings)?;
                let said = stdout(&output) + &stderr(&output);
                same((init, table, command, output.status.code()), (init, table, command, Some(1)))?;
                holds(&said, &words)?;
            }
            same(workdir.list("imports"), ["t.csv"])?;
            run(&database, &back).await?;
            same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
        }
    }
    same(database.text("select count(*) from staging.t").await?, "15")
}

async fn a_table_of_the_catalog_that_goes_holds_up_all_files(database: TestDatabase, workdir: Workdir) -> Outcome {
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut daemon = Daemon::start(&workdir, &[], &settings)?;
    daemon.wait_for(&["watching"])?;
    // None of them is needed by the load itself.
    for table in ["question", "reject", "run"] {
        let [take, back] = taken(&database, table);
        run(&database, &take).await?;
        workdir.write(&format!("imports/{table}.csv"), "a\n1\n")?;
        let said = daemon.wait_for(&["the catalog is not whole, missing: the catalog's table", table])?;
        holds(&said, "files wait in the folder until that is fixed")?;
        run(&database, &back).await?;
        daemon.wait_for(&["INFO loaded", &format!("{table}.csv")])?;
    }
    same(daemon.terminate()?.0.code(), Some(0))?;
    same(database.text("select count(*) from sluice.load where status <> 'loaded'").await?, "0")
}

async fn an_older_catalog_is_told_by_what_only_reads(database: TestDatabase, workdir: Workdir) -> Outcome {
    let old = database.of_statements(|engine| format!("tests/data/version-0.1.{engine}.sql")).await?;
    let settings = [("DATABASE_URL", old.url.as_str())];
    for command in [&["loads"][..], &["rejects"], &["why", "t.csv"], &["export", "staging.t"], &["status"]] {
        let output = app(&workdir, command, &settings)?;
        let said = stdout(&output) + &stderr(&output);
        same((command, output.status.code()), (command, Some(1)))?;
        holds(&said, "is an older Sluice's, or not whole; missing: the catalog's migration")?;
        holds(&said, "start app, or app --once, with INIT_DB=true")?;
    }
    same(old.warehouse.missing().await?.to_make.is_empty(), false)?;
    same(app(&workdir, &["--once"], &settings)?.status.code(), Some(0))?;
    same(app(&workdir, &["loads"], &settings)?.status.code(), Some(0))
}
