//! Intervals that are written out: `interval '1 month'`, and a multiple of one.

use sqlparser::ast::{BinaryOperator, DateTimeField, Expr, Value};

use super::SqlError;
use super::scope::Scope;
use super::translate::{Translator, refused};

/// Step from one moment to another: months first, then days, then seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub months: i64,
    pub days: i64,
    pub seconds: i64,
    /// Factor of the step, an SQL expression of a whole number.
    pub times: Option<String>,
}

impl Step {
    pub(super) fn is_negative(&self) -> bool {
        self.months < 0 || self.days < 0 || self.seconds < 0
    }

    /// Writes `5 months` as SQLite's functions take it.
    pub(super) fn modifier(&self, count: i64, more: i64, unit: &str) -> String {
        match &self.times {
            None => format!("'{} {unit}'", count + more),
            Some(times) => format!("({count} * {times} + {more}) || ' {unit}'"),
        }
    }
}

/// Reads an expression that is an interval; `None` for others.
pub(super) fn step(t: &mut Translator, expr: &Expr, scope: &Scope) -> Option<Result<Step, SqlError>> {
    if let Some(read) = written(expr) {
        return Some(read.map_err(|what| refused(what, expr)));
    }
    match expr {
        Expr::Nested(inner) => step(t, inner, scope),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } => {
            let (interval, times) = match (written(left), written(right)) {
                (Some(interval), None) => (interval, right),
                (None, Some(interval)) => (interval, left),
                _ => return None,
            };
            Some(interval.map_err(|what| refused(what, expr)).and_then(|interval| {
                let times = t.expr(times, scope)?;
                if !times.kind.is_integer() {
                    return Err(refused(format!("an interval times {}", times.kind.word()), expr));
                }
                Ok(Step { times: Some(times.sql), ..interval })
            }))
        }
        _ => None,
    }
}

/// Reads an interval that is written out.
pub(super) fn written(expr: &Expr) -> Option<Result<Step, String>> {
    match expr {
        Expr::Nested(inner) => written(inner),
        Expr::Interval(interval) => {
            if interval.last_field.is_some() {
                return Some(Err("an interval of two fields".to_owned()));
            }
            let Expr::Value(value) = &*interval.value else {
                return Some(Err("an interval that is computed".to_owned()));
            };
            let text = value.value.clone().into_string().unwrap_or_default();
            Some(match &interval.leading_field {
                None => read(&text),
                Some(field) => read(&format!("{text} {}", field_word(field))),
            })
        }
        Expr::Cast { expr, data_type: sqlparser::ast::DataType::Interval { .. }, .. } => match &**expr {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => Some(read(text)),
                _ => Some(Err("an interval that is computed".to_owned())),
            },
            _ => Some(Err("an interval that is computed".to_owned())),
        },
        _ => None,
    }
}

fn field_word(field: &DateTimeField) -> String {
    field.to_string().to_lowercase()
}

fn read(text: &str) -> Result<Step, String> {
    let bad = || format!("interval '{text}'");
    let mut step = Step::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if let [hours, minutes, rest @ ..] = word.split(':').collect::<Vec<_>>().as_slice() {
            let sign = if hours.starts_with('-') { -1 } else { 1 };
            let number = |digits: &str| digits.trim_start_matches(['-', '+']).parse::<i64>().map_err(|_| bad());
            let seconds = match rest {
                [] => 0,
                [seconds] => number(seconds)?,
                _ => return Err(bad()),
            };
            step.seconds += sign * (number(hours)? * 3600 + number(minutes)? * 60 + seconds);
            continue;
        }
        // `1day` is written too.
        let end = word.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(word.len());
        let (digits, unit) = word.split_at(end);
        let count: i64 = digits.parse().map_err(|_| bad())?;
        let unit = if unit.is_empty() { words.next().ok_or_else(bad)? } else { unit };
        match unit.to_lowercase().as_str() {
            "year" | "years" | "y" => step.months += 12 * count,
            "month" | "months" | "mon" | "mons" => step.months += count,
            "week" | "weeks" | "w" => step.days += 7 * count,
            "day" | "days" | "d" => step.days += count,
            "hour" | "hours" | "h" => step.seconds += 3600 * count,
            "minute" | "minutes" | "min" | "mins" => step.seconds += 60 * count,
            "second" | "seconds" | "sec" | "secs" | "s" => step.seconds += count,
            _ => return Err(bad()),
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_postgresql_reads_them() {
        let step = |months, days, seconds| Step { months, days, seconds, times: None };
        assert_eq!(read("1 year 2 months").unwrap(), step(14, 0, 0));
        assert_eq!(read("-3 days 04:05:06").unwrap(), step(0, -3, 14_706));
        assert_eq!(read("2 weeks 1 hour").unwrap(), step(0, 14, 3600));
        assert_eq!(read("-01:30").unwrap(), step(0, 0, -5400));
        assert!(read("1.5 days").is_err());
        assert!(read("a day").is_err());
    }
}
