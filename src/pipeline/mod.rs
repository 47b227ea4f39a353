//! Runs the star: every file of `sql/pipeline/`, in the order of their needs, in one transaction. Only the differences
//! are written, and tables are never swapped, so that views and readers stand.

mod basis;
mod books;
mod build;
mod checks;
mod delta;
mod differences;
mod dimension;
mod entering;
mod explode;
mod fact;
mod guard;
mod insert;
mod kept_types;
mod lacking;
mod long_keys;
mod members;
mod origin;
mod plan;
mod queries;
mod remembered;
mod renamed;
mod reshape;
mod rows;
mod run;
mod select;
mod session;
mod tables;
mod undeclared;
mod uniqueness;
mod view_deps;
mod views;
mod work;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::info;

use crate::catalog::{PART, PIPELINE, Workspace};
use crate::project::{Model, ModelError, Problems, in_order, sql_files};
use crate::sql_check::problems;
use crate::telemetry;
use crate::text::counted;
use crate::warehouse::WarehouseError;
pub use checks::Finding;
use run::{Stopped, attempt};
use view_deps::ViewDeps;
pub(crate) use views::given_by_views;

/// The number of altered columns that are named.
const ALTERED_SHOWN: usize = 5;

/// The options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tables, all of them when empty: `fact_orders`, with those it needs `+fact_orders`, with those that need it
    /// `fact_orders+`.
    pub select: Vec<String>,
    /// Compares every table whole, with or without news.
    pub full: bool,
    /// Drops columns and tables without a source, with their values.
    pub allow_drop: bool,
    /// Tables whose guard lets this run pass, whatever it takes.
    pub accept_guard: Vec<String>,
    /// Commits nothing.
    pub dry: bool,
}

impl Options {
    /// Kind of the run in the catalog.
    fn kind(&self) -> &'static str {
        if self.select.is_empty() { PIPELINE } else { PART }
    }
}

/// The changes of a run, done or planned.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The changes by table, in the order of the run.
    pub changes: Vec<TableChange>,
    /// The statements.
    pub sql: Vec<String>,
}

/// Formats a count with digits in threes: `4,812`.
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

/// The changes of one table in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table's name.
    pub table: String,
    /// dimension, fact, bridge, calendar, table or view.
    pub kind: &'static str,
    /// The way of the update, and the reason for it.
    pub how: String,
    /// The number of rows now, without the unknown member.
    pub rows: u64,
    /// The number of members now, without the unknown one, if they have versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// New rows: members, versions, facts.
    pub inserted: u64,
    /// Rows that were overwritten.
    pub updated: u64,
    /// Rows that were deleted.
    pub deleted: u64,
    /// New rows of a dimension that are another version of an existing member.
    pub new_versions: u64,
    /// The table's columns that were added, renamed, retyped or dropped, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<String>,
    /// Members whose last version ended.
    pub closed: u64,
    /// Overwritten rows of a fact that now point to another member.
    pub repointed: u64,
    /// Inferred members: for a fact, those that it made; for a dimension, those that it received.
    pub inferred: u64,
    /// Staged rows that are left out because a dimension does not know their values.
    pub rejected: u64,
    /// Staged rows that the select leaves out, where it is row by row and all of them were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<u64>,
    /// The number of rows with a value that is no member, for each such key of a fact.
    pub unknown: BTreeMap<String, u64>,
    /// The number of rows without a value, for each such key of a fact.
    pub nulls: BTreeMap<String, u64>,
    /// Failed checks of severity `warn`.
    pub warnings: Vec<Finding>,
}

impl TableChange {
    /// Returns the number of changed rows.
    pub fn changed(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }

    /// Returns true if rows or columns changed.
    pub fn is_change(&self) -> bool {
        self.changed() > 0 || !self.altered.is_empty()
    }

    /// Returns the number of new rows that are no further versions of members: new members, facts.
    pub fn new_rows(&self) -> u64 {
        self.inserted.saturating_sub(self.new_versions)
    }

    /// Adds the changes of another turn of the table.
    fn add(&mut self, again: TableChange) {
        self.inserted += again.inserted;
        self.updated += again.updated;
        self.deleted += again.deleted;
        self.altered.extend(again.altered);
        self.repointed += again.repointed;
        self.inferred += again.inferred;
        (self.rows, self.rejected) = (again.rows, again.rejected);
        (self.unknown, self.nulls) = (again.unknown, again.nulls);
        self.members = again.members.or(self.members);
        self.filtered = again.filtered.or(self.filtered);
    }

