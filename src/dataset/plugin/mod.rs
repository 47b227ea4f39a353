//! `plugins/<name>/plugin.yaml`: the options by which the files of one dataset are read and shaped, and their table.

mod current;
mod enabled;
mod notation;
mod null_word;
mod offered;
mod older;
mod older_vocabulary;
mod pattern;
mod reach;
mod read;
mod rule;
mod series;
mod source_ways;
mod source_yaml;
mod stated;
mod variables;
mod vocabulary;
mod wrong;
mod yaml;

use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::info;

use crate::clock::Schedule;
use crate::dataset::Dataset;
use crate::dataset::pull_source::PullSource;
use crate::schema::is_same_text;

pub use self::current::{CurrentPlugins, Look, PluginFolder};
pub use self::enabled::switched;
pub use self::offered::{Named, Offered};
pub(crate) use self::older_vocabulary::OLDER;
use self::pattern::FilePattern;
pub use self::reach::Reach;
pub use self::series::Series;
pub use self::source_yaml::source_of;
pub(crate) use self::vocabulary::VOCABULARY;
use self::wrong::WrongPlugin;

/// Error in a plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {why}", crate::text::shown::path(path), line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct PluginError {
    /// Path of its file.
    pub path: PathBuf,
    /// Line of the file, from 1, if the error is in one.
    pub line: Option<u64>,
    /// Message of the error.
    pub why: String,
}

/// One plugin that claims files.
#[derive(Clone, Debug)]
struct Plugin {
    path: PathBuf,
    name: String,
    /// The name of its file, where that holds several: the older form.
    group: Option<String>,
    creator: String,
    files: Vec<FilePattern>,
    source: Option<PullSource>,
    /// The schedule of its source; true if missed ticks are caught up.
    schedule: Option<(Schedule, bool)>,
    /// True if its source is pulled where a job is started without a name.
    default: bool,
    dataset: Dataset,
}

/// A plugin in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name; of a faulty one, its folder's.
    pub name: String,
    /// `enabled`, `disabled` or `faulty`.
    pub state: &'static str,
    /// The name of the file, where that holds several plugins: the older form.
    pub group: Option<String>,
    /// Its file.
    pub path: PathBuf,
    /// Its table, if the plugin names it.
    pub table: Option<String>,
    /// Patterns of the files that it claims.
    pub files: Vec<String>,
    /// The address that is pulled.
    pub source: Option<String>,
    /// The schedule of the source, in words.
    pub schedule: Option<String>,
    /// The other database that its rows go to, without user and password.
    pub destination: Option<String>,
    /// The error in it.
    pub error: Option<String>,
}

/// Resolves a variable of the environment; errors are in words.
pub type Variable<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

/// All enabled plugins, and the faulty ones.
#[derive(Clone, Debug, Default)]
pub struct Plugins {
    right: Vec<Plugin>,
    wrong: Vec<WrongPlugin>,
    /// Names and files of those that are not enabled.
    disabled: Vec<(String, PathBuf)>,
}

impl Plugins {
    /// Reads every `<name>/plugin.yaml` of a folder, none if there is no folder. `variable` resolves `!env NAME`.
    ///
    /// # Errors
    /// The first error, with its file.
    pub fn read(folder: &Path, variable: &Variable<'_>) -> Result<Plugins, PluginError> {
        let plugins = Plugins::read_each(folder, variable, &|_| Ok(()), &Plugins::default());
        match plugins.wrong.first() {
            Some(wrong) => Err(wrong.error.clone()),
            None => Ok(plugins),
        }
    }

    /// Reads one plugin from its text.
    ///
    /// # Errors
    /// The first error in it.
    pub fn of_text(name: &str, text: &str) -> Result<Plugins, PluginError> {
        Plugins::of_text_with(name, text, &|_| Ok(None))
    }

    /// Reads one plugin from its text, with the values of variables.
    ///
    /// # Errors
    /// As [`Plugins::of_text`].
    pub fn of_text_with(name: &str, text: &str, variable: &Variable<'_>) -> Result<Plugins, PluginError> {
        let mut plugins = Plugins::default();
        let path = PathBuf::from(name).join("plugin.yaml");
        plugins.add(&path, text, variable, &|_| Ok(()))?;
        Ok(plugins)
    }

    /// Reads the faultless plugins of a folder; the others are in [`Plugins::errors`], and their files are held back.
    pub fn read_right(folder: &Path, variable: &Variable<'_>) -> Plugins {
        Plugins::read_each(folder, variable, &|_| Ok(()), &Plugins::default())
    }

    /// Logs the plugins.
    pub fn announce(&self) {
        for Plugin { name, creator, files, dataset, .. } in &self.right {
            let files: Vec<_> = files.iter().map(FilePattern::text).collect();
            let creator = Some(creator.as_str()).filter(|creator| !creator.is_empty());
            let destination = dataset.destination.as_ref().map(ToString::to_string);
            info!(plugin = name, creator, files = files.join(" "), table = dataset.table, destination, "plugin");
        }
    }

