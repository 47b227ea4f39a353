//! One run of the pipeline or of the analysis, with its changes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "run")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `pipeline` or `analysis`.
    pub kind: String,
    /// `done` or `failed`.
    pub status: String,
    pub started_at: DateTimeUtc,
    pub finished_at: DateTimeUtc,
    /// The changes, as JSON: an object for each table or view.
    pub changes: Option<String>,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
