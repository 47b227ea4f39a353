//! The words of a `plugin.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use globset::Glob;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Plugin, Variable};
use crate::archive::OnSuccess;
use crate::dataset::{Dataset, Duplicates, Limit, Mode};
use crate::format::{Escape, Format, JOINT, NO_DELIMITER, Stated};
use crate::schema::{ColumnRule, Filter, Type, column_names, table_name};
use crate::secrets;
use crate::star::nearest;

/// Rejects that a plugin's file may have where nothing is said, in percent.
const MAX_REJECTS: f64 = 10.0;

/// The file, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Yaml {
    name: String,
    #[serde(default)]
    creator: String,
    #[serde(default = "yes")]
    enabled: bool,
    files: Vec<String>,
    table: Option<String>,
    format: Option<String>,
    sheet: Option<String>,
    widths: Option<Vec<usize>>,
    encoding: Option<String>,
    delimiter: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    skip_lines: Option<u64>,
    header: Option<HeaderYaml>,
    beside: Option<String>,
    #[serde(default)]
    columns: Vec<Spanned<ColumnYaml>>,
    filter: Option<String>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    key: Vec<String>,
    #[serde(default)]
    duplicates: Duplicates,
    max_rejects: Option<String>,
    on_success: Option<OnSuccessYaml>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "header: expected true, false or a number of rows")]
enum HeaderYaml {
    Is(bool),
    Rows(usize),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "on_success: expected delete, archive, keep N days or {archive: FOLDER}")]
