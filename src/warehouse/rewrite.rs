//! A select out of an SQL file: which tables it reads, what columns it gives and where they come from, and how it is written on an engine.
//! The files say `staging.titles` and `datawarehouse.dim_title` whatever the engine and whatever the schemas are called, and mean what PostgreSQL means.

mod aggregate;
mod call;
mod cast;
mod expression;
mod from;
mod interval;
mod kind;
mod moment;
mod named;
mod names_only;
mod operator;
mod overrule;
mod pattern;
mod query;
mod reading;
mod rows;
mod scope;
mod select;
mod spread;
mod texts;
mod titles;
mod translate;
mod typed;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, Statement, Visit, VisitMut, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::{Engine, Names, Table, TableColumn, quote};
use names_only::NamesOnly;
pub use overrule::{overruled_by, overrules};
pub(super) use rows::combines_rows;
use translate::Translator;

/// Why a text is no select, or none for an engine.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// It cannot be read; the parser's words, with line and column.
    #[error("{0}")]
    Syntax(String),
    /// It is something else, or more than one statement.
    #[error("expected one select, found {0}")]
    NotASelect(String),
    /// It holds what is not known to mean the same on SQLite.
    #[error("line {line}, column {column}: SQLite has nothing that is known to mean the same as {what}")]
    Refused {
        /// The construct.
        what: String,
        /// Its line, from 1.
        line: u64,
        /// Its column, from 1.
        column: u64,
    },
    /// It is wrong on either engine.
    #[error("line {line}, column {column}: {what}")]
    Wrong {
        /// What is wrong.
        what: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
    },
}

impl SqlError {
    /// In words, with what mends it where the select stands in a file.
    pub fn in_file(&self, path: &Path) -> String {
        match self {
            SqlError::Refused { .. } => {
                format!("{self}; write {} for this engine", overruled_by(path, Engine::Sqlite).display())
            }
            other => other.to_string(),
        }
    }
}

/// A column that a select gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, on both engines.
    pub name: String,
    /// The engine's word for its type, as a table's column would be declared; `None` where it is not known.
    pub declared: Option<&'static str>,
    /// The columns of tables that its values come from.
    pub sources: BTreeSet<(Table, String)>,
}

/// One select, read.
#[derive(Clone, Debug)]
pub struct Select {
    pub(super) query: Box<Query>,
    /// Whether it is written for its engine, so that nothing but names is changed.
    own: bool,
}

impl Select {
    /// Reads a text that holds one select, comments and a semicolon at the end allowed.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Select, SqlError> {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, text)
            .map_err(|error| SqlError::Syntax(error.to_string().replace("sql parser error: ", "")))?;
        let count = statements.len();
        match statements.into_iter().next() {
            Some(Statement::Query(query)) if count == 1 => Ok(Select { query, own: false }),
            Some(_) if count > 1 => Err(SqlError::NotASelect(format!("{count} statements"))),
            Some(other) => {
                let text = other.to_string();
                Err(SqlError::NotASelect(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_lowercase()))
            }
            None => Err(SqlError::NotASelect("nothing".to_owned())),
        }
    }

    /// The select as one that is written for its engine, such as that of `name.sqlite.sql`: nothing but names is changed in it.
    #[must_use]
    pub fn for_its_engine(self) -> Select {
        Select { own: true, ..self }
    }

    /// The tables of our schemas that it reads.
    pub fn tables(&self, names: &Names) -> BTreeSet<Table> {
        let mut found = Tables { names, tables: BTreeSet::new() };
        let _: ControlFlow<()> = self.query.visit(&mut found);
        found.tables
    }

    /// The select as the engine takes it. `columns` are those of the tables it reads, as far as they are there.
    ///
    /// # Errors
    /// Where it holds what is not known to mean the same on SQLite as on PostgreSQL.
    pub fn sql(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Result<String, SqlError> {
        if names.engine == Engine::Sqlite && !self.own {
            return Ok(Translator::new(names, columns, false).query(&self.query, None, None)?.sql);
        }
        let mut query = self.query.clone();
        let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut NamesOnly { names });
        Ok(query.to_string())
    }

    /// What is wrong with it on either engine, with its place, as far as that is known here: PostgreSQL's own words for it name none.
    pub fn mistake(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Option<SqlError> {
        let read = Translator::new(names, columns, false).query(&self.query, None, None);
        read.err().filter(|error| matches!(error, SqlError::Wrong { .. }))
    }

    /// The columns it gives, with the columns they come from; none where they cannot be told, such as those of a table that is not known.
    pub fn outputs(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Vec<Output> {
        self.given(names, columns, names.engine == Engine::Postgres || self.own)
    }

    /// The same as far as it can be told whatever the columns' types are.
    pub fn outputs_by_name(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Vec<Output> {
        self.given(names, columns, true)
    }

    fn given(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>, lenient: bool) -> Vec<Output> {
        let Ok(done) = Translator::new(names, columns, lenient).query(&self.query, None, None) else {
            return Vec::new();
        };
        if done.shape.open {
            return Vec::new();
        }
        let output = |column: scope::Column| Output {
            name: column.name,
            // Of what is written for SQLite the kinds are a guess.
            declared: column.kind.declared(names.engine).filter(|_| !self.own),
            sources: column.sources,
        };
        done.shape.columns.into_iter().map(output).collect()
    }
}

/// The columns as the database describes them, with the types that it does not know: SQLite knows none of an expression's.
pub fn described(columns: Vec<TableColumn>, outputs: &[Output]) -> Vec<TableColumn> {
    let named = |name: &str| outputs.iter().find(|output| output.name == name).and_then(|output| output.declared);
    let typed = |column: TableColumn| match named(&column.name) {
        Some(declared) if column.declared.is_empty() => TableColumn { declared: declared.to_owned(), ..column },
        _ => column,
    };
    columns.into_iter().map(typed).collect()
}

/// A query for all rows of a table, view or subquery with these columns, with its values as [`Row`](super::Row) has them: SQLite keeps a computed truth as
/// 1 or 0, and an instant with `+00:00`.
pub fn as_written(names: &Names, relation: &str, outputs: &[Output]) -> String {
    let list: Vec<_> = outputs
        .iter()
        .map(|output| {
            let name = quote(&output.name);
            match output.declared {
                Some("boolean") => {
                    format!("case {name} when 1 then 'true' when 0 then 'false' else {name} end as {name}")
                }
                Some("timestamptz") => format!("replace({name}, '+00:00', '+00') as {name}"),
                _ => name,
            }
        })
        .collect();
    let repeats = outputs.iter().enumerate().any(|(at, one)| outputs[..at].iter().any(|other| other.name == one.name));
    match names.engine {
        Engine::Sqlite if !list.is_empty() && !repeats => format!("select {} from {relation}", list.join(", ")),
        _ => format!("select * from {relation}"),
    }
}

/// The table that a name of two parts means, `None` where it is none of ours.
fn table_of(names: &Names, name: &ObjectName) -> Option<Table> {
    let [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(table)] = name.0.as_slice() else {
        return None;
    };
    Some(Table { schema: names.schema_named(&folded(schema))?, name: folded(table) })
}

/// An identifier as PostgreSQL understands it: lower case unless quoted.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

struct Tables<'a> {
    names: &'a Names,
    tables: BTreeSet<Table>,
}

impl Visitor for Tables<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.extend(table_of(self.names, relation));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
