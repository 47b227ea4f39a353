//! Finds files in the folder and has them loaded: what lies there first, then what comes. Events say at once that
//! something came; they may be lost, so a look at the folder every minute is what makes it right.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, info, warn};

use super::events::Events;
use super::look::{Seen, look, look_at, may_go_on};
use super::pause::Pause;
use super::settle::{Arrival, Candidate};
use super::state::StateFile;
use crate::alert::Kind;
use crate::app::App;
use crate::load::{FileOutcome, LoadError, LoadReport, load_file};
use crate::source::{Claimed, Folder, SourceError, Stamp, Writer, writer};
use crate::warehouse::Engine;

/// What alerts call it when no file is loaded.
pub(crate) const TROUBLE: &str = "loading";

const RESCAN: Duration = Duration::from_secs(60);
const RESCAN_POLLING: Duration = Duration::from_secs(1);

/// How long a load in hand may go on after the signal to stop: what stops a container waits ten seconds.
const GRACE: Duration = Duration::from_secs(9);

/// Loads at a time. On PostgreSQL each has a connection; SQLite has one writer, and while that is at work the next ones are looked at,
/// and small ones share its commits.
const LOADS: usize = 4;
const LOADS_SQLITE: usize = 16;

/// What became of the files of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files whose rows are in staging.
    pub loaded: u64,
    /// Files whose content had been loaded before.
    pub duplicates: u64,
    /// Files that lie in `failed/`.
    pub failed: u64,
    /// Files that wait to be tried again.
    pub waiting: u64,
    /// Records read, of duplicates too.
    pub rows_read: u64,
    /// Rows in staging.
    pub rows_loaded: u64,
    /// Records refused.
    pub rows_rejected: u64,
    /// Records of contents loaded before.
    pub rows_duplicate: u64,
}

impl Totals {
    fn count(&mut self, report: &LoadReport) {
        match report.duplicate_of {
            Some(_) => self.duplicates += 1,
            None => self.loaded += 1,
        }
        self.rows_read += report.books.read;
        self.rows_loaded += report.books.loaded;
        self.rows_rejected += report.books.rejected;
        self.rows_duplicate += report.books.duplicate;
    }
}

/// A folder that is watched.
pub struct Watch {
    app: Arc<App>,
    path: PathBuf,
    /// What `app status` shows; it stands in the place, so it goes before that.
    state: StateFile,
    folder: Folder,
    settle: Duration,
    poll: bool,
    /// Files that are waited for, in the order in which they are taken.
    candidates: BTreeMap<OsString, Candidate>,
    /// What was named in the log as not for us, or as what is waited for.
    named: HashSet<OsString>,
    running: JoinSet<FileOutcome>,
    in_hand: HashMap<Id, Claimed>,
    /// Whether it ends when the folder is empty: then nothing is tried twice.
    once: bool,
    /// What was put back to be tried again, and will seem to have been renamed in.
    put_back: HashSet<OsString>,
    /// What programs that do not live any more had claimed.
    leftovers: VecDeque<Claimed>,
    /// What this program could not finish with: its rows may be there.
    kept: Vec<Claimed>,
    /// Until when the files of these names wait, because something of theirs went wrong.
    pauses: HashMap<OsString, Pause>,
    /// The database does not answer.
    trouble: Option<Pause>,
    /// The folder is not there.
    away: Option<Pause>,
    totals: Totals,
}

impl Watch {
    /// Watches a folder in which the program has its place.
    pub fn new(app: Arc<App>, folder: Folder, settle: Duration, poll: bool) -> Watch {
        let path = folder.path().to_owned();
        Watch {
            app,
            state: StateFile::new(&path, folder.home()),
            path,
            folder,
            settle,
            poll,
            candidates: BTreeMap::new(),
            named: HashSet::new(),
            running: JoinSet::new(),
            in_hand: HashMap::new(),
            once: false,
            put_back: HashSet::new(),
            leftovers: VecDeque::new(),
            kept: Vec::new(),
            pauses: HashMap::new(),
            trouble: None,
            away: None,
            totals: Totals::default(),
        }
    }

    /// Loads what is in the folder, waiting for what is being written, and ends; earlier at the signal to stop or when
    /// the database does not answer.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn once(mut self, stop: impl AsyncFn()) -> io::Result<Totals> {
        self.once = true;
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

