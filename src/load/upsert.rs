//! Upsert: rows whose key comes again replace the earlier ones. A file's rows go into a table that only the transaction
//! sees, and from there the differing ones into the staging table. The rows of the first file go straight into it.
//!
//! Rows are compared by their cells and not by a hash: a hash would have to be kept with every row, would differ when a
//! file brings fewer columns, and the comparison is exact.

use chrono::{DateTime, Utc};

use crate::catalog::{History, Key};
use crate::schema::{Column, EXTRA_COLUMN, Evolution, Fits, KEY_BYTES, LINE_COLUMN, LOAD_COLUMN, Projection, Type};
use crate::sql::{Names, Schema, Table, TableColumn, TableDef, quote};
use crate::warehouse::{Transaction, WarehouseError};

/// An upsert of one load's rows into a staging table.
pub(crate) struct Upsert<'a> {
    names: &'a Names,
    table: Table,
    /// Table of the file's rows; none if the staging table is new.
    incoming: Option<Table>,
    columns: Vec<(String, Type)>,
    key: Key<'a>,
    load_id: i64,
}

/// Place of a row among those of one load, a column of the table of changed rows. No column of a file has a blank in
/// its name.
const PLACE: &str = "\"row place\"";

/// Beginning of the names of indexes over keys.
const INDEX: &str = "sluice_key_";

/// The columns of the key that are numbers so far and become text with a load.
pub(crate) fn numbers_to_texts(key: &[String], evolution: &Evolution) -> Vec<String> {
    let is_number = |from: Fits| matches!(from.narrowest(), Type::Bigint | Type::Numeric);
    let widened =
        evolution.widened().filter(|(place, from)| is_number(*from) && evolution.columns[*place].kind() == Type::Text);
    widened.map(|(place, _)| evolution.columns[place].name.clone()).filter(|name| key.contains(name)).collect()
}

/// Refuses to widen a column of the key to text if the files' notation of its values is not known: an old row would
/// have another form than the new one of the same key, and both would stand in the table.
pub(crate) fn keeps_its_key(key: &[String], evolution: &Evolution) -> Result<(), String> {
    let is_lost = |(place, from): &(usize, Fits)| {
        let Column { name, fits, .. } = &evolution.columns[*place];
        let has_form = match from.narrowest() {
            Type::Double => false,
            Type::Timestamp | Type::Timestamptz => from.has_form(),
            _ => true,
        };
        key.contains(name) && fits.narrowest() == Type::Text && !from.is_undecided() && !has_form
    };
    let Some((place, from)) = evolution.widened().find(is_lost) else { return Ok(()) };
    let (name, kind) = (&evolution.columns[place].name, from.narrowest());
    Err(format!(
        "key: with this file the column {name} would become text, and its values of type {kind} were not written in one form that could be \
         written again: rows of the same key would stand twice; fix the value that is no {kind}, or say type: text of \
          {name} in the plugin, \
         drop the table with app drop and bring all of its files again"
    ))
}

/// Drops the indexes over keys of a table but the one of this name: over a key that its plugin had before, over the key as it
/// was compared while its texts were numbers. They would refuse rows that are right now. Nobody else's has such a name.
/// Returns true if there was one.
pub(crate) async fn drop_keys(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
    but: Option<&str>,
) -> Result<bool, WarehouseError> {
    let indexes = transaction.query(&names.engine.indexes_of(names, table), &[]).await?;
    let own = indexes.iter().filter_map(|row| row.text(0)).filter(|name| name.starts_with(INDEX));
    let mut dropped = false;
    for other in own.filter(|name| Some(*name) != but) {
        transaction.execute(&names.engine.drop_index(&names.table(table), other), &[]).await?;
        dropped = true;
    }
    Ok(dropped)
}

