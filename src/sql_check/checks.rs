//! Checks of the header's checks against the columns of its table.

use super::columns::Star;
use super::given::Wrong;
use crate::project::Model;
use crate::sql::Table;
use crate::star;
use crate::text::nearest;
use crate::warehouse::WarehouseError;

impl Star<'_> {
    /// Reports checks of columns that a table lacks.
    pub(super) async fn checks(&mut self, model: &Model) -> Result<(), WarehouseError> {
        let Some(Some(columns)) = self.tables.get(&model.name).cloned() else { return Ok(()) };
        for checks in &model.header.checks {
            for (word, named) in [
                ("not_null", checks.not_null.iter().collect::<Vec<_>>()),
                ("unique", checks.unique.iter().collect()),
                ("accepted", checks.accepted.keys().collect()),
                ("range", checks.range.keys().collect()),
            ] {
                for name in named {
                    if !columns.iter().any(|column| column.name == *name) {
                        let hint = nearest(name, columns.iter().map(|column| column.name.as_str()));
                        let why = format!("checks: {word}: the table has no column {name}{hint}");
                        self.of_header(model, word, name, why);
                    }
                }
            }
            if let Err(why) = star::checks(checks, self.names.engine, &model.name, &columns, None, false, &[])
                && self.problems.iter().all(|problem| problem.file != model.path || problem.why != why)
            {
                let mut words = why.split(": ").skip(1);
                let (word, name) =
                    (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
                self.of_header(model, &word, &name, why);
            }
        }
        let texts = model.header.checks.iter().flat_map(|group| group.sql.texts());
        for (text, check) in texts.zip(&model.checks) {
            let (_, wrong) =
                self.given(&model.path, &check.with_this(&Table::datawarehouse(&model.name)), Some(model)).await?;
            for Wrong { word, why, .. } in wrong {
                let word = word.as_deref().or(text.lines().next()).unwrap_or_default();
                self.of_header(model, "sql", word, format!("checks: sql: {why}"));
            }
        }
        Ok(())
    }
}
