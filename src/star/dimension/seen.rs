//! Rows that staging has lost to later ones, and that still count for the past. Each keeps the load that brought it, so
//! that it goes when its load is retracted.

use super::super::{NEW, UNKNOWN};
use super::{AT, DimensionSql, GONE, UNTIL, same};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Table, TableColumn, TableDef, any_of, quote};

/// The temporary table with replaced rows of an upserted staging table, which are kept there for retractions.
pub const REPLACED: &str = "sluice_replaced";

impl DimensionSql {
    /// Returns the columns of the table with rows that staging has lost.
    pub fn seen_columns(&self) -> Vec<TableColumn> {
        let own = |name: &str, declared: &str| TableColumn { name: name.to_owned(), declared: declared.to_owned() };
        let mut columns = self.columns.clone();
        columns.extend([own(LOAD_COLUMN, "bigint"), own(LINE_COLUMN, "bigint")]);
        columns.extend(self.is_historic().then(|| own(AT, &self.valid())));
        columns.extend([own(GONE, "boolean"), own(UNTIL, "bigint")]);
        columns
    }

    /// Returns true if that table is of a dimension with history exactly if this one has it.
    pub fn fits_seen(&self, columns: &[TableColumn]) -> bool {
        columns.iter().any(|column| column.name == AT) == self.is_historic()
    }

    /// Drops that table.
    pub fn drop_seen(&self) -> String {
        format!("drop table {}", self.seen)
    }

    /// Creates that table.
    pub fn create_seen(&self) -> Vec<String> {
        let seen = Table::catalog(&format!("{}_seen", self.name));
        vec![self.names.create_table(&TableDef::new(seen, self.seen_columns())), self.index_seen()]
    }

    /// Creates the index of that table over the natural key.
    pub fn index_seen(&self) -> String {
        format!(
            "create index {} on {} ({}){}",
            quote(&format!("{}_seen_key", self.name)),
            self.seen,
            self.keys().into_iter().chain(self.is_historic().then(|| AT.to_owned())).collect::<Vec<_>>().join(", "),
            self.indexed()
        )
    }

    /// Drops that index.
    pub fn drop_index_of_seen(&self) -> String {
        self.engine.drop_index(&self.seen, &format!("{}_seen_key", self.name))
    }

    /// Fills it with the existing rows, as rows of this load.
    pub fn remember_versions(&self, load: Option<i64>) -> String {
        let all = self.columns.iter().map(|one| quote(&one.name)).collect::<Vec<_>>().join(", ");
        let inferred = if self.infers { " and is_inferred is not true" } else { "" };
        let (time, is_given) =
            if self.is_historic() { ("valid_from, ", " and valid_from is not null") } else { ("", "") };
        format!(
            "insert into {} ({}) select {all}, {}, null, {time}false, cast(null as bigint) from {} \
             where {} <> {UNKNOWN}{is_given}{inferred}",
            self.seen,
            self.seen_list(),
            number(load),
            self.table,
            self.id
        )
    }

    /// Deletes the rows of retracted loads, and the members' ends out of these loads; loads that were a whole
    /// [pass on](DimensionSql::pass_on) before what others say, too.
    pub fn forget_retracted(&self) -> String {
        let DimensionSql { seen, loads, .. } = self;
        let load = quote(LOAD_COLUMN);
        format!("delete from {seen} where {load} in (select id from {loads} where status = 'retracted')")
    }

    /// Deletes members that the select does not return any more: since its tables only grow, their rows were retracted.
    pub fn forget_missing(&self) -> String {
        let keys = self.keys();
        format!(
            "delete from {} as s where not exists (select 1 from {NEW} as n where {})",
            self.seen,
            same(&keys, "n", "s")
        )
    }

    /// Deletes [replaced](REPLACED) rows without key or time: later ones corrected them.
    pub fn drop_nameless_replaced(&self) -> String {
        let mut given = self.keys();
        given.push(AT.to_owned());
        let null: Vec<_> = given.iter().map(|name| format!("{name} is null")).collect();
        format!("delete from {REPLACED} where {}", null.join(" or "))
    }

