//! The memory of files that each say the whole truth. A row is kept once, from the first file that says it to the first
//! that says it no more, so that it stands as long as one of the files between is not retracted.

use super::super::NEW;
use super::seen::first;
use super::{AT, At, DimensionSql, GONE, UNTIL, same};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{any_of, quote};

impl DimensionSql {
    /// Ends the rows that the newest whole, `load`, does not say any more. Earlier results of its own rows go.
    pub fn end_unsaid(&self, load: i64) -> Vec<String> {
        let of_load = quote(LOAD_COLUMN);
        let own = match self.lineage {
            true => format!(" or {of_load} in (select {of_load} from {NEW})"),
            false => String::new(),
        };
        vec![
            format!("create index {NEW}_key on {NEW} ({}){}", self.keys().join(", "), self.indexed()),
            format!(
                "update {} as s set {UNTIL} = {load} where not s.{GONE} and s.{UNTIL} is null and not exists \
                 (select 1 from {NEW} as n where {})",
                self.seen,
                self.says("n", "s")
            ),
            format!("delete from {} where not {GONE} and {UNTIL} = {load} and ({of_load} = {load}{own})", self.seen),
        ]
    }

    /// Gives the rows of a retracted load to the whole `next`, if that says them, too.
    pub fn pass_on(&self, load: i64, next: i64) -> String {
        let at = match self.is_dated_by_load() {
            true => format!(
                ", {AT} = (select {} from {} as l where l.id = {next})",
                self.moment("max(l.finished_at)"),
                self.loads
            ),
            false => String::new(),
        };
        format!(
            "update {} set {} = {next}, {} = null{at} where {} = {load} and not {GONE} and ({UNTIL} is null or {UNTIL} > {next})",
            self.seen,
            quote(LOAD_COLUMN),
            quote(LINE_COLUMN),
            quote(LOAD_COLUMN),
        )
    }

    /// Keeps the rows of the newest whole that the whole before it did not say.
    pub fn remember_whole(&self) -> String {
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let list: Vec<_> = all.iter().map(|name| format!("n.{name}")).collect();
        let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
        let (of_load, of_line, latest) = match (self.lineage, self.newest) {
            (true, _) => (format!("n.{load}"), format!("n.{line}"), format!("{load} desc, {line} desc")),
            (false, Some(newest)) => (newest.to_string(), "cast(null as bigint)".to_owned(), all.join(", ")),
            (false, None) => ("cast(null as bigint)".to_owned(), "cast(null as bigint)".to_owned(), all.join(", ")),
        };
        // With history a member has a row for each time, else one for each file.
        let (keys, time, order) = match (self.is_historic(), &self.at) {
            (true, _) => (format!("{}, {AT}", self.keys().join(", ")), format!("n.{AT}, "), latest),
            (false, At::Nothing) => (self.keys().join(", "), String::new(), latest),
            (false, _) => (self.keys().join(", "), String::new(), format!("{AT} desc, {latest}")),
        };
        format!(
            "insert into {} ({}) select {}, {of_load}, {of_line}, {time}false, cast(null as bigint) \
             from (select *, row_number() over (partition by {keys} order by {order}) as pick from {NEW}) as n where n.pick = 1 \
             and not exists (select 1 from {} as s where not s.{GONE} and s.{UNTIL} is null and {})",
            self.seen,
            self.seen_list(),
            list.join(", "),
            self.seen,
            self.says("n", "s")
        )
    }

    /// Returns the loads with rows in the newest whole, if rows tell theirs.
    pub fn loads_of_whole(&self) -> Option<String> {
        let load = quote(LOAD_COLUMN);
        self.lineage.then(|| format!("select distinct {load} from {NEW} where {load} is not null order by 1"))
    }

    /// Returns the condition for a member without a row in the whole `load`.
    pub(super) fn is_not_in(&self, load: i64) -> String {
        let of_load = quote(LOAD_COLUMN);
        format!(
            "not exists (select 1 from {} as n where {} and not n.{GONE} and coalesce(n.{of_load}, 0) <= {load} \
             and (n.{UNTIL} is null or n.{UNTIL} > {load}))",
            self.seen,
            same(&self.keys(), "n", "s")
        )
    }

    /// Returns the condition for two rows that say the same.
    fn says(&self, one: &str, other: &str) -> String {
        let keys = self.keys();
        let mut same_row = vec![same(&keys, one, other)];
        let others = self.columns.iter().filter(|column| !self.key.contains(column));
        let differs: Vec<_> = others.map(|column| self.engine.differs(column, one, other)).collect();
        same_row.push(format!("not {}", any_of(&differs)));
        if self.is_historic() && !self.is_dated_by_load() {
            same_row.push(format!("{one}.{AT} = {other}.{AT}"));
        }
        same_row.join(" and ")
    }

    /// Returns the newest row of each member, for a dimension without history.
    pub(super) fn last_said(&self) -> String {
        let (all, keys): (Vec<_>, _) =
            (self.columns.iter().map(|one| quote(&one.name)).collect(), self.keys().join(", "));
        let all = all.join(", ");
        format!(
            "select {all} from (select {all}, row_number() over (partition by {keys} order by {} desc, {} desc) as pick \
             from {} as r) as n where pick = 1",
            first("r", LOAD_COLUMN),
            first("r", LINE_COLUMN),
            self.seen
        )
    }
}
