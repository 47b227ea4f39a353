//! Figures of `app status`: sums of loads, the newest failures, the newest run.

use chrono::{DateTime, Utc};
use models::load::Status;
use models::{load, star_reject};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde::{Deserialize, Serialize};

use super::LoadLine;
use crate::catalog::Catalog;
use crate::warehouse::WarehouseError;

/// Sums over loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Inputs whose rows went into staging.
    pub loaded: i64,
    /// Inputs whose content had been there.
    pub duplicates: i64,
    /// Inputs that failed.
    pub failed: i64,
    /// Rows that went into staging.
    pub rows_loaded: i64,
    /// Records refused.
    pub rows_rejected: i64,
    /// Inputs whose rows went into staging and are gone again: retracted or lost. The other sums leave them out.
    #[serde(skip)]
    pub gone: i64,
}

/// A stretch of time, open where an end is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first moment of it.
    pub since: Option<DateTime<Utc>>,
    /// The first moment after it.
    pub until: Option<DateTime<Utc>>,
}

impl Period {
    /// The condition that a load began in it.
    pub(super) fn condition(self) -> Condition {
        let since = self.since.map(|since| load::Column::StartedAt.gte(since));
        let until = self.until.map(|until| load::Column::StartedAt.lt(until));
        Condition::all().add_option(since).add_option(until)
    }
}

/// A load that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Number of the load.
    pub load: i64,
    /// The input.
    pub source: String,
    /// The staging table.
    pub table: String,
    /// Time of the failure.
    pub at: DateTime<Utc>,
    /// Message of the error.
    pub error: String,
    /// The next load of an input of that name that did not fail.
    pub loaded_by: Option<i64>,
}

/// The newest run of the pipeline, and what it left.
#[derive(Clone, Debug, Serialize)]
pub struct LastRun {
    /// True if it failed.
    pub failed: bool,
    /// Time of its end.
    pub finished: DateTime<Utc>,
    /// Message of the error.
    pub error: Option<String>,
    /// Findings of its checks of severity `warn`.
    pub warnings: Vec<Warning>,
    /// Facts that leave rows out, whichever run did so.
    pub left_out: Vec<LeftOut>,
}

/// A finding of a check that lets a run pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The table of the star.
    pub table: String,
    /// The check, in words.
    pub check: String,
    /// Rows at fault.
    pub rows: u64,
}

/// A fact that leaves rows out, because a dimension does not know their values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromQueryResult)]
pub struct LeftOut {
    /// The fact.
    pub fact: String,
    /// Number of values that are no members.
    pub rejects: i64,
}

/// The changes of a table in a run's line, as far as they are told here.
#[derive(Deserialize)]
struct Changed {
    table: String,
    #[serde(default)]
    warnings: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    check: String,
    rows: u64,
}

/// A table without a row, because a file that takes the place of all rows brought none.
#[derive(Clone, Debug)]
pub struct Emptied {
    /// The staging table.
    pub table: String,
    /// Number of the newest load.
    pub load: i64,
    /// The input.
    pub source: String,
}

#[derive(FromQueryResult)]
struct OfTable {
    dataset: String,
    status: Status,
    newest: i64,
    rows_loaded: i64,
}

#[derive(FromQueryResult)]
struct Sum {
    status: Status,
    loads: i64,
    rows_loaded: i64,
    rows_rejected: i64,
}

