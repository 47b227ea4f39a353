//! The limits of an engine, told before anything runs.

use super::{DimensionSql, FactSql};
use crate::sql::{Engine, TableColumn};

/// Columns that a run puts beside those of a dimension: load, line, time, end and the like.
const BESIDE: usize = 6;

impl DimensionSql {
    /// Checks that the engine can hold the dimension.
    ///
    /// # Errors
    /// In words, if it cannot.
    pub fn fits_engine(&self) -> Result<(), String> {
        holds(self.engine(), &self.table_columns(), BESIDE)
    }
}

impl FactSql {
    /// Checks that the engine can hold the fact, and look up its members beside `read` tables of its select.
    ///
    /// # Errors
    /// In words, if it cannot.
    pub fn fits_engine(&self, read: usize) -> Result<(), String> {
        let (engine, roles) = (self.engine(), self.keys().count());
        if let Some(most) = engine.most_joined()
            && roles + read > most
        {
            return Err(format!(
                "dimensions: {roles} of them and {read} of the select are {} tables, and {} joins {most} at most: make two facts of it",
                roles + read,
                engine.name()
            ));
        }
        holds(engine, self.columns(), 2)
    }
}

fn holds(engine: Engine, columns: &[TableColumn], beside: usize) -> Result<(), String> {
    let most = engine.most_columns() - beside;
    if columns.len() > most {
        return Err(format!(
            "the table would have {} columns, and on {} it can have {most}: let the select give fewer",
            columns.len(),
            engine.name()
        ));
    }
    let is_long = |column: &&TableColumn| engine.longest_name().is_some_and(|most| column.name.len() > most);
    match columns.iter().find(is_long) {
        Some(TableColumn { name, .. }) => Err(format!(
            "the column {name} has a name of {} bytes, and {} takes {}: give it a shorter one with as, or a role",
            name.len(),
            engine.name(),
            engine.longest_name().unwrap_or_default()
        )),
        None => Ok(()),
    }
}
