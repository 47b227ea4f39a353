//! Functions over texts.

use super::cast::{coerce, text};
use super::kind::Kind;
use super::typed::{Typed, quoted};

/// Letters beyond ASCII with exactly one other letter for small or large: Latin, Greek, Cyrillic.
fn letters() -> impl Iterator<Item = (char, char)> {
    ('\u{c0}'..='\u{24f}').chain('\u{386}'..='\u{3ab}').chain('\u{400}'..='\u{52f}').filter_map(|large| {
        let mut small = large.to_lowercase();
        let (one, more) = (small.next()?, small.next());
        let back: Vec<char> = one.to_uppercase().collect();
        (one != large && more.is_none() && back == [large]).then_some((large, one))
    })
}

/// Writes small letters. SQLite knows those of ASCII only; a text with others is changed letter by letter.
pub(super) fn lower(sql: &str) -> String {
    let (large, small): (String, String) = letters().unzip();
    changed("lower", sql, &large, &small)
}

/// Writes large letters.
pub(super) fn upper(sql: &str) -> String {
    let (large, small): (String, String) = letters().unzip();
    changed("upper", sql, &small, &large)
}

fn changed(function: &str, sql: &str, from: &str, to: &str) -> String {
    format!(
        "case when {sql} not glob '*[^ -~]*' then {function}({sql}) when {sql} is not null then (\
         with recursive letter(at, done) as (select 1, '' union all select at + 1, done || \
         case instr('{from}', substr({sql}, at, 1)) when 0 then {function}(substr({sql}, at, 1)) \
         else substr('{to}', instr('{from}', substr({sql}, at, 1)), 1) end \
         from letter where at <= length({sql})) select done from letter where at = length({sql}) + 1) end"
    )
}

/// Translates functions over texts and counts; `None` for other names.
pub(super) fn function(name: &str, args: &[Typed]) -> Option<Result<Typed, String>> {
    let plain = |kind: Kind, write: &dyn Fn(&[String]) -> String| -> Option<Result<Typed, String>> {
        let mut sqls = Vec::new();
        let counts = ["left", "right", "substr", "substring", "repeat", "lpad", "rpad"].contains(&name);
        for (at, arg) in args.iter().enumerate() {
            match arg.kind {
                Kind::Text | Kind::Literal => {}
                Kind::Integer | Kind::Bigint if counts && at > 0 => {}
                other => return Some(Err(format!("{name}() of {}", other.word()))),
            }
            sqls.push(arg.sql.clone());
        }
        let sources = args.iter().map(|arg| arg.sources.clone());
        Some(Ok(Typed::new(write(&sqls), kind).from(sources)))
    };
    let number =
        |at: usize| args.get(at).and_then(|arg| arg.sql.trim_matches(['(', ')']).replace(' ', "").parse::<i64>().ok());
    match (name, args.len()) {
        ("length" | "char_length" | "character_length", 1) => plain(Kind::Integer, &|a| format!("length({})", a[0])),
        ("lower", 1) => plain(Kind::Text, &|a| lower(&a[0])),
        ("upper", 1) => plain(Kind::Text, &|a| upper(&a[0])),
        ("replace", 3) => plain(Kind::Text, &|a| format!("replace({}, {}, {})", a[0], a[1], a[2])),
        ("strpos", 2) => plain(Kind::Integer, &|a| format!("instr({}, {})", a[0], a[1])),
        ("btrim" | "trim", 1 | 2) => plain(Kind::Text, &|a| format!("trim({})", a.join(", "))),
        ("ltrim" | "rtrim", 1 | 2) => plain(Kind::Text, &|a| format!("{name}({})", a.join(", "))),
        ("left", 2) => plain(Kind::Text, &|a| match number(1) {
            Some(count) if count >= 0 => format!("substr({}, 1, {count})", a[0]),
            _ => format!(
                "substr({s}, 1, max(0, case when {n} < 0 then length({s}) + {n} else {n} end))",
                s = a[0],
                n = a[1]
            ),
        }),
        ("right", 2) => plain(Kind::Text, &|a| match number(1) {
            Some(count) if count >= 0 => format!("substr({s}, max(1, length({s}) - {count} + 1))", s = a[0]),
            _ => format!(
                "substr({s}, case when {n} < 0 then 1 - {n} else max(1, length({s}) - {n} + 1) end)",
                s = a[0],
                n = a[1]
            ),
        }),
        ("substr" | "substring", 2 | 3) if args[1..].iter().all(|arg| arg.kind.is_integer()) => {
            if number(2).is_some_and(|count| count < 0) {
                return Some(Err(format!("{name}() with a negative length")));
            }
            plain(Kind::Text, &|a| part(&a[0], &a[1], a.get(2).map(String::as_str), number(1)))
        }
        ("repeat", 2) => plain(Kind::Text, &|a| match number(1) {
            Some(count) => format!("replace(hex(zeroblob({})), '00', {})", count.max(0), a[0]),
            None => format!(
                "case when {n} is not null then replace(hex(zeroblob(max(0, {n}))), '00', {s}) end",
                s = a[0],
                n = a[1]
            ),
        }),
        ("lpad" | "rpad", 2 | 3) => {
            if args.get(2).is_some_and(|fill| fill.literal.as_deref() == Some("")) {
                return Some(Err(format!("{name}() with nothing to fill up with")));
            }
            plain(Kind::Text, &|a| pad(name, &a[0], &a[1], a.get(2).map_or("' '", String::as_str)))
        }
        ("split_part", 3) => Some(split_part(args, number(2))),
        ("concat", 1..) => Some(concat(args)),
        ("concat_ws", 2..) => Some(concat_ws(args)),
        ("starts_with", 2) => {
            plain(Kind::Boolean, &|a| format!("(substr({s}, 1, length({p})) = {p})", s = a[0], p = a[1]))
        }
        _ => None,
    }
}

