//! Statements that prepare a run or look at what it left; never timed.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

/// Runs statements.
pub fn execute(url: &str, sql: &str) -> anyhow::Result<()> {
    let sql = AssertSqlSafe(sql.to_owned());
    block_on(async {
        if url.starts_with("sqlite") {
            SqliteConnection::connect(url).await?.execute(sqlx::raw_sql(sql)).await?;
        } else {
            PgConnection::connect(url).await?.execute(sqlx::raw_sql(sql)).await?;
        }
        Ok(())
    })
}

/// The number that a select gives.
pub fn number(url: &str, sql: &str) -> anyhow::Result<i64> {
    let sql = AssertSqlSafe(sql.to_owned());
    block_on(async {
        Ok(if url.starts_with("sqlite") {
            SqliteConnection::connect(url).await?.fetch_one(sqlx::query(sql)).await?.try_get(0)?
        } else {
            PgConnection::connect(url).await?.fetch_one(sqlx::query(sql)).await?.try_get(0)?
        })
    })
}

/// The text that a select gives; PostgreSQL only.
pub fn text(url: &str, sql: &str) -> anyhow::Result<String> {
    let sql = AssertSqlSafe(sql.to_owned());
    block_on(async { Ok(PgConnection::connect(url).await?.fetch_one(sqlx::query(sql)).await?.try_get(0)?) })
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
