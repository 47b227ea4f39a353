//! Finds files in the folder and has them loaded: first the files that are there, then new ones. Events tell at once of
//! new files; they may be lost, so a look at the folder every minute makes it right.

mod ahead;
mod away;
mod done;
mod line;
mod plugins;
mod short;
mod take;
mod totals;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinSet};
use tracing::{info, warn};

use self::short::Turns;
pub use self::totals::Totals;
use super::absent::Absent;
use super::backoff::Backoff;
use super::events::Events;
use super::look::{Seen, look, look_at};
use super::said::Said;
use super::settle::{Arrival, Candidate};
use super::state::StateFile;
use super::waiting::why_waiting;
use crate::app::App;
use crate::dataset::plugin::{PluginFolder, Reach};
use crate::load::FileOutcome;
use crate::source::{ClaimedFile, Folder, Stamp};
use crate::text::counted;
use crate::warehouse::WarehouseError;

/// The subject of alerts when no file is loaded.
pub(crate) const TROUBLE: &str = "loading";

const RESCAN: Duration = Duration::from_secs(60);
const RESCAN_POLLING: Duration = Duration::from_secs(1);

/// The time that loads in hand have after the signal to stop: container runtimes wait ten seconds.
const GRACE: Duration = Duration::from_secs(9);

/// Loads at a time. On PostgreSQL each has a connection; SQLite has one writer, and during its work the next files are
/// looked at, and small ones share its commits.
const LOADS: usize = 4;
const LOADS_OF_ONE_WRITER: usize = 16;

/// A folder that is watched.
pub struct Watch {
    app: Arc<App>,
    path: PathBuf,
    /// The state for `app status`; its file is in the place, so it is dropped before that.
    state: StateFile,
    folder: Arc<Folder>,
    settle: Duration,
    poll: bool,
    /// Files that wait, in the order in which they are taken.
    candidates: BTreeMap<OsString, Candidate>,
    /// The names in the log that are left alone or waited for.
    named: Said,
    running: JoinSet<FileOutcome>,
    /// The turns of owners in the place for short files.
    short: Turns,
    in_hand: HashMap<Id, ClaimedFile>,
    /// The tables that the files in hand may go into.
    reaches: HashMap<Id, Reach>,
    plugins: PluginFolder,
    /// Files, by their claims, that wait for an earlier one.
    behind: HashSet<OsString>,
    /// True if a file no longer waits for an earlier one, because that came too late.
    overlooks: bool,
    /// The arrivals of files in hand.
    came: HashMap<OsString, Instant>,
    /// The logged reasons why files wait that could be taken otherwise.
    held: BTreeMap<OsString, String>,
    /// The reasons why files wait for one in hand, which are not logged.
    queued: BTreeMap<OsString, String>,
    /// Files that are not loaded in this run, where nothing is tried twice, and files of other programs' claims that
    /// cannot be claimed now.
    given_up: BTreeMap<OsString, Reach>,
    stuck: BTreeSet<OsString>,
    /// Files in `failed/` without which later ones of their tables are loaded.
    failed: BTreeMap<OsString, Reach>,
    /// The last file by name that was taken for a table whose rows are replaced.
    newest: HashMap<String, OsString>,
    /// True if it ends when the folder is empty: then nothing is tried twice.
    once: bool,
    /// Files that were put back to be tried again, and will seem to have been renamed in.
    put_back: HashSet<OsString>,
    /// Files that dead programs had claimed.
    leftovers: VecDeque<ClaimedFile>,
    /// Files that this program could not finish: their rows may be there.
    kept: Vec<ClaimedFile>,
    /// The ends of the waits of files with these names, after a failure of theirs.
    pauses: HashMap<OsString, Backoff>,
    /// Set while the database does not answer.
    trouble: Option<Backoff>,
    /// The files that wait for the database's sake.
    hurt: HashSet<OsString>,
    /// The question to a troubled database, while no file would ask it.
    probe: JoinSet<Result<(), WarehouseError>>,
    /// Set while the folder is not there.
    away: Option<Backoff>,
    /// The logged reasons why it was not; and true if this absence is logged.
    missed: Said,
    told_away: bool,
    /// The note that replaces the state while the folder is absent.
    absent: Option<Absent>,
    totals: Totals,
}

