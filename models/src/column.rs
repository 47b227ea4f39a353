//! A column of a staging table: what it is called in the files, and which types every value so far can be.

use sea_orm::entity::prelude::*;

/// A column of a staging table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "column")]
pub struct Model {
    /// The staging table.
    #[sea_orm(primary_key, auto_increment = false)]
    pub dataset: String,
    /// The name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Place in the table, from 0.
    pub position: i32,
    /// The header as it stood in the file that brought the column.
    pub header: String,
    /// The column's type.
    pub r#type: String,
    /// Every type that all values so far read back from unchanged, narrowest first, separated by commas.
    pub fits: String,
    /// The load that brought the column, or brought it again after somebody had dropped it: earlier ones have no values in it.
    pub first_load_id: i64,
    /// The load that gave it its present type.
    pub type_load_id: i64,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
