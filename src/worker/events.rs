//! The system's events about the folder, gathered until the next look.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tracing::warn;

use super::settle::Arrival;
use crate::source::CLAIMS;

/// The events since the last look, one per name however many there were.
#[derive(Default)]
pub(super) struct Events {
    news: Mutex<(HashMap<OsString, Arrival>, bool)>,
    /// Wakes up the next look.
    pub(super) arrived: Notify,
}

impl Events {
    /// Starts to listen; returns `None`, after a line in the log, where the system has no events.
    pub(super) fn listen(self: &Arc<Self>, folder: &Path) -> Option<RecommendedWatcher> {
        // Events carry absolute paths.
        let (sink, place) = (Arc::clone(self), std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| sink.put(event, &place))
            .and_then(|mut watcher| {
                watcher.watch(folder, RecursiveMode::NonRecursive)?;
                Ok(watcher)
            });
        made.map_err(|error| warn!(%error, "no events for the folder: looking every second instead")).ok()
    }

    /// Returns the latest event of each name, and true if the whole folder has to be looked through.
    pub(super) fn take(&self) -> (HashMap<OsString, Arrival>, bool) {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, event: notify::Result<notify::Event>, folder: &Path) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(event) => {
                // The folder or the program's place in it was removed, renamed or unmounted. Reads are no news: they
                // are this program's.
                let is_gone = matches!(
                    event.kind,
                    EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Other
                );
                let is_own = |path: &PathBuf| path == folder || path.parent() == Some(folder) && path.ends_with(CLAIMS);
                news.1 |= event.need_rescan() || (is_gone && event.paths.iter().any(is_own));
                let arrival = match event.kind {
                    EventKind::Access(AccessKind::Close(AccessMode::Write)) => Arrival::Closed(1),
                    EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Arrival::Renamed,
                    EventKind::Modify(ModifyKind::Data(_)) => Arrival::Written,
                    EventKind::Create(_) | EventKind::Modify(ModifyKind::Metadata(_)) => Arrival::Seen,
                    _ if news.1 => return self.arrived.notify_one(),
                    _ => return,
                };
                for path in event.paths {
                    let Some(name) = path.file_name() else { continue };
                    let known = news.0.entry(name.to_owned()).or_insert(Arrival::Seen);
                    *known = match (*known, arrival) {
                        (Arrival::Closed(times), Arrival::Closed(more)) => Arrival::Closed(times + more),
                        // It was opened again.
                        (Arrival::Closed(times), Arrival::Written) => Arrival::Closed(times + 1),
                        (known, Arrival::Seen) => known,
                        (_, arrival) => arrival,
                    };
                }
            }
            Err(_) => news.1 = true,
        }
        drop(news);
        self.arrived.notify_one();
    }
}
