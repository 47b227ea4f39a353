//! History of an upsert: `sluice.<table>_before` holds each row that a later load changed, as it was, so that the later
//! load can be retracted. It is written in the load's own transaction, and for changed rows only.

use std::time::Duration;

use crate::catalog::{Key, KeyNames};
use crate::schema::{Column, LINE_COLUMN, LOAD_COLUMN, Type};
use crate::sql::{Names, Schema, Table, TableColumn, TableDef, quote};
use crate::warehouse::{Transaction, Value, WarehouseError};

/// Retention of replaced rows. An older load cannot be retracted if a later one may have replaced its rows.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The load that replaced the row, the time (in seconds since 1970), and the key columns. No column of a file has a
/// blank in its name.
const BY: &str = "\"replaced by\"";
const AT: &str = "\"replaced at\"";
const KEY: &str = "\"key columns\"";

/// Greatest number of columns of a table with history: PostgreSQL's limit less the three above.
const MOST: usize = 1_600 - 3;

/// The replaced rows of one staging table.
pub(crate) struct History<'a> {
    names: &'a Names,
    table: &'a Table,
    before: Table,
}

/// Row counts of a retraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// Rows that were deleted.
    pub(crate) removed: u64,
    /// Rows that are again as they were before the load.
    pub(crate) restored: u64,
}

impl<'a> History<'a> {
    /// History of a staging table.
    pub(crate) fn of(names: &'a Names, table: &'a Table) -> Self {
        let mut name = format!("{}_before", table.name);
        if name.len() > 63 {
            name = format!("before_{}", &blake3::hash(table.name.as_bytes()).to_hex()[..32]);
        }
        History { names, table, before: Table { schema: Schema::Catalog, name } }
    }

    /// Refuses a table with more columns than can be kept.
    pub(crate) fn fits(&self, columns: usize) -> Result<(), WarehouseError> {
        if columns <= MOST {
            return Ok(());
        }
        let shown = self.names.shown(self.table);
        Err(WarehouseError::Refused(format!(
            "{shown} would have {columns} columns, and mode: upsert takes {MOST} at most, {LOAD_COLUMN} and {LINE_COLUMN} among them; \
             let the plugin take fewer"
        )))
    }

    /// True if rows of the table were ever replaced.
    pub(crate) async fn exists(&self, transaction: &mut dyn Transaction) -> Result<bool, WarehouseError> {
        Ok(!transaction.columns(&self.before).await?.is_empty())
    }

    /// The history table, with the staging table's columns among its own.
    pub(crate) fn kept(&self) -> &Table {
        &self.before
    }

    /// Creates the history table if there is none.
    pub(crate) async fn ready(&self, transaction: &mut dyn Transaction) -> Result<(), WarehouseError> {
        if self.exists(transaction).await? {
            return Ok(());
        }
        let mut columns = transaction.columns(self.table).await?;
        self.fits(columns.len())?;
        columns.extend([BY, AT, KEY].map(|name| TableColumn {
            name: name.trim_matches('"').to_owned(),
            declared: self.names.declared(if name == KEY { Type::Text } else { Type::Bigint }).to_owned(),
        }));
        transaction.execute(&self.names.create_table(&TableDef::new(self.before.clone(), columns)), &[]).await?;
        let before = self.names.table(&self.before);
        let sum = blake3::hash(self.names.shown(&self.before).as_bytes()).to_hex();
        let index = quote(&format!("sluice_replaced_by_{}", &sum[..16]));
        transaction.execute(&format!("create index {index} on {before} ({BY})"), &[]).await.map(drop)
    }

    /// Drops the history table, if there is one: the staging table is not there.
    pub(crate) async fn forget(&self, transaction: &mut dyn Transaction) -> Result<(), WarehouseError> {
        if self.exists(transaction).await? {
            transaction.execute(&format!("drop table {}", self.names.table(&self.before)), &[]).await?;
        }
        Ok(())
    }

