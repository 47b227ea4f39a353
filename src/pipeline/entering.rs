//! Brings rows of new loads into a fact whose grain is made of members, and looks up again those whose members moved.

use super::RunError;
use super::books::must_balance;
use super::build::Build;
use super::fact::FactPlan;
use super::work::Loads;
use crate::star::{BESIDE, ENTERING, RowsSql, STANDING};

impl Build<'_> {
    /// Adds the rows of new loads, where `again` together with those whose members moved.
    pub(super) async fn enter(&mut self, fact: &FactPlan<'_>, loads: &Loads, again: bool) -> Result<(), RunError> {
        let sql = &fact.sql;
        let part = self.part(fact.rows, loads, again).await?;
        if again {
            self.execute(&sql.forget_rejects(true)).await?;
        }
        let before = self.count_some(sql.count_rejected()).await?;
        self.lookups(fact, &part).await?;
        let rejected = self.count_some(sql.count_rejected()).await?.saturating_sub(before);
        let given = self.count(&format!("select count(*) from ({part}) as n")).await?;
        self.execute(&sql.create_keyed(ENTERING)).await?;
        let mut entered = self.execute(&format!("insert into {ENTERING} {}", sql.keyed(&part))).await?;
        self.analyze(ENTERING).await?;
        if again {
            self.replace_again(fact, &part).await?;
        } else {
            self.must_have_grain_beside(fact, &part, ENTERING, false).await?;
            entered = self.add(sql, &format!("select * from {ENTERING}")).await?;
            self.change.inserted += entered;
        }
        must_balance(self.model, given, entered, rejected)?;
        self.drop_temporary(ENTERING).await?;
        self.drop_part().await
    }

    /// Makes the rows that are looked up again those that enter.
    async fn replace_again(&mut self, fact: &FactPlan<'_>, part: &str) -> Result<(), RunError> {
        self.execute(&fact.sql.note_standing()).await?;
        self.analyze(STANDING).await?;
        let rows = RowsSql::new(self.plan.names, &self.model.name, ENTERING, fact.sql.columns()).among(STANDING);
        self.execute(&rows.compare()).await?;
        self.must_have_grain_beside(fact, part, &rows.coming(), true).await?;
        let of_grain = self.rows_of_grain(&fact.sql).await?;
        // A staged row stays as it is, so that what changes are the keys of its members.
        self.change.repointed += self.write_difference(&rows, Some(&of_grain)).await?;
        self.drop_temporary(STANDING).await
    }

    /// Fails if two rows have one grain: two of `part`, or one of `entering` and another one of the fact.
    async fn must_have_grain_beside(
        &mut self,
        fact: &FactPlan<'_>,
        part: &str,
        entering: &str,
        again: bool,
    ) -> Result<(), RunError> {
        let sql = &fact.sql;
        self.execute(&sql.note_beside(entering, again)).await?;
        if self.count_some(sql.count_entering_nulls(entering)).await? > 0 {
            self.all(sql.note_beside_nulls(entering, again)).await?;
        }
        if self.count(&format!("select count(*) from {BESIDE}")).await? > 0 {
            self.add_beside(fact.rows).await?;
        }
        self.drop_temporary(BESIDE).await?;
        self.must_have_grain(fact, &format!("({}) as n", sql.let_in(part))).await
    }
}
