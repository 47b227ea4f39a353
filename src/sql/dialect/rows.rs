//! Places of rows, and how statements look them up.

use crate::sql::{Engine, TableColumn, quote};

impl Engine {
    /// The place of a row in its table, which tells it from equal ones for one transaction.
    pub fn place(self) -> &'static str {
        match self {
            Engine::Postgres => "ctid",
            Engine::Sqlite => "rowid",
        }
    }

    /// The place of a row as a number; `of` is the row's table with its point, or nothing.
    pub fn place_number(self, of: &str) -> String {
        match self {
            // Before version 14 there is no greatest one of them.
            Engine::Postgres => format!("(({of}ctid::text::point)[0] * 65536 + ({of}ctid::text::point)[1])"),
            Engine::Sqlite => format!("{of}rowid"),
        }
    }

    /// The condition that a column of two rows has one value in the same digits, NULL taken for a value. PostgreSQL joins by it through a
    /// hash, which it cannot by `is not distinct from`: arrays of one value are equal if the values are, or both are NULL.
    pub fn equal(self, column: &TableColumn, one: &str, other: &str) -> String {
        let name = quote(&column.name);
        match self {
            // An array in an array is none of one value.
            Engine::Postgres if column.declared.ends_with("[]") => {
                format!("{one}.{name} is not distinct from {other}.{name}")
            }
            Engine::Postgres => {
                let pairs = self.compared(column, one, other);
                let same: Vec<_> = pairs.map(|[one, other]| format!("array[{one}] = array[{other}]")).collect();
                same.join(" and ")
            }
            Engine::Sqlite => format!("{one}.{name} is {other}.{name}"),
        }
    }

    /// The condition that a column of two rows has other values, or the same in other digits, NULL taken for a value.
    pub fn differs(self, column: &TableColumn, one: &str, other: &str) -> String {
        let pairs = self.compared(column, one, other);
        let differs: Vec<_> = pairs.map(|[one, other]| format!("{one} is distinct from {other}")).collect();
        differs.join(" or ")
    }

    /// The values of a column of two rows, and what tells their digits apart.
    fn compared(self, column: &TableColumn, one: &str, other: &str) -> impl Iterator<Item = [String; 2]> {
        let [one, other] = [one, other].map(|row| format!("{row}.{}", quote(&column.name)));
        let digits = self.digits(&column.declared, &one).zip(self.digits(&column.declared, &other));
        std::iter::once([one, other]).chain(digits.map(|(one, other)| [one, other]))
    }

    /// Deletes the rows `t` of a table for which a row `d` of a smaller one fulfils a condition.
    pub fn delete_found(self, table: &str, found: &str, condition: &str) -> String {
        match self {
            Engine::Postgres => format!("delete from {table} as t using {found} as d where {condition}"),
            Engine::Sqlite => {
                format!("delete from {table} as t where exists (select 1 from {found} as d where {condition})")
            }
        }
    }

    /// Statement before and behind a join by [`Engine::equal`]: PostgreSQL knows nothing of the values of such arrays,
    /// and would sort all rows.
    pub fn prefer_hashing(self, is_before: bool) -> Option<String> {
        let value = if is_before { "off" } else { "default" };
        (self == Engine::Postgres).then(|| format!("set local enable_mergejoin to {value}"))
    }

    /// The join by which each row of a small table before it is looked up in a large one behind it.
    pub fn join_few(self) -> &'static str {
        match self {
            Engine::Postgres => "join",
            Engine::Sqlite => "cross join",
        }
    }

    /// Deletes rows of a small table for which a row of a large one fulfils a condition; `c` and `i` are their names.
    pub fn delete_few(self, small: &str, large: &str, same: &str, and: &str) -> String {
        match self {
            Engine::Postgres => format!("delete from {small} as c using {large} as i where {same} and {and}"),
            Engine::Sqlite => format!(
                "delete from {small} where rowid in (select c.rowid from {large} as i cross join {small} as c on {same} where {and})"
            ),
        }
    }

    /// Statements before a comparison of many rows, of which few differ: PostgreSQL's planner expects nearly all to
    /// differ, at a high cost, and with these compares on several cores.
    pub fn before_comparison(self) -> &'static [&'static str] {
        match self {
            Engine::Postgres => &["set local parallel_tuple_cost = 0", "set local jit = off"],
            Engine::Sqlite => &[],
        }
    }

    /// Statement behind a comparison, so that the rows of its temporary table are found by these columns.
    pub fn after_comparison(self, table: &str, name: &str, columns: &str) -> String {
        match self {
            Engine::Postgres => format!("analyze {table}"),
            Engine::Sqlite => format!("create index temp.{name}_key on {name} ({columns})"),
        }
    }
}
