//! The select of a view that Sluice made, as its file had it: a change of a column's type translates it anew.

use sea_orm::entity::prelude::*;

/// A view of the star or of a question.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "view")]
pub struct Model {
    /// The view, without its schema.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its select, with the names of SQL files.
    pub text: String,
    /// 1 if the select is written for the engine, 0 if it is to be translated.
    pub is_own: i64,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
