//! Queries and writes of a retraction.

use models::load::Status;
use models::{column, column_history, dataset, load};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::LoadLine;
use crate::catalog::Catalog;
use crate::warehouse::{Row, Transaction, WarehouseError};

impl Catalog {
    /// Locks a dataset until the transaction ends; waits for the load that has the lock.
    ///
    /// # Errors
    /// The database's error.
    pub async fn lock(&self, transaction: &mut dyn Transaction, table: &str) -> Result<(), WarehouseError> {
        let update = dataset::Entity::update_many()
            .set(dataset::ActiveModel { last_started_at: Set(self.clock.utc()), ..Default::default() })
            .filter(dataset::Column::Name.eq(table));
        self.run(transaction, self.build(&update.into_query())).await
    }

    /// Records that a load of this status was taken back; returns true if it had the status until now.
    ///
    /// # Errors
    /// The database's error.
    pub async fn retract(
        &self,
        transaction: &mut dyn Transaction,
        load_id: i64,
        status: Status,
    ) -> Result<bool, WarehouseError> {
        let mut update = load::Entity::update_many()
            .set(load::ActiveModel { status: Set(Status::Retracted), ..Default::default() })
            .filter(load::Column::Id.eq(load_id))
            .filter(load::Column::Status.eq(status))
            .into_query();
        update.returning_col(load::Column::Id);
        Ok(!self.rows(transaction, self.build(&update)).await?.is_empty())
    }

    /// The loads whose rows went into the table after those of `load_id`, the newest first.
    ///
    /// # Errors
    /// The database's error.
    pub async fn later(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
        load_id: i64,
    ) -> Result<Vec<LaterLoad>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .columns([load::Column::Id, load::Column::RowsDuplicate])
            .column(load::Column::Columns)
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.eq(Status::Loaded))
            .filter(load::Column::Id.gt(load_id))
            .order_by_desc(load::Column::Id);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        let later = |row: &Row| {
            Ok(LaterLoad { id: row.get(0)?, rows_duplicate: row.get(1)?, columns: column_names(row.text(2)) })
        };
        rows.iter().map(later).collect()
    }

    /// The newest load before `load_id` whose rows a later one had replaced as a whole.
    ///
    /// # Errors
    /// The database's error.
    pub async fn replaced_before(&self, table: &str, load_id: i64) -> Result<Option<i64>, WarehouseError> {
        let query = load::Entity::find()
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.eq(Status::Replaced))
            .filter(load::Column::Id.lt(load_id))
            .order_by_desc(load::Column::Id)
            .limit(1);
        let lines: Vec<LoadLine> = self.read(query.into_query()).await?;
        Ok(lines.first().map(|line| line.id))
    }

    /// Forgets the loads into a table and its columns; returns the loads whose rows were in it, or are lost.
    ///
    /// # Errors
    /// The database's error.
    pub async fn drop_dataset(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
    ) -> Result<Vec<i64>, WarehouseError> {
        let mut update = load::Entity::update_many()
            .set(load::ActiveModel {
                status: Set(Status::Retracted),
                error: Set(Some("the table was dropped by app drop".to_owned())),
                ..Default::default()
            })
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.is_in([Status::Loaded, Status::Lost]))
            .into_query();
        update.returning_col(load::Column::Id);
        let rows = self.rows(transaction, self.build(&update)).await?;
        self.forget_checkpoints(transaction, table).await?;
        let columns = column::Entity::delete_many().filter(column::Column::Dataset.eq(table));
        self.run(transaction, self.build(&columns.into_query())).await?;
        let history = column_history::Entity::delete_many().filter(column_history::Column::Dataset.eq(table));
        self.run(transaction, self.build(&history.into_query())).await?;
        let dataset = dataset::Entity::delete_many().filter(dataset::Column::Name.eq(table));
        self.run(transaction, self.build(&dataset.into_query())).await?;
        let mut loads = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
        loads.sort_unstable();
        Ok(loads)
    }

    /// The loads among these whose rows were taken back.
    ///
    /// # Errors
    /// The database's error.
    pub async fn retracted(&self, loads: &[i64]) -> Result<Vec<i64>, WarehouseError> {
        let query = load::Entity::find()
            .filter(load::Column::Id.is_in(loads.iter().copied()))
            .filter(load::Column::Status.eq(Status::Retracted));
        let lines: Vec<LoadLine> = self.read(query.into_query()).await?;
        Ok(lines.into_iter().map(|line| line.id).collect())
    }
}

/// A load that came after another one.
#[derive(Clone, Debug)]
pub struct LaterLoad {
    /// Number of the load.
    pub id: i64,
    /// Rows that it brought and that were in the table as it brought them.
    pub rows_duplicate: i64,
    /// The columns that it brought.
    pub columns: Vec<String>,
}

/// Names in a load's `columns`.
pub fn column_names(columns: Option<&str>) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    let named: Vec<Named> = columns.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    named.into_iter().map(|one| one.name).collect()
}
