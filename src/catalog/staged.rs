//! The rows of a load that are in its staging table now, counted without reading the rows of other loads where the
//! engine allows that.
//!
//! There is no index over `_load_id`: it would cost every load, and only a duplicate asks. Loads are added one after
//! the other, so the stretch with a load's rows is found by halves, of row numbers on SQLite and of blocks on
//! PostgreSQL. The rows in it are counted, so that a table in another order costs time (one pass over it) and never a
//! wrong number.

use super::first_of;
use crate::schema::LOAD_COLUMN;
use crate::sql::{Names, Table, quote};
use crate::warehouse::{Transaction, Value, WarehouseError};

/// Threshold in blocks of a PostgreSQL table: a shorter stretch is read through, not searched by halves.
const FEW_BLOCKS: i64 = 1_000;

/// Blocks of a table, to be searched by halves; 0 for a view, or a server (before 14) that cannot begin at a block.
const BLOCKS: &str = "select case when c.relkind = 'r' and current_setting('server_version_num')::int >= 140000 \
    then pg_relation_size(c.oid) / current_setting('block_size')::bigint else 0 end \
    from pg_class as c where c.oid = to_regclass($1)";

/// Rows of a load in a table, at most `expected`; 0 if there is no such table, or it has no load numbers.
pub(crate) async fn rows_of(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
    load: i64,
    expected: u64,
) -> Result<u64, WarehouseError> {
    let is_staged = transaction.columns(table).await?.iter().any(|column| column.name == LOAD_COLUMN);
    if !is_staged || expected == 0 {
        return Ok(0);
    }
    let table = names.table(table);
    let of_load = format!("{} = {load}", quote(LOAD_COLUMN));
    if let Some(stretch) = stretch(transaction, names, &table, load).await? {
        let there = count(transaction, &table, &format!("{stretch} and {of_load}"), expected).await?;
        if there == expected {
            return Ok(there);
        }
    }
    count(transaction, &table, &of_load, expected).await
}

/// True if a table has no row.
pub(crate) async fn is_empty(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
) -> Result<bool, WarehouseError> {
    if transaction.columns(table).await?.is_empty() {
        return Ok(true);
    }
    let one = format!("select 1 from {} limit 1", names.table(table));
    Ok(transaction.query(&one, &[]).await?.is_empty())
}

/// Expression for the first row number of a load and of later ones, in an SQLite table with loads one after the other:
/// found by halves, so that the rows before need not be read.
pub(crate) fn first_place(table: &str, load: i64) -> String {
    let load_column = quote(LOAD_COLUMN);
    let is_before =
        format!("(select {load_column} from {table} where rowid >= (low + high) / 2 order by rowid limit 1) < {load}");
    format!(
        "with recursive place(low, high) as (select min(rowid), max(rowid) from {table} union all \
         select case when {is_before} then (low + high) / 2 + 1 else low end, case when {is_before} then high else (low + high) / 2 end \
         from place where low < high) select max(low) from place where low >= high"
    )
}

/// Condition for the place of a load's rows, as far as loads follow each other.
async fn stretch(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &str,
    load: i64,
) -> Result<Option<String>, WarehouseError> {
    if names.engine.fills_by_row_number() {
        let (first, last) = (first_place(table, load), first_place(table, load + 1));
        return Ok(Some(format!("rowid between ({first}) and ({last})")));
    }
    let blocks = first_of(&transaction.query(BLOCKS, &[Value::from(table)]).await?)?.unwrap_or(0);
    if blocks <= FEW_BLOCKS {
        return Ok(None);
    }
    let first = first_block(transaction, table, blocks, load).await?;
    let end = first_block(transaction, table, blocks, load + 1).await?;
    // The first row of the load may stand within the block before.
    Ok(Some(format!("ctid >= '({},0)' and ctid < '({end},0)'", (first - 1).max(0))))
}

/// The first block of a PostgreSQL table with no row from before a load.
async fn first_block(
    transaction: &mut dyn Transaction,
    table: &str,
    blocks: i64,
    load: i64,
) -> Result<i64, WarehouseError> {
    let (mut low, mut high) = (0, blocks);
    while low < high {
        let middle = low + (high - low) / 2;
        let next = format!("select {} from {table} where ctid >= '({middle},0)' limit 1", quote(LOAD_COLUMN));
        let found: Option<i64> = first_of(&transaction.query(&next, &[]).await?)?;
        if found.is_some_and(|found| found < load) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Rows for which a condition holds, counted no further than `most`.
async fn count(
    transaction: &mut dyn Transaction,
    table: &str,
    condition: &str,
    most: u64,
) -> Result<u64, WarehouseError> {
    let some = format!("select count(*) from (select 1 from {table} where {condition} limit {most}) as counted");
    Ok(first_of(&transaction.query(&some, &[]).await?)?.unwrap_or(0))
}
