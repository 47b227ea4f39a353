//! Brings a dimension up to date.

use super::reshape::Columns;
use super::rows::Rows;
use super::table::Run;
use super::work::Work;
use super::{RunError, TableChange};
use crate::project::{Calendar, Dimension, Model, key_column};
use crate::schema::LOAD_COLUMN;
use crate::sql::{Schema, Table, TableColumn, TableDef};
use crate::star::{DimensionSql, NEW, UNKNOWN, calendar_columns, calendar_values};
use crate::text::counted;

/// The temporary table with the keys of versions that a dimension without history drops.
const OLD: &str = "sluice_old";

/// The number of a calendar's rows in one statement.
const DAYS: usize = 1000;

impl Run<'_> {
    /// Brings a dimension with a select up to date; returns the highest surrogate key that was ever given.
    pub(super) async fn dimension(
        &mut self,
        model: &Model,
        header: &Dimension,
        rows: &Rows,
        work: &Work,
        change: &mut TableChange,
    ) -> Result<i64, RunError> {
        let columns = rows.source.columns();
        for (word, names) in [
            ("key", header.key.iter().collect::<Vec<_>>()),
            ("history", header.history.iter().collect()),
            ("at", header.at.iter().filter(|at| *at != LOAD_COLUMN || !rows.source.has_lineage()).collect()),
            ("unknown", header.unknown.keys().collect()),
        ] {
            Run::must_give(model, columns, word, &names)?;
        }
        header.fits(columns).map_err(|why| model.error_of_word(why))?;
        let sql =
            DimensionSql::new(self.names, &model.name, header, columns, rows.source.has_lineage(), self.infers(model))
                .with_newest(rows.newest)
                .with_long_keys(self.long_keys);
        Run::must_differ(model, &sql.table_columns(), Some(&Run::id(model)))?;
        // Rows that staging has lost still count for the past, and so do rows of a select that dates them by the newest
        // load.
        let forgets = rows.replaced || rows.upserted;
        let sums_up = !rows.source.has_lineage() && (sql.is_dated_by_load() || !rows.grows);
        let remembers = sql.is_historic() && (forgets || sums_up);
        let keeps = !sql.is_historic() && rows.replaced;
        let restricted = match work {
            Work::Loads(loads) if loads.gone.is_empty() && !remembers => Some(loads),
            _ => None,
        };
        let source = match restricted {
            Some(loads) => {
                let part = self.part(model, rows, loads, false).await?;
                self.all(model, sql.observe(&part, NEW)).await?;
                self.drop_part(model).await?;
                // Rows without a key belong to no affected member.
                self.must_have_key(model, header, &sql).await?;
                self.all(model, sql.note_affected()).await?;
                sql.of_affected(&rows.all)
            }
            None => rows.all.clone(),
        };
        self.all(model, sql.observe(&source, NEW)).await?;
        self.must_be_named(model, header, &sql).await?;
        self.stand(model, header, &sql, work).await?;
        if remembers {
            self.remember(model, header, rows, &sql).await?;
        }
        let highest =
            self.merge(model, &sql, restricted.is_some(), remembers, keeps, *work == Work::First, change).await?;
        self.all(model, sql.clear(restricted.is_some())).await?;
        Ok(highest)
    }

    /// Fails if the natural key changes: surrogate keys were given by it.
    async fn must_keep_key(&mut self, model: &Model, header: &Dimension, sql: &DimensionSql) -> Result<(), RunError> {
        let retired = Table { schema: Schema::Catalog, name: format!("{}_retired", model.name) };
        let own = [Run::id(model), "valid_from".to_owned()];
        let stood = self.transaction.columns(&retired).await?.into_iter().map(|column| column.name);
        let mut stood: Vec<_> = stood.filter(|name| !own.contains(name)).collect();
        let mut key: Vec<_> = sql.retired_columns().into_iter().map(|column| column.name).collect();
        key.retain(|name| !own.contains(name));
        stood.sort();
        key.sort();
        if stood.is_empty() || stood == key {
            return Ok(());
        }
        let (table, retired) = (self.names.shown(&Table::datawarehouse(&model.name)), self.names.shown(&retired));
        Err(model
            .error_of_word(format!(
                "key: it was ({}) and is ({}): the members there are have their keys by the old one; give the dimension another name, \
                 or drop {table} and {retired} to give new keys",
                stood.join(", "),
                header.key.join(", ")
            ))
            .into())
    }

    /// Creates the table, or alters it to the columns of its file.
    async fn stand(
        &mut self,
        model: &Model,
        header: &Dimension,
        sql: &DimensionSql,
        work: &Work,
    ) -> Result<(), RunError> {
        if matches!(work, Work::Loads(_)) {
            return Ok(());
        }
        let stands = self.existing(model).await?;
        if stands.is_empty() {
            self.all(model, sql.create()).await?;
        } else {
            self.must_keep_key(model, header, sql).await?;
            self.all(model, sql.create_retired()).await?;
            let retired = Table { schema: Schema::Catalog, name: format!("{}_retired", model.name) };
            self.follow(model, &retired, &sql.retired_columns()).await?;
            let id = Run::id(model);
            let had_versions = stands.iter().any(|column| column.name == "valid_from");
            let old = self.old_versions(model, sql, &stands).await?;
            if let Some(old) = &old {
                self.unversioned.insert(model.name.clone());
                let old = format!("create temp table {OLD} as select {id} from {} where {old}", self.shown(model));
                self.execute(model, &old).await?;
            }
            // The time from which a row holds is kept in valid_from.
            let moved = |column: &TableColumn| sql.is_historic() && header.at.as_ref() == Some(&column.name);
            for column in stands.iter().filter(|column| moved(column)) {
                self.let_go(model, &Table::datawarehouse(&model.name), &column.name).await?;
            }
            let stands: Vec<_> = stands.into_iter().filter(|column| column.name != id && !moved(column)).collect();
            let is_indexed_anew = had_versions != sql.is_historic() || old.is_some();
            if is_indexed_anew {
                self.execute(model, &sql.drop_index()).await?;
            }
            let columns = Columns { all: &sql.table_columns(), key: &header.key, ..Columns::default() };
            self.reshape(model, &Table::datawarehouse(&model.name), &stands, &columns).await?;
            // After the columns, because PostgreSQL alters no table with pending reference checks.
            if old.is_some() {
                self.execute(
                    model,
                    &format!("delete from {} where {id} in (select {id} from {OLD})", self.shown(model)),
                )
                .await?;
                self.execute(model, &format!("drop table {OLD}")).await?;
            }
            if is_indexed_anew {
                self.finally.push(sql.create_index());
            }
        }
        self.execute(model, &sql.name_unknown(header)).await.map(drop)
    }

    /// Returns the condition for versions that the table may drop: those that are not current, if it has no history any
    /// more, and those that would begin at the same time as another one.
    async fn old_versions(
        &mut self,
        model: &Model,
        sql: &DimensionSql,
        stands: &[TableColumn],
    ) -> Result<Option<String>, RunError> {
        let Some(valid) = stands.iter().find(|column| column.name == "valid_from") else { return Ok(None) };
        if !sql.is_historic() {
            self.must_drop(model, "history: its members have versions, of which only the current ones would stay")?;
            return Ok(Some(format!("{} <> {UNKNOWN} and not is_current", Run::id(model))));
        }
        if valid.declared == sql.valid() {
            return Ok(None);
        }
        let at_once = sql.at_once();
        let count = self.count(model, &format!("select count(*) from {} where {at_once}", self.shown(model))).await?;
        if count == 0 {
            return Ok(None);
        }
        let versions = counted(count, "version");
        self.must_drop(model, &format!("at: {versions} would begin on the same day as another one of the member"))?;
        Ok(Some(at_once))
    }

    /// Fails if a row has no natural key.
    async fn must_have_key(&mut self, model: &Model, header: &Dimension, sql: &DimensionSql) -> Result<(), RunError> {
        let nameless = self.count(model, &sql.count_nameless()).await?;
        self.must_be_given(model, "key", &header.key, nameless, sql.first_nameless()).await
    }

    /// Fails if a row lacks its natural key or its time, or two rows disagree.
    async fn must_be_named(&mut self, model: &Model, header: &Dimension, sql: &DimensionSql) -> Result<(), RunError> {
        self.must_have_key(model, header, sql).await?;
        if self.count_some(model, sql.count_timeless()).await? > 0 {
            let at = header.at.as_deref().unwrap_or_default();
            let first = self.first_of(model, sql.first_timeless()).await?;
            return Err(model
                .error_of_word(format!(
                    "at: rows of the select have NULL in {at}{first}: leave them out, or say when they hold"
                ))
                .into());
        }
        if let Some(repeated) = sql.repeated()
            && self.count(model, &sql.has_repeats()).await? > 0
        {
            self.must_be_unique(model, "key", &repeated).await?;
        }
        Ok(())
    }

    /// Merges the versions of the rows into the table; returns the highest key that was ever given.
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
    async fn merge(
        &mut self,
        model: &Model,
        sql: &DimensionSql,
        restricted: bool,
        remembers: bool,
        keeps: bool,
        is_new: bool,
        change: &mut TableChange,
    ) -> Result<i64, RunError> {
        let highest = self.states.get(&model.name).map(|state| state.highest_key).unwrap_or_default();
        self.all(model, sql.make_versions(remembers)).await?;
        if is_new {
            change.inserted = self.execute(model, &sql.insert(highest)).await?;
            return self.counted(model, change).await;
        }
        self.all(model, sql.adopt()).await?;
        let touched = format!("sluice_t_{}", model.name);
        self.all(model, sql.note_moved(&touched, restricted, keeps)).await?;
        self.touched.insert(model.name.clone(), touched);
        if let (true, Some(fewer)) = (self.redefined, sql.count_fewer()) {
            let fewer = self.count(model, &fewer).await?;
            if fewer > 0 {
                let why = format!("history: of the versions that members have, {fewer} would go");
                self.must_drop(model, &why)?;
            }
        }
        change.closed = self.count_some(model, sql.count_closed()).await?;
        change.new_versions = self.count_some(model, sql.count_new_versions()).await?;
        if let Some(update) = sql.update() {
            change.updated = self.execute(model, &update).await?;
        }
        change.inserted = self.execute(model, &sql.insert(highest)).await?;
        if !keeps {
            change.deleted = self.all(model, sql.retire(restricted)).await?;
        }
        self.counted(model, change).await
    }

    /// Counts the members; returns the highest key.
    async fn counted(&mut self, model: &Model, change: &mut TableChange) -> Result<i64, RunError> {
        let (id, table) = (Run::id(model), self.shown(model));
        let found = self.query(model, &format!("select count(*) - 1, max({id}) from {table}")).await?;
        let Some(row) = found.first() else { return Ok(0) };
        change.rows = row.get::<i64>(0)?.unsigned_abs();
        Ok(row.get::<Option<i64>>(1)?.unwrap_or_default())
    }

    /// Brings a dimension of days up to date.
    pub(super) async fn calendar(
        &mut self,
        model: &Model,
        calendar: Calendar,
        work: &Work,
        change: &mut TableChange,
    ) -> Result<(), RunError> {
        let columns = calendar_columns(self.names.engine);
        let header = Dimension { key: vec!["date".to_owned()], ..Dimension::default() };
        let sql = DimensionSql::new(self.names, &model.name, &header, &columns, false, false).with_ids();
        self.stand(model, &header, &sql, work).await?;
        let mut all = vec![TableColumn::new(key_column(&model.name), "bigint")];
        all.extend(columns);
        self.execute(model, &self.names.create_table(&TableDef::new(Table::temporary(NEW), all))).await?;
        let days: Vec<_> = calendar_values(calendar).collect();
        for some in days.chunks(DAYS) {
            self.execute(model, &format!("insert into {NEW} values {}", some.join(", "))).await?;
        }
        self.merge(model, &sql, false, false, false, *work == Work::First, change).await?;
        self.all(model, sql.clear(false)).await?;
        Ok(())
    }
}
