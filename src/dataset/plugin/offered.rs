//! A plugin that is offered: what it would do beside those that are there, before it is one of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{PluginError, Plugins, Variable, switched, yaml};

/// A plugin that is offered.
#[derive(Clone, Debug, Serialize)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// True if it counts once it is there.
    pub enabled: bool,
    /// The tables that it names.
    pub tables: Vec<String>,
    /// Patterns of the files that it loads.
    pub files: Vec<String>,
    /// The addresses that it fetches.
    pub sources: Vec<String>,
    /// Other databases that its rows go to, without user and password.
    pub destinations: Vec<String>,
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
        // A variable may be that of an address or of a database.
        let first = self.offered_with(path, text, variable, &|name| format!("https://{name}.invalid"));
        first.or_else(|error| {
            self.offered_with(path, text, variable, &|name| format!("postgres://{name}.invalid/x")).map_err(|_| error)
        })
    }

    fn offered_with(
        &self,
        path: &Path,
        text: &str,
        variable: &Variable<'_>,
        instead: &dyn Fn(&str) -> String,
    ) -> Result<Offered, PluginError> {
        let asked = RefCell::new(BTreeMap::new());
        let value = |name: &str| {
            let value = variable(name)?;
            if !text.contains(&format!("!env {name}")) && !text.contains(&format!("!{name}")) {
                return Ok(value);
            }
            asked.borrow_mut().insert(name.to_owned(), value.is_some());
            Ok(Some(value.unwrap_or_else(|| instead(name))))
        };
        let mut all = self.clone();
        // All of one that is not enabled is read too: it is to be right when it is enabled.
        all.add(path, &switched(text, true), &value, &|_| Ok(()))?;
        let enabled = !matches!(yaml::parse(path, text, &value), Ok(yaml::Parsed::Disabled(_)));
        let mine: Vec<_> = all.right.iter().filter(|plugin| plugin.path == path).collect();
        let none = || PluginError { path: path.to_owned(), line: None, why: "it cannot be enabled".to_owned() };
        let first = *mine.first().ok_or_else(none)?;
        let variables = asked.into_inner().into_iter().map(|(name, is_set)| Named { name, is_set }).collect();
        let sources = || mine.iter().filter_map(|plugin| plugin.source.as_ref());
        let tables = mine.iter().map(|plugin| plugin.dataset.table.clone()).filter(|table| !table.is_empty());
        let mut destinations: Vec<_> =
            mine.iter().filter_map(|plugin| Some(plugin.dataset.destination.as_ref()?.to_string())).collect();
        destinations.dedup();
        Ok(Offered {
            name: first.group.as_ref().unwrap_or(&first.name).clone(),
            enabled,
            tables: tables.collect(),
            files: mine.iter().flat_map(|plugin| &plugin.files).map(|pattern| pattern.text().to_owned()).collect(),
            sources: sources().map(|source| source.url.to_string()).collect(),
            destinations,
            other_servers: sources().flat_map(|source| source.allow_hosts.clone()).collect(),
            schedule: first.schedule.as_ref().map(|(schedule, _)| schedule.words()),
            variables,
        })
    }
}
