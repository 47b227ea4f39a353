//! Aggregates and window functions.

use sqlparser::ast::{
    DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, OrderByExpr,
    WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::cast::{coerce, text};
use super::kind::Kind;
use super::one_select::order_term;
use super::scope::Scope;
use super::translate::{Translator, refused, wrong};
use super::typed::{Scale, Typed};
use super::{SqlError, folded};
use crate::sql::quote;

pub(super) const AGGREGATES: [&str; 9] =
    ["count", "sum", "avg", "min", "max", "string_agg", "bool_and", "every", "bool_or"];

/// Aggregates that SQLite lacks, or computes otherwise.
pub(super) const OTHERS: [&str; 12] = [
    "array_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "percentile_cont",
    "percentile_disc",
    "mode",
    "json_agg",
    "corr",
];

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name) || OTHERS.contains(&name)
}

/// Clauses around an aggregate: `filter`, `over`.
struct Around {
    filter: String,
    over: String,
}

pub(super) fn function(t: &mut Translator, name: &str, call: &Function, scope: &Scope) -> Result<Typed, SqlError> {
    let because = |what: String| refused(what, call);
    let own = call.over.is_none();
    let around_us = t.in_aggregate;
    if own {
        t.aggregates += 1;
        t.in_aggregate = true;
    }
    let done = arguments(t, call, scope).and_then(|given| {
        let over = match &call.over {
            None => String::new(),
            Some(WindowType::NamedWindow(name)) => format!(" over {}", quote(&folded(name))),
            Some(WindowType::WindowSpec(spec)) => format!(" over {}", t.window(spec, scope)?),
        };
        let filter = match &call.filter {
            Some(condition) => format!(" filter (where {})", t.condition(condition, scope)?.sql),
            None => String::new(),
        };
        Ok((given, Around { filter, over }))
    });
    t.in_aggregate = around_us;
    let (given, around) = done?;
    let sources: Vec<_> = given.args.iter().map(|arg| arg.sources.clone()).collect();
    if let [one] = given.args.as_slice()
        && let Some(what) = of_no_such_type(name, one.kind)
    {
        return Err(wrong(what, call));
    }
    let typed = if is_aggregate(name) { aggregate(name, &given, &around) } else { over_rows(name, &given, &around) };
    typed.map(|typed| typed.from(sources)).map_err(because)
}

struct Given {
    args: Vec<Typed>,
    star: bool,
    distinct: bool,
    order: Vec<String>,
}

fn arguments(t: &mut Translator, call: &Function, scope: &Scope) -> Result<Given, SqlError> {
    let mut given = Given { args: Vec::new(), star: false, distinct: false, order: Vec::new() };
    let FunctionArguments::List(list) = &call.args else { return Ok(given) };
    given.distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    for arg in &list.args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => given.args.push(t.expr(expr, scope)?),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => given.star = true,
            _ => return Err(refused("this form of an argument", call)),
        }
    }
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(terms) => given.order = t.order_terms(terms, scope)?,
            other => return Err(refused(other.to_string().to_lowercase(), call)),
        }
    }
    Ok(given)
}

/// The error of an aggregate that takes no values of this kind, on PostgreSQL neither.
fn of_no_such_type(name: &str, kind: Kind) -> Option<String> {
    let takes = match name {
        "sum" | "avg" if !kind.is_number() && !matches!(kind, Kind::Interval | Kind::Unknown | Kind::Literal) => {
            "numbers"
        }
        "bool_and" | "bool_or" | "every" if !matches!(kind, Kind::Boolean | Kind::Unknown | Kind::Literal) => "truths",
        _ => return None,
    };
    let fix = match kind {
        Kind::Text => {
            "; cast it, as in amount::numeric, or let a plugin state the column's type (app check FILE says why it is text)"
        }
        _ => "",
    };
    Some(format!("{name}() takes {takes}, and this is {}{fix}", kind.word()))
}

