//! The words of a `plugin.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::notation::{Said, Words, of_file};
use super::null_word::with_quoted_null;
use super::pattern::FilePattern;
use super::rule::{ColumnYaml, rule};
use super::{Plugin, Variable};
use crate::archive::OnSuccess;
use crate::dataset::{Dataset, Duplicates, Limit, Mode};
use crate::format::{Charset, Escape, Footer, Format, NO_DELIMITER, Stated};
use crate::schema::{ColumnRule, Filter, Selection, Type, column_names, table_name};
use crate::secrets;
use crate::shown::lines;
use crate::star::nearest;

/// Rejects that a plugin's file may have where nothing is said, in percent.
const MAX_REJECTS: f64 = 10.0;

/// Lines that a footer may have.
const MAX_FOOTER: usize = 1_000;

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
    skip_footer: Option<usize>,
    footer: Option<String>,
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
    columns: Vec<Spanned<ColumnYaml>>,
    others: Option<String>,
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
    let quoted = with_quoted_null(text);
    let yaml: Yaml = serde_saphyr::from_str_with_options(&quoted, options).map_err(|error| in_words(&error, text))?;
    if !yaml.enabled {
        return Ok(None);
    }
    if yaml.files.is_empty() {
        return Err(at_key("files: names no file, such as [\"orders_*.csv\"]".to_owned()));
    }
    let pattern = |text: &String| FilePattern::new(text).map_err(|error| at_key(format!("files: {error}")));
    let files = yaml.files.iter().map(pattern).collect::<Result<_, _>>()?;
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
    let notation = of_file(said).map_err(at_key)?;
    let rule = |column: &Spanned<ColumnYaml>| {
        rule(&column.value, said).map_err(|why| Wrong { line: Some(column.referenced.line()), why })
    };
    let rules = yaml.columns.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let selection = Selection { rules, drops_others: drops_others(&yaml).map_err(at_key)?, notation };
    let dataset = dataset(&yaml, selection).map_err(at_key)?;
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
        // Others write out some of what misleads and not all of it.
        secrets::without(&lines(text), self.0.iter().map(|(value, shown)| (value.as_str(), shown.as_str())))
            .into_owned()
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

fn drops_others(yaml: &Yaml) -> Result<bool, String> {
    match yaml.others.as_deref() {
        None => Ok(false),
        Some(_) if yaml.columns.is_empty() => Err("others: goes with columns".to_owned()),
        Some("keep") => Ok(false),
        Some("drop") => Ok(true),
        Some(other) => Err(format!("others: {other:?} is neither keep nor drop")),
    }
}

fn dataset(yaml: &Yaml, selection: Selection) -> Result<Dataset, String> {
    let rules = &selection.rules;
    let table = yaml.table.clone().unwrap_or_default();
    if yaml.table.is_some() && table_name(&table) != table {
        return Err(format!("table: {table:?} is no table's name here; {} would be", table_name(&table)));
    }
    let called: Vec<_> = rules.iter().map(ColumnRule::table_name).collect();
    for (at, rule) in rules.iter().enumerate() {
        let is_same = |other: &ColumnRule| {
            let is_said = rule.name.is_some() || other.name.is_some();
            is_said || rule.headers.iter().any(|header| other.is_headed(header))
        };
        let same = rules[..at].iter().zip(&called).find(|(other, name)| **name == called[at] && is_same(other));
        if let Some((_, name)) = same {
            return Err(format!("columns: two are called {name}"));
        }
    }
    let mut key = yaml.key.clone();
    let keys = yaml.columns.iter().zip(&called).filter(|(column, _)| column.value.key);
    key.extend(keys.map(|(_, name)| name.clone()));
    match (yaml.mode, key.is_empty()) {
        (Mode::Upsert, true) => return Err("mode: upsert needs a key, such as key: [id]".to_owned()),
        (Mode::Append | Mode::Replace, false) => return Err("key: goes with mode: upsert".to_owned()),
        _ => {}
    }
    let is_absent = |name: &str| !rules.is_empty() && !called.iter().any(|one| one == name);
    let hint = |name: &str| nearest(name, called.iter().map(String::as_str));
    if let Some(absent) = key.iter().find(|one| is_absent(one)) {
        return Err(format!("key: no column is called {absent}{}", hint(absent)));
    }
    let filter = yaml.filter.as_deref().map(Filter::parse).transpose().map_err(|why| format!("filter: {why}"))?;
    if let Some(filter) = &filter {
        // Also by what the header of a column that is named gives it.
        let headers = rules.iter().flat_map(|rule| &rule.headers);
        let of_headers: Vec<_> = headers.map(|header| column_names(&[header], None).swap_remove(0)).collect();
        let is_unknown = |name: &&str| is_absent(name) && !of_headers.iter().any(|one| one == name);
        if let Some(absent) = filter.columns().into_iter().find(is_unknown) {
            return Err(format!("filter: no column is called {absent}{}; columns has to name it", hint(absent)));
        }
        let declared = |name: &str| called.iter().position(|one| one == name).and_then(|at| rules[at].kind);
        filter.check(&|name| declared(name).unwrap_or(Type::Text))?;
    }
    let limit = yaml.max_rejects.as_deref().map(limit).transpose()?;
    let on_success = match &yaml.on_success {
        None => Ok(None),
        Some(OnSuccessYaml::Archive { archive }) => archive.parse().map(|place| Some(OnSuccess::Archive(Some(place)))),
        Some(OnSuccessYaml::Word(word)) => word.parse().map(Some),
    };
    let on_success = on_success.map_err(|why: String| format!("on_success: {why}"))?;
    Ok(Dataset {
        stated: Stated { selection, ..stated(yaml)? },
        filter,
        mode: yaml.mode,
        key,
        duplicates: yaml.duplicates,
        max_rejects: Some(limit.unwrap_or(Limit::Percent(MAX_REJECTS))),
        on_success,
        table,
        ..Dataset::default()
    })
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
        Some(label) => Some(Charset::for_label(label).ok_or_else(|| {
            format!("encoding: there is no {label:?}; utf-8, utf-16le, windows-1252, cp850 and shift_jis are some")
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
        guessed: None,
        format,
        sheet: yaml.sheet.clone(),
        widths,
        first_line: 0,
        is_sheet: false,
        is_lines: false,
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
        selection: Selection::default(),
        footer: footer(yaml, matches!(format, Some(Format::Json | Format::Parquet)))?,
    })
}

fn footer(yaml: &Yaml, is_undelimited: bool) -> Result<Footer, String> {
    let key = if yaml.footer.is_some() { "footer" } else { "skip_footer" };
    if is_undelimited && (yaml.footer.is_some() || yaml.skip_footer.is_some()) {
        return Err(format!("{key}: only csv, fixed and excel have lines below their records"));
    }
    match (yaml.skip_footer, &yaml.footer) {
        (None | Some(0), None) => Ok(Footer::None),
        (Some(lines), None) if lines > MAX_FOOTER => {
            Err(format!("skip_footer: {lines} are more lines than the {MAX_FOOTER} that a footer may have"))
        }
        (Some(lines), None) => Ok(Footer::Lines(lines)),
        (None, Some(pattern)) => match regex::Regex::new(pattern) {
            Ok(_) => Ok(Footer::From(pattern.clone())),
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(format!("footer: {pattern:?} is no regular expression: {last}"))
            }
        },
        (Some(_), Some(_)) => Err("footer: goes without skip_footer".to_owned()),
    }
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
