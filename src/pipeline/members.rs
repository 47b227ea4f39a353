//! Members that facts make before their rows arrive, and those that they need no more.

use std::collections::BTreeMap;

use super::table::Run;
use super::{RunError, TableChange};
use crate::star::{Fact, FactSql, Missing, Model, NEW, Target};
use crate::warehouse::{Engine, Table};

impl Run<'_> {
    /// Makes members of values that dimensions do not know, and writes down the rows that are left out.
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
            for (dimension, statement) in sql.infer(&all, |name| highest.get(name).copied().unwrap_or_default()) {
                let inferred = self.execute(model, &statement).await?;
                if inferred > 0 {
                    self.has_inferred(model, &dimension, inferred).await?;
                    change.inferred += inferred;
                }
            }
            self.execute(model, &format!("drop table {NEW}")).await?;
        }
        self.all(model, sql.write_rejects(source)).await.map(drop)
    }

    /// Facts that pointed to the unknown member may find one now.
    async fn has_inferred(&mut self, model: &Model, dimension: &str, count: u64) -> Result<(), RunError> {
        let touched = format!("sluice_t_{dimension}");
        if self.touched.insert(dimension.to_owned(), touched.clone()).is_none() {
            self.execute(model, &format!("create temp table {touched} (id bigint)")).await?;
        }
        self.execute(model, &format!("insert into {touched} values (0)")).await?;
        let table = self.names.table(&Table::datawarehouse(dimension));
        let id = crate::warehouse::quote(&crate::star::key_column(dimension));
        let highest = self.count(model, &format!("select max({id}) from {table}")).await?;
        let at = self.started_at;
        if let Some(state) = self.states.get_mut(dimension) {
            state.rows += count;
            state.version += 1;
            state.highest_key = state.highest_key.max(i64::try_from(highest).unwrap_or(i64::MAX));
            let state = state.clone();
            self.app.ledger.write_star(&mut *self.transaction, &state, at).await?;
        }
        for change in self.changes.iter_mut().filter(|change| change.table == dimension) {
            change.rows += count;
            change.inserted += count;
            change.inferred += count;
        }
        self.looked_at.insert(dimension.to_owned());
        Ok(())
    }

    /// Every key of every fact must be a member's, also where a run was not asked for the fact.
    pub(super) async fn must_not_dangle(&mut self, models: &[Model]) -> Result<(), RunError> {
        if !self.changes.iter().any(|change| change.deleted > 0) {
            return Ok(());
        }
        if self.names.engine == Engine::Postgres {
            let looked = self.transaction.execute("set constraints all immediate", &[]).await;
            return looked.map(drop).map_err(|error| {
                RunError::Nothing(format!(
                    "a fact would refer to members that are gone: {error}: let the run look after it, too"
                ))
            });
        }
        for model in models.iter().filter(|model| model.dimensions().is_some()) {
            let dangling = self.count_some(model, FactSql::count_dangling(self.names, &model.name)).await?;
            if dangling > 0 {
                return Err(model
                    .error(format!(
                        "{dangling} of its keys would refer to members that are gone: let the run look after it, too"
                    ))
                    .into());
            }
        }
        Ok(())
    }

    /// Takes out members that were made for facts that are gone.
    pub(super) async fn forget_inferred(&mut self, models: &[Model]) -> Result<(), RunError> {
        let inferring: Vec<_> = models.iter().filter(|model| self.infers(model)).collect();
        for model in inferring {
            let facts: Vec<_> = models
                .iter()
                .flat_map(|fact| {
                    let uses = fact.dimensions().into_iter().flatten();
                    let of = uses.filter(|(_, used)| used.dimension() == model.name);
                    of.map(|(column, used)| (fact.name.clone(), used.key_column(column)))
                })
                .collect();
            let changed = facts.iter().any(|(fact, _)| self.looked_at.contains(fact));
            let mut all_stand = true;
            for (fact, _) in &facts {
                all_stand &= !self.transaction.columns(&Table::datawarehouse(fact)).await?.is_empty();
            }
            if !changed || !all_stand || self.existing(model).await?.is_empty() {
                continue;
            }
            let Some(Target { key, valid, .. }) = self.targets.get(&model.name).cloned() else { continue };
            let forget = FactSql::forget_inferred(&model.name, &key.name, valid.is_some(), self.names, &facts);
            let forgotten = self.all(model, forget).await?;
            if forgotten == 0 {
                continue;
            }
            self.has_forgotten(&model.name, forgotten, models).await?;
            for change in self.changes.iter_mut().filter(|change| change.table == model.name) {
                change.rows = change.rows.saturating_sub(forgotten);
                change.deleted += forgotten;
            }
        }
        Ok(())
    }

    /// Facts that only refer to the dimension are as they were, for none of them named who is gone.
    async fn has_forgotten(&mut self, dimension: &str, count: u64, models: &[Model]) -> Result<(), RunError> {
        let Some(state) = self.states.get_mut(dimension) else { return Ok(()) };
        let before = state.version;
        state.rows = state.rows.saturating_sub(count);
        state.version += 1;
        let mut changed = vec![state.clone()];
        for model in models.iter().filter(|model| model.dimensions().is_some()) {
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
            self.app.ledger.write_star(&mut *self.transaction, &state, self.started_at).await?;
        }
        Ok(())
    }
}
