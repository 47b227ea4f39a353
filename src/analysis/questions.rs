//! The files of `sql/analysis/`, each read by itself: one that is wrong leaves the others alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Failure;
use super::header::{Header, in_plain};
use crate::app::App;
use crate::pipeline::{RunError, sql_files};
use crate::star::{Lines, ModelError, SqlFile, named_in, names_in_order};
use crate::warehouse::{Names, Output, Schema, Select, Table, TableColumn};

/// A file of `sql/analysis/`.
pub(super) struct Question {
    file: SqlFile,
    pub(super) header: Header,
    pub(super) select: Select,
    /// The view's columns, when it is made.
    pub(super) columns: Vec<TableColumn>,
    /// The same with their types, also where SQLite does not know them.
    pub(super) outputs: Vec<Output>,
}

impl Question {
    /// The file's text.
    pub(super) fn text(&self) -> &str {
        &self.file.text
    }

    /// The file that its select stands in, and its text.
    pub(super) fn of_select(&self) -> (&Path, &str) {
        match &self.file.own {
            Some((path, text)) => (path, text),
            None => (&self.file.path, &self.file.text),
        }
    }

    /// What is wrong with its header.
    pub(super) fn error(&self, why: impl Into<String>) -> ModelError {
        error_at(&self.file.path, why.into(), None)
    }

    /// What is wrong with its select.
    pub(super) fn error_of_select(&self, why: impl Into<String>) -> ModelError {
        let (path, text) = self.of_select();
        error_at(path, why.into(), Lines::of(text).of_the_select())
    }
}

/// The error with the line that it names, or else with this one.
fn error_at(path: &Path, why: String, line: Option<u64>) -> ModelError {
    ModelError { path: path.to_owned(), line: named_in(&why).or(line), why }
}

/// The questions, by their names.
pub(super) type Questions = BTreeMap<String, Question>;
/// Those that cannot be answered, by their names.
pub(super) type Failures = BTreeMap<String, Failure>;

/// Every question that can be read; of the others, why not.
///
/// # Errors
/// When there is none.
pub(super) fn read(app: &App) -> Result<(Questions, Failures), RunError> {
    let (mut questions, mut failures) = (Questions::new(), Failures::new());
    for file in sql_files(&app.sql.join("analysis"), app.warehouse.names().engine).map_err(RunError::Nothing)? {
        let title = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match read_one(&app.sql.join("pipeline"), file) {
            Ok((name, question)) => drop(questions.insert(name, question)),
            Err(error) => {
                let failure = Failure { title: in_plain(&title), description: None, error: error.into() };
                failures.insert(title, failure);
            }
        }
    }
    Ok((questions, failures))
}

fn read_one(pipeline: &Path, file: SqlFile) -> Result<(String, Question), ModelError> {
    let (name, select) = file.read().map_err(|error| error_at(&error.path, error.why, error.line))?;
    if pipeline.join(format!("{name}.sql")).is_file() {
        let why = format!("sql/pipeline has a table of that name, {name}: rename the file");
        return Err(ModelError::of(&file.path, why));
    }
    let header = Header::parse(&name, &file.text).map_err(|why| error_at(&file.path, why, None))?;
    Ok((name, Question { file, header, select, columns: Vec::new(), outputs: Vec::new() }))
}

/// Takes a question out of those that can be answered.
pub(super) fn fail(questions: &mut Questions, failures: &mut Failures, name: &str, error: RunError) {
    if let Some(Question { header, .. }) = questions.remove(name) {
        failures.insert(name.to_owned(), Failure { title: header.title, description: header.description, error });
    }
}

/// The names of the questions, each after those it reads; those that need each other in a circle fail.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_named_is_the_errors() {
        let error = |why: &str| error_at(Path::new("v.sql"), why.to_owned(), Some(7)).to_string();
        assert_eq!(error("line 3, column 8: there is no column x"), "v.sql:3: line 3, column 8: there is no column x");
        assert_eq!(error("there is no table y"), "v.sql:7: there is no table y");
    }
}
