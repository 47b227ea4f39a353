//! Checkpoints: how far the streams that are pulled or consumed were loaded. One is moved in the transaction of the rows
//! that it counts, from the generation before, so that a second program, a late one or a retry brings nothing twice.

use chrono::{DateTime, Utc};
use models::{checkpoint, load};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Insert, QueryFilter, QueryTrait};
use serde_json::Value as Json;

use super::{RowCounts, number};
use crate::catalog::Catalog;
use crate::source::{Cursor, Stream, Window};
use crate::warehouse::{Scope, Transaction, WarehouseError};

/// A checkpoint of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Position behind the last record that was loaded.
    pub position: Json,
    /// Number of times that it was moved.
    pub generation: i64,
    /// Value by which the next records are asked for.
    pub cursor: Option<Cursor>,
    /// Rows that its windows brought.
    pub rows: u64,
    /// Load that moved it last.
    pub load_id: i64,
}

/// A stream and how far it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLine {
    /// The plugin that names the source.
    pub plugin: String,
    /// Rows that its windows brought.
    pub rows: u64,
    /// Position behind the last record that was loaded.
    pub position: Json,
    /// The time of its last window.
    pub moved_at: DateTime<Utc>,
}

impl Catalog {
    /// All streams that were loaded.
    ///
    /// # Errors
    /// The database's error.
    pub async fn streams(&self) -> Result<Vec<StreamLine>, WarehouseError> {
        let lines: Vec<checkpoint::Model> = self.read(checkpoint::Entity::find().into_query()).await?;
        let line = |line: checkpoint::Model| StreamLine {
            rows: line.rows.unsigned_abs(),
            position: serde_json::from_str(&line.position).unwrap_or_default(),
            plugin: line.plugin,
            moved_at: line.moved_at,
        };
        Ok(lines.into_iter().map(line).collect())
    }

    /// The checkpoint of a stream; `None` before its first window.
    ///
    /// # Errors
    /// The database's error, or a position that is no JSON.
    pub async fn checkpoint(&self, stream: &Stream) -> Result<Option<Checkpoint>, WarehouseError> {
        let query = checkpoint::Entity::find().filter(is_of(stream));
        let found: Vec<checkpoint::Model> = self.read(query.into_query()).await?;
        found.into_iter().next().map(Checkpoint::of).transpose()
    }

    /// Another stream that the same plugin was loaded from, if there is one.
    ///
    /// # Errors
    /// The database's error.
    pub async fn other_stream(&self, stream: &Stream) -> Result<Option<String>, WarehouseError> {
        let query = checkpoint::Entity::find()
            .filter(checkpoint::Column::Plugin.eq(&stream.plugin))
            .filter(checkpoint::Column::Stream.ne(&stream.stream));
        let found: Vec<checkpoint::Model> = self.read(query.into_query()).await?;
        Ok(found.into_iter().next().map(|line| line.stream))
    }

    /// The place at which a stream stands in this transaction: its generation and position.
    pub(super) async fn stands_at(
        &self,
        transaction: &mut dyn Transaction,
        stream: &Stream,
    ) -> Result<(i64, Option<Json>), WarehouseError> {
        use sea_orm::QuerySelect;
        let query = checkpoint::Entity::find()
            .select_only()
            .columns([checkpoint::Column::Generation, checkpoint::Column::Position])
            .filter(is_of(stream));
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        match rows.first() {
            Some(row) => Ok((row.get(0)?, Some(row.json(1)?).filter(|position: &Json| !position.is_null()))),
            None => Ok((0, None)),
        }
    }

