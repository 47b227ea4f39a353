//! The queries of a run, and its refusals in words.

use std::collections::BTreeSet;

use super::RunError;
use super::table::Run;
use crate::project::key_column;
use crate::project::{Model, ModelError};
use crate::sql::{Table, TableColumn};
use crate::text::nearest;
use crate::warehouse::{Row, WarehouseError};

impl Run<'_> {
    /// Fails if the header names a column that the select lacks.
    pub(super) fn must_give(
        model: &Model,
        columns: &[TableColumn],
        word: &str,
        names: &[&String],
    ) -> Result<(), ModelError> {
        for name in names {
            if !columns.iter().any(|column| column.name == **name) {
                let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
                return Err(model.error_of_word(format!("{word}: the select gives no column {name}{hint}")));
            }
        }
        Ok(())
    }

    /// Fails if two columns of the table have one name.
    pub(super) fn must_differ(model: &Model, columns: &[TableColumn], id: Option<&str>) -> Result<(), ModelError> {
        let names = columns.iter().map(|column| column.name.as_str()).chain(id);
        let mut taken = BTreeSet::new();
        for name in names {
            if !taken.insert(name) {
                return Err(model.error(format!("two columns would be called {name}: rename one, or give a role")));
            }
        }
        Ok(())
    }

    /// Returns the table's name in SQL.
    pub(super) fn shown(&self, model: &Model) -> String {
        self.plan.names.table(&Table::datawarehouse(&model.name))
    }

    pub(super) fn id(model: &Model) -> String {
        key_column(&model.name)
    }

    pub(super) async fn existing(&mut self, model: &Model) -> Result<Vec<TableColumn>, ModelError> {
        let columns = self.transaction.columns(&Table::datawarehouse(&model.name)).await;
        columns.map_err(|error| model.error(error.to_string()))
    }

    pub(super) async fn analyze(&mut self, model: &Model, table: &str) -> Result<(), RunError> {
        if let Some(analyze) = self.plan.names.engine.analyze(table) {
            self.execute(model, &analyze).await?;
        }
        Ok(())
    }

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

    pub(super) async fn execute(&mut self, model: &Model, sql: &str) -> Result<u64, RunError> {
        self.sql.push(sql.to_owned());
        let done = self.transaction.execute(sql, &[]).await;
        self.met_long_key |= matches!(done, Err(WarehouseError::TooLong(_)));
        Ok(done.map_err(|error| model.error(error.to_string()))?)
    }

    pub(super) async fn query(&mut self, model: &Model, sql: &str) -> Result<Vec<Row>, RunError> {
        let rows = self.transaction.query(sql, &[]).await;
        Ok(rows.map_err(|error| model.error(error.to_string()))?)
    }

    pub(super) async fn count(&mut self, model: &Model, sql: &str) -> Result<u64, RunError> {
        let rows = self.query(model, sql).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        Ok(row.get::<Option<u64>>(0)?.unwrap_or(0))
    }

    pub(super) async fn count_some(&mut self, model: &Model, sql: Option<String>) -> Result<u64, RunError> {
        match sql {
            Some(sql) => self.count(model, &sql).await,
            None => Ok(0),
        }
    }
}
