//! A row of a fact's select that is not in the fact, as of its last run.

use sea_orm::entity::prelude::*;

/// A staged row that a fact does not take.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "star_reject")]
pub struct Model {
    /// The number, from 1.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The fact, without its schema.
    pub fact: String,
    /// The load of the staged row, if the fact's select is row by row.
    pub load_id: Option<i64>,
    /// The line of the input on which its record starts, from 1.
    pub line: Option<i64>,
    /// The column whose value is no member of the dimension.
    pub column: String,
    /// That value.
    pub value: Option<String>,
    /// The reason, in words.
    pub reason: String,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
