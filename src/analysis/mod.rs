//! Runs the questions: every file of `sql/analysis/` becomes a view, its result goes to `exports/`, and all of them to one page.

mod chart;
mod header;
mod kept;
mod lineage;
mod number;
mod page;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::info;

use crate::app::App;
use crate::export::{Export, ExportError, Query, write, write_whole};
use crate::pipeline::{RunError, columns_read, sql_files};
use crate::sql_check::must_be_right;
use crate::star::{HeaderError, ModelError, SqlFile, names_in_order};
use crate::warehouse::{Names, Output, Row, Schema, Scope, Select, Table, TableColumn, described};

use chart::Plot;
pub(crate) use header::Header;
use kept::{Kept, Places};
use lineage::Definitions;
use page::{Page, Source};

/// Rows of each result that are shown.
pub const SHOWN: usize = 10;

/// The page with all answers, in `exports/`.
pub const PAGE: &str = "index.html";

/// Loads of a dataset that the page names.
const NAMED_LOADS: u64 = 20;

/// The result of one question.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The view.
    pub view: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Its first rows, at most [`SHOWN`].
    pub first: Vec<Row>,
    /// Number of its rows.
    pub rows: u64,
    /// The file with all of them; the first one where the header asks for several.
    pub path: PathBuf,
}

/// A file of `sql/analysis/`.
struct Question {
    path: PathBuf,
    text: String,
    header: Header,
    select: Select,
    /// The view's columns, when it is made.
    columns: Vec<TableColumn>,
    /// The same with their types, also where SQLite does not know them.
    outputs: Vec<Output>,
}

impl Question {
    fn error(&self, why: impl Into<String>) -> ModelError {
        ModelError::of(&self.path, why)
    }
}

type Questions = BTreeMap<String, Question>;

/// Makes the views in one transaction, then reads and exports each, and writes the page.
///
/// # Errors
/// When a file is wrong, the database refuses, or a result cannot be written. The views stay as they were unless the
/// results are what failed.
pub async fn run(app: &App) -> Result<Vec<Answer>, RunError> {
    let started_at = Utc::now();
    let result = answer(app, started_at).await;
    if let Err(error) = &result {
        // The run's own error is what matters; a database that is away cannot keep it.
        let _ = app.ledger.run_failed("analysis", started_at, error.to_string()).await;
    }
    result
}

async fn answer(app: &App, started_at: DateTime<Utc>) -> Result<Vec<Answer>, RunError> {
    // All that is wrong is said below.
    let questions = read_questions(app);
    let folder = app.sql.join("analysis");
    must_be_right(app, |file| !file.starts_with(&folder)).await?;
    let mut questions = questions?;
    make_views(app, &mut questions, started_at).await?;
    let sources = definitions(app, &questions);
    let (mut answers, mut sections) = (Vec::with_capacity(questions.len()), Vec::with_capacity(questions.len()));
    for (name, question) in &questions {
        let (answer, section) = export(app, name, question).await?;
        info!(
            view = app.warehouse.names().shown(&Table::datawarehouse(name)),
            rows = answer.rows,
            export = %answer.path.display(),
            "analysis done"
        );
        answers.push(answer);
        sections.push(with_sources(app, section, question, &sources).await?);
    }
    write_page(app, sections).await?;
    Ok(answers)
}

fn read_questions(app: &App) -> Result<Questions, RunError> {
    let mut questions = BTreeMap::new();
    for file in sql_files(&app.sql.join("analysis"), app.warehouse.names().engine)? {
        let (name, select) = file.read()?;
        let SqlFile { path, text, .. } = file;
        let error = |why: String| ModelError::of(&path, why);
        if app.sql.join("pipeline").join(format!("{name}.sql")).is_file() {
            return Err(error(format!("sql/pipeline has a table of that name, {name}: rename the file")).into());
        }
        let wrong = |HeaderError { line, why, .. }| ModelError::at(&path, line, why);
        let header = Header::parse(&name, &text).map_err(wrong)?;
        questions.insert(name, Question { path, text, header, select, columns: Vec::new(), outputs: Vec::new() });
    }
    Ok(questions)
}