impl<'a> Upsert<'a> {
    /// Upsert of rows of this shape, into a table of the columns `known`, of which `numbers` are or were numbers; in some
    /// columns of the key NULL may be a value. `is_new` means that this load made it.
    pub(crate) fn new(
        names: &'a Names,
        table: &Table,
        shape: &Projection,
        (known, numbers): (&[TableColumn], &[String]),
        key: (&'a [String], &'a [String]),
        is_new: bool,
        load_id: i64,
    ) -> Self {
        let mut columns: Vec<_> =
            shape.columns.iter().map(|one| (one.column.name.clone(), one.column.kind())).collect();
        // The surplus is the record's own: that of the replaced row goes.
        let is_without = columns.iter().all(|(name, _)| name != EXTRA_COLUMN);
        if is_without && names.engine.has_column(known, EXTRA_COLUMN) {
            columns.push((EXTRA_COLUMN.to_owned(), Type::Text));
        }
        let incoming = names.incoming(load_id);
        let key = Key::new(names.engine, key, columns.iter().map(|(name, kind)| (name.as_str(), *kind)), numbers);
        Upsert { names, table: table.clone(), incoming: (!is_new).then_some(incoming), columns, key, load_id }
    }

    /// The table for the file's rows.
    pub(crate) fn into(&self) -> &Table {
        self.incoming.as_ref().unwrap_or(&self.table)
    }

    /// Creates the table for the file's rows, and an index over the key if there is none.
    pub(crate) async fn begin(&self, transaction: &mut dyn Transaction) -> Result<(), WarehouseError> {
        let history = History::of(self.names, &self.table);
        history.fits(self.columns.len() + 2)?;
        let Some(incoming) = &self.incoming else { return Ok(()) };
        self.make_unique(transaction).await?;
        history.ready(transaction).await?;
        let declared = |(name, kind): &(String, Type)| TableColumn {
            name: name.clone(),
            declared: self.names.declared(*kind).to_owned(),
        };
        let declared: Vec<_> = self.columns.iter().map(declared).collect();
        let def = TableDef::new(incoming.clone(), declared).with_counts(&[LOAD_COLUMN, LINE_COLUMN]);
        transaction.execute(&self.names.create_table(&def), &[]).await.map(drop)
    }

    /// Updates the staging table. The last row of each key in the file counts. Columns that the file lacks keep their
    /// values. `copied` rows came; what they replace is kept as of `now`. Returns the number of new or changed ones, and of those whose
    /// key came again, where that `counts`.
    pub(crate) async fn merge(
        &self,
        transaction: &mut dyn Transaction,
        copied: u64,
        now: DateTime<Utc>,
        counts: bool,
    ) -> Result<(u64, u64), WarehouseError> {
        let Some(incoming) = &self.incoming else {
            let repeated = self.keep_last(transaction).await?;
            return Ok((copied - repeated, repeated));
        };
        let incoming = self.names.table(incoming);
        let mut repeated = 0;
        if counts {
            let keys = self.key.columns().join(", ");
            let keys = format!("select count(*) from (select 1 from {incoming} group by {keys}) as k");
            let keys = transaction.query(&keys, &[]).await?.into_iter().flatten().flatten().next();
            repeated = copied - keys.and_then(|keys| keys.parse::<u64>().ok()).unwrap_or(copied).min(copied);
        }
        Ok((self.merge_changed(transaction, &incoming, now).await?, repeated))
    }

    /// Removes earlier rows with the same key from a new table, if there are any; returns their number.
    async fn keep_last(&self, transaction: &mut dyn Transaction) -> Result<u64, WarehouseError> {
        transaction.execute("savepoint sluice_unique", &[]).await?;
        match self.make_unique(transaction).await {
            Ok(()) => {
                transaction.execute("release savepoint sluice_unique", &[]).await?;
                return Ok(0);
            }
            Err(WarehouseError::Refused(_)) => {}
            Err(other) => return Err(other),
        }
        transaction.execute("rollback to savepoint sluice_unique", &[]).await?;
        let (table, keys) = (self.names.table(&self.table), self.key.columns());
        let named: Vec<_> =
            keys.iter().zip(self.key.names).map(|(key, name)| format!("{key} as {}", quote(name))).collect();
        // Records of one line have places of their own.
        let place = |of: &str| self.names.engine.place_number(of);
        let earlier = format!(
            "delete from {table} as i where exists (select 1 from (select {}, max({}) as last \
             from {table} group by {} having count(*) > 1) as d where {} and {} < d.last)",
            named.join(", "),
            place(""),
            keys.join(", "),
            self.key.same("d", "i"),
            place("i.")
        );
        let gone = transaction.execute(&earlier, &[]).await?;
        self.make_unique(transaction).await?;
        Ok(gone)
    }

