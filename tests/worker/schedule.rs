//! Schedules on a given clock: each tick runs once, whatever programs and clocks do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sluice::app::App;
use sluice::clock::{Clock, Schedule, Zone};
use sluice::dataset::plugin::Plugins;
use sluice::worker::{Runner, Scheduler};
use tokio::sync::Semaphore;

use crate::support::{Outcome, TestDatabase, Workdir, cases, holds, same};

cases! {
    on_both:
        two_programs_run_a_thousand_ticks_once_each,
        a_run_never_overlaps_itself,
        missed_ticks_are_caught_up_once_or_not_at_all,
        a_clock_that_is_set_runs_nothing_twice,
        a_dead_programs_run_is_taken_over_and_a_living_ones_is_not,
        a_run_that_kills_its_programs_fails,
        a_paused_schedule_lets_its_ticks_pass,
        a_new_text_begins_anew,
        programs_that_differ_hold_each_other_up_once_at_most,
        the_end_of_a_run_is_in_its_row;
}

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The runs of a test, by their names, which pass a gate.
#[derive(Clone)]
struct Runs {
    begun: Arc<Mutex<Vec<String>>>,
    gate: Arc<Semaphore>,
    clock: Clock,
    /// Keeps the programs from being halted.
    halt: Arc<tokio::sync::watch::Sender<bool>>,
}

impl Runs {
    fn new(passes: usize) -> Runs {
        let (halt, _) = tokio::sync::watch::channel(false);
        let gate = Arc::new(Semaphore::new(passes));
        let clock = Clock::default();
        // Ten minutes past an hour: no tick is near.
        let hour = clock.utc().duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::minutes(70);
        clock.advance((hour - clock.utc()).to_std().unwrap());
        Runs { begun: Arc::default(), gate, clock, halt: Arc::new(halt) }
    }

    fn runner(&self) -> Arc<Runner> {
        let runs = self.clone();
        Arc::new(move |name| {
            let runs = runs.clone();
            Box::pin(async move {
                runs.begun.lock().unwrap().push(name.clone());
                runs.gate.acquire().await?.forget();
                anyhow::ensure!(!name.contains("wrong"), "it cannot be done");
                Ok("a thing was done".to_owned())
            })
        })
    }

    /// A program with a schedule of the pipeline, and those of the plugins.
    fn program(&self, database: &TestDatabase, workdir: &Workdir, pipeline: &str) -> Scheduler {
        let settings = [("IMPORTS_DIR", "imports"), ("EXPORTS_DIR", "exports"), ("SQL_DIR", "sql")];
        let settings = settings.map(|(name, folder)| (name.to_owned(), workdir.path(folder).display().to_string()));
        let settings = sluice::settings::Settings::from_pairs(settings, []).unwrap();
        let plugins = Plugins::read(&workdir.path("plugins"), &|_| Ok(None)).unwrap();
        let app = App::builder(&settings).plugins(plugins).clock(self.clock.clone());
        let app = Arc::new(app.build(Arc::clone(&database.warehouse)));
        let fixed = match pipeline {
            "" => Vec::new(),
            text => vec![("pipeline", Schedule::parse(text, || Ok(Zone::UTC)).unwrap())],
        };
        Scheduler::new(app, fixed, self.runner(), self.halt.subscribe())
    }

    fn count(&self) -> usize {
        self.begun.lock().unwrap().len()
    }

    /// Waits until so many have begun, and no more.
    async fn have_begun(&self, count: usize) -> Outcome {
        let patience = std::time::Instant::now() + MINUTE;
        while self.count() < count && std::time::Instant::now() < patience {
            tokio::task::yield_now().await;
        }
        same(self.count(), count)
    }
}

/// A look, and the end of what it has begun.
async fn settle(program: &mut Scheduler) -> Outcome {
    program.look().await?;
    program.idle().await;
    Ok(())
}

