//! The attributes that files of a dimension do not have.

use std::collections::BTreeSet;

use super::RunError;
use super::build::Build;
use super::rows::Rows;
use super::work::among;
use crate::schema::LOAD_COLUMN;
use crate::sql::quote;
use crate::star::Lacking;

impl Build<'_> {
    /// Returns the attributes that loads into a staging table which only grows do not have. Where a load says all
    /// anew, NULL is what it says; where rows are overwritten, they keep their values in staging.
    pub(super) async fn lacking(&mut self, rows: &Rows) -> Result<Vec<Lacking>, RunError> {
        let Some(of) = rows.of.as_ref().filter(|_| rows.source.has_lineage() && !rows.replaced && !rows.upserted)
        else {
            return Ok(Vec::new());
        };
        let needed: BTreeSet<_> = rows.behind.values().flatten().map(String::as_str).collect();
        let needed: Vec<_> = needed.into_iter().collect();
        let (catalog, transaction) = (&self.plan.workspace.catalog, &mut *self.session.transaction);
        let loads = catalog.loads_lacking(transaction, &of.name, &needed).await?;
        let mut lacking = Vec::new();
        for (column, behind) in &rows.behind {
            let lacks = |had: &[String]| behind.iter().all(|name| !had.contains(name));
            let of_column: BTreeSet<_> = loads.iter().filter(|(_, had)| lacks(had)).map(|(load, _)| *load).collect();
            if !of_column.is_empty() {
                let of_column: Vec<_> = of_column.into_iter().collect();
                lacking.push(Lacking { column: column.clone(), of_loads: among(&quote(LOAD_COLUMN), &of_column) });
            }
        }
        Ok(lacking)
    }
}
