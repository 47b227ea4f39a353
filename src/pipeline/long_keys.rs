//! A star whose keys are too long for an index of PostgreSQL. A run that meets one is made once more, with indexes that
//! leave such keys out; later runs find these indexes.

use super::RunError;
use super::build::Build;
use super::run::Run;
use crate::project::{Kind, Model};
use crate::sql::{Names, Schema, Table};
use crate::star::{DimensionSql, FactSql, count_partial};
use crate::warehouse::{Transaction, WarehouseError};

/// Finds out whether an earlier run has met a long key.
pub(super) async fn are_there(names: &Names, transaction: &mut dyn Transaction) -> Result<bool, WarehouseError> {
    let Some(schema) = names.schema_to_make(Schema::Datawarehouse) else { return Ok(false) };
    let found = transaction.query(&count_partial(schema), &[]).await?;
    Ok(found.first().and_then(|row| row.first()?.as_deref()).is_some_and(|count| count != "0"))
}

impl Run<'_> {
    /// Leaves long keys out of the indexes of the tables that are there.
    pub(super) async fn allow_long_keys(&mut self) -> Result<(), RunError> {
        let has_index =
            |model: &&Model| matches!(model.header.kind, Kind::Dimension(_) | Kind::Fact(_) | Kind::Bridge(..));
        let indexed: Vec<_> = self.plan.models.iter().filter(has_index).collect();
        let tables: Vec<_> = indexed.iter().map(|model| Table::datawarehouse(&model.name)).collect();
        self.session.transaction.lock_alone(&tables).await?;
        for model in indexed {
            self.at(model).index_anew().await?;
        }
        Ok(())
    }
}

impl Build<'_> {
    /// Leaves long keys out of the indexes, if the table is there with the columns of its header.
    async fn index_anew(&mut self) -> Result<(), RunError> {
        let (names, name, columns) = (self.plan.names, &self.model.name, self.existing().await?);
        if columns.is_empty() {
            return Ok(());
        }
        match &self.model.header.kind {
            Kind::Dimension(header) if header.key.iter().all(|key| columns.iter().any(|one| one.name == *key)) => {
                let sql = DimensionSql::new(names, name, header, &columns, false, false).with_long_keys(true);
                self.all(sql.index_anew()).await?;
                let seen = Table { schema: Schema::Catalog, name: format!("{name}_seen") };
                if !self.session.transaction.columns(&seen).await?.is_empty() {
                    self.execute(&sql.index_seen()).await?;
                }
            }
            Kind::Fact(header) | Kind::Bridge(header, _) => {
                let targets = self.tables.targets();
                let sql = FactSql::new(names, name, header, &targets, &columns, false).with_long_keys(true);
                // A grain of other columns than the file's is changed in the table's turn.
                if !self.has_other_grain(&sql, &columns).await? {
                    self.all(sql.index_anew()).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
