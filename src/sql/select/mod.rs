//! A select out of an SQL file: the tables that it reads, its columns with their sources, and its form on an engine.
//! The files say `staging.titles` and `datawarehouse.dim_title` whatever the engine and the names of its schemas, and
//! mean what PostgreSQL means.

mod aggregate;
mod call;
mod cast;
mod echo;
mod empty;
mod expression;
mod from;
mod functions;
mod interval;
mod kind;
mod moment;
mod named;
mod names_only;
mod one_select;
mod operator;
mod overrule;
mod parts;
mod pattern;
mod query;
mod reading;
mod rows;
mod scope;
mod spread;
mod texts;
mod titles;
mod translate;
mod typed;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, Spanned, Statement, Visit, VisitMut, Visitor};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Location;

use super::{Engine, Names, Table, TableColumn, quote};
pub(crate) use echo::{name_at, place_in};
pub use empty::EmptyColumns;
pub(crate) use functions::nearest_function;
use names_only::NamesOnly;
pub use overrule::{overruled_by, overrules};
pub(super) use rows::combines_rows;
use translate::Translator;

/// Place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
}

/// Reason why a text is no select, or none for an engine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SqlError {
    /// A text that cannot be parsed.
    #[error("{}{what}", before(*place))]
    Syntax {
        /// The error in the parser's words.
        what: String,
        /// Place of the error, if known.
        place: Option<Place>,
    },
    /// Another statement, or more than one.
    #[error("expected one select, found {what}")]
    NotASelect {
        /// Words for the statement.
        what: String,
        /// Place of the statement, if known.
        place: Option<Place>,
    },
    /// A construct that is not known to mean the same on SQLite.
    #[error("{}{}", before(Some(*place)), self.what())]
    Refused {
        /// The construct.
        what: String,
        /// A word that was perhaps meant: `; did you mean x?`.
        hint: String,
        /// Place of the construct.
        place: Place,
    },
    /// A column that does not exist.
    #[error("{}{}", before(Some(*place)), self.what())]
    NoColumn {
        /// The column, as it is written.
        column: String,
        /// A word that was perhaps meant: `; did you mean x?`.
        hint: String,
        /// Place of the column.
        place: Place,
    },
    /// An error on either engine.
    #[error("{}{what}", before(Some(*place)))]
    Wrong {
        /// The error in words.
        what: String,
        /// Place of the error.
        place: Place,
    },
}

impl SqlError {
    /// The place of the error in the text, if known.
    pub fn place(&self) -> Option<Place> {
        let place = match self {
            SqlError::Syntax { place, .. } | SqlError::NotASelect { place, .. } => *place,
            SqlError::Refused { place, .. } | SqlError::NoColumn { place, .. } | SqlError::Wrong { place, .. } => {
                Some(*place)
            }
        };
        // The parser does not know the place of some of its parts.
        place.filter(|place| place.line > 0)
    }

    /// True if the text ends too early.
    pub fn is_at_end(&self) -> bool {
        match self {
            SqlError::Syntax { what, place: None } => what.ends_with(END),
            SqlError::NotASelect { what, .. } => what == NOTHING,
            _ => false,
        }
    }

    /// The error in words, without its place.
    pub fn what(&self) -> String {
        match self {
            SqlError::Syntax { what, .. } | SqlError::Wrong { what, .. } => what.clone(),
            SqlError::NotASelect { what, .. } => format!("expected one select, found {what}"),
            SqlError::NoColumn { column, hint, .. } => format!("there is no column {column}{hint}"),
            SqlError::Refused { what, hint, .. } => {
                format!("SQLite has nothing that is known to mean the same as {what}{hint}")
            }
        }
    }

    /// Reads the parser's message: `Expected: a, found: b at Line: 1, Column: 2`.
    pub(super) fn of_parser(error: &ParserError) -> SqlError {
        let said = match error {
            ParserError::TokenizerError(said) | ParserError::ParserError(said) => said.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        };
        let (what, place) = match said.split_once(" at Line: ") {
            Some((what, place)) => {
                let mut numbers = place.split(", Column: ").map(|number| number.trim().parse().unwrap_or_default());
                let (line, column) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
                (what, Some(Place { line, column }))
            }
            None => (said.as_str(), None),
        };
        let what = what.replace("Expected: ", "expected ").replace("found: ", "found ").replace("found EOF", END);
        let mut letters = what.chars();
        let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
        SqlError::Syntax { what: first + letters.as_str(), place }
    }
}

/// Words for a text that is empty but for comments.
const NOTHING: &str = "nothing";

/// The parser's words for a text that ends too early.
pub(super) const END: &str = "found the end of the file";

/// Writes `line 1, column 2: `.
fn before(place: Option<Place>) -> String {
    place
        .filter(|place| place.line > 0)
        .map_or_else(String::new, |Place { line, column }| format!("line {line}, column {column}: "))
}

/// A column that a select gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Name, on both engines.
    pub name: String,
    /// Type in the engine's words, as a table's column would be declared; `None` if unknown.
    pub declared: Option<&'static str>,
    /// The columns of tables that its values come from.
    pub sources: BTreeSet<(Table, String)>,
}

