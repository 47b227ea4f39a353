//! A thing that stood in an input beside its records: a title, a footer, a key beside a JSON array, a sheet or a member
//! left out.

use sea_orm::entity::prelude::*;

/// Something that stands beside the records of a load.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "beside")]
pub struct Model {
    /// The number, from 1.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The load.
    pub load_id: i64,
    /// `above`, `below`, `key`, `sheet`, `member`, `column` (not selected), `lacking` (a column), `encoding` or
    /// `repeated` (the key of records that came again in a pull).
    pub kind: String,
    /// The line of the input on which it starts, from 1, if it has one.
    pub line: Option<i64>,
    /// The key, or the sheet's, member's or column's name.
    pub name: Option<String>,
    /// The line or the key's value as it stood in the input, or the reason why the sheet, member or column was not
    /// loaded.
    pub text: String,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
