//! Schedules and their runs. A run is a row before it begins: whoever inserts it runs it. Its program counts up a beat while it
//! lives; one whose beat stands still is dead, and another program takes its run over from that very beat.

use chrono::{DateTime, TimeDelta, Utc};
use models::{schedule, schedule_run};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, FromQueryResult, Insert, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};

use super::{RunLine, ScheduleLine};
use crate::catalog::Catalog;
use crate::text::secrets::hidden;
use crate::warehouse::{Scope, WarehouseError};

/// Retention of runs.
const KEPT: TimeDelta = TimeDelta::days(90);

/// The name of the pipeline among schedules.
pub const PIPELINE: &str = "pipeline";

/// The name of the analysis among schedules.
pub const ANALYSIS: &str = "analysis";

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Done, with what it did in words.
    Done(String),
    /// Failed, with the error.
    Failed(String),
    /// Its program was asked to end: another one, or its next start, goes on with it.
    Stopped,
}

/// The ticks of a schedule that were skipped.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Skipped {
    /// The schedule.
    pub name: String,
    /// The number of ticks.
    pub ticks: i64,
}

impl Catalog {
    /// The schedules that are known, by name.
    ///
    /// # Errors
    /// The database's error.
    pub async fn schedules(&self) -> Result<Vec<ScheduleLine>, WarehouseError> {
        self.read(schedule::Entity::find().order_by_asc(schedule::Column::Name).into_query()).await
    }

    /// The schedule of this name. One that is new begins now: its earlier ticks are nobody's. So does one with another text, if its
    /// program `has_begun` only now: of two programs that differ for long, neither would ever run it.
    ///
    /// # Errors
    /// The database's error.
    pub async fn know_schedule(&self, name: &str, text: &str, has_begun: bool) -> Result<ScheduleLine, WarehouseError> {
        match self.schedule(name).await? {
            Some(line) if line.text == text || !has_begun => Ok(line),
            before => self.begin_schedule(name, text, before.and_then(|line| line.paused_at)).await,
        }
    }

    /// The schedule of this name, as it was begun last; `None` if no program has seen it.
    ///
    /// # Errors
    /// The database's error.
    pub async fn schedule(&self, name: &str) -> Result<Option<ScheduleLine>, WarehouseError> {
        let query = schedule::Entity::find().filter(schedule::Column::Name.eq(name));
        Ok(self.read(query.into_query()).await?.pop())
    }

    /// Begins a schedule, or begins it anew: its ticks count from now on.
    ///
    /// # Errors
    /// The database's error.
    pub async fn begin_schedule(
        &self,
        name: &str,
        text: &str,
        paused_at: Option<DateTime<Utc>>,
    ) -> Result<ScheduleLine, WarehouseError> {
        let line = ScheduleLine { name: name.to_owned(), text: text.to_owned(), since: self.clock.utc(), paused_at };
        let mut insert = Insert::one(schedule::ActiveModel::from(line.clone())).into_query();
        let others = [schedule::Column::Text, schedule::Column::Since, schedule::Column::PausedAt];
        insert.on_conflict(OnConflict::column(schedule::Column::Name).update_columns(others).to_owned());
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        self.run(&mut *transaction, self.build(&insert)).await?;
        transaction.commit().await?;
        Ok(line)
    }

    /// The newest tick of a schedule that was run or skipped, until a moment.
    ///
    /// # Errors
    /// The database's error.
    pub async fn newest_tick(&self, name: &str, until: DateTime<Utc>) -> Result<Option<RunLine>, WarehouseError> {
        let query =
            of(name).filter(schedule_run::Column::By.eq("clock")).filter(schedule_run::Column::ScheduledFor.lte(until));
        let query = query.order_by_desc(schedule_run::Column::ScheduledFor).limit(1);
        Ok(self.read(query.into_query()).await?.pop())
    }

    /// The runs that have begun and not ended, and those whose program was asked to end.
    ///
    /// # Errors
    /// The database's error.
    pub async fn unfinished_runs(&self) -> Result<Vec<RunLine>, WarehouseError> {
        let status = schedule_run::Column::Status.is_in(["running", "stopped"]);
        self.read(schedule_run::Entity::find().filter(status).into_query()).await
    }

    /// The newest run of each schedule that is not a skipped tick, running or not.
    ///
    /// # Errors
    /// The database's error.
    pub async fn newest_runs(&self) -> Result<Vec<RunLine>, WarehouseError> {
        let newest = schedule_run::Entity::find()
            .select_only()
            .column(schedule_run::Column::Name)
            .column_as(schedule_run::Column::StartedAt.max(), "started_at")
            .filter(schedule_run::Column::Status.ne("skipped"))
            .group_by(schedule_run::Column::Name);
        let key = Expr::tuple([
            Expr::col((schedule_run::Entity, schedule_run::Column::Name)),
            Expr::col((schedule_run::Entity, schedule_run::Column::StartedAt)),
        ]);
        let query = schedule_run::Entity::find()
            .filter(schedule_run::Column::Status.ne("skipped"))
            .filter(key.in_subquery(newest.into_query()))
            .order_by_asc(schedule_run::Column::Name);
        self.read(query.into_query()).await
    }