impl Catalog {
    /// Sums over the loads that began in a period.
    ///
    /// # Errors
    /// The database's error.
    pub async fn total(&self, period: Period) -> Result<Total, WarehouseError> {
        let sum = |column: load::Column| column.sum().cast_as("bigint");
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Status)
            .column_as(Expr::cust("count(*)"), "loads")
            .column_as(sum(load::Column::RowsLoaded), "rows_loaded")
            .column_as(sum(load::Column::RowsRejected), "rows_rejected")
            .filter(period.condition())
            .group_by(load::Column::Status);
        let mut total = Total::default();
        for Sum { status, loads, rows_loaded, rows_rejected } in self.read::<Sum>(query.into_query()).await? {
            match status {
                Status::Duplicate => total.duplicates += loads,
                Status::Failed => total.failed += loads,
                Status::Retracted | Status::Lost => total.gone += loads,
                Status::Claimed => {}
                Status::Loaded | Status::Replaced => {
                    total.loaded += loads;
                    total.rows_loaded += rows_loaded;
                    total.rows_rejected += rows_rejected;
                }
            }
        }
        Ok(total)
    }

    /// The newest loads that failed, the newest first.
    ///
    /// # Errors
    /// The database's error.
    pub async fn failures(&self, limit: u64) -> Result<Vec<Failure>, WarehouseError> {
        let query = load::Entity::find()
            .filter(load::Column::Status.eq(Status::Failed))
            .order_by_desc(load::Column::Id)
            .limit(limit);
        let lines: Vec<LoadLine> = self.read(query.into_query()).await?;
        let mut failures = Vec::with_capacity(lines.len());
        for line in lines {
            let later = load::Entity::find()
                .filter(load::Column::Source.eq(&line.source))
                .filter(load::Column::Id.gt(line.id))
                .filter(load::Column::Status.is_in([Status::Loaded, Status::Replaced, Status::Duplicate]))
                .order_by_asc(load::Column::Id)
                .limit(1);
            let later: Option<LoadLine> = self.read(later.into_query()).await?.pop();
            failures.push(Failure {
                load: line.id,
                source: line.source,
                table: line.dataset,
                at: line.started_at,
                error: line.error.unwrap_or_default(),
                loaded_by: later.map(|later| later.id),
            });
        }
        Ok(failures)
    }

    /// The tables that a file without rows emptied, and that no later one filled.
    ///
    /// # Errors
    /// The database's error.
    pub async fn emptied(&self) -> Result<Vec<Emptied>, WarehouseError> {
        let query = load::Entity::find()
            .select_only()
            .column(load::Column::Dataset)
            .column(load::Column::Status)
            .column_as(load::Column::Id.max(), "newest")
            .column_as(load::Column::RowsLoaded.sum().cast_as("bigint"), "rows_loaded")
            .filter(load::Column::Status.is_in([Status::Loaded, Status::Replaced]))
            .group_by(load::Column::Dataset)
            .group_by(load::Column::Status);
        let (replaced, there): (Vec<_>, Vec<_>) =
            self.read::<OfTable>(query.into_query()).await?.into_iter().partition(|one| one.status == Status::Replaced);
        let mut emptied = Vec::new();
        for OfTable { dataset, newest, .. } in there.into_iter().filter(|one| one.rows_loaded == 0) {
            if replaced.iter().any(|one| one.dataset == dataset && one.rows_loaded > 0)
                && let Some(line) = self.load(newest).await?
            {
                emptied.push(Emptied { table: dataset, load: newest, source: line.source });
            }
        }
        emptied.sort_by_key(|one| one.load);
        Ok(emptied)
    }

    /// How the pipeline stands by its runs, if there was any.
    ///
    /// # Errors
    /// The database's error.
    pub async fn last_pipeline(&self) -> Result<Option<LastRun>, WarehouseError> {
        let Some(line) = self.standing_run().await? else { return Ok(None) };
        let changed: Vec<Changed> = serde_json::from_str(line.changes.as_deref().unwrap_or("[]")).unwrap_or_default();
        let warning = |table: String, Found { check, rows }: Found| Warning { table, check, rows };
        let of_table =
            |Changed { table, warnings }| warnings.into_iter().map(move |one| warning(String::clone(&table), one));
        let left_out = star_reject::Entity::find()
            .select_only()
            .column(star_reject::Column::Fact)
            .column_as(star_reject::Column::Id.count(), "rejects")
            .group_by(star_reject::Column::Fact)
            .order_by_asc(star_reject::Column::Fact);
        Ok(Some(LastRun {
            failed: line.status == "failed",
            finished: line.finished_at,
            error: line.error,
            warnings: changed.into_iter().flat_map(of_table).collect(),
            left_out: self.read(left_out.into_query()).await?,
        }))
    }
}
