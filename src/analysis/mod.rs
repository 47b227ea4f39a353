//! Runs the questions: every file of `sql/analysis/` becomes a view, its result goes to `exports/`, and all of them to
//! one page.

mod chart;
mod gone;
mod kept;
mod lineage;
mod number;
mod page;
mod questions;
mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::info;

use crate::catalog::Workspace;
use crate::export::{Export, ExportError, Query, write, write_whole};
use crate::pipeline::RunError;
use crate::project::Model;
use crate::project::sql_files;
use crate::sql::Table;
use crate::sql_check::problems;
use crate::warehouse::Row;

use chart::Plot;
pub(crate) use gone::delete_exports;
use kept::{Kept, Places};
use lineage::Definitions;
use page::{Page, Source};
use questions::{Failures, Question, Questions, fail};

/// The number of rows of a result that are shown.
pub const SHOWN: usize = 10;

/// The page with all answers, in `exports/`.
pub const PAGE: &str = "index.html";

/// The number of loads of a dataset that the page names.
const NAMED_LOADS: u64 = 20;

/// The result of one question.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The view's name.
    pub view: String,
    /// The columns of the result.
    pub columns: Vec<String>,
    /// The first rows, at most [`SHOWN`].
    pub first: Vec<Row>,
    /// The number of all rows.
    pub rows: u64,
    /// The file with all rows; the first one if the header asks for several.
    pub path: PathBuf,
}

/// A question that was not answered.
#[derive(Debug)]
pub struct Failure {
    /// The title.
    pub title: String,
    /// The description in the header, if it can be read.
    pub description: Option<String>,
    /// The error, with the file and, if it is in one, the line.
    pub error: RunError,
}

/// The outcome of all questions.
#[derive(Debug)]
pub struct Answers {
    /// The answers.
    pub answers: Vec<Answer>,
    /// The failures, by the names of their views.
    pub failures: BTreeMap<String, Failure>,
}

/// Answers every question, or fails; see [`answer_all`].
///
/// # Errors
/// The error of the first question without an answer.
pub async fn run(workspace: &Workspace) -> Result<Vec<Answer>, RunError> {
    let Answers { answers, failures } = answer_all(workspace).await?;
    match failures.into_values().next() {
        Some(failure) => Err(failure.error),
        None => Ok(answers),
    }
}

/// Makes the views in one transaction, then reads and exports each, and writes the page. A question that fails is on
/// the page with its error, and holds up none but those that read it; its view and its files stay as they were.
///
/// # Errors
/// When there is none, the database does not answer, or the page cannot be written.
pub async fn answer_all(workspace: &Workspace) -> Result<Answers, RunError> {
    let started_at = Utc::now();
    let result = answer(workspace, started_at).await;
    let error = match &result {
        Ok(answers) => joined(&answers.failures),
        Err(error) => Some(error.to_string()),
    };
    if let Some(error) = error {
        // The run's own error matters more than a failure to record it.
        let _ = workspace.catalog.run_failed("analysis", started_at, error).await;
    }
    result
}

fn joined(failures: &Failures) -> Option<String> {
    let all: Vec<_> = failures.values().map(|failure| failure.error.to_string()).collect();
    Some(all.join("\n")).filter(|text| !text.is_empty())
}

async fn answer(workspace: &Workspace, started_at: DateTime<Utc>) -> Result<Answers, RunError> {
    let folder = workspace.sql.join("analysis");
    let problems = problems(&*workspace.warehouse, &workspace.sql, |file| !file.starts_with(&folder)).await?;
    let read = questions::read(workspace, &problems);
    if read.is_err() {
        gone::forget(workspace).await?;
    }
    let (mut questions, mut failures) = read?;
    views::make(workspace, &mut questions, &mut failures, started_at).await?;
    gone::forget(workspace).await?;
    let sources = definitions(workspace, &questions);
    let (mut answers, mut sections) = (Vec::with_capacity(questions.len()), BTreeMap::new());
    for name in questions.keys().cloned().collect::<Vec<_>>() {
        let question = &questions[&name];
        let (answer, section) = match export(workspace, &name, question).await {
            Ok(done) => done,
            Err(RunError::Warehouse(error)) => return Err(error.into()),
            Err(error) => {
                fail(&mut questions, &mut failures, &name, error);
                continue;
            }
        };
        info!(
            view = workspace.warehouse.names().shown(&Table::datawarehouse(&name)),
            rows = answer.rows,
            export = %answer.path.display(),
            "analysis done"
        );
        answers.push(answer);
        sections.insert(name, with_sources(workspace, section, question, &sources).await?);
    }
    sections.extend(failures.iter().map(|(name, failure)| (name.clone(), page::Question::failed(name, failure))));
    write_page(workspace, sections.into_values().collect()).await?;
    Ok(Answers { answers, failures })
}

