//! Queries: `with`, set operations, values, `limit`. Selects are in `select.rs`.

use sqlparser::ast::{
    CteAsMaterialized, Expr, LimitClause, OrderBy, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, Value,
    Values, With,
};

use super::super::quote;
use super::kind::Kind;
use super::one_select::order_term;
use super::scope::{Column, Scope, Shape};
use super::translate::{Translator, refused, wrong};
use super::typed::Typed;
use super::{SqlError, cast, folded};

/// A query as SQLite takes it, and its columns.
#[derive(Clone, Debug)]
pub(super) struct Translated {
    pub sql: String,
    pub shape: Shape,
}

impl Translator<'_> {
    /// Translates a query. Its columns become `targets` in a set operation.
    pub(super) fn query(
        &mut self,
        query: &Query,
        outer: Option<&Scope>,
        targets: Option<&[Kind]>,
    ) -> Result<Translated, SqlError> {
        let odd = !query.locks.is_empty() || query.for_clause.is_some() || query.settings.is_some();
        let odd = odd || query.format_clause.is_some() || !query.pipe_operators.is_empty();
        if odd && !self.lenient {
            return Err(refused("for update, settings and the like", query));
        }
        let seen = self.ctes.len();
        let with = query.with.as_ref().map(|with| self.with(with, outer)).transpose();
        let done = with.and_then(|with| {
            let mut done = self.ordered(&query.body, query.order_by.as_ref(), outer, targets)?;
            let limit = if self.lenient { String::new() } else { limit(query)? };
            done.sql = format!("{}{}{limit}", with.unwrap_or_default(), done.sql);
            done.shape.columns.iter_mut().for_each(|column| column.kind = settled(column.kind));
            Ok(done)
        });
        self.ctes.truncate(seen);
        done
    }

    fn with(&mut self, with: &With, outer: Option<&Scope>) -> Result<String, SqlError> {
        let mut list = Vec::new();
        for cte in &with.cte_tables {
            let name = folded(&cte.alias.name);
            let renamed: Vec<_> = cte.alias.columns.iter().map(|column| folded(&column.name)).collect();
            let mut targets = None;
            if with.recursive
                && let SetExpr::SetOperation { left, .. } = &*cte.query.body
            {
                // The first part decides the kinds of the columns.
                let start = self.body(left, outer, None)?;
                targets = Some(start.shape.columns.iter().map(|column| settled(column.kind)).collect::<Vec<_>>());
                let mut shape = start.shape;
                if let Some(targets) = &targets {
                    shape.columns.iter_mut().zip(targets).for_each(|(column, kind)| column.kind = *kind);
                }
                self.ctes.push((name.clone(), rename(shape, &renamed)));
            }
            let is_recursive = targets.is_some();
            let done = self.query(&cte.query, outer, targets.as_deref())?;
            if is_recursive {
                self.ctes.pop();
            }
            let shape = rename(done.shape, &renamed);
            let columns: Vec<_> = shape.columns.iter().map(|column| quote(&column.name)).collect();
            let columns = if shape.open { String::new() } else { format!("({})", columns.join(", ")) };
            let how = match &cte.materialized {
                None => "",
                Some(CteAsMaterialized::Materialized) => "materialized ",
                Some(CteAsMaterialized::NotMaterialized) => "not materialized ",
            };
            list.push(format!("{}{columns} as {how}({})", quote(&name), done.sql));
            self.ctes.push((name, shape));
        }
        Ok(format!("with {}{} ", if with.recursive { "recursive " } else { "" }, list.join(", ")))
    }

    /// Translates a body with its order.
    fn ordered(
        &mut self,
        body: &SetExpr,
        order_by: Option<&OrderBy>,
        outer: Option<&Scope>,
        targets: Option<&[Kind]>,
    ) -> Result<Translated, SqlError> {
        let terms = match order_by.map(|order| &order.kind) {
            _ if self.lenient => &[][..],
            None => &[][..],
            Some(OrderByKind::Expressions(terms)) => terms,
            Some(OrderByKind::All(_)) => return Err(refused("order by all", body)),
        };
        if let SetExpr::Select(select) = body {
            return self.select(select, terms, outer, targets);
        }
        let done = self.body(body, outer, targets)?;
        if terms.is_empty() {
            return Ok(done);
        }
        let mut keys = Vec::new();
        for term in terms {
            let column = match &term.expr {
                Expr::Value(value) => place(&value.value).and_then(|place| done.shape.columns.get(place)),
                Expr::Identifier(ident) => done.shape.columns.iter().find(|column| column.name == folded(ident)),
                _ => None,
            };
            let column = column.ok_or_else(|| {
                wrong("after union, intersect and except, order by takes the result's columns only", &term.expr)
            })?;
            keys.push(order_term(&Typed::stored(quote(&column.name), column.kind).key(), term)?);
        }
        let sql = format!("select * from ({}) order by {}", done.sql, keys.join(", "));
        Ok(Translated { sql, shape: done.shape })
    }

    /// Translates a body without an order.
    fn body(
        &mut self,
        body: &SetExpr,
        outer: Option<&Scope>,
        targets: Option<&[Kind]>,
    ) -> Result<Translated, SqlError> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], outer, targets),
            SetExpr::Query(query) => {
                let done = self.query(query, outer, targets)?;
                Ok(Translated { sql: format!("select * from ({})", done.sql), ..done })
            }
            SetExpr::Values(values) => self.values(values, outer, targets),
            SetExpr::SetOperation { .. } => match targets {
                Some(targets) => self.set_operation(body, outer, targets),
                None => {
                    let mut kinds = Vec::new();
                    self.leaf_kinds(body, outer, &mut kinds)?;
                    let kinds: Vec<_> = kinds.into_iter().map(settled).collect();
                    self.set_operation(body, outer, &kinds)
                }
            },
            _ => Err(refused("what is no select", body)),
        }
    }

    /// Finds the common kinds of a set operation's columns.
    fn leaf_kinds(&mut self, body: &SetExpr, outer: Option<&Scope>, kinds: &mut Vec<Kind>) -> Result<(), SqlError> {
        if let SetExpr::SetOperation { left, right, .. } = body {
            self.leaf_kinds(left, outer, kinds)?;
            return self.leaf_kinds(right, outer, kinds);
        }
        let columns = self.body(body, outer, None)?.shape.columns;
        if kinds.is_empty() {
            *kinds = columns.iter().map(|column| column.kind).collect();
            return Ok(());
        }
        for (kind, column) in kinds.iter_mut().zip(&columns) {
            *kind = match kind.meeting(column.kind) {
                Some(kind) => kind,
                None if self.lenient => Kind::Unknown,
                None => {
                    let (one, other) = (kind.word(), column.kind.word());
                    return Err(wrong(format!("the column {} is {one} and {other}", column.name), body));
                }
            };
        }
        Ok(())
    }

    fn set_operation(&mut self, body: &SetExpr, outer: Option<&Scope>, kinds: &[Kind]) -> Result<Translated, SqlError> {
        let SetExpr::SetOperation { left, op, set_quantifier, right } = body else {
            return self.body(body, outer, Some(kinds));
        };
        let one = self.set_operation(left, outer, kinds)?;
        let other = self.set_operation(right, outer, kinds)?;
        let mut shape = one.shape;
        for (column, from) in shape.columns.iter_mut().zip(other.shape.columns) {
            column.sources.extend(from.sources);
        }
        let right = if matches!(**right, SetExpr::SetOperation { .. }) {
            format!("select * from ({})", other.sql)
        } else {
            other.sql
        };
        let all = matches!(set_quantifier, SetQuantifier::All);
        let word = match (op, all) {
            (SetOperator::Union, true) => "union all",
            (SetOperator::Union, false) => "union",
            (SetOperator::Intersect, false) => "intersect",
            (SetOperator::Except, false) => "except",
            _ if self.lenient => "union all",
            _ => return Err(refused(format!("{} all", op.to_string().to_lowercase()), body)),
        };
        let decimals = shape.columns.iter().any(|column| column.kind == Kind::Numeric);
        let sql = match word {
            "union all" => format!("{} union all {right}", one.sql),
            "union" if decimals => {
                let (list, keys) = list_and_keys(&shape);
                format!("select {list} from ({} union all {right}) group by {keys}", one.sql)
            }
            _ if decimals && !self.lenient => return Err(refused(format!("{word} over decimals"), body)),
            word => format!("{} {word} {right}", one.sql),
        };
        Ok(Translated { sql, shape })
    }

    fn values(
        &mut self,
        values: &Values,
        outer: Option<&Scope>,
        targets: Option<&[Kind]>,
    ) -> Result<Translated, SqlError> {
        let scope = Scope { outer, ..Scope::default() };
        let mut rows = Vec::new();
        for row in &values.rows {
            rows.push(row.content.iter().map(|cell| self.expr(cell, &scope)).collect::<Result<Vec<_>, _>>()?);
        }
        let mut columns = Vec::new();
        for place in 0..rows.first().map_or(0, Vec::len) {
            let mut kind = Kind::Literal;
            let mut sources = super::typed::Sources::new();
            for cell in rows.iter().filter_map(|row| row.get(place)) {
                kind = kind.meeting(cell.kind).ok_or_else(|| wrong("values of several types in a column", values))?;
                sources.extend(cell.sources.clone());
            }
            let kind = targets.and_then(|targets| targets.get(place).copied()).unwrap_or(settled(kind));
            columns.push(Column { name: format!("column{}", place + 1), kind, sources });
        }
        let mut selects = Vec::new();
        for row in &rows {
            let mut list = Vec::new();
            for (cell, column) in row.iter().zip(&columns) {
                let cell = cast::coerce(cell, column.kind).map_err(|what| refused(what, values))?;
                list.push(format!("{} as {}", cell.at_rest(), quote(&column.name)));
            }
            selects.push(format!("select {}", list.join(", ")));
        }
        let sql = format!("select * from ({})", selects.join(" union all "));
        Ok(Translated { sql, shape: Shape { columns, open: false } })
    }
}

