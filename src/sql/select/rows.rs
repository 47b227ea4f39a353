//! Lineage by row: the staged row that each row of a select comes from, if it comes from one.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, GroupByExpr, Ident, ObjectName, ObjectNamePart, Query, SelectItem, SetExpr, TableAlias,
    TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

use super::{Select, folded, table_of};
use crate::schema::{LINE_COLUMN, LOAD_COLUMN};
use crate::sql::{Names, Output, Schema, Table, TableColumn};

/// Functions that make one row of many.
const AGGREGATES: [&str; 32] = [
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "regr_slope",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

/// Functions and words whose value changes even if no row does.
const VOLATILE: [&str; 14] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "now",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "random",
    "gen_random_uuid",
    "nextval",
    "age",
];

impl Select {
    /// The staging table of which each row of the result is one row, perhaps joined to others; `None` if rows are
    /// grouped, combined or numbered.
    pub fn row_wise(&self, names: &Names) -> Option<Table> {
        let query = &self.query;
        if query.with.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
            return None;
        }
        let SetExpr::Select(select) = &*query.body else { return None };
        let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(list, _) if list.is_empty());
        let several = select.from.len() != 1 || select.distinct.is_some() || select.having.is_some();
        if grouped || several || select.qualify.is_some() || select.projection.iter().any(combines_rows) {
            return None;
        }
        let TableFactor::Table { name, args: None, .. } = &select.from[0].relation else { return None };
        table_of(names, name).filter(|table| table.schema == Schema::Staging)
    }

    /// The lineage column, load or line, that the select fills with something other than the staged row's own; `None`
    /// if it does not.
    pub fn lineage_of_others(&self, names: &Names, columns: &HashMap<Table, Vec<TableColumn>>) -> Option<&'static str> {
        let of = self.row_wise(names);
        let outputs = self.outputs(names, columns);
        let is_own = |output: &Output| {
            of.as_ref().is_some_and(|of| output.sources == BTreeSet::from([(of.clone(), output.name.clone())]))
        };
        let is_wrong = |name: &&str| outputs.iter().any(|output| output.name == **name && !is_own(output));
        [LOAD_COLUMN, LINE_COLUMN].into_iter().find(is_wrong)
    }

    /// Adds the load and the line of each row's staged row to a select that is [row by row](Select::row_wise) and gives
    /// the columns in `given`.
    #[must_use]
    pub fn with_lineage(&self, given: &[TableColumn]) -> Select {
        let mut query = self.query.clone();
        if let SetExpr::Select(select) = &mut *query.body
            && let Some(TableFactor::Table { name, alias, .. }) = select.from.first().map(|from| &from.relation)
        {
            let of = match alias {
                Some(alias) => alias.name.clone(),
                None => match name.0.last() {
                    Some(ObjectNamePart::Identifier(table)) => table.clone(),
                    _ => Ident::new(""),
                },
            };
            let lacking = |column: &&str| !given.iter().any(|one| one.name == **column);
            for column in [LOAD_COLUMN, LINE_COLUMN].iter().copied().filter(lacking) {
                let expr = Expr::CompoundIdentifier(vec![of.clone(), Ident::new(column)]);
                select.projection.push(SelectItem::ExprWithAlias { expr, alias: Ident::new(column) });
            }
        }
        Select { query, ..self.clone() }
    }

    /// The select with another table in the place of `table`, under the same name.
    #[must_use]
    pub fn reading(&self, names: &Names, table: &Table, instead: &Table) -> Select {
        let mut query = self.query.clone();
        let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut Instead { names, table, instead });
        let mut empty = self.empty.clone();
        if let Some(types) = empty.remove(table) {
            empty.insert(instead.clone(), types);
        }
        Select { query, empty, ..self.clone() }
    }

    /// The select with the table wherever it reads `this`.
    #[must_use]
    pub fn with_this(&self, table: &Table) -> Select {
        let mut query = self.query.clone();
        let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut This(table));
        Select { query, ..self.clone() }
    }

    /// The word, if any, that changes its result though no table has changed.
    pub fn volatile(&self) -> Option<String> {
        match self.query.visit(&mut Volatile) {
            ControlFlow::Break(word) => Some(word),
            ControlFlow::Continue(()) => None,
        }
    }
}

/// True if the value of an expression, or of a select's item, depends on more than one row.
pub(in crate::sql) fn combines_rows(item: &impl Visit) -> bool {
    matches!(item.visit(&mut Combines(0)), ControlFlow::Break(()))
}

/// Visitor that finds aggregates and windows outside subqueries.
struct Combines(u32);

