//! Days and moments: sums, parts, beginnings. A day is `2024-01-31`, a moment `2024-01-31 10:00:00.5`, with `+00:00`
//! behind it if it is an instant.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use sqlparser::ast::{BinaryOperator, Expr, Spanned};

use super::SqlError;
use super::cast::{cast, coerce};
use super::interval::Step;
use super::kind::{Kind, Target};
use super::scope::Scope;
use super::translate::{Translator, refused};
use super::typed::{Scale, Typed, fails};

/// Reads a moment in quotes; returns it in the form of stored moments.
pub(super) fn read_literal(text: &str, kind: Kind) -> Option<String> {
    let day = |text: &str| {
        let shaped = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| shaped)
    };
    let moment = |text: &str| {
        let text = text.replacen('T', " ", 1);
        let read = |form| NaiveDateTime::parse_from_str(&text, form).ok();
        let midnight = || day(&text)?.and_hms_opt(0, 0, 0);
        read("%Y-%m-%d %H:%M:%S%.f").or_else(|| read("%Y-%m-%d %H:%M")).or_else(midnight)
    };
    let shown = |moment: NaiveDateTime| {
        let micros = format!("{:06}", moment.and_utc().timestamp_subsec_micros());
        let fraction = micros.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{point}{fraction}", moment.format("%Y-%m-%d %H:%M:%S"))
    };
    match kind {
        Kind::Date => day(text).or_else(|| Some(moment(text)?.date())).map(|day| day.to_string()),
        Kind::Timestamp => moment(text).map(shown),
        _ => {
            let offset = || {
                let text = text.replace('Z', "+00:00");
                let text =
                    if text.len() > 3 && text[text.len() - 3..].starts_with(['+', '-']) { text + ":00" } else { text };
                DateTime::parse_from_str(&text.replacen('T', " ", 1), "%Y-%m-%d %H:%M:%S%.f%:z").ok()
            };
            moment(text).or_else(|| Some(offset()?.naive_utc())).map(|moment| shown(moment) + "+00:00")
        }
    }
}

pub(super) fn is_now(word: &str) -> bool {
    matches!(word, "current_date" | "current_timestamp" | "localtimestamp" | "now" | "transaction_timestamp")
}

/// Today or now, in UTC.
pub(super) fn now(word: &str) -> Typed {
    match word {
        "current_date" => Typed::new("date('now')", Kind::Date),
        "localtimestamp" => Typed::new("strftime('%Y-%m-%d %H:%M:%f', 'now')", Kind::Timestamp),
        _ => Typed::new("strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')", Kind::Timestamptz),
    }
}

/// Adds an interval to a moment; a day becomes a timestamp, as in PostgreSQL.
pub(super) fn moved(value: &Typed, step: &Step, minus: bool) -> Result<Typed, String> {
    let value = match value.kind {
        Kind::Date => coerce(value, Kind::Timestamp)?,
        Kind::Timestamp | Kind::Timestamptz => value.clone(),
        kind => return Err(format!("{} and an interval", kind.word())),
    };
    Ok(Typed::new(shift(&value.sql, step, minus), value.kind).from([value.sources]))
}

/// Shifts a moment by a step. A day that the month does not have becomes its last one.
pub(super) fn shift(sql: &str, step: &Step, minus: bool) -> String {
    let sign = if minus { -1 } else { 1 };
    let mut sql = sql.to_owned();
    if step.months != 0 {
        let (to, next) =
            (step.modifier(sign * step.months, 0, "months"), step.modifier(sign * step.months, 1, "months"));
        sql = format!(
            "(min(date({sql}, 'start of month', {to}, (strftime('%d', {sql}) - 1) || ' days'), \
             date({sql}, 'start of month', {next}, '-1 day')) || substr({sql}, 11))"
        );
    }
    if step.days != 0 {
        sql = format!(
            "(date(substr({sql}, 1, 10), {}) || substr({sql}, 11))",
            step.modifier(sign * step.days, 0, "days")
        );
    }
    if step.seconds != 0 {
        let by = step.modifier(sign * step.seconds, 0, "seconds");
        sql = format!("(datetime(substr({sql}, 1, 19), {by}) || substr({sql}, 20))");
    }
    sql
}

