//! Tables of the star without a file: they stay, or go where that is allowed.

use tracing::warn;

use super::run::Run;
use super::{RunError, TableChange};
use crate::sql::Table;

impl Run<'_> {
    /// Drops the tables without a file, where that is allowed.
    pub(super) async fn drop_undeclared(&mut self) -> Result<(), RunError> {
        let plan = self.plan;
        let is_declared = |name: &String| plan.models.iter().any(|model| model.name == *name);
        let mut others: Vec<_> = plan.states.values().filter(|state| !is_declared(&state.name)).collect();
        if others.is_empty() {
            return Ok(());
        }
        if !plan.options.allow_drop {
            let tables: Vec<_> =
                others.iter().map(|state| plan.names.shown(&Table::datawarehouse(&state.name))).collect();
            warn!(
                tables = tables.join(", "),
                "sql/pipeline has no file for them any more: they stay as they are; app --pipeline --allow-drop drops them"
            );
            return Ok(());
        }
        // Dropping a fact drops its references, which locks the dimensions.
        let targets = self.tables.targets();
        let tables = others.iter().map(|state| &state.name).chain(targets.keys());
        let tables: Vec<_> = tables.map(|name| Table::datawarehouse(name)).collect();
        self.session.transaction.lock_alone(&tables).await?;
        // Readers come before the tables that they read, and facts before their dimensions.
        others.sort_by_key(|state| match state.kind.as_str() {
            "view" => 0,
            "dimension" | "calendar" => 2,
            _ => 1,
        });
        for state in others {
            let table = Table::datawarehouse(&state.name);
            let what = if state.kind == "view" { "view" } else { "table" };
            let sql = format!("drop {what} if exists {}", plan.names.table(&table));
            self.session.sql.push(sql.clone());
            self.session.transaction.execute(&sql, &[]).await?;
            self.changes.push(TableChange {
                table: state.name.clone(),
                kind: kind_word(&state.kind),
                how: "dropped: sql/pipeline has no file for it any more".to_owned(),
                deleted: state.rows,
                ..TableChange::default()
            });
            plan.workspace.catalog.forget_star(&mut *self.session.transaction, &state.name).await?;
        }
        Ok(())
    }
}

/// Returns the word for a recorded kind.
fn kind_word(word: &str) -> &'static str {
    ["dimension", "fact", "bridge", "calendar", "table", "view"]
        .into_iter()
        .find(|known| *known == word)
        .unwrap_or("table")
}
