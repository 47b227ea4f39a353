//! How far a stream that is pulled or consumed was loaded.

use sea_orm::entity::prelude::*;

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "checkpoint")]
pub struct Model {
    /// The plugin that names the source.
    #[sea_orm(primary_key, auto_increment = false)]
    pub plugin: String,
    /// The stream of the source: a resource, a topic.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// The partition of the stream; empty if it has none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub partition: String,
    /// The position behind the last record that was loaded, as JSON.
    pub position: String,
    /// The value by which the next records are asked for, as the source writes it.
    pub cursor: Option<String>,
    /// The format of the cursor.
    pub cursor_format: Option<String>,
    /// The number of records that the source said the last window had.
    pub count: Option<i64>,
    /// Rows that its windows brought.
    pub rows: i64,
    /// The number of times that it was moved; a move is made from the one before.
    pub generation: i64,
    /// The load that moved it last.
    pub load_id: i64,
    /// The time of that.
    pub moved_at: DateTimeUtc,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