async fn make_views(app: &App, questions: &mut Questions, started_at: DateTime<Utc>) -> Result<(), RunError> {
    let names = app.warehouse.names();
    let mut transaction = app.warehouse.begin(Scope::Star).await?;
    // What the views give: SQLite does not know the types of a view's computed columns.
    let mut given: BTreeMap<String, Vec<Output>> = BTreeMap::new();
    for name in in_order(names, questions)? {
        let Some(question) = questions.get_mut(&name) else { continue };
        let view = Table::datawarehouse(&name);
        let columns = columns_read(&mut *transaction, names, &question.select).await;
        let mut columns = columns.map_err(|why| question.error(why))?;
        for (table, columns) in columns.iter_mut().filter(|(table, _)| table.schema == Schema::Datawarehouse) {
            if let Some(outputs) = given.get(&table.name) {
                *columns = described(std::mem::take(columns), outputs);
            }
        }
        let select = question.select.sql(names, &columns);
        let select = select.map_err(|error| ModelError::of_sql(&question.path, &error))?;
        let outputs = question.select.outputs(names, &columns);
        let repeat =
            outputs.iter().enumerate().find(|(at, one)| outputs[..*at].iter().any(|other| other.name == one.name));
        if let Some((_, repeat)) = repeat {
            return Err(question.error(format!("the select gives two columns the name {}", repeat.name)).into());
        }
        let done = transaction.replace_view(&view, &select).await;
        done.map_err(|refused| question.error(refused.to_string()))?;
        question.outputs = outputs;
        question.columns = described(transaction.columns(&view).await?, &question.outputs);
        given.insert(name, question.outputs.clone());
        let given: Vec<_> = question.columns.iter().map(|column| column.name.as_str()).collect();
        let wrong = |HeaderError { line, why, .. }| ModelError::at(&question.path, line, why);
        question.header.check(&given, &question.text).map_err(wrong)?;
    }
    let views = serde_json::to_string(&questions.keys().collect::<Vec<_>>()).unwrap_or_default();
    app.ledger.run_done(&mut *transaction, "analysis", started_at, views).await?;
    transaction.commit().await?;
    Ok(())
}

/// Writes a question's files; gives what is printed and what the page shows.
async fn export(app: &App, name: &str, question: &Question) -> Result<(Answer, page::Question), RunError> {
    let header = &question.header;
    let given: Vec<_> = question.columns.iter().map(|column| column.name.as_str()).collect();
    let mut kept = Kept::new(header.chart.as_ref().and_then(|chart| Places::of(chart, &given)));
    let query = Query::of(app.warehouse.names(), &Table::datawarehouse(name), &question.columns, &question.outputs);
    let file = |format: &crate::export::Format| app.exports.join(format!("{name}.{}", format.ending()));
    let files: Vec<_> = header.exports.iter().map(|format| (*format, file(format))).collect();
    let mut first = Vec::new();
    let done = write(&*app.warehouse, &query, &files, |row| {
        if first.len() < SHOWN {
            first.push(row.clone());
        }
        kept.see(row);
    })
    .await;
    let Export { fields, rows } = done.map_err(|error| match error {
        ExportError::Warehouse(error) => question.error(error.to_string()).into(),
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
        sources: Vec::new(),
        others: Vec::new(),
    };
    Ok((answer, section))
}

/// What the views and the tables of the star are made from.
fn definitions(app: &App, questions: &Questions) -> (Definitions, Definitions) {
    let names = app.warehouse.names();
    let views = questions.iter().map(|(name, question)| (name.clone(), question.select.tables(names))).collect();
    // A file of the pipeline that cannot be read is the pipeline's error, not that of a question.
    let files = sql_files(&app.sql.join("pipeline"), names.engine).unwrap_or_default();
    let models = files.iter().filter_map(|file| file.read().ok());
    (views, models.map(|(name, select)| (name, select.tables(names))).collect())
}

async fn with_sources(
    app: &App,
    mut section: page::Question,
    question: &Question,
    (views, models): &(Definitions, Definitions),
) -> Result<page::Question, RunError> {
    let names = app.warehouse.names();
    let lineage = lineage::of(&question.select.tables(names), views, models);
    for (dataset, direct) in lineage.datasets {
        let loads = app.ledger.freshness(&dataset, NAMED_LOADS).await?;
        section.sources.push(Source { table: names.shown(&Table::staging(&dataset)), loads, direct });
    }
    section.others = lineage.others.iter().map(|table| names.shown(table)).collect();
    Ok(section)
}

async fn write_page(app: &App, questions: Vec<page::Question>) -> Result<(), RunError> {
    let last = app.ledger.last_pipeline().await?;
    let page = Page {
        made: Utc::now(),
        built: app.ledger.last_build().await?,
        failed: last.filter(|last| last.failed).map(|last| last.finished),
        questions,
    };
    let path = app.exports.join(PAGE);
    write_whole(&path, &page.html()).map_err(|error| RunError::Export { path: path.display().to_string(), error })
}

/// The questions, each after those it reads.
fn in_order(names: &Names, questions: &Questions) -> Result<Vec<String>, ModelError> {
    let reads = |select: &Select| {
        let tables = select.tables(names).into_iter();
        tables.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect()
    };
    let needs = questions.iter().map(|(name, question)| (name.clone(), reads(&question.select))).collect();
    names_in_order(needs).map_err(|circle| {
        questions[&circle[0]].error(format!("the views need each other in a circle: {}", circle.join(" -> ")))
    })
}
