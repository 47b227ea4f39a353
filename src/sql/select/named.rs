//! The columns of tables that a select names: the only known columns of a table that is not there yet.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, TableFactor, TableWithJoins, Visit, Visitor};

use super::{Select, folded, table_of};
use crate::sql::{Names, Table};

impl Select {
    /// The columns that the select names, by table: those behind its name or alias, and bare ones in a part of the
    /// select that reads one table only; in the order in which they are named.
    pub fn named_columns(&self, names: &Names) -> BTreeMap<Table, Vec<String>> {
        let mut named = Named { names, scopes: Vec::new(), found: BTreeMap::new() };
        let _: ControlFlow<()> = self.query.visit(&mut named);
        named.found
    }
}

/// Relations of a part of a select, by names and aliases; `None` for a relation that is no table of ours.
type Scope = Vec<(String, Option<Table>)>;

struct Named<'a> {
    names: &'a Names,
    scopes: Vec<Scope>,
    found: BTreeMap<Table, Vec<String>>,
}

impl Named<'_> {
    fn add(&mut self, table: Option<Table>, column: &Ident) {
        if let Some(table) = table {
            let (known, column) = (self.found.entry(table).or_default(), folded(column));
            if !known.contains(&column) {
                known.push(column);
            }
        }
    }
}

impl Visitor for Named<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &sqlparser::ast::Select) -> ControlFlow<()> {
        let joined = |from: &TableWithJoins| {
            let joins = from.joins.iter().map(|join| join.relation.clone());
            std::iter::once(from.relation.clone()).chain(joins).collect::<Vec<_>>()
        };
        let named = |factor: TableFactor| {
            let (table, alias) = match factor {
                TableFactor::Table { name, alias, .. } => (table_of(self.names, &name), alias),
                TableFactor::Derived { alias, .. } => (None, alias),
                _ => (None, None),
            };
            let name = alias.map(|alias| folded(&alias.name)).or(table.as_ref().map(|table| table.name.clone()));
            (name.unwrap_or_default(), table)
        };
        self.scopes.push(select.from.iter().flat_map(joined).map(named).collect());
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &sqlparser::ast::Select) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(parts) if parts.len() >= 2 => {
                let (of, column) = (folded(&parts[parts.len() - 2]), &parts[parts.len() - 1]);
                let mut relations = self.scopes.iter().rev().flatten();
                let table = relations.find(|(name, _)| *name == of).and_then(|(_, table)| table.clone());
                self.add(table, column);
            }
            Expr::Identifier(column) => {
                let only = self.scopes.last().and_then(|scope| match &scope[..] {
                    [(_, table)] => table.clone(),
                    _ => None,
                });
                self.add(only, column);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Engine;

    #[test]
    fn columns_behind_names_and_of_the_only_table() {
        let names = Names { engine: Engine::Sqlite, staging: "staging".into(), datawarehouse: "datawarehouse".into() };
        let select = Select::parse(
            "select o.id, upper(c.\"Name\") as n, (select max(day) as newest from staging.days where x > o.y) as last, free \
             from staging.orders as o join staging.customers as c on c.id = o.customer \
             union all select trim(a), b, null, null from staging.more order by n",
        )
        .unwrap();
        let named: Vec<_> = select
            .named_columns(&names)
            .into_iter()
            .map(|(table, columns)| format!("{}: {}", table.name, columns.into_iter().collect::<Vec<_>>().join(" ")))
            .collect();
        assert_eq!(named, ["customers: Name id", "days: day x", "more: a b", "orders: id y customer"]);
    }
}