/// A plugin that is pulled each hour.
fn source(name: &str, more: &str) -> String {
    format!("name: {name}\nsource: {{kind: http, url: http://127.0.0.1:9/}}\nmode: replace\nschedule: hourly\n{more}")
}

/// Ticks by status: `done 3, skipped 1`.
async fn ticks(database: &TestDatabase, name: &str) -> anyhow::Result<String> {
    let sql = format!(
        "select status, count(*) as n from sluice.schedule_run where name = '{name}' group by status order by status"
    );
    let rows = database.text(&sql).await?;
    Ok(rows.lines().map(|line| line.replace('|', " ")).collect::<Vec<_>>().join(", "))
}

async fn two_programs_run_a_thousand_ticks_once_each(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(100_000);
    let mut one = runs.program(&database, &workdir, "hourly");
    let mut other = runs.program(&database, &workdir, "hourly");
    settle(&mut one).await?;
    settle(&mut other).await?;
    same(runs.count(), 0)?;
    for _ in 0..1_000 {
        runs.clock.advance(HOUR);
        let (first, second) = tokio::join!(one.look(), other.look());
        first?;
        second?;
        one.idle().await;
        other.idle().await;
    }
    same(runs.count(), 1_000)?;
    let sql = "select count(*), count(distinct scheduled_for), min(status), max(tries) from sluice.schedule_run";
    same(database.text(sql).await?, "1000|1000|done|1")
}

async fn a_run_never_overlaps_itself(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(0);
    let mut program = runs.program(&database, &workdir, "* * * * *");
    let mut other = runs.program(&database, &workdir, "* * * * *");
    settle(&mut program).await?;
    for _ in 0..4 {
        runs.clock.advance(MINUTE);
        program.look().await?;
        other.look().await?;
    }
    same(ticks(&database, "pipeline").await?, "running 1, skipped 3")?;
    same(runs.count(), 1)?;
    let why = database.text("select result from sluice.schedule_run where status = 'skipped'").await?;
    holds(&why, "the run of ")?;
    runs.gate.add_permits(100);
    program.idle().await;
    runs.clock.advance(MINUTE);
    settle(&mut program).await?;
    same(ticks(&database, "pipeline").await?, "done 2, skipped 3")
}

async fn missed_ticks_are_caught_up_once_or_not_at_all(database: TestDatabase, workdir: Workdir) -> Outcome {
    for (name, more) in [("a", ""), ("b", "catch_up: true\n"), ("c", "catch_up: false\n")] {
        workdir.plugin(name, &source(name, more))?;
    }
    let runs = Runs::new(100_000);
    let mut program = runs.program(&database, &workdir, "hourly");
    settle(&mut program).await?;
    drop(program);
    // Nothing was there before it was first seen; then five ticks pass while no program runs.
    same(runs.count(), 0)?;
    runs.clock.advance(HOUR * 5);
    let mut program = runs.program(&database, &workdir, "hourly");
    let mut begun = Vec::new();
    for _ in 0..4 {
        settle(&mut program).await?;
        begun.push(runs.count());
        runs.clock.advance(Duration::from_secs(5));
    }
    // One after the other, and the third not at all.
    same(begun, vec![1, 2, 3, 3])?;
    for (name, expected) in [("a", "done 1"), ("b", "done 1"), ("c", ""), ("pipeline", "done 1")] {
        same((name, ticks(&database, name).await?), (name, expected.to_owned()))?;
    }
    let last = "select scheduled_for from sluice.schedule_run order by scheduled_for desc limit 1";
    let last: DateTime<Utc> =
        database.text(last).await?.replace(' ', "T").replace("+00", "Z").replace("Z:00", "Z").parse()?;
    same(last, runs.clock.utc().duration_trunc(TimeDelta::hours(1))?)?;
    runs.clock.advance(MINUTE * 50);
    settle(&mut program).await?;
    settle(&mut program).await?;
    for (name, expected) in [("a", "done 2"), ("b", "done 2"), ("c", "done 1"), ("pipeline", "done 2")] {
        same((name, ticks(&database, name).await?), (name, expected.to_owned()))?;
    }
    Ok(())
}

