//! A table of the star: what it was built out of, so that a run knows what is new to it.

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
    /// The loads whose rows it was built out of, whatever their dataset: `1-40,42`.
    pub seen: String,
    /// The versions of the tables of the star that it was built out of, as a JSON object.
    pub upstream: String,
    /// Goes up with each run that changes it.
    pub version: i64,
    /// The highest surrogate key that was ever given.
    pub highest_key: i64,
    /// Rows it has, the unknown member not counted.
    pub rows: i64,
    /// When a run looked after it last.
    pub built_at: DateTimeUtc,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
