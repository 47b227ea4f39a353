//! `plugins/<name>/plugin.yaml`: how the files of one dataset are read and shaped, and where their rows go.

mod yaml;

use std::fs;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;
use tracing::info;

use crate::archive::OnSuccess;
use crate::dataset::Dataset;

/// What is wrong with a plugin.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {why}", crate::shown::path(path), line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct PluginError {
    /// Its file.
    pub path: PathBuf,
    /// The line of the file, from 1, where it is one's.
    pub line: Option<u64>,
    /// What is wrong.
    pub why: String,
}

/// One plugin that claims files.
#[derive(Clone, Debug)]
struct Plugin {
    name: String,
    creator: String,
    files: Vec<GlobMatcher>,
    dataset: Dataset,
}

/// Gives a variable of the environment, or says in words why it cannot.
pub type Variable<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

/// Every plugin that is enabled.
#[derive(Clone, Debug, Default)]
pub struct Plugins(Vec<Plugin>);

impl Plugins {
    /// Reads every `<name>/plugin.yaml` of a folder; a folder that is not there has none. `variable` gives what `!env NAME` stands
    /// for.
    ///
    /// # Errors
    /// The first thing that is wrong, with its file.
    pub fn read(folder: &Path, variable: &Variable<'_>) -> Result<Plugins, PluginError> {
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
            let error = |line, why| PluginError { path: path.clone(), line, why };
            let text = fs::read_to_string(&path).map_err(|problem| error(None, problem.to_string()))?;
            let line_of = |key| yaml::line_of(&text, key);
            let plugin = yaml::parse(&text, variable).map_err(|wrong| error(wrong.line, wrong.why))?;
            let Some(plugin) = plugin else { continue };
            if let Some(other) = plugins.iter().find(|other| other.name == plugin.name) {
                return Err(error(line_of("name"), format!("name: there is another plugin called {}", other.name)));
            }
            for glob in &plugin.files {
                let sheet = |plugin: &Plugin| plugin.dataset.stated.sheet.clone();
                let apart = |other: &Plugin| match (sheet(other), sheet(&plugin)) {
                    (Some(one), Some(other)) => one != other,
                    _ => false,
                };
                let both = |other: &&Plugin| other.files.iter().any(|one| one.glob() == glob.glob()) && !apart(other);
                if let Some(other) = plugins.iter().find(both) {
                    let why = format!("files: {} is claimed by the plugin {} too", glob.glob(), other.name);
                    return Err(error(line_of("files"), why));
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
            let creator = Some(creator.as_str()).filter(|creator| !creator.is_empty());
            info!(plugin = name, creator, files = files.join(" "), table = dataset.table, "plugin");
        }
    }

    /// What plugins say of files that were loaded, with the plugins' names.
    pub fn on_success(&self) -> impl Iterator<Item = (&str, &OnSuccess)> {
        self.0.iter().filter_map(|plugin| Some((plugin.name.as_str(), plugin.dataset.on_success.as_ref()?)))
    }

    /// What plugins say of tables; one that is named after its files has no name here.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.0.iter().map(|plugin| &plugin.dataset)
    }

    /// Whether a plugin claims the file.
    pub fn claims(&self, file_name: &str) -> bool {
        self.0.iter().any(|plugin| plugin.files.iter().any(|glob| glob.is_match(file_name)))
    }

    /// The dataset of a part of a file: that of the plugin that claims the file or the part, or else one named after the part. `None` where
    /// plugins claim the file, but each of them another sheet of it.
    ///
    /// # Errors
    /// In words, where two plugins claim it.
    pub fn dataset(&self, file_name: &str, own_name: &str, sheet: Option<&str>) -> Result<Option<Dataset>, String> {
        let claims =
            |plugin: &&Plugin| plugin.files.iter().any(|glob| glob.is_match(file_name) || glob.is_match(own_name));
        let claiming: Vec<_> = self.0.iter().filter(claims).collect();
        let takes = |plugin: &&&Plugin| {
            let wanted = plugin.dataset.stated.sheet.as_deref();
            wanted.is_none() || wanted == sheet
        };
        let taking: Vec<_> = claiming.iter().filter(takes).collect();
        match (claiming.is_empty(), taking.as_slice()) {
            (true, _) => Ok(Some(Dataset::of_file(own_name))),
            (false, []) => Ok(None),
            (false, [plugin]) => {
                let mut dataset = plugin.dataset.clone();
                if dataset.table.is_empty() {
                    dataset.table = Dataset::of_file(own_name).table;
                }
                Ok(Some(dataset))
            }
            (false, [one, other, ..]) => Err(format!(
                "the plugins {} and {} both claim it: make the files of one of them narrower",
                one.name, other.name
            )),
        }
    }
}
