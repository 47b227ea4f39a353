//! The origin of rows that a check finds: for a dimension, the staged rows of their members.

use std::collections::BTreeMap;

use super::RunError;
use super::build::Build;
use crate::catalog::Workspace;
use crate::project::Kind;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{all_of, quote};
use crate::star::UNKNOWN;
use crate::warehouse::{Transaction, WarehouseError};

/// The query for the staged rows of a dimension's members.
pub(super) struct Origin {
    /// The select's rows with load and line, joined to the table's, without a condition.
    rows: String,
    /// The condition by surrogate key, and those by natural key, each without its value.
    by_id: (String, String),
    by_key: Vec<(String, String)>,
    /// The order that puts the most similar rows first.
    order: String,
}

impl Build<'_> {
    /// Returns the query; `None` if the table is no dimension, or its rows are not staged rows one by one.
    pub(super) async fn origin(&mut self) -> Result<Option<Origin>, RunError> {
        let Kind::Dimension(header) = &self.model.header.kind else { return Ok(None) };
        let Some(rows) = self.rows().await?.filter(|rows| rows.source.has_lineage()) else { return Ok(None) };
        let table = self.existing().await?;
        let engine = self.plan.names.engine;
        let same = engine.is_same();
        let key = rows.source.columns().iter().filter(|column| header.key.contains(&column.name)).map(|column| {
            let name = quote(&column.name);
            format!("{} = d.{name}", engine.by_value(&column.declared, &format!("n.{name}")))
        });
        let key: Vec<_> = key.collect();
        let given = rows.source.columns().iter().filter(|column| table.contains(column));
        let alike: Vec<_> = given.map(|column| format!("n.{0} {same} d.{0}", quote(&column.name))).collect();
        let (load, line, id) = (quote(LOAD_COLUMN), quote(LINE_COLUMN), self.id());
        Ok(Some(Origin {
            rows: format!(
                "select n.{load}, n.{line} from ({}) as n join {} as d on {}",
                rows.all,
                self.shown(),
                key.join(" and ")
            ),
            by_id: (id.clone(), format!("d.{id} <> {UNKNOWN} and d.{id} =", id = quote(&id))),
            by_key: header.key.iter().map(|name| (name.clone(), format!("d.{} =", quote(name)))).collect(),
            order: format!("case when {} then 0 else 1 end, n.{load} desc, n.{line} desc", all_of(&alike)),
        }))
    }

    /// Formats a staged row: `orders.csv line 3, load 2`.
    pub(super) async fn place(&mut self, load: i64, line: i64) -> Result<String, RunError> {
        Ok(place_of(self.plan.workspace, &mut *self.session.transaction, load, line).await?)
    }

    /// Returns load and line of the staged row that is most similar to a row of the table.
    pub(super) async fn origin_of(
        &mut self,
        origin: &Origin,
        row: &BTreeMap<&str, &Option<String>>,
    ) -> Result<Option<(i64, i64)>, RunError> {
        let is = |(name, condition): &(String, String)| {
            let value = row.get(name.as_str())?.as_deref()?;
            Some(format!("{condition} '{}'", value.replace('\'', "''")))
        };
        let condition = is(&origin.by_id).map(|one| vec![one]);
        let Some(condition) = condition.or_else(|| origin.by_key.iter().map(is).collect()) else { return Ok(None) };
        let sql = format!("{} where {} order by {} limit 1", origin.rows, condition.join(" and "), origin.order);
        let found = self.query(&sql).await?;
        let Some(row) = found.first() else { return Ok(None) };
        Ok(row.get::<Option<i64>>(0)?.zip(row.get(1)?))
    }
}

/// Formats a staged row: `orders.csv line 3, load 2`.
pub(super) async fn place_of(
    workspace: &Workspace,
    transaction: &mut dyn Transaction,
    load: i64,
    line: i64,
) -> Result<String, WarehouseError> {
    let source = workspace.catalog.source_of(transaction, load).await?.unwrap_or_default();
    Ok(format!("{source} line {line}, load {load}"))
}
