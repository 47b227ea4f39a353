//! Looks at the files of `sql/` without running them: what their headers say, what their selects read and give, and whether that goes together.
//! Tables that are not built yet are stood in for by empty ones with the columns that their files would give them; nothing is kept.

mod columns;
mod files;
mod given;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::app::App;
use crate::pipeline::RunError;
use crate::sql::Names;
use crate::star::ModelError;
use crate::warehouse::{Scope, WarehouseError};
use columns::Star;
pub use files::Files;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where it is one's.
    pub line: Option<u64>,
    /// The column, from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong, and what was perhaps meant.
    pub why: String,
}

impl Problem {
    fn at(file: &Path, line: Option<u64>, why: String) -> Problem {
        Problem { file: file.to_owned(), line, column: None, why }
    }
}

impl From<ModelError> for Problem {
    fn from(ModelError { path, line, column, why }: ModelError) -> Problem {
        Problem { file: path, line, column, why }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Problem { file, line, column, why } = self;
        let column = column.map_or_else(String::new, |column| format!(":{column}"));
        write!(formatter, "{}:{}{column}: {why}", crate::text::shown::path(file), line.unwrap_or(1))
    }
}

/// What is wrong with several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// These, by file and line.
    pub(crate) fn new(problems: impl IntoIterator<Item = Problem>) -> Problems {
        let mut problems: Vec<_> = problems.into_iter().collect();
        problems.sort();
        Problems(problems)
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let [one] = self.0.as_slice() {
            return one.fmt(formatter);
        }
        write!(formatter, "{} errors:", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(formatter, "\n{problem}"))
    }
}

/// Everything that is wrong with the files, by file and line; what the database has to be asked for is asked of `app`, where there is one.
///
/// # Errors
/// What the database says that is no file's fault.
pub async fn check(files: &Files, names: &Names, app: Option<&App>) -> Result<Vec<Problem>, WarehouseError> {
    let mut problems = files.problems.clone();
    let ordered = files.in_order(names, &mut problems);
    if let Some(app) = app {
        // Dropped at the end, and with it every table that stood in for another.
        let mut transaction = app.warehouse.begin(Scope::Load).await?;
        let mut star = Star::new(files, &ordered, names, &mut *transaction, &mut problems);
        for one in ordered {
            star.look_at(one).await?;
        }
        for (path, select) in &files.headless {
            star.select(path, select).await?;
        }
    }
    problems.retain(|problem| !files.skipped.contains(&problem.file));
    problems.sort();
    problems.dedup();
    Ok(problems)
}

/// Says everything that is wrong with the files of `app` but those that `skip` names, before any is run.
///
/// # Errors
/// What is wrong, or what the database says that is no file's fault.
pub(crate) async fn must_be_right(app: &App, skip: impl Fn(&Path) -> bool) -> Result<(), RunError> {
    match problems(app, skip).await? {
        none if none.is_empty() => Ok(()),
        problems => Err(RunError::Files(Problems::new(problems))),
    }
}

/// Everything that is wrong with the files of `app` but those that `skip` names.
///
/// # Errors
/// What the database says that is no file's fault.
pub(crate) async fn problems(app: &App, skip: impl Fn(&Path) -> bool) -> Result<Vec<Problem>, WarehouseError> {
    let names = app.warehouse.names();
    let Ok(files) = Files::read(&app.sql, names.engine) else { return Ok(Vec::new()) };
    check(&files.without(skip), names, Some(app)).await
}