impl Watch {
    /// Makes the watch of a folder in which the program has its place.
    pub fn new(app: Arc<App>, folder: Folder, plugins: PluginFolder, settle: Duration, poll: bool) -> Watch {
        let (path, folder) = (folder.path().to_owned(), Arc::new(folder));
        let state = StateFile::new(folder.root(), folder.home(), &app.workspace.exports);
        Watch {
            app,
            state,
            path,
            folder,
            settle,
            poll,
            candidates: BTreeMap::new(),
            named: Said::default(),
            running: JoinSet::new(),
            short: Turns::default(),
            in_hand: HashMap::new(),
            reaches: HashMap::new(),
            plugins,
            behind: HashSet::new(),
            overlooks: false,
            came: HashMap::new(),
            held: BTreeMap::new(),
            queued: BTreeMap::new(),
            given_up: BTreeMap::new(),
            stuck: BTreeSet::new(),
            failed: BTreeMap::new(),
            newest: HashMap::new(),
            once: false,
            put_back: HashSet::new(),
            leftovers: VecDeque::new(),
            kept: Vec::new(),
            pauses: HashMap::new(),
            trouble: None,
            hurt: HashSet::new(),
            probe: JoinSet::new(),
            away: None,
            missed: Said::default(),
            told_away: false,
            absent: None,
            totals: Totals::default(),
        }
    }

