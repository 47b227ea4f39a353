//! Members that facts make before their rows arrive, and the removal of those without facts.

use std::collections::BTreeSet;

use super::build::{Build, Inferred};
use super::fact::FactPlan;
use super::run::Run;
use super::session::Session;
use super::tables::Standing;
use super::work::Work;
use super::{RunError, TableChange};
use crate::project::{DimensionUse, Fact, Missing, Model, key_column};
use crate::sql::{Names, Table, TableColumn, TableDef, quote};
use crate::star::{FactSql, NEEDED, NEW, NeededSql, Reference, Target};

/// The advice where keys would point nowhere.
const LOOK_AFTER: &str = "let the run look after it, too (--select NAME+ takes in what refers to NAME)";

/// Returns the name of the temporary table with the keys that facts of a dimension look up again.
pub(super) fn touched(dimension: &str) -> String {
    format!("sluice_t_{dimension}")
}

/// Makes that table, unless it is there; returns its name.
async fn touch(
    names: &Names,
    session: &mut Session,
    model: &Model,
    dimension: &str,
    standing: &mut Standing,
) -> Result<String, RunError> {
    let touched = touched(dimension);
    if standing.touched.replace(touched.clone()).is_none() {
        let def = TableDef::new(Table::temporary(&touched), [TableColumn::new("id", "bigint")]);
        session.execute(model, &names.create_table(&def)).await?;
    }
    Ok(touched)
}

