//! The memory of a dimension: rows that staging has lost without a retraction.

use tracing::warn;

use super::RunError;
use super::rows::Rows;
use super::table::Run;
use crate::project::{Dimension, Gone, Model};
use crate::sql::{Schema, Table};
use crate::star::{DimensionSql, NEW, REPLACED};

/// The number of files named that no run saw.
const MISSED_SHOWN: usize = 3;

impl Run<'_> {
    /// Keeps the select's rows beside earlier ones, deletes retracted ones, and closes members that the newest file
    /// does not name.
    pub(super) async fn remember(
        &mut self,
        model: &Model,
        header: &Dimension,
        rows: &Rows,
        sql: &DimensionSql,
    ) -> Result<(), RunError> {
        self.stand_seen(model, rows, sql).await?;
        self.tell_missed(model).await?;
        self.execute(model, &sql.forget_retracted()).await?;
        if let Some(part) = self.part_replaced(model, rows).await? {
            self.all(model, sql.observe(&part, REPLACED)).await?;
            self.drop_part(model).await?;
            self.execute(model, &sql.drop_nameless_replaced()).await?;
            self.all(model, sql.remember(REPLACED)).await?;
            self.execute(model, &format!("drop table {REPLACED}")).await?;
        }
        self.all(model, sql.remember(NEW)).await?;
        if rows.grows && !rows.source.has_lineage() {
            self.execute(model, &sql.forget_missing()).await?;
        }
        if let Some(load) = rows.replaced_by.filter(|_| header.gone == Gone::Close) {
            self.execute(model, &sql.close(load)).await?;
        }
        Ok(())
    }

    /// Logs the files that were replaced before a run saw them.
    async fn tell_missed(&mut self, model: &Model) -> Result<(), RunError> {
        let tables: Vec<_> = self.plan.made_of(model).map(|table| table.name.clone()).collect();
        let last = self.states.get(&model.name).and_then(|state| state.seen.last()).unwrap_or_default();
        let missed = self.plan.workspace.catalog.replaced_after(&mut *self.transaction, &tables, last).await?;
        if !missed.is_empty() {
            let some: Vec<_> = missed.iter().take(MISSED_SHOWN).map(|file| format!("({file})")).collect();
            warn!(
                table = model.name,
                files = missed.len(),
                "replaced by later ones before a run saw them, so that they leave no versions: {}; app --pipeline \
                 after each file keeps them",
                some.join(", ")
            );
        }
        Ok(())
    }

    /// Brings the table of rows that staging has lost to the columns of the file.
    async fn stand_seen(&mut self, model: &Model, rows: &Rows, sql: &DimensionSql) -> Result<(), RunError> {
        let seen = Table { schema: Schema::Catalog, name: format!("{}_seen", model.name) };
        if !self.transaction.columns(&seen).await?.is_empty() {
            return self.follow(model, &seen, &sql.seen_columns()).await;
        }
        self.all(model, sql.create_seen()).await?;
        // Upserted rows are in staging or beside it, with their loads.
        let Some(last) = self.states.get(&model.name).and_then(|state| state.seen.last()) else { return Ok(()) };
        if !rows.replaced && rows.source.has_lineage() {
            return Ok(());
        }
        let tables = match rows.of.as_ref() {
            Some(of) => vec![of.name.clone()],
            None => self.plan.made_of(model).map(|table| table.name.clone()).collect(),
        };
        let load = self.plan.workspace.catalog.newest_not_retracted(&mut *self.transaction, &tables, last).await?;
        if load.is_some() || tables.is_empty() {
            self.execute(model, &sql.remember_versions(load)).await?;
        }
        Ok(())
    }
}