impl Visitor for Combines {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let is = |function: &Function| {
            function.over.is_some() || last_word(&function.name).is_some_and(|name| AGGREGATES.contains(&name.as_str()))
        };
        match expr {
            Expr::Function(function) if self.0 == 0 && is(function) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

struct Volatile;

impl Visitor for Volatile {
    type Break = String;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match expr {
            Expr::Function(function) => match last_word(&function.name) {
                Some(name) if VOLATILE.contains(&name.as_str()) => ControlFlow::Break(name),
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

fn last_word(name: &ObjectName) -> Option<String> {
    match name.0.last()? {
        ObjectNamePart::Identifier(word) => Some(word.value.to_lowercase()),
        ObjectNamePart::Function(_) => None,
    }
}

struct Instead<'a> {
    names: &'a Names,
    table: &'a Table,
    instead: &'a Table,
}

/// Takes the schema off a column of a table that a select has under its own name alone.
pub(super) fn without_schema(expr: &mut Expr, names: &Names, table: &Table) {
    if let Expr::CompoundIdentifier(parts) = expr
        && let [schema, name, _] = parts.as_slice()
        && names.schema_named(&folded(schema)) == Some(table.schema)
        && folded(name) == table.name
    {
        parts.remove(0);
    }
}

impl VisitorMut for Instead<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && table_of(self.names, name).as_ref() == Some(self.table)
        {
            alias.get_or_insert_with(|| alias_for(&self.table.name));
            *name = of_table(self.names.schema(self.instead.schema), &self.instead.name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        without_schema(expr, self.names, self.table);
        ControlFlow::Continue(())
    }
}

struct This<'a>(&'a Table);

impl VisitorMut for This<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && let [ObjectNamePart::Identifier(only)] = name.0.as_slice()
            && only.quote_style.is_none()
            && only.value.eq_ignore_ascii_case("this")
        {
            alias.get_or_insert_with(|| alias_for("this"));
            *name = of_table("datawarehouse", &self.0.name);
        }
        ControlFlow::Continue(())
    }
}

fn alias_for(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: Ident::with_quote('"', name), columns: Vec::new(), at: None }
}

fn of_table(schema: &str, table: &str) -> ObjectName {
    ObjectName::from(vec![Ident::with_quote('"', schema), Ident::with_quote('"', table)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Engine;

    fn names() -> Names {
        Names { engine: Engine::Postgres, staging: "staging".into(), datawarehouse: "datawarehouse".into() }
    }

    fn row_wise(text: &str) -> Option<String> {
        Select::parse(text).unwrap().row_wise(&names()).map(|table| table.name)
    }

    #[test]
    fn rows_that_are_one_staged_row() {
        for text in [
            "select a, b * 2 as c from staging.x where b > 0",
            "select o.a, c.b from staging.x as o left join staging.y as c on c.id = o.id order by 1",
            "select a, (select max(b) from staging.y) from staging.x",
        ] {
            assert_eq!(row_wise(text).as_deref(), Some("x"), "{text}");
        }
        for text in [
            "select distinct a from staging.x",
            "select a, count(*) from staging.x group by a",
            "select max(a) + 1 as m from staging.x",
            "select a, row_number() over (order by a) from staging.x",
            "select a from staging.x union all select a from staging.y",
            "select a from staging.x limit 3",
            "select a from datawarehouse.x",
            "select a from (select a from staging.x) as s",
            "with s as (select a from staging.x) select a from s",
            "select x.a from staging.x, staging.y",
        ] {
            assert_eq!(row_wise(text), None, "{text}");
        }
    }

    #[test]
    fn a_table_in_the_place_of_another() {
        let select =
            Select::parse("select orders.a, staging.orders.b from staging.orders join staging.c on true").unwrap();
        let part = Table { schema: Schema::Temporary, name: "part".to_owned() };
        let text = select.reading(&names(), &Table::staging("orders"), &part).query.to_string();
        assert_eq!(text, "SELECT orders.a, orders.b FROM \"pg_temp\".\"part\" AS \"orders\" JOIN staging.c ON true");
        let text = select.with_lineage(&[]).query.to_string();
        assert!(
            text.starts_with("SELECT orders.a, staging.orders.b, orders._load_id AS _load_id, orders._line AS _line"),
            "{text}"
        );
        let this = Select::parse("select a from this group by a").unwrap().with_this(&Table::datawarehouse("f"));
        assert_eq!(this.query.to_string(), "SELECT a FROM \"datawarehouse\".\"f\" AS \"this\" GROUP BY a");
    }

    #[test]
    fn what_changes_by_itself() {
        let volatile = |text: &str| Select::parse(text).unwrap().volatile();
        assert_eq!(volatile("select a from staging.x where day < current_date").as_deref(), Some("current_date"));
        assert_eq!(volatile("select now() - a as b from staging.x").as_deref(), Some("now"));
        assert_eq!(volatile("select a as now from staging.x"), None);
    }
}
