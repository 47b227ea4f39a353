//! The schedules: what runs when, how the last runs ended, and who runs them. Runs one by hand, pauses and resumes.

mod perform;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

pub use self::perform::{Begun, Did, SILENT, begin, by_hand, carry_out, runner};
use crate::catalog::{Catalog, RunLine};
use crate::clock::Schedule;
use crate::dataset::plugin::Plugins;
use crate::text::nearest;
use crate::warehouse::WarehouseError;

/// A schedule and how it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Scheduled {
    /// What it runs: a plugin, `pipeline` or `analysis`.
    pub name: String,
    /// Its text, without its zone.
    pub schedule: String,
    /// The same in words.
    pub words: String,
    /// The zone of its times.
    pub zone: &'static str,
    /// True if ticks that were missed are caught up.
    pub catch_up: bool,
    /// The next tick; `None` if it is paused.
    pub next: Option<DateTime<Utc>>,
    /// The time at which it was paused.
    pub paused: Option<DateTime<Utc>>,
    /// The last run.
    pub last: Option<LastScheduled>,
    /// The number of ticks that were skipped in the last 90 days, because the run before went on.
    pub skipped: i64,
}

impl Scheduled {
    /// True if it is paused, or if its last run failed.
    pub fn is_remarkable(&self) -> bool {
        self.paused.is_some() || self.last.as_ref().is_some_and(|last| last.status == "failed")
    }
}

/// The last run of a schedule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LastScheduled {
    /// The tick that it was run for.
    pub scheduled_for: DateTime<Utc>,
    /// `clock` or `hand`.
    pub by: String,
    /// The time of its beginning.
    pub started: DateTime<Utc>,
    /// Its time in seconds; `None` while it goes on.
    pub seconds: Option<f64>,
    /// `running`, `done`, `failed` or `stopped`.
    pub status: String,
    /// What it did, in words.
    pub result: Option<String>,
    /// The error.
    pub error: Option<String>,
    /// The program that has or had it.
    pub program: String,
}

/// The declared schedules of a project.
#[derive(Clone, Debug, Default)]
pub struct Schedules(BTreeMap<String, (Schedule, bool)>);

/// A name that no schedule has.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UnknownSchedule(String);

impl Schedules {
    /// Those of the settings and of the plugins; the former are caught up always.
    pub fn of(fixed: Vec<(&'static str, Schedule)>, plugins: &Plugins) -> Schedules {
        let fixed = fixed.into_iter().map(|(name, schedule)| (name.to_owned(), (schedule, true)));
        let pulls =
            plugins.schedules().map(|(name, schedule, catches_up)| (name.to_owned(), (schedule.clone(), catches_up)));
        Schedules(fixed.chain(pulls).collect())
    }

    /// The schedule of this name.
    ///
    /// # Errors
    /// [`UnknownSchedule`] with the nearest name.
    pub fn named(&self, name: &str) -> Result<&Schedule, UnknownSchedule> {
        if let Some((schedule, _)) = self.0.get(name) {
            return Ok(schedule);
        }
        let why = match name {
            "pipeline" => "the pipeline has no schedule: set SCHEDULE_PIPELINE".to_owned(),
            "analysis" => "the analysis has no schedule: set SCHEDULE_ANALYSIS".to_owned(),
            _ => {
                let hint = match nearest(name, self.0.keys().map(String::as_str)) {
                    hint if hint.is_empty() && self.0.is_empty() => {
                        "; there is none at all: see docs/schedule.md".to_owned()
                    }
                    hint if hint.is_empty() => {
                        let names: Vec<_> = self.0.keys().map(String::as_str).collect();
                        format!("; there are {}", names.join(", "))
                    }
                    hint => hint,
                };
                format!("no schedule is called {name}{hint}")
            }
        };
        Err(UnknownSchedule(why))
    }

    /// True if nothing is scheduled.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How they stand at `now`, by name.
    ///
    /// # Errors
    /// The database's error.
    pub async fn look(&self, catalog: &Catalog, now: DateTime<Utc>) -> Result<Vec<Scheduled>, WarehouseError> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let (known, runs, skipped) =
            (catalog.schedules().await?, catalog.newest_runs().await?, catalog.skipped_ticks().await?);
        let mut all = self.never_run(now);
        for one in &mut all {
            one.paused = known.iter().find(|line| line.name == one.name).and_then(|line| line.paused_at);
            one.next = one.next.filter(|_| one.paused.is_none());
            one.last = runs.iter().find(|run| run.name == one.name).map(LastScheduled::from);
            one.skipped = skipped.iter().find(|skipped| skipped.name == one.name).map_or(0, |skipped| skipped.ticks);
        }
        Ok(all)
    }

    /// How they stand at `now` where nothing was run yet.
    pub fn never_run(&self, now: DateTime<Utc>) -> Vec<Scheduled> {
        let scheduled = |(name, (schedule, catch_up)): (&String, &(Schedule, bool))| Scheduled {
            name: name.clone(),
            schedule: schedule.text().to_owned(),
            words: schedule.words(),
            zone: schedule.zone().name(),
            catch_up: *catch_up,
            next: schedule.next_after(now),
            paused: None,
            last: None,
            skipped: 0,
        };
        self.0.iter().map(scheduled).collect()
    }

    /// Pauses a schedule or resumes it: the ticks of the pause are nobody's. Returns false if it stood so already.
    ///
    /// # Errors
    /// [`UnknownSchedule`], or the database's error.
    pub async fn pause(&self, catalog: &Catalog, name: &str, now: Option<DateTime<Utc>>) -> anyhow::Result<bool> {
        let declared = self.named(name)?;
        let known = catalog.schedule(name).await?;
        let (text, is_paused) = match known {
            // The daemon's: who asks may stand in another zone.
            Some(known) => (known.text, known.paused_at.is_some()),
            None => (declared.to_string(), false),
        };
        if is_paused == now.is_some() {
            return Ok(false);
        }
        catalog.begin_schedule(name, &text, now).await?;
        Ok(true)
    }

    /// A tick in the zone of its schedule, for people.
    pub fn moment(&self, name: &str, at: DateTime<Utc>) -> String {
        self.0.get(name).map_or_else(|| at.to_string(), |(schedule, _)| schedule.zone().moment(at))
    }
}

impl From<&RunLine> for LastScheduled {
    fn from(run: &RunLine) -> LastScheduled {
        let time = run.finished_at.map(|finished| finished - run.started_at);
        LastScheduled {
            scheduled_for: run.scheduled_for,
            by: run.by.clone(),
            started: run.started_at,
            seconds: time.map(|time: TimeDelta| time.num_milliseconds().max(0) as f64 / 1000.0),
            status: run.status.clone(),
            result: run.result.clone(),
            error: run.error.clone(),
            program: run.program.clone(),
        }
    }
}
