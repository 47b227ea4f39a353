//! Tables as they are declared, and the statement that makes one: the only place that writes `create table` with columns.

use super::{Names, Schema, Table, TableColumn, quote};

/// A table to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDef {
    /// Schema and name.
    pub table: Table,
    /// Columns in their order, with their types in the engine's words.
    pub columns: Vec<TableColumn>,
    /// Columns that are never NULL, beside those of the key.
    pub required: Vec<String>,
    /// Columns of the primary key; none for a table without one.
    pub key: Vec<String>,
    /// References that are checked by the database.
    pub references: Vec<ForeignKey>,
    /// Servers that hold the rows.
    pub placement: Placement,
}

/// A column with keys of another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The column.
    pub column: String,
    /// The table that it refers to.
    pub table: Table,
    /// That table's key.
    pub key: String,
}

/// Servers that hold a table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// The server or file that the address names.
    #[default]
    Local,
}

impl TableDef {
    /// A table of these columns, without key and references.
    pub fn new(table: Table, columns: impl Into<Vec<TableColumn>>) -> TableDef {
        TableDef {
            table,
            columns: columns.into(),
            required: Vec::new(),
            key: Vec::new(),
            references: Vec::new(),
            placement: Placement::Local,
        }
    }

    /// The table with further columns of whole numbers that are never NULL.
    #[must_use]
    pub fn with_counts(mut self, counts: &[&str]) -> TableDef {
        self.columns.extend(counts.iter().map(|&name| TableColumn::new(name, "bigint")));
        self.required.extend(counts.iter().map(|&name| name.to_owned()));
        self
    }

    /// The table with a primary key.
    #[must_use]
    pub fn with_key(mut self, key: &[&str]) -> TableDef {
        self.key = key.iter().map(|&name| name.to_owned()).collect();
        self
    }
}

impl Names {
    /// The statement that makes a table; one of [`Schema::Temporary`] is the session's own.
    pub fn create_table(&self, def: &TableDef) -> String {
        format!("create {}", self.made("", def))
    }

    /// The statement that makes a table unless there is one of this name.
    pub fn create_table_if_missing(&self, def: &TableDef) -> String {
        format!("create {}", self.made("if not exists ", def))
    }

    fn made(&self, condition: &str, def: &TableDef) -> String {
        let Placement::Local = def.placement;
        let mut parts: Vec<_> = def.columns.iter().map(|column| self.column(def, column)).collect();
        if def.key.len() > 1 {
            let key: Vec<_> = def.key.iter().map(|name| quote(name)).collect();
            parts.push(format!("primary key ({})", key.join(", ")));
        }
        let (kind, name) = match def.table.schema {
            Schema::Temporary => ("temp table", quote(&def.table.name)),
            _ => ("table", self.table(&def.table)),
        };
        format!("{kind} {condition}{name} ({})", parts.join(", "))
    }

    fn column(&self, def: &TableDef, column: &TableColumn) -> String {
        let TableColumn { name, declared } = column;
        // SQLite takes an integer for the number of its row only with the key behind the type.
        let key = if def.key == [name.as_str()] { " primary key" } else { "" };
        let required = if def.required.contains(name) { " not null" } else { "" };
        let refers = def.references.iter().filter(|one| one.column == *name);
        let refers: String =
            refers.map(|one| format!(" references {} ({})", self.table(&one.table), quote(&one.key))).collect();
        format!("{} {declared}{key}{required}{refers}", quote(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Engine;

    fn names(engine: Engine) -> Names {
        Names { engine, staging: "staging".into(), datawarehouse: "dw".into() }
    }

    fn columns(list: &[(&str, &str)]) -> Vec<TableColumn> {
        list.iter().map(|&(name, declared)| TableColumn::new(name, declared)).collect()
    }

    #[test]
    fn counts_stand_behind_the_columns() {
        let def = TableDef::new(Table::staging("t"), columns(&[("a \"b\"", "text")])).with_counts(&["_line"]);
        assert_eq!(
            names(Engine::Postgres).create_table(&def),
            "create table \"staging\".\"t\" (\"a \"\"b\"\"\" text, \"_line\" bigint not null)"
        );
        assert_eq!(
            names(Engine::Sqlite).create_table(&def),
            "create table \"staging__t\" (\"a \"\"b\"\"\" text, \"_line\" bigint not null)"
        );
    }

    #[test]
    fn a_key_of_one_column_stands_with_it_and_one_of_several_behind_all() {
        let list = columns(&[("k", "integer"), ("n", "bigint")]);
        let def = TableDef::new(Table::datawarehouse("d"), list).with_key(&["k"]);
        let one = names(Engine::Sqlite).create_table_if_missing(&def);
        assert_eq!(one, "create table if not exists \"dw__d\" (\"k\" integer primary key, \"n\" bigint)");
        let several = names(Engine::Sqlite).create_table(&def.with_key(&["k", "n"]));
        assert_eq!(several, "create table \"dw__d\" (\"k\" integer, \"n\" bigint, primary key (\"k\", \"n\"))");
    }

    #[test]
    fn references_stand_with_their_columns() {
        let mut def = TableDef::new(Table::datawarehouse("f"), columns(&[("d_key", "bigint"), ("x", "")]));
        def.required.push("d_key".to_owned());
        def.references.push(ForeignKey {
            column: "d_key".to_owned(),
            table: Table::datawarehouse("d"),
            key: "d_key".to_owned(),
        });
        assert_eq!(
            names(Engine::Sqlite).create_table(&def),
            "create table \"dw__f\" (\"d_key\" bigint not null references \"dw__d\" (\"d_key\"), \"x\" )"
        );
    }

    #[test]
    fn temporary_tables_are_the_sessions_own() {
        let def = TableDef::new(Table::temporary("t"), columns(&[("a", "text")]));
        for engine in [Engine::Postgres, Engine::Sqlite] {
            assert_eq!(names(engine).create_table(&def), "create temp table \"t\" (\"a\" text)");
        }
    }
}
