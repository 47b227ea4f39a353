//! What the runs of schedules do: a pull, the pipeline or the analysis, as their commands do it; the result in words.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chrono::{SubsecRound, TimeDelta};

use crate::app::App;
use crate::catalog::{ANALYSIS, PIPELINE, RunEnd, RunLine};
use crate::ops::pull::{Pulled, pull};
use crate::pull::Client;
use crate::source::Folder;
use crate::text::{chain, counted};
use crate::worker::{Runner, attended, this_program};
use crate::{analysis, pipeline};

/// Time without a sign of life after which a run by another program counts as broken off.
pub const SILENT: TimeDelta = TimeDelta::seconds(90);

/// The result of a run that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Did {
    /// What it did.
    pub words: String,
    /// True if records of a pull are rejects.
    pub has_rejects: bool,
}

/// The work of the daemon's schedules; windows of pulls pass through the folder.
///
/// # Errors
/// The system's certificates cannot be used.
pub fn runner(app: &Arc<App>, imports: &Path) -> anyhow::Result<Arc<Runner>> {
    let client = Arc::new(Client::new(&app.loader.clock)?);
    let (app, imports) = (Arc::clone(app), imports.to_owned());
    Ok(Arc::new(move |name| {
        let (app, imports, client) = (Arc::clone(&app), imports.clone(), Arc::clone(&client));
        Box::pin(async move { Ok(perform(&app, &imports, &client, &name).await?.words) })
    }))
}

/// Runs what a schedule runs now, in this process, and records it; returns the result in words. `stop` ends it before its end.
///
/// # Errors
/// The error of the run, or one that says that it goes on already.
pub async fn by_hand(app: &App, imports: &Path, name: &str, stop: impl Future<Output = ()>) -> anyhow::Result<Did> {
    match begin(app, name).await? {
        Begun::New(run) => {
            let stop = async {
                stop.await;
                "stopped by hand"
            };
            carry_out(app, imports, &run, stop).await
        }
        Begun::GoesOn(run) => {
            anyhow::bail!("{name} runs already ({}): wait for its end, see app schedule", run.program)
        }
    }
}

/// A run by hand that has begun, or the one of its name that goes on.
pub enum Begun {
    /// It is to be carried out.
    New(RunLine),
    /// A program has it.
    GoesOn(RunLine),
}

/// Begins a run by hand, unless one of its name goes on.
///
/// # Errors
/// The database's error.
pub async fn begin(app: &App, name: &str) -> anyhow::Result<Begun> {
    let (catalog, clock) = (&app.loader.catalog, &app.loader.clock);
    loop {
        // The engines keep microseconds at most.
        let now = clock.utc().trunc_subsecs(3);
        if let Some(run) = catalog.begin_scheduled(name, now, "hand", &this_program(), None).await? {
            return Ok(Begun::New(run));
        }
        let mut unfinished = catalog.unfinished_runs().await?;
        unfinished.retain(|run| run.name == name);
        for run in unfinished {
            if clock.utc() - run.beat_at < SILENT {
                return Ok(Begun::GoesOn(run));
            }
            let why = format!("its program ({}) ended before it was done", run.program);
            catalog.end_scheduled(&run, &RunEnd::Failed(why)).await?;
        }
    }
}

/// Carries out a run that has begun, and records its end; returns the result in words. `stop` ends it before its end, with its reason.
///
/// # Errors
/// The error of the run.
pub async fn carry_out(
    app: &App,
    imports: &Path,
    run: &RunLine,
    stop: impl Future<Output = &'static str>,
) -> anyhow::Result<Did> {
    let (catalog, clock) = (&app.loader.catalog, &app.loader.clock);
    let work = Box::pin(async { perform(app, imports, &Client::new(clock)?, &run.name).await });
    let done = tokio::select! {
        done = attended(catalog, clock, run, work) => done,
        why = stop => Some(Err(anyhow::anyhow!(why))),
    };
    let done = done.unwrap_or_else(|| Err(anyhow::anyhow!("another program has taken it over")));
    let end = match &done {
        Ok(did) => RunEnd::Done(did.words.clone()),
        Err(error) => RunEnd::Failed(chain(error)),
    };
    catalog.end_scheduled(run, &end).await?;
    done
}

async fn perform(app: &App, imports: &Path, client: &Client, name: &str) -> anyhow::Result<Did> {
    let words = match name {
        PIPELINE => {
            let changes = pipeline::run(&app.workspace).await?;
            let changed: u64 = changes.iter().map(pipeline::TableChange::changed).sum();
            format!("{} in {}", counted(changed, "change"), counted(changes.len() as u64, "table"))
        }
        ANALYSIS => {
            let answers = analysis::answer_all(&app.workspace).await?;
            let total = counted((answers.answers.len() + answers.failures.len()) as u64, "question");
            let why: Vec<_> = answers.failures.values().map(|failure| failure.error.to_string()).collect();
            anyhow::ensure!(why.is_empty(), "{} of {total} could not be answered: {}", why.len(), why.join("; "));
            format!("{total} answered")
        }
        _ => {
            let place = Place::open(imports)?;
            let pulled = Box::pin(pull(app, &place.0, client, name, false)).await?;
            return of_pull(pulled);
        }
    };
    Ok(Did { words, has_rejects: false })
}

/// A place in the folder for one pull, which it leaves however it ends.
struct Place(Folder);

impl Place {
    fn open(imports: &Path) -> anyhow::Result<Place> {
        let what = || format!("cannot use the folder {}", imports.display());
        std::fs::create_dir_all(imports).with_context(what)?;
        Ok(Place(Folder::open_to_pull(imports).with_context(what)?))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn of_pull(pulled: Pulled) -> anyhow::Result<Did> {
    let place = pulled.place();
    let Pulled { tally, rows_loaded, rows_rejected, warning, error, .. } = pulled;
    let records = format!("{} of {}", counted(tally.records, "record"), counted(tally.pages, "page"));
    if let Some(error) = error {
        anyhow::bail!("{error} ({records}; {rows_loaded} loaded into {place})");
    }
    let rejected = if rows_rejected > 0 { format!(", {rows_rejected} rejected") } else { String::new() };
    let warning = warning.map_or_else(String::new, |warning| format!("; warning: {warning}"));
    let words = format!("{records}; {rows_loaded} loaded into {place}{rejected}{warning}");
    Ok(Did { words, has_rejects: rows_rejected > 0 })
}
