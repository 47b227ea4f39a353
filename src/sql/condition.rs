//! Conditions typed on a command line: one expression, and nothing that could do more than read.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, SetExpr, Statement, Visit, Visitor};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Token;

use super::{Schema, Select, SqlError, Table, quote};
use crate::sql::select::{END, combines_rows};

impl Select {
    /// Select of the rows of a table for which a condition holds, at most so many, in the order of these columns. Lines
    /// and columns in errors are those of the condition's text.
    ///
    /// # Errors
    /// A condition that is no expression, holds a statement, or aggregates rows.
    pub fn where_holds(
        table: &Table,
        condition: Option<&str>,
        order: &[String],
        limit: u64,
    ) -> Result<Select, SqlError> {
        let schema = if table.schema == Schema::Staging { "staging" } else { "datawarehouse" };
        let order: Vec<_> = order.iter().map(|column| quote(column)).collect();
        let order = if order.is_empty() { String::new() } else { format!(" order by {}", order.join(", ")) };
        let mut all = Select::parse(&format!("select * from {schema}.{}{order} limit {limit}", quote(&table.name)))?;
        if let (SetExpr::Select(select), Some(condition)) = (&mut *all.query.body, condition) {
            // The expression as it was read, so that places in errors are places in the typed text.
            select.selection = Some(Expr::Nested(Box::new(expression(condition)?)));
        }
        Ok(all)
    }
}

/// Parses a text as one expression; comments and whatever else it could hide are gone when it is written.
fn expression(text: &str) -> Result<Expr, SqlError> {
    let unread = |error: ParserError| match SqlError::of_parser(&error) {
        SqlError::Syntax { what, place } => SqlError::Syntax { what: what.replace(END, "found its end"), place },
        other => other,
    };
    let wrong = |what: String| Err(SqlError::Syntax { what, place: None });
    let mut parser = crate::text::nesting::parser(text).map_err(unread)?;
    let expr = parser.parse_expr().map_err(unread)?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return wrong(format!("expected one condition, found {next} after {expr}"));
    }
    match expr.visit(&mut ReadsOnly) {
        ControlFlow::Break(what) => wrong(format!("expected a condition that only reads, found {what}")),
        ControlFlow::Continue(()) if combines_rows(&expr) => wrong(
            "expected a condition on each row by itself, found an aggregate or a window; a subquery may have one"
                .to_owned(),
        ),
        ControlFlow::Continue(()) => Ok(expr),
    }
}

struct ReadsOnly;

impl Visitor for ReadsOnly {
    type Break = &'static str;

    fn pre_visit_statement(&mut self, _: &Statement) -> ControlFlow<&'static str> {
        ControlFlow::Break("a statement")
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<&'static str> {
        match &*query.body {
            SetExpr::Select(select) if select.into.is_some() => ControlFlow::Break("select into"),
            _ if !query.locks.is_empty() => ControlFlow::Break("a lock"),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_expression() {
        assert_eq!(expression("order_id = 7 -- all").unwrap().to_string(), "order_id = 7");
        assert_eq!(
            expression("a in (select max(b) from staging.x) and c like 'x%'").unwrap().to_string(),
            "a IN (SELECT max(b) FROM staging.x) AND c LIKE 'x%'"
        );
    }

    #[test]
    fn nothing_else() {
        for text in [
            "",
            "1 = 1; drop table x",
            "1 = 1) or (1 = 1",
            "1 = 1 union select 1",
            "a = (with d as (delete from staging.x returning id) select max(id) from d)",
            "exists (select 1 from staging.x for update)",
            "exists (select 1 into y from staging.x)",
            "delete from staging.x",
            "1 = 1 limit 3",
            "sum(a) > 3",
            "row_number() over (order by a) = 1",
        ] {
            assert!(expression(text).is_err(), "{text}");
        }
    }
}
