//! Keys of a `plugin.yaml`.

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::notation::{Said, Words, of_file};
use super::null_word::with_quoted_null;
use super::older::{is_older, parse_older};
use super::pattern::FilePattern;
use super::rule::{ColumnYaml, rule};
use super::source_yaml::{SourceYaml, source};
use super::stated::{limit, stated};
use super::variables::{Secrets, with_variables};
use super::vocabulary::VOCABULARY;
use super::{Plugin, Variable};
use crate::archive::OnSuccess;
use crate::clock::{Schedule, Zone};
use crate::dataset::destination::Destination;
use crate::dataset::{Dataset, Duplicates, Limit, Mode};
use crate::format::ReadOptions;
use crate::schema::{ColumnRule, Filter, Selection, Type, column_names, table_name};
use crate::text::nearest;
use crate::text::yaml_fault::Fault;

/// Default limit of rejects of a plugin's file, in percent.
const MAX_REJECTS: f64 = 10.0;

/// Names of the schedules of the settings.
const RESERVED: [&str; 2] = ["pipeline", "analysis"];

/// The keys of the file, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Yaml {
    name: String,
    #[serde(default)]
    creator: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default, deserialize_with = "stated_value")]
    files: Option<Vec<String>>,
    source: Option<Spanned<SourceYaml>>,
    schedule: Option<ScheduleYaml>,
    catch_up: Option<bool>,
    default: Option<bool>,
    destination: Option<DestinationYaml>,
    table: Option<String>,
    pub(super) format: Option<String>,
    pub(super) sheet: Option<String>,
    pub(super) widths: Option<Vec<usize>>,
    pub(super) encoding: Option<String>,
    pub(super) delimiter: Option<String>,
    pub(super) quote: Option<String>,
    pub(super) escape: Option<String>,
    pub(super) skip_lines: Option<u64>,
    pub(super) header: Option<HeaderYaml>,
    pub(super) beside: Option<String>,
    pub(super) skip_footer: Option<usize>,
    pub(super) footer: Option<String>,
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
    #[serde(default, deserialize_with = "stated_value")]
    mode: Option<Mode>,
    #[serde(default)]
    key: Vec<String>,
    #[serde(default)]
    duplicates: Duplicates,
    max_rejects: Option<String>,
    on_success: Option<OnSuccessYaml>,
}

/// A value that is stated; a word without one is a fault.
fn stated_value<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