/// One parsed select.
#[derive(Clone, Debug)]
pub struct Select {
    pub(super) query: Box<Query>,
    /// True if it is written for its engine, so that nothing but names is changed.
    own: bool,
    /// The types as which it reads columns without a value.
    empty: EmptyColumns,
}

impl Select {
    /// Reads a text that holds one select, comments and a semicolon at the end allowed.
    ///
    /// # Errors
    /// A text that is no select.
    pub fn parse(text: &str) -> Result<Select, SqlError> {
        let statements = crate::text::nesting::parser(text)
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| SqlError::of_parser(&error))?;
        let place = |statement: &Statement| {
            let Location { line, column } = statement.span().start;
            Some(Place { line, column })
        };
        let no_select = |what: String, place| Err(SqlError::NotASelect { what, place });
        match statements.as_slice() {
            [] => no_select(NOTHING.to_owned(), None),
            [_, second, ..] => no_select(format!("{} statements", statements.len()), place(second)),
            [Statement::Query(query)] => Ok(Select { query: query.clone(), own: false, empty: EmptyColumns::new() }),
            [other] => {
                let text = other.to_string();
                let words: Vec<_> = text.split_whitespace().take(2).collect();
                no_select(words.join(" ").to_lowercase(), place(other))
            }
        }
    }

    /// Marks the select as written for its engine, like that of `name.sqlite.sql`: only names are changed in it.
    #[must_use]
    pub fn for_its_engine(self) -> Select {
        Select { own: true, ..self }
    }

    /// Its text, with the names of SQL files.
    pub fn text(&self) -> String {
        self.query.to_string()
    }

    /// True if it is written for its engine.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// The tables of our schemas that it reads.
    pub fn tables(&self, names: &Names) -> BTreeSet<Table> {
        let mut found = Tables { names, tables: BTreeSet::new() };
        let _: ControlFlow<()> = self.query.visit(&mut found);
        found.tables
    }

    /// Writes the select for the engine. `columns` are those of the tables it reads, as far as there are such tables.
    ///
    /// # Errors
    /// A construct that is not known to mean the same on SQLite as on PostgreSQL.
    pub fn sql(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Result<String, SqlError> {
        if names.engine == Engine::Sqlite && !self.own {
            let columns = &self.as_read(names, columns);
            return Ok(Translator::new(names, columns, false).query(&self.query, None, None)?.sql);
        }
        let mut query = match names.engine {
            Engine::Postgres => self.with_casts(names, columns),
            Engine::Sqlite => self.query.clone(),
        };
        let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut NamesOnly { names });
        Ok(query.to_string())
    }

    /// Errors on either engine, as far as they are found without asking one: one error, or all missing columns.
    pub fn faults(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Vec<SqlError> {
        let columns = &self.as_read(names, columns);
        let mut all = Translator { missing: Some(Vec::new()), ..Translator::new(names, columns, false) };
        // The outcome is of no interest: unknown constructs were passed over.
        let _ = all.query(&self.query, None, None);
        let missing = all.missing.unwrap_or_default();
        if !missing.is_empty() {
            return missing;
        }
        let first = Translator::new(names, columns, false).query(&self.query, None, None).err();
        first.into_iter().filter(|error| matches!(error, SqlError::Wrong { .. })).collect()
    }

    /// The columns of its result, with their sources; none if they are unknown, such as those of an unknown table.
    pub fn outputs(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Vec<Output> {
        self.given(names, columns, names.engine == Engine::Postgres || self.own)
    }

    /// The columns of its result, as far as they are known without the types of its sources.
    pub fn outputs_by_name(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Vec<Output> {
        self.given(names, columns, true)
    }

    fn given(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>, lenient: bool) -> Vec<Output> {
        let columns = &self.as_read(names, columns);
        let Ok(done) = Translator::new(names, columns, lenient).query(&self.query, None, None) else {
            return Vec::new();
        };
        if done.shape.open {
            return Vec::new();
        }
        let output = |column: scope::Column| Output {
            name: column.name,
            // A select for SQLite has guessed kinds only.
            declared: column.kind.declared(names.engine).filter(|_| !self.own),
            sources: column.sources,
        };
        done.shape.columns.into_iter().map(output).collect()
    }
}

/// The database's columns, with the types that it does not know: SQLite knows none of an expression's.
pub fn described(columns: Vec<TableColumn>, outputs: &[Output]) -> Vec<TableColumn> {
    let named = |name: &str| outputs.iter().find(|output| output.name == name).and_then(|output| output.declared);
    let typed = |column: TableColumn| match named(&column.name) {
        Some(declared) if column.declared.is_empty() => TableColumn { declared: declared.to_owned(), ..column },
        _ => column,
    };
    columns.into_iter().map(typed).collect()
}

/// A query for all rows of a table, view or subquery with these columns, with its values as in `warehouse::Row`:
/// SQLite keeps a computed truth as 1 or 0, and an instant with `+00:00`.
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

/// The table of a name of two parts, `None` if it is none of ours.
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
