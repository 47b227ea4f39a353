//! Reads the plugins of a folder, each by itself: an error in one leaves the others as they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::wrong::WrongPlugin;
use super::{Plugin, PluginError, Plugins, Variable, yaml};
use crate::archive::OnSuccess;
use crate::schema::is_same_text;

/// Checks that files can be kept as a plugin asks; errors are in words.
pub(super) type Keeps<'a> = dyn Fn(&OnSuccess) -> Result<(), String> + 'a;

impl Plugins {
    /// Reads every plugin of a folder, the faulty ones too. `before` are those of the last reading: a plugin that was
    /// right then and is faulty now has its files held back.
    pub(super) fn read_each(folder: &Path, variable: &Variable<'_>, keeps: &Keeps<'_>, before: &Plugins) -> Plugins {
        let mut plugins = Plugins::default();
        let files = match files(folder) {
            Ok(files) => files,
            Err(error) => {
                plugins.wrong.push(WrongPlugin::of_folder(unreadable(folder, &error)));
                return plugins;
            }
        };
        for (path, found) in files {
            let text = found.and_then(|()| fs::read_to_string(&path));
            let read = match &text {
                Ok(text) => plugins.add(&path, text, variable, keeps),
                Err(error) => Err(unreadable(&path, error)),
            };
            if let Err(error) = read {
                plugins.wrong.push(WrongPlugin::new(error, text.as_deref().unwrap_or_default(), variable, before));
            }
        }
        plugins
    }

    /// Adds the plugins of a file, if it is enabled.
    pub(super) fn add(
        &mut self,
        path: &Path,
        text: &str,
        variable: &Variable<'_>,
        keeps: &Keeps<'_>,
    ) -> Result<(), PluginError> {
        let error = |line, why| PluginError { path: path.to_owned(), line, why };
        let at = |key: &str, why| error(yaml::line_of(text, key), why);
        let plugin = yaml::parse(path, text, variable).map_err(|wrong| error(wrong.line, wrong.why))?;
        let plugins = match plugin {
            yaml::Parsed::Enabled(plugins) => plugins,
            yaml::Parsed::Disabled(name) => {
                self.disabled.push((name, path.to_owned()));
                return Ok(());
            }
        };
        for plugin in &plugins {
            self.is_apart(plugin, keeps).map_err(|(key, why)| at(key, why))?;
        }
        self.right.extend(plugins);
        Ok(())
    }

    /// Sees that a plugin shares neither name nor files with those that are there; an error comes with the key at fault.
    fn is_apart(&self, plugin: &Plugin, keeps: &Keeps<'_>) -> Result<(), (&'static str, String)> {
        let names = |plugin: &Plugin| [Some(plugin.name.clone()), plugin.group.clone()].into_iter().flatten();
        let is_same = |other: &&Plugin| names(other).any(|name| names(plugin).any(|own| own == name));
        if let Some(other) = self.right.iter().find(is_same) {
            let name = other.group.as_ref().unwrap_or(&other.name);
            return Err(("name", format!("name: there is another plugin called {name}")));
        }
        let sheet = |plugin: &Plugin| plugin.dataset.stated.sheet.clone();
        let apart = |other: &Plugin| match (sheet(other), sheet(plugin)) {
            (Some(one), Some(other)) => !is_same_text(&one, &other),
            _ => false,
        };
        for glob in &plugin.files {
            let both = |other: &&Plugin| other.files.iter().any(|one| one.is(glob)) && !apart(other);
            if let Some(other) = self.right.iter().find(both) {
                let why = format!("files: {} is claimed by the plugin {} too", glob.text(), other.name);
                return Err(("files", why));
            }
        }
        if let Some(asked) = &plugin.dataset.on_success {
            keeps(asked).map_err(|why| ("on_success", format!("on_success: {why}")))?;
        }
        Ok(())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> PluginError {
    PluginError { path: path.to_owned(), line: None, why: format!("cannot read it: {error}") }
}

/// The files of the plugins, by name, each with the error of a look at it.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, io::Result<()>)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path().join("plugin.yaml");
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => files.push((path, Ok(()))),
            Ok(_) => {}
            // A link that leads nowhere.
            Err(error) if fs::symlink_metadata(&path).is_ok() => files.push((path, Err(error))),
            Err(_) if path.with_extension("yml").is_file() => {
                let why = "a plugin's file is called plugin.yaml, and this one is plugin.yml";
                files.push((path, Err(io::Error::other(why))));
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => files.push((path, Err(error))),
        }
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(files)
}
