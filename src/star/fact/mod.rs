//! A fact: columns that name members become the members' keys.

mod entering;
mod grain;
mod missing;
mod needed;
mod table;
mod weight;

pub(super) use entering::PLACE;
pub use entering::{BESIDE, ENTERING, STANDING};
pub use grain::OfGrain;
pub use needed::{NEEDED, NeededSql, Reference};

use std::collections::BTreeMap;

use super::class::{Class, must_be_time};
use super::dimension::as_named;
use super::long_keys::only_short;
use super::{KEYED, UNKNOWN};
use crate::project::key_column;
use crate::project::{Fact, Missing};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN, Type};
use crate::sql::{Engine, Names, Schema, Table, TableColumn, any_of, quote, type_of};

/// The temporary table with load and line of the rows that are looked up again.
pub const AGAIN: &str = "sluice_again";

/// Returns the condition for a row called `of` whose staged row is looked up again.
pub fn is_again(of: &str) -> String {
    let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
    format!("({of}.{load}, {of}.{line}) in (select {load}, {line} from {AGAIN})")
}

/// The facts about a dimension that a lookup needs.
#[derive(Clone, Debug)]
pub struct Target {
    /// The column that names a member.
    pub key: TableColumn,
    /// The type of the time from which versions hold, if it has versions.
    pub valid: Option<String>,
    /// True for a calendar: its members are named by the day of a time.
    pub is_calendar: bool,
    /// True if members can be made before their rows arrive.
    pub infers: bool,
}

impl Target {
    /// Returns true if a fact's column can be compared with the key, with the same result on both engines.
    pub fn is_comparable(&self, given: &TableColumn) -> bool {
        let (one, other) = (Class::of(&given.declared), Class::of(&self.key.declared));
        one == other
            || self.is_spelled(given)
            || one == Class::Other
            || other == Class::Other
            || (self.is_calendar && one.is_time())
    }

    /// Returns true if one of a fact's column and the key is a number and the other a text, which names the number that it
    /// is the plain spelling of, or none.
    fn is_spelled(&self, given: &TableColumn) -> bool {
        let classes = [Class::of(&given.declared), Class::of(&self.key.declared)];
        matches!(classes, [Class::Text, Class::Number] | [Class::Number, Class::Text])
    }

    /// Returns true if any number of a fact's column can be a member: fractions do not fit an integer key.
    fn takes(&self, given: &TableColumn) -> bool {
        let has_fraction =
            |column: &TableColumn| matches!(type_of(&column.declared), Some(Type::Numeric | Type::Double));
        Class::of(&self.key.declared) != Class::Number || has_fraction(&self.key) || !has_fraction(given)
    }
}

impl Fact {
    /// Checks that the select's columns agree with the header.
    ///
    /// # Errors
    /// In words, if they do not.
    pub fn fits(&self, columns: &[TableColumn]) -> Result<(), String> {
        must_be_time(self.at.as_deref(), columns)
    }
}

/// A column that names a member.
struct Role {
    /// The select's column.
    column: TableColumn,
    /// The fact's column.
    key: String,
    dimension: String,
    target: Target,
    missing: Missing,
}

/// The SQL of one fact.
pub struct FactSql {
    engine: Engine,
    name: String,
    table: String,
    rejects: String,
    roles: Vec<Role>,
    /// The fact's columns.
    columns: Vec<TableColumn>,
    /// The select's columns whose values together are unique.
    grain: Vec<TableColumn>,
    /// The fact's columns in their place.
    stored_grain: Vec<TableColumn>,
    /// True if these are the same.
    is_plain: bool,
    at: Option<TableColumn>,
    lineage: bool,
    names: Names,
    /// The select's columns.
    given: Vec<TableColumn>,
    /// True if values of the grain may be too long for an index.
    long_keys: bool,
}

