//! The engines that the released program is run on, and what its tables are called there.

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    Sqlite,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Engine::Postgres => "PostgreSQL",
            Engine::Sqlite => "SQLite",
        }
    }

    /// A staging table.
    pub fn staging(self, table: &str) -> String {
        match self {
            Engine::Postgres => format!("staging.\"{table}\""),
            Engine::Sqlite => format!("staging__{table}"),
        }
    }

    /// A table of the catalog.
    pub fn catalog(self, table: &str) -> String {
        match self {
            Engine::Postgres => format!("sluice.{table}"),
            Engine::Sqlite => format!("sluice__{table}"),
        }
    }
}