    /// The runs that are no skipped ticks, the newest first: of one name or of all, before a moment; `limit` at most.
    ///
    /// # Errors
    /// The database's error.
    pub async fn runs_before(
        &self,
        name: Option<&str>,
        before: Option<DateTime<Utc>>,
        limit: u64,
    ) -> Result<Vec<RunLine>, WarehouseError> {
        let wanted = Condition::all()
            .add(schedule_run::Column::Status.ne("skipped"))
            .add_option(name.map(|name| schedule_run::Column::Name.eq(name)))
            .add_option(before.map(|before| schedule_run::Column::StartedAt.lt(before)));
        let query = schedule_run::Entity::find()
            .filter(wanted)
            .order_by_desc(schedule_run::Column::StartedAt)
            .order_by_asc(schedule_run::Column::Name)
            .limit(limit);
        self.read(query.into_query()).await
    }

    /// The run of a name for this tick.
    ///
    /// # Errors
    /// The database's error.
    pub async fn run_of(&self, name: &str, tick: DateTime<Utc>) -> Result<Option<RunLine>, WarehouseError> {
        Ok(self.read(of(name).filter(schedule_run::Column::ScheduledFor.eq(tick)).into_query()).await?.pop())
    }

    /// True if the run before this one failed. A failure by hand is left out: nobody but its caller was told.
    ///
    /// # Errors
    /// The database's error.
    pub async fn failed_before(&self, run: &RunLine) -> Result<bool, WarehouseError> {
        let by_hand = schedule_run::Column::By.eq("hand").and(schedule_run::Column::Status.eq("failed"));
        let query = of(&run.name)
            .filter(schedule_run::Column::Status.is_in(["done", "failed"]))
            .filter(schedule_run::Column::StartedAt.lt(run.started_at))
            .filter(by_hand.not())
            .order_by_desc(schedule_run::Column::StartedAt)
            .limit(1);
        let before: Vec<RunLine> = self.read(query.into_query()).await?;
        Ok(before.first().is_some_and(|before| before.status == "failed"))
    }

    /// The number of skipped ticks of each schedule, as far as they are kept.
    ///
    /// # Errors
    /// The database's error.
    pub async fn skipped_ticks(&self) -> Result<Vec<Skipped>, WarehouseError> {
        let query = schedule_run::Entity::find()
            .select_only()
            .column(schedule_run::Column::Name)
            .column_as(Expr::cust("count(*)"), "ticks")
            .filter(schedule_run::Column::Status.eq("skipped"))
            .group_by(schedule_run::Column::Name);
        self.read(query.into_query()).await
    }

    /// Begins a run, unless this tick has a row already, or a run of that name goes on. `newest` is the tick before it: runs of 90
    /// days before that are forgotten. The time of now would not do: a clock that is wrong by years would have a tick forgotten, and
    /// run again when it is right.
    ///
    /// # Errors
    /// The database's error.
    pub async fn begin_scheduled(
        &self,
        name: &str,
        scheduled_for: DateTime<Utc>,
        by: &str,
        program: &str,
        newest: Option<DateTime<Utc>>,
    ) -> Result<Option<RunLine>, WarehouseError> {
        let line = self.tick(name, scheduled_for, "running", by, program);
        let insert = self.insert(&line);
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        let inserted = transaction.execute(&insert.sql, &super::values(&insert)?).await;
        if inserted.map_err(|error| self.of_all(error))? == 0 {
            return Ok(None);
        }
        // A later run does what that one has not done.
        let stopped = schedule_run::ActiveModel {
            status: Set("failed".to_owned()),
            error: Set(Some("its program was stopped, and a later run was begun".to_owned())),
            ..Default::default()
        };
        let close = schedule_run::Entity::update_many()
            .set(stopped)
            .filter(schedule_run::Column::Name.eq(name))
            .filter(schedule_run::Column::Status.eq("stopped"));
        self.run(&mut *transaction, self.build(&close.into_query())).await?;
        if let Some(newest) = newest {
            let forget = schedule_run::Entity::delete_many()
                .filter(schedule_run::Column::Name.eq(name))
                .filter(schedule_run::Column::ScheduledFor.lt(newest - KEPT))
                .filter(schedule_run::Column::Status.ne("running"));
            self.run(&mut *transaction, self.build(&forget.into_query())).await?;
        }
        transaction.commit().await?;
        Ok(Some(line))
    }

