//! The files of `sql/analysis/`, each read by itself: a faulty one leaves the others alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Failure;
use crate::catalog::Workspace;
use crate::pipeline::RunError;
use crate::project::QuestionHeader;
use crate::project::in_plain;
use crate::project::{HeaderError, Lines, ModelError, SqlFile, names_in_order};
use crate::project::{Problem, Problems};
use crate::project::{sql_file, sql_paths};
use crate::sql::{Names, Output, Schema, Select, Table, TableColumn, overruled_by};

/// A file of `sql/analysis/`.
pub(super) struct Question {
    file: SqlFile,
    pub(super) header: QuestionHeader,
    pub(super) select: Select,
    /// The view's columns, once it is made.
    pub(super) columns: Vec<TableColumn>,
    /// The same columns with their types, also where SQLite does not know them.
    pub(super) outputs: Vec<Output>,
}

impl Question {
    /// Returns the file's text.
    pub(super) fn text(&self) -> &str {
        &self.file.text
    }

    /// Returns the path and the text of the file with its select.
    pub(super) fn of_select(&self) -> (&Path, &str) {
        match &self.file.own {
            Some((path, text)) => (path, text),
            None => (&self.file.path, &self.file.text),
        }
    }

    /// Makes an error of its header.
    pub(super) fn error_of_header(&self, HeaderError { line, why, .. }: HeaderError) -> ModelError {
        ModelError::at(&self.file.path, line, why)
    }

    /// Makes an error of its select.
    pub(super) fn error_of_select(&self, why: impl Into<String>) -> ModelError {
        let (path, text) = self.of_select();
        ModelError::at(path, Lines::of(text).of_the_select(), why)
    }
}

/// The questions, by their names.
pub(super) type Questions = BTreeMap<String, Question>;
/// The questions without an answer, by their names.
pub(super) type Failures = BTreeMap<String, Failure>;

/// Reads every question; those whose files have problems become failures.
///
/// # Errors
/// When there is no question.
pub(super) fn read(workspace: &Workspace, problems: &[Problem]) -> Result<(Questions, Failures), RunError> {
    let (mut questions, mut failures) = (Questions::new(), Failures::new());
    let engine = workspace.warehouse.names().engine;
    for path in sql_paths(&workspace.sql.join("analysis"), engine)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let files = [path.clone(), overruled_by(&path, engine)];
        let wrong: Vec<_> = problems.iter().filter(|problem| files.contains(&problem.file)).cloned().collect();
        let read = sql_file(path, engine).and_then(|file| read_one(&workspace.sql.join("pipeline"), file));
        let (title, description, error) = match read {
            Ok((name, question)) if wrong.is_empty() => {
                questions.insert(name, question);
                continue;
            }
            Ok((_, Question { header, .. })) => (header.title, header.description, None),
            Err(error) => (in_plain(&name), None, Some(error.into())),
        };
        let wrong = (!wrong.is_empty()).then(|| RunError::Files(Problems::new(wrong)));
        if let Some(error) = wrong.or(error) {
            failures.insert(name, Failure { title, description, error });
        }
    }
    Ok((questions, failures))
}

fn read_one(pipeline: &Path, file: SqlFile) -> Result<(String, Question), ModelError> {
    let (name, select) = file.read()?;
    if pipeline.join(format!("{name}.sql")).is_file() {
        let why = format!("sql/pipeline has a table of that name, {name}: rename the file");
        return Err(ModelError::of(&file.path, why));
    }
    let wrong = |HeaderError { line, why, .. }| ModelError::at(&file.path, line, why);
    let header = QuestionHeader::parse(&name, &file.text).map_err(wrong)?;
    Ok((name, Question { file, header, select, columns: Vec::new(), outputs: Vec::new() }))
}

/// Moves a question to the failures.
pub(super) fn fail(questions: &mut Questions, failures: &mut Failures, name: &str, error: RunError) {
    if let Some(Question { header, .. }) = questions.remove(name) {
        failures.insert(name.to_owned(), Failure { title: header.title, description: header.description, error });
    }
}

/// Returns the names of the questions, each after those that it reads; questions in a circle fail.
pub(super) fn in_order(names: &Names, questions: &mut Questions, failures: &mut Failures) -> Vec<String> {
    let reads = |select: &Select| -> BTreeSet<String> {
        let tables = select.tables(names).into_iter();
        tables.filter(|table| table.schema == Schema::Datawarehouse).map(|table: Table| table.name).collect()
    };
    loop {
        let needs = questions.iter().map(|(name, question)| (name.clone(), reads(&question.select))).collect();
        let circle = match names_in_order(needs) {
            Ok(ordered) => return ordered,
            Err(circle) => circle,
        };
        let why = format!("the views need each other in a circle: {}", circle.join(" -> "));
        for name in circle.iter().collect::<BTreeSet<_>>() {
            let error = questions[name].error_of_select(why.clone());
            fail(questions, failures, name, error.into());
        }
    }
}
