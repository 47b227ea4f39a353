//! The file's text, without any access to files or the database.

use super::Known;
use super::guess::Facts;
use crate::project::KindWord;
use crate::project::key_column;
use crate::sql::{TableColumn, quote};
use crate::star::{Class, OWN};

type Text = (String, Vec<String>);

/// Returns the text and the guesses in it.
pub(super) fn of(kind: KindWord, name: &str, known: Option<&Known>) -> Result<Text, String> {
    match (kind, known) {
        (KindWord::Calendar, known) => Ok(calendar(known)),
        (KindWord::Dimension, Some(known)) => Ok(dimension(name, known)),
        (KindWord::Fact, Some(known)) => Ok(fact(known)),
        (KindWord::Bridge, Some(known)) => bridge(known),
        (KindWord::Table, Some(known)) => Ok(plain(
            "table",
            known,
            &[
                ("# distinct: true".to_owned(), "rows that are the same count once"),
                ("# checks: {not_null: [COLUMN]}".to_owned(), "what must hold before anything is published"),
            ],
        )),
        (KindWord::View, Some(known)) => Ok(plain("view", known, &[])),
        (_, None) => Err(format!("{name}: --from is needed")),
    }
}

fn dimension(name: &str, known: &Known) -> Text {
    let Facts { key, unique, nulls, follow, rows, .. } = &known.facts;
    let attributes: Vec<&str> = known
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !key.iter().any(|key| key == name))
        .collect();
    let mut guesses = Vec::new();
    let (mut comment, mut taken) = (String::new(), attributes.clone());
    if *unique {
        guesses.push(format!("key: {}, for no two of {rows} rows have the same", key[0]));
    } else {
        taken.retain(|name| follow.iter().any(|one| one == name));
        let left: Vec<_> = attributes.iter().filter(|name| !taken.contains(name)).copied().collect();
        guesses.push(format!("key: {}, which several rows share: each value is a member once", key[0]));
        if !left.is_empty() {
            guesses.push(format!("left out, for they have several values for one {}: {}", key[0], left.join(", ")));
            comment = format!(
                "-- Not one value for each {}: {}\n",
                comment_of(&key[0]),
                left.iter().map(|name| comment_of(name)).collect::<Vec<_>>().join(", ")
            );
        }
    }
    let of =
        |is: fn(&TableColumn) -> bool| known.columns.iter().find(|one| taken.contains(&one.name.as_str()) && is(one));
    let shown = |column: Option<&TableColumn>| column.map_or("COLUMN".to_owned(), |column| yaml(&given(name, column)));
    let titles: Vec<_> =
        known.columns.iter().filter(|one| key.contains(&one.name)).map(|one| given(name, one)).collect();
    let (any, text) = (shown(of(is_text).or(of(|_| true))), of(is_text));
    let mut lines = vec![
        ("kind: dimension".to_owned(), ""),
        (format!("key: {}", list(&titles)), ""),
        (format!("# history: [{any}]"), "a change of it opens a new version of the member, instead of overwriting"),
    ];
    // A time in the rows may be of another thing, such as a birthday: only a person can tell.
    lines.push(match unique {
        true => (
            "# at: _load_id".to_owned(),
            "a key that comes again: the newest load counts; or a column that orders its rows",
        ),
        false => {
            ("# at: COLUMN".to_owned(), "with history: from when on a row holds; left out: when its file was loaded")
        }
    });
    lines.extend(text.map(|text| (format!("# unknown: {{{}: none}}", shown(Some(text))), "what member 0 is called")));
    lines.push((format!("# checks: {{not_null: [{any}]}}"), "what must hold before anything is published"));
    let header = aligned(&lines);
    let mut columns: Vec<&str> = key.iter().map(String::as_str).collect();
    columns.extend(taken);
    let word = if *unique { "select" } else { "select distinct" };
    let only = if *nulls { format!("\nwhere {} is not null", identifier(&key[0])) } else { String::new() };
    let select = select_as(word, &columns, &known.from, |column| {
        let of = known.columns.iter().find(|one| one.name == column)?;
        let title = given(name, of);
        (title != column).then(|| format!("{} as {}", identifier(column), identifier(&title)))
    });
    (format!("/*\n{header}*/\n{comment}{select}{only}\n"), guesses)
}

/// Returns a dimension's name for a column: some names are reserved.
fn given(dimension: &str, column: &TableColumn) -> String {
    let name = &column.name;
    let is_own = OWN.contains(&name.as_str()) || *name == key_column(dimension);
    if is_own { format!("{name}_given") } else { name.clone() }
}

fn is_text(column: &TableColumn) -> bool {
    Class::of(&column.declared) == Class::Text
}

