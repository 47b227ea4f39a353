//! Patterns: `to_char` of moments and numbers, `to_date`, `to_timestamp`.

use super::kind::Kind;
use super::reading;
use super::typed::{Scale, Typed, quoted, round};

/// Translates the functions with a pattern; `None` for other names.
pub(super) fn function(name: &str, args: &[Typed]) -> Option<Result<Typed, String>> {
    let (value, pattern) = match (name, args) {
        ("to_char" | "to_date" | "to_timestamp", [value, pattern]) => (value, pattern),
        _ => return None,
    };
    let Some(pattern) = pattern.literal.as_deref() else {
        return Some(Err(format!("{name}() with a pattern that is computed")));
    };
    let done = match (name, value.kind) {
        ("to_char", kind) if kind.is_moment() => shown(&value.sql, kind, pattern),
        ("to_char", kind) if kind.is_exact_number() => number(value, pattern),
        ("to_date", Kind::Text | Kind::Literal) => {
            read(&value.sql, pattern).map(|sql| Typed::new(reading::date(&format!("({sql})")), Kind::Date))
        }
        ("to_timestamp", Kind::Text | Kind::Literal) => read(&value.sql, pattern)
            .map(|sql| Typed::new(reading::timestamptz(&format!("({sql})")), Kind::Timestamptz)),
        (name, kind) => Err(format!("{name}() of {}", kind.word())),
    };
    Some(done.map(|typed| typed.from([value.sources.clone()])))
}

/// One word of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// A field, and true if FM stands before it.
    Field(String, bool),
    /// Plain text.
    Plain(String),
}

/// The known fields, longer ones first.
const FIELDS: [&str; 27] = [
    "HH24", "HH12", "YYYY", "IYYY", "MONTH", "Month", "month", "MON", "Mon", "mon", "DAY", "Day", "day", "DDD", "YY",
    "MM", "DD", "DY", "Dy", "dy", "HH", "MI", "SS", "IW", "ID", "Q", "D",
];

fn words(pattern: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        if let Some(quote) = rest.strip_prefix('"') {
            let end = quote.find('"').ok_or_else(|| format!("the pattern {}", quoted(pattern)))?;
            words.push(Word::Plain(quote[..end].to_owned()));
            rest = &quote[end + 1..];
            continue;
        }
        let (fills, bare) = rest.strip_prefix("FM").map_or((false, rest), |bare| (true, bare));
        let is_name = |field: &str| field.len() >= 2 && field[..2].chars().any(|letter| letter.is_ascii_lowercase());
        let is_name = |field: &str| is_name(field) || ["MONTH", "MON", "DAY", "DY"].contains(&field);
        let found = FIELDS.iter().find(|field| match is_name(field) {
            // The letters' case is that of the names.
            true => bare.starts_with(**field),
            false => bare.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)),
        });
        if let Some(field) = found {
            words.push(Word::Field((*field).to_owned(), fills));
            rest = &bare[field.len()..];
        } else if letter.is_alphanumeric() {
            return Err(format!("the pattern {} (at {})", quoted(pattern), quoted(rest)));
        } else {
            words.push(Word::Plain(letter.to_string()));
            rest = &rest[letter.len_utf8()..];
        }
    }
    Ok(words)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Translates `to_char` of a moment.