    /// Moves the checkpoint of a window's stream behind it, for the load `load_id` with these counts; returns true if
    /// it stood where the window goes on from. Else nothing is moved, and the transaction must not be committed.
    ///
    /// # Errors
    /// The database's error.
    pub async fn move_checkpoint(
        &self,
        transaction: &mut dyn Transaction,
        window: &Window,
        load_id: i64,
        books: &RowCounts,
    ) -> Result<bool, WarehouseError> {
        let Window { position, generation, count, cursor, .. } = window;
        let stream = &position.stream;
        let moved = checkpoint::ActiveModel {
            position: Set(position.to.to_string()),
            cursor: Set(cursor.as_ref().map(|cursor| cursor.value.clone())),
            cursor_format: Set(cursor.as_ref().and_then(|cursor| cursor.format.clone())),
            count: Set(count.map(number)),
            generation: Set(generation + 1),
            load_id: Set(load_id),
            moved_at: Set(self.clock.utc()),
            ..Default::default()
        };
        let rows = number(books.loaded + books.duplicate);
        let statement = match generation {
            0 => {
                let line = checkpoint::ActiveModel {
                    plugin: Set(stream.plugin.clone()),
                    stream: Set(stream.stream.clone()),
                    partition: Set(stream.partition.clone()),
                    rows: Set(rows),
                    ..moved
                };
                let mut insert = Insert::one(line).into_query();
                let key = [checkpoint::Column::Plugin, checkpoint::Column::Stream, checkpoint::Column::Partition];
                // Another program may have begun the stream.
                insert.on_conflict(OnConflict::columns(key).do_nothing().to_owned());
                self.build(&insert)
            }
            _ => {
                let from = position.from.clone().unwrap_or_default();
                let update = checkpoint::Entity::update_many()
                    .set(moved)
                    .col_expr(checkpoint::Column::Rows, Expr::col(checkpoint::Column::Rows).add(rows))
                    .filter(is_of(stream))
                    .filter(checkpoint::Column::Generation.eq(*generation))
                    .filter(checkpoint::Column::Position.eq(from.to_string()));
                self.build(&update.into_query())
            }
        };
        let written = transaction.execute(&statement.sql, &super::values(&statement)?).await;
        Ok(written.map_err(|error| self.of_all(error))? == 1)
    }
}

impl Catalog {
    /// Moves the checkpoint of a stream behind a window without records, which ends what earlier windows began; returns
    /// true if it stood where the window goes on from.
    ///
    /// # Errors
    /// As [`Catalog::move_checkpoint`].
    pub async fn end_run(&self, window: &Window) -> Result<bool, WarehouseError> {
        let Some(known) = self.checkpoint(&window.position.stream).await? else { return Ok(false) };
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        let moved = self.move_checkpoint(&mut *transaction, window, known.load_id, &RowCounts::default()).await?;
        if moved {
            transaction.commit().await?;
        }
        Ok(moved)
    }
}

impl Catalog {
    /// Forgets how far the streams into a staging table were loaded: the table goes, and what they gave with it.
    pub(super) async fn forget_checkpoints(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
    ) -> Result<(), WarehouseError> {
        use sea_orm::QuerySelect;
        let loads = load::Entity::find().select_only().column(load::Column::Id).filter(load::Column::Dataset.eq(table));
        let delete =
            checkpoint::Entity::delete_many().filter(checkpoint::Column::LoadId.in_subquery(loads.into_query()));
        self.run(transaction, self.build(&delete.into_query())).await
    }
}

impl Checkpoint {
    fn of(line: checkpoint::Model) -> Result<Checkpoint, WarehouseError> {
        let position = serde_json::from_str(&line.position)
            .map_err(|error| WarehouseError::Refused(format!("the position of {} is no JSON: {error}", line.stream)))?;
        let cursor = line.cursor.map(|value| Cursor { value, format: line.cursor_format });
        Ok(Checkpoint {
            position,
            generation: line.generation,
            cursor,
            rows: line.rows.unsigned_abs(),
            load_id: line.load_id,
        })
    }
}

fn is_of(stream: &Stream) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(checkpoint::Column::Plugin.eq(&stream.plugin))
        .add(checkpoint::Column::Stream.eq(&stream.stream))
        .add(checkpoint::Column::Partition.eq(&stream.partition))
}
