//! The checks of the headers, made when the whole star is built and before any of it is published.

use std::collections::BTreeMap;

use serde::Serialize;
use tracing::warn;

use super::table::Run;
use super::{RunError, columns_read};
use crate::project::key_column;
use crate::project::{Kind, Model, Severity};
use crate::project::{Problem, Problems};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Table, quote};
use crate::star::{Check, checks};
use crate::warehouse::Row;

/// The number of rows at fault that are shown.
const SHOWN: usize = 3;

/// The result of a check that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check, in words.
    pub check: String,
    /// Rows at fault.
    pub rows: u64,
    /// A few of the rows, with file and line where they are known.
    pub samples: Vec<String>,
}

impl Run<'_> {
    /// Makes the checks of all tables in `looked_at`.
    pub(super) async fn check(&mut self, models: &[Model]) -> Result<(), RunError> {
        let mut failed = Vec::new();
        for model in models {
            if !self.looked_at.contains(&model.name) {
                continue;
            }
            for check in self.checks(model).await? {
                let rows = self.count(model, &format!("select count(*) from ({}) as r", check.rows)).await?;
                if rows == 0 {
                    continue;
                }
                let samples = self.samples(model, &check).await?;
                let finding = Finding { check: check.name, rows, samples };
                match check.severity {
                    Severity::Error => failed.push((model, finding)),
                    Severity::Warn => {
                        warn!(table = model.name, check = finding.check, rows, "{}", finding.samples.join("; "));
                        for change in self.changes.iter_mut().filter(|change| change.table == model.name) {
                            change.warnings.push(finding.clone());
                        }
                    }
                }
            }
        }
        let problem = |(model, Finding { check, rows, samples }): (&Model, Finding)| {
            let why = format!("checks: {check}: {rows} at fault, such as {}", samples.join("; "));
            Problem::from(model.error_of_word(why))
        };
        match failed {
            none if none.is_empty() => Ok(()),
            failed => Err(RunError::Files(Problems::new(failed.into_iter().map(problem)))),
        }
    }

    async fn checks(&mut self, model: &Model) -> Result<Vec<Check>, RunError> {
        let table = Table::datawarehouse(&model.name);
        let mut sql = Vec::new();
        let texts = model.header.checks.iter().flat_map(|group| group.sql.texts());
        for (text, check) in texts.zip(&model.checks) {
            let select = check.with_this(&table);
            let columns = columns_read(&mut *self.transaction, self.plan.names, &select).await;
            let columns = columns.map_err(|why| model.error_of_word(format!("checks: sql: {why}")))?;
            let written = select.sql(self.plan.names, &columns);
            let wrong = |error| model.error_of_word(format!("checks: sql: {error}: {}", one_line(text)));
            let written = written.map_err(wrong)?;
            sql.push((one_line(text), written));
        }
        let columns = self.existing(model).await?;
        let id = matches!(model.header.kind, Kind::Dimension(_)).then(|| key_column(&model.name));
        let (table, mut all) = (self.shown(model), Vec::new());
        for group in &model.header.checks {
            let of_group: Vec<_> = sql.drain(..group.sql.texts().len()).collect();
            let made = checks(group, self.plan.names.engine, &table, &columns, id.as_deref(), &of_group);
            all.extend(made.map_err(|why| model.error_of_word(why))?);
        }
        if let Kind::Bridge(fact, Some(weight)) = &model.header.kind {
            let of_table =
                |column: &String| fact.dimensions.get(column).map_or(column.clone(), |used| used.key_column(column));
            let group: Vec<_> = weight.group.iter().map(|column| quote(&of_table(column))).collect();
            let (group, weight_column) = (group.join(", "), quote(&weight.column));
            all.push(Check {
                name: format!("weight: the sum of {} is 1", weight.column),
                rows: format!(
                    "select {group}, sum({weight_column}) as weight from {} group by {group} having \
                     abs(sum({weight_column}) - 1) > 0.000001",
                    self.shown(model)
                ),
                severity: Severity::Error,
            });
        }
        Ok(all)
    }

    /// Returns a few rows at fault, in words.
    async fn samples(&mut self, model: &Model, check: &Check) -> Result<Vec<String>, RunError> {
        let columns = self.transaction.describe(&check.rows).await.map_err(|error| model.error(error.to_string()))?;
        let rows = self.query(model, &format!("select * from ({}) as r limit {SHOWN}", check.rows)).await?;
        let origin = self.origin(model).await?;
        let mut said = Vec::new();
        for row in rows {
            let named: BTreeMap<_, _> = columns.iter().map(|column| column.name.as_str()).zip(&row).collect();
            let number = |name: &str| named.get(name).and_then(|cell| cell.as_deref()?.parse::<i64>().ok());
            let place = match (number(LOAD_COLUMN), number(LINE_COLUMN)) {
                (Some(load), Some(line)) => Some((load, line)),
                _ => match &origin {
                    Some(origin) => self.origin_of(model, origin, &named).await?,
                    None => None,
                },
            };
            let file = match place {
                Some((load, line)) => format!(" ({})", self.place(load, line).await?),
                None => String::new(),
            };
            said.push(format!(
                "{}{file}",
                values(&columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(), &row)
            ));
        }
        Ok(said)
    }
}

/// Formats a row's values without lineage: `a = 1, b = "x"`.
fn values(names: &[String], row: &Row) -> String {
    let cell = |cell: &Option<String>| cell.as_deref().map_or("NULL".to_owned(), |text| format!("{text:?}"));
    let is_shown = |(name, _): &(&String, &Option<String>)| *name != LOAD_COLUMN && *name != LINE_COLUMN;
    let pairs: Vec<_> =
        names.iter().zip(row).filter(is_shown).map(|(name, value)| format!("{name} = {}", cell(value))).collect();
    pairs.join(", ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