impl Build<'_> {
    /// Returns the note that a fact without `at` sees current versions, where its dimensions have others; said where
    /// all of it is built or compared, not with each load.
    pub(super) fn undated(&self, header: &Fact, work: &Work) -> String {
        let has_versions = |name: &&str| self.tables.target(name).is_some_and(|target| target.valid.is_some());
        let historic: BTreeSet<_> =
            header.dimensions.values().map(DimensionUse::dimension).filter(has_versions).collect();
        if header.at.is_some() || historic.is_empty() || matches!(work, Work::Loads(_)) {
            return String::new();
        }
        let historic: Vec<_> = historic.into_iter().collect();
        format!("; without at, its rows see the current versions of {}", historic.join(", "))
    }

    /// Makes members for unknown values, and notes the rows that are left out.
    pub(super) async fn lookups(&mut self, fact: &FactPlan<'_>, source: &str) -> Result<(), RunError> {
        let FactPlan { header, sql, .. } = fact;
        if header.dimensions.values().any(|used| used.missing() == Missing::Infer) {
            self.execute(&FactSql::keep(source)).await?;
            let all = format!("select * from {NEW}");
            let highest = |name: &str| self.state(name).map(|state| state.highest_key).unwrap_or_default();
            let statements = sql.infer(&all, highest);
            let mut made = 1;
            // A new member can let another row in, which makes members in turn.
            while made > 0 {
                made = 0;
                for (dimension, statement) in &statements {
                    let inferred = self.execute(statement).await?;
                    if inferred > 0 {
                        self.has_inferred(dimension, inferred).await?;
                        made += inferred;
                    }
                }
                self.change.inferred += made;
                if !sql.has_rejects() {
                    break;
                }
            }
            self.drop_temporary(NEW).await?;
        }
        self.all(sql.write_rejects(source)).await.map(drop)
    }

    /// Marks the facts of the unknown member: they may find a new one now.
    async fn has_inferred(&mut self, dimension: &str, count: u64) -> Result<(), RunError> {
        let Build { plan, tables, model, session, inferred, .. } = self;
        let before = || Inferred { members: 0, standing: tables.get(dimension).cloned().unwrap_or_default() };
        let Inferred { members, standing } = inferred.entry(dimension.to_owned()).or_insert_with(before);
        *members += count;
        standing.is_looked_at = true;
        let touched = touch(plan.names, session, model, dimension, standing).await?;
        session.execute(model, &format!("insert into {touched} values (0)")).await?;
        let (id, table) = (quote(&key_column(dimension)), plan.names.table(&Table::datawarehouse(dimension)));
        let highest = session.count(model, &format!("select max({id}) from {table}")).await?;
        if let Some(state) = &mut standing.state {
            state.rows += count;
            state.version += 1;
            state.highest_key = state.highest_key.max(i64::try_from(highest).unwrap_or(i64::MAX));
            plan.workspace.catalog.write_star(&mut *session.transaction, state, plan.started_at).await?;
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Fails if a key of any fact is no member's, also for facts outside of the run's selection.
    pub(super) async fn must_not_dangle(&mut self, members_went: bool) -> Result<(), RunError> {
        if !members_went && !self.changes.iter().any(|change| change.deleted > 0) {
            return Ok(());
        }
        let plan = self.plan;
        if let Some(check) = plan.names.engine.check_references_now() {
            let looked = self.session.transaction.execute(check, &[]).await;
            return looked.map(drop).map_err(|error| {
                RunError::Nothing(format!("a fact would refer to members that are gone: {error}: {LOOK_AFTER}"))
            });
        }
        for model in plan.models.iter().filter(|model| model.dimensions().is_some()) {
            if self.session.existing(model).await?.is_empty() {
                continue;
            }
            let dangling = self.at(model).count_some(FactSql::count_dangling(plan.names, &model.name)).await?;
            if dangling > 0 {
                return Err(model
                    .error(format!("{dangling} of its keys would refer to members that are gone: {LOOK_AFTER}"))
                    .into());
            }
        }
        Ok(())
    }

    /// Counts the members of changed dimensions that facts gave some, or that lost some, after their turn.
    pub(super) async fn count_members(&mut self) -> Result<(), RunError> {
        for model in &self.plan.selected {
            let is_uncounted =
                |one: &TableChange| one.table == model.name && one.members.is_none() && one.changed() > 0;
            let Some(at) = self.changes.iter().position(is_uncounted) else { continue };
            self.changes[at].members = self.at(model).members().await?;
        }
        Ok(())
    }

    /// Deletes inferred members whose facts are gone; returns true if there were any.
    pub(super) async fn forget_inferred(&mut self) -> Result<bool, RunError> {
        let plan = self.plan;
        let references = plan.references_to_inferred();
        let inferring: Vec<_> = plan.models.iter().filter(|model| plan.infers(model)).collect();
        let is_looked_at = references.iter().any(|one| self.tables.is_looked_at(&one.fact));
        if !is_looked_at || !self.all_stand(&references).await? {
            return Ok(false);
        }
        let Some(first) = inferring.first() else { return Ok(false) };
        let sql = NeededSql::new(plan.names, &references);
        self.session.execute(first, &sql.create()).await?;
        let mut found = 1;
        while found > 0 {
            found = 0;
            for note in references.iter().filter_map(|reference| sql.note(reference)) {
                found += self.session.execute(first, &note).await?;
            }
        }
        let mut forgotten = 0;
        for model in &inferring {
            forgotten += self.forget(model, &sql, &references).await?;
        }
        self.session.execute(first, &format!("drop table {NEEDED}")).await?;
        Ok(forgotten > 0)
    }

    /// Deletes unneeded members of one dimension, and has references to them looked up again.
    async fn forget(&mut self, model: &Model, sql: &NeededSql<'_>, references: &[Reference]) -> Result<u64, RunError> {
        let Some(Target { key, valid, .. }) = self.tables.target(&model.name).cloned() else { return Ok(0) };
        if self.session.count(model, &sql.count_forgotten(&model.name)).await? == 0 {
            return Ok(0);
        }
        let mut pointing = BTreeSet::new();
        for reference in references.iter().filter(|one| one.dimension == model.name) {
            if self.session.count(model, &sql.count_pointed_to(reference)).await? > 0 {
                pointing.insert(reference.fact.as_str());
            }
        }
        let touched =
            touch(self.plan.names, &mut self.session, model, &model.name, self.tables.get_mut(&model.name)).await?;
        self.session.execute(model, &sql.note_forgotten(&model.name, &touched)).await?;
        let forgotten = self.session.all(model, sql.forget(&model.name, &key.name, valid.is_some())).await?;
        self.has_forgotten(&model.name, forgotten, &pointing).await?;
        for change in self.changes.iter_mut().filter(|change| change.table == model.name) {
            change.rows = change.rows.saturating_sub(forgotten);
            change.members = None;
            change.deleted += forgotten;
        }
        Ok(forgotten)
    }

    /// Returns true if the facts and dimensions exist, the latter with the mark of inferred members.
    async fn all_stand(&mut self, references: &[Reference]) -> Result<bool, RunError> {
        for Reference { fact, key, dimension, .. } in references {
            for (table, column) in [(fact, key.as_str()), (dimension, "is_inferred")] {
                let columns = self.session.transaction.columns(&Table::datawarehouse(table)).await?;
                if !columns.iter().any(|one| one.name == column) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Marks only the facts that point to deleted members; others stay as they are.
    async fn has_forgotten(&mut self, dimension: &str, count: u64, pointing: &BTreeSet<&str>) -> Result<(), RunError> {
        let plan = self.plan;
        let Some(state) = &mut self.tables.get_mut(dimension).state else { return Ok(()) };
        let before = state.version;
        state.rows = state.rows.saturating_sub(count);
        state.version += 1;
        let mut changed = vec![state.clone()];
        let is_as_it_was = |model: &&Model| model.dimensions().is_some() && !pointing.contains(model.name.as_str());
        for model in plan.models.iter().filter(is_as_it_was) {
            let reads = plan.reads(model).contains(&Table::datawarehouse(dimension));
            if let Some(state) = &mut self.tables.get_mut(&model.name).state
                && let Some(built) = state.upstream.get_mut(dimension)
                && *built == before
                && !reads
            {
                *built += 1;
                changed.push(state.clone());
            }
        }
        for state in changed {
            plan.workspace.catalog.write_star(&mut *self.session.transaction, &state, plan.started_at).await?;
        }
        Ok(())
    }
}
