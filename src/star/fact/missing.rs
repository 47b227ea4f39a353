//! Values that a dimension does not know: the unknown member, an inferred one, or a reject.

use super::super::class::Class;
use super::super::dimension::{RENAMED, Widened, in_order, note_texts, take_texts};
use super::super::{NEW, UNKNOWN};
use super::{AGAIN, FactSql, Role};
use crate::project::Missing;
use crate::project::key_column;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Schema, Table, quote};

impl FactSql {
    /// Writes the rejects, each once: with the first column that names no member.
    pub fn write_rejects(&self, source: &str) -> Vec<String> {
        let (load, line) = (format!("n.{}", quote(LOAD_COLUMN)), format!("n.{}", quote(LINE_COLUMN)));
        let (load, line) = if self.lineage { (load, line) } else { ("null".to_owned(), "null".to_owned()) };
        let missing: Vec<_> = self.rejected().map(|(place, _)| self.is_missing(place)).collect();
        self.rejected()
            .enumerate()
            .map(|(turn, (_, role))| {
                let before = missing[..turn].iter().map(|missing| format!(" and not {missing}"));
                let is_first = missing[turn].clone() + &before.collect::<String>();
                let column = role.column.name.replace('\'', "''");
                format!(
                    "insert into {} (fact, load_id, line, \"column\", value, reason) \
                     select '{}', {load}, {line}, '{column}', cast(n.{} as text), 'is no member of {}' from ({source}) as n{} where {}",
                    self.rejects,
                    self.name,
                    quote(&role.column.name),
                    role.dimension,
                    self.joins(|_| true),
                    is_first
                )
            })
            .collect()
    }

    /// Deletes the rejects: all of them, or those of the staged rows in a temporary table.
    pub fn forget_rejects(&self, again: bool) -> String {
        let among = if again {
            format!(" and (load_id, line) in (select {}, {} from {AGAIN})", quote(LOAD_COLUMN), quote(LINE_COLUMN))
        } else {
            String::new()
        };
        format!("delete from {} where fact = '{}'{among}", self.rejects, self.name)
    }

    /// Deletes the rejects under a condition.
    pub fn forget_rejects_of(&self, condition: &str) -> String {
        format!("delete from {} where fact = '{}' and {condition}", self.rejects, self.name)
    }

    /// Returns true if rows can be rejected.
    pub fn has_rejects(&self) -> bool {
        self.rejected().next().is_some()
    }

    /// Counts the rejects.
    pub fn count_rejected(&self) -> Option<String> {
        self.has_rejects().then(|| format!("select count(*) from {} where fact = '{}'", self.rejects, self.name))
    }

    /// Makes members of the values that a dimension does not know, where the header says so. A member that existed
    /// before gets the key of its first version, which it keeps when that comes back. Returns a statement for each such
    /// dimension, with its highest key ever given (`highest`). Rejects make no members.
    pub fn infer(&self, source: &str, highest: impl Fn(&str) -> i64) -> Vec<(String, String)> {
        let inferred = self.roles.iter().enumerate().filter(|(_, role)| role.missing == Missing::Infer);
        let missing: Vec<_> = self.rejected().map(|(place, _)| self.is_missing(place)).collect();
        let left_out: String = missing.iter().map(|missing| format!(" and not {missing}")).collect();
        let joins = self.joins(|role| role.missing == Missing::Reject);
        inferred
            .map(|(place, role)| {
                let Role { dimension, target, .. } = role;
                let (table, id) = (self.names.table(&Table::datawarehouse(dimension)), quote(&key_column(dimension)));
                let key = quote(&target.key.name);
                let retired =
                    self.names.table(&Table { schema: Schema::Catalog, name: format!("{dimension}_retired") });
                let (mut columns, mut values) = (format!("{id}, {key}, is_inferred"), String::new());
                let mut first = format!("r.{id}");
                if let Some(valid) = &target.valid {
                    columns.push_str(", valid_from, valid_to, is_current");
                    let [earliest, latest] = ["0001-01-01", "9999-12-31"].map(|day| self.engine.midnight(day, valid));
                    values = format!(", {earliest}, {latest}, true");
                    // Keys without a version come last.
                    first = format!(
                        "case when r.valid_from > {earliest} then 0 else 1 end, coalesce(r.valid_from, {earliest}), r.{id}"
                    );
                }
                let order = in_order(self.engine, &target.key, "m.value");
                let value = self.value(place);
                let statement = format!(
                    "insert into {table} ({columns}) select coalesce(m.given, h.highest + row_number() over (partition \
                     by m.given is null order by {order})), \
                     m.value, true{values} from (select u.value, g.{id} as given \
                     from (select distinct {value} as value from ({source}) as n{joins} where {value} is not null{left_out} \
                     and not exists (select 1 from {table} as d where d.{key} = {value} and d.{id} <> {UNKNOWN})) as u \
                      left join (select r.{key}, r.{id}, \
                     row_number() over (partition by r.{key} order by {first}) as place from {retired} as r) as g on \
                      g.{key} = u.value and g.place = 1) as m \
                     cross join (select max(id) as highest from (select {} as id union all select max({id}) from {table} \
                     union all select max({id}) from {retired}) as given) as h",
                    highest(dimension)
                );
                (dimension.clone(), statement)
            })
            .collect()
    }

