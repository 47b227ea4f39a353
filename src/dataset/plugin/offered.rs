//! A plugin that is offered: what it would do beside those that are there, before it is one of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::pattern::FilePattern;
use super::{PluginError, Plugins, Variable, switched, yaml};

/// A plugin that is offered.
#[derive(Clone, Debug, Serialize)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// True if it counts once it is there.
    pub enabled: bool,
    /// The table, if it names one.
    pub table: Option<String>,
    /// Patterns of the files that it loads.
    pub files: Vec<String>,
    /// The address that it fetches.
    pub source: Option<String>,
    /// Other servers that it may fetch from.
    pub other_servers: Vec<String>,
    /// The schedule of the source, in words.
    pub schedule: Option<String>,
    /// The variables that it reads.
    pub variables: Vec<Named>,
}

/// A variable of the environment that a plugin reads.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// True if it has a value.
    pub is_set: bool,
}

impl Plugins {
    /// The plugin with this text, as it would be beside these. A variable that is not set is no fault: what stands for it is an address
    /// that leads nowhere.
    ///
    /// # Errors
    /// The first error in it, also where it is not enabled.
    pub fn offered(&self, path: &Path, text: &str, variable: &Variable<'_>) -> Result<Offered, PluginError> {
        let asked = RefCell::new(BTreeMap::new());
        let value = |name: &str| {
            let value = variable(name)?;
            if !text.contains(&format!("!env {name}")) {
                return Ok(value);
            }
            asked.borrow_mut().insert(name.to_owned(), value.is_some());
            Ok(Some(value.unwrap_or_else(|| format!("https://{name}.invalid"))))
        };
        let mut all = self.clone();
        // All of one that is not enabled is read too: it is to be right when it is enabled.
        all.add(path, &switched(text, true), &value, &|_| Ok(()))?;
        let enabled = !matches!(yaml::parse(path, text, &value), Ok(yaml::Parsed::Disabled(_)));
        let none = || PluginError { path: path.to_owned(), line: None, why: "it cannot be enabled".to_owned() };
        let plugin = all.right.pop().filter(|plugin| plugin.path == path).ok_or_else(none)?;
        let variables = asked.into_inner().into_iter().map(|(name, is_set)| Named { name, is_set }).collect();
        Ok(Offered {
            enabled,
            table: Some(plugin.dataset.table).filter(|table| !table.is_empty()),
            files: plugin.files.iter().map(|pattern: &FilePattern| pattern.text().to_owned()).collect(),
            source: plugin.source.as_ref().map(|source| source.url.to_string()),
            other_servers: plugin.source.map(|source| source.allow_hosts).unwrap_or_default(),
            schedule: plugin.schedule.map(|(schedule, _)| schedule.words()),
            name: plugin.name,
            variables,
        })
    }
}
