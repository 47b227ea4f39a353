//! Expressions: names, literals, conditions, `case`, subqueries. Operators, casts, functions and moments have files of
//! their own.

use sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Ident, Query, SetExpr, Value};

use super::super::quote;
use super::cast::{coerce, literal};
use super::kind::{Kind, target};
use super::operator::{arithmetic, compare, like, unary};
use super::scope::{Column, Found, Scope};
use super::translate::{Bare, Translator, place, refused, wrong};
use super::typed::{Scale, Sources, Typed, quoted};
use super::{SqlError, call, cast, folded, interval, moment};
use crate::text::nearest;

pub(super) fn translate(t: &mut Translator, expr: &Expr, scope: &Scope) -> Result<Typed, SqlError> {
    let because = |what: String| refused(what, expr);
    match expr {
        Expr::Nested(inner) => t.expr(inner, scope),
        Expr::Identifier(ident) => column(t, scope, scope.column(ident), (None, ident), expr),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, name] | [_, table, name] => {
                column(t, scope, scope.qualified(table, name), (Some(table), name), expr)
            }
            _ => Err(refused("a name of more than three parts", expr)),
        },
        Expr::Value(value) => constant(&value.value).map_err(because),
        Expr::TypedString(typed) => {
            let target = target(&typed.data_type).ok_or_else(|| because(format!("{} '…'", typed.data_type)))?;
            let Value::SingleQuotedString(text) = &typed.value.value else {
                return Err(refused("this form of a text", expr));
            };
            literal(text, target.kind).map_err(because)
        }
        Expr::Cast { kind, expr: inner, data_type, format } => {
            if !matches!(kind, sqlparser::ast::CastKind::Cast | sqlparser::ast::CastKind::DoubleColon)
                || format.is_some()
            {
                return Err(refused("this form of cast", expr));
            }
            let typed = t.expr(inner, scope)?;
            let target = target(data_type)
                .ok_or_else(|| refused(format!("cast to {}", data_type.to_string().to_lowercase()), expr))?;
            cast::cast(&typed, target).map_err(because)
        }
        Expr::UnaryOp { op, expr: inner } => {
            let typed = t.expr(inner, scope)?;
            unary(*op, typed).map_err(because)
        }
        Expr::BinaryOp { left, op, right } => {
            if matches!(op, BinaryOperator::Plus | BinaryOperator::Minus) {
                let minus = *op == BinaryOperator::Minus;
                if let Some(step) = interval::step(t, right, scope) {
                    return moment::moved(&t.expr(left, scope)?, &step?, minus).map_err(because);
                }
                if let Some(step) = interval::step(t, left, scope).filter(|_| !minus) {
                    return moment::moved(&t.expr(right, scope)?, &step?, false).map_err(because);
                }
            }
            let (left, right) = (t.expr(left, scope)?, t.expr(right, scope)?);
            let met = match (op, &left.literal, &right.literal) {
                // A day in quotes beside a value that is no moment.
                (BinaryOperator::Minus, Some(text), None) if right.kind.is_moment() => {
                    moment::between(&literal(text, right.kind).map_err(because)?, op, &right)
                }
                (BinaryOperator::Minus, None, Some(text)) if left.kind.is_moment() => {
                    moment::between(&left, op, &literal(text, left.kind).map_err(because)?)
                }
                (BinaryOperator::Plus | BinaryOperator::Minus, ..) => moment::between(&left, op, &right),
                _ => None,
            };
            met.unwrap_or_else(|| arithmetic(&left, op, &right)).map_err(because)
        }
        Expr::IsNull(inner) => is(t, inner, "is null", scope),
        Expr::IsNotNull(inner) => is(t, inner, "is not null", scope),
        Expr::IsTrue(inner) => is_truth(t, inner, "is true", scope),
        Expr::IsNotTrue(inner) => is_truth(t, inner, "is not true", scope),
        Expr::IsFalse(inner) => is_truth(t, inner, "is false", scope),
        Expr::IsNotFalse(inner) => is_truth(t, inner, "is not false", scope),
        Expr::IsUnknown(inner) => is_truth(t, inner, "is null", scope),
        Expr::IsNotUnknown(inner) => is_truth(t, inner, "is not null", scope),
        Expr::IsDistinctFrom(left, right) => compared(t, left, "is not", right, scope),
        Expr::IsNotDistinctFrom(left, right) => compared(t, left, "is", right, scope),
        Expr::Between { expr: inner, negated, low, high } => {
            let (inner, low, high) = (t.expr(inner, scope)?, t.expr(low, scope)?, t.expr(high, scope)?);
            let (low, high) =
                (compare(&inner, ">=", &low).map_err(because)?, compare(&inner, "<=", &high).map_err(because)?);
            let sql = format!("({}({} and {}))", if *negated { "not " } else { "" }, low.sql, high.sql);
            Ok(Typed::new(sql, Kind::Boolean).from([low.sources, high.sources]))
        }
        Expr::InList { expr: inner, list, negated } => {
            let mut values = vec![t.expr(inner, scope)?];
            for one in list {
                values.push(t.expr(one, scope)?);
            }
            let (_, values) = chosen(&values).map_err(because)?;
            let keys: Vec<_> = values.iter().map(Typed::key).collect();
            let sql = format!("({} {} ({}))", keys[0], if *negated { "not in" } else { "in" }, keys[1..].join(", "));
            Ok(Typed::new(sql, Kind::Boolean).from(values.into_iter().map(|value| value.sources)))
        }
        Expr::InSubquery { expr: inner, subquery, negated } => {
            in_subquery(t, inner, subquery, if *negated { "not in" } else { "in" }, scope, expr)
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match &**right {
            Expr::Subquery(subquery) => in_subquery(t, left, subquery, "in", scope, expr),
            Expr::Array(array) => {
                let list = Expr::InList { expr: left.clone(), list: array.elem.clone(), negated: false };
                t.expr(&list, scope)
            }
            _ => Err(refused("any() of other than a subquery or array[…]", expr)),
        },
        Expr::Exists { subquery, negated } => {
            let done = t.query(subquery, Some(scope), None)?;
            let word = if *negated { "not exists" } else { "exists" };
            Ok(Typed::new(format!("({word} ({}))", done.sql), Kind::Boolean))
        }
        Expr::Subquery(subquery) => {
            let done = t.query(subquery, Some(scope), None)?;
            let [Column { kind, sources, .. }] = done.shape.columns.as_slice() else {
                return Err(wrong("a subquery for a value gives other than one column", expr));
            };
            if !t.lenient && !gives_one_row(subquery) {
                let why =
                    "a subquery for a value that may give several rows: aggregate, or write limit 1 with an order by";
                return Err(refused(why, expr));
            }
            Ok(Typed { sources: sources.clone(), ..Typed::stored(format!("({})", done.sql), *kind) })
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            case(t, operand.as_deref(), conditions, else_result.as_deref(), scope, expr)
        }
        Expr::Like { negated, any: false, expr: inner, pattern, escape_char } => {
            pattern_match(t, inner, pattern, escape_char.as_deref(), (*negated, false), scope, expr)
        }
        Expr::ILike { negated, any: false, expr: inner, pattern, escape_char } => {
            pattern_match(t, inner, pattern, escape_char.as_deref(), (*negated, true), scope, expr)
        }
        Expr::Extract { field, expr: inner, .. } => {
            let field = field.to_string().to_lowercase();
            moment::extract_from(t, &field, inner, scope, expr)
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            let typed = t.expr(timestamp, scope)?;
            let zone = t.expr(time_zone, scope)?;
            moment::at_time_zone(&typed, zone.literal.as_deref()).map_err(because)
        }
        Expr::Function(function) => call::function(t, function, scope),
        Expr::Ceil { .. } | Expr::Floor { .. } | Expr::Position { .. } | Expr::Substring { .. } | Expr::Trim { .. } => {
            call::special(t, expr, scope)
        }
        other => Err(refused(construct(other), other)),
    }
}

