//! A plugin's rule for one column, and its errors that are known before a file comes.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde::Deserialize;

use super::notation::{Said, Words, of_column};
use crate::record::JOINT;
use crate::schema::{ColumnRule, Type, column_names};
use crate::text::nearest;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnYaml {
    /// The header, or the place from 1.
    from: FromYaml,
    name: Option<String>,
    r#type: Option<String>,
    format: Option<String>,
    decimal: Option<String>,
    thousands: Option<String>,
    percent: Option<bool>,
    currency: Option<Words>,
    #[serde(rename = "true")]
    yes: Option<Words>,
    #[serde(rename = "false")]
    no: Option<Words>,
    null: Option<Words>,
    trim: Option<bool>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    pub(super) key: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum FromYaml {
    Place(usize),
    Header(String),
    Headers(Vec<String>),
}

/// # Errors
/// In words that begin with `columns:`.
pub(super) fn rule(yaml: &ColumnYaml, file: Said<'_>) -> Result<ColumnRule, String> {
    let (headers, place) = match &yaml.from {
        FromYaml::Place(0) => return Err("columns: from: places count from 1".to_owned()),
        FromYaml::Place(place) => (Vec::new(), Some(place - 1)),
        FromYaml::Header(header) => (vec![header.clone()], None),
        FromYaml::Headers(headers) if headers.is_empty() => return Err("columns: from: names no header".to_owned()),
        FromYaml::Headers(headers) => (headers.clone(), None),
    };
    if let Some(name) = &yaml.name
        && column_names(&[name], None)[0] != *name
        && column_names(&[name], Some(JOINT))[0] != *name
    {
        return Err(format!("columns: {name:?} is no column's name here; {} would be", column_names(&[name], None)[0]));
    }
    let kind = match yaml.r#type.as_deref() {
        None => None,
        Some(word) => Some(Type::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
            let hint = match nearest(word, Type::ALL.into_iter().map(Type::word)) {
                none if none.is_empty() => format!("; the types are {}", Type::ALL.map(Type::word).join(", ")),
                hint => hint,
            };
            format!("columns: there is no type {word}{hint}")
        })?),
    };
    if let Some(format) = &yaml.format {
        check_format(format, kind).map_err(|why| format!("columns: {why}"))?;
    }
    let said = Said {
        decimal: yaml.decimal.as_deref(),
        thousands: yaml.thousands.as_deref(),
        percent: yaml.percent,
        currency: yaml.currency.as_ref(),
        yes: yaml.yes.as_ref(),
        no: yaml.no.as_ref(),
        null: yaml.null.as_ref(),
        trim: yaml.trim,
    };
    let (notation, kind) = of_column(said, file, kind).map_err(|why| format!("columns: {why}"))?;
    Ok(ColumnRule {
        headers,
        place,
        name: yaml.name.clone(),
        kind,
        format: yaml.format.clone(),
        notation,
        required: yaml.required,
    })
}

/// Checks that a format can read the days or moments that it writes.
fn check_format(format: &str, kind: Option<Type>) -> Result<(), String> {
    let Some(kind @ (Type::Date | Type::Timestamp | Type::Timestamptz)) = kind else {
        return Err("a format goes with type: date, timestamp or timestamptz".to_owned());
    };
    if !format.contains('%') {
        return Err(format!("format: {format:?} has no %: a day is written such as %d.%m.%Y in it"));
    }
    if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Err(format!("format: {format:?} is no format of days or times, such as %d.%m.%Y"));
    }
    if kind != Type::Timestamptz && reads_zone(format) {
        return Err(format!("format: {format:?} reads a zone, and {kind} keeps none: say type: timestamptz"));
    }
    // Any moment with parts that differ: 2001-11-23 14:35:46 UTC.
    let moment = DateTime::from_timestamp(1_006_526_146, 0).unwrap_or_default();
    let mut text = String::new();
    let is_written = write!(text, "{}", moment.format(format)).is_ok();
    let is_read = match kind {
        Type::Date => NaiveDate::parse_from_str(&text, format).is_ok(),
        Type::Timestamp => NaiveDateTime::parse_from_str(&text, format).is_ok(),
        _ => DateTime::parse_from_str(&text, format).is_ok(),
    };
    if is_written && is_read {
        return Ok(());
    }
    let needs = match kind {
        Type::Date => "a day, a month and a year, such as %d.%m.%Y",
        Type::Timestamp => "a day and a time, such as %d.%m.%Y %H:%M",
        _ => "a day, a time and an offset, such as %d.%m.%Y %H:%M %z",
    };
    Err(format!("format: {format:?} can give no {kind}: that has {needs}"))
}

/// True if a format reads an offset or the name of a zone.
fn reads_zone(format: &str) -> bool {
    use chrono::format::{Fixed, Item};
    let is_zone = |item| {
        matches!(
            item,
            Item::Fixed(
                Fixed::TimezoneName
                    | Fixed::TimezoneOffset
                    | Fixed::TimezoneOffsetColon
                    | Fixed::TimezoneOffsetDoubleColon
                    | Fixed::TimezoneOffsetTripleColon
                    | Fixed::TimezoneOffsetColonZ
                    | Fixed::TimezoneOffsetZ
                    | Fixed::RFC2822
                    | Fixed::RFC3339
            )
        )
    };
    // Its item has no name outside of chrono.
    format.contains("%#z") || chrono::format::StrftimeItems::new(format).any(is_zone)
}
