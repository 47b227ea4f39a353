//! The declared files of `sql/`: their folders, headers, tables, questions and the order of their needs. No database is
//! asked.

mod header;
mod lines;
mod model;
mod order;
mod paths;
mod problem;
mod question;

pub use header::{
    Calendar, Dimension, DimensionUse, Fact, Gone, Header, HeaderError, Kind, KindWord, Missing, Severity, Weight,
};
pub(crate) use header::{Checks, Guard, Scalar, VOCABULARY, kinds_with};
pub(crate) use lines::Lines;
pub use model::{Model, ModelError, SqlFile, check_dimension, in_order};
pub use order::in_order as names_in_order;
pub(crate) use paths::{first_step, has_sql, own_views, sql_file, sql_files, sql_paths};
pub use problem::{Problem, Problems};
pub use question::{Chart, ChartKind, QuestionHeader};
pub(crate) use question::{VOCABULARY as QUESTION_VOCABULARY, in_plain};

/// Returns the name of a dimension's surrogate key.
pub fn key_column(dimension: &str) -> String {
    format!("{dimension}_key")
}
