//! The books of a fact: each row of its select is in the table, or rejected.

use super::RunError;
use super::build::Build;
use super::fact::FactPlan;
use super::rows::Rows;
use crate::project::{Model, ModelError};
use crate::star::FactSql;
use crate::warehouse::Row;

impl Build<'_> {
    /// Checks that rows staged = facts + rejected + filtered, and that sums agree on both sides.
    pub(super) async fn books(&mut self, fact: &FactPlan<'_>, is_first: bool) -> Result<(), RunError> {
        let FactPlan { rows, sql, .. } = fact;
        let rejected = self.count_some(sql.count_rejected()).await?;
        if is_first {
            // The database has written its input into the table in one statement.
            let given = self.count(&format!("select count(*) from ({}) as n", rows.all)).await?;
            return self.balance(rows, given, rejected, self.change.rows).await;
        }
        let left = sql.has_rejects();
        let source = self.query(&sql.sums(&format!("({}) as n", rows.all))).await?;
        let fact = self.query(&sql.sums(&self.shown())).await?;
        let first = |rows: &[Row]| rows.first().cloned().unwrap_or_default();
        let (source, fact) = (first(&source), first(&fact));
        let (given, stands) = (source.get::<u64>(0)?, fact.get::<u64>(0)?);
        let near = |one: &Option<String>, other: &Option<String>| {
            let number = |cell: &Option<String>| cell.as_deref().unwrap_or("0").parse::<f64>().unwrap_or_default();
            one == other || (number(one) - number(other)).abs() <= 1e-9 * number(one).abs().max(1.0)
        };
        if !left && let Some(place) = (1..source.len()).find(|place| !near(&source[*place], &fact[*place])) {
            let column = sql.measures().nth(place - 1).unwrap_or_default();
            let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
            return Err(self
                .model
                .error(format!(
                    "the books do not balance: the sum of {column} is {} in the select and {} \
             in the table; nothing was changed",
                    text(&source[place]),
                    text(&fact[place])
                ))
                .into());
        }
        self.balance(rows, given, rejected, stands).await
    }

    /// Checks that rows staged = facts + rejected + filtered.
    async fn balance(&mut self, rows: &Rows, given: u64, rejected: u64, stands: u64) -> Result<(), RunError> {
        must_balance(self.model, given, stands, rejected)?;
        if let (Some(of), true) = (&rows.of, rows.source.is_plain()) {
            let staged = self.count(&format!("select count(*) from {}", self.plan.names.table(of))).await?;
            self.change.filtered = staged.checked_sub(given);
        }
        Ok(())
    }

    /// Counts the rows without a member, for each key: those without a value apart.
    pub(super) async fn count_unknown(&mut self, rows: &Rows, sql: &FactSql) -> Result<(), RunError> {
        let Some(query) = sql.count_unknown() else { return Ok(()) };
        let counts = self.query(&query).await?.into_iter().next().unwrap_or_default();
        let mut without = Vec::new();
        for (place, _) in sql.keys().enumerate() {
            without.push(counts.get::<Option<u64>>(place)?.unwrap_or(0));
        }
        if without.iter().all(|count| *count == 0) {
            return Ok(());
        }
        let counts = self.query(&sql.count_nulls(&rows.all)).await?.into_iter().next().unwrap_or_default();
        for (place, (key, _)) in sql.keys().enumerate() {
            let nulls = counts.get::<Option<u64>>(place)?.unwrap_or(0);
            let unknown = without[place].saturating_sub(nulls);
            self.change.nulls.extend((nulls > 0).then(|| (key.to_owned(), nulls)));
            self.change.unknown.extend((unknown > 0).then(|| (key.to_owned(), unknown)));
        }
        Ok(())
    }
}

/// Fails unless each row of the select is in the table or rejected.
pub(super) fn must_balance(model: &Model, given: u64, stands: u64, rejected: u64) -> Result<(), ModelError> {
    if given == stands + rejected {
        return Ok(());
    }
    Err(model.error(format!(
        "the books do not balance: the select gives {given} rows, {stands} are in the table, {rejected} are rejected; nothing was changed"
    )))
}
