//! Columns of a dimension that have another name in the select than they had: `was` in the header.

use super::RunError;
use super::build::Build;
use super::dimension::DimensionPlan;
use crate::project::Dimension;
use crate::sql::Table;
use crate::warehouse::Alteration;

impl Build<'_> {
    /// Gives the columns their new names, in the dimension and beside it; returns true if one of the key has another
    /// name now.
    pub(super) async fn rename(&mut self, dimension: &DimensionPlan<'_>) -> Result<bool, RunError> {
        let DimensionPlan { header, sql, .. } = dimension;
        if header.was.is_empty() {
            return Ok(false);
        }
        let is_key = |name: &String| header.key.contains(name);
        let named = &self.model.name;
        let table = Table::datawarehouse(named);
        let [retired, seen] = ["retired", "seen"].map(|what| Table::catalog(&format!("{named}_{what}")));
        // Columns of a key are in indexes, which are made again.
        let key_is_renamed = self.renames(&table, header).await?.iter().any(|(new, _)| is_key(new));
        if key_is_renamed {
            self.execute(&sql.drop_index()).await?;
        }
        self.rename_in(&table, header).await?;
        self.rename_in(&retired, header).await?;
        let seen_key_is_renamed = self.renames(&seen, header).await?.iter().any(|(new, _)| is_key(new));
        if seen_key_is_renamed {
            self.execute(&sql.drop_index_of_seen()).await?;
        }
        self.rename_in(&seen, header).await?;
        if seen_key_is_renamed {
            self.execute(&sql.index_seen()).await?;
        }
        Ok(key_is_renamed)
    }

    async fn rename_in(&mut self, table: &Table, header: &Dimension) -> Result<(), RunError> {
        for (new, old) in self.renames(table, header).await? {
            let rename = [Alteration::Rename { from: old, to: new }];
            self.alter(table, &rename).await?;
        }
        Ok(())
    }

    /// Returns the new and the old names of a table's columns that are still to be renamed.
    async fn renames(&mut self, table: &Table, header: &Dimension) -> Result<Vec<(String, String)>, RunError> {
        let stands = self.session.transaction.columns(table).await?;
        let has = |name: &String| stands.iter().any(|column| column.name == *name);
        let is_open = |(new, old): &(&String, &String)| has(old) && !has(new);
        Ok(header.was.iter().filter(is_open).map(|(new, old)| (new.clone(), old.clone())).collect())
    }
}
