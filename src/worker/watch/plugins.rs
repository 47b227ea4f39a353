//! Looks at the plugins before files are taken: changed ones are read again, and faulty ones hold back the files that
//! they claim.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Instant;

use tracing::{error, info, warn};

use super::super::look::look_at;
use super::Watch;
use crate::alert::Kind;
use crate::dataset::plugin::{Look, Plugins};

const FIX: &str = "fix it: it is read again by itself, and the files that it claims are held back until then";

impl Watch {
    /// Reads changed plugins again; returns the time until which no file is taken, because plugins are changing: a file
    /// and its plugin may land together.
    pub(super) fn look_at_plugins(&mut self, now: Instant) -> Option<Instant> {
        let before = self.app.plugins.get();
        let plugins = match self.plugins.look(&before, self.settle, now) {
            Look::Same => return None,
            Look::Unsettled(until) => return Some(until),
            Look::Read(plugins) => plugins,
        };
        info!("the plugins have changed: read again");
        plugins.announce();
        self.app.plugins.set(plugins);
        self.tell_plugins(&before);
        self.tell_gone(&before);
        // Their claims may now be other files and tables.
        let plugins = self.app.plugins.get();
        for candidate in self.candidates.values_mut() {
            candidate.reach = None;
        }
        let path = &self.path;
        let is_ours = |name: &OsStr| {
            look_at(path, name.to_owned(), &|name| plugins.claims(name)).is_some_and(|seen| seen.left.is_none())
        };
        self.candidates.retain(|name, _| is_ours(name));
        self.held.clear();
        self.show_held();
        // Files that waited because of them are tried at once.
        if before.errors().next().is_some() {
            self.pauses.clear();
        }
        if let Err(error) = self.scan() {
            self.miss(error);
        }
        None
    }

    /// Logs faulty plugins at the beginning.
    pub(super) fn told_plugins(&self) {
        self.tell_plugins(&Arc::default());
    }

    fn tell_plugins(&self, before: &Plugins) {
        let now = self.app.plugins.get();
        for wrong in now.errors().filter(|wrong| !before.errors().any(|known| known == *wrong)) {
            error!("a plugin is wrong: {wrong}; {FIX}");
            let subject = wrong.path.display().to_string();
            self.app.loader.alerts.recover(Kind::Plugin, &subject, "it is wrong in another way");
            self.app.loader.alerts.raise(Kind::Plugin, &subject, &wrong.to_string(), FIX, None);
        }
        let paths = |plugins: &Plugins| plugins.errors().map(|wrong| wrong.path.clone()).collect::<BTreeSet<_>>();
        for path in paths(before).difference(&paths(&now)) {
            info!(file.path = %path.display(), "the plugin is right again, or gone");
            self.app.loader.alerts.recover(
                Kind::Plugin,
                &path.display().to_string(),
                "the plugin is right again, or gone",
            );
        }
    }

    /// Tells of plugins that are not there any more: their files go by their own names from now on.
    fn tell_gone(&self, before: &Plugins) {
        let now = self.app.plugins.get();
        let is_there = |name: &str| {
            now.datasets().any(|dataset| dataset.plugin == name)
                || now.is_disabled(name)
                || now.errors().any(|wrong| wrong.path.parent().is_some_and(|folder| folder.ends_with(name)))
        };
        let gone: BTreeSet<_> =
            before.datasets().map(|dataset| dataset.plugin.as_str()).filter(|name| !is_there(name)).collect();
        if !gone.is_empty() {
            warn!(
                "plugins are not there any more: {}; files that they claimed are loaded into tables that are called like the files",
                gone.into_iter().collect::<Vec<_>>().join(", ")
            );
        }
    }

    /// Returns true, and logs it once, if a faulty plugin may claim a file.
    pub(super) fn is_held_by_plugin(&mut self, name: &OsStr) -> bool {
        let (plugins, shown) = (self.app.plugins.get(), name.to_string_lossy());
        let Some(wrong) = plugins.held(&shown, &shown) else { return false };
        let why = format!("held back: {wrong}");
        if self.held.get(name) != Some(&why) {
            info!(file.path = &*shown, "{why}");
            self.held.insert(name.to_owned(), why);
            self.show_held();
        }
        true
    }
}
