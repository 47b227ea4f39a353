//! Translation of a select from PostgreSQL's meaning to SQLite's words, with the same result. A construct that is not
//! known to mean the same is refused: the code here covers only constructs whose meaning is known on both.

use std::collections::HashMap;

use sqlparser::ast::{Expr, Spanned, Visit, Visitor};
use sqlparser::tokenizer::Location;
use std::ops::ControlFlow;

use super::super::{Names, Table, TableColumn};
use super::scope::{Found, Scope, Shape};
use super::typed::{Sources, Typed};
use super::{Place, SqlError, cast, expression};

/// State of the translation of one select.
pub(super) struct Translator<'a> {
    pub names: &'a Names,
    pub columns: &'a HashMap<Table, Vec<TableColumn>>,
    /// True if only the columns are asked for: unknown constructs are passed over.
    pub lenient: bool,
    /// Columns that do not exist, collected if they are asked for; unknown constructs are passed over then, too.
    pub missing: Option<Vec<SqlError>>,
    /// The visible `with` queries.
    pub ctes: Vec<(String, Shape)>,
    /// The `window` clause's names.
    pub windows: Vec<String>,
    /// Number of aggregates so far.
    pub aggregates: usize,
    /// True within an aggregate's argument.
    pub in_aggregate: bool,
    /// Keys of the select's `group by`.
    pub keys: Vec<String>,
    /// Columns outside of aggregates and group keys.
    pub bare: Vec<Bare>,
}

/// A column outside of aggregates and group keys.
pub(super) struct Bare {
    /// Number of selects from here out to its table.
    pub depth: usize,
    pub key: String,
    pub why: SqlError,
}

impl<'a> Translator<'a> {
    pub(super) fn new(names: &'a Names, columns: &'a HashMap<Table, Vec<TableColumn>>, lenient: bool) -> Self {
        Translator {
            names,
            columns,
            lenient,
            missing: None,
            ctes: Vec::new(),
            windows: Vec::new(),
            aggregates: 0,
            in_aggregate: false,
            keys: Vec::new(),
            bare: Vec::new(),
        }
    }

    /// Translates an expression.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope) -> Result<Typed, SqlError> {
        let bare = self.bare.len();
        match expression::translate(self, expr, scope) {
            Err(error) if self.lenient || self.missing.is_some() => {
                if let (Some(missing), SqlError::NoColumn { .. }) = (&mut self.missing, &error) {
                    missing.push(error);
                }
                let mut idents = Idents { scope, sources: Sources::new() };
                let _: ControlFlow<()> = expr.visit(&mut idents);
                Ok(Typed { sources: idents.sources, ..Typed::new("NULL", super::kind::Kind::Unknown) })
            }
            Ok(typed) => {
                if self.keys.contains(&typed.key()) {
                    self.bare.truncate(bare);
                }
                Ok(typed)
            }
            refused => refused,
        }
    }

    /// Translates a condition.
    pub(super) fn condition(&mut self, expr: &Expr, scope: &Scope) -> Result<Typed, SqlError> {
        let typed = self.expr(expr, scope)?;
        cast::coerce(&typed, super::kind::Kind::Boolean).map_err(|what| refused(what, expr))
    }
}

/// An error for a construct that SQLite lacks, or means otherwise.
pub(super) fn refused(what: impl Into<String>, at: &impl Spanned) -> SqlError {
    SqlError::Refused { what: what.into(), hint: String::new(), place: place(at) }
}

/// An error of both engines.
pub(super) fn wrong(what: impl Into<String>, at: &impl Spanned) -> SqlError {
    SqlError::Wrong { what: what.into(), place: place(at) }
}

/// The place of the beginning of a node.
pub(super) fn place(at: &impl Spanned) -> Place {
    let Location { line, column } = at.span().start;
    Place { line, column }
}

struct Idents<'a> {
    scope: &'a Scope<'a>,
    sources: Sources,
}

impl Visitor for Idents<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let found = match expr {
            Expr::Identifier(ident) => self.scope.column(ident),
            Expr::CompoundIdentifier(parts) if parts.len() >= 2 => {
                self.scope.qualified(&parts[parts.len() - 2], &parts[parts.len() - 1])
            }
            _ => return ControlFlow::Continue(()),
        };
        if let Found::Column(typed, _) = found {
            self.sources.extend(typed.sources);
        }
        ControlFlow::Continue(())
    }
}
