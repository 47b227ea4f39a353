//! Runs pulls, the pipeline and the analysis by the clock. It only finds what is due: a tick is a row of the catalog, which one
//! program can insert, and what a run does is given by the daemon.

mod run;
mod unfinished;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio::task::{Id, JoinSet};
use tracing::{error, info, warn};

pub use self::run::attended;
use self::unfinished::Observed;
use super::Backoff;
use crate::alert::Kind;
use crate::app::App;
use crate::catalog::{ANALYSIS, PIPELINE, RunLine};
use crate::clock::Schedule;
use crate::text::chain;
use crate::text::counted;
use crate::warehouse::WarehouseError;

/// Longest time between two looks: the system's clock may be set meanwhile, and other programs may end.
const LOOK: Duration = Duration::from_secs(10);

/// Lateness of a tick that counts as missed.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// Pause between the beginnings of missed runs.
const STAGGER: Duration = Duration::from_secs(5);

/// Pulls at a time: a window that is loaded takes one of the database's connections.
const PULLS: usize = 2;

/// Missed ticks that are counted.
const COUNTED: usize = 1_000;

/// Time by which the clock may be set back: rows that are further ahead were written by a wrong clock, and hold up no tick.
const SET_BACK: TimeDelta = TimeDelta::days(1);

/// What a run does, by its name; the result is in words.
pub type Runner = dyn Fn(String) -> BoxFuture<'static, anyhow::Result<String>> + Send + Sync;

/// A schedule that is declared.
#[derive(Clone, Debug)]
struct Declared {
    schedule: Schedule,
    catch_up: bool,
}