    async fn merge_changed(
        &self,
        transaction: &mut dyn Transaction,
        incoming: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, WarehouseError> {
        let engine = self.names.engine;
        let table = self.names.table(&self.table);
        let changed = self.names.table(&Table { schema: Schema::Temporary, name: "sluice_changed".to_owned() });
        let same_cell = |(name, kind): &(String, Type)| {
            let name = quote(name);
            let same = format!("t.{name} is not distinct from i.{name}");
            match kind {
                Type::Numeric => same + &engine.and_same_scale(&format!("t.{name}"), &format!("i.{name}")),
                _ => same,
            }
        };
        // SQLite takes at most a thousand conditions in a row.
        let same_cells: Vec<_> = self.columns.iter().map(same_cell).collect();
        let same_cells: Vec<_> = same_cells.chunks(500).map(|some| format!("({})", some.join(" and "))).collect();
        let place = engine.place();
        let differing = format!(
            "create temporary table sluice_changed as select i.*, i.{place} as {PLACE} from {incoming} as i left join {table} as t on {} \
             where t.{LINE_COLUMN} is null or not ({})",
            self.key.same("t", "i"),
            same_cells.join(" and ")
        );
        // Few rows change as a rule, so each is looked up while all of the file's rows pass.
        let same_key = self.key.same("c", "i");
        let replaced = engine.delete_few(&changed, incoming, &same_key, &format!("i.{place} > c.{PLACE}"));
        let found = engine.after_comparison(&changed, "sluice_changed", &self.key.columns().join(", "));
        let before = engine.before_comparison().iter().map(|&sql| sql.to_owned());
        let statements: Vec<_> = before.chain([differing, found, replaced]).collect();
        for sql in &statements {
            transaction.execute(sql, &[]).await?;
        }
        History::of(self.names, &self.table)
            .keep(transaction, &changed, &self.key, self.load_id, now.timestamp())
            .await?;

        let own = [LOAD_COLUMN, LINE_COLUMN].map(str::to_owned);
        let all: Vec<_> = self.columns.iter().map(|(name, _)| name).chain(&own).map(|name| quote(name)).collect();
        let set: Vec<_> = all.iter().map(|name| format!("{name} = i.{name}")).collect();
        let (all, same_key) = (all.join(", "), self.key.same("t", "i"));
        let update = format!("update {table} as t set {} from {changed} as i where {same_key}", set.join(", "));
        let insert = format!(
            "insert into {table} ({all}) select {all} from {changed} as i where not exists (select 1 from {table} as t where {same_key})"
        );
        let touched = transaction.execute(&update, &[]).await? + transaction.execute(&insert, &[]).await?;
        let expected = transaction.query(&format!("select count(*) from {changed}"), &[]).await?;
        let expected = expected.into_iter().flatten().flatten().next().unwrap_or_default();
        if expected != touched.to_string() {
            return Err(WarehouseError::Refused(format!(
                "the rows do not add up: {expected} are new or changed, and {} took {touched}; a trigger or rule may leave some out",
                self.names.shown(&self.table)
            )));
        }
        for table in [incoming, &changed] {
            transaction.execute(&format!("drop table {table}"), &[]).await?;
        }
        Ok(touched)
    }

    async fn make_unique(&self, transaction: &mut dyn Transaction) -> Result<(), WarehouseError> {
        let (keys, shown) = (self.key.columns().join(", "), self.names.shown(&self.table));
        let sum = blake3::hash(format!("{shown} {keys}").as_bytes()).to_hex();
        let name = format!("{INDEX}{}", &sum[..16]);
        drop_keys(transaction, self.names, &self.table, Some(&name)).await?;
        let index = quote(&name);
        let unique = format!("create unique index if not exists {index} on {} ({keys})", self.names.table(&self.table));
        transaction.execute(&unique, &[]).await.map(drop).map_err(|error| {
            let key = self.key.names.join(", ");
            let what = match &error {
                WarehouseError::Refused(_) => format!("key {key}: {shown} holds rows with the same key"),
                WarehouseError::TooLong(_) => format!(
                    "key {key}: {shown} holds a row, of a time when this was no key of its, whose key has more bytes than an \
                     index takes ({KEY_BYTES} are always taken); take that row out, or drop the table and bring its files \
                     again"
                ),
                _ => format!("key {key} of {shown}"),
            };
            error.while_doing(&what)
        })
    }
}
