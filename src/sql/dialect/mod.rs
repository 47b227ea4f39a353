//! The differences between the engines, each as the thing that is asked for: nobody outside of `sql/` and `warehouse/`
//! asks which engine it is.

mod fitting;
mod limits;
mod rows;
mod stretches;
mod tables;
mod texts;
mod values;

use super::{Engine, TableColumn};

impl Engine {
    /// The engine of a database's address.
    pub fn of_url(url: &str) -> Engine {
        if url.starts_with("sqlite") { Engine::Sqlite } else { Engine::Postgres }
    }

    /// True if tables are in schemas; else the schema's name is part of the table's.
    pub fn has_schemas(self) -> bool {
        self == Engine::Postgres
    }

    /// True if one transaction writes at a time, whatever tables it touches.
    pub fn has_one_writer(self) -> bool {
        self == Engine::Sqlite
    }

    /// True if a table has a column of this name. SQLite does not tell capital letters from small ones in names.
    pub fn has_column(self, columns: &[TableColumn], name: &str) -> bool {
        columns.iter().any(|column| match self {
            Engine::Postgres => column.name == name,
            Engine::Sqlite => column.name.eq_ignore_ascii_case(name),
        })
    }

    /// The engine that has less of SQL, and for which a select may need a file of its own.
    pub fn plainer() -> Engine {
        Engine::Sqlite
    }
}
