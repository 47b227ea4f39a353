//! Results that are read in batches: a reader may stop, be late or be slow, and gets all of a result or an error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sluice::catalog::Catalog;
use sluice::sql::{Engine, Table};
use sluice::warehouse::{Address, Reading, Row, Rows, Scope, WarehouseError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::support::{Outcome, TestDatabase, Workdir, address, cases, holds, same};

cases! {
    on_both:
        a_reader_that_stops_ends_the_statement,
        a_reader_that_is_given_up_before_the_first_row_ends_the_statement,
        a_deadline_ends_the_statement_and_says_so,
        a_slow_reader_holds_up_no_load_and_gets_the_whole_result,
        a_slow_reader_gets_the_rows_that_are_there_while_the_statement_goes_on,
        more_readers_than_connections_hold_up_no_load,
        an_error_in_the_midst_is_no_short_result,
        rows_that_cannot_be_kept_for_a_slow_reader_are_an_error,
        columns_are_known_without_rows;
    on_postgres:
        a_result_that_is_read_leaves_room_for_a_question,
        a_server_that_ends_is_no_short_result;
}

/// A word by which the server's statements are found.
const MARK: &str = "/* read by a case */";

/// Numbers without end, and a statement over them without a row.
const ENDLESS: &str = "with recursive t(n) as (select 1 union all select n + 1 from t)";

/// Longer than the end of a statement takes, which would never end by itself.
const SOON: Duration = Duration::from_secs(10);

fn impatient() -> Reading {
    Reading { patience: Duration::ZERO, ..Reading::default() }
}

async fn read(database: &TestDatabase, sql: &str, reading: Reading) -> Result<Rows, WarehouseError> {
    database.warehouse.read(&format!("{MARK} {sql}"), reading).await
}

/// A connection that is not the warehouse's, and waits for nothing.
enum Other {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Other {
    async fn new(database: &TestDatabase) -> anyhow::Result<Other> {
        Ok(match database.engine {
            Engine::Postgres => Other::Postgres(PgConnection::connect(&database.url).await?),
            Engine::Sqlite => {
                let options = database.url.parse::<SqliteConnectOptions>()?.busy_timeout(Duration::ZERO);
                Other::Sqlite(options.connect().await?)
            }
        })
    }

    /// True if the server runs a statement of the case's; on SQLite, if a snapshot keeps the log from being reset.
    async fn is_read(&mut self) -> anyhow::Result<bool> {
        Ok(match self {
            Other::Postgres(connection) => running(connection, "count(*)").await? > 0,
            Other::Sqlite(connection) => {
                let (busy, ..): (i64, i64, i64) =
                    sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(connection).await?;
                busy != 0
            }
        })
    }

    async fn until_unread(&mut self) -> Outcome {
        let since = Instant::now();
        while self.is_read().await? {
            anyhow::ensure!(since.elapsed() < SOON, "the statement goes on");
        }
        Ok(())
    }
}

/// An aggregate over the server's processes that run a statement of the case's.
async fn running(connection: &mut PgConnection, aggregate: &str) -> anyhow::Result<i64> {
    let sql = format!(
        "select {aggregate} from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' and query like $1"
    );
    let found = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(format!("{MARK}%")).fetch_one(connection);
    Ok(found.await?)
}

/// Commits something, so that a snapshot from before is an old one.
async fn commit(database: &TestDatabase, number: u32) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute(&format!("create table later_{number} (n bigint)"), &[]).await?;
    Ok(transaction.commit().await?)
}

async fn a_reader_that_stops_ends_the_statement(database: TestDatabase, _: Workdir) -> Outcome {
    let mut other = Other::new(&database).await?;
    // More often than there are connections: none is lost.
    for number in 0..10 {
        let mut rows = read(&database, &format!("{ENDLESS} select n from t"), Reading::default()).await?;
        let first = rows.next().await?.into_iter().flatten().next().context("no rows")?;
        same(first.get::<i64>(0)?, 1)?;
        commit(&database, number).await?;
        same(other.is_read().await?, true)?;
        drop(rows);
        other.until_unread().await?;
    }
    Ok(())
}

async fn a_reader_that_is_given_up_before_the_first_row_ends_the_statement(
    database: TestDatabase,
    _: Workdir,
) -> Outcome {
    let mut other = Other::new(&database).await?;
    for number in 0..4 {
        let rows = read(&database, &format!("{ENDLESS} select n from t where n < 0"), Reading::default()).await?;
        commit(&database, number).await?;
        let since = Instant::now();
        while !other.is_read().await? {
            anyhow::ensure!(since.elapsed() < SOON, "the statement does not begin");
        }
        drop(rows);
        other.until_unread().await?;
    }
    Ok(())
}

async fn a_deadline_ends_the_statement_and_says_so(database: TestDatabase, _: Workdir) -> Outcome {
    let mut other = Other::new(&database).await?;
    let deadline = Some(Duration::from_millis(300));
    for sql in ["select n from t where n < 0", "select n from t", "select count(*) from t"] {
        for reading in [Reading { deadline, ..Reading::default() }, Reading { deadline, ..impatient() }] {
            let result = async { read(&database, &format!("{ENDLESS} {sql}"), reading).await?.all().await };
            let error = result.await.err().context("an end of endless rows")?;
            same(matches!(error, WarehouseError::Deadline(_)), true)?;
            holds(&error.to_string(), "the result was not read to its end within 0.3 s, and the query was ended")?;
            commit_anew(&database).await?;
            other.until_unread().await?;
        }
    }
    Ok(())
}

async fn commit_anew(database: &TestDatabase) -> Outcome {
    let mut transaction = database.warehouse.begin(Scope::Load).await?;
    transaction.execute("create table if not exists again (n bigint)", &[]).await?;
    transaction.execute("insert into again values (1)", &[]).await?;
    Ok(transaction.commit().await?)
}

/// So many rows of a number, a long text, an empty text and a NULL.
fn file(rows: std::ops::Range<u32>) -> String {
    let long = "x".repeat(200);
    rows.fold("n,text,empty,nothing\n".to_owned(), |text, n| {
        text + &format!("{n},{long}{n},\"\",{}\n", if n == 0 { "a" } else { "" })
    })
}

async fn a_slow_reader_holds_up_no_load_and_gets_the_whole_result(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.1.csv", file(0..20_000)).await?;
    let sql = format!("select * from {} order by n", database.warehouse.names().table(&Table::staging("t")));
    let expected = read(&database, &sql, Reading::default()).await?.all().await?;
    same(expected.len(), 20_000)?;
    let mut rows = read(&database, &sql, impatient()).await?;
    let mut found: Vec<_> = rows.next().await?.context("no rows")?.into_iter().collect();
    same(found.len() < 20_000, true)?;
    // More rows, other columns, and wider types.
    workdir.load(&database, "t.2.csv", file(20_000..20_010)).await?;
    workdir.load(&database, "t.3.csv", "n,more\n1,2\n").await?;
    workdir.load(&database, "t.4.csv", "n\nno number\n").await?;
    Other::new(&database).await?.until_unread().await?;
    while let Some(batch) = rows.next().await? {
        found.extend(batch);
    }
    same(found == expected, true)?;
    // Nothing comes behind the end.
    same(rows.next().await?, None)
}

async fn a_slow_reader_gets_the_rows_that_are_there_while_the_statement_goes_on(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    let mut other = Other::new(&database).await?;
    // Rows without end; and some rows, behind which the statement has work without end.
    for (number, (sql, expected)) in
        [("select n from t", 100_000), ("select n from t where n <= 5000", 4 * 1024)].into_iter().enumerate()
    {
        let folder = workdir.path(&format!("rows/{number}"));
        let reading = Reading { folder: folder.clone(), ..impatient() };
        let mut rows = read(&database, &format!("{ENDLESS} {sql}"), reading).await?;
        let since = Instant::now();
        while !folder.exists() {
            anyhow::ensure!(since.elapsed() < SOON, "no rows wait in a file");
            tokio::task::yield_now().await;
        }
        let mut next = 1;
        while next <= expected {
            let batch =
                tokio::time::timeout(SOON, rows.next()).await.context("the rows that are there do not come")??;
            for row in batch.context("an end of endless rows")? {
                same(row.get::<i64>(0)?, next)?;
                next += 1;
            }
        }
        commit(&database, u32::try_from(number)?).await?;
        same(other.is_read().await?, true)?;
        drop(rows);
        other.until_unread().await?;
    }
    Ok(())
}

async fn more_readers_than_connections_hold_up_no_load(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.1.csv", file(0..5_000)).await?;
    let sql = format!("select n from {} order by n", database.warehouse.names().table(&Table::staging("t")));
    let mut readers = Vec::new();
    for _ in 0..12 {
        readers.push(read(&database, &sql, impatient()).await?);
    }
    workdir.load(&database, "t.2.csv", file(5_000..5_010)).await?;
    for reader in readers {
        same(reader.all().await?.len(), 5_000)?;
    }
    Ok(())
}

async fn a_result_that_is_read_leaves_room_for_a_question(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.load(&database, "t.csv", file(0..3)).await?;
    // The fewest that the settings allow.
    let address = Address { connections: 6, ..address(&database.url) };
    let warehouse = sluice::warehouse::connect(&address).await?;
    let mut rows = warehouse.read(&format!("{ENDLESS} select n from t"), Reading::default()).await?;
    rows.next().await?.context("no rows")?;
    let mut transactions = Vec::new();
    for _ in 0..4 {
        transactions.push(warehouse.begin(Scope::Load).await?);
    }
    same(Catalog::new(Arc::clone(&warehouse)).rows_of("t", 1).await?, 3)
}

/// A division by zero, or an overflow, behind so many rows.
fn failing_behind(database: &TestDatabase, rows: u32) -> String {
    let wrong = match database.engine {
        Engine::Postgres => format!("10 / ({rows} + 1 - n)"),
        Engine::Sqlite => format!("abs(case when n <= {rows} then n else -9223372036854775807 - 1 end)"),
    };
    format!("{ENDLESS} select {wrong} from t")
}

async fn an_error_in_the_midst_is_no_short_result(database: TestDatabase, _: Workdir) -> Outcome {
    for rows in [0, 1, 5, 1024, 5_000, 50_000] {
        for reading in [Reading::default(), impatient()] {
            let error = read(&database, &failing_behind(&database, rows), reading).await?.all().await.err();
            same(matches!(error, Some(WarehouseError::Refused(_))), true)?;
        }
    }
    let missing = read(&database, "select n from no_such_table", Reading::default()).await.err();
    same(matches!(missing, Some(WarehouseError::Refused(_))), true)?;
    // The connections are as good as before.
    same(read(&database, "select 1 as one", Reading::default()).await?.all().await?, vec![one()])
}

fn one() -> Row {
    vec![Some("1".to_owned())].into()
}

async fn rows_that_cannot_be_kept_for_a_slow_reader_are_an_error(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.write("file", "")?;
    let reading = Reading { folder: workdir.path("file"), ..impatient() };
    let mut rows = read(&database, &format!("{ENDLESS} select n from t"), reading).await?;
    // The statement has ended before the first batch is taken.
    Other::new(&database).await?.until_unread().await?;
    let error = loop {
        match rows.next().await {
            Ok(batch) => same(batch.is_some(), true)?,
            Err(error) => break error,
        }
    };
    holds(&error.to_string(), "the rest of a slow reader's result cannot be kept in")?;
    same(error.is_transient(), true)?;
    same(rows.next().await.is_err(), true)
}

async fn columns_are_known_without_rows(database: TestDatabase, _: Workdir) -> Outcome {
    let mut rows = read(&database, "select 1 as a, 'x' as \"B c\" where 1 = 0", Reading::default()).await?;
    same(rows.columns().to_vec(), ["a", "B c"])?;
    same(rows.next().await?, None)
}

async fn a_server_that_ends_is_no_short_result(database: TestDatabase, _: Workdir) -> Outcome {
    for reading in [Reading::default(), impatient()] {
        let mut rows = read(&database, &format!("{ENDLESS} select n from t"), reading).await?;
        rows.next().await?.context("no rows")?;
        let mut other = PgConnection::connect(&database.url).await?;
        let ended = running(&mut other, "count(pg_terminate_backend(pid))").await?;
        same(ended, 1)?;
        let error = rows.all().await.err();
        same(matches!(error, Some(WarehouseError::Unavailable(_))), true)?;
    }
    same(read(&database, "select 1", Reading::default()).await?.all().await?, vec![one()])
}
