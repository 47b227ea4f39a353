//! The select's rows, and the versions that follow from them.

use super::super::NEW;
use super::super::repeated::{COUNT, Repeated, first_place, with_places};
use super::super::source::without_repeats;
use super::seen::first;
use super::{AFFECTED, AT, At, DimensionSql, GONE, VERSIONS, as_named};
use crate::project::key_column;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Table, TableColumn, TableDef, all_of, quote};

impl DimensionSql {
    /// Writes a select's rows into a temporary table, each with the time from which it holds.
    pub fn observe(&self, source: &str, into: &str) -> Vec<String> {
        let value = |one: &TableColumn| {
            let value = format!("n.{}", quote(&one.name));
            if self.key.contains(one) { as_named(self.engine, &one.declared, &value) } else { value }
        };
        let mut values: Vec<_> = self.columns.iter().map(value).collect();
        if self.has_ids {
            values.insert(0, format!("n.{}", self.id));
        }
        if self.lineage {
            values.extend([LOAD_COLUMN, LINE_COLUMN].map(|column| format!("n.{}", quote(column))));
        }
        values.extend(self.at_value());
        vec![
            self.names.create_table(&TableDef::new(Table::temporary(into), self.observed_columns())),
            format!("insert into {into} select {} from ({source}) as n", values.join(", ")),
        ]
    }

    /// Returns the columns of that table.
    pub(super) fn observed_columns(&self) -> Vec<TableColumn> {
        let mut columns = self.columns.clone();
        if self.has_ids {
            columns.insert(0, TableColumn::new(key_column(&self.name), "bigint"));
        }
        if self.lineage {
            columns.extend([LOAD_COLUMN, LINE_COLUMN].map(|column| TableColumn::new(column, "bigint")));
        }
        if self.at != At::Nothing {
            columns.push(TableColumn::new(AT, self.valid()));
        }
        columns
    }

    fn at_value(&self) -> Option<String> {
        match &self.at {
            At::Nothing => None,
            At::Column(column) => Some(format!("n.{}", quote(&column.name))),
            At::Loaded => {
                let of = match (self.lineage, self.newest) {
                    (true, _) => format!("l.id = n.{}", quote(LOAD_COLUMN)),
                    (false, Some(newest)) => format!("l.id = {newest}"),
                    (false, None) => "l.status = 'loaded'".to_owned(),
                };
                Some(format!("(select {} from {} as l where {of})", self.moment("max(l.finished_at)"), self.loads))
            }
        }
    }

    /// Returns an instant of the catalog in the type of [`DimensionSql::valid`].
    pub(super) fn moment(&self, instant: &str) -> String {
        self.engine.of_instant(instant, &self.valid())
    }

    /// Counts rows with NULL in the natural key.
    pub fn count_nameless(&self) -> String {
        format!("select count(*) from {NEW} where {}", self.is_nameless())
    }

    /// Returns load and line of the first of these, if rows have them.
    pub fn first_nameless(&self) -> Option<String> {
        self.lineage.then(|| first_place(NEW, &self.is_nameless()))
    }

    fn is_nameless(&self) -> String {
        let null: Vec<_> = self.keys().iter().map(|key| format!("{key} is null")).collect();
        null.join(" or ")
    }

    /// Counts rows without the time from which they hold; `None` where they need none.
    pub fn count_timeless(&self) -> Option<String> {
        (self.at != At::Nothing).then(|| format!("select count(*) from {NEW} where {AT} is null"))
    }

    /// Returns load and line of the first of these, if rows have them.
    pub fn first_timeless(&self) -> Option<String> {
        self.lineage.then(|| first_place(NEW, &format!("{AT} is null")))
    }

    /// Returns a few natural keys (with times) with several different rows, where load and line do not order them.
    pub fn repeated(&self) -> Option<Repeated> {
        if self.at != At::Nothing && self.lineage {
            return None;
        }
        let mut columns: Vec<_> = self.key.iter().map(|column| column.name.clone()).collect();
        let value = |one: &TableColumn| self.engine.by_value(&one.declared, &quote(&one.name));
        let (mut keys, mut all) = (self.keys(), self.columns.iter().map(value).collect::<Vec<_>>());
        // Rows that are dated by the newest load all have the same time.
        if let At::Column(at) = &self.at {
            columns.push(at.name.clone());
            keys.push(AT.to_owned());
            all.push(AT.to_owned());
        }
        let (list, all) = (keys.join(", "), all.join(", "));
        let values = format!(
            "select {list}, count(*) as {COUNT} from (select {list} from {NEW} group by {all}) as n group by {list} \
             having count(*) > 1 order by count(*) desc, {list} limit 5"
        );
        // The first of equal rows is shown.
        let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
        let others = format!(
            "(select {list}, {load}, {line}, row_number() over (partition by {all} order by {load}, {line}) as \
             sluice_turn from {NEW}) as n \
             where sluice_turn = 1"
        );
        let rows = self.lineage.then(|| with_places(&others, &keys, &values));
        Some(Repeated { columns, values, rows, standing: None })
    }

