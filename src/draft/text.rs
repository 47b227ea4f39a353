//! The file's text. Pure.

use super::Known;
use super::guess::Facts;
use crate::star::KindWord;
use crate::warehouse::quote;

type Text = (String, Vec<String>);

/// The text, and what was guessed.
pub(super) fn of(kind: KindWord, name: &str, known: Option<&Known>) -> Result<Text, String> {
    match (kind, known) {
        (KindWord::Calendar, known) => Ok(calendar(known.and_then(|known| known.facts.years))),
        (KindWord::Dimension, Some(known)) => Ok(dimension(known)),
        (KindWord::Fact, Some(known)) => Ok(fact(known)),
        (KindWord::Bridge, Some(known)) => bridge(known),
        (KindWord::Table, Some(known)) => Ok(plain(
            "table",
            known,
            "# distinct: true                # rows that are the same count once\n# checks: {not_null: [COLUMN]}\n",
        )),
        (KindWord::View, Some(known)) => Ok(plain("view", known, "")),
        (_, None) => Err(format!("{name}: --from is needed")),
    }
}

fn dimension(known: &Known) -> Text {
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
    let example = taken.first().copied().unwrap_or("COLUMN");
    let example = yaml(example);
    let header = format!(
        "kind: dimension\nkey: {}\n\
         # history: [{example}]    # a change of it opens a new version of the member, instead of overwriting\n\
         # at: DAY                 # the column that says from when on a row holds; left out: when its file was loaded\n\
         # unknown: {{{example}: none}} # what member 0 is called\n\
         # checks: {{not_null: [{example}]}}\n",
        list(key)
    );
    let mut columns: Vec<&str> = key.iter().map(String::as_str).collect();
    columns.extend(taken);
    let word = if *unique { "select" } else { "select distinct" };
    let only = if *nulls { format!("\nwhere {} is not null", identifier(&key[0])) } else { String::new() };
    (format!("/*\n{header}*/\n{comment}{}{only}\n", select(word, &columns, &known.from)), guesses)
}

fn fact(known: &Known) -> Text {
    let Facts { key, unique, dimensions, rows, nulls, .. } = &known.facts;
    let mut guesses = Vec::new();
    let mut grain = format!("grain: {}\n", list(key));
    if *unique {
        guesses.push(format!("grain: {}, for no two of {rows} rows have the same", key.join(", ")));
    } else {
        guesses
            .push(format!("grain: {} is a guess, and not unique: say which columns tell rows apart", key.join(", ")));
        grain = format!(
            "grain: {}    # not unique in {}: say which columns tell its rows apart\n",
            list(key),
            comment_of(&known.from)
        );
    }
    let mut uses: String =
        dimensions.iter().map(|(column, dimension)| format!("  {}: {dimension}\n", yaml(column))).collect();
    if uses.is_empty() {
        guesses.push(
            "no column is called like the key of a dimension that there is: app new dimension NAME --from TABLE"
                .to_owned(),
        );
        uses = "# dimensions:\n#   COLUMN: dim_x\n".to_owned();
    } else {
        let pairs: Vec<_> = dimensions.iter().map(|(column, dimension)| format!("{column} of {dimension}")).collect();
        guesses.push(format!("dimensions: {}", pairs.join(", ")));
        uses = format!("dimensions:\n{uses}");
    }
    let header = format!(
        "kind: fact\n{grain}{uses}\
         #   COLUMN: {{dimension: dim_x, role: NAME, missing: infer}}   # or unknown, reject\n\
         # at: DAY                 # the column that says which version of a member a row sees\n\
         # checks: {{range: {{COLUMN: [0, 1000]}}}}\n"
    );
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
            "a bridge joins two dimensions at least, by columns that are called like their keys; {} has {found}: write its dimensions first (app new dimension NAME --from TABLE)",
            known.from
        ));
    }
    let uses: String =
        dimensions.iter().map(|(column, dimension)| format!("  {}: {dimension}\n", yaml(column))).collect();
    let columns: Vec<&str> = dimensions.keys().map(String::as_str).collect();
    let pairs: Vec<_> = dimensions.iter().map(|(column, dimension)| format!("{column} of {dimension}")).collect();
    let header = format!(
        "kind: bridge\ndimensions:\n{uses}\
         # weight: SHARE           # a column of shares that sum to 1 within each group\n\
         # group: [{}]\n",
        yaml(columns[0])
    );
    let text = format!("/*\n{header}*/\n{}\n", select("select distinct", &columns, &known.from));
    Ok((text, vec![format!("dimensions: {}", pairs.join(", "))]))
}

fn calendar(years: Option<(i32, i32)>) -> Text {
    let this = chrono::Datelike::year(&chrono::Utc::now());
    let (first, last) = years.unwrap_or((this - 5, this));
    let last = last.max(this) + 1;
    let from =
        if years.is_some() { "the days there are, and a year more" } else { "a guess: say from which day to which" };
    let text = format!(
        "/*\nkind: calendar\nfrom: {first:04}-01-01\nto: {last:04}-12-31\n# fiscal_year_starts: 7   # the month, where it is not January\n*/\n"
    );
    (text, vec![format!("from {first:04}-01-01 to {last:04}-12-31: {from}")])
}

fn plain(word: &str, known: &Known, hints: &str) -> Text {
    let columns: Vec<&str> = known.columns.iter().map(|column| column.name.as_str()).collect();
    (format!("/*\nkind: {word}\n{hints}*/\n{}\n", select("select", &columns, &known.from)), Vec::new())
}

fn select(word: &str, columns: &[&str], from: &str) -> String {
    let columns: Vec<_> = columns.iter().map(|column| format!("  {}", identifier(column))).collect();
    format!("{word}\n{}\nfrom {from}", columns.join(",\n"))
}

/// Words that PostgreSQL keeps for itself.
const RESERVED: &str = " all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_catalog \
    current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for \
    foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null offset on only or order \
    placing primary references returning select session_user some symmetric system_user table then to trailing true union unique user using \
    variadic when where window with authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left \
    like natural notnull outer overlaps right similar tablesample verbose index set values exists between ";

/// A name in SQL: in quotes where it needs them.
pub(super) fn identifier(name: &str) -> String {
    if is_plain(name) && !RESERVED.contains(&format!(" {name} ")) { name.to_owned() } else { quote(name) }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// A name in YAML: in quotes where it could be something else.
fn yaml(name: &str) -> String {
    let plain = is_plain(name) && !["null", "true", "false"].contains(&name);
    // JSON's texts are YAML's.
    if plain { name.to_owned() } else { comment_of(&serde_json::Value::from(name).to_string()) }
}

/// A text that cannot end the comment that it stands in.
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