    /// The datasets of the plugins; one that is named after its files has no table name here.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.right.iter().map(|plugin| &plugin.dataset)
    }

    /// The plugins whose source is pulled: their names, datasets and sources.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Dataset, &PullSource)> {
        self.right.iter().filter_map(|plugin| Some((plugin.name.as_str(), &plugin.dataset, plugin.source.as_ref()?)))
    }

    /// The plugins whose source is pulled by the clock: their names and schedules, and true if missed ticks are caught up.
    pub fn schedules(&self) -> impl Iterator<Item = (&str, &Schedule, bool)> {
        self.right.iter().filter_map(|plugin| {
            let (schedule, catch_up) = plugin.schedule.as_ref()?;
            Some((plugin.name.as_str(), schedule, *catch_up))
        })
    }

    /// The names of the plugins whose source is pulled where a job is started without a name.
    pub fn defaults(&self) -> Vec<String> {
        self.right.iter().filter(|plugin| plugin.default).map(|plugin| plugin.name.clone()).collect()
    }

    /// The names of the plugins in the file of the older form that is called so, in the order of its `run`.
    pub fn of_group(&self, group: &str) -> Vec<&str> {
        let is_of = |plugin: &&Plugin| plugin.group.as_deref() == Some(group);
        self.right.iter().filter(is_of).map(|plugin| plugin.name.as_str()).collect()
    }

    /// The dataset of a plugin whose source is pulled.
    pub fn pulled(&self, name: &str) -> Option<&Dataset> {
        self.sources().find(|(own, ..)| *own == name).map(|(_, dataset, _)| dataset)
    }

    /// True if there is a plugin of this name that is not enabled.
    pub fn is_disabled(&self, name: &str) -> bool {
        self.disabled.iter().any(|(own, _)| own == name)
    }

    /// Every plugin, by name.
    pub fn list(&self) -> Vec<Listed> {
        let right = self.right.iter().map(|plugin| Listed {
            name: plugin.name.clone(),
            group: plugin.group.clone(),
            state: "enabled",
            path: plugin.path.clone(),
            table: Some(plugin.dataset.table.clone()).filter(|table| !table.is_empty()),
            files: plugin.files.iter().map(|glob| glob.text().to_owned()).collect(),
            source: plugin.source.as_ref().map(|source| source.url.to_string()),
            schedule: plugin.schedule.as_ref().map(|(schedule, _)| schedule.words()),
            destination: plugin.dataset.destination.as_ref().map(ToString::to_string),
            error: None,
        });
        let rest = |name: String, state, path: &Path, error| Listed {
            name,
            group: None,
            state,
            path: path.to_owned(),
            table: None,
            files: Vec::new(),
            source: None,
            schedule: None,
            destination: None,
            error,
        };
        let disabled = self.disabled.iter().map(|(name, path)| rest(name.clone(), "disabled", path, None));
        let wrong = self.wrong.iter().map(|plugin| {
            let path = &plugin.error.path;
            let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
            rest(folder.to_string_lossy().into_owned(), "faulty", path, Some(plugin.error.to_string()))
        });
        let mut all: Vec<_> = right.chain(disabled).chain(wrong).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Errors of the faulty plugins, one each.
    pub fn errors(&self) -> impl Iterator<Item = &PluginError> {
        self.wrong.iter().map(|plugin| &plugin.error)
    }

    /// Number of enabled plugins without an error.
    pub fn count(&self) -> usize {
        self.right.len()
    }

    /// Error of the faulty plugin that may claim a file, or its part `table_hint`: the file is held until it is fixed.
    pub fn held(&self, file_name: &str, table_hint: &str) -> Option<&PluginError> {
        let holds = |plugin: &&WrongPlugin| plugin.claims(file_name) || plugin.claims(table_hint);
        self.wrong.iter().find(holds).map(|plugin| &plugin.error)
    }

    /// True if a plugin claims the file, faulty or not.
    pub fn claims(&self, file_name: &str) -> bool {
        let claims = |plugin: &Plugin| plugin.files.iter().any(|glob| glob.is_match(file_name));
        self.right.iter().any(claims) || self.wrong.iter().any(|plugin| plugin.claims(file_name))
    }

    /// True if no plugin, faulty or not, claims a part of a file.
    pub fn is_untold(&self, file_name: &str, table_hint: &str, sheet: Option<&str>) -> bool {
        let is_plain = |dataset: Option<Dataset>| dataset.is_some_and(|dataset| dataset.plugin.is_empty());
        self.held(file_name, table_hint).is_none() && self.dataset(file_name, table_hint, sheet).is_ok_and(is_plain)
    }

    /// The dataset of a part of a file: that of the plugin that claims the file or the part, or else one named after
    /// the part. `None` if plugins claim the file, but each of them another sheet of it.
    ///
    /// # Errors
    /// In words, if two plugins claim it.
    pub fn dataset(&self, file_name: &str, table_hint: &str, sheet: Option<&str>) -> Result<Option<Dataset>, String> {
        let claims =
            |plugin: &&Plugin| plugin.files.iter().any(|glob| glob.is_match(file_name) || glob.is_match(table_hint));
        let claiming: Vec<_> = self.right.iter().filter(claims).collect();
        let takes = |plugin: &&&Plugin| {
            let wanted = plugin.dataset.stated.sheet.as_deref();
            wanted.is_none_or(|wanted| sheet.is_some_and(|sheet| is_same_text(wanted, sheet)))
        };
        let taking: Vec<_> = claiming.iter().filter(takes).collect();
        match (claiming.is_empty(), taking.as_slice()) {
            (true, _) => Ok(Some(Dataset::of_file(table_hint))),
            (false, []) => Ok(None),
            (false, [plugin]) => {
                let mut dataset = plugin.dataset.clone();
                if dataset.table.is_empty() {
                    dataset.table = Dataset::of_file(table_hint).table;
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
