//! Rows whose key comes again take the place of the earlier ones: a file's rows go into a table that only the transaction sees, and
//! from there what differs into the staging table.
//!
//! Rows are compared by their cells and not by a sum of them: a sum would have to be kept with every row, would differ when a file
//! brings fewer columns, and the comparison is exact.

use crate::app::App;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN, Shape, Type};
use crate::warehouse::{Engine, Names, Schema, Table, TableColumn, Transaction, WarehouseError, create_table, quote};

/// One load's rows on their way into a staging table.
pub(crate) struct Upsert {
    table: Table,
    incoming: Table,
    columns: Vec<(String, Type)>,
    key: Vec<String>,
}

impl Upsert {
    /// Makes the table for the file's rows, and an index over the key where there is none.
    pub(crate) async fn begin(
        app: &App,
        transaction: &mut dyn Transaction,
        table: &Table,
        shape: &Shape,
        key: &[String],
    ) -> Result<Upsert, WarehouseError> {
        let names = app.warehouse.names();
        let columns: Vec<_> = shape.columns.iter().map(|one| (one.column.name.clone(), one.column.kind())).collect();
        let incoming = Table { schema: Schema::Temporary, name: "sluice_incoming".to_owned() };
        let upsert = Upsert { table: table.clone(), incoming, columns, key: key.to_vec() };
        let key_columns: Vec<_> = key.iter().map(|name| upsert.key_of(names, &quote(name), name)).collect();
        let key_columns = key_columns.join(", ");
        let sum = blake3::hash(format!("{} {key_columns}", names.shown(table)).as_bytes()).to_hex();
        let index = quote(&format!("sluice_key_{}", &sum[..16]));
        let unique = format!("create unique index if not exists {index} on {} ({key_columns})", names.table(table));
        transaction.execute(&unique, &[]).await.map_err(|error| {
            error.while_doing(&format!("key {}: {} holds rows with the same key", key.join(", "), names.shown(table)))
        })?;
        let declared: Vec<_> = upsert
            .columns
            .iter()
            .map(|(name, kind)| TableColumn { name: name.clone(), declared: names.declared(*kind).to_owned() })
            .collect();
        transaction
            .execute(&create_table(names, &upsert.incoming, &declared, &[LOAD_COLUMN, LINE_COLUMN]), &[])
            .await?;
        Ok(upsert)
    }

    /// A column of the key as it is compared. SQLite keeps decimals as text, so the zeros behind the point are taken off: 1.0 is the key 1.
    fn key_of(&self, names: &Names, column: &str, name: &str) -> String {
        let is_decimal = self.columns.iter().any(|(one, kind)| one == name && *kind == Type::Numeric);
        if names.engine == Engine::Sqlite && is_decimal {
            format!("case when instr({column}, '.') > 0 then rtrim(rtrim({column}, '0'), '.') else {column} end")
        } else {
            column.to_owned()
        }
    }

    /// Where the file's rows go.
    pub(crate) fn incoming(&self) -> &Table {
        &self.incoming
    }

    /// Brings the staging table up to date. Of rows with one key in the file the last one counts. Columns that the file does not
    /// have keep their values. Gives the number of the file's rows that changed nothing.
    pub(crate) async fn merge(&self, names: &Names, transaction: &mut dyn Transaction) -> Result<u64, WarehouseError> {
        let (table, incoming) = (names.table(&self.table), names.table(&self.incoming));
        let same_key = |one: &str, other: &str| {
            let pair = |name: &String| {
                let of = |table: &str| self.key_of(names, &format!("{table}.{}", quote(name)), name);
                format!("{} = {}", of(one), of(other))
            };
            self.key.iter().map(pair).collect::<Vec<_>>().join(" and ")
        };
        let same_row = |(name, kind): &(String, Type)| match (names.engine, kind) {
            // 1.1 and 1.10 are equal, and not the same.
            (Engine::Postgres, Type::Numeric) => format!("t.{0}::text is not distinct from i.{0}::text", quote(name)),
            _ => format!("t.{0} is not distinct from i.{0}", quote(name)),
        };
        let same_rows: Vec<_> = self.columns.iter().map(same_row).collect();
        let grouped: Vec<_> = self.key.iter().map(|name| self.key_of(names, &quote(name), name)).collect();
        let named: Vec<_> =
            grouped.iter().zip(&self.key).map(|(key, name)| format!("{key} as {}", quote(name))).collect();
        let own = [LOAD_COLUMN, LINE_COLUMN].map(str::to_owned);
        let all: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).chain(own).collect();
        let set: Vec<_> = all.iter().map(|name| format!("{0} = i.{0}", quote(name))).collect();
        let replaced = format!(
            "delete from {incoming} as i where exists (select 1 from (select {}, max({LINE_COLUMN}) as last \
             from {incoming} group by {} having count(*) > 1) as d where {} and i.{LINE_COLUMN} < d.last)",
            named.join(", "),
            grouped.join(", "),
            same_key("d", "i")
        );
        let unchanged = format!(
            "delete from {incoming} as i where exists (select 1 from {table} as t where {} and {})",
            same_key("t", "i"),
            same_rows.join(" and ")
        );
        let update =
            format!("update {table} as t set {} from {incoming} as i where {}", set.join(", "), same_key("t", "i"));
        let insert = format!(
            "insert into {table} ({0}) select {0} from {incoming} as i where not exists (select 1 from {table} as t where {1})",
            list(&all),
            same_key("t", "i")
        );
        let mut nothing = 0;
        for sql in [replaced, unchanged] {
            nothing += transaction.execute(&sql, &[]).await?;
        }
        for sql in [update, insert, format!("drop table {incoming}")] {
            transaction.execute(&sql, &[]).await?;
        }
        Ok(nothing)
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}
