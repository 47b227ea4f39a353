//! The records of a dimension's member: those with its natural key.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cells, TraceError, instead, number};
use crate::app::App;
use crate::catalog::columns_read;
use crate::project::key_column;
use crate::project::{Dimension, Kind, Model, ModelError};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Schema, Select, SqlError, Table, TableColumn, described, quote};
use crate::sql_check;
use crate::star;
use crate::star::{GONE, UNKNOWN};
use crate::text::nearest;
use crate::warehouse::{Transaction, WarehouseError};

/// The rows of a dimension with load and line.
pub(super) struct Source {
    table: String,
    id: String,
    key: Vec<String>,
    rows: Vec<String>,
    /// The table that keeps rows which staging has lost.
    seen: Option<String>,
}

/// The origin of a member, as far as it is known.
pub(super) struct Found {
    /// The load and line of its records.
    pub(super) places: Vec<(i64, i64)>,
    /// The loads of records without a known line.
    pub(super) lacks: Vec<i64>,
}

/// Returns the query for the records of a dimension's members.
///
/// # Errors
/// When the table is no dimension, or the records of its rows cannot be told: the reason and the alternatives.
pub(super) async fn of_members(
    app: &App,
    transaction: &mut dyn Transaction,
    table: &Table,
) -> Result<Source, TraceError> {
    let names = app.workspace.warehouse.names();
    let model = instead::model_of(app, table)?;
    let (Kind::Dimension(header), Some(select)) = (&model.header.kind, &model.select) else {
        return Err(instead::of_model(names, transaction, table, &model).await);
    };
    let Some(selects) = select.spread(names) else {
        return Err(instead::of_model(names, transaction, table, &model).await);
    };
    let mut rows = Vec::new();
    for select in &selects {
        match with_lineage(names, transaction, &model, header, select).await {
            // A part may compare a value, such as NULL, that the whole does not compare.
            Err(TraceError::Warehouse(WarehouseError::Refused(_))) if selects.len() > 1 => {
                return Err(instead::of_model(names, transaction, table, &model).await);
            }
            found => rows.push(found?),
        }
    }
    let seen = Table { schema: Schema::Catalog, name: format!("{}_seen", table.name) };
    let seen = (!transaction.columns(&seen).await?.is_empty()).then(|| names.table(&seen));
    // The rows of earlier versions that staging has lost.
    rows.extend(seen.as_ref().map(|seen| format!("select * from {seen} where {LINE_COLUMN} is not null")));
    Ok(Source {
        table: names.table(table),
        id: quote(&key_column(&table.name)),
        key: header.key.iter().map(|key| quote(key)).collect(),
        rows,
        seen,
    })
}

/// Returns the rows of a select with load and line.
async fn with_lineage(
    names: &Names,
    transaction: &mut dyn Transaction,
    model: &Model,
    header: &Dimension,
    select: &Select,
) -> Result<String, TraceError> {
    let wrong = |why: String| TraceError::from(model.error(why));
    let in_file = |error: SqlError| TraceError::from(ModelError::of_sql(&model.path, &error));
    let columns = columns_read(transaction, names, select).await.map_err(wrong)?;
    let wanted = |given: &[TableColumn]| star::wanted_types(&model.header, &BTreeMap::new(), given);
    let without_values = sql_check::without_values(transaction, names).await?;
    let tables = (&columns, &BTreeSet::new());
    let select = sql_check::reading_empty(transaction, names, select, tables, &without_values, wanted).await?;
    let given = transaction.describe(&select.sql(names, &columns).map_err(in_file)?).await?;
    let given = described(given, &select.outputs(names, &columns));
    let mut every = model.header.clone();
    every.distinct = false;
    let source = star::Source::new(&every, names.engine, &given, true).map_err(wrong)?;
    if let Some(missing) = header.key.iter().find(|key| !source.columns().iter().any(|column| column.name == **key)) {
        let hint = nearest(missing, source.columns().iter().map(|column| column.name.as_str()));
        return Err(wrong(format!("key: the select gives no column {missing} that is one staged row's{hint}")));
    }
    let rows = source.sql(&select.with_lineage(&given).sql(names, &columns).map_err(in_file)?);
    // The dimension has its members' decimals without zeros that say nothing.
    let key = source.columns().iter().filter(|column| header.key.contains(&column.name)).map(|column| {
        let name = quote(&column.name);
        format!("{} as {name}", names.engine.by_value(&column.declared, &format!("n.{name}")))
    });
    let list: Vec<_> = key.chain([LOAD_COLUMN, LINE_COLUMN].map(|name| format!("n.{}", quote(name)))).collect();
    Ok(format!("select {} from ({rows}) as n", list.join(", ")))
}

/// Returns the records of a member.
pub(super) async fn of_member(
    transaction: &mut dyn Transaction,
    source: &Source,
    id: i64,
    limit: u64,
) -> Result<Found, TraceError> {
    let Source { table, id: column, key, rows, seen } = source;
    let same: Vec<_> = key.iter().map(|key| format!("n.{key} = d.{key}")).collect();
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    let of_it = |what: &str, rows: &str| {
        format!(
            "select {what} from {rows} as n join {table} as d on {} where d.{column} = {id} and d.{column} <> {UNKNOWN}",
            same.join(" and ")
        )
    };
    let all: Vec<_> = rows.iter().map(|rows| of_it(&format!("n.{load}, n.{line}"), &format!("({rows})"))).collect();
    let sql =
        format!("select distinct {load}, {line} from ({}) as a order by 1, 2 limit {limit}", all.join(" union all "));
    let places = transaction.query(&sql, &[]).await?;
    let mut found = Vec::with_capacity(places.len());
    for row in &places {
        // A member that no file gave has no place.
        found.extend(row.get::<Option<i64>>(0)?.zip(row.get::<Option<i64>>(1)?));
    }
    let mut lacks = Vec::new();
    if let Some(seen) = seen {
        let loads = of_it(&format!("distinct n.{load}"), seen);
        let sql = format!("{loads} and n.{line} is null and n.{load} is not null and not n.{GONE} order by 1");
        for row in &transaction.query(&sql, &[]).await? {
            lacks.push(row.get(0)?);
        }
    }
    Ok(Found { places: found, lacks })
}

/// Returns the reason why a row has no record.
pub(super) fn why_none(table: &Table, row: &Cells) -> String {
    let is_inferred =
        row.get("is_inferred").and_then(|cell| cell.as_str()).is_some_and(|text| text == "true" || text == "1");
    if number(row, &key_column(&table.name)) == Some(UNKNOWN) {
        "it stands for what is unknown".to_owned()
    } else if is_inferred {
        "a fact names it, and no row of its own has come yet".to_owned()
    } else {
        "no row that is in staging now names it: those that did were replaced or taken back, or its select says it by itself".to_owned()
    }
}