    /// Notes that a tick was skipped; returns false if it has a row already.
    ///
    /// # Errors
    /// The database's error.
    pub async fn skip_tick(
        &self,
        name: &str,
        scheduled_for: DateTime<Utc>,
        program: &str,
        why: &str,
    ) -> Result<bool, WarehouseError> {
        let mut line = self.tick(name, scheduled_for, "skipped", "clock", program);
        line.finished_at = Some(line.started_at);
        line.result = Some(why.to_owned());
        self.write(&self.insert(&line)).await
    }

    /// Counts up the beat of a run; returns false if another program has taken it over.
    ///
    /// # Errors
    /// The database's error.
    pub async fn beat(&self, run: &RunLine) -> Result<bool, WarehouseError> {
        let update = schedule_run::Entity::update_many()
            .set(schedule_run::ActiveModel { beat_at: Set(self.clock.utc()), ..Default::default() })
            .col_expr(schedule_run::Column::Beat, Expr::col(schedule_run::Column::Beat).add(1))
            .filter(is_held(run));
        self.write(&self.build(&update.into_query())).await
    }

    /// Takes a run over that was stopped, or whose beat stands still; `None` if it does not any more.
    ///
    /// # Errors
    /// The database's error.
    pub async fn take_over(&self, run: &RunLine, program: &str) -> Result<Option<RunLine>, WarehouseError> {
        let now = self.clock.utc();
        let taken = RunLine {
            status: "running".to_owned(),
            program: program.to_owned(),
            tries: run.tries + 1,
            beat: run.beat + 1,
            beat_at: now,
            started_at: now,
            finished_at: None,
            ..run.clone()
        };
        let update = schedule_run::Entity::update_many()
            .set(schedule_run::ActiveModel {
                status: Set(taken.status.clone()),
                program: Set(taken.program.clone()),
                tries: Set(taken.tries),
                beat: Set(taken.beat),
                beat_at: Set(now),
                started_at: Set(now),
                finished_at: Set(None),
                ..Default::default()
            })
            .filter(is_of(run))
            .filter(schedule_run::Column::Status.eq(&run.status))
            .filter(schedule_run::Column::Tries.eq(run.tries))
            .filter(schedule_run::Column::Beat.eq(run.beat));
        Ok(self.write(&self.build(&update.into_query())).await?.then_some(taken))
    }

    /// Ends a run; returns false if another program has taken it over.
    ///
    /// # Errors
    /// The database's error.
    pub async fn end_scheduled(&self, run: &RunLine, end: &RunEnd) -> Result<bool, WarehouseError> {
        let text = |text: &str| Some(hidden(text).replace('\0', "\u{FFFD}"));
        let (status, result, error) = match end {
            RunEnd::Done(result) => ("done", text(result), None),
            RunEnd::Failed(error) => ("failed", None, text(error)),
            RunEnd::Stopped => ("stopped", None, None),
        };
        let update = schedule_run::Entity::update_many()
            .set(schedule_run::ActiveModel {
                status: Set(status.to_owned()),
                finished_at: Set(Some(self.clock.utc())),
                result: Set(result),
                error: Set(error),
                ..Default::default()
            })
            .filter(is_held(run));
        self.write(&self.build(&update.into_query())).await
    }

    fn tick(&self, name: &str, scheduled_for: DateTime<Utc>, status: &str, by: &str, program: &str) -> RunLine {
        let now = self.clock.utc();
        RunLine {
            name: name.to_owned(),
            scheduled_for,
            status: status.to_owned(),
            by: by.to_owned(),
            program: program.to_owned(),
            tries: 1,
            beat: 0,
            beat_at: now,
            started_at: now,
            finished_at: None,
            result: None,
            error: None,
        }
    }

    /// The insert of a row that gives way to one that is there, and to a run of its name that goes on.
    fn insert(&self, line: &RunLine) -> sea_orm::Statement {
        let mut insert = Insert::one(schedule_run::ActiveModel::from(line.clone())).into_query();
        insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        self.build(&insert)
    }

    /// Commits a statement by itself; returns true if it wrote a row.
    async fn write(&self, statement: &sea_orm::Statement) -> Result<bool, WarehouseError> {
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        let written = transaction.execute(&statement.sql, &super::values(statement)?).await;
        let written = written.map_err(|error| self.of_all(error))?;
        transaction.commit().await?;
        Ok(written == 1)
    }
}

fn of(name: &str) -> sea_orm::Select<schedule_run::Entity> {
    schedule_run::Entity::find().filter(schedule_run::Column::Name.eq(name))
}

fn is_of(run: &RunLine) -> Condition {
    Condition::all()
        .add(schedule_run::Column::Name.eq(&run.name))
        .add(schedule_run::Column::ScheduledFor.eq(run.scheduled_for))
}

/// The condition that a run goes on, and with the program that has it.
fn is_held(run: &RunLine) -> Condition {
    is_of(run).add(schedule_run::Column::Status.eq("running")).add(schedule_run::Column::Tries.eq(run.tries))
}
