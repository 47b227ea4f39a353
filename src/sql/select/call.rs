//! Function calls: their resolution by name, and the functions over numbers and of choice.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CeilFloorKind, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart,
    SelectItem, TrimWhereField, Visit, Visitor,
};

use super::cast::{coerce, half_even, scaled};
use super::expression::chosen;
use super::functions::nearest_function;
use super::kind::Kind;
use super::scope::Scope;
use super::translate::{Translator, place, refused};
use super::typed::{Scale, Typed, round};
use super::{SqlError, aggregate, folded, moment, pattern, texts};
use crate::text::counted;

/// Translates a call.
pub(super) fn function(t: &mut Translator, call: &Function, scope: &Scope) -> Result<Typed, SqlError> {
    let name = match call.name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => folded(ident),
        _ => return Err(refused(format!("the function {}", call.name), call)),
    };
    if call.uses_odbc_syntax || !matches!(call.parameters, FunctionArguments::None) || call.null_treatment.is_some() {
        return Err(refused(format!("this form of {name}()"), call));
    }
    if !call.within_group.is_empty() {
        return Err(refused(format!("{name}() within group"), call));
    }
    if aggregate::is_aggregate(&name) || call.over.is_some() {
        return aggregate::function(t, &name, call, scope);
    }
    if call.filter.is_some() {
        return Err(refused(format!("filter after {name}()"), call));
    }
    if moment::is_now(&name) {
        return Ok(moment::now(&name));
    }
    let exprs = plain_arguments(call).ok_or_else(|| refused(format!("this form of {name}()"), call))?;
    if name == "date_part"
        && let [Expr::Value(field), inner] = exprs.as_slice()
    {
        let field = field.value.clone().into_string().unwrap_or_default().to_lowercase();
        let part = moment::extract_from(t, &field, inner, scope, call)?;
        return Ok(Typed { kind: Kind::Double, ..part });
    }
    let aggregates = t.aggregates;
    let args = exprs.iter().map(|expr| t.expr(expr, scope)).collect::<Result<Vec<_>, _>>()?;
    let because = |what: String| refused(what, call);
    if matches!(name.as_str(), "lower" | "upper") && t.aggregates > aggregates {
        return Err(refused(format!("{name}() of an aggregate: take it of a derived table"), call));
    }
    texts::function(&name, &args)
        .or_else(|| numbers(&name, &args))
        .or_else(|| choice(&name, &args))
        .or_else(|| moment::function(&name, &args))
        .or_else(|| pattern::function(&name, &args))
        .map(|done| done.map_err(because))
        .unwrap_or_else(|| {
            let what = format!("the function {name}() with {}", counted(args.len() as u64, "argument"));
            Err(SqlError::Refused { what, hint: nearest_function(&name), place: place(call) })
        })
}

