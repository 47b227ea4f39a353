//! The older form of a plugin: several pulls in one file, beneath `etl`, of which `run` names those that run. Each is put into the words
//! of a plugin of today, and read as one: there is no second pull.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use serde_saphyr::Spanned;

use super::older_vocabulary::OLDER;
use super::source_yaml::address;
use super::yaml::{Parsed, Wrong, line_of, parse_filled, yes};
use super::{Plugin, Variable};
use crate::dataset::destination::Destination;
use crate::schema::{column_names, table_name};
use crate::text::nearest;
use crate::text::yaml_fault::Fault;

/// Sign before the name of a variable: `!NAME` takes its value. What is not set stays so, and is told where it is used.
pub(super) const TAG: char = '!';

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OlderYaml {
    name: String,
    #[serde(default)]
    creator: String,
    #[serde(default = "yes")]
    enabled: bool,
    run: Spanned<RunYaml>,
    etl: BTreeMap<String, Spanned<EtlYaml>>,
    schedule: Option<Json>,
    catch_up: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RunYaml {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EtlYaml {
    indicator: Spanned<String>,
    api: Spanned<String>,
    transform: Option<TransformYaml>,
    destination: Option<ServerYaml>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransformYaml {
    columns: Map<String, Json>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerYaml {
    postgres: UrlYaml,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UrlYaml {
    url: Spanned<String>,
}

/// True if a plugin's text is of the older form.
pub(super) fn is_older(text: &str) -> bool {
    ["etl", "run"].iter().any(|key| line_of(text, key).is_some())
}

/// The plugins of a file of the older form, one for each name of `run`: `NAME.KEY`.
pub(super) fn parse_older(path: &Path, text: &str, variable: &Variable<'_>) -> Result<Parsed, Wrong> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let yaml: OlderYaml = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let Fault { line, why, .. } = OLDER.fault(&error, text);
        Wrong { line, why }
    })?;
    if !yaml.enabled {
        return Ok(Parsed::Disabled(yaml.name));
    }
    let wanted: &[String] = match &yaml.run.value {
        RunYaml::One(one) => std::slice::from_ref(one),
        RunYaml::Several(several) => several,
    };
    let at_run = |why: String| Wrong { line: Some(yaml.run.referenced.line()), why: format!("run: {why}") };
    if wanted.is_empty() {
        return Err(at_run("names none of the pulls beneath etl".to_owned()));
    }
    let mut plugins: Vec<Plugin> = Vec::new();
    for key in wanted {
        let Some(entry) = yaml.etl.get(key) else {
            let keys = yaml.etl.keys().map(String::as_str);
            let hint = match nearest(key, keys.clone()) {
                none if none.is_empty() => format!("; etl has {}", keys.collect::<Vec<_>>().join(", ")),
                hint => hint,
            };
            return Err(at_run(format!("etl has no {key}{hint}")));
        };
        let modern = modern(&yaml, key, &entry.value)?;
        let parsed = parse_filled(path, &modern, variable).map_err(|Wrong { why, .. }| {
            let of_file = line_of(text, why.split(':').next().unwrap_or_default());
            Wrong { line: of_file.or(Some(entry.referenced.line())), why }
        })?;
        let Parsed::Enabled(one) = parsed else { continue };
        for mut plugin in one {
            let is_same = |other: &&Plugin| {
                let (one, other) = (&plugin.dataset, &other.dataset);
                (&one.table, &one.destination) == (&other.table, &other.destination)
            };
            if let Some(other) = plugins.iter().find(is_same) {
                let why = format!("{} and {} both fill staging.{}", other.name, plugin.name, plugin.dataset.table);
                return Err(at_run(why));
            }
            plugin.group = Some(yaml.name.clone());
            plugin.dataset.stated.selection.needs_all = true;
            plugins.push(plugin);
        }
    }
    Ok(Parsed::Enabled(plugins))
}

/// A pull in the words of a plugin of today.
fn modern(yaml: &OlderYaml, key: &str, entry: &EtlYaml) -> Result<String, Wrong> {
    let (api, indicator) = (set(&entry.api)?, set(&entry.indicator)?);
    address(api).map_err(|why| wrong(&entry.api, why.replacen("url", "api", 1)))?;
    let mut lines = vec![
        ("name", json!(format!("{}.{key}", yaml.name))),
        ("creator", json!(yaml.creator)),
        ("source", json!({"kind": "odata", "url": api, "resource": indicator})),
        ("table", json!(table_name(key))),
        // Each pull brings all that there is.
        ("mode", json!("replace")),
    ];
    if let Some(TransformYaml { columns }) = &entry.transform {
        let at = |why: &str| wrong(&entry.indicator, format!("transform: columns: {why}"));
        let rule = |(from, name): (&String, &Json)| match name.as_str() {
            Some(name) => Ok(json!({"from": from, "name": column_names(&[name], None)[0]})),
            None => Err(at(&format!("the new name of {from} is no text"))),
        };
        let rules = columns.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        if rules.is_empty() {
            return Err(at("names no column, such as {Id: id}"));
        }
        lines.extend([("columns", Json::Array(rules)), ("others", json!("drop"))]);
    }
    if let Some(ServerYaml { postgres }) = &entry.destination {
        let url = set(&postgres.url)?;
        Destination::parse(url).map_err(|why| wrong(&postgres.url, format!("url: {why}")))?;
        lines.push(("destination", json!(url)));
    }
    lines.extend(yaml.schedule.clone().map(|schedule| ("schedule", schedule)));
    lines.extend(yaml.catch_up.map(|catch_up| ("catch_up", json!(catch_up))));
    Ok(lines.into_iter().map(|(key, value)| format!("{key}: {value}\n")).collect())
}

/// A value whose variable is set, if it is one's.
fn set(value: &Spanned<String>) -> Result<&str, Wrong> {
    match value.value.strip_prefix(TAG) {
        Some(name) => Err(wrong(value, format!("!{name}: {name} is not set in the environment or .env"))),
        None => Ok(&value.value),
    }
}

fn wrong(at: &Spanned<String>, why: String) -> Wrong {
    Wrong { line: Some(at.referenced.line()), why }
}
