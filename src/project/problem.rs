//! The problems in files of `sql/`, by file and line.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ModelError;

/// A problem in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The path of the file.
    pub file: PathBuf,
    /// The line, from 1, if the problem is in one.
    pub line: Option<u64>,
    /// The column, from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// The reason, and the likely intention.
    pub why: String,
}

impl Problem {
    pub(crate) fn at(file: &Path, line: Option<u64>, why: String) -> Problem {
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

/// The problems in several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts problems by file and line.
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