/// Translates calls that have a grammar of their own.
pub(super) fn special(t: &mut Translator, expr: &Expr, scope: &Scope) -> Result<Typed, SqlError> {
    let because = |what: String| refused(what, expr);
    let texts = |name: &str, args: &[Typed]| {
        texts::function(name, args).unwrap_or_else(|| Err(format!("this form of {name}()"))).map_err(because)
    };
    match expr {
        Expr::Ceil { expr: inner, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
            let typed = t.expr(inner, scope)?;
            rounded("ceil", &typed).map_err(because)
        }
        Expr::Floor { expr: inner, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
            let typed = t.expr(inner, scope)?;
            rounded("floor", &typed).map_err(because)
        }
        Expr::Position { expr: what, r#in } => {
            let (what, within) = (t.expr(what, scope)?, t.expr(r#in, scope)?);
            texts("strpos", &[within, what])
        }
        Expr::Substring { expr: inner, substring_from, substring_for, special: _, shorthand: _ } => {
            let mut args = vec![t.expr(inner, scope)?];
            match substring_from {
                Some(from) => args.push(t.expr(from, scope)?),
                None => args.push(Typed::new("1", Kind::Integer)),
            }
            if let Some(count) = substring_for {
                args.push(t.expr(count, scope)?);
            }
            texts("substr", &args)
        }
        Expr::Trim { trim_where, trim_what, expr: inner, trim_characters } => {
            let mut args = vec![t.expr(inner, scope)?];
            for letters in trim_what.iter().map(|what| &**what).chain(trim_characters.iter().flatten()) {
                args.push(t.expr(letters, scope)?);
            }
            let name = match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "btrim",
            };
            texts(name, &args)
        }
        _ => Err(refused("this form of a call", expr)),
    }
}

/// The arguments, if they are nothing but expressions.
pub(super) fn plain_arguments(call: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// True if a select's list holds an aggregate, subqueries included.
pub(super) fn holds_aggregate(projection: &[SelectItem]) -> bool {
    struct Aggregates;
    impl Visitor for Aggregates {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(call)
                    if call.over.is_none() && aggregate::is_aggregate(&call.name.to_string().to_lowercase()) =>
                {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    projection.iter().any(|item| item.visit(&mut Aggregates).is_break())
}

fn numbers(name: &str, args: &[Typed]) -> Option<Result<Typed, String>> {
    let done = match (name, args) {
        ("abs", [one]) if one.kind == Kind::Numeric => {
            Ok(Typed { digits: None, ..Typed { sql: format!("abs({})", one.sql), ..one.clone() } })
        }
        ("abs", [one]) if one.kind.is_number() => Ok(Typed::new(format!("abs({})", one.sql), one.kind)),
        ("sign", [one]) if one.kind.is_exact_number() => Ok(Typed::new(format!("sign({})", one.key()), Kind::Whole)),
        ("ceil" | "ceiling" | "floor" | "trunc" | "round", [one]) => rounded(name, one),
        ("round" | "trunc", [one, digits]) => to_digits(name, one, digits),
        ("mod", [one, other]) => super::operator::arithmetic(one, &sqlparser::ast::BinaryOperator::Modulo, other),
        ("div", [one, other]) if one.kind.is_integer() && other.kind.is_integer() => {
            Ok(Typed::new(format!("({} / {})", one.sql, super::operator::divisor(other)), Kind::Whole))
        }
        _ => return None,
    };
    Some(done.map(|typed| typed.from(args.iter().map(|arg| arg.sources.clone()))))
}

/// Rounds to a whole number.
fn rounded(name: &str, one: &Typed) -> Result<Typed, String> {
    let (key, whole) = (one.key(), format!("cast({} as integer)", one.key()));
    let sql = match name {
        "round" if one.kind == Kind::Double => half_even(&key),
        "round" => round(&key, 0),
        "trunc" => whole,
        "floor" => format!("({whole} - ({key} < {whole}))"),
        _ => format!("({whole} + ({key} > {whole}))"),
    };
    match one.kind {
        // PostgreSQL reads these functions of whole numbers as those of doubles.
        Kind::Integer | Kind::Bigint => Ok(Typed::new(format!("cast({} as real)", one.sql), Kind::Double)),
        Kind::Whole => Ok(one.clone()),
        Kind::Numeric => Ok(Typed::new(format!("cast({sql} as integer)"), Kind::Whole).from([one.sources.clone()])),
        Kind::Double if name == "round" => Ok(Typed::new(sql, Kind::Double).from([one.sources.clone()])),
        Kind::Double => {
            // Beyond 2^52 every double is whole.
            let sql = format!("case when abs({key}) < 4503599627370496.0 then cast({sql} as real) else {key} end");
            Ok(Typed::new(sql, Kind::Double).from([one.sources.clone()]))
        }
        kind => Err(format!("{name}() of {}", kind.word())),
    }
}

/// `round(x, n)` and `trunc(x, n)`.
fn to_digits(name: &str, one: &Typed, digits: &Typed) -> Result<Typed, String> {
    if !one.kind.is_exact_number() {
        return Err(format!("{name}() of {} to a number of digits", one.kind.word()));
    }
    let count = digits.sql.trim_matches(['(', ')']).replace(' ', "").parse::<i64>();
    let count = count.map_err(|_| format!("{name}() to a number of digits that is computed"))?;
    let one = coerce(one, Kind::Numeric)?;
    let power = format!("1{}.0", "0".repeat(usize::try_from(count.unsigned_abs().min(15)).unwrap_or(0)));
    match (name, u64::try_from(count)) {
        ("round", Ok(0)) | ("trunc", Ok(0)) => rounded(name, &one),
        ("round", Ok(count)) => Ok(scaled(&one, Some(count))),
        ("round", Err(_)) => Ok(Typed::new(
            format!("cast({} * {power} as integer)", round(&format!("({} / {power})", one.key()), 0)),
            Kind::Whole,
        )),
        (_, Ok(count)) => {
            // The product is rounded first, as 0.29 * 100 is 28.999999999999996.
            let sql = format!("cast(round({} * {power}, 4) as integer) / {power}", one.key());
            Ok(Typed { scale: Scale::Fixed(count), digits: None, ..Typed::new(format!("({sql})"), Kind::Numeric) })
        }
        (_, Err(_)) => {
            Ok(Typed::new(format!("cast(cast({} / {power} as integer) * {power} as integer)", one.key()), Kind::Whole))
        }
    }
}

fn choice(name: &str, args: &[Typed]) -> Option<Result<Typed, String>> {
    let done = match (name, args) {
        ("coalesce", [_, ..]) => chosen(args).map(|(kind, values)| {
            let list: Vec<_> = values.iter().map(Typed::at_rest).collect();
            match list.as_slice() {
                [one] => Typed::stored(one.clone(), kind),
                list => Typed::stored(format!("coalesce({})", list.join(", ")), kind),
            }
        }),
        ("nullif", [one, other]) => super::operator::compare(one, "=", other).map(|equal| {
            let kind = if one.kind == Kind::Literal { Kind::Text } else { one.kind };
            Typed::stored(format!("(case when {} then null else {} end)", equal.sql, one.at_rest()), kind)
        }),
        ("greatest" | "least", [_, ..]) => chosen(args).and_then(|(kind, values)| {
            let sign = if name == "greatest" { ">=" } else { "<=" };
            values
                .into_iter()
                .map(Ok)
                .reduce(|one, other| farther(one?, other?, sign, kind))
                .unwrap_or_else(|| Err(String::new()))
        }),
        _ => return None,
    };
    Some(done.map(|typed| typed.from(args.iter().map(|arg| arg.sources.clone()))))
}

/// The greater or smaller of two, or the one that is not NULL.
fn farther(one: Typed, other: Typed, sign: &str, kind: Kind) -> Result<Typed, String> {
    let (a, b) = (one.at_rest(), other.at_rest());
    let sql = format!("(case when {b} is null or {} {sign} {} then {a} else {b} end)", one.key(), other.key());
    Ok(Typed::stored(sql, kind))
}
