//! The origin of a row of the star: the file, its line, the load, and the row in staging. Changes nothing.

mod condition;
mod instead;
mod rows;
mod staged;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::app::App;
use crate::project::ModelError;
use crate::project::key_column;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Schema, Select, SqlError, Table, TableColumn, as_written};
use crate::text::nearest;
use crate::warehouse::{Row, Scope, Transaction, WarehouseError};

use rows::Found;

/// A row's columns, in their order.
pub type Cells = serde_json::Map<String, serde_json::Value>;

/// Rows with their origins.
#[derive(Debug)]
pub struct Trace {
    /// The table.
    pub table: Table,
    /// The requested rows.
    pub rows: Vec<Traced>,
    /// True if there are more rows.
    pub more: bool,
}

/// A row and its origin.
#[derive(Debug, Serialize)]
pub struct Traced {
    /// The row.
    pub row: Cells,
    /// The records of its origin.
    pub staged: Vec<Staged>,
    /// True if there are more records.
    pub more: bool,
    /// The reason why there are none, or the remedy where they have changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A row with its origin and its table.
#[derive(Debug, Serialize)]
pub struct TracedOf {
    /// The row and its origin.
    #[serde(flatten)]
    pub traced: Traced,
    /// The table, with its schema.
    pub table: String,
}

/// A record of a file.
#[derive(Debug, Serialize)]
pub struct Staged {
    /// The number of its load.
    pub load: i64,
    /// The line of the file on which it starts, from 1; `None` where records are numbered and stand on several lines.
    pub line: Option<i64>,
    /// The number among the records of the file, from 1, where several start on one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<i64>,
    /// The file, or the part of it.
    pub file: String,
    /// The time of the load.
    pub loaded_at: Option<DateTime<Utc>>,
    /// The staging table.
    pub table: String,
    /// The row in staging; `None` where it is gone.
    pub row: Option<Cells>,
    /// The load's status in the ledger: `loaded`, `replaced` or `retracted`.
    pub status: String,
    /// The reason why the row is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The reasons why nothing was traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The request cannot be met: the reason and the alternatives, in words.
    #[error("{0}")]
    Asked(String),
    /// The table's file is at fault.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The database's error.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// Traces the rows of a table that meet a condition: at most `limit` rows, and as many records of each.
///
/// # Errors
/// When there is no such table, the condition is invalid, or the table does not tell the origin of its rows.
pub async fn trace(app: &App, name: &str, condition: Option<&str>, limit: u64) -> Result<Trace, TraceError> {
    let mut transaction = app.workspace.warehouse.begin(Scope::Load).await?;
    let (table, columns) = find(app, &mut *transaction, name).await?;
    let has = |name: &str| columns.iter().any(|column| column.name == name);
    let names = app.workspace.warehouse.names();
    let origin = if has(LOAD_COLUMN) && has(LINE_COLUMN) {
        Origin::Lineage
    } else {
        Origin::Member(rows::of_members(app, &mut *transaction, &table).await?)
    };
    if let Some(only_read) = names.engine.only_read() {
        transaction.execute(only_read, &[]).await?;
    }
    let order = match &origin {
        Origin::Lineage => vec![LOAD_COLUMN.to_owned(), LINE_COLUMN.to_owned()],
        Origin::Member(_) => vec![key_column(&table.name)],
    };
    let mut rows = asked(&mut *transaction, names, &table, &columns, condition, &order, limit + 1).await?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mut places = Vec::new();
    for row in &rows {
        let found = match &origin {
            Origin::Lineage => Found {
                places: Vec::from_iter(number(row, LOAD_COLUMN).zip(number(row, LINE_COLUMN))),
                lacks: Vec::new(),
            },
            Origin::Member(source) => {
                let id = number(row, &key_column(&table.name)).unwrap_or_default();
                rows::of_member(&mut *transaction, source, id, limit + 1).await?
            }
        };
        places.push(found);
    }
    let loads = places.iter().flat_map(|found| &found.places).map(|(load, _)| *load);
    let tables =
        app.workspace.catalog.datasets_of(&mut *transaction, &loads.map(|load| (load, load)).collect()).await?;
    let tables: BTreeMap<i64, String> = tables.into_iter().map(|load| (load.id, load.dataset)).collect();
    let mut traced = Vec::new();
    for (row, Found { places: mut found, lacks }) in rows.into_iter().zip(places) {
        let more = found.len() as u64 > limit;
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut staged = Vec::new();
        for (load, line) in found {
            let table = tables.get(&load).cloned().unwrap_or_default();
            staged.extend(staged::records(&mut *transaction, names, &table, load, line).await?);
        }
        let is_behind = matches!(origin, Origin::Lineage) && staged.iter().any(|record| record.row.is_none());
        let note = match staged.is_empty() {
            true => Some(rows::why_none(&table, &row)),
            false if is_behind => {
                Some("the table was built before that: app --pipeline brings it up to date".to_owned())
            }
            false if lacks.is_empty() => None,
            false => {
                let mut files = Vec::new();
                for load in lacks {
                    let file = app.workspace.catalog.source_of(&mut *transaction, load).await?.unwrap_or_default();
                    files.push(format!("{file} (load {load})"));
                }
                Some(format!(
                    "it had a row before, from {}, that a later file has replaced; its line was not kept",
                    files.join(", ")
                ))
            }
        };
        traced.push(Traced { row, staged, more, note });
    }
    drop(transaction);
    for record in traced.iter_mut().flat_map(|traced| &mut traced.staged) {
        staged::tell_load(app, record).await?;
    }
    Ok(Trace { table, rows: traced, more })
}

/// The sources of a row's origin.
enum Origin {
    /// The row's own load and line.
    Lineage,
    /// The natural key.
    Member(rows::Source),
}

async fn find(
    app: &App,
    transaction: &mut dyn Transaction,
    name: &str,
) -> Result<(Table, Vec<TableColumn>), TraceError> {
    let names = app.workspace.warehouse.names();
    let candidates = match name.split_once('.') {
        Some((schema, name)) => match names.schema_named(schema) {
            Some(schema @ (Schema::Staging | Schema::Datawarehouse)) => vec![Table { schema, name: name.to_owned() }],
            _ => Vec::new(),
        },
        None => vec![Table::datawarehouse(name), Table::staging(name)],
    };
    for table in candidates {
        let columns = transaction.columns(&table).await?;
        if !columns.is_empty() {
            return Ok((table, columns));
        }
    }
    let mut known: Vec<_> =
        app.workspace.catalog.star(transaction).await?.into_iter().map(|state| state.name).collect();
    known.extend(app.workspace.catalog.datasets_in(transaction).await?);
    let hint = nearest(name.rsplit('.').next().unwrap_or(name), known.iter().map(String::as_str));
    Err(TraceError::Asked(format!("there is no table {name}{hint}")))
}

/// Returns the rows that meet the condition.
async fn asked(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
    columns: &[TableColumn],
    condition: Option<&str>,
    order: &[String],
    limit: u64,
) -> Result<Vec<Cells>, TraceError> {
    let wrong = |why: String| TraceError::Asked(format!("--where: {why}"));
    let select = Select::where_holds(table, condition, order, limit).map_err(|error| wrong(error.to_string()))?;
    let known = crate::catalog::columns_read(transaction, names, &select).await.map_err(wrong)?;
    let at_fault = |error: SqlError| wrong(condition::at_fault(&error, condition.unwrap_or_default(), names, &known));
    let sql = select.sql(names, &known).map_err(at_fault)?;
    let sql = as_written(names, &format!("({sql}) as asked"), &select.outputs(names, &known));
    let rows = match transaction.query(&sql, &[]).await {
        Ok(rows) => rows,
        Err(WarehouseError::Refused(why)) => {
            return Err(select.faults(names, &known).into_iter().next().map_or_else(|| wrong(why), at_fault));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(rows.into_iter().map(|row| cells(columns, row)).collect())
}

fn cells(columns: &[TableColumn], row: Row) -> Cells {
    columns.iter().zip(row).map(|(column, cell)| (column.name.clone(), cell.into())).collect()
}

fn number(row: &Cells, column: &str) -> Option<i64> {
    row.get(column)?.as_str()?.parse().ok()
}
