//! A question's view as it was made, so that it goes with its file, and no foreign view does.

use sea_orm::entity::prelude::*;

/// A view of a question.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "question")]
pub struct Model {
    /// The view, without its schema.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its definition in the database's words, right after it was made.
    pub definition: String,
    /// The extensions of its exports, as a JSON list.
    pub exports: String,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
