//! A condition that somebody types on a command line: one expression, and nothing that could do more than read.

use std::ops::ControlFlow;

use sqlparser::ast::{Distinct, Query, SetExpr, Statement, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{Schema, Select, SqlError, Table, quote};

impl Select {
    /// The rows of a table for which a condition holds, at most so many, in the order of these columns.
    ///
    /// # Errors
    /// When the condition is no expression, or holds a statement.
    pub fn where_holds(
        table: &Table,
        condition: Option<&str>,
        order: &[String],
        limit: u64,
    ) -> Result<Select, SqlError> {
        let holds = match condition {
            Some(condition) => format!(" where ({})", expression(condition)?),
            None => String::new(),
        };
        let schema = if table.schema == Schema::Staging { "staging" } else { "datawarehouse" };
        let order: Vec<_> = order.iter().map(|column| quote(column)).collect();
        let order = if order.is_empty() { String::new() } else { format!(" order by {}", order.join(", ")) };
        Select::parse(&format!("select * from {schema}.{}{holds}{order} limit {limit}", quote(&table.name)))
    }

    /// The select that a text holds, with each row as often as it comes; `None` where it leaves out no repeats.
    pub fn with_repeats(text: &str) -> Option<Select> {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, text).ok()?;
        let [Statement::Query(query)] = <[Statement; 1]>::try_from(statements).ok()? else { return None };
        let mut query = *query;
        let SetExpr::Select(select) = &mut *query.body else { return None };
        select.distinct.take().filter(|distinct| matches!(distinct, Distinct::Distinct))?;
        Select::parse(&query.to_string()).ok()
    }
}

/// The expression that a text is, written anew: comments and whatever else it could hide are gone.
fn expression(text: &str) -> Result<String, SqlError> {
    let unread = |error: ParserError| SqlError::of_parser(&error);
    let wrong = |what: String| Err(SqlError::Syntax { what, place: None });
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).map_err(unread)?;
    let expr = parser.parse_expr().map_err(unread)?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return wrong(format!("expected one condition, found {next} after {expr}"));
    }
    match expr.visit(&mut ReadsOnly) {
        ControlFlow::Break(what) => wrong(format!("expected a condition that only reads, found {what}")),
        ControlFlow::Continue(()) => Ok(expr.to_string()),
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
        assert_eq!(expression("order_id = 7 -- all").unwrap(), "order_id = 7");
        assert_eq!(
            expression("a in (select b from staging.x) and c like 'x%'").unwrap(),
            "a IN (SELECT b FROM staging.x) AND c LIKE 'x%'"
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
        ] {
            assert!(expression(text).is_err(), "{text}");
        }
    }

    #[test]
    fn repeats_come_back() {
        assert!(Select::with_repeats("/* h */ select distinct a from staging.x").is_some());
        assert!(Select::with_repeats("select a from staging.x").is_none());
        assert!(Select::with_repeats("select distinct on (a) a, b from staging.x").is_none());
    }
}
