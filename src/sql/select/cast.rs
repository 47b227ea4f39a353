//! Casts. A text that PostgreSQL refuses to read ends the statement here too: SQLite would make NULL or 0 of it.

use super::kind::{Kind, Target};
use super::typed::{Scale, Typed, quoted, round};
use super::{moment, reading};

/// Converts a value to another kind if PostgreSQL does so by itself.
pub(super) fn coerce(value: &Typed, kind: Kind) -> Result<Typed, String> {
    if value.kind == kind || value.kind == Kind::Unknown || kind == Kind::Unknown {
        return Ok(value.clone());
    }
    if value.is_null() {
        return Ok(Typed { kind, ..value.clone() }).map(|null| null_of(null, kind));
    }
    if let Some(text) = &value.literal {
        return literal(text, kind);
    }
    let up = value.kind.meeting(kind) == Some(kind);
    if !up {
        return Err(format!("{} where {} is expected", value.kind.word(), kind.word()));
    }
    cast(value, Target { kind, length: None, name: "" })
}

fn null_of(null: Typed, kind: Kind) -> Typed {
    let digits = (kind == Kind::Numeric).then(|| "NULL".to_owned());
    Typed { digits, ..null }
}

/// Reads a text in quotes as another kind.
pub(super) fn literal(text: &str, kind: Kind) -> Result<Typed, String> {
    let trimmed = text.trim();
    let bad = || format!("{} {}: write it as ISO 8601 has it", kind.word(), quoted(text));
    Ok(match kind {
        Kind::Text | Kind::Literal | Kind::Unknown => {
            Typed { literal: Some(text.to_owned()), ..Typed::new(quoted(text), kind) }
        }
        Kind::Integer | Kind::Bigint => Typed::new(
            trimmed.parse::<i64>().map_err(|_| format!("{} as a whole number", quoted(text)))?.to_string(),
            kind,
        ),
        Kind::Whole | Kind::Numeric => {
            let typed = super::expression::decimal(trimmed).map_err(|_| format!("{} as a number", quoted(text)))?;
            if kind == Kind::Whole { cast(&typed, Target { kind, length: Some(0), name: "" })? } else { typed }
        }
        Kind::Double => {
            let number: f64 = trimmed.parse().map_err(|_| format!("{} as a number", quoted(text)))?;
            if !number.is_finite() {
                return Err(format!("{} as a number", quoted(text)));
            }
            Typed::new(format!("{number:?}"), kind)
        }
        Kind::Boolean => match trimmed.to_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => Typed::new("true", kind),
            "f" | "false" | "n" | "no" | "off" | "0" => Typed::new("false", kind),
            _ => return Err(format!("{} as a truth", quoted(text))),
        },
        Kind::Date | Kind::Timestamp | Kind::Timestamptz => {
            Typed::new(quoted(&moment::read_literal(trimmed, kind).ok_or_else(bad)?), kind)
        }
        Kind::Interval => return Err("an interval in quotes".to_owned()),
    })
}

/// Writes a value as text, as PostgreSQL does.
pub(super) fn text(value: &Typed) -> Result<Typed, String> {
    let sql = &value.sql;
    let text = match value.kind {
        Kind::Text | Kind::Literal => return Ok(Typed { kind: Kind::Text, ..value.clone() }),
        Kind::Date | Kind::Timestamp => sql.clone(),
        Kind::Integer | Kind::Bigint | Kind::Whole => format!("cast({sql} as text)"),
        Kind::Numeric => value.at_rest(),
        Kind::Boolean => format!("case {sql} when true then 'true' when false then 'false' end"),
        Kind::Timestamptz => format!("replace({sql}, '+00:00', '+00')"),
        Kind::Double | Kind::Interval | Kind::Unknown => return Err(format!("{} as text", value.kind.word())),
    };
    Ok(Typed { sources: value.sources.clone(), ..Typed::new(text, Kind::Text) })
}

/// Casts a value as `cast` and `::` do.
pub(super) fn cast(value: &Typed, target: Target) -> Result<Typed, String> {
    let kind = target.kind;
    if value.kind == Kind::Unknown && kind != Kind::Unknown {
        return Err(format!("a cast of a column of which the type is not known to {}", kind.word()));
    }
    if value.is_null() {
        return Ok(null_of(Typed { kind, ..value.clone() }, kind));
    }
    let done = match (&value.literal, value.kind) {
        (Some(text), Kind::Literal) => match kind {
            Kind::Whole | Kind::Numeric => scaled(&literal(text, Kind::Numeric)?, target.length),
            _ => literal(text, kind)?,
        },
        _ => convert(value, target)?,
    };
    let done = match (kind, target.length) {
        (Kind::Text, Some(length)) => Typed::new(format!("substr({}, 1, {length})", done.sql), Kind::Text),
        _ => done,
    };
    Ok(done.from([value.sources.clone()]))
}