fn is_day(column: &TableColumn) -> bool {
    Class::of(&column.declared).is_time()
}

fn is_number(column: &TableColumn) -> bool {
    // SQLite stores decimals as texts.
    Class::of(&column.declared) == Class::Number
}

/// Returns lines with their comments aligned in one column.
fn aligned(lines: &[(String, &str)]) -> String {
    let commented = lines.iter().filter(|(_, comment)| !comment.is_empty());
    let width = commented.map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    let line = |(line, comment): &(String, &str)| match comment.is_empty() {
        true => format!("{line}\n"),
        false => format!("{line:<width$}  # {comment}\n"),
    };
    lines.iter().map(line).collect()
}

fn fact(known: &Known) -> Text {
    let Facts { key, unique, dimensions, historic, rows, nulls, .. } = &known.facts;
    let mut guesses = Vec::new();
    let from = comment_of(&known.from);
    let not_unique = match rows {
        0 => format!("a guess, {from} has no rows to tell: say which columns tell its rows apart"),
        _ => format!("not unique in {from}: say which columns tell its rows apart"),
    };
    let mut lines = vec![("kind: fact".to_owned(), ""), (format!("grain: {}", list(key)), "")];
    match (unique, rows) {
        (true, _) => guesses.push(format!("grain: {}, for no two of {rows} rows have the same", key.join(", "))),
        (false, 0) => guesses.push(format!(
            "grain: {} is a guess, for there are no rows: say which columns tell rows apart",
            key.join(", ")
        )),
        _ => guesses
            .push(format!("grain: {} is a guess, and not unique: say which columns tell rows apart", key.join(", "))),
    }
    if !unique {
        lines[1].1 = &not_unique;
    }
    if dimensions.is_empty() {
        guesses.push(
            "no column is called like the key of a dimension that there is: app new dimension NAME --from TABLE"
                .to_owned(),
        );
        lines.push(("# dimensions:".to_owned(), ""));
        lines.push(("#   COLUMN: dim_x".to_owned(), "the column becomes the key of its member"));
    } else {
        let pairs: Vec<_> = dimensions.iter().map(|(column, dimension)| format!("{column} of {dimension}")).collect();
        guesses.push(format!("dimensions: {}", pairs.join(", ")));
        lines.push(("dimensions:".to_owned(), ""));
        lines.extend(dimensions.iter().map(|(column, dimension)| (format!("  {}: {dimension}", yaml(column)), "")));
    }
    let of = |is: fn(&TableColumn) -> bool| {
        let mut found = known
            .columns
            .iter()
            .filter(|one| is(one) && !key.contains(&one.name) && !dimensions.contains_key(&one.name));
        found.next().map_or("COLUMN".to_owned(), |column| yaml(&column.name))
    };
    let day = known.columns.iter().find(|column| is_day(column)).map(|column| yaml(&column.name));
    // Without it, rows would move to the newest version with each change of a member.
    let is_dated = !historic.is_empty() && day.is_some();
    if !historic.is_empty() {
        let members = historic.join(", ");
        guesses.push(match &day {
            Some(day) => format!("at: {day}, for {members} has a history: a row sees the version that held then"),
            None => format!("at: left out, for there is no day: rows see the current version of {members}"),
        });
    }
    lines.extend([
        (
            "#   COLUMN: {dimension: dim_x, role: NAME, missing: infer}".to_owned(),
            "a name of its own; or missing: unknown, reject",
        ),
        (
            format!("{}at: {}", if is_dated { "" } else { "# " }, day.as_deref().unwrap_or("COLUMN")),
            "the column that says which version of a member a row sees",
        ),
        (
            format!("# checks: {{range: {{{}: [0, 1000]}}}}", of(is_number)),
            "what must hold before anything is published",
        ),
    ]);
    let header = aligned(&lines);
    let columns: Vec<&str> = known.columns.iter().map(|column| column.name.as_str()).collect();
    let only = if *nulls { format!("\nwhere {} is not null", identifier(&key[0])) } else { String::new() };
    (format!("/*\n{header}*/\n{}{only}\n", select("select", &columns, &known.from)), guesses)
}

