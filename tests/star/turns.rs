//! Turns of runs: one at a time changes the star, and sees what the one before it left.

use std::pin::pin;

use sluice::sql::{Engine, Schema, Table};
use sqlx::Connection;

use crate::support::{Outcome, TestDatabase, Workdir, cases, same};

cases! {
    on_both:
        a_run_waits_for_the_one_before_and_sees_its_rows,
        a_run_sees_one_moment;
}

/// Returns when a session waits for a lock on the catalog's runs; at once where writers take turns by themselves.
async fn waits(database: &TestDatabase) -> Outcome {
    if database.engine == Engine::Sqlite {
        return Ok(());
    }
    let mut connection = sqlx::PgConnection::connect(&database.url).await?;
    let waiting = "select count(*) from pg_locks where not granted and relation = 'sluice.run'::regclass";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut connection).await? == 0 {}
    Ok(())
}

async fn a_run_waits_for_the_one_before_and_sees_its_rows(database: TestDatabase, workdir: Workdir) -> Outcome {
    let catalog = workdir.app(&database).workspace.catalog;
    let runs = database.warehouse.names().table(&Table { schema: Schema::Catalog, name: "run".to_owned() });
    let mut first = catalog.begin_run().await?;
    let mut second = pin!(catalog.begin_run());
    tokio::select! {
        biased;
        _ = &mut second => anyhow::bail!("two runs at a time"),
        waits = waits(&database) => waits?,
    }
    catalog.run_done(&mut *first, "pipeline", chrono::Utc::now(), "[]".to_owned()).await?;
    first.commit().await?;
    let seen = second.await?.query(&format!("select count(*) from {runs}"), &[]).await?;
    same(seen[0].get::<i64>(0)?, 1)
}

async fn a_run_sees_one_moment(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", "a\n1\n").await?;
    let mut run = workdir.app(&database).workspace.catalog.begin_run().await?;
    let rows = format!("select count(*) from {}", database.warehouse.names().table(&Table::staging("t")));
    same(run.query(&rows, &[]).await?[0].get::<i64>(0)?, 1)?;
    if database.engine == Engine::Postgres {
        workdir.load(&database, "t.csv", "a\n2\n").await?;
    }
    // The run sees one moment.
    same(run.query(&rows, &[]).await?[0].get::<i64>(0)?, 1)?;
    drop(run);
    let after = if database.engine == Engine::Postgres { "2" } else { "1" };
    same(database.text("select count(*) from staging.t").await?, after)
}
