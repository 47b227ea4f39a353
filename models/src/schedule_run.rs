//! One run of a schedule, or one tick that was skipped.

use sea_orm::entity::prelude::*;

/// A run of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "schedule_run")]
pub struct Model {
    /// What was run: a plugin, `pipeline` or `analysis`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The tick that it was run for; of a run by hand, the time of its beginning.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scheduled_for: DateTimeUtc,
    /// `running`, `done`, `failed`, `stopped` or `skipped`. One run of a name is `running` at most.
    pub status: String,
    /// `clock`, or `hand`.
    pub by: String,
    /// The program that has it: `PID on HOST`.
    pub program: String,
    /// The number of programs that have begun it.
    pub tries: i64,
    /// A number that the program counts up while it lives.
    pub beat: i64,
    /// The time of the last beat.
    pub beat_at: DateTimeUtc,
    /// The time at which it began.
    pub started_at: DateTimeUtc,
    /// The time at which it ended.
    pub finished_at: Option<DateTimeUtc>,
    /// What it did, in words.
    pub result: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