/// The final kind of a column: a text in quotes is a text.
pub(super) fn settled(kind: Kind) -> Kind {
    if kind == Kind::Literal { Kind::Text } else { kind }
}

/// The columns of a shape, and their keys for `distinct`.
pub(super) fn list_and_keys(shape: &Shape) -> (String, String) {
    let names: Vec<_> = shape.columns.iter().map(|column| quote(&column.name)).collect();
    let keys: Vec<_> =
        shape.columns.iter().map(|column| Typed::stored(quote(&column.name), column.kind).key()).collect();
    (names.join(", "), keys.join(", "))
}

pub(super) fn rename(mut shape: Shape, names: &[String]) -> Shape {
    shape.columns.iter_mut().zip(names).for_each(|(column, name)| column.name.clone_from(name));
    shape
}

/// The place meant by a number in `group by` or `order by`, from 0.
pub(super) fn place(value: &Value) -> Option<usize> {
    match value {
        Value::Number(digits, _) => digits.parse::<usize>().ok()?.checked_sub(1),
        _ => None,
    }
}

fn limit(query: &Query) -> Result<String, SqlError> {
    let count = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(digits.clone()),
            Value::Null => Ok("-1".to_owned()),
            _ => Err(refused("a limit that is no number", expr)),
        },
        _ => Err(refused("a limit that is computed", expr)),
    };
    let (mut most, mut skip) = (None, None);
    match &query.limit_clause {
        None => {}
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            most = limit.as_ref().map(count).transpose()?;
            skip = offset.as_ref().map(|offset| count(&offset.value)).transpose()?;
        }
        Some(_) => return Err(refused("this form of limit", query)),
    }
    if let Some(fetch) = &query.fetch {
        if fetch.with_ties || fetch.percent {
            return Err(refused("fetch first with ties, or percent", query));
        }
        most = Some(fetch.quantity.as_ref().map_or_else(|| Ok("1".to_owned()), count)?);
    }
    Ok(match (most, skip) {
        (None, None) => String::new(),
        (Some(most), None) => format!(" limit {most}"),
        (most, Some(skip)) => format!(" limit {} offset {skip}", most.unwrap_or_else(|| "-1".to_owned())),
    })
}
