//! Brings the star up to date after loads, where `PIPELINE=on_load`: loads in close succession share a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::Backoff;
use crate::alert::Kind;
use crate::app::App;
use crate::pipeline::{self, RunError, TableChange};
use crate::project::{first_step, has_sql};

/// The time without loads before a run begins.
const QUIET: Duration = Duration::from_secs(1);

/// The longest wait for such a time.
const LONGEST: Duration = Duration::from_secs(30);

/// The interval at which other changes are looked for.
const LOOK: Duration = Duration::from_secs(60);

/// The subject of its alert.
const SUBJECT: &str = "pipeline";

/// Runs the pipeline after loads, for ever; earlier loads are looked at first. A run that is cut short changes nothing.
pub async fn build(app: Arc<App>) {
    let (mut trouble, mut is_told) = (None, false);
    loop {
        let again = run(&app, &mut trouble, &mut is_told).await.unwrap_or_else(|| Instant::now() + LOOK);
        tokio::select! {
            () = app.loaded.notified() => {}
            // Retractions, changed files and a recovered database need a run, though nothing is loaded.
            () = tokio::time::sleep_until(again.into()) => continue,
        }
        let begun = Instant::now();
        while begun.elapsed() < LONGEST && tokio::time::timeout(QUIET, app.loaded.notified()).await.is_ok() {}
    }
}

/// Brings the star up to date; returns the time of the next attempt where no load comes before it.
async fn run(app: &App, trouble: &mut Option<Backoff>, is_told: &mut bool) -> Option<Instant> {
    // In a project without any load, missing tables are no fault.
    if app.workspace.catalog.loads(1).await.is_ok_and(|loads| loads.is_empty()) {
        return None;
    }
    let folder = app.workspace.sql.join("pipeline");
    // Where a star was built, files that are gone are a fault.
    if !has_sql(&folder) && app.workspace.catalog.last_pipeline().await.is_ok_and(|last| last.is_none()) {
        if !std::mem::replace(is_told, true) {
            warn!(
                "PIPELINE=on_load does nothing yet: there is no .sql file in {}; {}",
                folder.display(),
                first_step(&folder)
            );
        }
        return None;
    }
    match pipeline::run(&app.workspace).await {
        Ok(changes) => {
            *trouble = None;
            // A run by the clock may have failed before.
            app.loader.alerts.recover(Kind::Pipeline, SUBJECT, "the pipeline ran");
            changes.iter().filter(|change| change.changed() > 0).for_each(say);
            None
        }
        Err(error) => {
            let why = error.to_string();
            if Backoff::of(trouble, &why) {
                error!("the star stays as it was: {why}");
            }
            let fix = "fix what is named; the next load, or app --pipeline, tries it again";
            app.loader.alerts.raise(Kind::Pipeline, SUBJECT, &why, fix, None);
            let passes = matches!(&error, RunError::Warehouse(error) if error.is_transient());
            trouble.as_ref().filter(|_| passes).map(Backoff::until)
        }
    }
}

fn say(change: &TableChange) {
    let TableChange { table, how, inserted, updated, deleted, .. } = change;
    info!(table, inserted, updated, deleted, "the star is up to date: {how}");
}
