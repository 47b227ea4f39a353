//! A column of a staging table: its name in the files, and the types that fit all values so far.

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
    /// The position in the table, from 0.
    pub position: i32,
    /// The header as it stood in the file that brought the column.
    pub header: String,
    /// The type of the column.
    pub r#type: String,
    /// The types that all values so far read back from unchanged, narrowest first, separated by commas.
    pub fits: String,
    /// The load that brought the column, or brought it again after it had been dropped: earlier ones have no values in
    /// it.
    pub first_load_id: i64,
    /// The load that gave it its present type.
    pub type_load_id: i64,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
