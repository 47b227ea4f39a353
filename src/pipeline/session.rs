//! The transaction of a run, which is lent to one build after the other, and the statements that ran in it.

use super::RunError;
use crate::project::{Model, ModelError};
use crate::sql::{Table, TableColumn};
use crate::warehouse::{Row, Transaction, WarehouseError};

/// A transaction with a list of its statements. An error names the file of the model whose statement it was.
pub(super) struct Session {
    pub(super) transaction: Box<dyn Transaction>,
    /// The statements that change tables, for people.
    pub(super) sql: Vec<String>,
    /// True if a key was too long for an index of PostgreSQL.
    pub(super) met_long_key: bool,
}

impl Session {
    pub(super) fn new(transaction: Box<dyn Transaction>) -> Session {
        Session { transaction, sql: Vec::new(), met_long_key: false }
    }

    /// Runs a statement; returns the number of rows it touched.
    pub(super) async fn execute(&mut self, model: &Model, sql: &str) -> Result<u64, RunError> {
        self.sql.push(sql.to_owned());
        let done = self.transaction.execute(sql, &[]).await;
        self.met_long_key |= matches!(done, Err(WarehouseError::TooLong(_)));
        Ok(done.map_err(|error| model.error(error.to_string()))?)
    }

    /// Runs statements; returns the number of rows that the last one touched.
    pub(super) async fn all(
        &mut self,
        model: &Model,
        statements: impl IntoIterator<Item = String>,
    ) -> Result<u64, RunError> {
        let mut touched = 0;
        for statement in statements {
            touched = self.execute(model, &statement).await?;
        }
        Ok(touched)
    }

    pub(super) async fn query(&mut self, model: &Model, sql: &str) -> Result<Vec<Row>, RunError> {
        let rows = self.transaction.query(sql, &[]).await;
        Ok(rows.map_err(|error| model.error(error.to_string()))?)
    }

    /// Returns the number that a query gives; 0 for none or NULL.
    pub(super) async fn count(&mut self, model: &Model, sql: &str) -> Result<u64, RunError> {
        let rows = self.query(model, sql).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        Ok(row.get::<Option<u64>>(0)?.unwrap_or(0))
    }

    /// Returns the columns of a model's table; none if there is no such table.
    pub(super) async fn existing(&mut self, model: &Model) -> Result<Vec<TableColumn>, ModelError> {
        let columns = self.transaction.columns(&Table::datawarehouse(&model.name)).await;
        columns.map_err(|error| model.error(error.to_string()))
    }
}
