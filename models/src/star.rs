//! A table of the star with the sources of its last build, so that a run knows the news.

use sea_orm::entity::prelude::*;

/// The state of a table of the star.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "star")]
pub struct Model {
    /// The table, without its schema.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// dimension, fact, bridge, calendar, table or view.
    pub kind: String,
    /// BLAKE3 of its header, its select and the columns that it reads.
    pub definition: String,
    /// The loads behind it, whatever their dataset: `1-40,42`.
    pub seen: String,
    /// The versions of the star's tables behind it, as a JSON object.
    pub upstream: String,
    /// The version: each run that changes the table increases it.
    pub version: i64,
    /// The highest surrogate key that was ever given.
    pub highest_key: i64,
    /// The number of rows, without the unknown member.
    pub rows: i64,
    /// The time of the last run that considered it.
    pub built_at: DateTimeUtc,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
