//! A staging table that loads have gone into. A load locks its dataset's row, so that one table is changed by one load
//! at a time.

use sea_orm::entity::prelude::*;

/// A staging table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "dataset")]
pub struct Model {
    /// The staging table, without its schema.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The newest load that took the row's lock.
    pub last_started_at: DateTimeUtc,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