    /// Returns the remarks beside the numbers of new, changed and deleted rows.
    pub fn remarks(&self) -> String {
        // Versions are rows, so that the number of rows does not tell it.
        let members = self.members.filter(|members| *members != self.rows && self.changed() > 0).unwrap_or_default();
        let mut said: Vec<_> = [
            (self.new_versions, if self.new_versions == 1 { "new version" } else { "new versions" }),
            (self.closed, "closed"),
            (self.repointed, "re-pointed"),
            (self.inferred, "inferred"),
            (self.rejected, "rejected"),
            (self.filtered.unwrap_or_default(), "filtered"),
            (members, if members == 1 { "member" } else { "members" }),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(count)))
        .collect();
        said.extend(self.altered.iter().take(ALTERED_SHOWN).cloned());
        let others = self.altered.len().saturating_sub(ALTERED_SHOWN);
        said.extend((others > 0).then(|| format!("{others} more columns altered")));
        said.extend(self.nulls.iter().map(|(key, count)| format!("{} NULL {key}", grouped(*count))));
        said.extend(self.unknown.iter().map(|(key, count)| format!("{} unknown {key}", grouped(*count))));
        said.join(", ")
    }

    /// Formats the changes: `+12 new, 3 changed, 1 gone, 2 re-pointed (1 load new)`.
    pub fn words(&self) -> String {
        let counts = [(self.new_rows(), "+", "new"), (self.updated, "", "changed"), (self.deleted, "-", "gone")];
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

/// The errors of a run of the pipeline or of the analysis. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file is at fault.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Several files are at fault, or one is before the run.
    #[error("{0}")]
    Files(Problems),
    /// A table was asked for that no file declares: nothing was run.
    #[error("{0}")]
    Selection(String),
    /// There is nothing to run.
    #[error("{0}")]
    Nothing(String),
    /// The database's error, apart from any file.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// A result cannot be written; the views are there.
    #[error("{path}: {error}")]
    Export {
        /// The path.
        path: String,
        /// The system's error.
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
/// When a file cannot be read, a key or grain is not unique, a check finds something, or the database refuses: the star
/// stays as it was.
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
        Err(RunError::Selection(_)) => {}
        Err(error) => {
            // The run's own error matters more than a failure to record it.
            let _ = workspace.catalog.run_failed(options.kind(), started_at, error.to_string()).await;
        }
    }
    result
}

/// Reads the files and runs them; once more, with other indexes, if a key is too long for one.
async fn build(workspace: &Workspace, options: &Options, started_at: DateTime<Utc>) -> Result<Report, RunError> {
    let folder = workspace.sql.join("pipeline");
    // Faults of the files are reported below.
    let models = read_models(workspace);
    let select = |models: &Vec<Model>| select::selected(models, workspace.warehouse.names(), &options.select);
    let selected = models.as_ref().ok().map(select).transpose().map_err(RunError::Selection)?;
    if let Ok(models) = &models {
        guard::must_be_guards(models, &options.accept_guard).map_err(RunError::Selection)?;
    }
    must_be_right(workspace, |file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('.').next().unwrap_or_default();
        !file.starts_with(&folder) || selected.as_ref().is_some_and(|selected| !selected.contains(name))
    })
    .await?;
    let (models, selected) = (models?, selected.unwrap_or_default());
    let attempt = |with_long_keys| attempt(workspace, options, &models, &selected, started_at, with_long_keys);
    let mut done = attempt(false).await;
    if done.as_ref().is_err_and(|stopped| stopped.met_long_key) {
        done = attempt(true).await;
    }
    let Stopped { error, table, .. } = match done {
        Ok(report) => return Ok(report),
        Err(stopped) => stopped,
    };
    let cell = match models.iter().find(|model| Some(&model.name) == table.as_ref()) {
        Some(model) => explode::no_array(workspace, model).await,
        None => None,
    };
    Err(cell.map_or(error, RunError::from))
}

/// Reports all faults of the files of `app`, except those that `skip` names, before any of them runs.
///
/// # Errors
/// The faults, or the database's error that is no file's fault.
async fn must_be_right(workspace: &Workspace, skip: impl Fn(&Path) -> bool) -> Result<(), RunError> {
    match problems(&*workspace.warehouse, &workspace.sql, skip).await? {
        none if none.is_empty() => Ok(()),
        problems => Err(RunError::Files(Problems::new(problems))),
    }
}

/// Returns the files of the star, each after those that it needs.
///
/// # Errors
/// When there is none, or one is at fault.
pub fn read_models(workspace: &Workspace) -> Result<Vec<Model>, RunError> {
    let files = sql_files(&workspace.sql.join("pipeline"), workspace.warehouse.names().engine)?;
    let models = files.iter().map(Model::parse).collect::<Result<Vec<_>, _>>()?;
    Ok(in_order(models, workspace.warehouse.names())?)
}
