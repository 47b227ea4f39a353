//! The state of a program that watches a folder, in a small file in its place there, for `app status`. It is written at
//! a change and at most once a second. It only serves people: a full disk or a read-only folder holds up no load.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_blocking};

use crate::source::{Dir, NOTE_MAX, Place, STATE, STATE_NEW};
use crate::telemetry::progress;
use crate::telemetry::progress::Running;
use crate::text::secrets::hidden;

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);

/// The state of a program that loads out of a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The process number on its machine.
    pub pid: u32,
    /// The name of its machine.
    pub host: String,
    /// The time of its start.
    pub started: DateTime<Utc>,
    /// The absolute path of the folder.
    pub folder: PathBuf,
    /// The obstacle to loading, if any.
    pub trouble: Option<Held>,
    /// Files in hand.
    pub in_hand: BTreeSet<String>,
    /// The loads in progress, with their rows so far.
    pub running: Vec<Running>,
    /// The files that it has put back, to be tried again.
    pub put_back: BTreeMap<String, Held>,
    /// The reasons why files wait that could be taken otherwise.
    #[serde(default)]
    pub held: BTreeMap<String, String>,
}

impl State {
    /// Returns the state as JSON, without secrets in the reasons.
    pub(super) fn written(&self) -> serde_json::Result<Vec<u8>> {
        let mut said = self.clone();
        let held = said.trouble.iter_mut().chain(said.put_back.values_mut()).map(|held| &mut held.why);
        for why in held.chain(said.held.values_mut()) {
            *why = hidden(why).into_owned();
        }
        serde_json::to_vec(&said)
    }
}

/// A reason for a wait, and its beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The beginning of the wait.
    pub since: DateTime<Utc>,
    /// The reason, in words.
    pub why: String,
}

/// Keeps the file up to date, and removes it when dropped.
pub(super) struct StateFile {
    shared: Arc<Shared>,
    writer: Option<AbortHandle>,
}

struct Shared {
    root: Dir,
    home: Dir,
    state: Mutex<State>,
    ended: Mutex<bool>,
    changed: Notify,
}

impl StateFile {
    /// Starts the file for the program whose place in the folder is `home`.
    pub(super) fn new(root: &Dir, home: &Dir) -> StateFile {
        let folder = root.path();
        let state = State {
            pid: std::process::id(),
            host: host(),
            started: Utc::now(),
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            trouble: None,
            in_hand: BTreeSet::new(),
            running: Vec::new(),
            put_back: BTreeMap::new(),
            held: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            root: root.clone(),
            home: home.clone(),
            state: Mutex::new(state),
            ended: Mutex::new(false),
            changed: Notify::new(),
        });
        shared.changed.notify_one();
        // Outside of a runtime no load runs that could be shown.
        let runtime = tokio::runtime::Handle::try_current().ok();
        let writer = runtime.map(|runtime| runtime.spawn(keep(Arc::clone(&shared))).abort_handle());
        StateFile { shared, writer }
    }

    /// Returns the current state.
    pub(super) fn snapshot(&self) -> State {
        self.shared.state().clone()
    }

    /// Notes a file whose load begins.
    pub(super) fn begun(&self, name: &str) {
        self.shared.state().in_hand.insert(name.to_owned());
        self.shared.changed.notify_one();
    }

    /// Notes the obstacle to loading from now on; `None` ends it.
    pub(super) fn trouble(&self, why: Option<&str>) {
        let mut state = self.shared.state();
        let since = state.trouble.as_ref().map_or_else(Utc::now, |known| known.since);
        state.trouble = why.map(|why| Held { since, why: why.to_owned() });
        self.shared.changed.notify_one();
    }

    /// Notes a file that was put back, and the reason.
    pub(super) fn put_back(&self, name: &str, why: &str) {
        let mut state = self.shared.state();
        state.in_hand.remove(name);
        let since = state.put_back.get(name).map_or_else(Utc::now, |known| known.since);
        state.put_back.insert(name.to_owned(), Held { since, why: why.to_owned() });
        self.shared.changed.notify_one();
    }

    /// Notes the reasons why files wait that could be taken otherwise.
    pub(super) fn held(&self, held: BTreeMap<String, String>) {
        self.shared.state().held = held;
        self.shared.changed.notify_one();
    }

    /// Notes a file whose load ended, and that waits no longer.
    pub(super) fn done(&self, name: &str) {
        let mut state = self.shared.state();
        state.in_hand.remove(name);
        state.put_back.remove(name);
        self.shared.changed.notify_one();
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        if let Some(writer) = &self.writer {
            writer.abort();
        }
        // The writer is stopped from here on.
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        // A file that stays behind is removed with the place at the next start.
        let _ = self.shared.home.remove(STATE);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> io::Result<()> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *ended {
            return Ok(());
        }
        let mut state = self.state();
        state.running = progress::running();
        // Files that were taken away do not wait any more.
        let claims: Vec<_> = self.home.folders()?.into_iter().filter_map(|claim| self.home.dir(claim).ok()).collect();
        let is_there = |name: &str| self.root.look(name).is_ok() || claims.iter().any(|dir| dir.look(name).is_ok());
        state.put_back.retain(|name, _| is_there(name));
        let mut said = state.clone();
        drop(state);
        let mut text = said.written()?;
        // Readers read no more than that.
        while text.len() as u64 > NOTE_MAX && !said.put_back.is_empty() {
            let half = said.put_back.len() / 2;
            said.put_back = said.put_back.into_iter().take(half).collect();
            text = said.written()?;
        }
        self.home.write(STATE_NEW, &text, 0o600)?;
        self.home.replace(STATE_NEW, &self.home, STATE)
    }
}

