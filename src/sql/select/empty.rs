//! Columns without a single value: nothing says yet of which type they are, so a select reads them as it wants them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, TableAlias, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

use super::rows::without_schema;
use super::{Select, folded, table_of};
use crate::schema::Type;
use crate::sql::{Engine, Names, Table, TableColumn, quote};

/// The types as which columns without a value are read.
pub type EmptyColumns = BTreeMap<Table, BTreeMap<String, Type>>;

/// The columns of the tables of a select.
type Known = HashMap<Table, Vec<TableColumn>>;

impl Select {
    /// The select that reads columns without a value as columns of these types.
    #[must_use]
    pub fn reading_empty(&self, empty: &EmptyColumns) -> Select {
        Select { empty: empty.clone(), ..self.clone() }
    }

    /// The columns of its result as a database describes them, with the types as which it reads columns without a
    /// value: SQLite goes by the table's.
    pub fn retyped(&self, given: Vec<TableColumn>, names: &Names, columns: &Known) -> Vec<TableColumn> {
        if self.empty.is_empty() || names.engine == Engine::Postgres {
            return given;
        }
        let outputs = self.outputs(names, columns);
        let is_empty =
            |(table, name): &(Table, String)| self.empty.get(table).is_some_and(|types| types.contains_key(name));
        let typed = |column: TableColumn| {
            let output =
                outputs.iter().find(|output| output.name == column.name && output.sources.iter().any(is_empty));
            match output.and_then(|output| output.declared) {
                Some(declared) => TableColumn { declared: declared.to_owned(), ..column },
                None => column,
            }
        };
        given.into_iter().map(typed).collect()
    }

    /// The columns without a value that it reads and their types, in words; nothing where there are none.
    pub fn empty_words(&self) -> String {
        let types = self.empty.iter().flat_map(|(table, types)| types.iter().map(move |one| (&table.name, one)));
        types.map(|(table, (name, of))| format!(" {table}.{name} {of}")).collect()
    }

    /// The columns of its result that are columns without a value as they stand; `without` tells which are such.
    pub fn gives_empty(
        &self,
        names: &Names,
        columns: &Known,
        without: impl Fn(&Table, &str) -> bool,
    ) -> BTreeSet<String> {
        let SetExpr::Select(select) = &*self.query.body else { return BTreeSet::new() };
        let all = select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
        let column = |expr: &Expr| matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        let named = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(folded(name)),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(folded),
            SelectItem::ExprWithAlias { expr, alias } if column(expr) => Some(folded(alias)),
            _ => None,
        };
        let plain: BTreeSet<_> = select.projection.iter().filter_map(named).collect();
        // An expression beside a star may have any name.
        let is_mixed = all && select.projection.len() > 1;
        let is_empty = |(table, name): &(Table, String)| without(table, name);
        let outputs = self.outputs(names, columns).into_iter();
        let outputs = outputs.filter(|output| output.sources.len() == 1 && output.sources.iter().all(is_empty));
        outputs.map(|output| output.name).filter(|name| plain.contains(name) || (all && !is_mixed)).collect()
    }

    /// The names of columns that stand in one expression and so have to be of types that go together, the smallest
    /// expressions first.
    pub fn meeting_columns(&self) -> Vec<BTreeSet<String>> {
        let mut found = Meeting(Vec::new());
        let _: ControlFlow<()> = self.query.visit(&mut found);
        let mut all: Vec<_> = BTreeSet::from_iter(found.0).into_iter().filter(|names| names.len() > 1).collect();
        all.sort_by_key(BTreeSet::len);
        all
    }

    /// The columns as the select reads them.
    pub(super) fn as_read<'k>(&self, names: &Names, columns: &'k Known) -> Cow<'k, Known> {
        if self.empty.is_empty() {
            return Cow::Borrowed(columns);
        }
        let mut columns = columns.clone();
        for (table, types) in &self.empty {
            for column in columns.get_mut(table).into_iter().flatten() {
                if let Some(of) = types.get(&column.name) {
                    names.engine.told(*of).clone_into(&mut column.declared);
                }
            }
        }
        Cow::Owned(columns)
    }

    /// A query whose tables give such columns with their types, for an engine that decides by a column's own type.
    pub(super) fn with_casts(&self, names: &Names, columns: &Known) -> Box<Query> {
        let mut query = self.query.clone();
        for (table, types) in self.empty.iter().filter(|(_, types)| !types.is_empty()) {
            let Some(columns) = columns.get(table) else { continue };
            let column = |TableColumn { name, .. }: &TableColumn| match types.get(name) {
                Some(of) => format!("cast({0} as {1}) as {0}", quote(name), names.engine.declared(*of)),
                None => quote(name),
            };
            let list: Vec<_> = columns.iter().map(column).collect();
            let from = format!("{}.{}", names.schema(table.schema), quote(&table.name));
            let Ok(rows) = Select::parse(&format!("select {} from {from}", list.join(", "))) else { continue };
            let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut Casts { names, table, rows: &rows.query });
        }
        query
    }
}

