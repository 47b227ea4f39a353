//! Brings a dimension up to date.

use tracing::warn;

use super::RunError;
use super::build::Build;
use super::members::touched;
use super::reshape::Columns;
use super::rows::Rows;
use super::work::{Loads, Work};
use crate::project::{Calendar, Dimension, Kind, key_column};
use crate::schema::LOAD_COLUMN;
use crate::sql::{Schema, Table, TableColumn, TableDef, quote};
use crate::star::{DimensionSql, NEW, RENAMED, UNKNOWN, calendar_columns, calendar_values, widened};
use crate::text::counted;

/// The temporary table with the keys of versions that a dimension without history drops.
const OLD: &str = "sluice_old";

/// The number of a calendar's rows in one statement.
const DAYS: usize = 1000;

/// The decisions about a dimension, before anything is written.
pub(super) struct DimensionPlan<'b> {
    pub(super) header: &'b Dimension,
    pub(super) sql: DimensionSql,
    work: &'b Work,
    /// The new loads, if only the members in their rows are compared.
    restricted: Option<&'b Loads>,
    /// True if rows that staging has lost still count.
    remembers: bool,
    /// True if members without a row stay.
    keeps: bool,
}

impl Build<'_> {
    /// Brings a dimension with a select up to date; returns the highest surrogate key that was ever given.
    pub(super) async fn dimension(&mut self, header: &Dimension, rows: &Rows, work: &Work) -> Result<i64, RunError> {
        let dimension = self.plan_dimension(header, rows, work)?;
        let sql = &dimension.sql;
        let source = match dimension.restricted {
            Some(loads) => {
                let part = self.part(rows, loads, false).await?;
                self.all(sql.observe(&part, NEW)).await?;
                self.drop_part().await?;
                // Rows without a key belong to no affected member.
                self.must_have_key(&dimension).await?;
                self.all(sql.note_affected()).await?;
                sql.of_affected(&rows.all)
            }
            None => rows.all.clone(),
        };
        self.all(sql.observe(&source, NEW)).await?;
        let lacking = self.lacking(rows).await?;
        self.all(sql.keep_lacking(&lacking)).await?;
        self.must_be_named(&dimension).await?;
        self.stand(&dimension).await?;
        match dimension.remembers {
            true => self.remember(&dimension, rows).await?,
            false => self.forget_memory(&dimension.sql).await?,
        }
        self.forget_retracted_loads().await?;
        let highest = self.merge(&dimension).await?;
        self.all(sql.clear(dimension.restricted.is_some())).await?;
        if !self.own.widened.is_empty() {
            self.drop_temporary(RENAMED).await?;
        }
        Ok(highest)
    }

    /// Checks the header against the rows, and decides.
    fn plan_dimension<'b>(
        &self,
        header: &'b Dimension,
        rows: &Rows,
        work: &'b Work,
    ) -> Result<DimensionPlan<'b>, RunError> {
        let columns = rows.source.columns();
        for (word, names) in [
            ("key", header.key.iter().collect::<Vec<_>>()),
            ("history", header.history.iter().collect()),
            ("at", header.at.iter().filter(|at| *at != LOAD_COLUMN || !rows.source.has_lineage()).collect()),
            ("unknown", header.unknown.keys().collect()),
            ("was", header.was.keys().collect()),
        ] {
            self.must_give(columns, word, &names)?;
        }
        header.fits(columns).map_err(|why| self.model.error_of_word(why))?;
        let sql = self.dimension_sql(header, rows).with_newest(rows.newest).with_long_keys(self.plan.long_keys);
        self.must_differ(&sql.table_columns(), Some(&self.id()))?;
        let (remembers, keeps) = (rows.remembers(header), rows.keeps(header));
        let restricted = match work {
            Work::Loads(loads) if loads.gone.is_empty() && !remembers => Some(loads),
            _ => None,
        };
        Ok(DimensionPlan { header, sql, work, restricted, remembers, keeps })
    }

    /// Fails if the natural key changes: surrogate keys were given by it.
    async fn must_keep_key(&mut self, dimension: &DimensionPlan<'_>) -> Result<(), RunError> {
        let retired = Table { schema: Schema::Catalog, name: format!("{}_retired", self.model.name) };
        let own = [self.id(), "valid_from".to_owned()];
        let stood = self.session.transaction.columns(&retired).await?.into_iter().map(|column| column.name);
        let mut stood: Vec<_> = stood.filter(|name| !own.contains(name)).collect();
        let mut key: Vec<_> = dimension.sql.retired_columns().into_iter().map(|column| column.name).collect();
        key.retain(|name| !own.contains(name));
        stood.sort();
        key.sort();
        if stood.is_empty() || stood == key {
            return Ok(());
        }
        let gone: Vec<_> = stood.iter().filter(|name| !key.contains(name)).collect();
        let new: Vec<_> = key.iter().filter(|name| !stood.contains(name)).collect();
        let rename = match (&gone[..], &new[..]) {
            ([old], [new]) => format!("where {new} is only another name for {old}, was: {{{new}: {old}}} keeps them; "),
            _ => String::new(),
        };
        let (table, retired) =
            (self.plan.names.shown(&Table::datawarehouse(&self.model.name)), self.plan.names.shown(&retired));
        Err(self
            .model
            .error_of_word(format!(
                "key: it was ({}) and is ({}): the members there are have their keys by the old one; \
                 {rename}give the dimension another name, \
                 or drop {table} and {retired} to give new keys",
                stood.join(", "),
                dimension.header.key.join(", ")
            ))
            .into())
    }

    /// Creates the table, or alters it to the columns of its file.
    async fn stand(&mut self, dimension: &DimensionPlan<'_>) -> Result<(), RunError> {
        if matches!(dimension.work, Work::Loads(_)) {
            return Ok(());
        }
        if self.existing().await?.is_empty() {
            self.all(dimension.sql.create()).await?;
        } else {
            let key_is_renamed = self.rename(dimension).await?;
            self.stand_again(dimension, key_is_renamed).await?;
        }
        self.execute(&dimension.sql.name_unknown(dimension.header)).await.map(drop)
    }

    /// Alters a table with these columns to those of its file.
    async fn stand_again(&mut self, dimension: &DimensionPlan<'_>, key_is_renamed: bool) -> Result<(), RunError> {
        let DimensionPlan { header, sql, remembers, keeps, .. } = dimension;
        let stands = self.existing().await?;
        self.must_keep_key(dimension).await?;
        self.all(sql.create_retired()).await?;
        let retired = Table { schema: Schema::Catalog, name: format!("{}_retired", self.model.name) };
        self.follow(&retired, &sql.retired_columns()).await?;
        let (id, table) = (self.id(), self.shown());
        let had_versions = stands.iter().any(|column| column.name == "valid_from");
        let old = self.old_versions(sql, &stands).await?;
        if let Some(old) = &old {
            self.own.is_unversioned = true;
            self.execute(&format!("create temp table {OLD} as select {id} from {table} where {old}")).await?;
        }
        // The time from which a row holds is kept in valid_from.
        let moved = |column: &TableColumn| sql.is_historic() && header.at.as_ref() == Some(&column.name);
        for column in stands.iter().filter(|column| moved(column)) {
            self.let_go(&column.name).await?;
        }
        let stands: Vec<_> = stands.into_iter().filter(|column| column.name != id && !moved(column)).collect();
        self.own.widened = widened(&stands, sql.key_columns());
        let is_indexed_anew = had_versions != sql.is_historic() || old.is_some() || key_is_renamed;
        if is_indexed_anew {
            self.execute(&sql.drop_index()).await?;
        }
        let columns =
            Columns { all: &sql.table_columns(), key: &header.key, keeps: *remembers || *keeps, ..Columns::default() };
        self.all(sql.forget_unknown(&stands)).await?;
        self.reshape(&stands, &columns).await?;
        self.keep_names(sql).await?;
        // After the columns, because PostgreSQL alters no table with pending reference checks.
        if old.is_some() {
            self.execute(&format!("delete from {table} where {id} in (select {id} from {OLD})")).await?;
            self.drop_temporary(OLD).await?;
        }
        if is_indexed_anew {
            self.finally.push(sql.create_index());
        }
        Ok(())
    }

    /// Gives members whose key became a text the text that staging has for their value.
    async fn keep_names(&mut self, sql: &DimensionSql) -> Result<(), RunError> {
        let widened = self.own.widened.clone();
        if widened.is_empty() {
            return Ok(());
        }
        self.execute(&sql.note_texts(&widened)).await?;
        self.all(sql.take_texts()).await?;
        let others = self.count(&sql.count_other_texts(&widened)).await?;
        if others > 0 {
            let columns: Vec<_> = widened.into_keys().collect();
            warn!(
                table = self.model.name,
                keys = others,
                "{} is a text now, and some of its texts were one value before, such as 1.1 and 1.10: the member there was \
                 goes on under the first of them, and each other one is a new member",
                columns.join(", ")
            );
        }
        Ok(())
    }

    /// Returns the condition for versions that the table may drop: those that are not current, if it has no history any
    /// more, and those that would begin at the same time as another one.
    async fn old_versions(&mut self, sql: &DimensionSql, stands: &[TableColumn]) -> Result<Option<String>, RunError> {
        let Some(valid) = stands.iter().find(|column| column.name == "valid_from") else { return Ok(None) };
        if !sql.is_historic() {
            self.plan.must_drop(
                self.model,
                "history: its members have versions, of which only the current ones would stay",
            )?;
            return Ok(Some(format!("{} <> {UNKNOWN} and not is_current", self.id())));
        }
        if valid.declared == sql.valid() {
            return Ok(None);
        }
        let at_once = sql.at_once();
        let count = self.count(&format!("select count(*) from {} where {at_once}", self.shown())).await?;
        if count == 0 {
            return Ok(None);
        }
        let versions = counted(count, "version");
        self.plan.must_drop(
            self.model,
            &format!("at: {versions} would begin on the same day as another one of the member"),
        )?;
        Ok(Some(at_once))
    }

    /// Fails if a row has no natural key.
    async fn must_have_key(&mut self, dimension: &DimensionPlan<'_>) -> Result<(), RunError> {
        let DimensionPlan { header, sql, .. } = dimension;
        let nameless = self.count(&sql.count_nameless()).await?;
        self.must_be_given("key", &header.key, nameless, sql.first_nameless()).await
    }

    /// Fails if a row lacks its natural key or its time, or two rows disagree.
    async fn must_be_named(&mut self, dimension: &DimensionPlan<'_>) -> Result<(), RunError> {
        let DimensionPlan { header, sql, .. } = dimension;
        self.must_have_key(dimension).await?;
        if self.count_some(sql.count_timeless()).await? > 0 {
            let at = header.at.as_deref().unwrap_or_default();
            let first = self.first_of(sql.first_timeless()).await?;
            let why = format!("at: rows of the select have NULL in {at}{first}: leave them out, or say when they hold");
            return Err(self.model.error_of_word(why).into());
        }
        if let Some(repeated) = sql.repeated()
            && self.count(&sql.has_repeats()).await? > 0
        {
            self.must_be_unique("key", &repeated).await?;
        }
        Ok(())
    }

    /// Merges the versions of the rows into the table; returns the highest key that was ever given.
    async fn merge(&mut self, dimension: &DimensionPlan<'_>) -> Result<i64, RunError> {
        let DimensionPlan { sql, keeps, .. } = dimension;
        let (highest, is_restricted) = (self.own.highest_key(), dimension.restricted.is_some());
        self.all(sql.make_versions(dimension.remembers)).await?;
        if *dimension.work == Work::First {
            self.change.inserted = self.execute(&sql.insert(highest)).await?;
            return self.count_members().await;
        }
        self.all(sql.adopt()).await?;
        let touched = touched(&self.model.name);
        self.all(sql.note_moved(&touched, is_restricted, *keeps)).await?;
        self.own.touched = Some(touched);
        if let (true, Some(fewer)) = (self.may_give_fewer(), sql.count_fewer()) {
            let fewer = self.count(&fewer).await?;
            if fewer > 0 {
                let why = format!("history: of the versions that members have, {fewer} would go");
                self.plan.must_drop(self.model, &why)?;
            }
        }
        self.count_taken(sql, is_restricted, *keeps).await?;
        self.change.closed = self.count_some(sql.count_closed()).await?;
        self.change.new_versions = self.count_some(sql.count_new_versions()).await?;
        if let Some(update) = sql.update() {
            self.change.updated = self.execute(&update).await?;
        }
        self.change.inserted = self.execute(&sql.insert(highest)).await?;
        if matches!(self.model.header.kind, Kind::Calendar(_)) {
            self.must_reach(sql).await?;
        }
        if !keeps {
            self.change.deleted = self.all(sql.retire(is_restricted)).await?;
        }
        self.count_members().await
    }

    /// Fails if facts are on days that the calendar does not have any more, unless it is allowed.
    async fn must_reach(&mut self, sql: &DimensionSql) -> Result<(), RunError> {
        let plan = self.plan;
        if !self.is_redefined() || plan.options.allow_drop {
            return Ok(());
        }
        let mut lost = Vec::new();
        for fact in plan.models {
            let uses = fact.dimensions().into_iter().flatten().filter(|(_, used)| used.dimension() == self.model.name);
            let keys: Vec<_> = uses.map(|(column, used)| used.key_column(column)).collect();
            if keys.is_empty() {
                continue;
            }
            let stands = self.session.existing(fact).await?;
            let table = Table::datawarehouse(&fact.name);
            for key in keys.iter().filter(|key| stands.iter().any(|column| column.name == **key)) {
                let found = self.query(&sql.facts_of_gone(&plan.names.table(&table), &quote(key), "date")).await?;
                let Some(row) = found.first() else { continue };
                let rows = row.get::<i64>(0)?.unsigned_abs();
                if let Some(day) = row.get::<Option<String>>(1)? {
                    let rows = counted(rows, "row");
                    lost.push(format!("{rows} of {} with {key} such as {day}", plan.names.shown(&table)));
                }
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        let why = format!(
            "the days that go have facts: {}: let the calendar reach them; app --pipeline --allow-drop lets these facts lose \
             their day",
            lost.join(", ")
        );
        Err(self.model.error(why).into())
    }

    /// Counts the members; returns the highest key.
    async fn count_members(&mut self) -> Result<i64, RunError> {
        let (id, table) = (self.id(), self.shown());
        let found = self.query(&format!("select count(*) - 1, max({id}) from {table}")).await?;
        self.change.members = self.members().await?;
        let Some(row) = found.first() else { return Ok(0) };
        self.change.rows = row.get::<i64>(0)?.unsigned_abs();
        Ok(row.get::<Option<i64>>(1)?.unwrap_or_default())
    }

    /// Returns the number of members, if they have versions.
    pub(super) async fn members(&mut self) -> Result<Option<u64>, RunError> {
        let Kind::Dimension(header) = &self.model.header.kind else { return Ok(None) };
        if header.history.is_empty() {
            return Ok(None);
        }
        let keys: Vec<_> = header.key.iter().map(|key| quote(key)).collect();
        let members = format!(
            "select count(*) from (select 1 as one from {} where {} <> {UNKNOWN} group by {}) as m",
            self.shown(),
            self.id(),
            keys.join(", ")
        );
        self.count(&members).await.map(Some)
    }

    /// Brings a dimension of days up to date.
    pub(super) async fn calendar(&mut self, calendar: Calendar, work: &Work) -> Result<(), RunError> {
        let names = self.plan.names;
        let columns = calendar_columns(names.engine);
        let header = &Dimension { key: vec!["date".to_owned()], ..Dimension::default() };
        let sql = DimensionSql::new(names, &self.model.name, header, &columns, false, false).with_ids();
        let dimension = DimensionPlan { header, sql, work, restricted: None, remembers: false, keeps: false };
        self.stand(&dimension).await?;
        let mut all = vec![TableColumn::new(key_column(&self.model.name), "bigint")];
        all.extend(columns);
        self.execute(&names.create_table(&TableDef::new(Table::temporary(NEW), all))).await?;
        let days: Vec<_> = calendar_values(calendar).collect();
        for some in days.chunks(DAYS) {
            self.execute(&format!("insert into {NEW} values {}", some.join(", "))).await?;
        }
        self.merge(&dimension).await?;
        self.all(dimension.sql.clear(false)).await?;
        Ok(())
    }
}
