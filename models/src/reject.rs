//! One record that was read and not loaded, with all that is needed to fix it.

use sea_orm::entity::prelude::*;

/// A record that was read and not loaded.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "reject")]
pub struct Model {
    /// The number, from 1.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The load.
    pub load_id: i64,
    /// The line of the input on which the record starts, from 1.
    pub line: i64,
    /// The column at fault, if it is a single one.
    pub column: Option<String>,
    /// The reason, one of a closed list, in words.
    pub reason: String,
    /// The particulars, such as the value that does not fit the column.
    pub detail: Option<String>,
    /// The record as it stood in the input; bytes that are no text are replaced by U+FFFD here
    /// and kept as they were in `exports/rejects/`.
    pub text: String,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