/// Writes at each change, and every second during loads.
async fn keep(shared: Arc<Shared>) {
    loop {
        if shared.state().in_hand.is_empty() {
            shared.changed.notified().await;
        }
        let this = Arc::clone(&shared);
        // If it cannot be written, readers see an older state; the loads go on.
        if let Ok(Err(error)) = spawn_blocking(move || this.write()).await {
            tracing::debug!(folder = %shared.home.path().display(), %error, "cannot write what app status shows");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Returns the state of the program whose place this is, if there is one.
pub(crate) fn read(place: &Place) -> Option<State> {
    serde_json::from_slice(&place.dir.note(STATE, &place.owners).ok()?).ok()
}

/// Returns the machine's name.
fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Folder, places};

    #[tokio::test]
    async fn no_reason_holds_a_secret() {
        crate::text::secrets::keep("a reason's own secret", "!env REASON");
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let file = StateFile::new(folder.root(), folder.home());
        fs::write(dir.path().join("x.csv"), "").unwrap();
        file.trouble(Some("1 a reason's own secret"));
        file.put_back("x.csv", "2 a reason's own secret");
        file.held(BTreeMap::from([("y.csv".to_owned(), "3 a reason's own secret".to_owned())]));
        file.shared.write().unwrap();
        let state = read(&places(dir.path()).unwrap()[0]).unwrap();
        assert_eq!(state.trouble.unwrap().why, "1 !env REASON");
        assert_eq!(
            (state.put_back["x.csv"].why.as_str(), state.held["y.csv"].as_str()),
            ("2 !env REASON", "3 !env REASON")
        );
    }

    #[tokio::test]
    async fn it_is_there_while_the_program_runs_and_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let home = folder.home();
        let read = || read(&places(dir.path()).unwrap()[0]);
        let file = StateFile::new(folder.root(), home);
        fs::write(dir.path().join("x.csv"), "").unwrap();
        file.begun("x.csv");
        file.put_back("x.csv", "first");
        file.put_back("x.csv", "second");
        file.trouble(Some("away"));
        file.shared.write().unwrap();
        let state = read().unwrap();
        assert_eq!((state.pid, state.trouble.unwrap().why), (std::process::id(), "away".to_owned()));
        assert_eq!((state.put_back["x.csv"].why.as_str(), state.in_hand.len()), ("second", 0));
        fs::remove_file(dir.path().join("x.csv")).unwrap();
        file.trouble(None);
        file.shared.write().unwrap();
        let state = read().unwrap();
        assert_eq!((state.trouble, state.put_back.len()), (None, 0));
        drop(file);
        assert!(home.names().unwrap().is_empty());
    }
}
