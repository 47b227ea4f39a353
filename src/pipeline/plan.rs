//! The plan of a run: all that is read when it begins. Nothing in it changes afterwards.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::basis::basis;
use super::rows::{Rows, Staged, made_of, staged};
use super::{Options, RunError, ViewDeps, long_keys};
use crate::catalog::{RememberedLoad, StagedLoad, Workspace};
use crate::project::{Kind, Missing, Model, ModelError, own_views};
use crate::sql::{Names, Table};
use crate::sql_check::{WithoutValues, without_values};
use crate::star::{LoadSet, Reference, TableState};
use crate::warehouse::Transaction;

/// The files of a run, and the moment of staging and catalog that it sees.
pub(super) struct Plan<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) names: &'a Names,
    pub(super) options: &'a Options,
    pub(super) started_at: DateTime<Utc>,
    /// The files of the star, each after those that it needs.
    pub(super) models: &'a [Model],
    /// The files of the tables that are brought up to date, in the same order.
    pub(super) selected: Vec<&'a Model>,
    /// The other files.
    pub(super) others: Vec<&'a Model>,
    /// The state of each table before the run.
    pub(super) states: BTreeMap<String, TableState>,
    /// The loads that staging holds.
    pub(super) loaded: LoadSet,
    /// The loads that each dimension remembers, in their order.
    remembered: BTreeMap<String, Vec<RememberedLoad>>,
    /// The loads that came and went since a table was built.
    news: Vec<News>,
    /// The staging tables behind the star.
    staged: BTreeMap<Table, Staged>,
    /// The staging tables behind each table, also by way of other tables of the star.
    made_of: BTreeMap<String, BTreeSet<Table>>,
    /// The tables beneath the views of the star: readers of a view read these.
    beneath: ViewDeps,
    /// The dimensions whose members facts may make.
    inferring: BTreeSet<String>,
    /// The views that `app --analysis` can make again.
    pub(super) analysis_views: Vec<Table>,
    /// These and the views of the star.
    pub(super) own_views: Vec<Table>,
    /// The columns of staging that never had a value.
    pub(super) without_values: WithoutValues,
    /// True if keys may be too long for an index of PostgreSQL.
    pub(super) long_keys: bool,
}

/// The loads that a table has not seen.
pub(super) struct News {
    /// The loads that the table has seen.
    seen: LoadSet,
    /// The loads that came since.
    pub(super) new: Vec<StagedLoad>,
    /// The loads that went since.
    pub(super) gone: Vec<StagedLoad>,
}

