//! The lines of runs of the pipeline and the analysis.

use chrono::{DateTime, Utc};
use models::run;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    Insert, QueryTrait,
};

use crate::catalog::Catalog;
use crate::text::secrets::hidden;
use crate::warehouse::{Scope, Transaction, WarehouseError};

impl Catalog {
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
