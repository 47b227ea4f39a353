//! Which input goes into which table, and how it is read and shaped on the way.

use serde::Deserialize;

use crate::format::Stated;
use crate::schema::{Filter, table_name};

/// One staging table and what feeds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    /// The staging table, without its schema.
    pub table: String,
    /// What is known of how its files are written, and which columns are taken.
    pub stated: Stated,
    /// Which rows are kept.
    pub filter: Option<Filter>,
    /// What happens to the rows of earlier loads.
    pub mode: Mode,
    /// How many rejects a load may have.
    pub max_rejects: Option<Limit>,
}

/// What happens to the rows of earlier loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They stay.
    #[default]
    Append,
    /// They go: a file is the whole truth.
    Replace,
}

/// How many rejects a load may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// This many.
    Count(u64),
    /// This share of the rows read, in percent.
    Percent(f64),
}

impl Limit {
    /// Whether so many rejects are too many.
    pub fn is_exceeded(self, rejected: u64, read: u64) -> bool {
        match self {
            Limit::Count(most) => rejected > most,
            Limit::Percent(share) => rejected as f64 > read as f64 * share / 100.0,
        }
    }
}

impl Dataset {
    /// The dataset of a file that nobody has said anything about: a table named after it.
    pub fn of_file(name: &str) -> Dataset {
        Dataset { table: table_name(name), ..Dataset::default() }
    }
}
