//! Runs the star: every file of `sql/pipeline/` in the order they need each other, in one transaction. Tables are changed
//! by what differs, never swapped, so that views and readers stand.

mod checks;
mod delta;
mod dimension;
mod explode;
mod fact;
mod insert;
mod members;
mod origin;
mod queries;
mod remembered;
mod reshape;
mod rows;
mod select;
mod table;
mod uniqueness;
mod view_deps;
mod views;
mod work;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::info;

use crate::catalog::Workspace;
use crate::project::{Model, ModelError, Problems, in_order, sql_files};
use crate::sql::{Names, Schema, Select, Table, TableColumn};
use crate::sql_check::problems;
use crate::telemetry;
use crate::text::counted;
use crate::text::nearest;
use crate::warehouse::{Transaction, WarehouseError};
pub use checks::Finding;
use table::Run;
use view_deps::ViewDeps;
pub(crate) use views::{describe_views, given_by_views};

/// What a run is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tables, all of them when empty: `fact_orders`, with those it needs `+fact_orders`, with those that need it `fact_orders+`.
    pub select: Vec<String>,
    /// Compare every table whole, whatever is new.
    pub full: bool,
    /// Columns and tables that nothing gives any more go, with their values.
    pub allow_drop: bool,
    /// Nothing is committed.
    pub dry: bool,
}

/// What a run did, or would do.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// For each table, in the order in which they were built.
    pub changes: Vec<TableChange>,
    /// The statements.
    pub sql: Vec<String>,
}

/// Digits in threes: `4,812`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a run did to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// dimension, fact, bridge, calendar, table or view.
    pub kind: &'static str,
    /// How it was brought up to date, and why so.
    pub how: String,
    /// Rows it has now, the unknown member not counted.
    pub rows: u64,
    /// Rows that are new: members, versions, facts.
    pub inserted: u64,
    /// Rows that were overwritten.
    pub updated: u64,
    /// Rows that went.
    pub deleted: u64,
    /// Of the new rows of a dimension, those that are another version of a member that was there.
    pub new_versions: u64,
    /// Members whose last version ended.
    pub closed: u64,
    /// Of the rows of a fact that were overwritten, those that point to another member now.
    pub repointed: u64,
    /// Members that were made for facts that came before them: of a fact, those that it made; of a dimension, those that it got.
    pub inferred: u64,
    /// Staged rows that are left out because a dimension does not know their values.
    pub rejected: u64,
    /// Staged rows that the select does not take, where it is row by row and all of them were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<u64>,
    /// For each key of a fact, if any: the number of rows that have no member.
    pub unknown: BTreeMap<String, u64>,
    /// Checks that found something and let it pass.
    pub warnings: Vec<Finding>,
}

impl TableChange {
    /// Rows that are not as they were.
    pub fn changed(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }

    /// Takes in what was done to the table when it had its turn again.
    fn add(&mut self, again: TableChange) {
        self.inserted += again.inserted;
        self.updated += again.updated;
        self.deleted += again.deleted;
        self.repointed += again.repointed;
        self.inferred += again.inferred;
        (self.rows, self.rejected, self.unknown) = (again.rows, again.rejected, again.unknown);
        self.filtered = again.filtered.or(self.filtered);
    }

    /// What there is to say besides how many rows are new, changed and gone.
    pub fn remarks(&self) -> String {
        let mut said: Vec<_> = [
            (self.new_versions, if self.new_versions == 1 { "new version" } else { "new versions" }),
            (self.closed, "closed"),
            (self.repointed, "re-pointed"),
            (self.inferred, "inferred"),
            (self.rejected, "rejected"),
            (self.filtered.unwrap_or_default(), "filtered"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(count)))
        .collect();
        said.extend(self.unknown.iter().map(|(key, count)| format!("{} unknown {key}", grouped(*count))));
        said.join(", ")
    }

    /// In words: `+12 new, 3 changed, 1 gone, 2 re-pointed (1 load new)`.
    pub fn words(&self) -> String {
        let counts = [(self.inserted, "+", "new"), (self.updated, "", "changed"), (self.deleted, "-", "gone")];
        let mut said: Vec<_> = counts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, sign, what)| format!("{sign}{} {what}", grouped(count)))
            .collect();
        said.extend(Some(self.remarks()).filter(|remarks| !remarks.is_empty()));
        if said.is_empty() {
            said.push("no change".to_owned());
        }
        format!("{} ({})", said.join(", "), self.how)
    }
}