/// A few words for the refused construct.
fn construct(expr: &Expr) -> String {
    match expr {
        Expr::Interval(_) => "an interval that is not added to a moment".to_owned(),
        Expr::Array(_) => "array[…]".to_owned(),
        Expr::SimilarTo { .. } => "similar to".to_owned(),
        Expr::Tuple(_) => "a row (a, b)".to_owned(),
        Expr::Collate { .. } => "collate".to_owned(),
        Expr::Overlay { .. } => "overlay()".to_owned(),
        Expr::AllOp { .. } | Expr::AnyOp { .. } => "any() and all()".to_owned(),
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => "grouping sets, cube and rollup".to_owned(),
        other => {
            let text = other.to_string();
            let short: String = text.chars().take(40).collect();
            if short.len() < text.len() { format!("{short}…") } else { short }
        }
    }
}

fn column(
    t: &mut Translator,
    scope: &Scope,
    found: Found,
    (table, name): (Option<&Ident>, &Ident),
    expr: &Expr,
) -> Result<Typed, SqlError> {
    match found {
        Found::Column(typed, depth) => {
            if !t.in_aggregate && (depth > 0 || !t.keys.contains(&typed.key())) {
                let why = wrong(format!("{expr} is neither in group by nor in an aggregate"), expr);
                t.bare.push(Bare { depth, key: typed.key(), why });
            }
            Ok(typed)
        }
        Found::Perhaps(table) => Ok(Typed::new(format!("{}.{}", quote(&table), quote(&folded(name))), Kind::Unknown)),
        Found::Nothing => Err(match table.map(folded).filter(|table| !scope.has_table(table)) {
            Some(table) => {
                let hint = nearest(&table, scope.tables().into_iter());
                wrong(format!("{expr}: from names no table {table}{hint}"), expr)
            }
            None => {
                let known = scope.names(table.map(folded).as_deref());
                let hint = nearest(&folded(name), known.into_iter());
                SqlError::NoColumn { column: expr.to_string(), hint, place: place(expr) }
            }
        }),
        Found::Several => Err(wrong(format!("several tables have a column {expr}: say which, as in t.{expr}"), expr)),
    }
}

