//! The limits of the engines that a declared table can meet.

use super::Engine;

impl Engine {
    /// The engine's name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Postgres => "PostgreSQL",
            Engine::Sqlite => "SQLite",
        }
    }

    /// The greatest number of columns of a table.
    pub fn most_columns(self) -> usize {
        match self {
            Engine::Postgres => 1_600,
            Engine::Sqlite => 2_000,
        }
    }

    /// The greatest number of tables in a join, if it is limited.
    pub fn most_joined(self) -> Option<usize> {
        match self {
            Engine::Postgres => None,
            Engine::Sqlite => Some(64),
        }
    }

    /// The greatest length of a name in bytes, if it is limited: PostgreSQL cuts longer ones.
    pub fn longest_name(self) -> Option<usize> {
        match self {
            Engine::Postgres => Some(63),
            Engine::Sqlite => None,
        }
    }
}
