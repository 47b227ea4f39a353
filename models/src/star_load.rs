//! A load of whole truths that a dimension remembers, also when later loads have replaced its rows.

use sea_orm::entity::prelude::*;

/// A load that a run has brought into a dimension's memory.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "star_load")]
pub struct Model {
    /// The dimension, without its schema.
    #[sea_orm(primary_key, auto_increment = false)]
    pub star: String,
    /// The load.
    #[sea_orm(primary_key, auto_increment = false)]
    pub load_id: i64,
    /// The newest load of the same whole: another one only where a file came in parts.
    pub whole: i64,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
