//! What a program that watches a folder does, in a small file in its place there, for `app status` to read. It is written at a
//! change and at most once a second, and only what people look at: a disk that is full or a folder that cannot be written holds
//! nothing up.

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

/// How long it is until the next writing at least.
const PAUSE: Duration = Duration::from_secs(1);

/// What a program does that loads out of a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Its number on its machine.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// When it began.
    pub started: DateTime<Utc>,
    /// The folder, by its whole path.
    pub folder: PathBuf,
    /// What keeps it from loading.
    pub trouble: Option<Held>,
    /// Files in hand.
    pub in_hand: BTreeSet<String>,
    /// Of their loads those that rows come from, with what came so far.
    pub running: Vec<Running>,
    /// Files that it has put back, to be tried again.
    pub put_back: BTreeMap<String, Held>,
    /// Why files wait that could be taken otherwise.
    #[serde(default)]
    pub held: BTreeMap<String, String>,
}

impl State {
    /// As it is written: JSON, without secrets in the reasons.
    pub(super) fn written(&self) -> serde_json::Result<Vec<u8>> {
        let mut said = self.clone();
        let held = said.trouble.iter_mut().chain(said.put_back.values_mut()).map(|held| &mut held.why);
        for why in held.chain(said.held.values_mut()) {
            *why = hidden(why).into_owned();
        }
        serde_json::to_vec(&said)
    }
}

/// Why something does not go on, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Since when.
    pub since: DateTime<Utc>,
    /// In words.
    pub why: String,
}

/// Keeps the file up to date until it is dropped, and takes it away then.
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
    /// For the program whose place in the folder is `home`.
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
        // Outside of a runtime nothing runs that could be told of.
        let runtime = tokio::runtime::Handle::try_current().ok();
        let writer = runtime.map(|runtime| runtime.spawn(keep(Arc::clone(&shared))).abort_handle());
        StateFile { shared, writer }
    }

    /// What it says now.
    pub(super) fn snapshot(&self) -> State {
        self.shared.state().clone()
    }

    /// A file whose load begins.
    pub(super) fn begun(&self, name: &str) {
        self.shared.state().in_hand.insert(name.to_owned());
        self.shared.changed.notify_one();
    }

    /// What keeps it from loading from now on; `None` when all is well again.
    pub(super) fn trouble(&self, why: Option<&str>) {
        let mut state = self.shared.state();
        let since = state.trouble.as_ref().map_or_else(Utc::now, |known| known.since);
        state.trouble = why.map(|why| Held { since, why: why.to_owned() });
        self.shared.changed.notify_one();
    }

    /// A file that was put back, and why.
    pub(super) fn put_back(&self, name: &str, why: &str) {
        let mut state = self.shared.state();
        state.in_hand.remove(name);
        let since = state.put_back.get(name).map_or_else(Utc::now, |known| known.since);
        state.put_back.insert(name.to_owned(), Held { since, why: why.to_owned() });
        self.shared.changed.notify_one();
    }

    /// Why files wait that could be taken otherwise.
    pub(super) fn held(&self, held: BTreeMap<String, String>) {
        self.shared.state().held = held;
        self.shared.changed.notify_one();
    }

    /// A file whose load ended, and that waits no longer.
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
        // Nobody writes it after this.
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        // What stays behind, the next start clears with the place.
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
        // What somebody took away does not wait any more.
        let claims: Vec<_> = self.home.folders()?.into_iter().filter_map(|claim| self.home.dir(claim).ok()).collect();
        let is_there = |name: &str| self.root.look(name).is_ok() || claims.iter().any(|dir| dir.look(name).is_ok());
        state.put_back.retain(|name, _| is_there(name));
        let mut said = state.clone();
        drop(state);
        let mut text = said.written()?;
        // Who reads it reads no more than that.
        while text.len() as u64 > NOTE_MAX && !said.put_back.is_empty() {
            let half = said.put_back.len() / 2;
            said.put_back = said.put_back.into_iter().take(half).collect();
            text = said.written()?;
        }
        self.home.write(STATE_NEW, &text, 0o600)?;
        self.home.replace(STATE_NEW, &self.home, STATE)
    }
}

/// Writes at each change, and every second while something is loaded.
async fn keep(shared: Arc<Shared>) {
    loop {
        if shared.state().in_hand.is_empty() {
            shared.changed.notified().await;
        }
        let this = Arc::clone(&shared);
        // Where it cannot be written, who looks sees an older state; the loads go on.
        if let Ok(Err(error)) = spawn_blocking(move || this.write()).await {
            tracing::debug!(folder = %shared.home.path().display(), %error, "cannot write what app status shows");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What the program says whose place this is, if it says anything.
pub(crate) fn read(place: &Place) -> Option<State> {
    serde_json::from_slice(&place.dir.note(STATE, &place.owners).ok()?).ok()
}

/// The machine's name.
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