enum OnSuccessYaml {
    Word(String),
    Archive { archive: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnYaml {
    /// The header, or the place from 1.
    from: FromYaml,
    name: Option<String>,
    r#type: Option<String>,
    format: Option<String>,
    #[serde(default)]
    null: Vec<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    key: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "from: expected a header or a place, counted from 1")]
enum FromYaml {
    Place(usize),
    Header(String),
}

/// What is wrong, and on which line.
pub(super) struct Wrong {
    pub(super) line: Option<u64>,
    pub(super) why: String,
}

/// The plugin that the text of the file at `path` describes; `None` where it is not enabled.
pub(super) fn parse(path: &Path, text: &str, variable: &Variable<'_>) -> Result<Option<Plugin>, Wrong> {
    let mut secrets = Secrets::default();
    match with_variables(text, variable, &mut secrets).and_then(|text| parse_filled(path, &text)) {
        Ok(plugin) => Ok(plugin.map(|plugin| Plugin { creator: secrets.hide(&plugin.creator), ..plugin })),
        Err(Wrong { line, why }) => Err(Wrong { line, why: secrets.hide(&why) }),
    }
}

/// The text with the values of variables in their place.
pub(super) fn filled(text: &str, variable: &Variable<'_>) -> Result<String, Wrong> {
    with_variables(text, variable, &mut Secrets::default())
}

fn parse_filled(path: &Path, text: &str) -> Result<Option<Plugin>, Wrong> {
    // What is wrong begins with the word at fault.
    let at_key = |why: String| Wrong { line: line_of(text, why.split(':').next().unwrap_or_default()), why };
    // YAML 1.2: a column called n, no or on is none of YAML 1.1's booleans.
    let options = serde_saphyr::options! { strict_booleans: true };
    let yaml: Yaml = serde_saphyr::from_str_with_options(text, options).map_err(|error| in_words(&error, text))?;
    if !yaml.enabled {
        return Ok(None);
    }
    if yaml.files.is_empty() {
        return Err(at_key("files: names no file, such as [\"orders_*.csv\"]".to_owned()));
    }
    let glob = |pattern: &String| match Glob::new(pattern) {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(at_key(format!("files: {error}"))),
    };
    let files = yaml.files.iter().map(glob).collect::<Result<_, _>>()?;
    let rule = |column: &Spanned<ColumnYaml>| {
        rule(&column.value).map_err(|why| Wrong { line: Some(column.referenced.line()), why })
    };
    let rules = yaml.columns.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let dataset = dataset(&yaml, rules).map_err(at_key)?;
    let dataset = Dataset { plugin: yaml.name.clone(), files: yaml.files.clone(), ..dataset };
    Ok(Some(Plugin { path: path.to_owned(), name: yaml.name, creator: yaml.creator, files, dataset }))
}

/// The line on which a word of the first level stands.
pub(super) fn line_of(text: &str, key: &str) -> Option<u64> {
    let is_it = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    text.lines().position(is_it).map(|at| at as u64 + 1)
}

/// "error: line 2 column 1: unknown field `filez`, expected one of name, ..." gets the nearest word.
fn in_words(error: &serde_saphyr::Error, text: &str) -> Wrong {
    let message = error.to_string();
    let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let why = match (first.starts_with("line "), first.split_once(": ")) {
        (true, Some((_, why))) => why,
        _ => first,
    };
    let hint = match (why.split('`').nth(1), why.split_once("expected one of ")) {
        (Some(wrong), Some((_, words))) if why.contains("unknown") => nearest(wrong, words.split(", ")),
        _ => String::new(),
    };
    let line = error.location().map(|at| at.line());
    let expected = match why {
        "expected sequence start" => "a list is expected, such as [id, name]",
        "expected mapping start" => "expected words with values, such as {from: Price, name: price, type: numeric}",
        _ if why.contains("bool") => "true or false is expected",
        "expected string scalar" => "a text is expected",
        "invalid u64" | "invalid usize" => "a number from 0 on is expected",
        _ => return Wrong { line, why: format!("{why}{hint}") },
    };
    let wrong = line.and_then(|line| text.lines().nth(line as usize - 1)).unwrap_or_default().trim();
    Wrong { line, why: format!("{wrong}: {expected}") }
}

/// What the program says of a plugin by its nature.
const SAID: [&str; 3] = ["name:", "table:", "files:"];

/// Words of every condition.
const WORDS: [&str; 4] = ["between", "null", "true", "false"];

/// The values of variables, with what is shown in their place.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn keep(&mut self, line: &str, name: &str, value: &str) {
        let shown = format!("!env {name}");
        if !SAID.iter().any(|word| line.starts_with(word)) {
            secrets::keep(value, &shown);
        }
        // Also as the name that is proposed instead of it.
        let proposed = [table_name(value), column_names(&[value], None).swap_remove(0)];
        for form in secrets::forms(value).into_iter().chain(proposed) {
            self.0.insert(form, shown.clone());
        }
        // A condition is told by its parts.
        if line.trim_start().starts_with("filter:") {
            let parts = value.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            for part in parts.filter(|part| part.chars().count() > 3 && !WORDS.contains(&part.to_lowercase().as_str()))
            {
                secrets::keep(part, &shown);
                self.0.extend(secrets::forms(part).into_iter().map(|form| (form, shown.clone())));
            }
        }
    }

    fn hide(&self, text: &str) -> String {
        secrets::without(text, self.0.iter().map(|(value, shown)| (value.as_str(), shown.as_str()))).into_owned()
    }
}

/// The text with the values of variables, quoted as JSON, in the place of `!env NAME`.
fn with_variables(text: &str, variable: &Variable<'_>, secrets: &mut Secrets) -> Result<String, Wrong> {
    let mut filled = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(at) = rest.find("!env ") {
            let before = &rest[..at];
            let is_value = before.is_empty() || before.ends_with([' ', '[', '{', ',', '\t']);
            let is_comment = before.trim_start().starts_with('#') || before.contains(" #");
            let after = rest[at + 5..].trim_start();
            let length = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let name = &after[..length.unwrap_or(after.len())];
            filled.push_str(before);
            if is_value && !is_comment && !name.is_empty() {
                let wrong = |why| Wrong { line: Some(number as u64 + 1), why };
                let value = variable(name).map_err(wrong)?;
                let unset = || wrong(format!("!env {name}: {name} is not set in the environment or .env"));
                let value = value.ok_or_else(unset)?;
                secrets.keep(line, name, &value);
                filled.push_str(&serde_json::to_string(&value).unwrap_or_default());
                rest = &after[name.len()..];
            } else {
                filled.push_str("!env ");
                rest = &rest[at + 5..];
            }
        }
        filled.push_str(rest);
        filled.push('\n');
    }
    Ok(filled)
}

