//! Filter of rows: an SQL condition over a record's cells, in SQL's logic of three values.
//!
//! Cells are compared by their loaded type: number, truth, moment, text. Days and moments are in ISO 8601 in a filter,
//! whatever the file has.

use std::cmp::Ordering;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Token;

use super::Type;
use super::infer::read_boolean;
use super::moment::{read_date, read_timestamp, read_timestamptz};

/// A cell's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// A day or moment, in microseconds since 1970-01-01.
    Timestamp(i64),
}

/// A condition, checked when it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    condition: Condition,
    text: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    IsNull(String),
    Compare(Operand, Comparison, Operand),
    In(Operand, Vec<Operand>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Column(String),
    Number(f64),
    Text(String),
    Null,
}

/// A condition, for errors.
const EXAMPLE: &str = "price > 5 and city in ('Bern', 'Genf')";

impl Filter {
    /// Reads a condition such as `price > 5 and city in ('Bern', 'Genf')`.
    ///
    /// # Errors
    /// In words, if the text is no condition or holds an unknown function or operator.
    pub fn parse(text: &str) -> Result<Filter, String> {
        if text.trim().is_empty() {
            return Err(format!("it has no condition, such as {EXAMPLE}"));
        }
        let mut parser = crate::text::nesting::parser(text).map_err(|error| match error {
            ParserError::ParserError(why) => why,
            _ if text.matches('\'').count() % 2 == 1 => format!("{text}: a text is opened by ' and never closed"),
            _ => format!("{text}: this cannot be read; a condition is such as {EXAMPLE}"),
        })?;
        let expr = parser.parse_expr().map_err(|_| {
            let (last, next) = (parser.get_current_token().token.clone(), parser.peek_token().token);
            match (last, next) {
                (Token::EOF, _) | (_, Token::EOF) => {
                    format!("{text}: something is missing at its end; a condition is such as {EXAMPLE}")
                }
                (last, next) => {
                    format!("{text}: this cannot be read at {last} {next}; a condition is such as {EXAMPLE}")
                }
            }
        })?;
        let rest = parser.peek_token();
        if rest.token != Token::EOF {
            return Err(format!("{rest} follows the condition: join two by and, or or"));
        }
        Ok(Filter { condition: condition(&expr)?, text: text.to_owned() })
    }

    /// The text of the condition.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns in the condition.
    pub fn columns(&self) -> Vec<&str> {
        let mut found = Vec::new();
        columns(&self.condition, &mut found);
        found
    }

    /// Checks that each literal can be a value of the column that it is compared with; `kind` gives a column's type.
    ///
    /// # Errors
    /// In words, with the literal that cannot be.
    pub fn check(&self, kind: &dyn Fn(&str) -> Type) -> Result<(), String> {
        check(&self.condition, kind)
    }

    /// True if a record is kept; `cell` gives the value of a column, `None` for NULL.
    pub fn keeps<'a>(&self, cell: &dyn Fn(&str) -> Option<Datum<'a>>) -> bool {
        holds(&self.condition, cell) == Some(true)
    }
}

fn condition(expr: &Expr) -> Result<Condition, String> {
    let boxed = |expr: &Expr| condition(expr).map(Box::new);
    Ok(match expr {
        Expr::Nested(inner) => condition(inner)?,
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Condition::Not(boxed(expr)?),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => Condition::And(boxed(left)?, boxed(right)?),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => Condition::Or(boxed(left)?, boxed(right)?),
        Expr::BinaryOp { left, op, right } => {
            let comparison = match op {
                BinaryOperator::Eq => Comparison::Equal,
                BinaryOperator::NotEq => Comparison::NotEqual,
                BinaryOperator::Lt => Comparison::Less,
                BinaryOperator::LtEq => Comparison::LessOrEqual,
                BinaryOperator::Gt => Comparison::Greater,
                BinaryOperator::GtEq => Comparison::GreaterOrEqual,
                other => return Err(unknown(other)),
            };
            Condition::Compare(operand(left)?, comparison, operand(right)?)
        }
        Expr::IsNull(inner) => Condition::IsNull(column(inner)?),
        Expr::IsNotNull(inner) => Condition::Not(Box::new(Condition::IsNull(column(inner)?))),
        Expr::Between { expr, negated, low, high } => {
            let of = operand(expr)?;
            let low = Condition::Compare(of.clone(), Comparison::GreaterOrEqual, operand(low)?);
            let high = Condition::Compare(of, Comparison::LessOrEqual, operand(high)?);
            negate(*negated, Condition::And(Box::new(low), Box::new(high)))
        }
        Expr::InList { expr, list, negated } => {
            let list = list.iter().map(operand).collect::<Result<_, _>>()?;
            negate(*negated, Condition::In(operand(expr)?, list))
        }
        other => return Err(unknown(other)),
    })
}