impl FactSql {
    /// Prepares the fact called `name` over a select with these columns. `targets` has each dimension; `lineage` is
    /// true if rows have load and line.
    pub fn new(
        names: &Names,
        name: &str,
        header: &Fact,
        targets: &BTreeMap<String, Target>,
        columns: &[TableColumn],
        lineage: bool,
    ) -> Self {
        let (mut roles, mut after) = (Vec::new(), Vec::new());
        for column in columns {
            let role =
                header.dimensions.get(&column.name).and_then(|used| Some((used, targets.get(used.dimension())?)));
            let Some((used, target)) = role else {
                after.push(column.clone());
                continue;
            };
            let key = used.key_column(&column.name);
            after.push(TableColumn { name: key.clone(), declared: "bigint".to_owned() });
            let (dimension, missing) = (used.dimension().to_owned(), used.missing());
            roles.push(Role { column: column.clone(), key, dimension, target: target.clone(), missing });
        }
        if lineage {
            let bigint = |name: &str| TableColumn { name: name.to_owned(), declared: "bigint".to_owned() };
            after.extend([bigint(LOAD_COLUMN), bigint(LINE_COLUMN)]);
        }
        let stored = |column: &String| match header.dimensions.get(column) {
            Some(used) => used.key_column(column),
            None => column.clone(),
        };
        let stored: Vec<_> = header.grain.iter().map(stored).collect();
        FactSql {
            engine: names.engine,
            name: name.to_owned(),
            table: names.table(&Table::datawarehouse(name)),
            rejects: names.table(&Table { schema: Schema::Catalog, name: "star_reject".to_owned() }),
            stored_grain: after.iter().filter(|column| stored.contains(&column.name)).cloned().collect(),
            is_plain: !header.grain.iter().any(|column| header.dimensions.contains_key(column)),
            roles,
            columns: after,
            grain: columns.iter().filter(|column| header.grain.contains(&column.name)).cloned().collect(),
            at: header.at.as_ref().and_then(|at| columns.iter().find(|column| column.name == *at).cloned()),
            lineage,
            names: names.clone(),
            given: columns.to_vec(),
            long_keys: false,
        }
    }

    /// Leaves rows whose grain is too long for an index out of the index.
    #[must_use]
    pub fn with_long_keys(mut self, long_keys: bool) -> Self {
        self.long_keys = long_keys;
        self
    }

    /// Returns the table's rows that its own index leaves out, to follow `from`; `None` if there can be none.
    pub fn long_rows(&self) -> Option<String> {
        // The index of a grain with a dimension's columns is not what makes it unique.
        if !self.long_keys || !self.has_plain_grain() {
            return None;
        }
        let only_short = only_short(&self.grain);
        let short = only_short.strip_prefix(" where ")?;
        Some(format!("(select * from {} where not ({short})) as n", self.table))
    }

    pub(in crate::star) fn engine(&self) -> Engine {
        self.engine
    }

