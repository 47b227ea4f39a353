//! `plugins/<name>/plugin.yaml`: how the files of one dataset are read and shaped, and where their rows go.

use std::fs;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use tracing::info;

use crate::dataset::{Dataset, Limit, Mode};
use crate::format::{Escape, NO_DELIMITER, Stated};
use crate::schema::{ColumnRule, Filter, Type, column_names};
use crate::star::nearest;

/// What is wrong with a plugin.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct PluginError {
    /// Its file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

/// A plugin's file, word for word.
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
    encoding: Option<String>,
    delimiter: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    skip_lines: Option<u64>,
    header: Option<HeaderYaml>,
    #[serde(default)]
    columns: Vec<ColumnYaml>,
    filter: Option<String>,
    #[serde(default)]
    mode: Mode,
    max_rejects: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum HeaderYaml {
    Is(bool),
    Rows(usize),
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
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum FromYaml {
    Place(usize),
    Header(String),
}

/// One plugin that claims files.
#[derive(Clone, Debug)]
struct Plugin {
    name: String,
    creator: String,
    files: Vec<GlobMatcher>,
    dataset: Dataset,
}

/// Every plugin that is enabled.
#[derive(Clone, Debug, Default)]
pub struct Plugins(Vec<Plugin>);

impl Plugins {
    /// Reads every `<name>/plugin.yaml` of a folder; a folder that is not there has none.
    ///
    /// # Errors
    /// The first thing that is wrong, with its file.
    pub fn read(folder: &Path) -> Result<Plugins, PluginError> {
        let mut paths: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("plugin.yaml"))
            .filter(|path| path.is_file())
            .collect();
        paths.sort();
        let mut plugins: Vec<Plugin> = Vec::new();
        for path in paths {
            let error = |why: String| PluginError { path: path.clone(), why };
            let text = fs::read_to_string(&path).map_err(|problem| error(problem.to_string()))?;
            let Some(plugin) = parse(&text).map_err(&error)? else { continue };
            if let Some(other) = plugins.iter().find(|other| other.name == plugin.name) {
                return Err(error(format!("name: there is another plugin called {}", other.name)));
            }
            for glob in &plugin.files {
                if let Some(other) =
                    plugins.iter().find(|other| other.files.iter().any(|one| one.glob() == glob.glob()))
                {
                    return Err(error(format!("files: {} is claimed by the plugin {} too", glob.glob(), other.name)));
                }
            }
            plugins.push(plugin);
        }
        Ok(Plugins(plugins))
    }

    /// Says in the log which plugins there are.
    pub fn announce(&self) {
        for Plugin { name, creator, files, dataset } in &self.0 {
            let files: Vec<_> = files.iter().map(|glob| glob.glob().glob()).collect();
            info!(plugin = name, creator, files = files.join(" "), table = dataset.table, "plugin");
        }
    }

    /// Whether a plugin claims the file.
    pub fn claims(&self, file_name: &str) -> bool {
        self.0.iter().any(|plugin| plugin.files.iter().any(|glob| glob.is_match(file_name)))
    }

    /// The dataset of a part of a file: that of the plugin that claims the file or the part, or else one named after the part.
    ///
    /// # Errors
    /// In words, where two plugins claim it.
    pub fn dataset(&self, file_name: &str, own_name: &str) -> Result<Dataset, String> {
        let claims =
            |plugin: &&Plugin| plugin.files.iter().any(|glob| glob.is_match(file_name) || glob.is_match(own_name));
        let mut claiming = self.0.iter().filter(claims);
        match (claiming.next(), claiming.next()) {
            (None, _) => Ok(Dataset::of_file(own_name)),
            (Some(plugin), None) => {
                let mut dataset = plugin.dataset.clone();
                if dataset.table.is_empty() {
                    dataset.table = Dataset::of_file(own_name).table;
                }
                Ok(dataset)
            }
            (Some(one), Some(other)) => Err(format!(
                "the plugins {} and {} both claim it: make the files of one of them narrower",
                one.name, other.name
            )),
        }
    }
}

fn parse(text: &str) -> Result<Option<Plugin>, String> {
    let yaml: Yaml = serde_saphyr::from_str(text).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().to_owned();
        // "unknown field `filez`, expected one of `name`, ..." gets the nearest word.
        let mut words = first.split('`');
        let hint = match (first.contains("unknown"), words.nth(1)) {
            (true, Some(wrong)) => nearest(wrong, words.clone().skip(1).step_by(2)),
            _ => String::new(),
        };
        format!("{first}{hint}")
    })?;
    if !yaml.enabled {
        return Ok(None);
    }
    if yaml.files.is_empty() {
        return Err("files: names no file, such as [\"orders_*.csv\"]".to_owned());
    }
    let glob = |pattern: &String| match Glob::new(pattern) {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(format!("files: {error}")),
    };
    let files = yaml.files.iter().map(glob).collect::<Result<_, _>>()?;
    let table = yaml.table.clone().unwrap_or_default();
    if yaml.table.is_some() && crate::schema::table_name(&table) != table {
        return Err(format!(
            "table: {table:?} is no table's name here; {} would be",
            crate::schema::table_name(&table)
        ));
    }
    let rules = yaml.columns.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let dataset = Dataset {
        stated: Stated { rules, ..stated(&yaml)? },
        filter: yaml.filter.as_deref().map(Filter::parse).transpose().map_err(|why| format!("filter: {why}"))?,
        mode: yaml.mode,
        max_rejects: yaml.max_rejects.as_deref().map(limit).transpose()?,
        table,
    };
    let names: Vec<_> = dataset.stated.rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
    if let Some(repeated) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(format!("columns: two are called {}", repeated.1));
    }
    Ok(Some(Plugin { name: yaml.name, creator: yaml.creator, files, dataset }))
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
    Ok(Stated {
        encoding,
        delimiter: yaml.delimiter.as_deref().map(|text| one("delimiter", text)).transpose()?,
        quote,
        escape,
        skip_lines: yaml.skip_lines,
        header_rows: yaml.header.as_ref().map(|header| match header {
            HeaderYaml::Is(is) => usize::from(*is),
            HeaderYaml::Rows(rows) => *rows,
        }),
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
        Some(share) => share.trim().parse().map(Limit::Percent).map_err(|_| wrong()),
        None => text.trim().parse().map(Limit::Count).map_err(|_| wrong()),
    }
}