fn unknown(what: &dyn std::fmt::Display) -> String {
    format!("{what} is not known in a filter: use comparisons, between, in, is null, and, or, not")
}

fn negate(negated: bool, condition: Condition) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

fn column(expr: &Expr) -> Result<String, String> {
    match operand(expr)? {
        Operand::Column(name) => Ok(name),
        _ => Err(format!("{expr} is no column")),
    }
}

fn operand(expr: &Expr) -> Result<Operand, String> {
    Ok(match expr {
        Expr::Nested(inner) => operand(inner)?,
        Expr::Identifier(name) if name.quote_style.is_some() => Operand::Column(name.value.clone()),
        Expr::Identifier(name) => Operand::Column(name.value.to_lowercase()),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match operand(expr)? {
            Operand::Number(number) => Operand::Number(-number),
            _ => return Err(unknown(expr)),
        },
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Operand::Number(number.parse().map_err(|_| unknown(number))?),
            Value::SingleQuotedString(text) => Operand::Text(text.clone()),
            Value::Boolean(truth) => Operand::Text(truth.to_string()),
            Value::Null => Operand::Null,
            other => return Err(unknown(other)),
        },
        other => return Err(unknown(other)),
    })
}

fn columns<'a>(condition: &'a Condition, found: &mut Vec<&'a str>) {
    let mut take = |operand: &'a Operand| {
        if let Operand::Column(name) = operand {
            found.push(name);
        }
    };
    match condition {
        Condition::And(one, other) | Condition::Or(one, other) => {
            columns(one, found);
            columns(other, found);
        }
        Condition::Not(inner) => columns(inner, found),
        Condition::IsNull(name) => found.push(name),
        Condition::Compare(left, _, right) => {
            take(left);
            take(right);
        }
        Condition::In(of, list) => {
            take(of);
            list.iter().for_each(take);
        }
    }
}

/// True, false, or `None` for unknown.
fn holds<'a>(condition: &Condition, cell: &dyn Fn(&str) -> Option<Datum<'a>>) -> Option<bool> {
    match condition {
        Condition::And(one, other) => match (holds(one, cell), holds(other, cell)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Condition::Or(one, other) => match (holds(one, cell), holds(other, cell)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Condition::Not(inner) => holds(inner, cell).map(|truth| !truth),
        Condition::IsNull(name) => Some(cell(name).is_none()),
        Condition::Compare(left, comparison, right) => {
            let order = compare(left, right, cell)?;
            Some(match comparison {
                Comparison::Equal => order == Ordering::Equal,
                Comparison::NotEqual => order != Ordering::Equal,
                Comparison::Less => order == Ordering::Less,
                Comparison::LessOrEqual => order != Ordering::Greater,
                Comparison::Greater => order == Ordering::Greater,
                Comparison::GreaterOrEqual => order != Ordering::Less,
            })
        }
        Condition::In(of, list) => {
            let found: Vec<_> = list.iter().map(|one| compare(of, one, cell)).collect();
            if found.contains(&Some(Ordering::Equal)) {
                return Some(true);
            }
            if found.contains(&None) { None } else { Some(false) }
        }
    }
}

fn compare<'a>(left: &Operand, right: &Operand, cell: &dyn Fn(&str) -> Option<Datum<'a>>) -> Option<Ordering> {
    fn datum<'d, 'a: 'd>(operand: &'d Operand, cell: &dyn Fn(&str) -> Option<Datum<'a>>) -> Option<Datum<'d>> {
        match operand {
            Operand::Column(name) => cell(name),
            Operand::Number(number) => Some(Datum::Number(*number)),
            Operand::Text(text) => Some(Datum::Text(text)),
            Operand::Null => None,
        }
    }
    let (left, right) = (datum(left, cell)?, datum(right, cell)?);
    match (left, right) {
        (Datum::Number(left), Datum::Number(right)) => left.partial_cmp(&right),
        (Datum::Number(left), Datum::Text(right)) => left.partial_cmp(&right.trim().parse().ok()?),
        (Datum::Text(left), Datum::Number(right)) => left.trim().parse::<f64>().ok()?.partial_cmp(&right),
        (Datum::Timestamp(left), Datum::Timestamp(right)) => Some(left.cmp(&right)),
        (Datum::Timestamp(left), Datum::Text(right)) => Some(left.cmp(&micros(right)?)),
        (Datum::Text(left), Datum::Timestamp(right)) => Some(micros(left)?.cmp(&right)),
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(&right)),
        (Datum::Bool(left), Datum::Text(right)) => Some(left.cmp(&truth(right)?)),
        (Datum::Text(left), Datum::Bool(right)) => Some(truth(left)?.cmp(&right)),
        (Datum::Text(left), Datum::Text(right)) => match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(left), Ok(right)) => left.partial_cmp(&right),
            _ => Some(left.cmp(right)),
        },
        _ => None,
    }
}