fn constant(value: &Value) -> Result<Typed, String> {
    Ok(match value {
        Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse::<i64>() {
            Ok(number) if i32::try_from(number).is_ok() => Typed::new(number.to_string(), Kind::Integer),
            Ok(number) => Typed::new(number.to_string(), Kind::Bigint),
            Err(_) => return Err("a whole number of more than 64 bits".to_owned()),
        },
        Value::Number(digits, _) if !digits.contains(['e', 'E']) => decimal(digits)?,
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
            Typed { literal: Some(text.clone()), ..Typed::new(quoted(text), Kind::Literal) }
        }
        Value::DollarQuotedString(text) => {
            Typed { literal: Some(text.value.clone()), ..Typed::new(quoted(&text.value), Kind::Literal) }
        }
        Value::Boolean(truth) => Typed::new(if *truth { "true" } else { "false" }, Kind::Boolean),
        Value::Null => Typed::new("NULL", Kind::Literal),
        other => return Err(other.to_string()),
    })
}

/// Reads a decimal written as `9.50`.
pub(super) fn decimal(digits: &str) -> Result<Typed, String> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(format!("the number {digits}"));
    }
    let text = if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    let number = if fraction.is_empty() { format!("{sign}{whole}.0") } else { text.clone() };
    let scale = Scale::Fixed(fraction.len() as u64);
    Ok(Typed { scale, digits: Some(quoted(&text)), ..Typed::new(number, Kind::Numeric) })
}

fn is(t: &mut Translator, inner: &Expr, word: &str, scope: &Scope) -> Result<Typed, SqlError> {
    let typed = t.expr(inner, scope)?;
    Ok(Typed::new(format!("({} {word})", typed.sql), Kind::Boolean).from([typed.sources]))
}

fn is_truth(t: &mut Translator, inner: &Expr, word: &str, scope: &Scope) -> Result<Typed, SqlError> {
    let typed = t.condition(inner, scope)?;
    Ok(Typed::new(format!("({} {word})", typed.sql), Kind::Boolean).from([typed.sources]))
}

fn compared(t: &mut Translator, left: &Expr, word: &str, right: &Expr, scope: &Scope) -> Result<Typed, SqlError> {
    let (one, other) = (t.expr(left, scope)?, t.expr(right, scope)?);
    compare(&one, word, &other).map_err(|what| refused(what, left))
}