async fn a_clock_that_is_set_runs_nothing_twice(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(100_000);
    let mut program = runs.program(&database, &workdir, "* * * * *");
    let mut look = async |by: i64| -> anyhow::Result<usize> {
        runs.clock.set(TimeDelta::minutes(by));
        let before = runs.count();
        settle(&mut program).await?;
        Ok(runs.count() - before)
    };
    same(look(0).await?, 0)?;
    same([look(1).await?, look(1).await?], [1, 1])?;
    // Back by an hour: what was run is not run again, and the ticks until there are not either.
    same(look(-60).await?, 0)?;
    for _ in 0..60 {
        same(look(1).await?, 0)?;
    }
    same(look(1).await?, 1)?;
    // Forth by two: once, not 120 times.
    same(look(120).await?, 1)?;
    same(look(0).await?, 0)?;
    same(look(1).await?, 1)?;
    // A clock that was wrong by years, and is right again, does not stop the schedule.
    same(look(60 * 24 * 800).await?, 1)?;
    same(look(-60 * 24 * 800).await?, 0)?;
    same([look(1).await?, look(1).await?], [1, 1])
}

async fn a_dead_programs_run_is_taken_over_and_a_living_ones_is_not(
    database: TestDatabase,
    workdir: Workdir,
) -> Outcome {
    let runs = Runs::new(0);
    let mut first = runs.program(&database, &workdir, "hourly");
    let mut second = runs.program(&database, &workdir, "hourly");
    settle(&mut first).await?;
    runs.clock.advance(MINUTE * 50);
    first.look().await?;
    runs.have_begun(1).await?;
    // As long as it beats it lives.
    let beat = async || anyhow::Ok(database.text("select beat from sluice.schedule_run").await?.parse::<i64>()?);
    for _ in 0..10 {
        let (before, mut asked) = (beat().await?, 0);
        while beat().await? == before {
            // The run may not have waited yet when the clock was moved.
            if asked % 200 == 0 {
                runs.clock.advance(Duration::from_secs(10));
            }
            asked += 1;
            tokio::task::yield_now().await;
        }
        second.look().await?;
    }
    let sql = "select status, tries from sluice.schedule_run";
    same(database.text(sql).await?, "running|1")?;
    let tick = database.text("select scheduled_for from sluice.schedule_run").await?;
    drop(first);
    // A beat may be on its way.
    for _ in 0..200 {
        beat().await?;
        tokio::task::yield_now().await;
    }
    runs.clock.advance(Duration::from_secs(10));
    second.look().await?;
    runs.gate.add_permits(10);
    let mut seconds = 0;
    while runs.count() == 1 {
        runs.clock.advance(Duration::from_secs(10));
        seconds += 10;
        settle(&mut second).await?;
        anyhow::ensure!(seconds < 120, "nobody takes it over");
    }
    same((runs.count(), seconds >= 50), (2, true))?;
    same(database.text(sql).await?, "done|2")?;
    same(database.text("select scheduled_for from sluice.schedule_run").await?, tick)?;
    // One that was asked to stop leaves its run to the next at once.
    let stopping = Runs {
        halt: Arc::new(tokio::sync::watch::channel(false).0),
        gate: Arc::new(Semaphore::new(0)),
        ..runs.clone()
    };
    let mut third = stopping.program(&database, &workdir, "hourly");
    runs.clock.advance(HOUR);
    third.look().await?;
    runs.have_begun(3).await?;
    stopping.halt.send(true)?;
    third.idle().await;
    same(ticks(&database, "pipeline").await?, "done 1, stopped 1")?;
    runs.clock.advance(Duration::from_secs(10));
    settle(&mut second).await?;
    same((runs.count(), ticks(&database, "pipeline").await?), (4, "done 2".to_owned()))
}

