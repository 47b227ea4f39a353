//! A run in hand: it beats while it lives, ends when it is halted, and its end is in its row, in the log and in the alerts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tracing::{error, info, warn};

use super::{PIPELINE, Runner, Scheduler, kind_of};
use crate::app::App;
use crate::catalog::{Catalog, RunEnd, RunLine};
use crate::clock::Clock;
use crate::telemetry::took;
use crate::text::chain;

/// Time between two beats of a run.
const BEAT: Duration = Duration::from_secs(10);

/// The message of an alert that is over.
const WELL: &str = "a run of its schedule was done";

/// Pause before the end of a run is written again.
const AGAIN: Duration = Duration::from_secs(5);

impl Scheduler {
    pub(super) fn spawn(&mut self, run: RunLine, permit: Option<OwnedSemaphorePermit>) {
        let (app, runner, halt) = (Arc::clone(&self.app), Arc::clone(&self.runner), self.halt.clone());
        let own = run.clone();
        let task = self.running.spawn(async move {
            perform(&app, &*runner, &own, halt).await;
            drop(permit);
        });
        self.in_hand.insert(task.id(), run);
    }
}

async fn perform(app: &App, runner: &Runner, run: &RunLine, mut halt: watch::Receiver<bool>) {
    let (name, catalog, clock) = (&run.name, &app.loader.catalog, &app.loader.clock);
    let began = clock.now();
    let end = tokio::select! {
        done = attended(catalog, clock, run, runner(name.clone())) => match done {
            Some(Ok(result)) => RunEnd::Done(result),
            Some(Err(error)) => RunEnd::Failed(chain(&error)),
            None => {
                warn!(schedule = name, "{name}: the run was taken over by another program: it ends here");
                return;
            }
        },
        () = halted(&mut halt) => RunEnd::Stopped,
    };
    remember(app, run).await;
    let took_ms = u64::try_from((clock.now() - began).as_millis()).unwrap_or(u64::MAX);
    match &end {
        RunEnd::Done(result) => {
            info!(schedule = name, took_ms, "{name}: {result} ({})", took(took_ms));
            app.loader.alerts.recover(kind_of(name), name, WELL);
        }
        RunEnd::Failed(why) => {
            error!(schedule = name, "{name}: the run of its schedule failed: {why}");
            app.loader.alerts.raise(kind_of(name), name, why, &fix(name), None);
        }
        RunEnd::Stopped => info!(schedule = name, "{name}: stopped; the next start goes on with it"),
    }
    // Until then the run counts as going on.
    while let Err(error) = catalog.end_scheduled(run, &end).await {
        warn!(schedule = name, "{name}: the end of its run is not noted yet: {error}");
        if *halt.borrow() {
            return;
        }
        tokio::select! {
            () = clock.sleep(AGAIN) => {}
            () = halted(&mut halt) => {}
        }
    }
}

/// Brings the alerts up to date with the run before, which may have been another program's.
async fn remember(app: &App, run: &RunLine) {
    // What the pipeline's other runs have told is known to this program alone.
    if run.name == PIPELINE {
        return;
    }
    match app.loader.catalog.failed_before(run).await {
        Ok(true) => drop(app.loader.alerts.remember(kind_of(&run.name), &run.name)),
        Ok(false) => app.loader.alerts.recover(kind_of(&run.name), &run.name, WELL),
        Err(_) => {}
    }
}

/// Waits until runs are to end.
async fn halted(halt: &mut watch::Receiver<bool>) {
    // A sender that is gone says so too.
    let _ = halt.wait_for(|halted| *halted).await;
}

/// A run that beats; `None` if another program has taken it over.
pub async fn attended<T>(catalog: &Catalog, clock: &Clock, run: &RunLine, work: impl Future<Output = T>) -> Option<T> {
    let beats = async {
        loop {
            clock.sleep(BEAT).await;
            // While the database is away nobody else can take it over either.
            if let Ok(false) = catalog.beat(run).await {
                return;
            }
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = beats => None,
    }
}

/// The fix of a failed run.
pub(super) fn fix(name: &str) -> String {
    match name {
        PIPELINE => {
            "fix what is named; the next tick, or app schedule run pipeline, tries it again; the star is as it was"
                .to_owned()
        }
        _ => format!("fix what is named; the next tick, or app schedule run {name}, tries it again"),
    }
}
