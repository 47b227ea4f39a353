//! Brings rows without a key up to date, by their differences.

use super::table::Run;
use super::{RunError, TableChange};
use crate::project::Model;
use crate::sql::TableColumn;
use crate::star::{DIFFERENCE, RowsSql};

impl Run<'_> {
    /// Makes a table hold the rows of a temporary one, duplicates included.
    pub(super) async fn replace_rows(
        &mut self,
        model: &Model,
        from: &'static str,
        columns: &[TableColumn],
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        let sql = RowsSql::new(self.names, &model.name, from, columns);
        self.execute(model, &sql.compare()).await?;
        let counts = self.query(model, &sql.count()).await?;
        let count = |at| counts.first().map_or(Ok(0), |row| row.get::<u64>(at));
        let (obsolete, missing, again) = (count(0)?, count(1)?, count(2)?);
        let mut deleted = 0;
        if obsolete > 0 {
            self.all(model, sql.before_delete()).await?;
            deleted = self.execute(model, &sql.delete()).await?;
            self.all(model, sql.after_delete()).await?;
        }
        let inserted = self.execute(model, &sql.insert()).await?;
        if (deleted, inserted) != (obsolete, missing) {
            let why = format!(
                "the rows do not add up: {obsolete} are to go and {missing} to come, {deleted} went and {inserted} came; \
                 a trigger or rule may leave some out"
            );
            return Err(model.error(why).into());
        }
        change.deleted += deleted - again;
        change.inserted += inserted - again;
        self.execute(model, &format!("drop table {DIFFERENCE}")).await.map(drop)
    }
}