/// Why a run of the pipeline or of the analysis did not come to its end. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Several files, or one as it was looked at before anything ran.
    #[error("{0}")]
    Files(Problems),
    /// There is nothing to run.
    #[error("{0}")]
    Nothing(String),
    /// The database, apart from any file.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// A result cannot be written; the views are there.
    #[error("{path}: {error}")]
    Export {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Brings the whole star up to date and commits it whole.
///
/// # Errors
/// As [`run_with`].
pub async fn run(workspace: &Workspace) -> Result<Vec<TableChange>, RunError> {
    Ok(run_with(workspace, &Options::default()).await?.changes)
}

/// Brings the star up to date and commits it whole, unless it is a dry run.
///
/// # Errors
/// When a file cannot be read, a key or grain is not unique, a check finds something, or the database refuses: the star stays as it was.
pub async fn run_with(workspace: &Workspace, options: &Options) -> Result<Report, RunError> {
    let (started, started_at) = (Instant::now(), chrono::Utc::now());
    let result = build(workspace, options, started_at).await;
    match &result {
        Ok(_) if options.dry => {}
        Ok(report) => {
            let changed: u64 = report.changes.iter().map(TableChange::changed).sum();
            let (tables, took_ms) = (report.changes.len(), started.elapsed().as_millis() as u64);
            let (tables_said, changes) = (counted(tables as u64, "table"), counted(changed, "change"));
            let sentence = format!("pipeline done: {changes} in {tables_said} ({})", telemetry::took(took_ms));
            info!(sentence, tables, changes = changed, took_ms, "pipeline done");
        }
        Err(_) if options.dry => {}
        Err(error) => {
            // The run's own error is what matters; a database that is away cannot keep it.
            let _ = workspace.catalog.run_failed("pipeline", started_at, error.to_string()).await;
        }
    }
    result
}

async fn build(workspace: &Workspace, options: &Options, started_at: DateTime<Utc>) -> Result<Report, RunError> {
    let folder = workspace.sql.join("pipeline");
    // All that is wrong is said below.
    let models = read_models(workspace);
    let select = |models: &Vec<Model>| select::selected(models, workspace.warehouse.names(), &options.select);
    let selected = models.as_ref().ok().map(select).transpose().map_err(RunError::Nothing)?;
    must_be_right(workspace, |file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('.').next().unwrap_or_default();
        !file.starts_with(&folder) || selected.as_ref().is_some_and(|selected| !selected.contains(name))
    })
    .await?;
    let (models, selected) = (models?, selected.unwrap_or_default());
    let mut run = Run::begin(workspace, options, &models, started_at).await?;
    let (selected, others): (Vec<_>, Vec<_>) = models.iter().partition(|model| selected.contains(&model.name));
    for model in others {
        run.learn(model).await?;
    }
    if let Err(error) = run.tables(&selected).await {
        let turn = std::mem::take(&mut run.turn);
        drop(run);
        let model = models.iter().find(|model| model.name == turn);
        let cell = match model {
            Some(model) => explode::no_array(workspace, model).await,
            None => None,
        };
        return Err(cell.map_or(error, RunError::from));
    }
    run.settle(&selected).await?;
    while run.forget_inferred(&models).await? {
        run.settle(&selected).await?;
    }
    run.must_not_dangle(&models).await?;
    run.check(&models).await?;
    run.drop_undeclared(&models).await?;
    run.publish(options.dry).await
}

/// Says everything that is wrong with the files of `app` but those that `skip` names, before any is run.
///
/// # Errors
/// What is wrong, or what the database says that is no file's fault.
async fn must_be_right(workspace: &Workspace, skip: impl Fn(&Path) -> bool) -> Result<(), RunError> {
    match problems(&*workspace.warehouse, &workspace.sql, skip).await? {
        none if none.is_empty() => Ok(()),
        problems => Err(RunError::Files(Problems::new(problems))),
    }
}

/// The files of the star, in the order in which their tables need each other.
///
/// # Errors
/// When there is none, or one is wrong.
pub fn read_models(workspace: &Workspace) -> Result<Vec<Model>, RunError> {
    let files = sql_files(&workspace.sql.join("pipeline"), workspace.warehouse.names().engine)?;
    let models = files.iter().map(Model::parse).collect::<Result<Vec<_>, _>>()?;
    Ok(in_order(models, workspace.warehouse.names())?)
}

/// The columns of every table that a select reads.
///
/// # Errors
/// In words, where a table of staging is not there; whatever else is missing the database names itself.
pub(crate) async fn columns_read(
    transaction: &mut dyn Transaction,
    names: &Names,
    select: &Select,
) -> Result<HashMap<Table, Vec<TableColumn>>, String> {
    let mut found = HashMap::new();
    for table in select.tables(names) {
        let columns = transaction.columns(&table).await.map_err(|error| error.to_string())?;
        if columns.is_empty() && table.schema == Schema::Staging {
            let datasets = names.table(&Table { schema: Schema::Catalog, name: "dataset".to_owned() });
            let known = transaction.query(&format!("select name from {datasets}"), &[]).await.unwrap_or_default();
            let known: Vec<String> = known.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
            let hint = nearest(&table.name, known.iter().map(String::as_str));
            return Err(format!("there is no table {}: no file has been loaded into it{hint}", names.shown(&table)));
        }
        if columns.is_empty() && table.schema == Schema::Datawarehouse {
            let shown = names.shown(&table);
            return Err(format!("there is no table {shown}: app --pipeline makes what sql/pipeline has a file for"));
        }
        found.insert(table, columns);
    }
    Ok(found)
}
