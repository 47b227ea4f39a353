//! The stated types of a part's columns beside those of the table that stands: what the load would log of them.

use super::{CheckError, Checked};
use crate::catalog::Workspace;
use crate::load::staging::Plan;
use crate::sql::Table;

impl Checked {
    /// True if a plugin states the type of a column, so that [`Checked::compare`] has something to look at.
    pub fn states_types(&self) -> bool {
        self.stated.is_some()
    }

    /// Adds a hint to the columns whose stated types those of the standing table overrule.
    ///
    /// # Errors
    /// The database's error, and the reason why the part does not go with the table.
    pub async fn compare(&mut self, workspace: &Workspace) -> Result<(), CheckError> {
        let Some((dataset, profile)) = self.stated.as_deref() else { return Ok(()) };
        let known = workspace.catalog.committed_columns(&dataset.table).await?;
        let plan = Plan::of(dataset, profile, &known).map_err(|error| CheckError::Shape(error.to_string()))?;
        let shown = workspace.warehouse.names().shown(&Table::staging(&dataset.table));
        self.hints.extend(plan.overruled(dataset, &shown));
        Ok(())
    }
}