    /// Keeps the rows of a temporary table, [`NEW`] or [`REPLACED`], beside earlier ones. Earlier results of a staged
    /// row give way to its present ones. A row without news is left out if the row that brought the same cannot be
    /// retracted.
    pub fn remember(&self, from: &str) -> Vec<String> {
        let DimensionSql { seen, loads, .. } = self;
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let keys = self.keys();
        let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
        let differs: Vec<_> = self.columns.iter().map(|one| self.engine.differs(one, "s", "n")).collect();
        let same_row = format!("not {}", any_of(&differs));
        let (of_load, of_line) = match self.lineage {
            true => (format!("n.{load}"), format!("n.{line}")),
            false => (number(self.newest), "cast(null as bigint)".to_owned()),
        };
        let same_origin =
            format!("s.{load} is not distinct from {of_load} and s.{line} is not distinct from {of_line}");
        let same_time = format!("{} and s.{AT} = n.{AT}", same(&keys, "s", "n"));
        let stale = match self.lineage {
            true => format!(
                "(s.{load}, s.{line}) in (select {load}, {line} from {from}) \
                 and not exists (select 1 from {from} as n where {same_time} and {same_origin} and {same_row})"
            ),
            false => {
                format!("exists (select 1 from {from} as n where {same_time} and {same_origin} and not ({same_row}))")
            }
        };
        let (latest, cannot_go) = match self.lineage {
            true => (
                format!("{load} desc, {line} desc"),
                format!("(s.{load} is null or s.{load} in (select id from {loads} where status = 'replaced'))"),
            ),
            false => (AT.to_owned(), "true".to_owned()),
        };
        // A day that a row names can be corrected; the time of a load is that load's alone.
        let before = if self.is_dated_by_load() { "<=" } else { "=" };
        let list: Vec<_> = all.iter().map(|name| format!("n.{name}")).collect();
        let place = |row: &str| format!("({row}.{AT}, {}, {})", first(row, LOAD_COLUMN), first(row, LINE_COLUMN));
        vec![
            format!("create index {from}_key on {from} ({}, {AT}){}", keys.join(", "), self.indexed()),
            format!("delete from {seen} as s where not s.{GONE} and {stale}"),
            format!(
                "insert into {seen} ({}) select {}, {of_load}, {of_line}, n.{AT}, false, cast(null as bigint) \
                 from (select *, row_number() over (partition by {}, {AT} order by {latest}) as pick from {from}) as n where n.pick = 1 \
                 and not exists (select 1 from {seen} as s where {} and not s.{GONE} and {same_row} and (s.{AT} = n.{AT} and {same_origin} \
                 or s.{AT} {before} n.{AT} and {cannot_go} and not exists (select 1 from {seen} as l where {} \
                 and (l.{AT} <= n.{AT} and {} > {} or l.{GONE} and {} > {}))))",
                self.seen_list(),
                list.join(", "),
                keys.join(", "),
                same(&keys, "s", "n"),
                same(&keys, "l", "n"),
                place("l"),
                place("s"),
                first("l", LOAD_COLUMN),
                first("s", LOAD_COLUMN)
            ),
        ]
    }

    /// Closes the members that `load`, one of a dataset of full files, does not name: they are not in [`NEW`] if it is
    /// the newest one. They end at the time of this load, or right after their last row begins to hold, if that is later.
    pub fn close(&self, load: i64, is_newest: bool) -> String {
        let DimensionSql { seen, loads, .. } = self;
        let keys = self.keys();
        let list = |prefix: &str| keys.iter().map(|key| format!("{prefix}{key}")).collect::<Vec<_>>().join(", ");
        let loaded = format!("(select {} from {loads} as l where l.id = {load})", self.moment("max(l.finished_at)"));
        let of_load = quote(LOAD_COLUMN);
        let (until_then, is_absent, then) = match is_newest {
            true => {
                let is_absent = format!("not exists (select 1 from {NEW} as n where {})", same(&keys, "n", "s"));
                (String::new(), is_absent, String::new())
            }
            false => {
                let until_then = format!(" and coalesce({of_load}, 0) <= {load}");
                (until_then, self.is_not_in(load), format!(" and g.{of_load} <= {load}"))
            }
        };
        format!(
            "insert into {seen} ({}, {of_load}, {AT}, {GONE}) \
             select {}, case when s.{of_load} > {load} then s.{of_load} else {load} end, case when s.{AT} < {loaded} \
              then {loaded} else {} end, true \
             from (select {}, max({AT}) as {AT}, max(coalesce({of_load}, 0)) as {of_load} from {seen} \
             where not {GONE}{until_then} group by {}) as s \
             where s.{AT} < {} and {is_absent} \
             and not exists (select 1 from {seen} as g where {} and g.{GONE} and g.{AT} > s.{AT} and g.{of_load} >= s.{of_load}{then})",
            list(""),
            list("s."),
            self.right_after(&format!("s.{AT}")),
            list(""),
            list(""),
            self.latest(),
            same(&keys, "g", "s")
        )
    }

    /// Returns the valid rows: a member's end is void if a newer load names the member from an earlier time.
    pub(super) fn seen_rows(&self) -> String {
        let keys = self.keys();
        format!(
            "(select * from {0} as g where not (g.{GONE} and exists (select 1 from {0} as l where {1} and not l.{GONE} \
             and l.{AT} <= g.{AT} \
             and {2} > {3})))",
            self.seen,
            same(&keys, "l", "g"),
            first("l", LOAD_COLUMN),
            first("g", LOAD_COLUMN)
        )
    }

    /// Returns the names of the columns: in a table with columns added later, they have another order.
    pub(super) fn seen_list(&self) -> String {
        self.seen_columns().iter().map(|one| quote(&one.name)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the end of the shortest version that begins then: a day, or a second.
    fn right_after(&self, time: &str) -> String {
        self.engine.right_after(time, &self.valid())
    }
}

/// Returns a number of a row, 0 for NULL: the engines sort NULL differently.
pub(super) fn first(row: &str, column: &str) -> String {
    format!("coalesce({row}.{}, 0)", quote(column))
}

fn number(load: Option<i64>) -> String {
    load.map_or_else(|| "cast(null as bigint)".to_owned(), |load| load.to_string())
}
