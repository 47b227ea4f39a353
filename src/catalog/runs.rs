//! Runs of the pipeline and the analysis: their turns and their lines.

use chrono::{DateTime, Utc};
use models::run;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityName, EntityTrait, Insert, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::schedules::PIPELINE;
use crate::catalog::Catalog;
use crate::sql::Table;
use crate::text::secrets::hidden;
use crate::warehouse::{Scope, Transaction, WarehouseError};

/// Kind of a run of the chosen tables of the pipeline.
pub const PART: &str = "part";

impl Catalog {
    /// The run that says how the pipeline stands: the newest that failed since the whole of it was done, else the newest. What a failed
    /// run has left undone, the run of other tables does not do.
    ///
    /// # Errors
    /// The database's error.
    pub(super) async fn standing_run(&self) -> Result<Option<run::Model>, WarehouseError> {
        let newest = |query: sea_orm::Select<run::Entity>| query.order_by_desc(run::Column::Id).limit(1).into_query();
        let of = |kinds: &[&str]| run::Entity::find().filter(run::Column::Kind.is_in(kinds.iter().copied()));
        let done = of(&[PIPELINE]).filter(run::Column::Status.eq("done"));
        let done = self.read::<run::Model>(newest(done)).await?.pop().map_or(0, |run| run.id);
        let since = || of(&[PIPELINE, PART]).filter(run::Column::Id.gt(done));
        let failed = self.read(newest(since().filter(run::Column::Status.eq("failed")))).await?.pop();
        match failed {
            Some(run) => Ok(Some(run)),
            None => Ok(self.read(newest(of(&[PIPELINE, PART]))).await?.pop()),
        }
    }

    /// Begins the transaction of a run when the run before it has ended: one at a time changes the star and its views.
    ///
    /// # Errors
    /// The database's error; [`WarehouseError::Locked`] names the run that did not end in time.
    pub async fn begin_run(&self) -> Result<Box<dyn Transaction>, WarehouseError> {
        let mut transaction = self.warehouse.begin(Scope::Star).await?;
        let names = self.warehouse.names();
        let runs = names.table(&Table::catalog(run::Entity.table_name()));
        // The wait comes before the snapshot, so that the run sees the rows of the run before.
        if let Some(turn) = names.engine.take_turns(&runs) {
            let taken = transaction.execute(&turn, &[]).await;
            taken.map_err(|error| error.while_doing("waiting for another run to end"))?;
        }
        Ok(transaction)
    }

    /// Writes the line of a run that is done, in the run's own transaction.
    ///
    /// # Errors
    /// The database's error.
    pub async fn run_done(
        &self,
        transaction: &mut dyn Transaction,
        kind: &str,
        started_at: DateTime<Utc>,
        changes: String,
    ) -> Result<(), WarehouseError> {
        let line = self.run_line(kind, "done", started_at, Some(changes), None);
        self.run(transaction, self.build(&Insert::one(line).into_query())).await
    }

    /// Writes the line of a run that failed and was rolled back.
    ///
    /// # Errors
    /// The database's error.
    pub async fn run_failed(&self, kind: &str, started_at: DateTime<Utc>, error: String) -> Result<(), WarehouseError> {
        let mut transaction = self.warehouse.begin(Scope::Load).await?;
        let line = self.run_line(kind, "failed", started_at, None, Some(hidden(&error).into_owned()));
        self.run(&mut *transaction, self.build(&Insert::one(line).into_query())).await?;
        transaction.commit().await
    }

    fn run_line(
        &self,
        kind: &str,
        status: &str,
        started_at: DateTime<Utc>,
        changes: Option<String>,
        error: Option<String>,
    ) -> run::ActiveModel {
        run::ActiveModel {
            id: NotSet,
            kind: Set(kind.to_owned()),
            status: Set(status.to_owned()),
            started_at: Set(started_at),
            finished_at: Set(self.clock.utc()),
            changes: Set(changes),
            error: Set(error),
        }
    }
}