    /// Returns the fact's columns.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// Returns the fact's columns with keys, each with its dimension.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.roles.iter().map(|role| (role.key.as_str(), role.dimension.as_str()))
    }

    /// Returns the fact's rows out of the select's, without rejects.
    pub fn keyed(&self, source: &str) -> String {
        let mut list = Vec::new();
        for column in &self.columns {
            let name = quote(&column.name);
            match self.roles.iter().position(|role| role.key == column.name) {
                Some(place) => {
                    let id = quote(&key_column(&self.roles[place].dimension));
                    list.push(format!("coalesce(d{place}.{id}, {UNKNOWN}) as {name}"));
                }
                None if self.grain.contains(column) => {
                    let value = as_named(self.engine, &column.declared, &format!("n.{name}"));
                    list.push(format!("{value} as {name}"));
                }
                None => list.push(format!("n.{name}")),
            }
        }
        let only = self.only_let_in();
        format!("select {} from ({source}) as n{}{only}", list.join(", "), self.joins(|_| true))
    }

    /// Writes load and line of rows into [`AGAIN`] that point to a member that moved; `touched` has a temporary table
    /// for each changed dimension. Rejects are among them.
    pub fn note_again(&self, touched: &BTreeMap<String, String>) -> Option<String> {
        let (load, line) = (quote(LOAD_COLUMN), quote(LINE_COLUMN));
        let mut found: Vec<_> = self
            .roles
            .iter()
            .filter_map(|role| {
                let ids = touched.get(&role.dimension)?;
                Some(format!(
                    "select {load}, {line} from {} where {} in (select id from {ids})",
                    self.table,
                    quote(&role.key)
                ))
            })
            .collect();
        if found.is_empty() {
            return None;
        }
        if self.rejected().next().is_some() {
            found.push(format!("select load_id, line from {} where fact = '{}'", self.rejects, self.name));
        }
        Some(format!("create temp table {AGAIN} as {}", found.join(" union ")))
    }

    /// Deletes rows that are not in [`KEYED`]: all of them, or those in [`AGAIN`].
    pub fn delete(&self, again: bool) -> String {
        let among = if again { format!("{} and ", is_again("f")) } else { String::new() };
        format!(
            "delete from {} as f where {among}not exists (select 1 from {KEYED} as k where {})",
            self.table,
            self.same_grain("k", "f")
        )
    }

    /// Deletes the rows of retracted loads.
    pub fn delete_loads(&self, loads: &str) -> String {
        format!("delete from {} where {} in ({loads})", self.table, quote(LOAD_COLUMN))
    }

    /// Overwrites the rows that differ from those in [`KEYED`]; `None` if all columns belong to the grain.
    pub fn update(&self) -> Option<String> {
        let is_grain = |column: &&TableColumn| self.grain.iter().any(|one| one.name == column.name);
        let others: Vec<_> = self.columns.iter().filter(|one| !is_grain(one)).collect();
        if others.is_empty() {
            return None;
        }
        let set: Vec<_> = others.iter().map(|one| format!("{0} = k.{0}", quote(&one.name))).collect();
        let differs: Vec<_> = others.iter().map(|one| self.engine.differs(one, "f", "k")).collect();
        Some(format!(
            "update {} as f set {} from {KEYED} as k where {} and ({})",
            self.table,
            set.join(", "),
            self.same_grain("k", "f"),
            any_of(&differs)
        ))
    }

    /// Counts the rows that will point to other members.
    pub fn count_moved(&self) -> Option<String> {
        let differs: Vec<_> = self.roles.iter().map(|role| format!("f.{0} <> k.{0}", quote(&role.key))).collect();
        (!differs.is_empty()).then(|| {
            format!(
                "select count(*) from {} as f join {KEYED} as k on {} where {}",
                self.table,
                self.same_grain("k", "f"),
                any_of(&differs)
            )
        })
    }

    /// Adds the new rows of [`KEYED`].
    pub fn insert(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        let columns = columns.join(", ");
        format!(
            "insert into {0} ({columns}) select {columns} from {KEYED} as k where not exists (select 1 from {0} as f where {1})",
            self.table,
            self.same_grain("f", "k")
        )
    }

    /// Adds the [rows](FactSql::keyed).
    pub fn fill(&self, keyed: &str) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        format!("insert into {} ({}) {keyed}", self.table, columns.join(", "))
    }

    /// Creates an index over the grain of [`KEYED`].
    pub fn index_keyed(&self) -> String {
        format!("create index sluice_keyed_grain on {KEYED} ({})", self.grain_names().join(", "))
    }

    /// Returns the columns that can be summed up.
    pub fn measures(&self) -> impl Iterator<Item = &str> {
        let is_number = |column: &&TableColumn| Class::of(&column.declared) == Class::Number;
        let is_own = |column: &&TableColumn| {
            let key = self.grain.iter().any(|grain| grain.name == column.name)
                || self.roles.iter().any(|role| role.key == column.name);
            !key && column.name != LOAD_COLUMN && column.name != LINE_COLUMN
        };
        self.columns.iter().filter(is_own).filter(is_number).map(|column| column.name.as_str())
    }

    /// Counts rows and sums up the measures, in one row.
    pub fn sums(&self, rows: &str) -> String {
        let sums: Vec<_> = self.measures().map(|name| format!(", {}", self.engine.sum(name))).collect();
        format!("select count(*){} from {rows}", sums.concat())
    }

    /// Returns the value that names a member, in the form of the dimension.
    fn value(&self, place: usize) -> String {
        let Role { column, target, .. } = &self.roles[place];
        let name = format!("n.{}", quote(&column.name));
        if target.is_calendar && type_of(&column.declared) != Some(Type::Date) {
            return self.engine.day_of(&name);
        }
        match (target.is_spelled(column), Class::of(&column.declared)) {
            (true, Class::Text) => format!("({})", self.engine.number_of_text(&target.key.declared, &name)),
            (true, _) => self.engine.plain_text(&column.declared, &name),
            // A number with a fraction names no member.
            (false, Class::Number) if !target.takes(column) => {
                let text = self.engine.plain_text(&column.declared, &name);
                format!("({})", self.engine.number_of_text(&target.key.declared, &format!("({text})")))
            }
            (false, _) => as_named(self.engine, &target.key.declared, &name),
        }
    }

    /// Returns the time of a fact in the form of a dimension's times.
    fn moment(&self, at: &TableColumn, valid: &str) -> String {
        let name = format!("n.{}", quote(&at.name));
        match (Class::of(&at.declared), Class::of(valid)) {
            _ if !self.engine.compares_moments_as_texts() => name,
            (Class::Date, Class::Timestamp) => format!("({name} || ' 00:00:00')"),
            (Class::Date, Class::Timestamptz) => format!("({name} || ' 00:00:00+00:00')"),
            (Class::Timestamp, Class::Timestamptz) => format!("({name} || '+00:00')"),
            _ => name,
        }
    }

    /// Joins the dimensions of some roles, each as `d` and the role's position.
    fn joins(&self, of: impl Fn(&Role) -> bool) -> String {
        let joins = self.roles.iter().enumerate().filter(|(_, role)| of(role)).map(|(place, role)| {
            let Role { dimension, target, .. } = role;
            let (table, id) = (self.names.table(&Table::datawarehouse(dimension)), quote(&key_column(dimension)));
            let (key, value) = (quote(&target.key.name), self.value(place));
            let at = self.at.as_ref().zip(target.valid.as_ref()).map(|(at, valid)| self.moment(at, valid));
            match (&target.valid, at) {
                (None, _) => format!(" left join {table} as d{place} on d{place}.{key} = {value} and d{place}.{id} <> {UNKNOWN}"),
                (Some(_), None) => format!(
                    " left join {table} as d{place} on d{place}.{key} = {value} and d{place}.{id} <> {UNKNOWN} and d{place}.is_current"
                ),
                // Facts before a member's first version see that one.
                (Some(valid), Some(at)) => format!(
                    " left join (select {key}, {id}, valid_to, is_current, case when lag({id}) over (partition by \
                     {key} order by valid_from) is null \
                     then {} else valid_from end as valid_from from {table} where {id} <> {UNKNOWN}) as d{place} on \
                      d{place}.{key} = {value} \
                     and ({at} >= d{place}.valid_from and ({at} < d{place}.valid_to or d{place}.is_current) or {at} is \
                      null and d{place}.is_current)",
                    self.engine.midnight("0001-01-01", valid)
                ),
            }
        });
        joins.collect()
    }

    fn same_grain(&self, one: &str, other: &str) -> String {
        let same: Vec<_> =
            self.grain_names().iter().map(|column| format!("{one}.{column} = {other}.{column}")).collect();
        same.join(" and ")
    }
}
