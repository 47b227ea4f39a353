//! Lineage: the files of the star's rows, and the rows left out of it.

use models::{dataset, load, star_reject};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::catalog::Catalog;
use crate::warehouse::{Transaction, WarehouseError};

pub use models::star_reject::Model as StarReject;

/// The files with rows in a staging table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The staging table.
    pub dataset: String,
    /// The newest file.
    pub last: String,
    /// Number of loads.
    pub loads: u64,
}

impl Catalog {
    /// Rows of a fact's select that are not in the fact.
    ///
    /// # Errors
    /// The database's error.
    pub async fn star_rejects(&self, fact: &str, limit: u64) -> Result<Vec<StarReject>, WarehouseError> {
        let query = star_reject::Entity::find()
            .filter(star_reject::Column::Fact.eq(fact))
            .order_by_asc(star_reject::Column::LoadId)
            .order_by_asc(star_reject::Column::Line)
            .order_by_asc(star_reject::Column::Id)
            .limit(limit);
        self.read(query.into_query()).await
    }

    /// Names of the staging tables that loads have gone into, as a transaction sees them.
    ///
    /// # Errors
    /// The database's error.
    pub async fn datasets_in(&self, transaction: &mut dyn Transaction) -> Result<Vec<String>, WarehouseError> {
        let query = dataset::Entity::find().select_only().column(dataset::Column::Name);
        let rows = self.rows(transaction, self.build(&query.into_query())).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The files of each staging table's rows.
    ///
    /// # Errors
    /// The database's error.
    pub async fn files(&self, transaction: &mut dyn Transaction) -> Result<Vec<Files>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Dataset)
            .column_as(load::Column::Id.max(), "last")
            .column_as(load::Column::Id.count(), "loads")
            .filter(load::Column::Status.eq(load::Status::Loaded))
            .group_by(load::Column::Dataset)
            .order_by_asc(load::Column::Dataset);
        let mut found = Vec::new();
        for row in self.rows(transaction, self.build(&query.into_query())).await? {
            let last = self.source_of(transaction, row.get(1)?).await?.unwrap_or_default();
            found.push(Files { dataset: row.get(0)?, last, loads: row.get(2)? });
        }
        Ok(found)
    }
}
