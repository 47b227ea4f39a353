//! Reads a select as PostgreSQL means it and writes it as SQLite takes it, so that it gives the same. What is not known to mean the same is refused:
//! everything that is written here is written by somebody who knew what it means on both.

use std::collections::HashMap;

use sqlparser::ast::{Expr, Spanned, Visit, Visitor};
use sqlparser::tokenizer::Location;
use std::ops::ControlFlow;

use super::super::{Names, Table, TableColumn};
use super::scope::{Found, Scope, Shape};
use super::typed::{Sources, Typed};
use super::{Place, SqlError, cast, expression};

/// The way through one select.
pub(super) struct Translator<'a> {
    pub names: &'a Names,
    pub columns: &'a HashMap<Table, Vec<TableColumn>>,
    /// Only what the columns are is asked: what is not known is passed over.
    pub lenient: bool,
    /// The columns that there are not, where they are what is asked: then, too, what is not known is passed over.
    pub missing: Option<Vec<SqlError>>,
    /// The `with` queries that can be seen.
    pub ctes: Vec<(String, Shape)>,
    /// The `window` clause's names.
    pub windows: Vec<String>,
    /// How many aggregates have been met.
    pub aggregates: usize,
    /// Whether we stand in an aggregate's argument.
    pub in_aggregate: bool,
    /// What the select is grouped by.
    pub keys: Vec<String>,
    /// Columns that stand outside of aggregates and of what is grouped by.
    pub bare: Vec<Bare>,
}

/// A column that stands neither in an aggregate nor in what is grouped by.
pub(super) struct Bare {
    /// How many selects further out its table stands.
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

    /// An expression.
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

    /// A condition.
    pub(super) fn condition(&mut self, expr: &Expr, scope: &Scope) -> Result<Typed, SqlError> {
        let typed = self.expr(expr, scope)?;
        cast::coerce(&typed, super::kind::Kind::Boolean).map_err(|what| refused(what, expr))
    }
}

/// An error that names a construct which SQLite has not, or means otherwise.
pub(super) fn refused(what: impl Into<String>, at: &impl Spanned) -> SqlError {
    SqlError::Refused { what: what.into(), hint: String::new(), place: place(at) }
}

/// An error that both engines would make.
pub(super) fn wrong(what: impl Into<String>, at: &impl Spanned) -> SqlError {
    SqlError::Wrong { what: what.into(), place: place(at) }
}

/// Where something begins.
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
