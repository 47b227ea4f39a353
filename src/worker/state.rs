//! The state of a program that watches a folder, in a small file in its place there, for `app status`. It is written at
//! a change and at most once a second. It only serves people: a full disk or a read-only folder holds up no load.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::process::{getegid, geteuid};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_blocking};

use super::reading::Readers;
use crate::source::{CLAIMS, ClaimedFile, Dir, FAILED, NOTE_MAX, OWN_FAILED, Place, STATE, STATE_NEW};
use crate::telemetry::progress;
use crate::telemetry::progress::Running;
use crate::text::rights::unwritable;
use crate::text::secrets::hidden;

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest time between two writes: the state is a sign of life.
const BEAT: Duration = Duration::from_secs(10);

/// The state of a program that loads out of a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The process number on its machine.
    pub pid: u32,
    /// The name of its machine.
    pub host: String,
    /// The numbers of the user and the group that it runs as.
    #[serde(default)]
    pub user: Option<(u32, u32)>,
    /// The time of its start.
    pub started: DateTime<Utc>,
    /// The time of this state, ten seconds old at most in a program that is well.
    #[serde(default)]
    pub written: Option<DateTime<Utc>>,
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
    /// The folders that it cannot write, each with the reason and the remedy.
    #[serde(default)]
    pub closed: BTreeMap<String, Held>,
}

