//! The build of one table: its turn in a run, from its rows to its line in the catalog. It reads the plan and the tables
//! before it, and returns what those after it have to know.

use std::collections::BTreeMap;

use super::basis::may_give_fewer;
use super::plan::Plan;
use super::reshape::Columns;
use super::rows::Rows;
use super::session::Session;
use super::tables::{Standing, Tables};
use super::work::{Question, Work};
use super::{RunError, TableChange};
use crate::catalog::ViewsOver;
use crate::project::{Dimension, Fact, Kind, Model};
use crate::sql::{Select, Table, TableDef, quote};
use crate::star::{DimensionSql, FactSql, NEW, TableState, Target};
use crate::telemetry::Step;

/// A table in its turn.
pub(super) struct Build<'a> {
    pub(super) plan: &'a Plan<'a>,
    /// The tables of the star as earlier builds left them.
    pub(super) tables: &'a Tables,
    pub(super) model: &'a Model,
    pub(super) session: &'a mut Session,
    /// This table.
    pub(super) own: Standing,
    /// The hash of its file and columns, as soon as its rows are known.
    pub(super) definition: String,
    pub(super) change: TableChange,
    /// The dimensions that received members.
    pub(super) inferred: BTreeMap<String, Inferred>,
    /// The statements that PostgreSQL runs only after all references to deleted rows are checked.
    pub(super) finally: Vec<String>,
}

/// A dimension that received members from a fact.
pub(super) struct Inferred {
    /// The number of these members.
    pub(super) members: u64,
    /// The dimension with them.
    pub(super) standing: Standing,
}

/// The result of a build.
pub(super) struct Built {
    /// The table as it is now.
    pub(super) own: Standing,
    /// The changes; none if the table waits for another turn.
    pub(super) change: Option<TableChange>,
    /// The dimensions that received members.
    pub(super) inferred: BTreeMap<String, Inferred>,
    /// The statements for the end of the run.
    pub(super) finally: Vec<String>,
}