fn shown(sql: &str, kind: Kind, pattern: &str) -> Result<Typed, String> {
    let day = format!("substr({sql}, 1, 10)");
    let thursday = format!("date({day}, '-3 days', 'weekday 4')");
    let clock = |from: u8| match kind {
        Kind::Date => "'00'".to_owned(),
        _ => format!("substr({sql}, {from}, 2)"),
    };
    let month = format!("cast(substr({sql}, 6, 2) as integer)");
    let weekday = format!("cast(strftime('%w', {day}) as integer)");
    let mut parts = Vec::new();
    for word in words(pattern)? {
        let (field, fills) = match word {
            Word::Plain(text) => {
                parts.push(quoted(&text));
                continue;
            }
            Word::Field(field, fills) => (field, fills),
        };
        let digits = match field.as_str() {
            "YYYY" => format!("substr({sql}, 1, 4)"),
            "YY" => format!("substr({sql}, 3, 2)"),
            "MM" => format!("substr({sql}, 6, 2)"),
            "DD" => format!("substr({sql}, 9, 2)"),
            "HH24" => clock(12),
            "HH12" | "HH" => {
                format!("substr('12010203040506070809101112010203040506070809101112', 2 * {} + 1, 2)", clock(12))
            }
            "MI" => clock(15),
            "SS" => clock(18),
            "Q" => format!("cast(({month} + 2) / 3 as text)"),
            "D" => format!("cast({weekday} + 1 as text)"),
            "ID" => format!("cast(({weekday} + 6) % 7 + 1 as text)"),
            "DDD" => format!("strftime('%j', {day})"),
            "IYYY" => format!("strftime('%Y', {thursday})"),
            "IW" => format!("substr('0' || ((cast(strftime('%j', {thursday}) as integer) - 1) / 7 + 1), -2)"),
            name => {
                let list: &[&str] = if name.to_lowercase().starts_with('m') { &MONTHS } else { &DAYS };
                let which = if list.len() == 12 { format!("{month} - 1") } else { weekday.clone() };
                parts.push(named(list, &which, name, fills));
                continue;
            }
        };
        parts.push(if fills { format!("cast(cast({digits} as integer) as text)") } else { digits });
    }
    // NULL stays NULL even if the pattern has no field.
    Ok(Typed::new(
        format!("({} || substr({sql}, 1, 0))", if parts.is_empty() { "''".to_owned() } else { parts.join(" || ") }),
        Kind::Text,
    ))
}

/// A name out of a list: short or padded to the longest, in the letters of the pattern.
fn named(list: &[&str], which: &str, field: &str, fills: bool) -> String {
    let short = field.len() <= if list.len() == 12 { 3 } else { 2 };
    let branches: String = list
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let name = if short { &name[..3] } else { name };
            let name = match field {
                _ if field.chars().all(|letter| letter.is_ascii_uppercase()) => name.to_uppercase(),
                _ if field.chars().all(|letter| letter.is_ascii_lowercase()) => name.to_lowercase(),
                _ => name.to_owned(),
            };
            let name = if short || fills { name } else { format!("{name:<9}") };
            format!(" when {at} then {}", quoted(&name))
        })
        .collect();
    format!("case {which}{branches} end")
}

/// Reads a text by a pattern, to ISO 8601: fields of a fixed width in their places.
fn read(sql: &str, pattern: &str) -> Result<String, String> {
    let refuse = || format!("reading by the pattern {}", quoted(pattern));
    let (mut at, mut shape) = (1, String::new());
    let mut places: Vec<(String, usize, usize)> = Vec::new();
    for word in words(pattern)? {
        match word {
            Word::Field(field, false) => {
                let width = match field.as_str() {
                    "YYYY" => 4,
                    "MM" | "DD" | "HH24" | "MI" | "SS" => 2,
                    _ => return Err(refuse()),
                };
                shape.push_str(&"[0-9]".repeat(width));
                places.push((field, at, width));
                at += width;
            }
            Word::Field(_, true) => return Err(refuse()),
            Word::Plain(text) => {
                if text.contains(['*', '?', '[']) {
                    return Err(refuse());
                }
                at += text.chars().count();
                shape.push_str(&text);
            }
        }
    }
    let part = |field: &str, otherwise: Option<&str>| {
        let found = places.iter().find(|(name, ..)| name == field);
        match (found, otherwise) {
            (Some((_, at, width)), _) => Ok(format!("substr({sql}, {at}, {width})")),
            (None, Some(otherwise)) => Ok(quoted(otherwise)),
            (None, None) => Err(refuse()),
        }
    };
    let day = [part("YYYY", None)?, part("MM", Some("01"))?, part("DD", Some("01"))?].join(" || '-' || ");
    let clock = [part("HH24", Some("00"))?, part("MI", Some("00"))?, part("SS", Some("00"))?].join(" || ':' || ");
    // A text of another shape is handed on as it is, to fail with its own text.
    Ok(format!(
        "case when {sql} glob {} then {day} || ' ' || {clock} when {sql} is not null then 'x' || {sql} end",
        quoted(&shape)
    ))
}