/// Writes a question's files; returns the printed answer and the page's part.
async fn export(workspace: &Workspace, name: &str, question: &Question) -> Result<(Answer, page::Question), RunError> {
    let header = &question.header;
    let given: Vec<_> = question.columns.iter().map(|column| column.name.as_str()).collect();
    let mut kept = Kept::new(header.chart.as_ref().and_then(|chart| Places::of(chart, &given)));
    let query =
        Query::of(workspace.warehouse.names(), &Table::datawarehouse(name), &question.columns, &question.outputs);
    let file = |format: &crate::export::Format| workspace.exports.join(format!("{name}.{}", format.ending()));
    let files: Vec<_> = header.exports.iter().map(|format| (*format, file(format))).collect();
    let mut first = Vec::new();
    let done = write(&*workspace.warehouse, &query, &files, |row| {
        if first.len() < SHOWN {
            first.push(row.clone());
        }
        kept.see(row);
    })
    .await;
    let Export { fields, rows } = done.map_err(|error| match error {
        ExportError::Warehouse(error) if error.is_transient() => error.into(),
        ExportError::Warehouse(error) => question.error_of_select(error.to_string()).into(),
        ExportError::File { path, error } => RunError::Export { path, error },
    })?;
    let answer = Answer {
        view: name.to_owned(),
        columns: fields.iter().map(|field| field.name.clone()).collect(),
        first,
        rows,
        path: files.first().map(|(_, path)| path.clone()).unwrap_or_default(),
    };
    let section = page::Question {
        name: name.to_owned(),
        title: header.title.clone(),
        description: header.description.clone(),
        chart: kept.places().map(|places| Plot::of(places, &fields, &kept)),
        fields,
        first: kept.first,
        rows,
        exports: header.exports.clone(),
        ..page::Question::default()
    };
    Ok((answer, section))
}

/// Returns the tables behind the views and the tables of the star.
fn definitions(workspace: &Workspace, questions: &Questions) -> (Definitions, Definitions) {
    let names = workspace.warehouse.names();
    let views = questions.iter().map(|(name, question)| (name.clone(), question.select.tables(names))).collect();
    // A file of the pipeline that cannot be read is the pipeline's error, not a question's.
    let files = sql_files(&workspace.sql.join("pipeline"), names.engine).unwrap_or_default();
    let models = files.iter().filter_map(|file| Model::parse(file).ok());
    (views, models.map(|model| (model.name.clone(), model.reads(names))).collect())
}

async fn with_sources(
    workspace: &Workspace,
    mut section: page::Question,
    question: &Question,
    (views, models): &(Definitions, Definitions),
) -> Result<page::Question, RunError> {
    let names = workspace.warehouse.names();
    let lineage = lineage::of(&question.select.tables(names), views, models);
    for (dataset, direct) in lineage.datasets {
        let loads = workspace.catalog.freshness(&dataset, NAMED_LOADS).await?;
        section.sources.push(Source { table: names.shown(&Table::staging(&dataset)), loads, direct });
    }
    section.others = lineage.others.iter().map(|table| names.shown(table)).collect();
    Ok(section)
}

async fn write_page(workspace: &Workspace, questions: Vec<page::Question>) -> Result<(), RunError> {
    let last = workspace.catalog.last_pipeline().await?;
    let page = Page {
        made: Utc::now(),
        built: workspace.catalog.last_build().await?,
        failed: last.filter(|last| last.failed).map(|last| last.finished),
        questions,
    };
    let path = workspace.exports.join(PAGE);
    write_whole(&path, &page.html()).map_err(|error| RunError::Export { path: path.display().to_string(), error })
}