impl<'a> Build<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, tables: &'a Tables, model: &'a Model, session: &'a mut Session) -> Self {
        let (table, kind) = (model.name.clone(), model.header.kind.word());
        Build {
            plan,
            tables,
            model,
            session,
            own: tables.get(&model.name).cloned().unwrap_or_default(),
            definition: String::new(),
            change: TableChange { table, kind, ..TableChange::default() },
            inferred: BTreeMap::new(),
            finally: Vec::new(),
        }
    }

    /// Brings the table up to date; leaves it as it is if its columns change and it `may_wait`.
    pub(super) async fn run(mut self, may_wait: bool) -> Result<Built, RunError> {
        let step = Step::new(&self.model.name);
        let rows = self.rows().await?;
        self.definition = self.plan.definition(self.model, rows.as_ref());
        let work = self.work(rows.as_ref()).await?;
        if self.is_to_be_altered(rows.as_ref()).await? {
            if may_wait {
                return Ok(Built { change: None, ..self.built() });
            }
            self.session.transaction.lock_alone(&[Table::datawarehouse(&self.model.name)]).await?;
        }
        self.change.how = work.words();
        self.change.rows = self.own.rows();
        let mut highest_key = 0;
        if work != Work::Nothing {
            self.own.is_looked_at = true;
            // A table that was dropped by hand leaves SQLite's views.
            let views = match work == Work::First && self.model.header.kind != Kind::View {
                true => self.views_over_own().await?,
                false => ViewsOver::default(),
            };
            highest_key = self.write(rows.as_ref(), &work).await?;
            self.translate(&views, Vec::new(), BTreeMap::new()).await?;
        }
        self.learn().await?;
        if let (Kind::View, Some(select)) = (&self.model.header.kind, &self.model.select) {
            self.plan.workspace.catalog.keep_view(&mut *self.session.transaction, &self.model.name, select).await?;
        }
        self.note(highest_key, work == Work::First).await?;
        step.done((self.model.header.kind != Kind::View).then_some(self.change.rows));
        Ok(self.built())
    }

    fn built(self) -> Built {
        Built { own: self.own, change: Some(self.change), inferred: self.inferred, finally: self.finally }
    }

    /// Returns true if the table's file has changed since it was built.
    pub(super) fn is_redefined(&self) -> bool {
        self.own.state.as_ref().is_some_and(|state| state.definition != self.definition)
    }

    /// Returns true if the file may give fewer versions of members than the one that the table was built by.
    pub(super) fn may_give_fewer(&self) -> bool {
        let basis =
            |definition: &str| definition.split_once(' ').map(|(_, basis)| basis.to_owned()).unwrap_or_default();
        let earlier = self.own.state.as_ref().map(|state| basis(&state.definition)).unwrap_or_default();
        self.is_redefined() && may_give_fewer(&earlier, &basis(&self.definition))
    }

    /// Decides the way of the update.
    async fn work(&mut self, rows: Option<&Rows>) -> Result<Work, RunError> {
        let exists = !self.existing().await?.is_empty();
        let (plan, tables, model) = (self.plan, self.tables, self.model);
        let state = self.own.state.as_ref();
        let news = state.and_then(|state| plan.news(&state.seen));
        let version = |name: &str| tables.state(name).map(|state| state.version).unwrap_or_default();
        // A view has no rows that could be outdated: it is made again when its file changes.
        let is_view = model.header.kind == Kind::View;
        let needs = plan.needs(model).into_iter().filter(|_| !is_view);
        let upstream = needs.map(|name| (name.clone(), (plan.version_before(&name), version(&name))));
        let mut reads = plan.reads(model);
        reads.retain(|_| !is_view);
        let is_read = |name: &str| reads.contains(&Table::datawarehouse(name));
        let is_known = |name: &str| {
            tables.get(name).is_some_and(|dimension| {
                dimension.touched.is_some() && !dimension.is_unversioned && dimension.widened.is_empty()
            })
        };
        let dimensions =
            model.dimensions().into_iter().flat_map(BTreeMap::values).map(|one| one.dimension().to_owned());
        let followed = dimensions.filter(|name| is_known(name) && !is_read(name));
        let appended = rows.filter(|rows| rows.source.has_lineage() && !rows.replaced && !rows.upserted);
        let question = Question {
            state,
            exists,
            full: plan.options.full,
            definition: &self.definition,
            forgets: plan.remembered(model).iter().any(|one| one.is_retracted),
            volatile: model.select.as_ref().filter(|_| !is_view).and_then(Select::volatile),
            reads: &reads,
            appended: appended.and_then(|rows| rows.of.as_ref()),
            upstream: &upstream.collect(),
            followed: &followed.collect(),
            new: news.map(|news| &news.new[..]).unwrap_or_default(),
            gone: news.map(|news| &news.gone[..]).unwrap_or_default(),
        };
        Ok(question.decide())
    }

    /// Writes the table by its kind; returns the highest surrogate key that a dimension has ever given.
    async fn write(&mut self, rows: Option<&Rows>, work: &Work) -> Result<i64, RunError> {
        match (&self.model.header.kind, rows) {
            (Kind::Dimension(header), Some(rows)) => return self.dimension(header, rows, work).await,
            (Kind::Calendar(calendar), _) => self.calendar(*calendar, work).await?,
            (Kind::Fact(header) | Kind::Bridge(header, _), Some(rows)) => self.fact(header, rows, work).await?,
            (Kind::Table, Some(rows)) => self.plain(rows, work).await?,
            (Kind::View, Some(rows)) => self.view(rows).await?,
            _ => {}
        }
        Ok(0)
    }

    async fn view(&mut self, rows: &Rows) -> Result<(), RunError> {
        let view = Table::datawarehouse(&self.model.name);
        self.session.sql.push(format!("create view {} as {}", self.plan.names.table(&view), rows.all));
        let views = self.views_over_own().await?;
        let own_views: Vec<_> = self.plan.analysis_views.iter().cloned().chain(views.tables()).collect();
        let done = self.session.transaction.replace_view(&view, &rows.all, &own_views).await;
        let dropped = done.map_err(|error| self.model.error(error.to_string()))?;
        let outputs = self.own.outputs.iter().map(|outputs| (self.model.name.clone(), outputs.clone())).collect();
        self.translate(&views, dropped, outputs).await
    }

    /// Returns the views over this table, as they stand.
    async fn views_over_own(&mut self) -> Result<ViewsOver, RunError> {
        let own = [Table::datawarehouse(&self.model.name)];
        Ok(self.plan.workspace.catalog.views_over(&mut *self.session.transaction, &own).await?)
    }

    /// Brings a table without a surrogate key up to date.
    async fn plain(&mut self, rows: &Rows, work: &Work) -> Result<(), RunError> {
        let columns = rows.source.columns();
        let list: Vec<_> = columns.iter().map(|column| quote(&column.name)).collect();
        let list = list.join(", ");
        let table = Table::datawarehouse(&self.model.name);
        if *work == Work::First {
            self.execute(&self.plan.names.create_table(&TableDef::new(table, columns))).await?;
            let fill = format!("insert into {} ({list}) select {list} from ({}) as n", self.shown(), rows.all);
            self.change.inserted = self.execute(&fill).await?;
            self.change.rows = self.change.inserted;
            return Ok(());
        }
        self.execute(&self.plan.names.create_table(&TableDef::new(Table::temporary(NEW), columns))).await?;
        self.execute(&format!("insert into {NEW} ({list}) select {list} from ({}) as n", rows.all)).await?;
        let stands = self.existing().await?;
        self.reshape(&stands, &Columns { all: columns, ..Columns::default() }).await?;
        self.replace_rows(NEW, columns, None).await?;
        self.drop_temporary(NEW).await?;
        self.change.rows = self.count_rows().await?;
        Ok(())
    }

    /// Records the sources that the table was built from.
    async fn note(&mut self, highest_key: i64, is_first: bool) -> Result<(), RunError> {
        let before = self.own.state.take().unwrap_or_default();
        let needs = self.plan.needs(self.model).into_iter();
        let is_another = is_first || self.change.changed() > 0 || before.definition != self.definition;
        let state = TableState {
            name: self.model.name.clone(),
            kind: self.change.kind.to_owned(),
            version: before.version + i64::from(is_another),
            definition: self.definition.clone(),
            seen: self.plan.loaded.clone(),
            upstream: needs.filter_map(|name| Some((name.clone(), self.state(&name)?.version))).collect(),
            highest_key: highest_key.max(before.highest_key),
            rows: self.change.rows,
        };
        if state != before {
            let (catalog, at) = (&self.plan.workspace.catalog, self.plan.started_at);
            catalog.write_star(&mut *self.session.transaction, &state, at).await?;
        }
        self.own.state = Some(state);
        Ok(())
    }

    /// Learns from the table in the database what lookups of facts need, and of a view its outputs.
    pub(super) async fn learn(&mut self) -> Result<(), RunError> {
        let columns = self.existing().await?;
        let valid = columns.iter().find(|column| column.name == "valid_from").map(|column| column.declared.clone());
        let (key, is_calendar) = match &self.model.header.kind {
            Kind::Dimension(header) if header.key.len() != 1 => return Ok(()),
            Kind::Dimension(header) => (header.key[0].clone(), false),
            Kind::Calendar(_) => ("date".to_owned(), true),
            Kind::View if !columns.is_empty() && self.own.outputs.is_none() => return self.rows().await.map(drop),
            _ => return Ok(()),
        };
        let infers = columns.iter().any(|column| column.name == "is_inferred");
        if let Some(key) = columns.into_iter().find(|column| column.name == key) {
            self.own.target = Some(Target { key, valid, is_calendar, infers });
        }
        Ok(())
    }

    /// Returns the statements of a fact or bridge over these rows.
    pub(super) fn fact_sql(&self, header: &Fact, rows: &Rows) -> FactSql {
        let (targets, lineage) = (self.tables.targets(), rows.source.has_lineage());
        FactSql::new(self.plan.names, &self.model.name, header, &targets, rows.source.columns(), lineage)
    }

    /// Returns the statements of a dimension over these rows.
    pub(super) fn dimension_sql(&self, header: &Dimension, rows: &Rows) -> DimensionSql {
        let (columns, lineage) = (rows.source.columns(), rows.source.has_lineage());
        let infers = self.plan.infers(self.model);
        DimensionSql::new(self.plan.names, &self.model.name, header, columns, lineage, infers)
    }

    /// Returns the state of another table, with the members that it received from this one.
    pub(super) fn state(&self, name: &str) -> Option<&TableState> {
        match self.inferred.get(name) {
            Some(inferred) => inferred.standing.state.as_ref(),
            None => self.tables.state(name),
        }
    }
}
