//! Finds files in the folder and has them loaded: what lies there first, then what comes. Events say at once that
//! something came; they may be lost, so a look at the folder every minute is what makes it right.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::look::{Seen, Stamp, Writer, look, look_at, may_go_on, writer};
use super::settle::{Arrival, Candidate};
use crate::app::App;
use crate::load::{FileOutcome, LoadError, LoadReport, load_file};
use crate::source::{Claimed, Folder};
use crate::warehouse::Engine;

const RESCAN: Duration = Duration::from_secs(60);
const RESCAN_POLLING: Duration = Duration::from_secs(1);

/// How long a load in hand may go on after the signal to stop: what stops us waits ten seconds.
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
    folder: Arc<Folder>,
    settle: Duration,
    poll: bool,
    /// Files that are waited for, in the order in which they are taken.
    candidates: BTreeMap<OsString, Candidate>,
    /// What was named in the log as not for us.
    named: HashSet<OsString>,
    running: JoinSet<(OsString, io::Result<FileOutcome>)>,
    in_hand: HashSet<OsString>,
    /// Whether it ends when the folder is empty: then nothing is tried twice.
    once: bool,
    /// What was put back to be tried again, and will seem to have been renamed in.
    put_back: HashSet<OsString>,
    leftovers: VecDeque<Claimed>,
    trouble: Option<Trouble>,
    totals: Totals,
}

/// The database does not answer, or a folder cannot be written.
struct Trouble {
    until: Instant,
    pause: Duration,
}

