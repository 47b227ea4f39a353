//! The queries of a build, and its refusals in words.

use std::collections::BTreeSet;

use super::RunError;
use super::build::Build;
use crate::project::{ModelError, key_column};
use crate::sql::{Table, TableColumn};
use crate::text::nearest;
use crate::warehouse::Row;

impl Build<'_> {
    /// Fails if the header names a column that the select lacks.
    pub(super) fn must_give(&self, columns: &[TableColumn], word: &str, names: &[&String]) -> Result<(), ModelError> {
        for name in names {
            if !columns.iter().any(|column| column.name == **name) {
                let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
                return Err(self.model.error_of_word(format!("{word}: the select gives no column {name}{hint}")));
            }
        }
        Ok(())
    }

    /// Fails if two columns of the table have one name.
    pub(super) fn must_differ(&self, columns: &[TableColumn], id: Option<&str>) -> Result<(), ModelError> {
        let names = columns.iter().map(|column| column.name.as_str()).chain(id);
        let mut taken = BTreeSet::new();
        for name in names {
            if !taken.insert(name) {
                return Err(self
                    .model
                    .error(format!("two columns would be called {name}: rename one, or give a role")));
            }
        }
        Ok(())
    }

    /// Returns the table's name in SQL.
    pub(super) fn shown(&self) -> String {
        self.plan.names.table(&Table::datawarehouse(&self.model.name))
    }

    /// Returns the name of the surrogate key of a dimension.
    pub(super) fn id(&self) -> String {
        key_column(&self.model.name)
    }

    pub(super) async fn existing(&mut self) -> Result<Vec<TableColumn>, ModelError> {
        self.session.existing(self.model).await
    }

    pub(super) async fn analyze(&mut self, table: &str) -> Result<(), RunError> {
        if let Some(analyze) = self.plan.names.engine.analyze(table) {
            self.execute(&analyze).await?;
        }
        Ok(())
    }

    pub(super) async fn all(&mut self, statements: impl IntoIterator<Item = String>) -> Result<u64, RunError> {
        self.session.all(self.model, statements).await
    }

    pub(super) async fn execute(&mut self, sql: &str) -> Result<u64, RunError> {
        self.session.execute(self.model, sql).await
    }

    pub(super) async fn query(&mut self, sql: &str) -> Result<Vec<Row>, RunError> {
        self.session.query(self.model, sql).await
    }

    pub(super) async fn count(&mut self, sql: &str) -> Result<u64, RunError> {
        self.session.count(self.model, sql).await
    }

    pub(super) async fn count_some(&mut self, sql: Option<String>) -> Result<u64, RunError> {
        match sql {
            Some(sql) => self.count(&sql).await,
            None => Ok(0),
        }
    }

    /// Returns the number of rows of the table.
    pub(super) async fn count_rows(&mut self) -> Result<u64, RunError> {
        let rows = format!("select count(*) from {}", self.shown());
        self.count(&rows).await
    }

    pub(super) async fn drop_temporary(&mut self, table: &str) -> Result<(), RunError> {
        self.execute(&format!("drop table {table}")).await.map(drop)
    }
}
