//! The guards of the headers: a run that takes more out of a table than its guard lets go publishes nothing, until a
//! person says that it is right.

use super::RunError;
use super::build::Build;
use super::run::Run;
use crate::project::{Guard, Kind, Model, Problem, key_column};
use crate::sql::quote;
use crate::star::{DimensionSql, UNKNOWN};
use crate::text::{counted, nearest};

/// Fails, in words, if a name is that of no table with a guard.
pub(super) fn must_be_guards(models: &[Model], accepted: &[String]) -> Result<(), String> {
    let guarded: Vec<_> =
        models.iter().filter(|model| model.header.guard != Guard::default()).map(|model| model.name.as_str()).collect();
    match accepted.iter().find(|name| !guarded.contains(&name.as_str())) {
        Some(name) => {
            let hint = nearest(name, guarded.iter().copied());
            Err(format!("--accept-guard {name}: sql/pipeline has no table {name} with a guard{hint}"))
        }
        None => Ok(()),
    }
}

impl Run<'_> {
    /// Returns what breaks the guard of a table that was built, unless that is accepted.
    pub(super) async fn guarded(&mut self, model: &Model) -> Result<Vec<Problem>, RunError> {
        let Guard { at_least, gone_at_most } = model.header.guard;
        if self.plan.options.accept_guard.contains(&model.name) {
            return Ok(Vec::new());
        }
        let what = if matches!(model.header.kind, Kind::Dimension(_)) { "open member" } else { "row" };
        let mut broken = Vec::new();
        if let Some(least) = at_least {
            let rows = self.at(model).count_guarded().await?;
            if rows < least {
                broken.push(format!("guard: at_least: {} where {least} are the least", counted(rows, what)));
            }
        }
        if let Some(most) = gone_at_most {
            let (before, gone) = self.taken(model);
            if most.is_exceeded(gone, before) {
                let gone = counted(gone, what);
                broken.push(format!("guard: gone_at_most: {gone} of {before} would go where {most} may"));
            }
        }
        let name = &model.name;
        let accept =
            format!("nothing is published; if it is right, app --pipeline --accept-guard {name} lets it pass once");
        Ok(broken.into_iter().map(|why| model.error_of_word(format!("{why}: {accept}")).into()).collect())
    }

    /// Returns the number of members or rows before the run, and of those that it took out.
    fn taken(&self, model: &Model) -> (u64, u64) {
        if matches!(model.header.kind, Kind::Dimension(_)) {
            return self.tables.get(&model.name).and_then(|table| table.taken).unwrap_or_default();
        }
        let change = self.changes.iter().find(|change| change.table == model.name);
        let before = self.plan.states.get(&model.name).map(|state| state.rows).unwrap_or_default();
        // A row that came in this run, and that a later turn gives another key, was not there before.
        (before, change.map(|change| change.deleted.min(before)).unwrap_or_default())
    }
}

impl Build<'_> {
    /// Counts the members of a dimension that its versions are about to take out, if it has a guard.
    pub(super) async fn count_taken(
        &mut self,
        sql: &DimensionSql,
        restricted: bool,
        keeps: bool,
    ) -> Result<(), RunError> {
        if self.model.header.guard.gone_at_most.is_none() {
            return Ok(());
        }
        let (before, taken) = match self.own.taken {
            Some(earlier) => earlier,
            None => (self.count(&sql.count_open()).await?, 0),
        };
        let more = if keeps { 0 } else { self.count(&sql.count_taken(restricted)).await? };
        self.own.taken = Some((before, taken + more));
        Ok(())
    }

    /// Counts the open members of a dimension that rows of its select gave, or the rows of another table.
    async fn count_guarded(&mut self) -> Result<u64, RunError> {
        if !matches!(self.model.header.kind, Kind::Dimension(_)) {
            return self.count_rows().await;
        }
        let columns = self.existing().await?;
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        let mut members = format!("{} <> {UNKNOWN}", quote(&key_column(&self.model.name)));
        if has("is_current") {
            members += " and is_current";
        }
        if has("is_inferred") {
            members += " and is_inferred is not true";
        }
        let count = format!("select count(*) from {} where {members}", self.shown());
        self.count(&count).await
    }
}