fn dataset(yaml: &Yaml, rules: Vec<ColumnRule>) -> Result<Dataset, String> {
    let table = yaml.table.clone().unwrap_or_default();
    if yaml.table.is_some() && table_name(&table) != table {
        return Err(format!("table: {table:?} is no table's name here; {} would be", table_name(&table)));
    }
    let names: Vec<_> = rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
    if let Some(repeated) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(format!("columns: two are called {}", repeated.1));
    }
    let mut key = yaml.key.clone();
    for column in yaml.columns.iter().map(|column| &column.value).filter(|column| column.key) {
        let header = match &column.from {
            FromYaml::Header(header) => column_names(&[header], None).swap_remove(0),
            FromYaml::Place(place) => format!("column_{place}"),
        };
        key.push(column.name.clone().unwrap_or(header));
    }
    match (yaml.mode, key.is_empty()) {
        (Mode::Upsert, true) => return Err("mode: upsert needs a key, such as key: [id]".to_owned()),
        (Mode::Append | Mode::Replace, false) => return Err("key: goes with mode: upsert".to_owned()),
        _ => {}
    }
    if let Some(absent) = key.iter().find(|one| !rules.is_empty() && !names_of(&rules).contains(one)) {
        let named = names_of(&rules);
        return Err(format!("key: no column is called {absent}{}", nearest(absent, named.iter().map(String::as_str))));
    }
    let limit = yaml.max_rejects.as_deref().map(limit).transpose()?;
    let on_success = match &yaml.on_success {
        None => Ok(None),
        Some(OnSuccessYaml::Archive { archive }) => archive.parse().map(|place| Some(OnSuccess::Archive(Some(place)))),
        Some(OnSuccessYaml::Word(word)) => word.parse().map(Some),
    };
    let on_success = on_success.map_err(|why: String| format!("on_success: {why}"))?;
    Ok(Dataset {
        stated: Stated { rules, ..stated(yaml)? },
        filter: yaml.filter.as_deref().map(Filter::parse).transpose().map_err(|why| format!("filter: {why}"))?,
        mode: yaml.mode,
        key,
        duplicates: yaml.duplicates,
        max_rejects: Some(limit.unwrap_or(Limit::Percent(MAX_REJECTS))),
        on_success,
        table,
        ..Dataset::default()
    })
}

/// What the rules' columns are called in the table, as far as the rules tell.
fn names_of(rules: &[ColumnRule]) -> Vec<String> {
    let name = |rule: &ColumnRule| match (&rule.name, &rule.header, rule.place) {
        (Some(name), ..) => name.clone(),
        (None, Some(header), _) => column_names(&[header], None).swap_remove(0),
        (None, None, place) => format!("column_{}", place.unwrap_or(0) + 1),
    };
    rules.iter().map(name).collect()
}