    /// Returns the statements that give members which a fact made, and whose dimension's key became a text in this run, the
    /// text by which its rows name them; `widened` has that of each dimension.
    pub fn name_inferred(&self, source: &str, widened: impl Fn(&str) -> Option<Widened>) -> Vec<String> {
        let mut statements = Vec::new();
        for (place, role) in self.roles.iter().enumerate().filter(|(_, role)| role.missing == Missing::Infer) {
            let Some(widened) = widened(&role.dimension) else { continue };
            let (key, declared) = (vec![role.target.key.name.clone()], widened.get(&role.target.key.name));
            let Some(declared) = declared.filter(|_| Class::of(&role.column.declared) == Class::Text) else { continue };
            let name = quote(&key[0]);
            let rows = format!("(select distinct {} as {name} from ({source}) as n)", self.value(place));
            let plain = self.engine.plain_text_of(declared, &name);
            // A text that is the plain one goes on.
            let order = format!("case when {plain} = {name} then 0 else 1 end");
            let table = self.names.table(&Table::datawarehouse(&role.dimension));
            let free =
                format!(" and d.is_inferred and not exists (select 1 from {table} as x where x.{name} = r.{name})");
            statements.push(note_texts(self.engine, &key, &widened, &rows, &order));
            statements.push(take_texts(&table, &key, &free));
            statements.push(format!("drop table {RENAMED}"));
        }
        statements
    }

    /// Returns true if a member that this fact makes for one column can be found by another one, which makes none.
    pub fn finds_inferred(&self) -> bool {
        let infers = |dimension: &str| {
            self.roles.iter().any(|role| role.dimension == dimension && role.missing == Missing::Infer)
        };
        self.roles.iter().any(|role| role.missing != Missing::Infer && infers(&role.dimension))
    }

    /// Counts the rows without a member for each dimension, in one row; `None` for a fact without dimensions.
    pub fn count_unknown(&self) -> Option<String> {
        let counts: Vec<_> = self
            .roles
            .iter()
            .map(|role| format!("(select count(*) from {} where {} = {UNKNOWN})", self.table, quote(&role.key)))
            .collect();
        (!counts.is_empty()).then(|| format!("select {}", counts.join(", ")))
    }

    /// Counts the select's rows that are in the fact and have no value, for each dimension, in one row.
    pub fn count_nulls(&self, source: &str) -> String {
        let count = |role: &Role| format!("count(case when n.{} is null then 1 end)", quote(&role.column.name));
        let counts: Vec<_> = self.roles.iter().map(count).collect();
        let only = self.only_let_in();
        let joins = self.joins(|role| role.missing == Missing::Reject);
        format!("select {} from ({source}) as n{joins}{only}", counts.join(", "))
    }

    /// Keeps the select's rows for several queries.
    pub fn keep(source: &str) -> String {
        format!("create temp table {NEW} as {source}")
    }

    /// Returns the select's rows that are no rejects.
    pub fn let_in(&self, source: &str) -> String {
        let joins = self.joins(|role| role.missing == Missing::Reject);
        format!("select n.* from ({source}) as n{joins}{}", self.only_let_in())
    }

    /// Returns the condition, with its `where`, for rows that are no rejects.
    pub(super) fn only_let_in(&self) -> String {
        let rejected: Vec<_> = self.rejected().map(|(place, _)| self.is_missing(place)).collect();
        if rejected.is_empty() { String::new() } else { format!(" where not ({})", rejected.join(" or ")) }
    }

    pub(super) fn rejected(&self) -> impl Iterator<Item = (usize, &Role)> {
        self.roles.iter().enumerate().filter(|(_, role)| role.missing == Missing::Reject)
    }

    pub(super) fn is_missing(&self, place: usize) -> String {
        let role = &self.roles[place];
        format!(
            "(n.{} is not null and d{place}.{} is null)",
            quote(&role.column.name),
            quote(&key_column(&role.dimension))
        )
    }
}
