//! Names of tables and columns as SQL: the only place that quotes.

use crate::schema::Type;

/// The two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// The three schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Schema {
    /// Staging tables, which hold the loaded rows.
    Staging,
    /// The star and its views.
    Datawarehouse,
    /// The catalog.
    Catalog,
    /// Tables that end with the transaction: seen by nobody else.
    Temporary,
}

/// A column as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Name of the column.
    pub name: String,
    /// Type in the engine's words.
    pub declared: String,
}

impl TableColumn {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, declared: impl Into<String>) -> TableColumn {
        TableColumn { name: name.into(), declared: declared.into() }
    }
}

/// A table or view on either engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table {
    /// Schema of the table.
    pub schema: Schema,
    /// Name, not quoted.
    pub name: String,
}

impl Table {
    /// A table of staging.
    pub fn staging(name: &str) -> Table {
        Table { schema: Schema::Staging, name: name.to_owned() }
    }

    /// A table or view of the star.
    pub fn datawarehouse(name: &str) -> Table {
        Table { schema: Schema::Datawarehouse, name: name.to_owned() }
    }

    /// A table of the catalog's schema: one of its own, or one that is kept for a table of the star or of staging.
    pub fn catalog(name: &str) -> Table {
        Table { schema: Schema::Catalog, name: name.to_owned() }
    }

    /// A table that ends with the transaction.
    pub fn temporary(name: &str) -> Table {
        Table { schema: Schema::Temporary, name: name.to_owned() }
    }
}

/// Quotes an identifier, with the quotes inside doubled; the same on both engines.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

/// Naming of schemas and tables on an engine.
#[derive(Clone, Debug)]
pub struct Names {
    /// The engine.
    pub engine: Engine,
    /// Name of the staging schema.
    pub staging: String,
    /// Name of the star's schema.
    pub datawarehouse: String,
}

impl Names {
    /// The name of a schema on this engine.
    pub fn schema(&self, schema: Schema) -> &str {
        match schema {
            Schema::Staging => &self.staging,
            Schema::Datawarehouse => &self.datawarehouse,
            Schema::Catalog => models::POSTGRES_SCHEMA,
            Schema::Temporary => match self.engine {
                Engine::Postgres => "pg_temp",
                Engine::Sqlite => "temp",
            },
        }
    }

    /// The schema of this name in SQL files or by users: the word of the documentation, or the schema's name here.
    pub fn schema_named(&self, name: &str) -> Option<Schema> {
        [
            (Schema::Staging, "staging"),
            (Schema::Datawarehouse, "datawarehouse"),
            (Schema::Catalog, "sluice"),
            (Schema::Temporary, "pg_temp"),
        ]
        .into_iter()
        .find(|(schema, word)| name.eq_ignore_ascii_case(word) || name == self.schema(*schema))
        .map(|(schema, _)| schema)
    }

    /// The table's name in SQL, quoted: `"staging"."titles"`, on SQLite `"staging__titles"`.
    pub fn table(&self, table: &Table) -> String {
        match self.engine {
            Engine::Sqlite if table.schema == Schema::Temporary => format!("temp.{}", quote(&table.name)),
            Engine::Postgres => format!("{}.{}", quote(self.schema(table.schema)), quote(&table.name)),
            Engine::Sqlite => quote(&self.flat(table)),
        }
    }

    /// The table's name on SQLite, not quoted.
    pub fn flat(&self, table: &Table) -> String {
        if table.schema == Schema::Temporary {
            return table.name.clone();
        }
        format!("{}__{}", self.schema(table.schema), table.name)
    }

    /// The table's name as people write it.
    pub fn shown(&self, table: &Table) -> String {
        format!("{}.{}", self.schema(table.schema), table.name)
    }

    /// The engine's word for a staging column's type, as [`Engine::declared`] has it.
    pub fn declared(&self, kind: Type) -> &'static str {
        self.engine.declared(kind)
    }

    /// True if a staging column of this declared type holds every value of the type, as [`Engine::holds`] says.
    pub fn holds(&self, declared: &str, kind: Type) -> bool {
        self.engine.holds(declared, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_quotes() {
        let names = Names { engine: Engine::Postgres, staging: "staging".into(), datawarehouse: "dw".into() };
        let hostile = Table::staging("x\"; drop table y; --");
        assert_eq!(names.table(&hostile), "\"staging\".\"x\"\"; drop table y; --\"");
        let names = Names { engine: Engine::Sqlite, ..names };
        assert_eq!(names.table(&hostile), "\"staging__x\"\"; drop table y; --\"");
    }
}
