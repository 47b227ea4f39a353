//! The memory of a dimension: rows that staging has lost without a retraction.

use std::collections::BTreeSet;

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
        if sql.is_historic() {
            self.tell_missed().await?;
        }
        if let Some(whole) = rows.whole {
            self.all(sql.end_unsaid(whole)).await?;
        }
        let takers = self.pass_on(sql, rows.whole).await?;
        self.execute(&sql.forget_retracted()).await?;
        if sql.is_historic()
            && let Some(part) = self.part_replaced(rows).await?
        {
            self.all(sql.observe(&part, REPLACED)).await?;
            self.drop_part().await?;
            self.execute(&sql.drop_nameless_replaced()).await?;
            self.all(sql.remember(REPLACED)).await?;
            self.drop_temporary(REPLACED).await?;
        }
        match rows.whole {
            Some(whole) => self.remember_whole(sql, whole).await?,
            None if sql.is_historic() => self.all(sql.remember(NEW)).await.map(drop)?,
            None => {}
        }
        if rows.grows && !rows.source.has_lineage() {
            self.execute(&sql.forget_missing()).await?;
        }
        if sql.is_historic() && header.gone == Gone::Close {
            for load in takers {
                self.execute(&sql.close(load, false)).await?;
            }
            if let Some(load) = rows.replaced_by {
                self.execute(&sql.close(load, true)).await?;
            }
        }
        Ok(())
    }

    /// Forgets all that a dimension without a memory remembers: it would go on from there when it has one again.
    pub(super) async fn forget_memory(&mut self, sql: &DimensionSql) -> Result<(), RunError> {
        let seen = Table { schema: Schema::Catalog, name: format!("{}_seen", self.model.name) };
        if self.session.transaction.columns(&seen).await?.is_empty() {
            return Ok(());
        }
        self.execute(&sql.drop_seen()).await?;
        let (catalog, transaction) = (&self.plan.workspace.catalog, &mut *self.session.transaction);
        Ok(catalog.forget_remembered(transaction, &self.model.name, None).await?)
    }

    /// Passes the rows of retracted loads on to the next load that is not retracted, where that says them, too. Returns
    /// the loads that came next; the newest one, `whole`, gives its rows by itself.
    async fn pass_on(&mut self, sql: &DimensionSql, whole: Option<i64>) -> Result<BTreeSet<i64>, RunError> {
        let remembered = self.plan.remembered(self.model);
        let is_gone = |load: i64| remembered.iter().any(|one| one.load == load && one.is_retracted);
        let wholes: BTreeSet<_> =
            remembered.iter().map(|one| one.whole).chain(whole).filter(|load| !is_gone(*load)).collect();
        let mut takers = BTreeSet::new();
        for one in remembered.iter().filter(|one| one.is_retracted) {
            let next = wholes.range(one.whole + 1..).next().copied();
            if let Some(next) = next.filter(|next| Some(*next) != whole) {
                self.execute(&sql.pass_on(one.load, next)).await?;
                takers.insert(next);
            }
        }
        Ok(takers)
    }

    /// Keeps the rows of the newest whole, and notes its loads.
    async fn remember_whole(&mut self, sql: &DimensionSql, whole: i64) -> Result<(), RunError> {
        self.execute(&sql.remember_whole()).await?;
        let mut loads = BTreeSet::from([whole]);
        if let Some(query) = sql.loads_of_whole() {
            for row in self.query(&query).await? {
                loads.insert(row.get(0)?);
            }
        }
        self.note_remembered(&loads.into_iter().collect::<Vec<_>>(), whole).await
    }

    async fn note_remembered(&mut self, loads: &[i64], whole: i64) -> Result<(), RunError> {
        let catalog = &self.plan.workspace.catalog;
        let transaction = &mut *self.session.transaction;
        Ok(catalog.note_remembered(transaction, &self.model.name, loads, whole).await?)
    }

    /// Forgets the retracted loads, of which nothing is left.
    pub(super) async fn forget_retracted_loads(&mut self) -> Result<(), RunError> {
        let remembered = self.plan.remembered(self.model);
        let gone: Vec<_> = remembered.iter().filter(|one| one.is_retracted).map(|one| one.load).collect();
        let (catalog, transaction) = (&self.plan.workspace.catalog, &mut *self.session.transaction);
        for some in gone.chunks(1_000) {
            catalog.forget_remembered(transaction, &self.model.name, Some(some)).await?;
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
        let (transaction, star) = (&mut *self.session.transaction, &self.model.name);
        let missed = catalog.replaced_unseen(transaction, &tables, last, star).await?;
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
        let stands = self.session.transaction.columns(&seen).await?;
        if !stands.is_empty() && sql.fits_seen(&stands) {
            return self.follow(&seen, &sql.seen_columns()).await;
        }
        if !stands.is_empty() {
            self.execute(&sql.drop_seen()).await?;
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
        let loads = catalog.newest_not_retracted(&mut *self.session.transaction, &tables, last).await?;
        if loads.is_empty() && !tables.is_empty() {
            return Ok(());
        }
        // Without history it is not known which of several loads a member is of: it stays, whichever is retracted.
        let load = loads.first().copied().filter(|_| sql.is_historic() || loads.len() == 1);
        self.execute(&sql.remember_versions(load)).await?;
        match load.filter(|_| rows.is_whole) {
            Some(load) => self.note_remembered(&[load], load).await,
            None => Ok(()),
        }
    }
}
