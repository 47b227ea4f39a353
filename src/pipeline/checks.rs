//! The checks of the headers, made when the whole star is built and before any of it is published.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tracing::warn;

use super::RunError;
use super::build::Build;
use super::run::Run;
use crate::catalog::columns_read;
use crate::project::key_column;
use crate::project::{Kind, Model, ModelError, Problems, Severity};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::Table;
use crate::sql_check::reading_empty;
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
    /// Makes the checks of all tables that were built or received members.
    pub(super) async fn check(&mut self) -> Result<(), RunError> {
        let mut failed = Vec::new();
        for model in self.plan.models {
            if !self.tables.is_looked_at(&model.name) {
                continue;
            }
            failed.extend(self.guarded(model).await?);
            for check in self.at(model).checks().await? {
                let Some(finding) = self.at(model).finding(&check).await? else { continue };
                match check.severity {
                    Severity::Error => failed.push(wrong(model, &finding).into()),
                    Severity::Warn => {
                        let Finding { check, rows, .. } = &finding;
                        warn!(table = model.name, check, rows, "{}", wrong(model, &finding));
                        for change in self.changes.iter_mut().filter(|change| change.table == model.name) {
                            change.warnings.push(finding.clone());
                        }
                    }
                }
            }
        }
        match failed {
            none if none.is_empty() => Ok(()),
            failed => Err(RunError::Files(Problems::new(failed))),
        }
    }
}

/// Returns a finding as an error of the file.
fn wrong(model: &Model, finding: &Finding) -> ModelError {
    let Finding { check, rows, samples } = finding;
    let why = format!("checks: {check}: {rows} at fault, such as {}", samples.join("; "));
    model.error_of_word(why)
}

impl Build<'_> {
    /// Makes a check; returns its finding if it failed.
    async fn finding(&mut self, check: &Check) -> Result<Option<Finding>, RunError> {
        let rows = self.count(&format!("select count(*) from ({}) as r", check.rows)).await?;
        if rows == 0 {
            return Ok(None);
        }
        let samples = self.samples(check).await?;
        Ok(Some(Finding { check: check.name.clone(), rows, samples }))
    }

    /// Returns the checks of the header, as statements.
    async fn checks(&mut self) -> Result<Vec<Check>, RunError> {
        let model = self.model;
        let table = Table::datawarehouse(&model.name);
        let mut sql = Vec::new();
        let texts = model.header.checks.iter().flat_map(|group| group.sql.texts());
        for (text, check) in texts.zip(&model.checks) {
            let select = check.with_this(&table);
            let columns = columns_read(&mut *self.session.transaction, self.plan.names, &select).await;
            let columns = columns.map_err(|why| model.error_of_word(format!("checks: sql: {why}")))?;
            let (tables, empty) = ((&columns, &BTreeSet::new()), self.tables.without_values(self.plan));
            let transaction = &mut *self.session.transaction;
            let select =
                reading_empty(transaction, self.plan.names, &select, tables, &empty, |_| BTreeMap::new()).await?;
            let written = select.sql(self.plan.names, &columns);
            let wrong = |error| model.error_of_word(format!("checks: sql: {error}: {}", one_line(text)));
            let written = written.map_err(wrong)?;
            sql.push((one_line(text), written));
        }
        let columns = self.existing().await?;
        let id = matches!(model.header.kind, Kind::Dimension(_)).then(|| key_column(&model.name));
        let versions = matches!(&model.header.kind, Kind::Dimension(header) if !header.history.is_empty());
        let (table, mut all) = (self.shown(), Vec::new());
        for group in &model.header.checks {
            let of_group: Vec<_> = sql.drain(..group.sql.texts().len()).collect();
            let made = checks(group, self.plan.names.engine, &table, &columns, id.as_deref(), versions, &of_group);
            all.extend(made.map_err(|why| model.error_of_word(why))?);
        }
        if let Kind::Bridge(fact, Some(weight)) = &model.header.kind {
            let Some(rows) = self.rows().await? else { return Ok(all) };
            let sql = self.fact_sql(fact, &rows);
            all.push(Check {
                name: format!("weight: the sum of {} is 1", weight.column),
                rows: sql.unbalanced(&rows.all, weight, false),
                shown: Some(sql.unbalanced(&rows.all, weight, true)),
                severity: Severity::Error,
            });
        }
        Ok(all)
    }

    /// Returns a few rows at fault, in words.
    async fn samples(&mut self, check: &Check) -> Result<Vec<String>, RunError> {
        let shown = check.shown.as_ref().unwrap_or(&check.rows);
        let columns =
            self.session.transaction.describe(shown).await.map_err(|error| self.model.error(error.to_string()))?;
        let rows = self.query(&format!("select * from ({shown}) as r limit {SHOWN}")).await?;
        let origin = self.origin().await?;
        let mut said = Vec::new();
        for row in rows {
            let named: BTreeMap<_, _> = columns.iter().map(|column| column.name.as_str()).zip(&row).collect();
            let number = |name: &str| named.get(name).and_then(|cell| cell.as_deref()?.parse::<i64>().ok());
            let place = match (number(LOAD_COLUMN), number(LINE_COLUMN)) {
                (Some(load), Some(line)) => Some((load, line)),
                _ => match &origin {
                    Some(origin) => self.origin_of(origin, &named).await?,
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
