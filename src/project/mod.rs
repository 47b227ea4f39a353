//! The declared files of `sql/`: where they lie, what their headers say, which tables and questions they declare, in which order those need each other.
//! Nothing is asked of a database.

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
pub(crate) use header::{Checks, Scalar, VOCABULARY, kinds_with};
pub(crate) use lines::Lines;
pub use model::{Model, ModelError, SqlFile, check_dimension, in_order};
pub use order::in_order as names_in_order;
pub(crate) use paths::{own_views, sql_file, sql_files, sql_paths};
pub use problem::{Problem, Problems};
pub use question::{Chart, ChartKind, QuestionHeader};
pub(crate) use question::{VOCABULARY as QUESTION_VOCABULARY, in_plain};

/// The surrogate key's column of a dimension.
pub fn key_column(dimension: &str) -> String {
    format!("{dimension}_key")
}
