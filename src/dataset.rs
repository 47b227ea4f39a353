//! Which input goes into which table.

use crate::schema::table_name;

/// One staging table and what feeds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The staging table, without its schema.
    pub table: String,
}

impl Dataset {
    /// The dataset of a file that nobody has said anything about: a table named after it.
    pub fn of_file(name: &str) -> Dataset {
        Dataset { table: table_name(name) }
    }
}
