//! The rows of a load that are in its staging table now, counted without reading the rows of other loads where the
//! engine allows that.
//!
//! There is no index over `_load_id`: it would cost every load, and only a duplicate asks. Loads are added one after
//! the other, so the stretch with a load's rows is found by halves, of row numbers on SQLite and of blocks on
//! PostgreSQL. The rows in it are counted, so that a table in another order costs time (one pass over it) and never a
//! wrong number.

use super::{Catalog, first_of};
use crate::schema::LOAD_COLUMN;
use crate::sql::{Engine, Names, Table, quote};
use crate::warehouse::{Scope, Transaction, Value, WarehouseError};

/// Threshold in blocks of a PostgreSQL table: a shorter stretch is read through, not searched by halves.
const FEW_BLOCKS: i64 = 1_000;

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

/// State of a table of staging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not there.
    Gone,
    /// It has no rows.
    Empty,
    /// It has rows.
    Filled,
}

impl Catalog {
    /// The state of a table of staging.
    ///
    /// # Errors
    /// The database's error.
    pub async fn standing(&self, table: &str) -> Result<Standing, WarehouseError> {
        let table = Table::staging(table);
        let mut transaction = self.warehouse.begin(Scope::Short).await?;
        if transaction.columns(&table).await?.is_empty() {
            return Ok(Standing::Gone);
        }
        let is_empty = is_empty(&mut *transaction, self.warehouse.names(), &table).await?;
        Ok(if is_empty { Standing::Empty } else { Standing::Filled })
    }
}

/// Expression for the first row number of a load and of later ones, in a table with loads one after the other; `None`
/// if rows have no numbers.
pub(crate) fn first_place(engine: Engine, table: &str, load: i64) -> Option<String> {
    engine.first_row(table, &quote(LOAD_COLUMN), load)
}

/// Condition for the place of a load's rows, as far as loads follow each other.
async fn stretch(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &str,
    load: i64,
) -> Result<Option<String>, WarehouseError> {
    if let Some(rows) = names.engine.between_rows(table, &quote(LOAD_COLUMN), load) {
        return Ok(Some(rows));
    }
    let blocks = first_of(&transaction.query(Engine::count_blocks(), &[Value::from(table)]).await?)?.unwrap_or(0);
    if blocks <= FEW_BLOCKS {
        return Ok(None);
    }
    let first = first_block(transaction, table, blocks, load).await?;
    let end = first_block(transaction, table, blocks, load + 1).await?;
    // The first row of the load may stand within the block before.
    Ok(Some(Engine::between_blocks((first - 1).max(0), end)))
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
        let next = Engine::first_from_block(table, &quote(LOAD_COLUMN), middle);
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