/// Applies `+` or `-` to two values, one of them a moment; `None` if neither is.
pub(super) fn between(left: &Typed, op: &BinaryOperator, right: &Typed) -> Option<Result<Typed, String>> {
    if !left.kind.is_moment() && !right.kind.is_moment() {
        return None;
    }
    let days = |day: &Typed, sign: &str, count: &Typed| {
        let sql = format!("date({}, ({sign}{}) || ' days')", day.sql, count.sql);
        Some(Ok(Typed::new(sql, Kind::Date).from([day.sources.clone(), count.sources.clone()])))
    };
    match (op, left.kind, right.kind) {
        (BinaryOperator::Plus, Kind::Date, Kind::Integer) => days(left, "", right),
        (BinaryOperator::Plus, Kind::Integer, Kind::Date) => days(right, "", left),
        (BinaryOperator::Minus, Kind::Date, Kind::Integer) => days(left, "- ", right),
        (BinaryOperator::Minus, one, other) => {
            let kind = match one.meeting(other) {
                Some(kind) if kind.is_moment() => kind,
                _ => return Some(Err(format!("{} - {}", one.word(), other.word()))),
            };
            let both = coerce(left, kind).and_then(|left| Ok((left, coerce(right, kind)?)));
            let difference = both.map(|(left, right)| {
                let sources = [left.sources.clone(), right.sources.clone()];
                let (kind, sql) = match kind {
                    Kind::Date => {
                        (Kind::Integer, format!("cast(julianday({}) - julianday({}) as integer)", left.sql, right.sql))
                    }
                    _ => (Kind::Interval, format!("({} - {})", epoch(&left.sql), epoch(&right.sql))),
                };
                Typed::new(sql, kind).from(sources)
            });
            Some(difference)
        }
        (BinaryOperator::Plus, one, other) => Some(Err(format!("{} + {}", one.word(), other.word()))),
        _ => None,
    }
}

fn fraction(sql: &str) -> String {
    format!("cast('0' || substr({sql}, 20) as real)")
}

/// Seconds since 1970 with their fraction.
fn epoch(sql: &str) -> String {
    format!("(cast(strftime('%s', substr({sql}, 1, 19)) as integer) + {})", fraction(sql))
}

/// Translates `extract(field from x)`.
pub(super) fn extract_from(
    t: &mut Translator,
    field: &str,
    inner: &Expr,
    scope: &Scope,
    at: &impl Spanned,
) -> Result<Typed, SqlError> {
    let typed = t.expr(inner, scope)?;
    extract(field, &typed).map_err(|what| refused(what, at))
}

fn extract(field: &str, value: &Typed) -> Result<Typed, String> {
    let refuse = || Err(format!("extract({field} from {})", value.kind.word()));
    let sql = &value.sql;
    if value.kind == Kind::Interval {
        return match field {
            "epoch" => Ok(Typed::computed(sql.clone(), Scale::Fixed(6)).from([value.sources.clone()])),
            _ => refuse(),
        };
    }
    if !value.kind.is_moment() {
        return refuse();
    }
    let is_date = value.kind == Kind::Date;
    let day = format!("substr({sql}, 1, 10)");
    let part = |form: &str| format!("cast(strftime('{form}', {day}) as integer)");
    // The week's Thursday decides the week's number and its year.
    let thursday = format!("date({day}, '-3 days', 'weekday 4')");
    let clock = |from: u8| format!("cast(substr({sql}, {from}, 2) as integer)");
    let whole = |sql: String| Ok(Typed::new(sql, Kind::Whole));
    let done = match field {
        "year" => whole(part("%Y")),
        "month" => whole(part("%m")),
        "day" => whole(part("%d")),
        "quarter" => whole(format!("(({} + 2) / 3)", part("%m"))),
        "dow" => whole(part("%w")),
        "isodow" => whole(format!("(({} + 6) % 7 + 1)", part("%w"))),
        "doy" => whole(part("%j")),
        "week" => whole(format!("((cast(strftime('%j', {thursday}) as integer) - 1) / 7 + 1)")),
        "isoyear" => whole(format!("cast(strftime('%Y', {thursday}) as integer)")),
        "decade" => whole(format!("({} / 10)", part("%Y"))),
        "hour" if !is_date => whole(clock(12)),
        "minute" if !is_date => whole(clock(15)),
        "second" if !is_date => Ok(Typed::computed(format!("({} + {})", clock(18), fraction(sql)), Scale::Fixed(6))),
        "epoch" if is_date => whole(format!("cast(strftime('%s', {sql}) as integer)")),
        "epoch" => Ok(Typed::computed(epoch(sql), Scale::Fixed(6))),
        _ => refuse(),
    };
    done.map(|typed| typed.from([value.sources.clone()]))
}