    /// Loads what is in the folder and what comes, until the signal to stop; then lets the loads in hand commit or roll back.
    pub async fn forever(mut self, stop: impl AsyncFn()) -> Totals {
        let events = Arc::new(Events::default());
        let mut watcher = if self.poll { None } else { events.listen(&self.path) };
        if let Err(error) = self.scan() {
            self.miss(&error);
        }
        let mut scanned = Instant::now();
        info!(folder = %self.path.display(), waiting = self.candidates.len(), "watching");
        loop {
            let rescan = if watcher.is_some() { RESCAN } else { RESCAN_POLLING };
            let next = self.take_ready().min(scanned + rescan);
            tokio::select! {
                () = stop() => break,
                Some(done) = self.running.join_next_with_id() => self.done(done),
                () = events.arrived.notified() => {}
                () = tokio::time::sleep_until(next.into()) => {}
            }
            let (arrivals, overflow) = events.take();
            for (name, mut arrival) in arrivals {
                if arrival == Arrival::Renamed && self.put_back.remove(&name) {
                    arrival = Arrival::Seen; // It was us.
                }
                let app = self.app.clone();
                if let Some(seen) = look_at(&self.path, name, &|name| app.plugins.claims(name)) {
                    self.see(seen, arrival);
                }
            }
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
                        Err(error) => self.miss(&error),
                    }
                }
            }
        }
        drop(watcher);
        self.drain(stop).await;
        self.totals
    }

    /// Takes a place in a folder that was removed and made again, or mounted; says whether it is there.
    fn open_again(&mut self) -> bool {
        match Folder::open(&self.path) {
            Ok(folder) => {
                self.state = StateFile::new(&self.path, folder.home());
                self.folder = folder;
                self.candidates.clear();
                true
            }
            Err(error) => {
                self.miss(&error);
                false
            }
        }
    }

    fn find_again(&mut self) {
        if self.away.take().is_some() {
            info!(folder = %self.path.display(), "watching the folder that is there now");
            self.app.alerts.recover(Kind::Trouble, &self.path.display().to_string(), "the folder is there again");
        }
    }

    fn miss(&mut self, error: &io::Error) {
        if Pause::of(&mut self.away, &error.to_string()) {
            error!(folder = %self.path.display(), "cannot use the folder: {error}; waiting for it");
            let (folder, why) = (self.path.display().to_string(), format!("cannot use the folder: {error}"));
            self.app.alerts.raise(Kind::Trouble, &folder, &why, "make or mount it", None);
        }
        self.state.trouble(Some(&format!("cannot use the folder: {error}")));
    }

    fn scan(&mut self) -> io::Result<()> {
        let (app, folder) = (self.app.clone(), self.path.clone());
        let mut left = Vec::new();
        for seen in look(&folder, &|name| app.plugins.claims(name))? {
            let is_hidden = seen.name.as_encoded_bytes().starts_with(b".");
            if seen.left.is_some() && !is_hidden && Stamp::of(&folder.join(&seen.name)).is_some() {
                left.push(seen.name.clone());
            }
            self.see(seen, Arrival::Seen);
        }
        self.candidates.retain(|name, _| Stamp::of(&folder.join(name)).is_some());
        let in_hand = self.in_hand.values().map(Claimed::os_name).collect();
        app.alerts.see_waiting(self.candidates.keys().chain(&left), &in_hand);
        let mut leftovers = self.folder.claim_leftovers()?;
        // What was out of sight for a while, because the folder was unmounted, is in nobody's hand any more.
        let known: HashSet<_> = self
            .in_hand
            .values()
            .chain(&self.kept)
            .chain(&self.leftovers)
            .chain(&leftovers)
            .map(Claimed::claim)
            .collect();
        let forgotten = self.folder.claims().unwrap_or_default();
        leftovers.extend(forgotten.into_iter().filter(|file| !known.contains(&file.claim())));
        // The more often a program has ended over one, the later it is its turn.
        leftovers.sort_by_key(Claimed::ends);
        self.leftovers.extend(leftovers);
        Ok(())
    }

    fn see(&mut self, seen: Seen, arrival: Arrival) {
        if let Some(why) = seen.left {
            if self.named.insert(seen.name.clone()) {
                info!(file.path = &*seen.name.to_string_lossy(), "left where it is: {why}");
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

    /// Claims what is whole and starts its load, as many as may run; gives the time to look again.
    fn take_ready(&mut self) -> Instant {
        let now = Instant::now();
        let far = now + RESCAN;
        if let Some(pause) = self.away.as_ref().or(self.trouble.as_ref()).filter(|pause| now < pause.until()) {
            return pause.until();
        }
        let places = match self.app.warehouse.names().engine {
            _ if self.trouble.is_some() => 1,
            Engine::Postgres => LOADS,
            Engine::Sqlite => LOADS_SQLITE,
        };
        let mut next = far;
        for file in std::mem::take(&mut self.kept) {
            let until = self.paused_until(&file.os_name(), now);
            if until <= now && self.running.len() < places && !self.is_in_hand(&file.os_name()) {
                self.start_again(file);
            } else {
                next = next.min(until.max(now + RESCAN_POLLING));
                self.kept.push(file);
            }
        }
        while self.running.len() < places
            && let Some(file) = self.leftovers.front()
        {
            // Should the program end over one of these, too, it is known which one it was.
            if !self.running.is_empty() && (file.is_orphan() || self.in_hand.values().any(|file| file.ends() > 0)) {
                return next;
            }
            if let Some(file) = self.leftovers.pop_front() {
                self.start_again(file);
            }
        }
        let mut after = Bound::Unbounded;
        // One name at a time: where thousands wait, the first few take every place.
        while let Some(name) = self.candidates.range((after, Bound::Unbounded)).next().map(|(name, _)| name.clone()) {
            after = Bound::Excluded(name.clone());
            if self.is_in_hand(&name) {
                continue;
            }
            if self.running.len() >= places {
                return next;
            }
            match self.ready_at(&name, now) {
                None => drop(self.candidates.remove(&name)),
                Some(ready) if ready > now => next = next.min(ready),
                Some(_) => self.claim(&name),
            }
        }
        next
    }

    /// When a file may be taken; `None` where it is gone.
    fn ready_at(&mut self, name: &OsStr, now: Instant) -> Option<Instant> {
        let paused = self.paused_until(name, now);
        let path = self.path.join(name);
        let stamp = Stamp::of(&path)?;
        let candidate = self.candidates.get_mut(name)?;
        candidate.update(stamp, Arrival::Seen, now);
        let mut ready = candidate.soon_at(self.settle, Writer::None, now);
        if self.once || ready <= now {
            let writer = writer(&path);
            ready = match writer {
                // Who asks for what is there means what nobody is writing any more.
                Writer::None if self.once => now,
                // And waits no longer than it takes to see that.
                Writer::Unknown if self.once => ready,
                _ if candidate.soon_at(self.settle, writer, now) <= now && !may_go_on(&path) => now,
                _ => candidate.ready_at(self.settle, writer, now),
            };
            if self.once && writer == Writer::Open && self.named.insert(name.to_owned()) {
                info!(file.path = &*name.to_string_lossy(), "waiting: somebody is writing it");
            }
        }
        Some(ready.max(paused))
    }

    fn claim(&mut self, name: &OsStr) {
        match self.folder.claim(name) {
            Ok(file) => {
                self.candidates.remove(name);
                self.start(file, false);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => drop(self.candidates.remove(name)),
            Err(error) => {
                let mend = format!("give the user that Sluice runs as the right to write in {}", self.path.display());
                let why = format!("cannot claim the file: {error}");
                if self.pause(name, &why) {
                    let name = name.to_string_lossy();
                    error!(file.path = &*name, "{why}; {mend}");
                    self.app.alerts.raise(Kind::Stuck, &name, &why, &mend, None);
                }
                if self.once {
                    self.totals.waiting += 1;
                    self.candidates.remove(name);
                }
            }
        }
    }

    fn is_in_hand(&self, name: &OsStr) -> bool {
        self.in_hand.values().any(|file| file.os_name() == name)
    }

    fn paused_until(&self, name: &OsStr, now: Instant) -> Instant {
        self.pauses.get(name).map_or(now, Pause::until)
    }

    /// Lets the files of a name wait, longer each time; says whether the reason is new.
    fn pause(&mut self, name: &OsStr, why: &str) -> bool {
        let mut pause = self.pauses.remove(name);
        let is_new = Pause::of(&mut pause, why);
        self.pauses.extend(pause.map(|pause| (name.to_owned(), pause)));
        is_new
    }

    /// Goes on with what was begun before.
    fn start_again(&mut self, mut file: Claimed) {
        match file.begin_again() {
            Ok(()) => self.start(file, true),
            Err(error) => self.keep(file, &format!("cannot go on with it: {error}"), "see to the folder"),
        }
    }

    fn start(&mut self, file: Claimed, unfinished: bool) {
        self.state.begun(&file.name());
        let (app, claimed, place) = (self.app.clone(), file.clone(), self.app.order.join());
        let task = self.running.spawn(async move { load_file(&app, claimed, unfinished, place).await });
        self.in_hand.insert(task.id(), file);
    }

    fn done(&mut self, done: Result<(Id, FileOutcome), JoinError>) {
        let id = done.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(file) = self.in_hand.remove(&id) else { return };
        let name = file.os_name();
        match &done {
            Ok((_, FileOutcome::Waits(error) | FileOutcome::Kept(_, error))) => {
                self.state.put_back(&file.name(), &error.to_string());
            }
            Ok(_) => self.state.done(&file.name()),
            Err(_) => self.state.put_back(&file.name(), "a fault of the program"),
        }
        match done.map(|(_, outcome)| outcome) {
            Ok(FileOutcome::Loaded(reports)) => {
                self.well_again();
                self.pauses.remove(&name);
                self.app.alerts.loaded(&file.name());
                reports.iter().for_each(|report| self.totals.count(report));
            }
            Ok(FileOutcome::Failed(reports)) => {
                self.totals.failed += 1;
                self.pauses.remove(&name);
                self.app.alerts.left(&file.name());
                reports.iter().for_each(|report| self.totals.count(report));
            }
            Ok(FileOutcome::Gone) => {
                self.pauses.remove(&name);
                self.app.alerts.left(&file.name());
            }
            Ok(FileOutcome::Waits(error)) => {
                if error.is_of_database() {
                    self.wait(&error.to_string());
                } else if self.pause(&name, &error.to_string()) {
                    warn!(file.path = file.name(), "not loaded yet: {error}");
                    if !matches!(error, LoadError::Source(SourceError::Changed)) {
                        self.app.alerts.raise(Kind::Stuck, &file.name(), &error.to_string(), error.mend(), None);
                    }
                }
                if self.once {
                    self.totals.waiting += 1;
                    return;
                }
                self.put_back.insert(name.clone());
                self.see(Seen { name, left: None }, Arrival::Seen);
            }
            Ok(FileOutcome::Kept(file, error)) => {
                if error.is_of_database() {
                    self.wait(&error.to_string());
                }
                self.keep(file, &error.to_string(), error.mend());
            }
            Err(panic) => {
                self.keep(file.orphaned(), &format!("a fault of the program: {panic}"), "please report it");
            }
        }
    }

    /// Keeps a claimed file, to be tried again after a pause.
    fn keep(&mut self, file: Claimed, why: &str, mend: &str) {
        if self.pause(&file.os_name(), why) {
            error!(file.path = file.name(), "{why}; {mend}; trying again until it can be finished");
            self.app.alerts.raise(Kind::Stuck, &file.name(), why, mend, None);
        }
        if self.once {
            self.totals.waiting += 1;
        } else {
            self.kept.push(file);
        }
    }

    /// Says once what is wrong with the database, and waits longer each time.
    fn wait(&mut self, why: &str) {
        if Pause::of(&mut self.trouble, why) {
            error!("{why}; files wait in the folder until that is mended");
            self.app.alerts.raise(
                Kind::Trouble,
                TROUBLE,
                why,
                "see to the database; files wait in the folder until then",
                None,
            );
        }
        self.state.trouble(Some(why));
    }

    fn well_again(&mut self) {
        if self.trouble.take().is_some() {
            self.state.trouble(None);
            info!("all is well again");
            self.app.alerts.recover(Kind::Trouble, "loading", "files are loaded again");
        }
    }

    /// Lets the loads in hand end; those that do not within the grace, or before the second signal, roll back, and the next start loads them.
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
