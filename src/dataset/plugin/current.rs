//! The current plugins: read anew when their files change, once nobody has touched those for a while.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use super::Plugins;
use crate::archive::OnSuccess;

/// The current version of the plugins. A load in progress keeps the version that it began with.
#[derive(Debug, Default)]
pub struct CurrentPlugins(RwLock<Arc<Plugins>>);

impl CurrentPlugins {
    /// The current version.
    pub fn get(&self) -> Arc<Plugins> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the current version.
    pub fn set(&self, plugins: Plugins) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plugins);
    }
}

impl From<Plugins> for CurrentPlugins {
    fn from(plugins: Plugins) -> Self {
        CurrentPlugins(RwLock::new(Arc::new(plugins)))
    }
}

/// Resolves `!env NAME`.
type Variable = Box<dyn Fn(&str) -> Result<Option<String>, String> + Send + Sync>;

/// Checks that files can be kept as a plugin asks; errors are in words.
type Keeps = Box<dyn Fn(&OnSuccess) -> Result<(), String> + Send + Sync>;

/// The folder of the plugins, polled.
pub struct PluginFolder {
    path: PathBuf,
    variable: Variable,
    keeps: Keeps,
    /// Stamp of the last look, and the time of its change, as far as known.
    stamp: Stamp,
    changed: Instant,
    /// Stamp of the last reading.
    read: Option<Stamp>,
}

/// Result of a look at the folder.
#[derive(Debug)]
pub enum Look {
    /// Nothing has changed since it was read.
    Same,
    /// Somebody is changing it: it will be read at this time, at the soonest.
    Unsettled(Instant),
    /// New plugins.
    Read(Plugins),
}

/// Paths in the folder with their metadata.
type Stamp = Vec<(PathBuf, [i64; 6])>;

impl PluginFolder {
    /// The folder at `path`, without a look yet.
    pub fn new(path: &Path, variable: Variable, keeps: Keeps) -> PluginFolder {
        PluginFolder {
            path: path.to_owned(),
            variable,
            keeps,
            stamp: Stamp::new(),
            changed: Instant::now(),
            read: None,
        }
    }

    /// Reads the folder as it is.
    pub fn read(&mut self, before: &Plugins) -> Plugins {
        let stamp = stamp_of(&self.path);
        self.changed = changed(&stamp, Instant::now());
        self.stamp = stamp.clone();
        self.read = Some(stamp);
        Plugins::read_each(&self.path, &self.variable, &self.keeps, before)
    }

    /// Looks for changes since the last reading, and reads the folder when nobody has touched it for `settle`. Files
    /// that were just read have to be quiet for so long, too: somebody may be about to go on.
    pub fn look(&mut self, before: &Plugins, settle: Duration, now: Instant) -> Look {
        let stamp = stamp_of(&self.path);
        if stamp != self.stamp {
            self.changed = now;
            self.stamp = stamp;
        }
        let settled = self.changed + settle;
        if settled > now {
            return Look::Unsettled(settled);
        }
        if self.read.as_ref() == Some(&self.stamp) {
            return Look::Same;
        }
        let plugins = Plugins::read_each(&self.path, &self.variable, &self.keeps, before);
        if stamp_of(&self.path) != self.stamp {
            // The files may have been read half written.
            return Look::Unsettled(now + settle);
        }
        self.read = Some(self.stamp.clone());
        Look::Read(plugins)
    }
}

fn stamp_of(folder: &Path) -> Stamp {
    let of = |meta: &Metadata| {
        // A folder's size and times change with the files in it.
        [meta.len() as i64, meta.ino() as i64, meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()]
    };
    let mut stamp = Stamp::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        for path in [path.join("plugin.yaml"), path] {
            // Links are followed, as by the reading.
            stamp.push((path.clone(), fs::metadata(&path).map_or([-1; 6], |meta| of(&meta))));
        }
    }
    stamp.sort();
    stamp
}

/// Time of the newest change, by the clock of the machine; `now` if it is unknown.
fn changed(stamp: &Stamp, now: Instant) -> Instant {
    let newest = stamp.iter().map(|(_, [.., seconds, nanos])| (*seconds, *nanos)).max();
    let Some((seconds, nanos)) = newest else { return now.checked_sub(Duration::from_hours(1)).unwrap_or(now) };
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let at = SystemTime::UNIX_EPOCH + Duration::new(seconds, u32::try_from(nanos).unwrap_or_default());
    now.checked_sub(SystemTime::now().duration_since(at).unwrap_or_default()).unwrap_or(now)
}
