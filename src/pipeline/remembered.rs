//! The memory of a dimension: rows that staging has lost without a retraction.

use tracing::warn;

use super::RunError;
use super::build::Build;
use super::dimension::DimensionPlan;
use super::rows::Rows;
use crate::project::Gone;
use crate::sql::{Schema, Table};
use crate::star::{DimensionSql, NEW, REPLACED};

/// The number of files named that no run saw.
const MISSED_SHOWN: usize = 3;

impl Build<'_> {
    /// Keeps the select's rows beside earlier ones, deletes retracted ones, and closes members that the newest file
    /// does not name.
    pub(super) async fn remember(&mut self, dimension: &DimensionPlan<'_>, rows: &Rows) -> Result<(), RunError> {
        let DimensionPlan { header, sql, .. } = dimension;
        self.stand_seen(rows, sql).await?;
        if !self.own.widened.is_empty() {
            self.execute(&sql.take_texts_seen()).await?;
        }
        self.tell_missed().await?;
        self.execute(&sql.forget_retracted()).await?;
        if let Some(part) = self.part_replaced(rows).await? {
            self.all(sql.observe(&part, REPLACED)).await?;
            self.drop_part().await?;
            self.execute(&sql.drop_nameless_replaced()).await?;
            self.all(sql.remember(REPLACED)).await?;
            self.drop_temporary(REPLACED).await?;
        }
        self.all(sql.remember(NEW)).await?;
        if rows.grows && !rows.source.has_lineage() {
            self.execute(&sql.forget_missing()).await?;
        }
        if let Some(load) = rows.replaced_by.filter(|_| header.gone == Gone::Close) {
            self.execute(&sql.close(load)).await?;
        }
        Ok(())
    }

    /// Returns the newest load that the table has seen.
    fn last_seen(&self) -> Option<i64> {
        self.own.state.as_ref()?.seen.last()
    }

    /// Logs the files that were replaced before a run saw them.
    async fn tell_missed(&mut self) -> Result<(), RunError> {
        let tables: Vec<_> = self.plan.made_of(self.model).map(|table| table.name.clone()).collect();
        let last = self.last_seen().unwrap_or_default();
        let catalog = &self.plan.workspace.catalog;
        let missed = catalog.replaced_after(&mut *self.session.transaction, &tables, last).await?;
        if !missed.is_empty() {
            let some: Vec<_> = missed.iter().take(MISSED_SHOWN).map(|file| format!("({file})")).collect();
            warn!(
                table = self.model.name,
                files = missed.len(),
                "replaced by later ones before a run saw them, so that they leave no versions: {}; app --pipeline \
                 after each file keeps them",
                some.join(", ")
            );
        }
        Ok(())
    }

    /// Brings the table of rows that staging has lost to the columns of the file.
    async fn stand_seen(&mut self, rows: &Rows, sql: &DimensionSql) -> Result<(), RunError> {
        let seen = Table { schema: Schema::Catalog, name: format!("{}_seen", self.model.name) };
        if !self.session.transaction.columns(&seen).await?.is_empty() {
            return self.follow(&seen, &sql.seen_columns()).await;
        }
        self.all(sql.create_seen()).await?;
        // Upserted rows are in staging or beside it, with their loads.
        let Some(last) = self.last_seen() else { return Ok(()) };
        if !rows.replaced && rows.source.has_lineage() {
            return Ok(());
        }
        let tables = match rows.of.as_ref() {
            Some(of) => vec![of.name.clone()],
            None => self.plan.made_of(self.model).map(|table| table.name.clone()).collect(),
        };
        let catalog = &self.plan.workspace.catalog;
        let load = catalog.newest_not_retracted(&mut *self.session.transaction, &tables, last).await?;
        if load.is_some() || tables.is_empty() {
            self.execute(&sql.remember_versions(load)).await?;
        }
        Ok(())
    }
}