    /// Tells, in less time, if [`DimensionSql::repeated`] can find anything.
    pub fn has_repeats(&self) -> String {
        let mut keys = self.keys();
        keys.extend((self.at != At::Nothing).then(|| AT.to_owned()));
        format!(
            "select count(*) from (select 1 from {NEW} group by {} having count(*) > 1 limit 1) as r",
            keys.join(", ")
        )
    }

    /// Notes the natural keys of the rows in [`NEW`], and empties it: all rows of these members follow.
    pub fn note_affected(&self) -> Vec<String> {
        let keys = self.keys().join(", ");
        let mut statements = vec![format!("create temp table {AFFECTED} as select distinct {keys} from {NEW}")];
        // A select indexes this by itself, but a delete would scan the table for each row.
        if self.engine.needs_temporary_indexes() {
            statements.push(format!("create index {AFFECTED}_key on {AFFECTED} ({keys})"));
        }
        statements.push(format!("drop table {NEW}"));
        statements
    }

    /// Returns a select's rows of affected members.
    pub fn of_affected(&self, source: &str) -> String {
        let same = |one: &TableColumn| {
            let name = quote(&one.name);
            format!("a.{name} = {}", as_named(self.engine, &one.declared, &format!("s.{name}")))
        };
        let same: Vec<_> = self.key.iter().map(same).collect();
        format!(
            "select s.* from ({source}) as s where exists (select 1 from {AFFECTED} as a where {})",
            same.join(" and ")
        )
    }

    /// Writes the versions into a temporary table: of the rows in [`NEW`], or of all
    /// [remembered](DimensionSql::remember) ones.
    pub fn make_versions(&self, kept: bool) -> Vec<String> {
        let mut statements = Vec::new();
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let (all, keys) = (all.join(", "), self.keys().join(", "));
        let latest = match (kept, self.lineage) {
            (true, _) => format!(", {} desc, {} desc", first("r", LOAD_COLUMN), first("r", LINE_COLUMN)),
            (false, true) => format!(", {} desc, {} desc", quote(LOAD_COLUMN), quote(LINE_COLUMN)),
            (false, false) => String::new(),
        };
        let rows = if kept { self.seen_rows() } else { NEW.to_owned() };
        let select = match (self.is_historic(), &self.at) {
            (false, _) if kept => self.last_said(),
            (false, At::Nothing) if self.has_ids => format!("select {}, {all} from {NEW}", self.id),
            (false, At::Nothing) => without_repeats(self.engine, &self.columns, NEW),
            (false, _) => format!(
                "select {all} from (select {all}, row_number() over (partition by {keys} order by {AT} desc{latest}) \
                 as pick from {NEW}) as n where pick = 1"
            ),
            (true, _) => {
                let gone = if kept { GONE } else { "false" };
                let is_history =
                    |column: &&TableColumn| self.history.contains(&quote(&column.name)) || self.key.contains(column);
                let of_version: Vec<_> = self.columns.iter().filter(is_history).map(|one| quote(&one.name)).collect();
                let others: Vec<_> =
                    self.columns.iter().filter(|one| !is_history(one)).map(|one| quote(&one.name)).collect();
                let newest: Vec<_> =
                    others.iter().map(|one| format!(", first_value({one}) over latest as {one}")).collect();
                let same = |one: &TableColumn| {
                    let value = self.engine.by_value(&one.declared, &quote(&one.name));
                    format!("{value} is not distinct from lag({value}) over by_time")
                };
                let same: Vec<_> =
                    self.columns.iter().filter(|one| self.history.contains(&quote(&one.name))).map(same).collect();
                let window_latest = if others.is_empty() {
                    String::new()
                } else {
                    format!(", latest as (partition by {keys} order by {GONE}, {AT} desc)")
                };
                format!(
                    "with picked as (select {all}, {AT}, {gone} as {GONE}, row_number() over (partition by {keys}, \
                     {AT} order by {gone}{latest}) as pick from {rows} as r), \
                     marked as (select {}{}, {AT}, {GONE}, case when row_number() over by_time > 1 and {} and {GONE} = \
                      lag({GONE}) over by_time then 0 else 1 end as starts \
                     from picked where pick = 1 window by_time as (partition by {keys} order by {AT}){window_latest}), \
                     begun as (select {all}, {GONE}, {AT} as valid_from, lead({AT}) over (partition by {keys} order by \
                      {AT}) as valid_to from marked where starts = 1) \
                     select {all}, valid_from, coalesce(valid_to, {}) as valid_to, valid_to is null as is_current from \
                      begun where not {GONE}",
                    of_version.join(", "),
                    newest.concat(),
                    all_of(&same),
                    self.latest(),
                )
            }
        };
        statements.push(format!("create temp table {VERSIONS} as {select}"));
        let index = if self.is_historic() { ", valid_from" } else { "" };
        statements.push(format!("create index {VERSIONS}_key on {VERSIONS} ({keys}{index}){}", self.indexed()));
        statements.extend(self.engine.analyze(VERSIONS));
        statements
    }
}
