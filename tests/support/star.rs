//! The star of a case, brought up to date, and what many cases make it of.

use sluice::load::retract::retract;
use sluice::pipeline::{self, Options, TableChange};

use super::{Outcome, TestDatabase, Workdir, holds, same};

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

/// A star with one fact, brought up to date step by step.
pub struct Star {
    pub database: TestDatabase,
    pub workdir: Workdir,
    /// The select of the fact's rows with what their members are, in an order.
    pub shown: &'static str,
    steps: Vec<Step>,
}

enum Step {
    Load(&'static str, String),
    Retract(i64),
}

impl Star {
    pub fn new(database: TestDatabase, workdir: Workdir, shown: &'static str) -> Star {
        Star { database, workdir, shown, steps: Vec::new() }
    }

    pub async fn load(&mut self, file: &'static str, rows: &str) -> anyhow::Result<i64> {
        let load = self.workdir.load(&self.database, file, rows).await?.load_id;
        self.steps.push(Step::Load(file, rows.to_owned()));
        Ok(load)
    }

    pub async fn retract(&mut self, load: i64) -> Outcome {
        retract(&self.workdir.app(&self.database).loader, load, true).await?;
        self.steps.push(Step::Retract(load));
        Ok(())
    }

    /// Brings the star up to date, and sees what became of the fact, and that it is that of a build from nothing.
    #[track_caller]
    pub fn becomes(&self, fact: &str) -> impl Future<Output = Outcome> {
        let place = std::panic::Location::caller();
        async move {
            let changes = run(&self.database, &self.workdir).await?;
            let words = changes.iter().find(|change| change.kind == "fact").map(TableChange::words);
            same((place.line(), words.as_deref()), (place.line(), Some(fact)))?;
            is_settled(&self.database, &self.workdir).await?;
            let stands = self.database.text(self.shown).await?;
            let scratch = self.database.another().await?;
            for step in &self.steps {
                match step {
                    Step::Load(file, rows) => drop(self.workdir.load(&scratch, file, rows).await?),
                    Step::Retract(load) => drop(retract(&self.workdir.app(&scratch).loader, *load, true).await?),
                }
            }
            run(&scratch, &self.workdir).await?;
            same((place.line(), stands), (place.line(), scratch.text(self.shown).await?))?;
            let full = Options { full: true, dry: true, ..Options::default() };
            let changes = pipeline::run_with(&self.workdir.app(&self.database).workspace, &full).await?.changes;
            let changed: Vec<_> = changes.iter().filter(|change| change.changed() > 0).collect();
            same((place.line(), changed), (place.line(), Vec::<&TableChange>::new()))
        }
    }

    /// A run fails, and leaves the fact as it was.
    pub async fn refuses(&self, why: &str) -> Outcome {
        let before = self.database.text(self.shown).await?;
        holds(&run_fails(&self.database, &self.workdir).await?, why)?;
        same(self.database.text(self.shown).await?, before)
    }
}