impl Watch {
    /// Watches a folder that exists.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(app: Arc<App>, path: &Path, settle: Duration, poll: bool) -> io::Result<Watch> {
        Ok(Watch {
            app,
            folder: Arc::new(Folder::open(path)?),
            settle,
            poll,
            candidates: BTreeMap::new(),
            named: HashSet::new(),
            running: JoinSet::new(),
            in_hand: HashSet::new(),
            once: false,
            put_back: HashSet::new(),
            leftovers: VecDeque::new(),
            trouble: None,
            totals: Totals::default(),
        })
    }

    /// Loads what is in the folder, waiting for what is being written, and ends; earlier at the signal to stop or when
    /// the database does not answer.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn once(mut self, stop: impl Future<Output = ()>) -> io::Result<Totals> {
        tokio::pin!(stop);
        self.once = true;
        self.scan()?;
        while self.trouble.is_none()
            && !(self.candidates.is_empty() && self.leftovers.is_empty() && self.running.is_empty())
        {
            let next = self.take_ready();
            tokio::select! {
                () = &mut stop => break,
                Some(done) = self.running.join_next() => self.done(done),
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        self.totals.waiting += (self.candidates.len() + self.leftovers.len()) as u64;
        self.drain().await;
        Ok(self.totals)
    }

    /// Loads what is in the folder and what comes, until the signal to stop; then lets the loads in hand commit or roll back.
    ///
    /// # Errors
    /// When the folder cannot be read at the start.
    pub async fn forever(mut self, stop: impl Future<Output = ()>) -> io::Result<Totals> {
        let events = Arc::new(Events::default());
        let watcher = if self.poll { None } else { self.listen(&events) };
        let rescan = if watcher.is_some() { RESCAN } else { RESCAN_POLLING };
        self.scan()?;
        let mut scanned = Instant::now();
        info!(folder = %self.folder.path().display(), waiting = self.candidates.len(), "watching");
        tokio::pin!(stop);
        loop {
            let next = self.take_ready().min(scanned + rescan);
            tokio::select! {
                () = &mut stop => break,
                Some(done) = self.running.join_next() => self.done(done),
                () = events.arrived.notified() => {}
                () = tokio::time::sleep_until(next.into()) => {}
            }
            let (arrivals, overflow) = events.take();
            for (name, mut arrival) in arrivals {
                if arrival == Arrival::Renamed && self.put_back.remove(&name) {
                    arrival = Arrival::Seen; // It was us.
                }
                let app = self.app.clone();
                if let Some(seen) = look_at(self.folder.path(), name, &|name| app.plugins.claims(name)) {
                    self.see(seen, arrival);
                }
            }
            if overflow || scanned.elapsed() >= rescan {
                scanned = Instant::now();
                if let Err(error) = self.scan() {
                    error!(folder = %self.folder.path().display(), %error, "cannot look into the folder; trying again");
                }
            }
        }
        drop(watcher);
        self.drain().await;
        Ok(self.totals)
    }

    /// Starts to listen; `None`, and a line in the log, where the system has no events to give.
    fn listen(&self, events: &Arc<Events>) -> Option<RecommendedWatcher> {
        let sink = events.clone();
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| sink.put(event)).and_then(
            |mut watcher| {
                watcher.watch(self.folder.path(), RecursiveMode::NonRecursive)?;
                Ok(watcher)
            },
        );
        made.map_err(|error| warn!(%error, "no events for the folder: looking every second instead")).ok()
    }

    fn scan(&mut self) -> io::Result<()> {
        let app = self.app.clone();
        for seen in look(self.folder.path(), &|name| app.plugins.claims(name))? {
            self.see(seen, Arrival::Seen);
        }
        let folder = self.folder.path().to_owned();
        self.candidates.retain(|name, _| Stamp::of(&folder.join(name)).is_some());
        self.leftovers.extend(self.folder.claim_leftovers()?);
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
        let Some(stamp) = Stamp::of(&self.folder.path().join(&seen.name)) else { return };
        self.candidates
            .entry(seen.name)
            .and_modify(|known| known.update(stamp, arrival, now))
            .or_insert_with(|| Candidate::new(stamp, arrival, now));
    }

    /// Claims what is whole and starts its load, as many as may run; gives the time to look again.
    fn take_ready(&mut self) -> Instant {
        let now = Instant::now();
        let far = now + RESCAN;
        if let Some(trouble) = &self.trouble
            && now < trouble.until
        {
            return trouble.until;
        }
        let places = match self.app.warehouse.names().engine {
            _ if self.trouble.is_some() => 1,
            Engine::Postgres => LOADS,
            Engine::Sqlite => LOADS_SQLITE,
        };
        while self.running.len() < places
            && let Some(file) = self.leftovers.pop_front()
        {
            self.start(file, true);
        }
        let mut next = far;
        let mut after = Bound::Unbounded;
        // One name at a time: where thousands wait, the first few take every place.
        while let Some(name) = self.candidates.range((after, Bound::Unbounded)).next().map(|(name, _)| name.clone()) {
            after = Bound::Excluded(name.clone());
            if self.in_hand.contains(&name) {
                continue;
            }
            if self.running.len() >= places {
                return far;
            }
            let path = self.folder.path().join(&name);
            let Some(stamp) = Stamp::of(&path) else {
                self.candidates.remove(&name);
                continue;
            };
            let Some(candidate) = self.candidates.get_mut(&name) else { continue };
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
            }
            if ready > now {
                next = next.min(ready);
                continue;
            }
            self.candidates.remove(&name);
            match self.folder.claim(&name) {
                Ok(file) => self.start(file, false),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.totals.waiting += u64::from(self.once);
                    let folder = self.folder.path().display();
                    error!(
                        file.path = &*name.to_string_lossy(),
                        "cannot claim the file: {error}; give the user that Sluice runs as the right to write in {folder}"
                    );
                }
            }
        }
        next
    }

    fn start(&mut self, file: Claimed, unfinished: bool) {
        let app = self.app.clone();
        let name = OsString::from(file.name());
        self.in_hand.insert(name.clone());
        let place = app.order.join();
        self.running.spawn(async move { (name, load_file(&app, file, unfinished, place).await) });
    }

    fn done(&mut self, done: Result<(OsString, io::Result<FileOutcome>), tokio::task::JoinError>) {
        let (name, outcome) = match done {
            Ok(done) => done,
            Err(panic) => {
                error!(%panic, "a load ended in a fault of the program; the file stays in .sluice/ until the next start");
                self.totals.failed += 1;
                return;
            }
        };
        self.in_hand.remove(&name);
        match outcome {
            Ok(FileOutcome::Loaded(reports)) => {
                self.well_again();
                reports.iter().for_each(|report| self.totals.count(report));
            }
            Ok(FileOutcome::Failed(reports)) => {
                self.totals.failed += 1;
                reports.iter().for_each(|report| self.totals.count(report));
            }
            Ok(FileOutcome::Gone) => {}
            Ok(FileOutcome::Waits(error)) => {
                match &error {
                    LoadError::Source(_) => warn!(file.path = &*name.to_string_lossy(), "not loaded yet: {error}"),
                    _ => self.wait(&error.to_string()),
                }
                if self.once {
                    self.totals.waiting += 1;
                    return;
                }
                self.put_back.insert(name.clone());
                self.see(Seen { name, left: None }, Arrival::Seen);
            }
            Err(error) => {
                self.totals.failed += 1;
                error!(file.path = &*name.to_string_lossy(), %error, "cannot move or delete the file; it stays in .sluice/ until the next start");
            }
        }
    }

    /// Says once what is wrong, and waits longer each time.
    fn wait(&mut self, why: &str) {
        let pause = match &self.trouble {
            None => {
                error!("{why}; files wait in the folder until that is mended");
                Duration::from_secs(1)
            }
            Some(trouble) => (trouble.pause * 2).min(RESCAN),
        };
        self.trouble = Some(Trouble { until: Instant::now() + pause, pause });
    }

    fn well_again(&mut self) {
        if self.trouble.take().is_some() {
            info!("all is well again");
        }
    }

    /// Lets the loads in hand end; those that do not within the grace roll back, and the next start loads them.
    async fn drain(&mut self) {
        if !self.running.is_empty() {
            info!(loads = self.running.len(), "stopping after the loads in hand");
        }
        let end = tokio::time::sleep(GRACE);
        tokio::pin!(end);
        loop {
            tokio::select! {
                done = self.running.join_next() => match done {
                    Some(done) => self.done(done),
                    None => return,
                },
                () = &mut end => break,
            }
        }
        warn!(loads = self.running.len(), "rolled back: the next start loads the files in hand");
        self.running.shutdown().await;
    }
}

/// What the system said since the last look; as much as there are names, however many events.
#[derive(Default)]
struct Events {
    news: Mutex<(HashMap<OsString, Arrival>, bool)>,
    arrived: Notify,
}

impl Events {
    fn put(&self, event: notify::Result<notify::Event>) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(event) => {
                news.1 |= event.need_rescan();
                let arrival = match event.kind {
                    EventKind::Access(AccessKind::Close(AccessMode::Write)) => Arrival::Closed(1),
                    EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Arrival::Renamed,
                    EventKind::Modify(ModifyKind::Data(_)) => Arrival::Written,
                    EventKind::Create(_) | EventKind::Modify(ModifyKind::Metadata(_)) => Arrival::Seen,
                    _ => return,
                };
                for path in event.paths {
                    let Some(name) = path.file_name() else { continue };
                    let known = news.0.entry(name.to_owned()).or_insert(Arrival::Seen);
                    *known = match (*known, arrival) {
                        (Arrival::Closed(times), Arrival::Closed(more)) => Arrival::Closed(times + more),
                        // It is open again.
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

    fn take(&self) -> (HashMap<OsString, Arrival>, bool) {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
