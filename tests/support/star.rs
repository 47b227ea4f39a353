//! The star of a case, brought up to date, and what many cases make it of.

use sluice::pipeline::{self, TableChange};

use super::{Outcome, TestDatabase, Workdir, same};

/// Customers whose cities have a history.
pub const CUSTOMER: &str = "/*
kind: dimension
key: [id]
history: [city]
at: since
*/
select id, city, since from staging.customers";

pub async fn run(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<Vec<TableChange>> {
    Ok(pipeline::run(&workdir.app(database).workspace).await?)
}

/// A second run has nothing to do.
pub async fn is_settled(database: &TestDatabase, workdir: &Workdir) -> Outcome {
    let changes = run(database, workdir).await?;
    same(changes.iter().filter(|change| change.how != "nothing new").collect::<Vec<_>>(), Vec::<&TableChange>::new())
}

/// Runs the pipeline, which must fail; gives the error.
pub async fn run_fails(database: &TestDatabase, workdir: &Workdir) -> anyhow::Result<String> {
    match pipeline::run(&workdir.app(database).workspace).await {
        Ok(changes) => anyhow::bail!("it did not fail: {changes:?}"),
        Err(error) => Ok(error.to_string()),
    }
}

/// Writes a file of the star.
pub fn model(workdir: &Workdir, name: &str, header: &str, select: &str) -> anyhow::Result<()> {
    workdir.write(&format!("sql/pipeline/{name}.sql"), format!("/*\n{header}\n*/\n{select}\n"))?;
    Ok(())
}