/// Translates `to_char` of a number, to patterns of 9, 0, commas and a point.
fn number(value: &Typed, pattern: &str) -> Result<Typed, String> {
    let refuse = || format!("to_char() of a number with the pattern {}", quoted(pattern));
    let (fills, bare) = pattern.strip_prefix("FM").map_or((false, pattern), |bare| (true, bare));
    let (whole, behind) = bare.split_once('.').unwrap_or((bare, ""));
    let places: String = whole.chars().filter(|letter| *letter != ',').collect();
    let is_plain = places.bytes().all(|byte| byte == b'9' || byte == b'0')
        && behind.bytes().all(|byte| byte == b'9' || byte == b'0');
    // A 9 behind the point leaves out zeros at the end, with FM.
    if !is_plain || places.is_empty() || places.len() > 15 || (fills && behind.contains('9')) {
        return Err(refuse());
    }
    let grouped = whole.contains(',');
    let threes: Vec<usize> = whole.split(',').map(str::len).collect();
    if grouped && (threes[0] == 0 || threes[1..].iter().any(|length| *length != 3)) {
        return Err(refuse());
    }
    let shown = places.find('0').map_or(0, |first| places.len() - first);
    let count = behind.len();
    let number = match &value.scale {
        Scale::Fixed(0) if value.kind != Kind::Numeric => format!("(1.0 * {})", value.sql),
        _ => value.key(),
    };
    let rounded = round(&format!("abs({number})"), count as u64);
    let text = format!("printf('%.{count}f', {rounded})");
    let whole_digits = format!("cast(cast({rounded} as integer) as text)");
    // Zeros before the point, as many as the pattern has; none for a number below one if it has none.
    let zeros = "0".repeat(places.len());
    let padded = match shown {
        0 if count > 0 => format!("case when {rounded} < 1 then '' else {whole_digits} end"),
        0 | 1 => whole_digits.clone(),
        _ => format!("substr('{zeros}', 1, max(0, {shown} - length({whole_digits}))) || {whole_digits}"),
    };
    let digits = if grouped {
        let mut parts = Vec::new();
        for at in (0..places.len().div_ceil(3)).rev() {
            let (from, comma) = (3 * at, if at > 0 { " || ','" } else { "" });
            let part =
                format!("substr({padded}, max(1, length({padded}) - {from} - 2), min(3, length({padded}) - {from}))");
            parts.push(format!("case when length({padded}) > {from} then {part}{comma} else '' end"));
        }
        parts.join(" || ")
    } else {
        padded
    };
    let fraction = if count > 0 { format!(" || substr({text}, -{})", count + 1) } else { String::new() };
    let sign =
        format!("case when {number} < 0 and {rounded} <> 0 then '-' else '{}' end", if fills { "" } else { " " });
    let body = format!("({sign} || {digits}{fraction})");
    let width = 1 + whole.len() + if behind.is_empty() { 0 } else { 1 + count };
    let body = if fills { body } else { format!("substr('{}' || {body}, -{width})", " ".repeat(width)) };
    let full: String = bare.chars().map(|letter| if letter == '9' || letter == '0' { '#' } else { letter }).collect();
    let too_large = format!("case when {number} < 0 then '-' else '{}' end || '{full}'", if fills { "" } else { " " });
    let sql = format!(
        "case when {number} is null then null when length({whole_digits}) > {} then {too_large} else {body} end",
        places.len()
    );
    Ok(Typed::new(sql, Kind::Text))
}
