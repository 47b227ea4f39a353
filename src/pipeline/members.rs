//! Members that facts make before their rows arrive, and the removal of those without facts.

use std::collections::{BTreeMap, BTreeSet};

use super::table::Run;
use super::work::Work;
use super::{RunError, TableChange};
use crate::project::{DimensionUse, Fact, Missing, Model};
use crate::sql::{Table, TableColumn, TableDef};
use crate::star::{FactSql, NEEDED, NEW, NeededSql, Reference, Target};

/// The advice where keys would point nowhere.
const LOOK_AFTER: &str = "let the run look after it, too (--select NAME+ takes in what refers to NAME)";

impl Run<'_> {
    /// Returns the note that a fact without `at` sees current versions, where its dimensions have others; said where
    /// all of it is built or compared, not with each load.
    pub(super) fn undated(&self, header: &Fact, work: &Work) -> String {
        let has_versions = |name: &&str| self.targets.get(*name).is_some_and(|target| target.valid.is_some());
        let historic: BTreeSet<_> =
            header.dimensions.values().map(DimensionUse::dimension).filter(has_versions).collect();
        if header.at.is_some() || historic.is_empty() || matches!(work, Work::Loads(_)) {
            return String::new();
        }
        let historic: Vec<_> = historic.into_iter().collect();
        format!("; without at, its rows see the current versions of {}", historic.join(", "))
    }

    /// Makes members for unknown values, and notes the rows that are left out.
    pub(super) async fn lookups(
        &mut self,
        model: &Model,
        header: &Fact,
        sql: &FactSql,
        source: &str,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        let infers = header.dimensions.values().any(|used| used.missing() == Missing::Infer);
        let highest: BTreeMap<_, _> =
            self.states.iter().map(|(name, state)| (name.clone(), state.highest_key)).collect();
        if infers {
            self.execute(model, &FactSql::keep(source)).await?;
            let all = format!("select * from {NEW}");
            let statements = sql.infer(&all, |name| highest.get(name).copied().unwrap_or_default());
            let mut made = 1;
            // A new member can let another row in, which makes members in turn.
            while made > 0 {
                made = 0;
                for (dimension, statement) in &statements {
                    let inferred = self.execute(model, statement).await?;
                    if inferred > 0 {
                        self.has_inferred(model, dimension, inferred).await?;
                        made += inferred;
                    }
                }
                change.inferred += made;
                if !sql.has_rejects() {
                    break;
                }
            }
            self.execute(model, &format!("drop table {NEW}")).await?;
        }
        self.all(model, sql.write_rejects(source)).await.map(drop)
    }

    /// Marks the facts of the unknown member: they may find a new one now.
    async fn has_inferred(&mut self, model: &Model, dimension: &str, count: u64) -> Result<(), RunError> {
        let touched = self.touched(model, dimension).await?;
        self.execute(model, &format!("insert into {touched} values (0)")).await?;
        let table = self.names.table(&Table::datawarehouse(dimension));
        let id = crate::sql::quote(&crate::project::key_column(dimension));
        let highest = self.count(model, &format!("select max({id}) from {table}")).await?;
        let at = self.started_at;
        if let Some(state) = self.states.get_mut(dimension) {
            state.rows += count;
            state.version += 1;
            state.highest_key = state.highest_key.max(i64::try_from(highest).unwrap_or(i64::MAX));
            let state = state.clone();
            self.workspace.catalog.write_star(&mut *self.transaction, &state, at).await?;
        }
        for change in self.changes.iter_mut().filter(|change| change.table == dimension) {
            change.rows += count;
            change.inserted += count;
            change.inferred += count;
        }
        self.looked_at.insert(dimension.to_owned());
        Ok(())
    }

    /// Fails if a key of any fact is no member's, also for facts outside of the run's selection.
    pub(super) async fn must_not_dangle(&mut self, models: &[Model]) -> Result<(), RunError> {
        if !self.members_went && !self.changes.iter().any(|change| change.deleted > 0) {
            return Ok(());
        }
        if let Some(check) = self.names.engine.check_references_now() {
            let looked = self.transaction.execute(check, &[]).await;
            return looked.map(drop).map_err(|error| {
                RunError::Nothing(format!("a fact would refer to members that are gone: {error}: {LOOK_AFTER}"))
            });
        }
        for model in models.iter().filter(|model| model.dimensions().is_some()) {
            if self.existing(model).await?.is_empty() {
                continue;
            }
            let dangling = self.count_some(model, FactSql::count_dangling(self.names, &model.name)).await?;
            if dangling > 0 {
                return Err(model
                    .error(format!("{dangling} of its keys would refer to members that are gone: {LOOK_AFTER}"))
                    .into());
            }
        }
        Ok(())
    }

    /// Deletes inferred members whose facts are gone; returns true if there were any.
    pub(super) async fn forget_inferred(&mut self, models: &[Model]) -> Result<bool, RunError> {
        let mut references = Vec::new();
        for fact in models {
            for (column, used) in fact.dimensions().into_iter().flatten() {
                if self.inferring.contains(used.dimension()) {
                    let (key, dimension) = (used.key_column(column), used.dimension().to_owned());
                    references.push(Reference { fact: fact.name.clone(), key, dimension, missing: used.missing() });
                }
            }
        }
        let inferring: Vec<_> = models.iter().filter(|model| self.infers(model)).collect();
        if !references.iter().any(|one| self.looked_at.contains(&one.fact)) || !self.all_stand(&references).await? {
            return Ok(false);
        }
        let Some(first) = inferring.first() else { return Ok(false) };
        let sql = NeededSql::new(self.names, &references);
        self.execute(first, &sql.create()).await?;
        let mut found = 1;
        while found > 0 {
            found = 0;
            for note in references.iter().filter_map(|reference| sql.note(reference)) {
                found += self.execute(first, &note).await?;
            }
        }
        let mut forgotten = 0;
        for model in &inferring {
            forgotten += self.forget(model, &sql, &references, models).await?;
        }
        self.execute(first, &format!("drop table {NEEDED}")).await?;
        Ok(forgotten > 0)
    }

    /// Deletes unneeded members of one dimension, and has references to them looked up again.
    async fn forget(
        &mut self,
        model: &Model,
        sql: &NeededSql<'_>,
        references: &[Reference],
        models: &[Model],
    ) -> Result<u64, RunError> {
        let Some(Target { key, valid, .. }) = self.targets.get(&model.name).cloned() else { return Ok(0) };
        if self.count(model, &sql.count_forgotten(&model.name)).await? == 0 {
            return Ok(0);
        }
        let mut pointing = BTreeSet::new();
        for reference in references.iter().filter(|one| one.dimension == model.name) {
            if self.count(model, &sql.count_pointed_to(reference)).await? > 0 {
                pointing.insert(reference.fact.clone());
            }
        }
        let touched = self.touched(model, &model.name).await?;
        self.execute(model, &sql.note_forgotten(&model.name, &touched)).await?;
        let forgotten = self.all(model, sql.forget(&model.name, &key.name, valid.is_some())).await?;
        self.has_forgotten(&model.name, forgotten, &pointing, models).await?;
        for change in self.changes.iter_mut().filter(|change| change.table == model.name) {
            change.rows = change.rows.saturating_sub(forgotten);
            change.deleted += forgotten;
        }
        self.members_went = true;
        Ok(forgotten)
    }

    /// Returns true if the facts and dimensions exist, the latter with the mark of inferred members.
    async fn all_stand(&mut self, references: &[Reference]) -> Result<bool, RunError> {
        for Reference { fact, key, dimension, .. } in references {
            for (table, column) in [(fact, key.as_str()), (dimension, "is_inferred")] {
                let columns = self.transaction.columns(&Table::datawarehouse(table)).await?;
                if !columns.iter().any(|one| one.name == column) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns the temporary table with the keys that facts of a dimension look up again; makes it if necessary.
    async fn touched(&mut self, model: &Model, dimension: &str) -> Result<String, RunError> {
        let touched = format!("sluice_t_{dimension}");
        if self.touched.insert(dimension.to_owned(), touched.clone()).is_none() {
            let def = TableDef::new(Table::temporary(&touched), [TableColumn::new("id", "bigint")]);
            self.execute(model, &self.names.create_table(&def)).await?;
        }
        Ok(touched)
    }

    /// Marks only the facts that point to deleted members; others stay as they are.
    async fn has_forgotten(
        &mut self,
        dimension: &str,
        count: u64,
        pointing: &BTreeSet<String>,
        models: &[Model],
    ) -> Result<(), RunError> {
        let Some(state) = self.states.get_mut(dimension) else { return Ok(()) };
        let before = state.version;
        state.rows = state.rows.saturating_sub(count);
        state.version += 1;
        let mut changed = vec![state.clone()];
        let is_as_it_was = |model: &&Model| model.dimensions().is_some() && !pointing.contains(&model.name);
        for model in models.iter().filter(is_as_it_was) {
            let reads = self.beneath.reads(model, self.names).contains(&Table::datawarehouse(dimension));
            if let Some(state) = self.states.get_mut(&model.name)
                && let Some(built) = state.upstream.get_mut(dimension)
                && *built == before
                && !reads
            {
                *built += 1;
                changed.push(state.clone());
            }
        }
        for state in changed {
            self.workspace.catalog.write_star(&mut *self.transaction, &state, self.started_at).await?;
        }
        Ok(())
    }
}
