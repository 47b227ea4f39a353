//! The grain of a fact, and the rows that break it.

use super::super::dimension::as_named;
use super::super::repeated::{COUNT, Repeated, first_place, with_places};
use super::super::{KEYED, UNKNOWN};
use super::{FactSql, is_again};
use crate::project::key_column;
use crate::schema::{LINE_COLUMN, LOAD_COLUMN, Type};
use crate::sql::{Table, TableColumn, quote, type_of};

/// The grain of rows that have members' keys, as their members are named whatever version they point to.
pub struct OfGrain {
    /// Joins of the dimensions to rows called `f`.
    pub joins: String,
    /// The values that tell the rows apart.
    pub values: String,
    /// True if rows have load and line.
    pub lineage: bool,
}

impl FactSql {
    /// Returns the dimensions of the grain's columns.
    pub fn dimensions_of_grain(&self) -> Vec<String> {
        let of_grain = self.roles.iter().filter(|role| self.grain.iter().any(|one| one.name == role.column.name));
        of_grain.map(|role| role.dimension.clone()).collect()
    }

    /// Returns what names the rows of the grain; `retired` are the dimensions that keep the keys of members which went.
    pub fn of_grain(&self, retired: &[String]) -> OfGrain {
        let (mut joins, mut values) = (String::new(), Vec::new());
        for column in &self.grain {
            let Some((place, role)) = self.roles.iter().enumerate().find(|(_, role)| role.column.name == column.name)
            else {
                values.push(format!("f.{}", quote(&column.name)));
                continue;
            };
            let (id, own) = (quote(&key_column(&role.dimension)), format!("f.{}", quote(&role.key)));
            let mut join = |table: Table, name: &str| {
                let table = self.names.table(&table);
                joins += &format!(
                    " left join {table} as {name}{place} on {name}{place}.{id} = {own} and {own} <> {UNKNOWN}"
                );
                format!("{name}{place}.{}", quote(&role.target.key.name))
            };
            let mut named = join(Table::datawarehouse(&role.dimension), "d");
            if retired.contains(&role.dimension) {
                let went = join(Table::catalog(&format!("{}_retired", role.dimension)), "r");
                named = format!("coalesce({named}, {went})");
            }
            values.extend([format!("case when {named} is null then {own} end"), named]);
        }
        OfGrain { joins, values: values.join(", "), lineage: self.lineage }
    }

    /// Returns true if the fact itself has the columns of the grain, so that rows can be told apart there.
    pub fn has_plain_grain(&self) -> bool {
        self.is_plain
    }

    /// Returns a few values of the grain that several rows of `rows` have.
    pub fn repeated(&self, rows: &str) -> Repeated {
        let rows = &self.by_grain(rows);
        let list = self.grain_names().join(", ");
        let values = format!(
            "select {list}, count(*) as {COUNT} from {rows} group by {list} having count(*) > 1 order by count(*) desc, {list} limit 5"
        );
        Repeated {
            columns: self.grain_columns(),
            rows: self.lineage.then(|| with_places(rows, &self.grain_names(), &values)),
            values,
            standing: None,
        }
    }

    /// Returns a few values of the grain that `rows` share with unchanged rows of the fact: [`KEYED`] is compared with
    /// the rows that are not in [`AGAIN`](super::AGAIN), other rows with all.
    pub fn repeated_beside(&self, rows: &str) -> Repeated {
        let grain = self.grain_names();
        let same: Vec<_> = grain.iter().map(|column| format!("f.{column} = k.{column}")).collect();
        let list: Vec<_> = grain.iter().map(|column| format!("k.{column}")).collect();
        let (list, stays) =
            (list.join(", "), if rows == KEYED { format!(" where not {}", is_again("f")) } else { String::new() });
        let (given, standing) = (self.by_grain(rows), format!("{} as f{stays}", self.table));
        let values = format!(
            "select {list}, 2 as {COUNT} from (select * from {given}) as k join {} as f on {}{stays} order by {list} limit 5",
            self.table,
            same.join(" and ")
        );
        Repeated {
            columns: self.grain_columns(),
            rows: self.lineage.then(|| with_places(&given, &grain, &values)),
            standing: self.lineage.then(|| with_places(&standing, &grain, &values)),
            values,
        }
    }

    /// Counts rows of `rows` with NULL in the grain, if the fact itself has its columns.
    pub fn count_nameless(&self, rows: &str) -> Option<String> {
        self.has_plain_grain().then(|| format!("select count(*) from {rows} where {}", self.is_nameless()))
    }

    /// Returns load and line of the first of these.
    pub fn first_nameless(&self, rows: &str) -> Option<String> {
        self.lineage.then(|| first_place(rows, &self.is_nameless()))
    }

    fn is_nameless(&self) -> String {
        let null: Vec<_> = self.grain_names().iter().map(|column| format!("{column} is null")).collect();
        null.join(" or ")
    }

    /// Returns rows with the grain as the fact has it, to follow `from`: 1.50 and 1.5 are one.
    fn by_grain(&self, rows: &str) -> String {
        if !self.grain.iter().any(|column| type_of(&column.declared) == Some(Type::Numeric)) {
            return rows.to_owned();
        }
        let value = |column: &TableColumn| {
            let name = quote(&column.name);
            format!("{} as {name}", as_named(self.engine, &column.declared, &format!("n.{name}")))
        };
        let mut list: Vec<_> = self.grain.iter().map(value).collect();
        list.extend(
            [LOAD_COLUMN, LINE_COLUMN].into_iter().filter(|_| self.lineage).map(|name| format!("n.{}", quote(name))),
        );
        format!("(select {} from (select * from {rows}) as n) as n", list.join(", "))
    }

    /// Returns the columns of the grain, quoted.
    pub(super) fn grain_names(&self) -> Vec<String> {
        self.grain.iter().map(|column| quote(&column.name)).collect()
    }

    /// Returns the names of the fact's columns in the place of the grain's.
    pub fn stored_grain(&self) -> Vec<String> {
        self.stored_grain.iter().map(|column| column.name.clone()).collect()
    }

    /// Returns the names of the grain's columns.
    pub fn grain_columns(&self) -> Vec<String> {
        self.grain.iter().map(|column| column.name.clone()).collect()
    }
}