fn aggregate(name: &str, given: &Given, Around { filter, over }: &Around) -> Result<Typed, String> {
    let distinct = if given.distinct { "distinct " } else { "" };
    let call = |function: &str, argument: &str| format!("{function}({argument}){filter}{over}");
    if !given.order.is_empty() && name != "string_agg" {
        return Err(format!("an order within {name}()"));
    }
    let one = match given.args.as_slice() {
        [] if name == "count" && given.star => return Ok(Typed::new(call("count", "*"), Kind::Bigint)),
        [one] => one,
        [value, between] if name == "string_agg" => return joined(value, between, given, filter, over),
        _ => return Err(format!("this form of {name}()")),
    };
    if one.kind == Kind::Unknown && name != "count" {
        return Err(format!("{name}() of a column of which the type is not known"));
    }
    let key = format!("{distinct}{}", one.key());
    match (name, one.kind) {
        ("count", _) => Ok(Typed::new(call("count", &key), Kind::Bigint)),
        ("sum", Kind::Integer) => Ok(Typed::new(call("sum", &key), Kind::Bigint)),
        ("sum", Kind::Bigint | Kind::Whole) => Ok(Typed::new(call("sum", &key), Kind::Whole)),
        ("sum", Kind::Double) => Ok(Typed::new(call("sum", &key), Kind::Double)),
        ("sum", Kind::Numeric) => {
            let scale = match &one.scale {
                Scale::Of(sql) => Scale::Of(call("max", sql)),
                scale => scale.clone(),
            };
            Ok(Typed::computed(call("sum", &key), scale))
        }
        ("avg", Kind::Double) => Ok(Typed::new(call("avg", &key), Kind::Double)),
        ("avg", kind) if kind.is_number() => Ok(Typed::computed(call("avg", &key), Scale::Free)),
        ("bool_and" | "every", Kind::Boolean) => Ok(Typed::new(call("min", &key), Kind::Boolean)),
        ("bool_or", Kind::Boolean) => Ok(Typed::new(call("max", &key), Kind::Boolean)),
        ("min" | "max", Kind::Boolean | Kind::Interval) => Err(format!("{name}() of {}", one.kind.word())),
        ("min" | "max", Kind::Numeric) => Ok(extreme(name, one, &|function, argument| call(function, argument))),
        ("min" | "max", Kind::Literal) => Ok(Typed::new(call(name, &one.sql), Kind::Text)),
        ("min" | "max", kind) => Ok(Typed::new(call(name, &one.sql), kind)),
        _ => Err(format!("{name}() of {}", one.kind.word())),
    }
}

/// The smallest or largest decimal with its own digits. Texts of the same length sort as their numbers do: first among
/// those that are not negative, then among the negative ones.
fn extreme(name: &str, one: &Typed, call: &dyn Fn(&str, &str) -> String) -> Typed {
    let other = if name == "max" { "min" } else { "max" };
    let (digits, number) = (one.at_rest(), one.key());
    let sortable = |sign: &str, condition: &str| {
        format!("case when {number} {condition} 0 then printf('%040.15f', {sign}{number}) || {digits} end")
    };
    let positive = format!("substr({}, 41)", call(name, &sortable("", ">=")));
    let negative = format!("substr({}, 41)", call(other, &sortable("- ", "<")));
    let (first, second) = if name == "max" { (positive, negative) } else { (negative, positive) };
    let stored = Typed::stored(format!("coalesce({first}, {second})"), Kind::Numeric);
    Typed { sql: call(name, &number), ..stored }
}

fn joined(value: &Typed, between: &Typed, given: &Given, filter: &str, over: &str) -> Result<Typed, String> {
    if given.order.is_empty() {
        return Err("string_agg() without order by: which text comes first is not said".to_owned());
    }
    if !matches!(value.kind, Kind::Text | Kind::Literal) {
        return Err(format!("string_agg() of {}", value.kind.word()));
    }
    if !over.is_empty() {
        return Err("string_agg() over a window".to_owned());
    }
    let (value, between) = (text(value)?, coerce(between, Kind::Text)?);
    let order = given.order.join(", ");
    let list = match (given.distinct, between.literal.as_deref()) {
        (false, _) => format!("{}, {} order by {order}", value.sql, between.sql),
        (true, Some(",")) => format!("distinct {} order by {order}", value.sql),
        (true, _) => return Err("string_agg(distinct …) with another separator than ','".to_owned()),
    };
    Ok(Typed::new(format!("group_concat({list}){filter}{over}"), Kind::Text))
}

