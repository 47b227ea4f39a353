//! Freshness of a question's data: the newest files of a dataset, and the time of the star's last build.

use chrono::{DateTime, Utc};
use models::load::Status;
use models::{load, run};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::LoadLine;
use super::runs::PART;
use super::schedules::PIPELINE;
use crate::catalog::Catalog;
use crate::warehouse::WarehouseError;

/// Sources of a dataset's rows.
#[derive(Clone, Debug)]
pub struct Freshness {
    /// The staging table.
    pub dataset: String,
    /// The newest loads with rows in the dataset, the newest first.
    pub newest: Vec<LoadLine>,
    /// Number of all loads with rows in it.
    pub loads: u64,
}

#[derive(FromQueryResult)]
struct Count {
    loads: i64,
}

impl Catalog {
    /// The newest loads of a dataset, at most `limit`, and the number of all.
    ///
    /// # Errors
    /// The database's error.
    pub async fn freshness(&self, dataset: &str, limit: u64) -> Result<Freshness, WarehouseError> {
        let of = load::Entity::find()
            .filter(load::Column::Dataset.eq(dataset))
            .filter(load::Column::Status.eq(Status::Loaded));
        let count = of.clone().select_only().column_as(Expr::cust("count(*)"), "loads");
        let count: Vec<Count> = self.read(count.into_query()).await?;
        let newest = self.read(of.order_by_desc(load::Column::Id).limit(limit).into_query()).await?;
        let loads = count.first().map_or(0, |count| count.loads.unsigned_abs());
        Ok(Freshness { dataset: dataset.to_owned(), newest, loads })
    }

    /// Time of the star's last build, if there was one.
    ///
    /// # Errors
    /// The database's error.
    pub async fn last_build(&self) -> Result<Option<DateTime<Utc>>, WarehouseError> {
        let done = run::Entity::find()
            .filter(run::Column::Kind.is_in([PIPELINE, PART]))
            .filter(run::Column::Status.eq("done"))
            .order_by_desc(run::Column::Id)
            .limit(1);
        let line: Option<run::Model> = self.read(done.into_query()).await?.pop();
        Ok(line.map(|line| line.finished_at))
    }
}