/// Translates `x at time zone 'UTC'`.
pub(super) fn at_time_zone(value: &Typed, zone: Option<&str>) -> Result<Typed, String> {
    if !zone.is_some_and(|zone| zone.eq_ignore_ascii_case("utc")) {
        return Err("at time zone with another zone than 'UTC'".to_owned());
    }
    let target = |kind| Target { kind, length: None, name: "" };
    match value.kind {
        Kind::Timestamptz => cast(value, target(Kind::Timestamp)),
        Kind::Timestamp => cast(value, target(Kind::Timestamptz)),
        kind => Err(format!("{} at time zone", kind.word())),
    }
}

/// Translates functions over moments; `None` for other names.
pub(super) fn function(name: &str, args: &[Typed]) -> Option<Result<Typed, String>> {
    match (name, args) {
        ("date_trunc", [field, value]) => Some(match &field.literal {
            Some(field) => begin(&field.to_lowercase(), value),
            None => Err("date_trunc() with a field that is computed".to_owned()),
        }),
        ("date", [value]) => Some(cast(value, Target { kind: Kind::Date, length: None, name: "date" })),
        ("make_date", [year, month, day]) if args.iter().all(|arg| arg.kind == Kind::Integer) => {
            let shown = format!("printf('%04d-%02d-%02d', {}, {}, {})", year.sql, month.sql, day.sql);
            let sql = format!(
                "case when {} + {} + {} is null then null when date({shown}) = {shown} then {shown} else {} end",
                year.sql,
                month.sql,
                day.sql,
                fails("no such day", &shown)
            );
            Some(Ok(Typed::new(sql, Kind::Date).from(args.iter().map(|arg| arg.sources.clone()))))
        }
        _ => None,
    }
}

/// Translates `date_trunc`: PostgreSQL takes a day for an instant.
fn begin(field: &str, value: &Typed) -> Result<Typed, String> {
    let value = match value.kind {
        Kind::Date => coerce(value, Kind::Timestamptz)?,
        Kind::Timestamp | Kind::Timestamptz => value.clone(),
        kind => return Err(format!("date_trunc() of {}", kind.word())),
    };
    let sql = &value.sql;
    let day = format!("substr({sql}, 1, 10)");
    let begun = match field {
        "year" => format!("substr({sql}, 1, 4) || '-01-01 00:00:00'"),
        "quarter" => format!(
            "substr({sql}, 1, 5) || substr('010101040404070707101010', 2 * substr({sql}, 6, 2) - 1, 2) || '-01 00:00:00'"
        ),
        "month" => format!("substr({sql}, 1, 7) || '-01 00:00:00'"),
        "week" => format!("date({day}, '-6 days', 'weekday 1') || ' 00:00:00'"),
        "day" => format!("{day} || ' 00:00:00'"),
        "hour" => format!("substr({sql}, 1, 13) || ':00:00'"),
        "minute" => format!("substr({sql}, 1, 16) || ':00'"),
        "second" => format!("substr({sql}, 1, 19)"),
        _ => return Err(format!("date_trunc('{field}', …)")),
    };
    let zone = if value.kind == Kind::Timestamptz { " || '+00:00'" } else { "" };
    Ok(Typed::new(format!("({begun}{zone})"), value.kind).from([value.sources]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_quotes_are_read() {
        let read = |text, kind| read_literal(text, kind).unwrap_or_default();
        assert_eq!(read("2024-02-29", Kind::Date), "2024-02-29");
        assert_eq!(read("2023-02-29", Kind::Date), "");
        assert_eq!(read("2024-1-5", Kind::Date), "");
        assert_eq!(read("2024-02-29", Kind::Timestamp), "2024-02-29 00:00:00");
        assert_eq!(read("2024-02-29T10:00:00.500", Kind::Timestamp), "2024-02-29 10:00:00.5");
        assert_eq!(read("2024-02-29 10:00:00+02", Kind::Timestamptz), "2024-02-29 08:00:00+00:00");
        assert_eq!(read("2024-02-29T10:00:00Z", Kind::Timestamptz), "2024-02-29 10:00:00+00:00");
    }
}
