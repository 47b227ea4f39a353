//! Runs the questions: every file of `sql/analysis/` becomes a view, and its result goes to `exports/`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use tracing::info;

use crate::app::App;
use crate::export::{Export, Target, write};
use crate::pipeline::{RunError, columns_read, sql_files};
use crate::star::{ModelError, names_in_order, read_sql_file};
use crate::warehouse::{Names, Output, Row, Schema, Scope, Select, Table, as_written, described};

/// Rows of each result that are shown.
pub const SHOWN: usize = 10;

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
    /// The file with all of them.
    pub path: PathBuf,
}

/// Makes the views in one transaction, then reads and exports each.
///
/// # Errors
/// When a file is wrong, the database refuses, or a result cannot be written. The views stay as they were unless the
/// results are what failed.
pub async fn run(app: &App) -> Result<Vec<Answer>, RunError> {
    let started_at = chrono::Utc::now();
    let result = answer(app, started_at).await;
    if let Err(error) = &result {
        // The run's own error is what matters; a database that is away cannot keep it.
        let _ = app.ledger.run_failed("analysis", started_at, error.to_string()).await;
    }
    result
}

async fn answer(app: &App, started_at: chrono::DateTime<chrono::Utc>) -> Result<Vec<Answer>, RunError> {
    let names = app.warehouse.names();
    let files = sql_files(&app.sql.join("analysis")).map_err(RunError::Nothing)?;
    let mut questions = BTreeMap::new();
    for (path, text) in &files {
        let (name, select) = read_sql_file(path, text)?;
        if app.sql.join("pipeline").join(format!("{name}.sql")).is_file() {
            let why = format!("sql/pipeline has a table of that name, {name}: rename the file");
            return Err(ModelError { path: path.clone(), why }.into());
        }
        questions.insert(name, (path.clone(), select));
    }

    let mut transaction = app.warehouse.begin(Scope::Star).await?;
    // What the views give: SQLite does not know the types of a view's computed columns.
    let mut given: BTreeMap<String, Vec<Output>> = BTreeMap::new();
    for name in in_order(names, &questions)? {
        let (path, select) = &questions[&name];
        let error = |why: String| ModelError { path: path.clone(), why };
        let mut columns = columns_read(&mut *transaction, names, select).await.map_err(error)?;
        for (table, columns) in &mut columns {
            if table.schema == Schema::Datawarehouse
                && let Some(outputs) = given.get(&table.name)
            {
                *columns = described(std::mem::take(columns), outputs);
            }
        }
        let sql = select.sql(names, &columns).map_err(|why| error(why.in_file(path)))?;
        let done = transaction.replace_view(&Table::datawarehouse(&name), &sql).await;
        done.map_err(|refused| error(refused.to_string()))?;
        given.insert(name, select.outputs(names, &columns));
    }
    let views = serde_json::to_string(&questions.keys().collect::<Vec<_>>()).unwrap_or_default();
    app.ledger.run_done(&mut *transaction, "analysis", started_at, views).await?;
    transaction.commit().await?;

    let mut answers = Vec::with_capacity(questions.len());
    for (name, (path, _)) in &questions {
        let mut first = Vec::new();
        let outputs = given.get(name).map(Vec::as_slice).unwrap_or_default();
        let sql = as_written(names, &names.table(&Table::datawarehouse(name)), outputs);
        let to = app.exports.join(format!("{name}.csv"));
        let done = write(&*app.warehouse, &sql, None, &Target::Csv, &to, |row| {
            if first.len() < SHOWN {
                first.push(row.clone());
            }
        })
        .await;
        let Export { columns, rows } = done.map_err(|error| match error {
            crate::export::ExportError::Warehouse(error) => {
                ModelError { path: path.clone(), why: error.to_string() }.into()
            }
            crate::export::ExportError::File(error) => RunError::Export { path: to.display().to_string(), error },
        })?;
        info!(view = names.shown(&Table::datawarehouse(name)), rows, export = %to.display(), "analysis done");
        answers.push(Answer { view: name.clone(), columns, first, rows, path: to });
    }
    Ok(answers)
}

/// The questions, each after those it reads.
fn in_order(names: &Names, questions: &BTreeMap<String, (PathBuf, Select)>) -> Result<Vec<String>, ModelError> {
    let reads = |select: &Select| {
        let tables = select.tables(names).into_iter();
        tables.filter(|table| table.schema == Schema::Datawarehouse).map(|table| table.name).collect()
    };
    let needs = questions.iter().map(|(name, (_, select))| (name.clone(), reads(select))).collect();
    names_in_order(needs).map_err(|circle| ModelError {
        path: questions[&circle[0]].0.clone(),
        why: format!("the views need each other in a circle: {}", circle.join(" -> ")),
    })
}
