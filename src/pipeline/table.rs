//! The state of one run, and the update of one table after the other in its transaction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::reshape::Columns;
use super::rows::{Rows, made_of};
use super::work::{Question, Work};
use super::{Options, Report, RunError, TableChange, ViewDeps};
use crate::catalog::StagedLoad;
use crate::catalog::Workspace;
use crate::project::own_views;
use crate::project::{Kind, Missing, Model};
use crate::sql::{Names, Output, Schema, Select, Table, TableDef, quote};
use crate::star::{LoadSet, NEW, TableState, Target};
use crate::telemetry::Step;
use crate::warehouse::Transaction;

/// A run, from its begin to its commit.
pub(super) struct Run<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) names: &'a Names,
    pub(super) options: &'a Options,
    pub(super) transaction: Box<dyn Transaction>,
    pub(super) own_views: Vec<Table>,
    pub(super) started_at: DateTime<Utc>,
    /// The state of each table, before its turn and after.
    pub(super) states: BTreeMap<String, TableState>,
    /// The versions before this run.
    before: BTreeMap<String, i64>,
    /// The loads that staging holds.
    loaded: LoadSet,
    /// The loads that came and went since a table was built, by the loads that it had seen.
    news: Vec<(LoadSet, Vec<StagedLoad>, Vec<StagedLoad>)>,
    /// The dimensions whose members facts may make.
    pub(super) inferring: BTreeSet<String>,
    /// True if inferred members were deleted.
    pub(super) members_went: bool,
    /// The staging tables behind each table, also by way of other tables of the star.
    pub(super) made_of: BTreeMap<String, BTreeSet<Table>>,
    /// The dimensions for the lookups of facts, as far as they were built.
    pub(super) targets: BTreeMap<String, Target>,
    /// The tables beneath the views of the star: readers of a view read these.
    pub(super) beneath: ViewDeps,
    /// The outputs of the views of the star: SQLite does not know the types of computed columns.
    pub(super) views: BTreeMap<String, Vec<Output>>,
    /// The temporary table with the keys that facts look up again, for each changed dimension.
    pub(super) touched: BTreeMap<String, String>,
    /// Dimensions that gave up versions: facts are compared whole, wherever they point.
    pub(super) unversioned: BTreeSet<String>,
    pub(super) changes: Vec<TableChange>,
    /// The table whose turn it is.
    pub(super) turn: String,
    /// True if the table's file has changed since it was built.
    pub(super) redefined: bool,
    /// The tables whose checks are to be made.
    pub(super) looked_at: BTreeSet<String>,
    pub(super) sql: Vec<String>,
    /// True if keys may be too long for an index of PostgreSQL; and true if one was.
    pub(super) long_keys: bool,
    pub(super) met_long_key: bool,
    /// The statements that PostgreSQL runs only after all references to deleted rows are checked.
    pub(super) finally: Vec<String>,
}

