//! A run: a plan, then a build for each table, in one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::build::{Build, Built, Inferred};
use super::plan::Plan;
use super::session::Session;
use super::tables::Tables;
use super::{Options, Report, RunError, TableChange};
use crate::catalog::Workspace;
use crate::project::{Kind, Model};
use crate::sql::Table;
use crate::warehouse::WarehouseError;

/// A run, from its plan to its commit.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan<'a>,
    /// Lent to one build after the other.
    pub(super) session: Session,
    /// The tables as far as they are built.
    pub(super) tables: Tables,
    pub(super) changes: Vec<TableChange>,
    /// The statements that PostgreSQL runs only after all references to deleted rows are checked.
    finally: Vec<String>,
}

/// The error of a run, which left everything as it was.
pub(super) struct Stopped {
    pub(super) error: RunError,
    /// The table whose turn it was, if it was in one.
    pub(super) table: Option<String>,
    /// True if a key was too long for an index of PostgreSQL.
    pub(super) met_long_key: bool,
}

impl From<RunError> for Stopped {
    fn from(error: RunError) -> Self {
        Stopped { error, table: None, met_long_key: false }
    }
}

impl From<WarehouseError> for Stopped {
    fn from(error: WarehouseError) -> Self {
        RunError::from(error).into()
    }
}

/// Runs the `selected` ones of these models, which are in the order of their needs, and commits.
///
/// # Errors
/// The first error: everything is as it was.
pub(super) async fn attempt(
    workspace: &Workspace,
    options: &Options,
    models: &[Model],
    selected: &BTreeSet<String>,
    started_at: DateTime<Utc>,
    with_long_keys: bool,
) -> Result<Report, Stopped> {
    let mut transaction = workspace.catalog.begin_run().await?;
    let mut plan = Plan::read(workspace, options, models, selected, started_at, &mut *transaction).await?;
    plan.long_keys |= with_long_keys;
    let mut run = Run {
        plan: &plan,
        session: Session::new(transaction),
        tables: Tables::new(&plan.states),
        changes: Vec::new(),
        finally: Vec::new(),
    };
    if with_long_keys {
        run.allow_long_keys().await?;
    }
    let done = run.build().await;
    done.map_err(|stopped| Stopped { met_long_key: run.session.met_long_key, ..stopped })?;
    Ok(run.publish().await?)
}

impl<'a> Run<'a> {
    /// Brings the tables of the plan up to date, and checks the whole star.
    async fn build(&mut self) -> Result<(), Stopped> {
        self.learn_others().await?;
        self.build_tables().await?;
        self.settle().await?;
        let mut members_went = false;
        while self.forget_inferred().await? {
            members_went = true;
            self.settle().await?;
        }
        self.count_members().await?;
        self.must_not_dangle(members_went).await?;
        self.check().await?;
        Ok(self.drop_undeclared().await?)
    }

    /// Learns of the tables that have no turn what the others need.
    async fn learn_others(&mut self) -> Result<(), RunError> {
        for model in &self.plan.others {
            self.learn(model).await?;
        }
        Ok(())
    }

    /// Gives each table its turn. Tables with altered columns, and those that need them, come last: on PostgreSQL nobody
    /// can read them from then on until the commit. They are locked all at once, so that readers and the run cannot
    /// deadlock.
    async fn build_tables(&mut self) -> Result<(), Stopped> {
        let (mut later, mut altered) = (Vec::<&Model>::new(), Vec::new());
        for model in &self.plan.selected {
            let needs = model.needs(self.plan.names);
            let is_behind = later.iter().any(|other| needs.contains(&other.name));
            if is_behind || !self.table(model, true).await? {
                if !is_behind || self.will_alter(model).await? {
                    altered.push(Table::datawarehouse(&model.name));
                }
                if model.header.kind != Kind::View {
                    self.learn(model).await?;
                }
                later.push(model);
            }
        }
        self.session.transaction.lock_alone(&altered).await?;
        for model in later {
            self.table(model, false).await?;
        }
        Ok(())
    }

    /// Gives tables another turn if a table behind them has changed since theirs: facts make members, and members
    /// without facts go.
    async fn settle(&mut self) -> Result<(), Stopped> {
        let plan = self.plan;
        while let Some(model) = plan.selected.iter().find(|model| self.is_behind(model)) {
            self.table(model, false).await?;
        }
        Ok(())
    }

    fn is_behind(&self, model: &Model) -> bool {
        let is_another =
            |(name, built): (&String, &i64)| self.tables.state(name).is_some_and(|now| now.version != *built);
        self.tables.state(&model.name).is_some_and(|state| state.upstream.iter().any(is_another))
    }

    /// Gives one table its turn, and takes what it tells the others; returns false if it waits for another turn.
    async fn table(&mut self, model: &Model, may_wait: bool) -> Result<bool, Stopped> {
        let built = self.at(model).run(may_wait).await;
        let stopped = |error| Stopped { table: Some(model.name.clone()), ..Stopped::from(error) };
        let Built { own, change, inferred, finally } = built.map_err(stopped)?;
        self.tables.set(&model.name, own);
        self.finally.extend(finally);
        for (name, Inferred { members, standing }) in inferred {
            self.tables.set(&name, standing);
            for change in self.changes.iter_mut().filter(|change| change.table == name) {
                change.rows += members;
                change.members = None;
                change.inserted += members;
                change.inferred += members;
            }
        }
        let Some(change) = change else { return Ok(false) };
        match self.changes.iter_mut().find(|first| first.table == change.table) {
            Some(first) => first.add(change),
            None => self.changes.push(change),
        }
        Ok(true)
    }

    /// Lends everything to a table.
    pub(super) fn at<'b>(&'b mut self, model: &'b Model) -> Build<'b> {
        Build::new(self.plan, &self.tables, model, &mut self.session)
    }

    /// Learns of a table what others need, without its turn.
    async fn learn(&mut self, model: &Model) -> Result<(), RunError> {
        let mut build = self.at(model);
        build.learn().await?;
        let own = build.own;
        self.tables.set(&model.name, own);
        Ok(())
    }

    /// Tells before its turn if a table will be altered, as far as it can be told.
    async fn will_alter(&mut self, model: &Model) -> Result<bool, RunError> {
        let mut build = self.at(model);
        let told = build.will_alter().await?;
        let own = build.own;
        self.tables.set(&model.name, own);
        Ok(told)
    }

    /// Commits, or leaves everything as it was.
    async fn publish(mut self) -> Result<Report, RunError> {
        let plan = self.plan;
        if let (Some(check), false) = (plan.names.engine.check_references_now(), self.finally.is_empty()) {
            self.finally.insert(0, check.to_owned());
        }
        let mut transaction = self.session.transaction;
        let mut sql = self.session.sql;
        for statement in self.finally {
            transaction.execute(&statement, &[]).await?;
            sql.push(statement);
        }
        // The connection outlives the run, and these tables would, too.
        for table in self.tables.touched().values() {
            transaction.execute(&format!("drop table {table}"), &[]).await?;
        }
        let report = Report { changes: self.changes, sql };
        if plan.options.dry {
            return Ok(report);
        }
        let text = serde_json::to_string(&report.changes).unwrap_or_default();
        plan.workspace.catalog.run_done(&mut *transaction, plan.options.kind(), plan.started_at, text).await?;
        transaction.commit().await?;
        Ok(report)
    }
}