    /// Keeps the staging table's rows that `changed` replaces, by the key; forgets rows older than [`KEPT`].
    pub(crate) async fn keep(
        &self,
        transaction: &mut dyn Transaction,
        changed: &str,
        key: &Key<'_>,
        load_id: i64,
        now: i64,
    ) -> Result<(), WarehouseError> {
        let columns = self.columns(transaction).await?;
        let (all, of_table) = (columns.join(", "), prefixed("t", &columns));
        let (table, before, same_key) =
            (self.names.table(self.table), self.names.table(&self.before), key.same("t", "i"));
        let joined = self.names.engine.join_few();
        let keep = format!(
            "insert into {before} ({all}, {BY}, {AT}, {KEY}) select {of_table}, $1, $2, $3 \
             from {changed} as i {joined} {table} as t on {same_key}"
        );
        transaction.execute(&keep, &[load_id.into(), now.into(), Value::from(key.words().as_str())]).await?;
        // Rows go by the load, as they come.
        let oldest = format!("select min({BY}) from {before}");
        let forget = format!("delete from {before} where {BY} = ({oldest}) and {AT} < $1");
        let kept = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        transaction.execute(&forget, &[(now - kept).into()]).await.map(drop)
    }

    /// Takes a load's rows out of the staging table. The rows that it replaced come back, unless a later load has
    /// replaced them in turn; its other rows are deleted. `known` are the staging table's columns, and `numbers`
    /// those that are or were numbers.
    pub(crate) async fn take_back(
        &self,
        transaction: &mut dyn Transaction,
        load_id: i64,
        known: &[Column],
        numbers: &[String],
    ) -> Result<TakenBack, WarehouseError> {
        let (table, before) = (self.names.table(self.table), self.names.table(&self.before));
        let load = Value::from(load_id);
        let mut taken = TakenBack::default();
        if self.exists(transaction).await? {
            let columns = self.columns(transaction).await?;
            let set: Vec<_> = columns.iter().map(|name| format!("{name} = h.{name}")).collect();
            let keys = format!("select distinct {KEY} from {before} where {BY} = $1 or {LOAD_COLUMN} = $1");
            for words in transaction.query(&keys, std::slice::from_ref(&load)).await?.into_iter().flatten().flatten() {
                let names = KeyNames::read(&words);
                let kinds = known.iter().map(|one| (one.name.as_str(), one.kind()));
                let key = names.key(self.names.engine, kinds, numbers);
                let values = [load.clone(), Value::from(words.as_str())];
                let restore = format!(
                    "update {table} as t set {} from {before} as h \
                     where h.{BY} = $1 and h.{KEY} = $2 and t.{LOAD_COLUMN} = $1 and {}",
                    set.join(", "),
                    key.same("t", "h")
                );
                taken.restored += transaction.execute(&restore, &values).await?;
                let mend = format!(
                    "update {before} as p set {BY} = c.{BY}, {AT} = c.{AT} from {before} as c \
                     where p.{BY} = $1 and c.{LOAD_COLUMN} = $1 and c.{KEY} = $2 and {}",
                    key.same("p", "c")
                );
                transaction.execute(&mend, &values).await?;
            }
            let forget = format!("delete from {before} where {BY} = $1 or {LOAD_COLUMN} = $1");
            transaction.execute(&forget, std::slice::from_ref(&load)).await?;
        }
        taken.removed = transaction.execute(&format!("delete from {table} where {LOAD_COLUMN} = $1"), &[load]).await?;
        Ok(taken)
    }

    /// The staging table's columns, quoted.
    async fn columns(&self, transaction: &mut dyn Transaction) -> Result<Vec<String>, WarehouseError> {
        Ok(transaction.columns(self.table).await?.iter().map(|column| quote(&column.name)).collect())
    }
}

fn prefixed(table: &str, columns: &[String]) -> String {
    columns.iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
}