fn in_subquery(
    t: &mut Translator,
    left: &Expr,
    subquery: &Query,
    word: &str,
    scope: &Scope,
    at: &Expr,
) -> Result<Typed, SqlError> {
    let left = t.expr(left, scope)?;
    let done = t.query(subquery, Some(scope), None)?;
    let [Column { name, kind, sources }] = done.shape.columns.as_slice() else {
        return Err(wrong("a subquery that is compared with one value gives other than one column", at));
    };
    // The comparison is that of two columns, with the subquery's made the kind of the left side.
    let meeting = left.kind.meeting(*kind).filter(|kind| *kind != Kind::Unknown);
    let meeting = meeting.ok_or_else(|| refused(format!("{} in {}", left.kind.word(), kind.word()), at))?;
    let into = |typed: &Typed| coerce(typed, meeting).map(|typed| typed.key()).map_err(|what| refused(what, at));
    let right = into(&Typed::stored(quote(name), *kind))?;
    let sql = format!("({} {word} (select {right} from ({})))", into(&left)?, done.sql);
    Ok(Typed::new(sql, Kind::Boolean).from([left.sources, sources.clone()]))
}

/// True if a query visibly gives one row at most. SQLite takes the first of several, PostgreSQL fails.
fn gives_one_row(query: &Query) -> bool {
    if let Some(sqlparser::ast::LimitClause::LimitOffset { limit: Some(Expr::Value(value)), .. }) = &query.limit_clause
    {
        return matches!(&value.value, Value::Number(digits, _) if digits == "1" || digits == "0");
    }
    if query.fetch.as_ref().is_some_and(|fetch| fetch.quantity.is_none()) {
        return true;
    }
    let SetExpr::Select(select) = &*query.body else { return false };
    let grouped = !matches!(&select.group_by, sqlparser::ast::GroupByExpr::Expressions(list, _) if list.is_empty());
    !grouped && (select.from.is_empty() || call::holds_aggregate(&select.projection))
}

fn case(
    t: &mut Translator,
    operand: Option<&Expr>,
    conditions: &[CaseWhen],
    otherwise: Option<&Expr>,
    scope: &Scope,
    at: &Expr,
) -> Result<Typed, SqlError> {
    let operand = operand.map(|operand| t.expr(operand, scope)).transpose()?;
    let (mut whens, mut results, mut sources) = (Vec::new(), Vec::new(), Vec::<Sources>::new());
    for CaseWhen { condition, result } in conditions {
        let when = match &operand {
            Some(operand) => {
                let value = t.expr(condition, scope)?;
                compare(operand, "=", &value).map_err(|what| refused(what, condition))?
            }
            None => t.condition(condition, scope)?,
        };
        sources.push(when.sources);
        whens.push(when.sql);
        results.push(t.expr(result, scope)?);
    }
    let or_null = otherwise.map(|expr| t.expr(expr, scope)).transpose()?;
    results.push(or_null.unwrap_or_else(|| Typed::new("NULL", Kind::Literal)));
    let (kind, results) = chosen(&results).map_err(|what| refused(what, at))?;
    let branches: String =
        whens.iter().zip(&results).map(|(when, result)| format!(" when {when} then {}", result.at_rest())).collect();
    let last = results.last().map(Typed::at_rest).unwrap_or_default();
    let sources = sources.into_iter().chain(results.into_iter().map(|result| result.sources));
    Ok(Typed::stored(format!("(case{branches} else {last} end)"), kind).from(sources))
}

/// Values of which one is taken, in their common kind.
pub(super) fn chosen(values: &[Typed]) -> Result<(Kind, Vec<Typed>), String> {
    let mut kind = Kind::Literal;
    for value in values {
        kind = kind
            .meeting(value.kind)
            .ok_or_else(|| format!("{} and {} as values of one expression", kind.word(), value.kind.word()))?;
    }
    if kind == Kind::Unknown {
        return Err("several values of which one has a type that is not known".to_owned());
    }
    let values = values.iter().map(|value| coerce(value, kind)).collect::<Result<_, _>>()?;
    Ok((if kind == Kind::Literal { Kind::Text } else { kind }, values))
}

fn pattern_match(
    t: &mut Translator,
    inner: &Expr,
    pattern: &Expr,
    escape: Option<&Expr>,
    (negated, any_case): (bool, bool),
    scope: &Scope,
    at: &Expr,
) -> Result<Typed, SqlError> {
    let (value, pattern) = (t.expr(inner, scope)?, t.expr(pattern, scope)?);
    let escape = escape.map(|escape| t.expr(escape, scope)).transpose()?;
    like(&value, &pattern, escape.as_ref(), negated, any_case).map_err(|what| refused(what, at))
}
