//! Brings rows without a key up to date, by their differences.

use super::RunError;
use super::build::Build;
use crate::sql::TableColumn;
use crate::star::{DIFFERENCE, OfGrain, RowsSql};

impl Build<'_> {
    /// Makes the table hold the rows of a temporary one, duplicates included. Rows of one grain that go and come have
    /// changed.
    pub(super) async fn replace_rows(
        &mut self,
        from: &'static str,
        columns: &[TableColumn],
        of_grain: Option<&OfGrain>,
    ) -> Result<(), RunError> {
        let sql = RowsSql::new(self.plan.names, &self.model.name, from, columns);
        self.execute(&sql.compare()).await?;
        self.write_difference(&sql, of_grain).await.map(drop)
    }

    /// Writes what a comparison has found; returns the number of rows that changed.
    pub(super) async fn write_difference(
        &mut self,
        sql: &RowsSql,
        of_grain: Option<&OfGrain>,
    ) -> Result<u64, RunError> {
        let counts = self.query(&sql.count()).await?;
        let count = |at| counts.first().map_or(Ok(0), |row| row.get::<u64>(at));
        let (obsolete, missing, again) = (count(0)?, count(1)?, count(2)?);
        let mut deleted = 0;
        if obsolete > 0 {
            self.all(sql.before_delete()).await?;
            deleted = self.execute(&sql.delete()).await?;
            self.all(sql.after_delete()).await?;
        }
        let inserted = self.execute(&sql.insert()).await?;
        if (deleted, inserted) != (obsolete, missing) {
            let why = format!(
                "the rows do not add up: {obsolete} are to go and {missing} to come, {deleted} went and {inserted} came; \
                 a trigger or rule may leave some out"
            );
            return Err(self.model.error(why).into());
        }
        let changed = match of_grain.filter(|_| deleted > again && inserted > again) {
            Some(of_grain) => self.count(&sql.count_of_grain(of_grain)).await?,
            None => 0,
        };
        self.change.deleted += deleted - again - changed;
        self.change.inserted += inserted - again - changed;
        self.change.updated += changed;
        self.drop_temporary(DIFFERENCE).await?;
        Ok(changed)
    }
}
