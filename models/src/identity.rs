//! The catalog's identity: one row, made with it, which every copy of the database has too.

use sea_orm::entity::prelude::*;

/// The identity.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "identity")]
pub struct Model {
    /// A random word; of a catalog that is older than this table, the second of its creation since 1970.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
