//! The history of a column of a staging table: a line for each type that it has had.

use sea_orm::entity::prelude::*;

/// A change of a column of a staging table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "column_history")]
pub struct Model {
    /// The number, from 1.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The staging table.
    pub dataset: String,
    /// The name.
    pub name: String,
    /// The type.
    pub r#type: String,
    /// The load that gave it the type.
    pub load_id: i64,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
