//! Runs that have not ended: those in hand, those of other programs, and those of programs that ended over them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::{ANALYSIS, Declared, LOOK, PIPELINE, Scheduler};
use crate::catalog::{RunEnd, RunLine};
use crate::warehouse::WarehouseError;

/// Time without a beat after which a program counts as dead.
const DEAD: Duration = Duration::from_secs(60);

/// Programs that may end over a run before it counts as its own fault.
const TRIES: i64 = 3;

/// An unfinished run of another program.
pub(super) struct Observed {
    tries: i64,
    beat: i64,
    /// The time for which its beat was seen to stand still. While nobody can ask the database, nobody can beat either.
    still: Duration,
    /// The time of the last look.
    seen: Instant,
    /// True if it was seen to beat.
    lives: bool,
}

impl Scheduler {
    /// Looks at the runs that have not ended, and takes over those that nobody has any more.
    pub(super) async fn see_unfinished(&mut self, declared: &BTreeMap<String, Declared>) -> Result<(), WarehouseError> {
        let (now, catalog) = (self.app.loader.clock.now(), self.app.loader.catalog.clone());
        if self.seen.is_some_and(|seen| now - seen < LOOK) {
            return Ok(());
        }
        let runs = catalog.unfinished_runs().await?;
        self.seen = Some(now);
        let mut before = std::mem::take(&mut self.observed);
        for run in runs {
            if self.is_ours(&run) {
                continue;
            }
            let key = (run.name.clone(), run.scheduled_for);
            let known = before.remove(&key);
            let lives =
                known.as_ref().is_some_and(|known| known.lives || (known.tries, known.beat) != (run.tries, run.beat));
            let seen = known.filter(|known| (known.tries, known.beat) == (run.tries, run.beat));
            let still = seen.map_or(Duration::ZERO, |known| known.still + (now - known.seen).min(LOOK * 3 / 2));
            let observed = Observed { tries: run.tries, beat: run.beat, still, seen: now, lives };
            self.observed.insert(key.clone(), observed);
            let is_free = run.status == "stopped" || still >= DEAD;
            if is_free && self.settle(&run, declared).await? {
                self.observed.remove(&key);
            }
        }
        Ok(())
    }

    /// Ends or goes on with a run that no program has any more; returns true if that is done.
    async fn settle(&mut self, run: &RunLine, declared: &BTreeMap<String, Declared>) -> Result<bool, WarehouseError> {
        let catalog = self.app.loader.catalog.clone();
        let name = &run.name;
        if !declared.contains_key(name) {
            // Its own programs know what is to become of it.
            return Ok(false);
        }
        let is_dead = run.status == "running";
        if is_dead && (run.by == "hand" || run.tries >= TRIES) {
            let often = if run.tries > 1 { format!(", as {} before it did", run.tries - 1) } else { String::new() };
            let why = format!("its program ({}) ended before it was done{often}", run.program);
            warn!(schedule = name, "{name}: {why}");
            self.app.loader.alerts.raise(super::kind_of(name), name, &why, &super::run::fix(name), None);
            return catalog.end_scheduled(run, &RunEnd::Failed(why)).await;
        }
        let is_paused = async || {
            let all = catalog.schedules().await?;
            Ok::<_, WarehouseError>(all.iter().any(|line| line.name == *name && line.paused_at.is_some()))
        };
        if self.in_hand.values().any(|own| own.name == *name) || is_paused().await? {
            return Ok(false);
        }
        let permit = match name.as_str() {
            PIPELINE | ANALYSIS => None,
            _ => match Arc::clone(&self.pulls).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => return Ok(false),
            },
        };
        let Some(taken) = catalog.take_over(run, &self.program).await? else { return Ok(false) };
        let tick = declared[name].schedule.zone().moment(run.scheduled_for);
        let what = if is_dead { "ended" } else { "was stopped" };
        info!(schedule = name, "{name}: takes over the run of {tick}, whose program ({}) {what}", run.program);
        self.spawn(taken, permit);
        Ok(true)
    }

    /// The tick of the run of this name that goes on: `Some(None)` while it is not known whether its program lives.
    pub(super) fn going_on(&self, name: &str) -> Option<Option<DateTime<Utc>>> {
        if let Some(own) = self.in_hand.values().find(|own| own.name == name) {
            return Some(Some(own.scheduled_for));
        }
        let ((_, tick), observed) = self.observed.iter().find(|((other, _), _)| other == name)?;
        Some(observed.lives.then_some(*tick))
    }

    fn is_ours(&self, run: &RunLine) -> bool {
        let key = |run: &RunLine| (run.name.clone(), run.scheduled_for, run.tries);
        self.in_hand.values().any(|own| key(own) == key(run))
    }
}
