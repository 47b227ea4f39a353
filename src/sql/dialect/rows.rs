//! Places of rows, and how statements look them up.

use crate::sql::Engine;

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

    /// The one place of a group that has it.
    pub fn only_place(self, place: &str) -> String {
        match self {
            Engine::Postgres => format!("max({place}::text)::tid"),
            Engine::Sqlite => format!("max({place})"),
        }
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
