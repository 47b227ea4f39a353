//! The deletion log: a record of each deleted file, for the case that the server loses a confirmed commit. After a
//! failover to a standby that lacked a part of it, after a restore of an older state, or beside another database, the
//! ledger knows nothing of loads whose files are deleted. So the records are compared with the ledger when the program
//! starts, when the server has become another one, and when the newest record's load is not there any more: lost loads
//! are named, and their files brought back if they were kept. What was retracted or dropped on purpose is noted, too.
//!
//! The log is lines of JSON in `imports/.sluice/`, two files of a few megabytes at most; what is cut from it is noted by
//! number. A file whose record cannot be written is not deleted.

mod compare;
mod files;
mod lost;
mod record;
mod taken_back;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tracing::{info, warn};

use self::files::{FILES, own};
use self::record::Line;
use crate::alert::Alerts;
use crate::catalog::Catalog;
use crate::source::Us;
use crate::warehouse::WarehouseError;

pub(crate) use self::lost::{by_dropped_table, fix_of_another, of_another, of_dropped, of_lost, of_retracted};
pub use self::record::DeletionRecord;
pub use self::taken_back::Noted;

/// Length in bytes from which a new file is begun.
const LONG: u64 = 4 * 1024 * 1024;

/// Path of the log below the folder.
pub(crate) const DELETED: &str = ".sluice/deleted.jsonl";

/// Interval at which the ledger is asked for the newest records, while files are loaded.
const ASKED: Duration = Duration::from_secs(1);

/// Number of tries to be alone with the log, and the pause between them.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The deletion log of one folder.
#[derive(Debug)]
pub struct DeletionLog {
    folder: PathBuf,
    meeting: Mutex<()>,
    /// Held while the list of losses is read and written: loads end beside each other.
    listing: std::sync::Mutex<()>,
    known: std::sync::Mutex<Known>,
    us: std::sync::Mutex<Option<((u64, u64), Us)>>,
}

/// State of the ledger, as last seen.
#[derive(Debug, Default)]
struct Known {
    /// Server whose ledger holds all recorded loads, as in [`crate::warehouse::Transaction::server`].
    server: Option<String>,
    /// Identity of its catalog.
    catalog: Option<String>,
    /// Records whose files were brought back, and are not loaded again yet.
    coming: Vec<DeletionRecord>,
    /// The newest records, back to the last question to the ledger.
    recent: Vec<(i64, String)>,
    asked: Option<Instant>,
    /// True once a line was written whole: what was there before may end within a line.
    is_whole: bool,
}

impl DeletionLog {
    /// Log of the folder that files land in.
    pub fn of(folder: &Path) -> DeletionLog {
        DeletionLog {
            folder: folder.to_owned(),
            meeting: Mutex::default(),
            listing: std::sync::Mutex::default(),
            known: std::sync::Mutex::default(),
            us: std::sync::Mutex::default(),
        }
    }

