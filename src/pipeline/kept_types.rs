//! The types of a dimension's columns: one that was wider stays so while the dimension has values that need it.

use super::RunError;
use super::build::Build;
use super::reshape::widens;
use super::rows::Rows;
use crate::project::Dimension;
use crate::schema::Type;
use crate::sql::{Table, TableColumn, quote};
use crate::star::UNKNOWN;

impl Build<'_> {
    /// Returns the columns of the rows that keep another type than the select gives, because of members that it does not
    /// give any more: their keys wait for them, and their rows are remembered.
    pub(super) async fn kept_types(&mut self, header: &Dimension, rows: &Rows) -> Result<Vec<TableColumn>, RunError> {
        let model = &self.model.name;
        let others = rows.remembers(header) || rows.keeps(header);
        let tables = [
            (Table::catalog(&format!("{model}_retired")), false),
            (Table::catalog(&format!("{model}_seen")), rows.remembers(header)),
            (Table::datawarehouse(model), others),
        ];
        let id = quote(&self.id());
        let mut kept: Vec<TableColumn> = Vec::new();
        for (table, has_others) in &tables {
            let stands = self.session.transaction.columns(table).await?;
            let only = if stands.iter().any(|one| quote(&one.name) == id) {
                format!(" and {id} <> {UNKNOWN}")
            } else {
                String::new()
            };
            // The time from which a version holds has a column of its own.
            let is_time = |given: &&TableColumn| !header.history.is_empty() && header.at.as_ref() == Some(&given.name);
            for given in rows.source.columns().iter().filter(|given| !is_time(given)) {
                let is_key = header.key.contains(&given.name);
                let name = |name: &String| stands.iter().find(|one| one.name == *name);
                let stood = name(&given.name).or_else(|| header.was.get(&given.name).and_then(name));
                let Some(stood) = stood.filter(|_| is_key || *has_others) else { continue };
                let now = kept.iter().find(|one| one.name == given.name).unwrap_or(given).clone();
                let value = quote(&stood.name);
                let engine = self.plan.names.engine;
                let Some(misfits) = engine.does_not_fit(&stood.declared, &now.declared, &value, is_key) else {
                    continue;
                };
                let shown = self.plan.names.table(table);
                let found = format!("select 1 from {shown} where {misfits}{only} limit 1");
                if self.query(&found).await?.is_empty() {
                    continue;
                }
                let declared = match widens(&now, stood) {
                    true => stood.declared.clone(),
                    false => engine.told(Type::Text).to_owned(),
                };
                kept.retain(|one| one.name != given.name);
                kept.push(TableColumn { name: given.name.clone(), declared });
            }
        }
        Ok(kept)
    }
}
