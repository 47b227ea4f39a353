//! Names only: a select as its engine takes it, with only the names of our tables written anew.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor, UnaryOperator, VisitorMut};

use super::super::{Engine, Names};
use super::{folded, table_of};

pub(super) struct NamesOnly<'a> {
    pub names: &'a Names,
}

impl VisitorMut for NamesOnly<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let Some(table) = table_of(self.names, name) else { return ControlFlow::Continue(()) };
        let quoted = |name: &str| ObjectNamePart::Identifier(Ident::with_quote('"', name));
        match self.names.engine {
            Engine::Postgres => {
                *name = ObjectName(vec![quoted(self.names.schema(table.schema)), quoted(&table.name)]);
            }
            Engine::Sqlite => {
                // `titles.title` and `staging.titles.title` go on meaning the table's column.
                alias.get_or_insert_with(|| alias_for(&table.name));
                *name = ObjectName(vec![quoted(&self.names.flat(&table))]);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // The parser writes -(-1) without a blank, which begins a comment.
        if let Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } = expr
            && inner.to_string().starts_with('-')
        {
            **inner = Expr::Nested(inner.clone());
        }
        if let Expr::CompoundIdentifier(parts) = expr
            && let [schema, _, _] = parts.as_mut_slice()
            && let Some(known) = self.names.schema_named(&folded(schema))
        {
            match self.names.engine {
                Engine::Postgres => *schema = Ident::with_quote('"', self.names.schema(known)),
                Engine::Sqlite => drop(parts.remove(0)),
            }
        }
        ControlFlow::Continue(())
    }
}

fn alias_for(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: Ident::with_quote('"', name), columns: Vec::new(), at: None }
}