/// Letters from a place on. PostgreSQL counts places before the first, SQLite goes back from the end.
fn part(sql: &str, from: &str, count: Option<&str>, number: Option<i64>) -> String {
    match (count, number) {
        (None, Some(1..)) => format!("substr({sql}, {from})"),
        (None, _) => format!("substr({sql}, max(1, {from}))"),
        (Some(count), Some(1..)) => format!("substr({sql}, {from}, max(0, {count}))"),
        (Some(count), _) => format!("substr({sql}, max(1, {from}), max(0, {from} + {count} - max(1, {from})))"),
    }
}

fn pad(name: &str, sql: &str, to: &str, fill: &str) -> String {
    let missing =
        format!("substr(replace(hex(zeroblob(max(0, {to} - length({sql})))), '00', {fill}), 1, {to} - length({sql}))");
    let joined = if name == "lpad" { format!("{missing} || {sql}") } else { format!("{sql} || {missing}") };
    format!(
        "case when length({sql}) >= {to} then substr({sql}, 1, max(0, {to})) when length({sql}) < {to} then {joined} end"
    )
}

/// The n-th of the parts between delimiters, through a JSON array.
fn split_part(args: &[Typed], place: Option<i64>) -> Result<Typed, String> {
    let value = text(&args[0])?;
    let (Some(delimiter), Some(place)) = (args[1].literal.as_deref(), place.filter(|place| *place != 0)) else {
        return Err("split_part() with a delimiter or a place that is computed".to_owned());
    };
    // JSON writes a line's end as \n: a delimiter of letters might cut it in two.
    if delimiter.is_empty()
        || delimiter
            .contains(|letter: char| letter.is_ascii_alphanumeric() || "\"\\".contains(letter) || letter.is_control())
    {
        return Err(format!("split_part() with the delimiter {}", quoted(delimiter)));
    }
    let path = if place > 0 { format!("$[{}]", place - 1) } else { format!("$[#{place}]") };
    let sql = &value.sql;
    let sql = format!(
        "case when {sql} is not null then coalesce(json_extract('[' || replace(json_quote({sql}), {}, '\",\"') || ']', '{path}'), '') end",
        quoted(delimiter)
    );
    Ok(Typed::new(sql, Kind::Text).from([value.sources]))
}

fn concat(args: &[Typed]) -> Result<Typed, String> {
    let texts = args.iter().map(text_of_concat).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<_> = texts.iter().map(|text| format!("coalesce({}, '')", text.sql)).collect();
    let sources = texts.into_iter().map(|text| text.sources);
    Ok(Typed::new(format!("({})", parts.join(" || ")), Kind::Text).from(sources))
}

fn concat_ws(args: &[Typed]) -> Result<Typed, String> {
    let between = coerce(&args[0], Kind::Text)?;
    let texts = args[1..].iter().map(text_of_concat).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<_> = texts.iter().map(|text| format!("coalesce({} || {}, '')", between.sql, text.sql)).collect();
    let sources = texts.into_iter().map(|text| text.sources).chain([between.sources]);
    let sql = format!("substr({}, length({}) + 1)", parts.join(" || "), between.sql);
    Ok(Typed::new(sql, Kind::Text).from(sources))
}

/// `concat` writes a truth as one letter.
fn text_of_concat(value: &Typed) -> Result<Typed, String> {
    let mut text = text(value)?;
    if value.kind == Kind::Boolean {
        text.sql = format!("case {} when true then 't' when false then 'f' end", value.sql);
    }
    Ok(text)
}