/// Functions that need `over`.
fn over_rows(name: &str, given: &Given, Around { filter, over }: &Around) -> Result<Typed, String> {
    if given.distinct || given.star || !given.order.is_empty() || !filter.is_empty() {
        return Err(format!("this form of {name}()"));
    }
    let number = |at: usize| -> Result<String, String> {
        match given.args.get(at) {
            Some(arg) if arg.kind == Kind::Integer && arg.sql.parse::<u32>().is_ok() => Ok(arg.sql.clone()),
            _ => Err(format!("{name}() with a number that is computed")),
        }
    };
    let plain = |kind, argument: &str| Ok(Typed::new(format!("{name}({argument}){over}"), kind));
    let of_rows = |list: Vec<String>, kind| Ok(Typed::stored(format!("{name}({}){over}", list.join(", ")), kind));
    match (name, given.args.as_slice()) {
        ("row_number" | "rank" | "dense_rank", []) => plain(Kind::Bigint, ""),
        ("percent_rank" | "cume_dist", []) => plain(Kind::Double, ""),
        ("ntile", [_]) => plain(Kind::Integer, &number(0)?),
        ("first_value" | "last_value", [one]) => of_rows(vec![one.at_rest()], one.kind),
        ("nth_value", [one, _]) => of_rows(vec![one.at_rest(), number(1)?], one.kind),
        ("lag" | "lead", [one]) => of_rows(vec![one.at_rest()], one.kind),
        ("lag" | "lead", [one, _]) => of_rows(vec![one.at_rest(), number(1)?], one.kind),
        ("lag" | "lead", [one, _, otherwise]) => {
            let otherwise = coerce(otherwise, one.kind)?;
            of_rows(vec![one.at_rest(), number(1)?, otherwise.at_rest()], one.kind)
        }
        _ => Err(format!("the window function {name}()")),
    }
}

impl Translator<'_> {
    fn order_terms(&mut self, terms: &[OrderByExpr], scope: &Scope) -> Result<Vec<String>, SqlError> {
        terms.iter().map(|term| order_term(&self.expr(&term.expr, scope)?.key(), term)).collect()
    }

    /// Writes `(partition by … order by … rows …)`.
    pub(super) fn window(&mut self, spec: &WindowSpec, scope: &Scope) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        if let Some(name) = &spec.window_name {
            parts.push(quote(&folded(name)));
        }
        if !spec.partition_by.is_empty() {
            let keys = spec.partition_by.iter().map(|expr| Ok(self.expr(expr, scope)?.key()));
            parts.push(format!("partition by {}", keys.collect::<Result<Vec<_>, SqlError>>()?.join(", ")));
        }
        if !spec.order_by.is_empty() {
            parts.push(format!("order by {}", self.order_terms(&spec.order_by, scope)?.join(", ")));
        }
        if let Some(frame) = &spec.window_frame {
            let bound = |bound: &WindowFrameBound| -> Result<String, SqlError> {
                let rows = |rows: &sqlparser::ast::Expr, side: &str| match rows.to_string().parse::<u32>() {
                    Ok(count) if frame.units != WindowFrameUnits::Range => Ok(format!("{count} {side}")),
                    _ => Err(refused("a window's range by a value", rows)),
                };
                match bound {
                    WindowFrameBound::CurrentRow => Ok("current row".to_owned()),
                    WindowFrameBound::Preceding(None) => Ok("unbounded preceding".to_owned()),
                    WindowFrameBound::Following(None) => Ok("unbounded following".to_owned()),
                    WindowFrameBound::Preceding(Some(count)) => rows(count, "preceding"),
                    WindowFrameBound::Following(Some(count)) => rows(count, "following"),
                }
            };
            let units = frame.units.to_string().to_lowercase();
            let start = bound(&frame.start_bound)?;
            parts.push(match &frame.end_bound {
                Some(end) => format!("{units} between {start} and {}", bound(end)?),
                None => format!("{units} {start}"),
            });
        }
        Ok(format!("({})", parts.join(" ")))
    }
}
