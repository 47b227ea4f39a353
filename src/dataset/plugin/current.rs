//! The plugins as they are now: read anew when their files change, once nobody has touched those for a while.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use super::Plugins;
use crate::archive::OnSuccess;

/// The plugins that count now. Who holds a version keeps it.
#[derive(Debug, Default)]
pub struct CurrentPlugins(RwLock<Arc<Plugins>>);

impl CurrentPlugins {
    /// The version that counts now.
    pub fn get(&self) -> Arc<Plugins> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets another version count.
    pub fn set(&self, plugins: Plugins) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plugins);
    }
}

impl From<Plugins> for CurrentPlugins {
    fn from(plugins: Plugins) -> Self {
        CurrentPlugins(RwLock::new(Arc::new(plugins)))
    }
}

/// Gives what `!env NAME` stands for.
type Variable = Box<dyn Fn(&str) -> Result<Option<String>, String> + Send + Sync>;

/// Says in words why files cannot be kept as a plugin asks.
type Keeps = Box<dyn Fn(&OnSuccess) -> Result<(), String> + Send + Sync>;

/// The folder of the plugins, looked at again and again.
pub struct PluginFolder {
    path: PathBuf,
    variable: Variable,
    keeps: Keeps,
    /// What it looked like, and since when, as far as is known.
    stamp: Stamp,
    changed: Instant,
    /// What it looked like when it was read.
    read: Option<Stamp>,
}

/// What a look at the folder gives.
#[derive(Debug)]
pub enum Look {
    /// Nothing has changed since it was read.
    Same,
    /// Somebody is changing it: it will be read then, at the soonest.
    Unsettled(Instant),
    /// It was read.
    Read(Plugins),
}

/// What stands in the folder, and what it looks like from outside.
type Stamp = Vec<(PathBuf, [i64; 6])>;

impl PluginFolder {
    /// The folder at `path`, not looked at yet.
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

    /// Reads it as it is.
    pub fn read(&mut self, before: &Plugins) -> Plugins {
        let stamp = stamp_of(&self.path);
        self.changed = changed(&stamp, Instant::now());
        self.stamp = stamp.clone();
        self.read = Some(stamp);
        Plugins::read_each(&self.path, &self.variable, &self.keeps, before)
    }

    /// Looks whether it has changed since it was read, and reads it when nobody has touched it for `settle`. Also what was just
    /// read has to be quiet for so long: somebody may be about to go on.
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
            // What was read may be half of what it is to be.
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
            // Through links: where they lead is what is read.
            stamp.push((path.clone(), fs::metadata(&path).map_or([-1; 6], |meta| of(&meta))));
        }
    }
    stamp.sort();
    stamp
}

/// When the newest of it was touched last, by the clock of the machine; `now` where that is not told.
fn changed(stamp: &Stamp, now: Instant) -> Instant {
    let newest = stamp.iter().map(|(_, [.., seconds, nanos])| (*seconds, *nanos)).max();
    let Some((seconds, nanos)) = newest else { return now.checked_sub(Duration::from_hours(1)).unwrap_or(now) };
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let at = SystemTime::UNIX_EPOCH + Duration::new(seconds, u32::try_from(nanos).unwrap_or_default());
    now.checked_sub(SystemTime::now().duration_since(at).unwrap_or_default()).unwrap_or(now)
}
