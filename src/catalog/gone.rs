//! Rows that the ledger has and staging has not: somebody took them or their table away by hand. Only reads, and waits for
//! no lock for long.

use std::time::Duration;

use models::load;
use models::load::Status;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};

use super::{Catalog, History};
use crate::sql::{Schema, Table};
use crate::warehouse::{Reading, Row, WarehouseError};

/// A staging table that lacks rows which its loads brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The staging table.
    pub table: String,
    /// Number of loads whose rows are to be there.
    pub loads: i64,
    /// Number of rows that they brought.
    pub rows: i64,
    /// Number of rows that are there; `None` if there is no such table.
    pub there: Option<i64>,
}

/// Extent of a look at staging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Whether each table is there and has a row, as far as that is known at once.
    Glance,
    /// The rows of each table, counted. A table of an upsert may have fewer rows than its loads brought, and counts as whole
    /// if it has any.
    Count,
}

/// Longest wait of a glance at all tables, for locks of others too.
const AT_ONCE: Duration = Duration::from_secs(1);

#[derive(FromQueryResult)]
struct BroughtRows {
    dataset: String,
    loads: i64,
    rows: i64,
}

impl Catalog {
    /// The tables of staging that lack rows of their loads, by name.
    ///
    /// # Errors
    /// The database's error.
    pub async fn gone(&self, extent: Extent) -> Result<Vec<Gone>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Dataset)
            .column_as(load::Column::Id.count(), "loads")
            .column_as(load::Column::RowsLoaded.sum().cast_as("bigint"), "rows")
            .filter(load::Column::Status.eq(Status::Loaded))
            .group_by(load::Column::Dataset)
            .having(load::Column::RowsLoaded.sum().gt(0));
        let mut brought: Vec<BroughtRows> = self.read(query.into_query()).await?;
        brought.sort_by(|one, other| one.dataset.cmp(&other.dataset));
        let tables = self.relations(Schema::Staging).await?;
        let (there, absent): (Vec<_>, Vec<_>) = brought.into_iter().partition(|one| tables.contains(&one.dataset));
        let mut gone: Vec<_> = absent.into_iter().map(|one| one.gone(None)).collect();
        gone.extend(match extent {
            Extent::Glance => self.emptied_by_hand(there).await?,
            Extent::Count => self.with_fewer_rows(there).await?,
        });
        gone.sort_by(|one, other| one.table.cmp(&other.table));
        Ok(gone)
    }

    /// True if the ledger has a load with rows in a staging table.
    ///
    /// # Errors
    /// The database's error.
    pub async fn has_loads(&self, table: &str) -> Result<bool, WarehouseError> {
        let query = load::Entity::find()
            .filter(load::Column::Dataset.eq(table))
            .filter(load::Column::Status.eq(Status::Loaded))
            .limit(1);
        let found: Vec<load::Model> = self.read(query.into_query()).await?;
        Ok(!found.is_empty())
    }

    /// Those without a row. None where that cannot be known at once: a table is locked, or the role may not read it.
    async fn emptied_by_hand(&self, there: Vec<BroughtRows>) -> Result<Vec<Gone>, WarehouseError> {
        if there.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.warehouse.names();
        let is_empty = |(at, one): (usize, &BroughtRows)| {
            format!(
                "select {at} as place where not exists (select 1 from {})",
                names.table(&Table::staging(&one.dataset))
            )
        };
        let queries: Vec<_> = there.iter().enumerate().map(is_empty).collect();
        let mut empty: Vec<usize> = Vec::new();
        // SQLite takes at most five hundred selects in one.
        for some in queries.chunks(500) {
            let read = async { self.warehouse.read(&some.join(" union all "), Reading::default()).await?.all().await };
            match tokio::time::timeout(AT_ONCE, read).await {
                Ok(Ok(rows)) => {
                    let places = rows.iter().map(|row| row.get::<u64>(0)).collect::<Result<Vec<_>, _>>()?;
                    empty.extend(places.into_iter().map(|place| place as usize));
                }
                Ok(Err(WarehouseError::Denied(_) | WarehouseError::Locked(_) | WarehouseError::Refused(_)))
                | Err(_) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
        let of_places = there.into_iter().enumerate().filter(|(place, _)| empty.contains(place));
        Ok(of_places.map(|(_, one)| one.gone(Some(0))).collect())
    }

    async fn with_fewer_rows(&self, there: Vec<BroughtRows>) -> Result<Vec<Gone>, WarehouseError> {
        let names = self.warehouse.names();
        let histories = self.relations(Schema::Catalog).await?;
        let mut gone = Vec::new();
        for one in there {
            let table = Table::staging(&one.dataset);
            let count = format!("select count(*) from {}", names.table(&table));
            let rows = self.warehouse.read(&count, Reading::default()).await?.all().await?;
            let rows: i64 = rows.last().unwrap_or(&Row::default()).get(0)?;
            // A row that a later load of an upsert changed counts for both.
            let is_upsert = histories.contains(&History::of(names, &table).kept().name);
            let expected = if is_upsert { 1 } else { one.rows };
            if rows < expected {
                gone.push(one.gone(Some(rows)));
            }
        }
        Ok(gone)
    }

    /// The names of the tables and views of a schema.
    async fn relations(&self, schema: Schema) -> Result<Vec<String>, WarehouseError> {
        let names = self.warehouse.names();
        let sql = names.engine.relations_of(names.schema(schema));
        let rows = self.warehouse.read(&sql, Reading::default()).await?.all().await?;
        rows.iter().map(|row| row.get(0)).collect()
    }
}

impl BroughtRows {
    fn gone(self, there: Option<i64>) -> Gone {
        Gone { table: self.dataset, loads: self.loads, rows: self.rows, there }
    }
}