async fn a_run_that_kills_its_programs_fails(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(0);
    settle(&mut runs.program(&database, &workdir, "daily")).await?;
    runs.clock.advance(HOUR * 24);
    for tries in 1..=3 {
        let mut program = runs.program(&database, &workdir, "daily");
        program.look().await?;
        // A beat that is on its way when its program ends would be a sign of life.
        for _ in 0..if tries > 1 { 7 } else { 0 } {
            runs.clock.advance(Duration::from_secs(10));
            program.look().await?;
        }
        runs.have_begun(tries).await?;
    }
    let mut program = runs.program(&database, &workdir, "daily");
    program.look().await?;
    for _ in 0..7 {
        runs.clock.advance(Duration::from_secs(10));
        program.look().await?;
    }
    same((runs.count(), ticks(&database, "pipeline").await?), (3, "failed 1".to_owned()))?;
    holds(
        &database.text("select error from sluice.schedule_run").await?,
        "ended before it was done, as 2 before it did",
    )
}

async fn a_paused_schedule_lets_its_ticks_pass(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(100_000);
    let mut program = runs.program(&database, &workdir, "hourly");
    settle(&mut program).await?;
    let settings = [("DATABASE_URL", database.url.as_str()), ("SCHEDULE_PIPELINE", "hourly")];
    let app = |arguments: &[&str]| crate::support::process::app(&workdir, arguments, &settings);
    same(app(&["schedule", "pause", "pipeline"])?.status.code(), Some(0))?;
    runs.clock.advance(HOUR);
    settle(&mut program).await?;
    same(runs.count(), 0)?;
    let catalog = sluice::catalog::Catalog::new(Arc::clone(&database.warehouse)).by(runs.clock.clone());
    let schedules = sluice::ops::schedule::Schedules::of(
        vec![("pipeline", Schedule::parse("hourly", || Ok(Zone::UTC)).unwrap())],
        &Plugins::default(),
    );
    same(schedules.pause(&catalog, "pipeline", None).await?, true)?;
    same(schedules.pause(&catalog, "pipeline", None).await?, false)?;
    settle(&mut program).await?;
    same(runs.count(), 0)?;
    runs.clock.advance(HOUR);
    settle(&mut program).await?;
    same((runs.count(), ticks(&database, "pipeline").await?), (1, "done 1".to_owned()))
}

async fn a_new_text_begins_anew(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(100_000);
    settle(&mut runs.program(&database, &workdir, "hourly")).await?;
    runs.clock.advance(HOUR * 3);
    // The ticks of the new one until now are nobody's.
    let mut program = runs.program(&database, &workdir, "*/5 * * * *");
    settle(&mut program).await?;
    same(runs.count(), 0)?;
    runs.clock.advance(MINUTE * 5);
    settle(&mut program).await?;
    same(runs.count(), 1)
}

async fn programs_that_differ_hold_each_other_up_once_at_most(database: TestDatabase, workdir: Workdir) -> Outcome {
    let runs = Runs::new(100_000);
    let mut one = runs.program(&database, &workdir, "hourly");
    let mut other = runs.program(&database, &workdir, "0 * * * *");
    for hour in 0..4 {
        settle(&mut one).await?;
        settle(&mut other).await?;
        same(runs.count(), hour)?;
        runs.clock.advance(HOUR);
    }
    Ok(())
}

async fn the_end_of_a_run_is_in_its_row(database: TestDatabase, workdir: Workdir) -> Outcome {
    workdir.plugin("wrong", &source("wrong", ""))?;
    let runs = Runs::new(100_000);
    let mut program = runs.program(&database, &workdir, "hourly");
    settle(&mut program).await?;
    runs.clock.advance(MINUTE * 50);
    settle(&mut program).await?;
    let sql =
        "select name, status, result, error, finished_at is not null as ended from sluice.schedule_run order by name";
    same(database.text(sql).await?, "pipeline|done|a thing was done|∅|true\nwrong|failed|∅|it cannot be done|true")
}