fn bridge(known: &Known) -> Result<Text, String> {
    let dimensions = &known.facts.dimensions;
    if dimensions.len() < 2 {
        let found: Vec<_> = dimensions.iter().map(|(column, dimension)| format!("{column} of {dimension}")).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        return Err(format!(
            "a bridge joins two dimensions at least, by columns that are called like their keys; {} has {found}: write \
             its dimensions first (app new dimension NAME --from TABLE)",
            known.from
        ));
    }
    let columns: Vec<&str> = dimensions.keys().map(String::as_str).collect();
    let pairs: Vec<_> = dimensions.iter().map(|(column, dimension)| format!("{column} of {dimension}")).collect();
    let mut lines = vec![("kind: bridge".to_owned(), ""), ("dimensions:".to_owned(), "")];
    lines.extend(dimensions.iter().map(|(column, dimension)| (format!("  {}: {dimension}", yaml(column)), "")));
    lines.push(("# weight: COLUMN".to_owned(), "a column of shares that sum to 1 within each group"));
    lines.push((format!("# group: [{}]", yaml(columns[0])), "what the shares are of"));
    let header = aligned(&lines);
    let text = format!("/*\n{header}*/\n{}\n", select("select distinct", &columns, &known.from));
    Ok((text, vec![format!("dimensions: {}", pairs.join(", "))]))
}

fn calendar(known: Option<&Known>) -> Text {
    let this = chrono::Datelike::year(&chrono::Utc::now());
    let year = |day: &str| day.get(..4).and_then(|year| year.parse::<i32>().ok());
    let days = known.and_then(|known| known.facts.days.as_ref());
    let (first, last, why) = match days.and_then(|days| Some((days, year(&days.first)?, year(&days.last)?))) {
        // If days still arrive, the next year's follow.
        Some((days, first, last)) if last >= this => {
            (first, last + 1, format!("whole years around the days of {}, and one more", days.words()))
        }
        Some((days, first, last)) => (first, last, format!("whole years around the days of {}", days.words())),
        None => {
            let why = known.map_or(String::new(), |known| format!("{} has no days that tell; ", known.from));
            (this - 5, this + 1, format!("{why}a guess: say from which day to which"))
        }
    };
    let said = comment_of(&why);
    let header = aligned(&[
        ("kind: calendar".to_owned(), ""),
        (format!("from: {first:04}-01-01"), &said),
        (format!("to: {last:04}-12-31"), "a day outside is unknown: facts get key 0 for it"),
        ("# fiscal_year_starts: 7".to_owned(), "the month, where it is not January"),
    ]);
    (format!("/*\n{header}*/\n"), vec![format!("from {first:04}-01-01 to {last:04}-12-31: {why}")])
}

fn plain(word: &str, known: &Known, hints: &[(String, &str)]) -> Text {
    let columns: Vec<&str> = known.columns.iter().map(|column| column.name.as_str()).collect();
    let header = aligned(&[&[(format!("kind: {word}"), "")], hints].concat());
    (format!("/*\n{header}*/\n{}\n", select("select", &columns, &known.from)), Vec::new())
}

fn select(word: &str, columns: &[&str], from: &str) -> String {
    select_as(word, columns, from, |_| None)
}

/// Returns a select; `written` gives the expression for a column that is more than its name.
fn select_as(word: &str, columns: &[&str], from: &str, written: impl Fn(&str) -> Option<String>) -> String {
    let columns: Vec<_> =
        columns.iter().map(|column| format!("  {}", written(column).unwrap_or_else(|| identifier(column)))).collect();
    format!("{word}\n{}\nfrom {from}", columns.join(",\n"))
}

/// The reserved words of PostgreSQL.
const RESERVED: &str = " all analyse analyze and any array as asc asymmetric both case cast check collate column \
 constraint create current_catalog \
    current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end \
     except false fetch for \
    foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not \
     null offset on only or order \
    placing primary references returning select session_user some symmetric system_user table then to trailing true \
     union unique user using \
    variadic when where window with authorization binary collation concurrently cross current_schema freeze full ilike \
     inner is isnull join left \
    like natural notnull outer overlaps right similar tablesample verbose index set values exists between ";

/// Returns a name in SQL, quoted where necessary.
pub(super) fn identifier(name: &str) -> String {
    if is_plain(name) && !RESERVED.contains(&format!(" {name} ")) { name.to_owned() } else { quote(name) }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Returns a name in YAML, quoted where it could mean something else.
fn yaml(name: &str) -> String {
    let plain = is_plain(name) && !["null", "true", "false"].contains(&name);
    // A JSON string is a YAML string.
    if plain { name.to_owned() } else { comment_of(&serde_json::Value::from(name).to_string()) }
}

/// Returns a text that cannot end its comment.
fn comment_of(text: &str) -> String {
    text.replace("*/", "*\\/").replace('\n', " ")
}

fn list(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|name| yaml(name)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_need_it() {
        assert_eq!(
            [identifier("city"), identifier("order"), identifier("2019"), identifier("größe")],
            ["city", "\"order\"", "\"2019\"", "\"größe\""]
        );
        assert_eq!(
            [yaml("city"), yaml("null"), yaml("2019"), yaml("a\"b")],
            ["city", "\"null\"", "\"2019\"", "\"a\\\"b\""]
        );
    }
}