/// Collects the names of the columns in each expression that combines some.
struct Meeting(Vec<BTreeSet<String>>);

impl Visitor for Meeting {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if matches!(
            expr,
            Expr::Function(_) | Expr::Case { .. } | Expr::BinaryOp { .. } | Expr::Between { .. } | Expr::InList { .. }
        ) {
            let mut names = ColumnNames(BTreeSet::new());
            let _: ControlFlow<()> = expr.visit(&mut names);
            self.0.push(names.0);
        }
        ControlFlow::Continue(())
    }
}

/// Collects the names of the columns in an expression.
struct ColumnNames(BTreeSet<String>);

impl Visitor for ColumnNames {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.0.insert(folded(name)),
            Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|name| self.0.insert(folded(name))),
            _ => false,
        };
        ControlFlow::Continue(())
    }
}

/// Puts a derived table in the place of a table, under its name.
struct Casts<'a> {
    names: &'a Names,
    table: &'a Table,
    rows: &'a Query,
}

impl VisitorMut for Casts<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else { return ControlFlow::Continue(()) };
        if table_of(self.names, name).as_ref() == Some(self.table) {
            let name = Ident::with_quote('"', &self.table.name);
            let own = TableAlias { explicit: true, name, columns: Vec::new(), at: None };
            let alias = Some(alias.take().unwrap_or(own));
            let subquery = Box::new(self.rows.clone());
            *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        without_schema(expr, self.names, self.table);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_without_a_value_is_read_as_it_is_wanted() {
        let table = Table::staging("o");
        let columns = ["id", "shipped"].map(|name| TableColumn::new(name, "text"));
        let known = HashMap::from([(table.clone(), columns.to_vec())]);
        let empty = BTreeMap::from([(table, BTreeMap::from([("shipped".to_owned(), Type::Date)]))]);
        let select =
            Select::parse("select staging.o.id, shipped + 1 as next from staging.o").unwrap().reading_empty(&empty);
        let of = |engine: Engine| {
            let names = Names { engine, staging: "staging".into(), datawarehouse: "dw".into() };
            let outputs = select.outputs(&names, &known);
            (select.sql(&names, &known).unwrap(), outputs.iter().map(|output| output.declared).collect::<Vec<_>>())
        };
        let (sql, outputs) = of(Engine::Postgres);
        assert_eq!(
            sql,
            "SELECT o.id, shipped + 1 AS next FROM (SELECT \"id\", CAST(\"shipped\" AS DATE) AS \"shipped\" FROM \
             \"staging\".\"o\") AS \"o\""
        );
        assert_eq!(outputs, [Some("text"), Some("date")]);
        assert_eq!(of(Engine::Sqlite).1, [Some("text"), Some("date")]);
    }
}