pub(super) fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum HeaderYaml {
    Is(bool),
    Rows(usize),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OnSuccessYaml {
    Word(String),
    Archive { archive: String },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ScheduleYaml {
    Text(String),
    InZone(InZone),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InZone {
    cron: String,
    zone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum DestinationYaml {
    Url(String),
    Words(DestinationWords),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationWords {
    url: String,
}

/// An error and its line.
pub(super) struct Wrong {
    pub(super) line: Option<u64>,
    pub(super) why: String,
}

/// A plugin's file that was read.
pub(super) enum Parsed {
    /// It is enabled; one of the older form may hold several.
    Enabled(Vec<Plugin>),
    /// It has this name, and is not enabled.
    Disabled(String),
}

/// Parses the plugins in the text of the file at `path`.
pub(super) fn parse(path: &Path, text: &str, variable: &Variable<'_>) -> Result<Parsed, Wrong> {
    let mut secrets = Secrets::default();
    let read = with_variables(text, is_older(text), variable, &mut secrets).and_then(|filled| match is_older(text) {
        true => parse_older(path, &filled, variable),
        false => parse_filled(path, &filled, variable),
    });
    match read.and_then(|parsed| with_no_password(parsed, text)) {
        Ok(Parsed::Enabled(plugins)) => {
            let hide = |plugin: Plugin| Plugin { creator: secrets.hide(&plugin.creator), ..plugin };
            Ok(Parsed::Enabled(plugins.into_iter().map(hide).collect()))
        }
        // One that is not enabled needs no variables yet.
        Err(_) if disabled(text).is_some() => Ok(Parsed::Disabled(disabled(text).unwrap_or_default())),
        Ok(disabled) => Ok(disabled),
        Err(Wrong { line, why }) => Err(Wrong { line, why: secrets.hide(&why) }),
    }
}

/// Refuses the password of a destination that stands in the file: whoever reads the file would have it.
fn with_no_password(parsed: Parsed, text: &str) -> Result<Parsed, Wrong> {
    let Parsed::Enabled(plugins) = &parsed else { return Ok(parsed) };
    let said = plugins.iter().filter_map(|plugin| plugin.dataset.destination.as_ref());
    let Some(said) = said.into_iter().find(|one| one.has_password() && text.contains(one.url())) else {
        return Ok(parsed);
    };
    let line = text.lines().position(|line| line.contains(said.url())).map(|at| at as u64 + 1);
    let why = "destination: an address with a password stands in a variable: destination: !env NAME".to_owned();
    Err(Wrong { line, why })
}

/// The name of a plugin whose text says that it is not enabled.
fn disabled(text: &str) -> Option<String> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?;
        Some(line.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned())
    };
    value("enabled").filter(|value| value == "false").and_then(|_| value("name"))
}

/// The text with the values of variables in their place.
pub(super) fn filled(text: &str, variable: &Variable<'_>) -> Result<String, Wrong> {
    with_variables(text, is_older(text), variable, &mut Secrets::default())
}

pub(super) fn parse_filled(path: &Path, text: &str, variable: &Variable<'_>) -> Result<Parsed, Wrong> {
    // An error begins with the key at fault.
    let at_key = |why: String| Wrong { line: line_of(text, why.split(':').next().unwrap_or_default()), why };
    // YAML 1.2: a column called n, no or on is none of YAML 1.1's booleans.
    let options = serde_saphyr::options! { strict_booleans: true };
    let quoted = with_quoted_null(text);
    let yaml: Yaml = serde_saphyr::from_str_with_options(&quoted, options).map_err(|error| {
        let Fault { line, why, .. } = VOCABULARY.fault(&error, text);
        Wrong { line, why }
    })?;
    if !yaml.enabled {
        return Ok(Parsed::Disabled(yaml.name));
    }
    let named = match (yaml.files.clone(), &yaml.source) {
        (Some(files), _) if files.is_empty() => {
            return Err(at_key("files: names no file, such as [\"orders_*.csv\"]".to_owned()));
        }
        (None, None) => {
            let why = format!("files is missing; such as {}", VOCABULARY.example);
            return Err(Wrong { line: None, why });
        }
        (files, _) => files.unwrap_or_default(),
    };
    let pulled = yaml.source.as_ref().map(|said| {
        let at = |why| Wrong { line: Some(said.referenced.line()), why };
        let pulled = source(&said.value).map_err(at)?;
        if pulled.since.is_none() && yaml.mode.is_none() {
            let why =
                "source: without since each pull brings everything: say mode: replace, upsert with a key, or append";
            return Err(at(why.to_owned()));
        }
        if pulled.since.is_some() && yaml.mode == Some(Mode::Replace) {
            let why = "source: since goes with mode: append or upsert: with replace only what is newest would stay";
            return Err(at(why.to_owned()));
        }
        Ok(pulled)
    });
    let pulled = pulled.transpose()?;
    let schedule = schedule(&yaml, variable).map_err(at_key)?;
    let destination = destination(&yaml).map_err(at_key)?;
    if yaml.default.is_some() && yaml.source.is_none() {
        return Err(at_key("default: goes with source".to_owned()));
    }
    let default = yaml.default == Some(true);
    let pattern = |text: &String| FilePattern::new(text).map_err(|why| at_key(format!("files: {why}")));
    let files = named.iter().map(pattern).collect::<Result<_, _>>()?;
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
    let drops_others = drops_others(&yaml).map_err(at_key)?;
    let selection = Selection { rules, drops_others, needs_all: false, notation };
    let dataset = dataset(&yaml, selection).map_err(at_key)?;
    let mut dataset = Dataset { plugin: yaml.name.clone(), files: named, destination, ..dataset };
    if pulled.is_some() {
        // A row has something that names it.
        dataset.optional_key = dataset.key.iter().skip(1).cloned().collect();
        if dataset.table.is_empty() {
            dataset.table = table_name(&yaml.name);
        }
    }
    let (path, name, creator) = (path.to_owned(), yaml.name, yaml.creator);
    let group = None;
    Ok(Parsed::Enabled(vec![Plugin { path, name, group, creator, files, source: pulled, schedule, default, dataset }]))
}

/// The other database that the rows of a source go to.
fn destination(yaml: &Yaml) -> Result<Option<Destination>, String> {
    let url = match &yaml.destination {
        None => return Ok(None),
        Some(DestinationYaml::Url(url) | DestinationYaml::Words(DestinationWords { url })) => url,
    };
    if yaml.source.is_none() || yaml.files.is_some() {
        return Err("destination: goes with source alone: files are loaded into the project's own database".to_owned());
    }
    Destination::parse(url).map(Some).map_err(|why| format!("destination: {why}"))
}

/// The schedule of a source, and true if missed ticks are caught up.
fn schedule(yaml: &Yaml, variable: &Variable<'_>) -> Result<Option<(Schedule, bool)>, String> {
    let Some(said) = &yaml.schedule else {
        let lone = yaml.catch_up.map(|_| Err("catch_up: goes with schedule".to_owned()));
        return lone.unwrap_or(Ok(None));
    };
    if yaml.source.is_none() {
        return Err("schedule: goes with source: files are loaded when they land".to_owned());
    }
    if RESERVED.contains(&yaml.name.as_str()) {
        return Err(format!("name: {} is the name of another schedule: call the plugin otherwise", yaml.name));
    }
    let (text, zone) = match said {
        ScheduleYaml::Text(text) => (text, None),
        ScheduleYaml::InZone(InZone { cron, zone }) => (cron, zone.as_deref()),
    };
    let zone = || match zone {
        Some(name) => Zone::parse(name),
        None => Zone::of_variable(variable("TZ")?.as_deref()),
    };
    let schedule = Schedule::parse(text, zone).map_err(|why| format!("schedule: {why}"))?;
    Ok(Some((schedule, yaml.catch_up.unwrap_or(true))))
}

/// The line of a key of the first level.
pub(super) fn line_of(text: &str, key: &str) -> Option<u64> {
    let is_it = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    text.lines().position(is_it).map(|at| at as u64 + 1)
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
    let mode = yaml.mode.unwrap_or_default();
    match (mode, key.is_empty()) {
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
        // Columns of the rules count by their headers' names too.
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
        stated: ReadOptions { selection, ..stated(yaml)? },
        filter,
        mode,
        key,
        duplicates: yaml.duplicates,
        max_rejects: Some(limit.unwrap_or(Limit::Percent(MAX_REJECTS))),
        on_success,
        table,
        ..Dataset::default()
    })
}