    /// Loads the files in the folder, waiting for those that are being written, and ends; earlier at the signal to stop
    /// or when the database does not answer.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn once(mut self, stop: impl AsyncFn()) -> io::Result<Totals> {
        self.once = true;
        self.told_plugins();
        self.scan()?;
        loop {
            let next = self.take_ready();
            let idle = self.candidates.is_empty() && self.leftovers.is_empty() && self.running.is_empty();
            if idle || self.trouble.is_some() {
                break;
            }
            tokio::select! {
                () = stop() => break,
                Some(done) = self.running.join_next_with_id() => self.done(done),
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        self.totals.waiting += (self.candidates.len() + self.leftovers.len()) as u64;
        self.drain(stop).await;
        Ok(self.totals)
    }

    /// Loads the files in the folder and new ones until the signal to stop; then lets the loads in hand commit or roll
    /// back.
    pub async fn forever(mut self, stop: impl AsyncFn()) -> Totals {
        self.told_plugins();
        let app = Arc::clone(&self.app);
        app.intake.open(&self.folder);
        let events = Arc::new(Events::default());
        let mut watcher = if self.poll { None } else { events.listen(&self.path) };
        if let Err(error) = self.scan() {
            self.miss(error);
        }
        let mut scanned = Instant::now();
        let waiting = self.candidates.len();
        let there = if waiting > 0 { format!(", {} in it", counted(waiting as u64, "file")) } else { String::new() };
        let sentence = format!("watching {}{there}", self.path.display());
        info!(sentence, folder = %self.path.display(), waiting, "watching");
        loop {
            let rescan = if watcher.is_some() { RESCAN } else { RESCAN_POLLING };
            let next = self.take_ready().min(scanned + rescan);
            tokio::select! {
                () = stop() => break,
                Some(done) = self.running.join_next_with_id() => self.done(done),
                Some(answer) = self.probe.join_next() => self.answered(answer),
                () = events.arrived.notified() => {}
                () = app.intake.arrived() => self.receive(),
                () = tokio::time::sleep_until(next.into()) => {}
            }
            let (arrivals, overflow) = events.take();
            for (name, mut arrival) in arrivals {
                if arrival == Arrival::Renamed && self.put_back.remove(&name) {
                    arrival = Arrival::Seen; // This program caused it.
                }
                let plugins = self.app.plugins.get();
                // A file with a temporary name is logged if it is still there at the next look at the folder.
                if let Some(seen) = look_at(&self.path, name, &|name| plugins.claims(name))
                    && !seen.is_on_its_way()
                {
                    self.see(seen, arrival);
                }
            }
            self.see_database().await;
            let tries_again = self.away.as_ref().is_some_and(|pause| pause.until() <= Instant::now());
            if overflow || tries_again || scanned.elapsed() >= rescan {
                scanned = Instant::now();
                if !self.folder.is_there() {
                    watcher = None;
                    if self.open_again() && !self.poll {
                        watcher = events.listen(&self.path);
                    }
                }
                if self.folder.is_there() {
                    match self.scan() {
                        Ok(()) => self.find_again(),
                        Err(error) => self.miss(error),
                    }
                }
            }
        }
        drop(watcher);
        // What is received from here on would wait for the next start.
        self.app.intake.close();
        self.drain(stop).await;
        self.totals
    }

    fn scan(&mut self) -> io::Result<()> {
        let (app, folder) = (Arc::clone(&self.app), self.path.clone());
        let plugins = app.plugins.get();
        let mut left = HashMap::new();
        let all = look(&folder, &|name| plugins.claims(name))?;
        let planted = self.folder.planted();
        self.forget(&all, &planted);
        for (name, what) in planted {
            if let Some(often) = self.named.comes(OsStr::new(&name), Instant::now()) {
                warn!(file.path = name, "left where it is: not Sluice's own, but {what}; see who put it there{often}");
            }
        }
        let unsaid = self.named.unsaid();
        if unsaid > 0 {
            warn!("{} more came that are not named here: app status shows those that wait", counted(unsaid, "name"));
        }
        for seen in all {
            let is_hidden = seen.name.as_encoded_bytes().starts_with(b".");
            if let (Some(why), false) = (seen.left, is_hidden)
                && Stamp::of(&folder.join(&seen.name)).is_some()
            {
                left.insert(seen.name.clone(), why);
            }
            self.see(seen, Arrival::Seen);
        }
        self.candidates.retain(|name, _| Stamp::of(&folder.join(name)).is_some());
        let in_hand = self.in_hand.values().map(ClaimedFile::os_name).collect();
        let why = |name: &OsStr| match self.pauses.get(name) {
            Some(pause) => format!("to be tried again: {}", pause.why()),
            None => match self.held.get(name) {
                Some(why) => why.clone(),
                None => why_waiting(&folder.join(name), left.get(name).copied()),
            },
        };
        app.loader.alerts.see_waiting(self.candidates.keys().chain(left.keys()), &in_hand, &why);
        let mut stuck = Vec::new();
        let mut leftovers =
            self.folder.claim_leftovers(&mut |name, error| stuck.push((name.to_owned(), error.to_string())))?;
        self.cannot_take_over(stuck);
        // Files that were out of sight while the folder was unmounted are in no load's hands any more.
        let known: HashSet<_> = self
            .in_hand
            .values()
            .chain(&self.kept)
            .chain(&self.leftovers)
            .chain(&leftovers)
            .map(ClaimedFile::claim)
            .collect();
        let forgotten = self.folder.claims().unwrap_or_default();
        leftovers.extend(forgotten.into_iter().filter(|file| !known.contains(&file.claim())));
        // The more often a program has ended over a file, the later is its turn.
        leftovers.sort_by_key(ClaimedFile::ends);
        self.leftovers.extend(leftovers);
        Ok(())
    }

    /// Takes the files that came over the network; a look at the place may have found one before.
    fn receive(&mut self) {
        for file in self.app.intake.take() {
            let claim = file.claim();
            let mut known = self.in_hand.values().chain(&self.kept).chain(&self.leftovers);
            if file.is_there().unwrap_or(true) && !known.any(|other| other.claim() == claim) {
                self.leftovers.push_back(file);
            }
        }
    }

    /// Forgets names that are gone.
    fn forget(&mut self, all: &[Seen], planted: &[(String, String)]) {
        let there: HashSet<&OsStr> = all.iter().map(|seen| &*seen.name).collect();
        let planted: HashSet<&OsStr> = planted.iter().map(|(name, _)| OsStr::new(name)).collect();
        let claimed = self.in_hand.values().chain(&self.kept).chain(&self.leftovers);
        let claimed: HashSet<_> = claimed.map(ClaimedFile::os_name).collect();
        let is_there = |name: &OsString| there.contains(&**name) || claimed.contains(name);
        self.named.leave(|name| is_there(name) || planted.contains(&**name), Instant::now());
        self.put_back.retain(is_there);
        self.pauses.retain(|name, _| is_there(name));
    }

    fn see(&mut self, seen: Seen, arrival: Arrival) {
        if let Some(why) = seen.left {
            let name = seen.name.to_string_lossy();
            match self.named.comes(&seen.name, Instant::now()) {
                // Another name follows.
                Some(often) if seen.is_on_its_way() => info!(file.path = &*name, "left where it is: {why}{often}"),
                Some(often) => warn!(file.path = &*name, "left where it is: {why}{often}"),
                None => {}
            }
            return;
        }
        let now = Instant::now();
        let Some(stamp) = Stamp::of(&self.path.join(&seen.name)) else { return };
        self.candidates
            .entry(seen.name)
            .and_modify(|known| known.update(stamp, arrival, now))
            .or_insert_with(|| Candidate::new(stamp, arrival, now));
    }

    /// Waits for the loads in hand; those that outlast the grace or the second signal roll back, and the next start
    /// loads them.
    async fn drain(&mut self, stop: impl AsyncFn()) {
        if !self.running.is_empty() {
            let seconds = GRACE.as_secs();
            info!(
                loads = self.running.len(),
                "stopping after the loads in hand, in {seconds} s at most; a second signal stops at once"
            );
        }
        let end = tokio::time::sleep(GRACE);
        tokio::pin!(end);
        loop {
            tokio::select! {
                done = self.running.join_next_with_id() => match done {
                    Some(done) => self.done(done),
                    None => break,
                },
                () = stop() => break,
                () = &mut end => break,
            }
        }
        if !self.running.is_empty() {
            warn!(loads = self.running.len(), "rolled back: the next start loads the files in hand");
            self.totals.waiting += self.running.len() as u64;
            self.running.shutdown().await;
        }
        self.folder.stop();
    }
}
