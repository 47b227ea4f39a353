//! Tables, keys and references.

use crate::sql::{Engine, Names, Schema, Table, quote};

impl Engine {
    /// The type of a surrogate key that is a table's primary key. Only an `integer` is SQLite's own number of the row.
    pub fn key_type(self) -> &'static str {
        match self {
            Engine::Postgres => "bigint",
            Engine::Sqlite => "integer",
        }
    }

    /// The type of the numbers of a calendar.
    pub fn small_number(self) -> &'static str {
        match self {
            Engine::Postgres => "integer",
            Engine::Sqlite => "bigint",
        }
    }

    /// True if keys and references can be added to a table that stands; else they are written with its columns.
    pub fn adds_constraints(self) -> bool {
        self == Engine::Postgres
    }

    /// True if a table made of a select is written on several cores and has the types of the select's columns.
    pub fn makes_tables_of_selects(self) -> bool {
        self == Engine::Postgres
    }

    /// The names of the tables and views of a schema, without it.
    pub fn relations_of(self, schema: &str) -> String {
        match self {
            Engine::Postgres => format!(
                "select c.relname::text as name from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
                 where n.nspname = {} and c.relkind in ('r', 'p', 'v', 'm', 'f')",
                literal(schema)
            ),
            Engine::Sqlite => {
                let prefix = format!("{schema}__");
                let (length, prefix) = (prefix.chars().count(), literal(&prefix));
                format!(
                    "select substr(name, {}) as name from sqlite_schema \
                     where type in ('table', 'view') and substr(name, 1, {length}) = {prefix}",
                    length + 1
                )
            }
        }
    }

    /// The names of the indexes of a table.
    pub fn indexes_of(self, names: &Names, table: &Table) -> String {
        match self {
            Engine::Postgres => format!(
                "select indexname::text as name from pg_catalog.pg_indexes where schemaname = {} and tablename = {}",
                literal(names.schema(table.schema)),
                literal(&table.name)
            ),
            Engine::Sqlite => format!(
                "select name from sqlite_schema where type = 'index' and tbl_name = {}",
                literal(&format!("{}__{}", names.schema(table.schema), table.name))
            ),
        }
    }

    /// The statement by which the planner gets to know a table's rows, if it does not by itself.
    pub fn analyze(self, table: &str) -> Option<String> {
        (self == Engine::Postgres).then(|| format!("analyze {table}"))
    }

    /// True if a temporary table needs an index of its own where another statement looks rows up in it.
    pub fn needs_temporary_indexes(self) -> bool {
        self == Engine::Sqlite
    }

    /// True if rows of one table go into it in the order of its row numbers, each index after the other.
    pub fn fills_by_row_number(self) -> bool {
        self == Engine::Sqlite
    }

    /// Drops an index of a table, whose name in SQL is `table`.
    pub fn drop_index(self, table: &str, index: &str) -> String {
        format!("drop index if exists {}", self.index_of(table, index))
    }

    /// The name of an index of a table outside of the statement that makes it.
    pub fn index_of(self, table: &str, index: &str) -> String {
        match self {
            Engine::Postgres => {
                let schema = table.rsplit_once('.').map_or("", |(schema, _)| schema);
                format!("{schema}.{}", quote(index))
            }
            Engine::Sqlite => quote(index),
        }
    }

    /// Makes the checks of references that wait for the end of the transaction now, if there are such.
    pub fn check_references_now(self) -> Option<&'static str> {
        (self == Engine::Postgres).then_some("set constraints all immediate")
    }

    /// Makes the rest of a transaction read only, where it can be said within one.
    pub fn only_read(self) -> Option<&'static str> {
        (self == Engine::Postgres).then_some("set transaction read only")
    }

    /// Keeps others from changing a table's columns until the transaction ends; `None` if a writer's turn does.
    pub fn hold_columns(self, table: &str) -> Option<String> {
        (self == Engine::Postgres).then(|| format!("lock table {table} in row exclusive mode"))
    }

    /// Makes transactions with this statement over a table take turns, its readers undisturbed; `None` if all writers do.
    pub fn take_turns(self, table: &str) -> Option<String> {
        (self == Engine::Postgres).then(|| format!("lock table {table} in share row exclusive mode"))
    }

    /// The way to give a column of a table its type again, for people.
    pub fn restore_type(self, table: &str, column: &str, declared: &str) -> String {
        match self {
            Engine::Postgres => {
                format!("alter table {table} alter column {column} type {declared} using {column}::{declared}")
            }
            Engine::Sqlite => format!("a table {table} made anew with {column} {declared}"),
        }
    }

    /// The selects of a key's columns by its table and index: those of the primary key, or of the index.
    pub fn key_columns(self, table: &str, index: &str) -> String {
        match self {
            Engine::Postgres => format!(
                "select a.attname::text from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) \
                 where i.indrelid = to_regclass({}) and (i.indisprimary or i.indexrelid = to_regclass({}))",
                literal(table),
                literal(&self.index_of(table, index))
            ),
            Engine::Sqlite => format!("select name from pragma_index_info({})", literal(index)),
        }
    }
}

impl Names {
    /// The columns of a table that refer to another table as declared, by this one.
    pub fn standing_reference(&self, from: &Table, to: &Table, column: &str) -> String {
        match self.engine {
            Engine::Postgres => format!(
                "select a.attname::text from pg_constraint as c join pg_attribute as a on a.attrelid = c.conrelid and \
                 a.attnum = c.conkey[1] \
                 where c.contype = 'f' and c.conrelid = to_regclass({}) and c.confrelid = to_regclass({}) and a.attname = {}",
                literal(&self.table(from)),
                literal(&self.table(to)),
                literal(column)
            ),
            Engine::Sqlite => format!(
                "select \"from\" from pragma_foreign_key_list({}) where \"table\" = {} and \"from\" = {}",
                literal(&self.flat(from)),
                literal(&self.flat(to)),
                literal(column)
            ),
        }
    }

    /// Counts rows of a table that refer to rows that are not there, if the engine does not see to that.
    pub fn count_dangling(&self, table: &Table) -> Option<String> {
        (self.engine == Engine::Sqlite)
            .then(|| format!("select count(*) from pragma_foreign_key_check({})", literal(&self.flat(table))))
    }

    /// Table for rows of one load on their way, dropped by the transaction that makes it. PostgreSQL reads a temporary
    /// one on one core, so there it is an ordinary one.
    pub fn incoming(&self, load_id: i64) -> Table {
        match self.engine {
            Engine::Postgres => Table { schema: Schema::Catalog, name: format!("incoming_{load_id}") },
            Engine::Sqlite => Table { schema: Schema::Temporary, name: "sluice_incoming".to_owned() },
        }
    }

    /// The name of a schema that may be missing, for a check; `None` if the engine has no schemas.
    pub fn schema_to_make(&self, schema: Schema) -> Option<&str> {
        self.engine.has_schemas().then(|| self.schema(schema))
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