impl<'a> Plan<'a> {
    /// Reads staging and the catalog. `models` are in the order of their needs.
    ///
    /// # Errors
    /// The database's error.
    pub(super) async fn read(
        workspace: &'a Workspace,
        options: &'a Options,
        models: &'a [Model],
        selected: &BTreeSet<String>,
        started_at: DateTime<Utc>,
        transaction: &mut dyn Transaction,
    ) -> Result<Plan<'a>, RunError> {
        let names = workspace.warehouse.names();
        let states = workspace.catalog.star(&mut *transaction).await?;
        let states: BTreeMap<_, _> = states.into_iter().map(|state| (state.name.clone(), state)).collect();
        let loaded = workspace.catalog.loaded(&mut *transaction).await?;
        let (selected, others) = models.iter().partition::<Vec<_>, _>(|model| selected.contains(&model.name));
        let (made_of, analysis_views) = (made_of(models, names), own_views(&workspace.sql));
        let uses = models.iter().filter_map(Model::dimensions).flat_map(BTreeMap::values);
        let inferring = uses.filter(|used| used.missing() == Missing::Infer).map(|used| used.dimension().to_owned());
        Ok(Plan {
            news: news(workspace, &loaded, selected.iter().filter_map(|one| states.get(&one.name)), transaction)
                .await?,
            remembered: workspace.catalog.remembered(&mut *transaction).await?,
            staged: staged(workspace, made_of.values().flatten(), transaction).await?,
            beneath: ViewDeps::of(models, names),
            inferring: inferring.collect(),
            own_views: [&analysis_views[..], &views_of_star(options, models, &states)].concat(),
            analysis_views,
            without_values: without_values(transaction, names).await?,
            long_keys: long_keys::are_there(names, transaction).await?,
            workspace,
            names,
            options,
            started_at,
            models,
            selected,
            others,
            states,
            loaded,
            made_of,
        })
    }

    /// Returns the version of a table before the run; 0 if there is none.
    pub(super) fn version_before(&self, name: &str) -> i64 {
        self.states.get(name).map(|state| state.version).unwrap_or_default()
    }

    /// Returns the loads that came and went since a table was built that had seen these; `None` if there are none.
    pub(super) fn news(&self, seen: &LoadSet) -> Option<&News> {
        self.news.iter().find(|news| news.seen == *seen)
    }

    /// Returns the loads that a dimension remembers, in their order.
    pub(super) fn remembered(&self, model: &Model) -> &[RememberedLoad] {
        self.remembered.get(&model.name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the staging tables behind a model.
    pub(super) fn made_of(&self, model: &Model) -> impl Iterator<Item = &Table> {
        self.made_of.get(&model.name).into_iter().flatten()
    }

    /// Returns what the catalog tells of a staging table behind the star.
    pub(super) fn staged(&self, table: &Table) -> Staged {
        self.staged.get(table).copied().unwrap_or_default()
    }

    /// Returns the tables that a model's select reads, and those beneath the views among them.
    pub(super) fn reads(&self, model: &Model) -> BTreeSet<Table> {
        self.beneath.reads(model, self.names)
    }

    /// Returns the tables of the star that a model needs, and those beneath the views among them.
    pub(super) fn needs(&self, model: &Model) -> BTreeSet<String> {
        self.beneath.needs(model, self.names)
    }

    /// Returns true if facts make members of this dimension.
    pub(super) fn infers(&self, model: &Model) -> bool {
        self.inferring.contains(&model.name)
    }

    /// Returns the references of facts to dimensions whose members facts may make.
    pub(super) fn references_to_inferred(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        for fact in self.models {
            for (column, used) in fact.dimensions().into_iter().flatten() {
                if self.inferring.contains(used.dimension()) {
                    let (key, dimension) = (used.key_column(column), used.dimension().to_owned());
                    references.push(Reference { fact: fact.name.clone(), key, dimension, missing: used.missing() });
                }
            }
        }
        references
    }

    /// Returns a hash of the header, the select and the columns, and a dimension's basis behind it.
    pub(super) fn definition(&self, model: &Model, rows: Option<&Rows>) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(format!("{:?} {:?}", model.header, self.infers(model)).as_bytes());
        if let Some(rows) = rows {
            hash.update(rows.all.as_bytes());
            hash.update(format!("{:?}", rows.source.columns()).as_bytes());
            hash.update(rows.select.empty_words().as_bytes());
            if rows.has_decimal_grain(model) {
                hash.update(b"grain by value");
            }
        }
        let hash = hash.finalize().to_hex()[..32].to_owned();
        format!("{hash} {}", basis(model)).trim_end().to_owned()
    }

    /// Refuses to lose data, unless it is allowed.
    pub(super) fn must_drop(&self, model: &Model, what: &str) -> Result<(), ModelError> {
        if self.options.allow_drop {
            return Ok(());
        }
        Err(model.error(format!("{what}: app --pipeline --allow-drop lets it go, with its values")))
    }
}

/// Returns the loads that came and went since these tables were built. One that has seen all loads has no news.
async fn news<'s>(
    workspace: &Workspace,
    loaded: &LoadSet,
    states: impl Iterator<Item = &'s TableState>,
    transaction: &mut dyn Transaction,
) -> Result<Vec<News>, RunError> {
    let mut found: Vec<News> = Vec::new();
    for seen in states.map(|state| &state.seen) {
        if found.iter().any(|news| news.seen == *seen) {
            continue;
        }
        let new = workspace.catalog.datasets_of(transaction, &loaded.without(seen)).await?;
        let gone = workspace.catalog.datasets_of(transaction, &seen.without(loaded)).await?;
        found.push(News { seen: seen.clone(), new, gone });
    }
    Ok(found)
}

/// Returns the views of the star; one without a file goes at the end of the run.
fn views_of_star(options: &Options, models: &[Model], states: &BTreeMap<String, TableState>) -> Vec<Table> {
    let views = models.iter().filter(|model| model.header.kind == Kind::View).map(|view| &view.name);
    let is_undeclared = |state: &&TableState| state.kind == "view" && options.allow_drop;
    let undeclared = states.values().filter(is_undeclared).map(|state| &state.name);
    views.chain(undeclared).map(|name| Table::datawarehouse(name)).collect()
}
