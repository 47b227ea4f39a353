//! Rows that staging does not have any more, because others took their place, and that still tell what was.

use super::super::{NEW, UNKNOWN};
use super::{AT, DimensionSql, GONE, same};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::warehouse::{TableColumn, quote};

impl DimensionSql {
    /// The columns of the table with rows that staging does not have any more.
    pub fn seen_columns(&self) -> Vec<TableColumn> {
        let own = |name: &str, declared: &str| TableColumn { name: name.to_owned(), declared: declared.to_owned() };
        let mut columns = self.columns.clone();
        columns.extend([own(LOAD_COLUMN, "bigint"), own(LINE_COLUMN, "bigint")]);
        columns.extend([own(AT, &self.valid()), own(GONE, "boolean")]);
        columns
    }

    /// Their names: a table whose columns were added later has them in another order.
    fn seen_list(&self) -> String {
        self.seen_columns().iter().map(|one| quote(&one.name)).collect::<Vec<_>>().join(", ")
    }

    /// Makes the table with rows that staging does not have any more, with the versions that there are.
    pub fn create_seen(&self) -> Vec<String> {
        let declared: Vec<_> =
            self.seen_columns().iter().map(|one| format!("{} {}", quote(&one.name), one.declared)).collect();
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let inferred = if self.infers { " and is_inferred is not true" } else { "" };
        vec![
            format!("create table {} ({})", self.seen, declared.join(", ")),
            format!(
                "create index {} on {} ({}, {AT})",
                quote(&format!("{}_seen_key", self.name)),
                self.seen,
                self.keys().join(", ")
            ),
            format!(
                "insert into {} ({}) select {}, null, null, valid_from, false from {} where {} <> {UNKNOWN} and valid_from is not null{inferred}",
                self.seen,
                self.seen_list(),
                all.join(", "),
                self.table,
                self.id
            ),
        ]
    }

    /// Keeps the select's rows beside those that staging does not have any more, whose loads were not retracted; `replaced_by` is the
    /// newest load of a dataset whose files are each the whole truth: members that it does not name are gone.
    pub fn remember(&self, replaced_by: Option<i64>) -> Vec<String> {
        let DimensionSql { seen, loads, .. } = self;
        let all: Vec<_> = self.columns.iter().map(|one| quote(&one.name)).collect();
        let into = self.seen_list();
        let keys = self.keys();
        let same_key = |one: &str, other: &str| same(&keys, one, other);
        let same_row: Vec<_> = all.iter().map(|name| format!("s.{name} is not distinct from n.{name}")).collect();
        let lineage = if self.lineage {
            format!("n.{}, n.{}", quote(LOAD_COLUMN), quote(LINE_COLUMN))
        } else {
            "null, null".to_owned()
        };
        let list = |prefix: &str| all.iter().map(|name| format!("{prefix}.{name}")).collect::<Vec<_>>().join(", ");
        let mut statements = vec![
            format!(
                "delete from {seen} where {} in (select id from {loads} where status = 'retracted')",
                quote(LOAD_COLUMN)
            ),
            format!(
                "delete from {seen} as s where exists (select 1 from {NEW} as n where {} and s.{AT} = n.{AT} and (s.{GONE} or not ({})))",
                same_key("n", "s"),
                same_row.join(" and ")
            ),
            format!(
                "insert into {seen} ({into}) select {}, {lineage}, n.{AT}, false from {NEW} as n where not exists (\
                 select 1 from {seen} as s where {} and s.{AT} <= n.{AT} and not s.{GONE} and {} and not exists (\
                 select 1 from {seen} as l where {} and l.{AT} <= n.{AT} and l.{AT} > s.{AT}))",
                list("n"),
                same_key("s", "n"),
                same_row.join(" and "),
                same_key("l", "n")
            ),
        ];
        if let Some(load) = replaced_by {
            let at = format!("(select {} from {loads} as l where l.id = {load})", self.moment("max(l.finished_at)"));
            statements.push(format!(
                "insert into {seen} ({into}) select {}, {load}, null, {at}, true from {seen} as s where not s.{GONE} and s.{AT} < {at} \
                 and not exists (select 1 from {seen} as l where {} and l.{AT} > s.{AT}) \
                 and not exists (select 1 from {NEW} as n where {})",
                list("s"),
                same_key("l", "s"),
                same_key("n", "s")
            ));
        }
        statements
    }
}