impl<'a> Run<'a> {
    pub(super) async fn begin(
        workspace: &'a Workspace,
        options: &'a Options,
        models: &[Model],
        started_at: DateTime<Utc>,
    ) -> Result<Run<'a>, RunError> {
        let mut transaction = workspace.catalog.begin_run().await?;
        let states = workspace.catalog.star(&mut *transaction).await?;
        let states: BTreeMap<_, _> = states.into_iter().map(|state| (state.name.clone(), state)).collect();
        let uses = models.iter().filter_map(Model::dimensions).flat_map(BTreeMap::values);
        Ok(Run {
            before: states.iter().map(|(name, state)| (name.clone(), state.version)).collect(),
            loaded: workspace.catalog.loaded(&mut *transaction).await?,
            inferring: uses
                .filter(|used| used.missing() == Missing::Infer)
                .map(|used| used.dimension().to_owned())
                .collect(),
            members_went: false,
            made_of: made_of(models, workspace.warehouse.names()),
            own_views: {
                let views = models.iter().filter(|model| model.header.kind == Kind::View).map(|view| &view.name);
                // A view without a file goes at the end of the run.
                let is_undeclared = |state: &&TableState| state.kind == "view" && options.allow_drop;
                let undeclared = states.values().filter(is_undeclared).map(|state| &state.name);
                let of_star = views.chain(undeclared).map(|name| Table::datawarehouse(name));
                crate::project::own_views(&workspace.sql).into_iter().chain(of_star).collect()
            },
            names: workspace.warehouse.names(),
            workspace,
            options,
            transaction,
            started_at,
            states,
            news: Vec::new(),
            targets: BTreeMap::new(),
            beneath: ViewDeps::of(models, workspace.warehouse.names()),
            views: BTreeMap::new(),
            touched: BTreeMap::new(),
            unversioned: BTreeSet::new(),
            changes: Vec::new(),
            turn: String::new(),
            redefined: false,
            looked_at: BTreeSet::new(),
            sql: Vec::new(),
            finally: Vec::new(),
            long_keys: false,
            met_long_key: false,
        })
    }

    /// Commits, or leaves everything as it was.
    pub(super) async fn publish(mut self, dry: bool) -> Result<Report, RunError> {
        if let (Some(check), false) = (self.names.engine.check_references_now(), self.finally.is_empty()) {
            self.finally.insert(0, check.to_owned());
        }
        for statement in std::mem::take(&mut self.finally) {
            self.transaction.execute(&statement, &[]).await?;
            self.sql.push(statement);
        }
        let report = Report { changes: self.changes, sql: self.sql };
        // The connection outlives the run, and these tables would, too.
        for table in self.touched.values() {
            self.transaction.execute(&format!("drop table {table}"), &[]).await?;
        }
        if dry {
            return Ok(report);
        }
        let text = serde_json::to_string(&report.changes).unwrap_or_default();
        self.workspace.catalog.run_done(&mut *self.transaction, "pipeline", self.started_at, text).await?;
        self.transaction.commit().await?;
        Ok(report)
    }

    /// Brings the tables up to date. Tables with altered columns, and those that need them, come last: on PostgreSQL
    /// nobody can read them from then on until the commit. They are locked all at once, so that readers and the run
    /// cannot deadlock.
    pub(super) async fn tables(&mut self, models: &[&Model]) -> Result<(), RunError> {
        let (mut later, mut altered) = (Vec::<&Model>::new(), Vec::new());
        for model in models {
            let needs = model.needs(self.names);
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
        self.transaction.lock_alone(&altered).await?;
        for model in later {
            self.table(model, false).await?;
        }
        Ok(())
    }

    /// Brings one table up to date; if its columns change and it `may_wait`, leaves it to later and returns `false`.
    async fn table(&mut self, model: &Model, may_wait: bool) -> Result<bool, RunError> {
        self.turn.clone_from(&model.name);
        let step = Step::new(&model.name);
        let mut change =
            TableChange { table: model.name.clone(), kind: model.header.kind.word(), ..TableChange::default() };
        let rows = match &model.select {
            Some(select) => Some(self.rows(model, select).await?),
            None => None,
        };
        let definition = self.definition(model, rows.as_ref());
        let work = self.work(model, rows.as_ref(), &definition).await?;
        self.redefined = self.states.get(&model.name).is_some_and(|state| state.definition != definition);
        if self.is_to_be_altered(model, rows.as_ref(), &definition).await? {
            if may_wait {
                return Ok(false);
            }
            self.transaction.lock_alone(&[Table::datawarehouse(&model.name)]).await?;
        }
        change.how = work.words();
        change.rows = self.states.get(&model.name).map(|state| state.rows).unwrap_or_default();
        let mut highest_key = None;
        if work != Work::Nothing {
            self.looked_at.insert(model.name.clone());
            match (&model.header.kind, rows.as_ref()) {
                (Kind::Dimension(header), Some(rows)) => {
                    highest_key = Some(self.dimension(model, header, rows, &work, &mut change).await?);
                }
                (Kind::Calendar(calendar), _) => self.calendar(model, *calendar, &work, &mut change).await?,
                (Kind::Fact(header) | Kind::Bridge(header, _), Some(rows)) => {
                    self.fact(model, header, rows, &work, &mut change).await?;
                }
                (Kind::Table, Some(rows)) => self.plain(model, rows, &work, &mut change).await?,
                (Kind::View, Some(rows)) => {
                    let view = Table::datawarehouse(&model.name);
                    self.sql.push(format!("create view {} as {}", self.names.table(&view), rows.all));
                    let done = self.transaction.replace_view(&view, &rows.all, &own_views(&self.workspace.sql)).await;
                    done.map_err(|error| model.error(error.to_string()))?;
                }
                _ => {}
            }
        }
        self.learn(model).await?;
        self.note(model, definition, &change, highest_key, work == Work::First).await?;
        step.done((model.header.kind != Kind::View).then_some(change.rows));
        match self.changes.iter_mut().find(|first| first.table == change.table) {
            Some(first) => first.add(change),
            None => self.changes.push(change),
        }
        Ok(true)
    }

    /// Gives tables another turn if a table behind them has changed since theirs: facts make members, and members
    /// without facts go.
    pub(super) async fn settle(&mut self, models: &[&Model]) -> Result<(), RunError> {
        while let Some(model) = models.iter().find(|model| self.is_behind(model)) {
            self.table(model, false).await?;
        }
        Ok(())
    }

    fn is_behind(&self, model: &Model) -> bool {
        let is_another =
            |(name, built): (&String, &i64)| self.states.get(name).is_some_and(|now| now.version != *built);
        self.states.get(&model.name).is_some_and(|state| state.upstream.iter().any(is_another))
    }

    /// Records the sources that the table was built from.
    async fn note(
        &mut self,
        model: &Model,
        definition: String,
        change: &TableChange,
        highest_key: Option<i64>,
        first: bool,
    ) -> Result<(), RunError> {
        let before = self.states.get(&model.name).cloned().unwrap_or_default();
        let needs = self.beneath.needs(model, self.names).into_iter();
        let state = TableState {
            name: model.name.clone(),
            kind: change.kind.to_owned(),
            version: before.version + i64::from(first || change.changed() > 0 || before.definition != definition),
            definition,
            seen: self.loaded.clone(),
            upstream: needs.filter_map(|name| Some((name.clone(), self.states.get(&name)?.version))).collect(),
            highest_key: highest_key.unwrap_or_default().max(before.highest_key),
            rows: change.rows,
        };
        if state != before {
            self.workspace.catalog.write_star(&mut *self.transaction, &state, self.started_at).await?;
        }
        self.states.insert(model.name.clone(), state);
        Ok(())
    }

    /// Returns a hash of the header, the select and the columns.
    pub(super) fn definition(&self, model: &Model, rows: Option<&Rows>) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(format!("{:?} {:?}", model.header, self.inferring.contains(&model.name)).as_bytes());
        if let Some(rows) = rows {
            hash.update(rows.all.as_bytes());
            hash.update(format!("{:?}", rows.source.columns()).as_bytes());
        }
        hash.finalize().to_hex()[..32].to_owned()
    }

    async fn work(&mut self, model: &Model, rows: Option<&Rows>, definition: &str) -> Result<Work, RunError> {
        let state = self.states.get(&model.name);
        let seen = state.map(|state| state.seen.clone()).unwrap_or_default();
        let is_of = |news: &&(LoadSet, Vec<StagedLoad>, Vec<StagedLoad>)| news.0 == seen;
        if state.is_some() && self.news.iter().find(is_of).is_none() {
            let new = self.loaded.without(&seen);
            let gone = seen.without(&self.loaded);
            let new = self.workspace.catalog.datasets_of(&mut *self.transaction, &new).await?;
            let gone = self.workspace.catalog.datasets_of(&mut *self.transaction, &gone).await?;
            self.news.push((seen.clone(), new, gone));
        }
        let exists = !self.existing(model).await?.is_empty();
        let news = self.news.iter().find(is_of);
        let version = |name: &String| self.states.get(name).map(|state| state.version).unwrap_or_default();
        // A view has no rows that could be outdated: it is made again when its file changes.
        let is_view = model.header.kind == Kind::View;
        let needs = self.beneath.needs(model, self.names).into_iter().filter(|_| !is_view);
        let upstream =
            needs.map(|name| (name.clone(), (self.before.get(&name).copied().unwrap_or_default(), version(&name))));
        let mut reads = self.beneath.reads(model, self.names);
        reads.retain(|_| !is_view);
        let read_of_star: BTreeSet<_> = reads
            .iter()
            .filter(|table| table.schema == Schema::Datawarehouse)
            .map(|table| table.name.clone())
            .collect();
        let dimensions =
            model.dimensions().into_iter().flat_map(BTreeMap::values).map(|one| one.dimension().to_owned());
        let is_known = |name: &String| self.touched.contains_key(name) && !self.unversioned.contains(name);
        let followed = dimensions.filter(|name| is_known(name) && !read_of_star.contains(name));
        let appended = rows.filter(|rows| rows.source.has_lineage() && !rows.replaced && !rows.upserted);
        let question = Question {
            state: self.states.get(&model.name),
            exists,
            full: self.options.full,
            definition,
            volatile: model.select.as_ref().filter(|_| !is_view).and_then(Select::volatile),
            reads: &reads,
            appended: appended.and_then(|rows| rows.of.as_ref()),
            upstream: &upstream.collect(),
            followed: &followed.collect(),
            new: news.map(|news| &news.1[..]).unwrap_or_default(),
            gone: news.map(|news| &news.2[..]).unwrap_or_default(),
        };
        Ok(question.decide())
    }

    /// Brings a table without a surrogate key up to date.
    async fn plain(
        &mut self,
        model: &Model,
        rows: &Rows,
        work: &Work,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        let columns = rows.source.columns();
        let list: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        let list = list.join(", ");
        if *work == Work::First {
            let table = Table::datawarehouse(&model.name);
            self.execute(model, &self.names.create_table(&TableDef::new(table.clone(), columns))).await?;
            let fill =
                format!("insert into {} ({list}) select {list} from ({}) as n", self.names.table(&table), rows.all);
            change.inserted = self.execute(model, &fill).await?;
            change.rows = change.inserted;
            return Ok(());
        }
        self.execute(model, &self.names.create_table(&TableDef::new(Table::temporary(NEW), columns))).await?;
        self.execute(model, &format!("insert into {NEW} ({list}) select {list} from ({}) as n", rows.all)).await?;
        let stands = self.existing(model).await?;
        let says = Columns { all: columns, ..Columns::default() };
        self.reshape(model, &Table::datawarehouse(&model.name), &stands, &says).await?;
        self.replace_rows(model, NEW, columns, change).await?;
        self.execute(model, &format!("drop table {NEW}")).await?;
        change.rows = self.count(model, &format!("select count(*) from {}", self.shown(model))).await?;
        Ok(())
    }

    /// Adds a dimension to the targets of facts' lookups, if it exists.
    pub(super) async fn learn(&mut self, model: &Model) -> Result<(), RunError> {
        let columns = self.existing(model).await?;
        let valid = columns.iter().find(|column| column.name == "valid_from").map(|column| column.declared.clone());
        let (key, is_calendar) = match &model.header.kind {
            Kind::Dimension(header) => (header.key.first().cloned().unwrap_or_default(), false),
            Kind::Calendar(_) => ("date".to_owned(), true),
            Kind::View if !columns.is_empty() && !self.views.contains_key(&model.name) => {
                if let Some(select) = &model.select {
                    self.rows(model, select).await?;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let infers = columns.iter().any(|column| column.name == "is_inferred");
        if let Some(key) = columns.into_iter().find(|column| column.name == key) {
            self.targets.insert(model.name.clone(), Target { key, valid, is_calendar, infers });
        }
        Ok(())
    }

    /// Returns true if facts make members of this dimension.
    pub(super) fn infers(&self, model: &Model) -> bool {
        self.inferring.contains(&model.name)
    }
}