fn stated(yaml: &Yaml) -> Result<Stated, String> {
    let one = |name: &str, text: &str| match text {
        "none" if name == "delimiter" => Ok(NO_DELIMITER),
        "tab" | "\\t" => Ok(b'\t'),
        text if text.len() == 1 => Ok(text.as_bytes()[0]),
        other => Err(format!("{name}: {other:?} is not one character")),
    };
    let encoding = match &yaml.encoding {
        None => None,
        Some(label) => Some(encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            format!("encoding: there is no {label:?}; utf-8, utf-16le, windows-1252 and shift_jis are some")
        })?),
    };
    let escape = match yaml.escape.as_deref() {
        None => None,
        Some("doubled") => Some(Escape::Doubled),
        Some("backslash") => Some(Escape::Backslash),
        Some(other) => return Err(format!("escape: {other:?} is neither doubled nor backslash")),
    };
    let quote = match yaml.quote.as_deref() {
        None => None,
        Some("none" | "") => Some(None),
        Some(text) => Some(Some(one("quote", text)?)),
    };
    let (format, fixed) = match yaml.format.as_deref() {
        None => (None, yaml.widths.is_some()),
        Some("fixed") => (None, true),
        Some(word) => match Format::ALL.into_iter().find(|format| format.word() == word) {
            Some(format) => (Some(format), false),
            None => {
                let words = Format::ALL.into_iter().map(Format::word).chain(["fixed"]);
                return Err(format!("format: there is no {word}{}", nearest(word, words)));
            }
        },
    };
    let widths = yaml.widths.clone().unwrap_or_default();
    if fixed && (widths.is_empty() || widths.contains(&0)) {
        return Err(
            "format: fixed needs widths, the number of characters of each column, such as [10, 8, 3]".to_owned()
        );
    }
    if !fixed && !widths.is_empty() {
        return Err("widths: go with format: fixed".to_owned());
    }
    if fixed && (yaml.delimiter.is_some() || yaml.quote.is_some() || yaml.escape.is_some()) {
        return Err("widths: columns of fixed width have no delimiter, quote or escape".to_owned());
    }
    let says_dialect = yaml.delimiter.is_some() || yaml.quote.is_some() || yaml.escape.is_some();
    if matches!(format, Some(Format::Json | Format::Workbook | Format::Parquet)) && says_dialect {
        return Err("format: only csv has a delimiter, quote or escape".to_owned());
    }
    if yaml.sheet.is_some() && (fixed || matches!(format, Some(Format::Csv | Format::Json | Format::Parquet))) {
        return Err("sheet: only a workbook has sheets".to_owned());
    }
    let beside_columns = match yaml.beside.as_deref() {
        None | Some("keep") => false,
        Some("columns") => true,
        Some(other) => return Err(format!("beside: {other:?} is neither keep nor columns")),
    };
    if beside_columns && (fixed || matches!(format, Some(Format::Csv | Format::Workbook | Format::Parquet))) {
        return Err("beside: only JSON has keys beside its records that can be columns".to_owned());
    }
    // A blank after each delimiter belongs to it: `", "`.
    let (delimiter, spaced) = match yaml.delimiter.as_deref() {
        Some(text) if text.len() == 2 && text.ends_with(' ') => (Some(&text[..1]), true),
        plain => (plain, false),
    };
    Ok(Stated {
        format,
        sheet: yaml.sheet.clone(),
        widths,
        first_line: 0,
        is_sheet: false,
        encoding,
        delimiter: delimiter.map(|text| one("delimiter", text)).transpose()?,
        spaced,
        quote,
        escape,
        skip_lines: yaml.skip_lines,
        header_rows: yaml.header.as_ref().map(|header| match header {
            HeaderYaml::Is(is) => usize::from(*is),
            HeaderYaml::Rows(rows) => *rows,
        }),
        beside_columns,
        rules: Vec::new(),
    })
}

fn rule(yaml: &ColumnYaml) -> Result<ColumnRule, String> {
    let (header, place) = match &yaml.from {
        FromYaml::Place(0) => return Err("columns: from: places count from 1".to_owned()),
        FromYaml::Place(place) => (None, Some(place - 1)),
        FromYaml::Header(header) => (Some(header.clone()), None),
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
            format!("columns: there is no type {word}{}", nearest(word, Type::ALL.into_iter().map(Type::word)))
        })?),
    };
    if yaml.format.is_some() && !matches!(kind, Some(Type::Date | Type::Timestamp | Type::Timestamptz)) {
        return Err("columns: a format goes with type: date, timestamp or timestamptz".to_owned());
    }
    let wrong = |item| matches!(item, chrono::format::Item::Error);
    if let Some(format) = yaml.format.as_deref().filter(|format| chrono::format::StrftimeItems::new(format).any(wrong))
    {
        return Err(format!("columns: format: {format:?} is no format of days or times, such as %d.%m.%Y"));
    }
    Ok(ColumnRule {
        header,
        place,
        name: yaml.name.clone(),
        kind,
        format: yaml.format.clone(),
        null: yaml.null.clone(),
        required: yaml.required,
    })
}

fn limit(text: &str) -> Result<Limit, String> {
    let wrong = || format!("max_rejects: {text:?} is neither a count such as 100 nor a share such as 10 %");
    match text.strip_suffix('%') {
        Some(share) => match share.trim().parse() {
            Ok(share) if (0.0..=100.0).contains(&share) => Ok(Limit::Percent(share)),
            _ => Err(wrong()),
        },
        None => text.trim().parse().map(Limit::Count).map_err(|_| wrong()),
    }
}