fn convert(value: &Typed, target: Target) -> Result<Typed, String> {
    let sql = &value.sql;
    let kind = target.kind;
    let to = |sql: String| Ok(Typed::new(sql, kind));
    let cannot = || Err(format!("a cast of {} to {}", value.kind.word(), kind.word()));
    match (kind, value.kind) {
        (Kind::Text, _) => text(value),
        (Kind::Integer | Kind::Bigint, from) => match from {
            Kind::Integer | Kind::Bigint | Kind::Whole => to(sql.clone()),
            Kind::Numeric => to(format!("cast({} as integer)", round(&value.key(), 0))),
            Kind::Double => to(format!("cast({} as integer)", half_even(sql))),
            Kind::Boolean if kind == Kind::Integer => to(format!("({sql} <> 0)")),
            Kind::Text => to(reading::integer(sql)),
            _ => cannot(),
        },
        (Kind::Whole | Kind::Numeric, from) => match from {
            Kind::Integer | Kind::Bigint | Kind::Whole => {
                let whole = Typed::new(sql.clone(), Kind::Whole);
                match target.length {
                    Some(0) => Ok(whole),
                    // The digits of a whole number are the number's own.
                    None if kind == Kind::Numeric => Ok(Typed {
                        digits: Some(format!("cast({sql} as text)")),
                        ..Typed::new(format!("cast({sql} as real)"), Kind::Numeric)
                    }),
                    None => Ok(whole),
                    Some(_) => Ok(scaled(&Typed { kind: Kind::Numeric, ..whole }, target.length)),
                }
            }
            Kind::Numeric => Ok(scaled(value, target.length)),
            Kind::Double => {
                let number = format!("case when {sql} is not null then cast(printf('%.15g', {sql}) as real) end");
                Ok(scaled(&Typed { scale: Scale::Free, ..Typed::new(number, Kind::Numeric) }, target.length))
            }
            Kind::Text => {
                let digits = format!("trim({sql})");
                let scale = Scale::Of(format!("max(0, length({digits}) - instr({digits} || '.', '.'))"));
                Ok(scaled(&Typed { scale, ..Typed::new(reading::number(sql), Kind::Numeric) }, target.length))
            }
            _ => cannot(),
        },
        (Kind::Double, from) => match from {
            Kind::Integer | Kind::Bigint | Kind::Whole => to(format!("cast({sql} as real)")),
            Kind::Numeric => to(value.key()),
            Kind::Double => Ok(value.clone()),
            Kind::Text => to(reading::double(sql)),
            _ => cannot(),
        },
        (Kind::Boolean, from) => match from {
            Kind::Integer => to(format!("({sql} <> 0)")),
            Kind::Boolean => Ok(value.clone()),
            Kind::Text => to(reading::boolean(sql)),
            _ => cannot(),
        },
        (Kind::Date, from) => match from {
            Kind::Date => Ok(value.clone()),
            Kind::Timestamp | Kind::Timestamptz => to(format!("substr({sql}, 1, 10)")),
            Kind::Text => to(reading::date(sql)),
            _ => cannot(),
        },
        (Kind::Timestamp | Kind::Timestamptz, from) => {
            let plain = match from {
                Kind::Timestamptz if kind == from => return Ok(value.clone()),
                Kind::Date => format!("({sql} || ' 00:00:00')"),
                Kind::Timestamp => sql.clone(),
                Kind::Timestamptz => format!("replace({sql}, '+00:00', '')"),
                Kind::Text if kind == Kind::Timestamptz => return to(reading::timestamptz(sql)),
                Kind::Text => reading::timestamp(sql),
                _ => return cannot(),
            };
            to(if kind == Kind::Timestamptz { format!("({plain} || '+00:00')") } else { plain })
        }
        _ => cannot(),
    }
}

/// A decimal with so many digits behind the point; half is rounded away from zero.
pub(super) fn scaled(value: &Typed, digits: Option<u64>) -> Typed {
    match digits {
        None => value.clone(),
        Some(0) => Typed {
            sources: value.sources.clone(),
            ..Typed::new(format!("cast({} as integer)", round(&value.key(), 0)), Kind::Whole)
        },
        Some(digits) => Typed {
            sql: round(&value.key(), digits),
            scale: Scale::Fixed(digits),
            digits: None,
            exact: true,
            ..value.clone()
        },
    }
}

/// A double rounded as PostgreSQL rounds doubles: half to the even number.
pub(super) fn half_even(sql: &str) -> String {
    format!(
        "case when abs({sql}) < 4503599627370496.0 and abs({sql} - cast({sql} as integer)) = 0.5 then 2.0 * round({sql} / 2.0) \
         when abs({sql}) < 4503599627370496.0 then round({sql}) else {sql} end"
    )
}