/// The schedules of a program, and the runs that it has in hand.
pub struct Scheduler {
    app: Arc<App>,
    /// The schedules of the settings, by what they run.
    fixed: Vec<(&'static str, Schedule)>,
    runner: Arc<Runner>,
    /// This program, for people: `PID on HOST`.
    program: String,
    /// The last tick of each schedule that is dealt with, by its text.
    handled: HashMap<(String, String), DateTime<Utc>>,
    /// The beginning of missed runs, one after the other.
    begins: HashMap<String, Instant>,
    stagger: Option<Instant>,
    /// Unfinished runs of others, as they were seen.
    observed: HashMap<(String, DateTime<Utc>), Observed>,
    seen: Option<Instant>,
    running: JoinSet<()>,
    in_hand: HashMap<Id, RunLine>,
    pulls: Arc<Semaphore>,
    halt: watch::Receiver<bool>,
}

impl Scheduler {
    /// The scheduler of a program; `fixed` are the schedules of the pipeline and the analysis. It ends its runs when `halt` turns
    /// true.
    pub fn new(
        app: Arc<App>,
        fixed: Vec<(&'static str, Schedule)>,
        runner: Arc<Runner>,
        halt: watch::Receiver<bool>,
    ) -> Scheduler {
        Scheduler {
            app,
            fixed,
            runner,
            program: this_program(),
            handled: HashMap::new(),
            begins: HashMap::new(),
            stagger: None,
            observed: HashMap::new(),
            seen: None,
            running: JoinSet::new(),
            in_hand: HashMap::new(),
            pulls: Arc::new(Semaphore::new(PULLS)),
            halt,
        }
    }

    /// Runs what is due until it is halted; runs in hand end then.
    pub async fn forever(mut self) {
        let (mut trouble, mut halt) = (None, self.halt.clone());
        while !*halt.borrow() {
            let next = match self.look().await {
                Ok(next) => {
                    if trouble.take().is_some() {
                        info!("schedules go on");
                    }
                    next
                }
                Err(error) => {
                    let why = error.to_string();
                    if Backoff::of(&mut trouble, &why) {
                        error!("schedules wait: {why}");
                    }
                    LOOK
                }
            };
            tokio::select! {
                _ = halt.wait_for(|halted| *halted) => {}
                Some(done) = self.running.join_next_with_id() => self.ended(done),
                () = self.app.loader.clock.sleep(next) => {}
            }
        }
        self.idle().await;
    }

    /// Waits until no run is in hand.
    pub async fn idle(&mut self) {
        while let Some(done) = self.running.join_next_with_id().await {
            self.ended(done);
        }
    }

    /// Begins what is due; returns the time until the next look.
    ///
    /// # Errors
    /// The database's error: what is due stays so.
    pub async fn look(&mut self) -> Result<Duration, WarehouseError> {
        while let Some(done) = self.running.try_join_next_with_id() {
            self.ended(done);
        }
        let all = self.declared();
        self.handled.retain(|(name, text), _| all.get(name).is_some_and(|one| one.schedule.to_string() == *text));
        if all.is_empty() {
            return Ok(LOOK);
        }
        self.see_unfinished(&all).await?;
        let mut next = LOOK;
        for (name, declared) in &all {
            let now = self.app.loader.clock.utc();
            let Some(due) = declared.schedule.last_until(now) else { continue };
            let known = (name.clone(), declared.schedule.to_string());
            if self.handled.get(&known) != Some(&due) {
                match self.due(name, &all, due, now).await? {
                    None => drop(self.handled.insert(known, due)),
                    Some(wait) => next = next.min(wait),
                }
            }
            if let Some(wait) = declared.schedule.next_after(now).and_then(|tick| (tick - now).to_std().ok()) {
                next = next.min(wait);
            }
        }
        Ok(next)
    }

    /// The schedules of the settings and of the current plugins.
    fn declared(&self) -> BTreeMap<String, Declared> {
        let fixed = self.fixed.iter().map(|(name, schedule)| {
            // What they bring up to date is the newest there is.
            ((*name).to_owned(), Declared { schedule: schedule.clone(), catch_up: true })
        });
        let plugins = self.app.plugins.get();
        let pulls = plugins
            .schedules()
            .map(|(name, schedule, catch_up)| (name.to_owned(), Declared { schedule: schedule.clone(), catch_up }));
        fixed.chain(pulls).collect()
    }

    /// Deals with the last tick of a schedule; returns the wait until another look at it, if it is not dealt with yet.
    async fn due(
        &mut self,
        name: &str,
        all: &BTreeMap<String, Declared>,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, WarehouseError> {
        let catalog = self.app.loader.catalog.clone();
        let Declared { schedule, catch_up } = &all[name];
        let text = schedule.to_string();
        let has_begun = !self.handled.contains_key(&(name.to_owned(), text.clone()));
        let mut line = catalog.know_schedule(name, &text, has_begun).await?;
        if line.since > now + SET_BACK {
            line = catalog.begin_schedule(name, &text, line.paused_at).await?;
        }
        let newest = catalog.newest_tick(name, now + SET_BACK).await?.map(|run| run.scheduled_for);
        let base = newest.map_or(line.since, |newest| newest.max(line.since));
        if line.paused_at.is_some() || due <= base {
            self.begins.remove(name);
            return Ok(None);
        }
        let tick = schedule.zone().moment(due);
        if self.observed.keys().any(|(other, _)| other == name) {
            // The run of another program may have ended since.
            self.seen = None;
            self.see_unfinished(all).await?;
        }
        if let Some(begun) = self.going_on(name) {
            let Some(begun) = begun else { return Ok(Some(LOOK)) };
            let why = format!("the run of {} was going on", schedule.zone().moment(begun));
            if catalog.skip_tick(name, due, &self.program, &why).await? {
                warn!(schedule = name, "{name}: the tick of {tick} is skipped: {why}");
            }
            return Ok(None);
        }
        if now - due > LATE {
            let missed = std::iter::successors(schedule.next_after(base), |tick| schedule.next_after(*tick));
            let missed = missed.take_while(|tick| *tick <= due).take(COUNTED).count();
            let more = if missed == COUNTED { "at least " } else { "" };
            let missed = format!("{more}{}", counted(missed as u64, "tick"));
            if !catch_up {
                info!(schedule = name, "{name}: {missed} until {tick} missed, and not caught up: catch_up is false");
                return Ok(None);
            }
            let clock = &self.app.loader.clock;
            let begins = *self.begins.entry(name.to_owned()).or_insert_with(|| {
                info!(schedule = name, "{name}: {missed} until {tick} missed: runs once for them");
                let begins = self.stagger.map_or_else(|| clock.now(), |last| clock.now().max(last + STAGGER));
                self.stagger = Some(begins);
                begins
            });
            let wait = begins.saturating_duration_since(clock.now());
            if !wait.is_zero() {
                return Ok(Some(wait));
            }
        }
        let permit = match name {
            PIPELINE | ANALYSIS => None,
            _ => match Arc::clone(&self.pulls).try_acquire_owned() {
                Ok(permit) => Some(permit),
                // The end of another pull brings it about.
                Err(_) => return Ok(Some(LOOK)),
            },
        };
        let Some(run) = catalog.begin_scheduled(name, due, "clock", &self.program, newest).await? else {
            // The row of another program decides at the next look.
            return Ok(Some(Duration::from_millis(100)));
        };
        self.begins.remove(name);
        info!(schedule = name, "{name}: begins by its schedule ({tick})");
        self.spawn(run, permit);
        Ok(None)
    }

    fn ended(&mut self, done: Result<(Id, ()), tokio::task::JoinError>) {
        let (id, failed) = match done {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(chain(&error.into()))),
        };
        if let (Some(run), Some(why)) = (self.in_hand.remove(&id), failed) {
            error!(schedule = run.name, "{}: the run broke off: {why}", run.name);
        }
    }
}

/// The kind of alert of a schedule's failure.
pub(super) fn kind_of(name: &str) -> Kind {
    if name == PIPELINE { Kind::Pipeline } else { Kind::Schedule }
}

/// This program, for people.
pub fn this_program() -> String {
    format!("pid {} on {}", std::process::id(), rustix::system::uname().nodename().to_string_lossy())
}