    /// Records inputs that are about to be deleted, of which none may go if that fails.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn write(&self, inputs: &[DeletionRecord]) -> io::Result<()> {
        let (catalog, mut pending) = {
            let mut known = self.known();
            known.recent.extend(inputs.iter().map(|line| (line.load, line.hash.clone())));
            (known.catalog.clone(), known.coming.clone())
        };
        pending.extend(self.listed().unwrap_or_default().into_iter().filter(|lost| !lost.retracted));
        let (mut lines, mut again) = (Vec::new(), Vec::new());
        for line in inputs {
            // One load brings one lost load again: that of its number, or first that of a file with its name.
            let same = |lost: &&DeletionRecord| {
                (&lost.hash, &lost.table) == (&line.hash, &line.table) && !again.contains(&lost.name())
            };
            let is_like = |lost: &&DeletionRecord| {
                (lost.catalog == catalog && lost.load == line.load, lost.source == line.source)
            };
            let found = pending.iter().rev().filter(same).max_by_key(is_like);
            let found: Vec<_> = found.iter().map(|lost| lost.name()).filter(|name| *name != line.name()).collect();
            again.extend(found.iter().cloned());
            lines.push(Line::Gone(DeletionRecord { catalog: catalog.clone(), again: found, ..line.clone() }));
        }
        self.append(&lines)?;
        let _turn = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = self.found_again(&again).and_then(|()| self.lose_again(inputs, &again)) {
            info!("cannot note which lost loads are loaded again: {why}");
        }
        Ok(())
    }

    /// True if there is any record, of a delete or of a loss.
    pub fn has_notes(&self) -> bool {
        let names = || FILES.iter().chain([&lost::LOST_NAME]);
        self.open().is_ok_and(|(_, notes)| names().any(|name| notes.look(name).is_ok()))
    }

    /// Number of the loads that the log holds, for the case that there is no database to ask for them.
    pub(crate) fn loads(&self) -> usize {
        self.read().entries.len()
    }

    /// The loads that the database of the catalog lacks, of which nobody has said to know, and the reason if a part of
    /// the log cannot be read. Changes nothing.
    ///
    /// # Errors
    /// A ledger that cannot be asked.
    pub async fn lost_in(&self, catalog: &Catalog) -> Result<(Vec<DeletionRecord>, Option<String>), WarehouseError> {
        let found = self.compare(catalog, None).await?;
        Ok((found.lost, found.unread))
    }

    /// Makes sure that a server's ledger holds the recorded loads; the server is as in
    /// [`crate::warehouse::Transaction::server`].
    ///
    /// # Errors
    /// A ledger that cannot be asked.
    pub async fn reconcile(
        &self,
        catalog: &Catalog,
        alerts: &Alerts,
        server: Option<&str>,
    ) -> Result<(), WarehouseError> {
        let _one = self.meeting.lock().await;
        let name = server.unwrap_or_default();
        let is_known = self.known().server.as_deref() == Some(name);
        if is_known && self.has_recent(catalog).await? {
            return Ok(());
        }
        // Two programs would bring back what was kept twice.
        let _alone = self.alone().await;
        let found = self.compare(catalog, server).await?;
        let mut told = self.told_so_far();
        if let Some(why) = &found.unread {
            warn!("the notes of deleted files cannot be read: {why}; loads that the database lacks may not be told");
        }
        let before = found.server.as_ref().map(|newest| if told.server.is_empty() { newest } else { &told.server });
        if before.is_some_and(|before| before != name) {
            warn!(
                server,
                lost = found.lost.iter().filter(|line| !line.retracted).count(),
                "the server's history is not the one that had confirmed the last loads: compared them with its ledger"
            );
        } else if found.lost.iter().any(|line| {
            let is_told = found.told.contains(&line.name());
            !(line.elsewhere || line.retracted || is_told)
        }) {
            warn!(
                lost = found.lost.iter().filter(|line| !line.retracted).count(),
                "the ledger lacks loads that were committed: an older state of the database was restored"
            );
        }
        {
            let mut known = self.known();
            known.server = Some(name.to_owned());
            known.catalog = Some(found.database.clone()).filter(|id| !id.is_empty());
            known.coming.clone_from(&found.coming);
            known.recent = found.newest.iter().cloned().collect();
            known.asked = Some(Instant::now());
        }
        if !found.stays.is_empty()
            && let Err(why) = self.append(&[Line::Stays { stays: found.stays.clone() }])
        {
            warn!("cannot note that loads stay which were retracted before: {why}");
        }
        let left = self.forget_told().and_then(|()| self.recover(&found.lost, &found.back)).unwrap_or_else(|why| {
            warn!("cannot bring back the files of lost loads: {why}");
            found.lost.clone()
        });
        let is_new = |line: &&DeletionRecord| !found.told.contains(&line.name());
        self.tell(alerts, &left.iter().filter(is_new).cloned().collect::<Vec<_>>());
        told.move_to(&found, name);
        // The list first: what is told and not in it is known.
        let keep = || self.list(&left).and_then(|()| self.keep_told(&told));
        if self.has_notes()
            && let Err(why) = keep()
        {
            warn!("cannot note which loads are lost: {why}; they are told again at the next start");
        }
        Ok(())
    }

    /// Marks all records as known: the tables were dropped on purpose.
    pub fn forget(&self) {
        if self.has_notes()
            && let Err(why) =
                self.append(&[Line::Met { _server: String::new(), lost: None }]).and_then(|()| self.list(&[]))
        {
            warn!("cannot note that the tables were dropped: {why}");
        }
    }

    /// The lock of the log among programs, for as long as the file is kept. One that is stopped over it is not waited for.
    async fn alone(&self) -> Option<File> {
        let folder = self.open().ok()?.1.reopen().ok()?;
        for _ in 0..TRIES {
            if folder.try_lock().is_ok() {
                return Some(folder);
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    /// True if the ledger has the newest records: it lacks them if an older state was restored meanwhile.
    async fn has_recent(&self, catalog: &Catalog) -> Result<bool, WarehouseError> {
        let recent = {
            let known = self.known();
            if known.recent.is_empty() || known.asked.is_some_and(|asked| asked.elapsed() < ASKED) {
                return Ok(true);
            }
            known.recent.clone()
        };
        let ids: Vec<_> = recent.iter().map(|(load, _)| *load).collect();
        let hashes = catalog.hashes(&ids).await?;
        if recent.iter().any(|(load, hash)| hashes.get(load) != Some(hash)) {
            return Ok(false);
        }
        let mut known = self.known();
        known.asked = Some(Instant::now());
        // The last one stays, to be asked for next time; and so do the ones that came during the question.
        known.recent.drain(..recent.len().saturating_sub(1));
        Ok(true)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server's database and cluster, and its timeline.
fn history_of(server: &str) -> (&str, &str) {
    server.rsplit_once('/').unwrap_or((server, ""))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn gone(load: i64, note: &str) -> DeletionRecord {
        let (hash, source, table) = (format!("h{load}"), "x.csv".to_owned(), "x".to_owned());
        DeletionRecord { load, hash, source, table, note: note.to_owned(), ..DeletionRecord::default() }
    }

    fn loads(log: &DeletionLog) -> Vec<(i64, usize)> {
        log.read().entries.iter().map(|one| (one.line.load, one.before.len())).collect()
    }

    #[test]
    fn what_was_noted_is_read_back_each_load_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".sluice")).unwrap();
        let log = DeletionLog::of(dir.path());
        assert!(loads(&log).is_empty());
        log.write(&[gone(0, "")]).unwrap();
        // Lines of an older version, and a half one.
        let older = "{\"met\":\"7/dw/01\",\"lost\":[0]}\n{\"load\": 0";
        fs::write(dir.path().join(".sluice/deleted.1.jsonl"), older).unwrap();
        assert_eq!(loads(&log), [(0, 1)]);
        log.forget();
        assert!(loads(&log).is_empty());
        log.write(&[gone(1, "a"), gone(2, "b")]).unwrap();
        // A load that is noted again, and one of a content that was lost.
        log.write(&[gone(1, "c")]).unwrap();
        log.append(&[Line::Gone(DeletionRecord { again: vec!["b".to_owned()], ..gone(7, "d") })]).unwrap();
        assert_eq!(loads(&log), [(1, 2), (7, 2)]);
        assert_eq!(history_of("7/dw/02"), ("7/dw", "02"));
    }

    #[test]
    fn a_record_behind_a_half_line_is_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".sluice")).unwrap();
        fs::write(dir.path().join(".sluice/deleted.jsonl"), "{\"load\": 0").unwrap();
        let log = DeletionLog::of(dir.path());
        log.write(&[gone(3, "a")]).unwrap();
        assert_eq!(loads(&log), [(3, 1)]);
    }

    #[test]
    fn what_is_cut_is_known_by_its_number() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".sluice")).unwrap();
        let (log, place) = (DeletionLog::of(dir.path()), dir.path().join(".sluice/deleted.jsonl"));
        for load in [5, 6, 7] {
            log.write(&[gone(load, "")]).unwrap();
            File::options().append(true).open(&place).unwrap().write_all(&vec![b'\n'; LONG as usize]).unwrap();
        }
        log.write(&[gone(8, "")]).unwrap();
        let named: Vec<_> = log.read().entries.iter().map(|one| (one.line.is_cut(), one.line.load)).collect();
        assert_eq!(named, [(true, 6), (false, 7), (false, 8)]);
    }

    #[test]
    fn what_is_taken_back_counts_for_the_records_before() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".sluice")).unwrap();
        let log = DeletionLog::of(dir.path());
        let of = |load, note: &str, claim: &str| DeletionRecord {
            hash: "h".to_owned(),
            claim: Some(claim.to_owned()),
            ..gone(load, note)
        };
        let wanted = |log: &DeletionLog| -> Vec<i64> {
            let noted = log.read();
            noted.entries.iter().filter(|one| one.is_wanted(|_| true)).map(|one| one.line.load).collect()
        };
        log.write(&[of(1, "a", "x"), of(2, "b", "y"), DeletionRecord { repeats: true, ..of(3, "c", "z") }]).unwrap();
        // The second one was a duplicate of the first, the third is a load of its own.
        let noted = log.note_retraction(of(1, "", "x")).unwrap().unwrap();
        assert_eq!(wanted(&log), [3]);
        // Deleted after all, it stays retracted; under its number, but another claim, it is another load.
        log.write(&[of(1, "d", "x")]).unwrap();
        assert_eq!(wanted(&log), [3]);
        log.write(&[of(4, "e", "w"), of(1, "f", "v")]).unwrap();
        assert_eq!(wanted(&log), [3, 4, 1]);
        log.void(noted).unwrap();
        assert_eq!(wanted(&log), [2, 3, 4, 1]);
        log.note_drop("x", None).unwrap();
        log.write(&[of(5, "g", "u")]).unwrap();
        assert_eq!(wanted(&log), [5]);
    }

    #[test]
    fn a_record_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".sluice/deleted.jsonl")).unwrap();
        let log = DeletionLog::of(dir.path());
        assert!(log.write(&[gone(1, "a")]).is_err());
        assert!(log.read().unread.is_some());
    }
}
