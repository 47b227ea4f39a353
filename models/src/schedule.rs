//! A schedule: since when it is known, and if it is paused.

use sea_orm::entity::prelude::*;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "schedule")]
pub struct Model {
    /// What it runs: a plugin, `pipeline` or `analysis`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its text with its zone.
    pub text: String,
    /// The time from which on its ticks count: it was new, another one, or resumed.
    pub since: DateTimeUtc,
    /// The time at which it was paused.
    pub paused_at: Option<DateTimeUtc>,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