/// A day or moment in microseconds since 1970-01-01; one without an offset is taken for UTC.
pub(super) fn micros(text: &str) -> Option<i64> {
    let day = |text| Some(read_date(text)?.and_time(chrono::NaiveTime::MIN).and_utc());
    let moment = day(text).or_else(|| Some(read_timestamp(text)?.and_utc())).or_else(|| read_timestamptz(text));
    Some(moment?.timestamp_micros())
}

fn truth(text: &str) -> Option<bool> {
    read_boolean(text).or_else(|| read_boolean(&text.to_lowercase()))
}

/// Names the words of the condition that can be no value of the column that they are compared with.
fn check(condition: &Condition, kind: &dyn Fn(&str) -> Type) -> Result<(), String> {
    let pair = |one: &Operand, other: &Operand| {
        let (Operand::Column(name), literal) = (one, other) else { return Ok(()) };
        let kind = kind(name);
        let goes = match (kind, literal) {
            (_, Operand::Column(_) | Operand::Null) | (Type::Text, _) => true,
            (Type::Bigint | Type::Numeric | Type::Double, Operand::Number(_)) => true,
            (Type::Bigint | Type::Numeric | Type::Double, Operand::Text(text)) => text.trim().parse::<f64>().is_ok(),
            (Type::Boolean, Operand::Text(text)) => truth(text).is_some(),
            (Type::Date | Type::Timestamp | Type::Timestamptz, Operand::Text(text)) => micros(text).is_some(),
            (_, Operand::Number(_)) => false,
        };
        let shown = match literal {
            Operand::Text(text) => format!("'{text}'"),
            Operand::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if goes { Ok(()) } else { Err(format!("filter: {name} is {kind}, and {shown} is none")) }
    };
    match condition {
        Condition::And(one, other) | Condition::Or(one, other) => check(one, kind).and_then(|()| check(other, kind)),
        Condition::Not(inner) => check(inner, kind),
        Condition::IsNull(_) => Ok(()),
        Condition::Compare(left, _, right) => pair(left, right).and_then(|()| pair(right, left)),
        Condition::In(of, list) => list.iter().try_for_each(|one| pair(of, one)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(condition: &str, cells: &[(&str, Option<&'static str>)]) -> bool {
        let cell = |name: &str| cells.iter().find(|(one, _)| *one == name)?.1.map(Datum::Text);
        Filter::parse(condition).unwrap().keeps(&cell)
    }

    #[test]
    fn conditions_hold_as_in_sql() {
        let cells = [("a", Some("10")), ("b", Some("x")), ("n", None), ("day", Some("2024-02-29"))];
        for (condition, expected) in [
            ("a > 9", true),
            ("a between -1 and 10 and b = 'x'", true),
            ("A < 9 or b <> 'x'", false),
            ("n = 1", false),
            ("not n = 1", false),
            ("n is null and not (a is null)", true),
            ("b in ('x', 'y')", true),
            ("a not in (1, 2)", true),
            ("a in (1, null)", false),
            ("day >= '2024-01-01'", true),
            ("b > 5", false),
            ("a = '10'", true),
            ("null is null or a = 10", true),
        ] {
            if condition.starts_with("null") {
                assert!(Filter::parse(condition).is_err());
            } else {
                assert_eq!(keeps(condition, &cells), expected, "{condition}");
            }
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert!(Filter::parse("a like 'x%'").unwrap_err().contains("not known in a filter"));
        assert!(Filter::parse("upper(a) = 'X'").unwrap_err().contains("not known in a filter"));
        for (text, expected) in [
            ("", "it has no condition, such as price > 5"),
            ("price >", "price >: something is missing at its end; a condition is such as price > 5"),
            ("(price > 3", "something is missing at its end"),
            ("price = = 3", "price = = 3: this cannot be read at = 3; a condition"),
            ("name = 'x", "name = 'x: a text is opened by ' and never closed"),
            ("price > 3 name", "name follows the condition: join two by and, or or"),
        ] {
            let said = Filter::parse(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
        assert!(Filter::parse("a = 1; drop table x").unwrap_err().contains("follows the condition"));
        assert_eq!(Filter::parse("a > 1 and b is null").unwrap().columns(), ["a", "b"]);
    }
}