impl State {
    /// Returns the state as JSON, without secrets in the reasons.
    pub(super) fn written(&self) -> serde_json::Result<Vec<u8>> {
        let mut said = self.clone();
        let held = said.trouble.iter_mut().chain(said.put_back.values_mut());
        let held = held.flat_map(|held| [&mut held.why].into_iter().chain(&mut held.fix));
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
    /// The remedy, where a person is needed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Keeps the file up to date, and removes it when dropped.
pub(super) struct StateFile {
    shared: Arc<Shared>,
    writer: Option<AbortHandle>,
}

struct Shared {
    root: Dir,
    home: Dir,
    /// The folders that are to be writable besides: the results and the rejects.
    written: [PathBuf; 2],
    state: Mutex<State>,
    /// The files in hand by name.
    begun: Mutex<BTreeMap<String, Begun>>,
    /// The files of dead programs that cannot be taken over.
    elsewhere: Mutex<BTreeSet<String>>,
    ended: Mutex<bool>,
    changed: Notify,
}

/// A file in hand.
#[derive(Clone)]
struct Begun {
    since: DateTime<Utc>,
    /// The path in its claim's place.
    path: PathBuf,
}

impl StateFile {
    /// Starts the file for the program whose place in the folder is `home`; `exports` takes its rejects.
    pub(super) fn new(root: &Dir, home: &Dir, exports: &Path) -> StateFile {
        let folder = root.path();
        let state = State {
            pid: std::process::id(),
            host: host(),
            user: Some((geteuid().as_raw(), getegid().as_raw())),
            started: Utc::now(),
            written: None,
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            trouble: None,
            in_hand: BTreeSet::new(),
            running: Vec::new(),
            put_back: BTreeMap::new(),
            held: BTreeMap::new(),
            closed: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            root: root.clone(),
            home: home.clone(),
            written: [exports.to_owned(), exports.join("rejects")],
            state: Mutex::new(state),
            begun: Mutex::default(),
            elsewhere: Mutex::default(),
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
    pub(super) fn begun(&self, file: &ClaimedFile) {
        let begun = Begun { since: Utc::now(), path: file.place() };
        lock(&self.shared.begun).insert(file.name(), begun);
        self.shared.state().in_hand.insert(file.name());
        self.shared.changed.notify_one();
    }

    /// Notes the obstacle to loading from now on; `None` ends it.
    pub(super) fn trouble(&self, why: Option<&str>) {
        let mut state = self.shared.state();
        let since = state.trouble.as_ref().map_or_else(Utc::now, |known| known.since);
        state.trouble = why.map(|why| Held { since, why: why.to_owned(), fix: None });
        self.shared.changed.notify_one();
    }

    /// Notes a file that was put back or cannot be taken, the reason, and the remedy if a person is needed at once.
    pub(super) fn put_back(&self, name: &str, why: &str, fix: Option<&str>) {
        lock(&self.shared.begun).remove(name);
        let mut state = self.shared.state();
        state.in_hand.remove(name);
        let since = state.put_back.get(name).map_or_else(Utc::now, |known| known.since);
        let held = Held { since, why: why.to_owned(), fix: fix.map(str::to_owned) };
        state.put_back.insert(name.to_owned(), held);
        self.shared.changed.notify_one();
    }

    /// Notes the files that dead programs had claimed, and that cannot be taken over.
    pub(super) fn elsewhere(&self, names: BTreeSet<String>) {
        *lock(&self.shared.elsewhere) = names;
    }

    /// Notes the reasons why files wait that could be taken otherwise.
    pub(super) fn held(&self, held: BTreeMap<String, String>) {
        self.shared.state().held = held;
        self.shared.changed.notify_one();
    }

    /// Notes a file whose load ended, and that waits no longer.
    pub(super) fn done(&self, name: &str) {
        lock(&self.shared.begun).remove(name);
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
        *lock(&self.shared.ended) = true;
        // A file that stays behind is removed with the place at the next start.
        let _ = self.shared.home.remove(STATE);
    }
}

impl Shared {
    /// The folders that cannot be written now.
    fn closed(&self) -> impl Iterator<Item = (String, Held)> {
        let root = self.root.path();
        let inner = [FAILED, CLAIMS, OWN_FAILED].map(|name| root.join(name));
        let folders = [root.to_owned()].into_iter().chain(inner).chain(self.written.clone());
        folders.filter_map(|folder| {
            let (why, fix) = unwritable(&folder)?;
            let held = Held { since: Utc::now(), why: why.to_owned(), fix: Some(fix) };
            Some((folder.display().to_string(), held))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn write(&self) -> io::Result<()> {
        let ended = lock(&self.ended);
        if *ended {
            return Ok(());
        }
        let (begun, closed) = (lock(&self.begun).clone(), self.closed());
        let elsewhere = lock(&self.elsewhere).clone();
        let mut state = self.state();
        state.written = Some(Utc::now());
        let known = std::mem::take(&mut state.closed);
        state.closed =
            closed.map(|(folder, held)| (folder.clone(), known.get(&folder).cloned().unwrap_or(held))).collect();
        // Files that were taken away do not wait any more.
        let claims: Vec<_> = self.home.folders()?.into_iter().filter_map(|claim| self.home.dir(claim).ok()).collect();
        let is_there = |name: &str| self.root.look(name).is_ok() || claims.iter().any(|dir| dir.look(name).is_ok());
        state.put_back.retain(|name, _| elsewhere.contains(name) || is_there(name));
        let mut said = state.clone();
        drop(state);
        said.running = running(&begun);
        let mut text = said.written()?;
        // Readers read no more than that.
        while text.len() as u64 > NOTE_MAX && said.put_back.len() + said.held.len() > 0 {
            let (put_back, held) = (said.put_back.len() / 2, said.held.len() / 2);
            said.put_back = said.put_back.into_iter().take(put_back).collect();
            said.held = said.held.into_iter().take(held).collect();
            text = said.written()?;
        }
        self.home.write(STATE_NEW, &text, 0o600)?;
        self.home.replace(STATE_NEW, &self.home, STATE)
    }
}

/// The loads in progress; of a file that is in hand without one, how far it was read.
fn running(begun: &BTreeMap<String, Begun>) -> Vec<Running> {
    let mut running = progress::running();
    let mut readers = None;
    for one in running.iter_mut().filter(|one| one.load.is_none()) {
        let is_of =
            |name: &str| one.file.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some((_, Begun { since, path })) = begun.iter().find(|(name, _)| is_of(name)) {
            (one.bytes, one.bytes_total) = readers.get_or_insert_with(Readers::now).of(path);
            one.started = *since;
        }
    }
    running
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes at each change, every second during loads, and every ten seconds otherwise.
async fn keep(shared: Arc<Shared>) {
    loop {
        if shared.state().in_hand.is_empty() {
            let _ = tokio::time::timeout(BEAT, shared.changed.notified()).await;
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
        let file = StateFile::new(folder.root(), folder.home(), dir.path());
        fs::write(dir.path().join("x.csv"), "").unwrap();
        file.trouble(Some("1 a reason's own secret"));
        file.put_back("x.csv", "2 a reason's own secret", Some("4 a reason's own secret"));
        file.held(BTreeMap::from([("y.csv".to_owned(), "3 a reason's own secret".to_owned())]));
        file.shared.write().unwrap();
        let state = read(&places(dir.path()).unwrap()[0]).unwrap();
        assert_eq!(state.trouble.unwrap().why, "1 !env REASON");
        assert_eq!(
            (state.put_back["x.csv"].why.as_str(), state.held["y.csv"].as_str()),
            ("2 !env REASON", "3 !env REASON")
        );
        assert_eq!(state.put_back["x.csv"].fix.as_deref(), Some("4 !env REASON"));
    }

    #[tokio::test]
    async fn it_is_there_while_the_program_runs_and_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let home = folder.home();
        let read = || read(&places(dir.path()).unwrap()[0]);
        let file = StateFile::new(folder.root(), home, dir.path());
        fs::write(dir.path().join("x.csv"), "").unwrap();
        file.put_back("x.csv", "first", None);
        file.put_back("x.csv", "second", None);
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
