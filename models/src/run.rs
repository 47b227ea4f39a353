//! One run of the pipeline or of the analysis, with its changes.

use sea_orm::entity::prelude::*;

/// A run of the pipeline or of the analysis.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "run")]
pub struct Model {
    /// The number, from 1.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `pipeline`, `part` (chosen tables of it) or `analysis`.
    pub kind: String,
    /// `done` or `failed`.
    pub status: String,
    /// The time at which it began.
    pub started_at: DateTimeUtc,
    /// The time at which it ended.
    pub finished_at: DateTimeUtc,
    /// The changes, as JSON: an object for each table or view.
    pub changes: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
