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
    /// have keep their values. Gives the number of rows that are new or changed.
    pub(crate) async fn merge(&self, names: &Names, transaction: &mut dyn Transaction) -> Result<u64, WarehouseError> {
        let (table, incoming) = (names.table(&self.table), names.table(&self.incoming));
        let changed = names.table(&Table { schema: Schema::Temporary, name: "sluice_changed".to_owned() });
        let same_key = |one: &str, other: &str| {
            let pair = |name: &String| {
                let of = |table: &str| self.key_of(names, &format!("{table}.{}", quote(name)), name);
                format!("{} = {}", of(one), of(other))
            };
            self.key.iter().map(pair).collect::<Vec<_>>().join(" and ")
        };
        let same_cell = |(name, kind): &(String, Type)| {
            let same = format!("t.{0} is not distinct from i.{0}", quote(name));
            match (names.engine, kind) {
                // 1.1 and 1.10 are equal, and not the same.
                (Engine::Postgres, Type::Numeric) => {
                    format!("{same} and scale(t.{0}) is not distinct from scale(i.{0})", quote(name))
                }
                _ => same,
            }
        };
        let same_cells: Vec<_> = self.columns.iter().map(same_cell).collect();
        let own = [LOAD_COLUMN, LINE_COLUMN].map(str::to_owned);
        let all: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).chain(own).collect();
        let set: Vec<_> = all.iter().map(|name| format!("{0} = i.{0}", quote(name))).collect();
        let keys: Vec<_> = self.key.iter().map(|name| self.key_of(names, &quote(name), name)).collect();
        let differing = format!(
            "create temporary table sluice_changed as select i.* from {incoming} as i left join {table} as t on {} \
             where t.{LINE_COLUMN} is null or not ({})",
            same_key("t", "i"),
            same_cells.join(" and ")
        );
        // What changes is rather little, so it is looked up while the file's rows pass.
        let replaced = match names.engine {
            Engine::Postgres => format!(
                "delete from {changed} as c using {incoming} as i where {} and i.{LINE_COLUMN} > c.{LINE_COLUMN}",
                same_key("c", "i")
            ),
            Engine::Sqlite => format!(
                "delete from {changed} where rowid in (select c.rowid from {incoming} as i cross join {changed} as c \
                 on {} where i.{LINE_COLUMN} > c.{LINE_COLUMN})",
                same_key("c", "i")
            ),
        };
        let update =
            format!("update {table} as t set {} from {changed} as i where {}", set.join(", "), same_key("t", "i"));
        let insert = format!(
            "insert into {table} ({0}) select {0} from {changed} as i where not exists (select 1 from {table} as t where {1})",
            list(&all),
            same_key("t", "i")
        );
        let index =
            format!("create index {} on sluice_changed ({})", temporary(names, "sluice_changed_key"), keys.join(", "));
        for sql in [differing, index, replaced] {
            transaction.execute(&sql, &[]).await?;
        }
        let mut touched = 0;
        for sql in [update, insert] {
            touched += transaction.execute(&sql, &[]).await?;
        }
        for table in [incoming, changed] {
            transaction.execute(&format!("drop table {table}"), &[]).await?;
        }
        Ok(touched)
    }
}

/// An index over a temporary table is in its schema on SQLite, and on PostgreSQL without saying so.
fn temporary(names: &Names, index: &str) -> String {
    match names.engine {
        Engine::Postgres => quote(index),
        Engine::Sqlite => format!("temp.{}", quote(index)),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}
