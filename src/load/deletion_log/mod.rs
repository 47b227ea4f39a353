//! The deletion log: a record of each deleted file, for the case that the server loses a confirmed commit. After a
//! failover to a standby that lacked a part of it, or after a restore of an older state, the ledger knows nothing of
//! loads whose files are deleted. So the records are compared with the ledger when the program starts, when the server
//! has become another one, and when the newest record's load is not there any more: lost loads are named, and their
//! files brought back if they were kept. A catalog that was made anew has lost nothing: it is another one.
//!
//! The log is lines of JSON in `imports/.sluice/`, two files of a few megabytes at most. It is no part of any promise:
//! if it cannot be written, loading goes on.

mod lost;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::alert::Alerts;
use crate::catalog::Catalog;
use crate::source::{CLAIMS, Dir, Us};
use crate::warehouse::WarehouseError;

pub(crate) use self::lost::LOST;

/// Length in bytes from which a new file is begun.
const LONG: u64 = 4 * 1024 * 1024;

/// Files of the log, the older one first.
const FILES: [&str; 2] = ["deleted.1.jsonl", "deleted.jsonl"];

/// Greatest number of files in a message.
const NAMED: usize = 20;

/// Interval at which the ledger is asked for the newest records, while files are loaded.
const ASKED: Duration = Duration::from_secs(1);

/// The deletion log of one folder.
#[derive(Debug)]
pub struct DeletionLog {
    folder: PathBuf,
    meeting: Mutex<()>,
    known: std::sync::Mutex<Known>,
    us: std::sync::Mutex<Option<((u64, u64), Us)>>,
}

/// State of the ledger, as last seen.
#[derive(Debug, Default)]
struct Known {
    /// Server whose ledger holds all recorded loads, as in [`crate::warehouse::Transaction::server`].
    server: Option<String>,
    /// Time of its catalog's creation.
    catalog: Option<i64>,
    /// The newest records, back to the last question to the ledger.
    recent: Vec<(i64, String)>,
    asked: Option<Instant>,
}

/// A line of the log.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Line {
    Gone(DeletionRecord),
    /// A comparison: the ledger of this server holds all records before but these loads, which were told; without a
    /// list nothing is known of the records before.
    Met {
        met: String,
        #[serde(default)]
        lost: Option<Vec<i64>>,
    },
}

/// Record of an input that is deleted.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct DeletionRecord {
    /// Load that brought its rows.
    pub load: i64,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// Name of the input.
    pub source: String,
    /// The staging table.
    pub table: String,
    /// Server that confirmed the commit.
    pub server: String,
    /// Time of its catalog's creation, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<i64>,
    /// Path in the archive, if it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
}

impl DeletionLog {
    /// Log of the folder that files land in.
    pub fn of(folder: &Path) -> DeletionLog {
        DeletionLog {
            folder: folder.to_owned(),
            meeting: Mutex::default(),
            known: std::sync::Mutex::default(),
            us: std::sync::Mutex::default(),
        }
    }

    /// Records inputs that are about to be deleted.
    pub fn write(&self, inputs: &[DeletionRecord]) {
        let catalog = {
            let mut known = self.known();
            known.recent.extend(inputs.iter().map(|line| (line.load, line.hash.clone())));
            known.catalog
        };
        if let Err(why) = self.find_lost(inputs) {
            info!("cannot note that a lost load is loaded again: {why}");
        }
        let lines: Vec<_> = inputs.iter().map(|line| Line::Gone(DeletionRecord { catalog, ..line.clone() })).collect();
        if let Err(why) = self.append(&lines) {
            warn!(
                "cannot note which files were deleted: {why}; should the server lose what it has confirmed, nobody will tell"
            );
        }
    }

    /// True if there is any record.
    pub fn has_notes(&self) -> bool {
        self.open().is_ok_and(|(_, notes)| FILES.iter().any(|name| notes.look(name).is_ok()))
    }

    /// Makes sure that a server's ledger holds the recorded loads.
    ///
    /// # Errors
    /// A ledger that cannot be asked.
    pub async fn reconcile(
        &self,
        catalog: &Catalog,
        alerts: &Alerts,
        server: Option<&str>,
    ) -> Result<(), WarehouseError> {
        let Some(server) = server else { return Ok(()) };
        let _one = self.meeting.lock().await;
        let is_known = self.known().server.as_deref() == Some(server);
        if is_known && self.has_recent(catalog).await? {
            return Ok(());
        }
        let made_at = catalog.made_at().await?;
        let mut noted = self.read();
        let is_another = noted.iter().any(|line| line.server != server);
        let ids: Vec<_> = noted.iter().map(|line| line.load).collect();
        let known = catalog.hashes(&ids).await?;
        noted.retain(|line| known.get(&line.load) != Some(&line.hash));
        let missing: Vec<_> = noted.iter().map(|line| line.load).collect();
        let same = |line: &DeletionRecord| match (line.catalog, made_at) {
            (Some(noted), Some(now)) => noted == now,
            _ => history_of(&line.server).0 == history_of(server).0,
        };
        let (mut lost, foreign): (Vec<_>, Vec<_>) = noted.into_iter().partition(same);
        let unknown: Vec<_> = lost.extract_if(.., |line| !known.contains_key(&line.load)).collect();
        for line in unknown {
            // Rows without a line in the ledger: the line was deleted by hand, and nothing is lost.
            if catalog.rows_of(&line.table, line.load).await? == 0 {
                lost.push(line);
            }
        }
        if is_another {
            warn!(
                server,
                lost = lost.len(),
                "the server's history is not the one that had confirmed the last loads: compared them with its ledger"
            );
        } else if !lost.is_empty() {
            warn!(
                lost = lost.len(),
                "the ledger lacks loads that were committed: an older state of the database was restored"
            );
        }
        let gone: Vec<_> = lost.iter().filter(|line| !self.recover(line)).cloned().collect();
        self.keep_lost(alerts, &gone);
        if !foreign.is_empty() {
            let named: Vec<_> = foreign.iter().rev().take(NAMED).map(|line| line.source.as_str()).collect();
            warn!(
                loads = foreign.len(),
                newest = named.join(", "),
                "this is another database than the one that files were loaded into before, or its catalog was made \
                 anew; it has not got their rows"
            );
        }
        if (is_another || !missing.is_empty())
            && let Err(why) = self.append(&[Line::Met { met: server.to_owned(), lost: Some(missing) }])
        {
            warn!("cannot note which server this is: {why}");
        }
        let asked = Some(Instant::now());
        *self.known() = Known { server: Some(server.to_owned()), catalog: made_at, recent: Vec::new(), asked };
        Ok(())
    }

    /// Marks all records as told: the tables were dropped on purpose.
    pub fn forget(&self) {
        if self.has_notes()
            && let Err(why) = self.append(&[Line::Met { met: String::new(), lost: None }])
        {
            warn!("cannot note that the tables were dropped: {why}");
        }
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

    /// The records that were not told as lost.
    fn read(&self) -> Vec<DeletionRecord> {
        let mut noted: Vec<DeletionRecord> = Vec::new();
        let Ok((_, notes)) = self.open() else { return noted };
        for name in FILES {
            let mut text = String::new();
            let read = notes.file(name).and_then(own).and_then(|file| file.take(2 * LONG).read_to_string(&mut text));
            if let Err(why) = read.as_ref()
                && why.kind() != io::ErrorKind::NotFound
            {
                info!("the notes of deleted files cannot be read: {why}");
            }
            for line in text.lines() {
                match serde_json::from_str(line) {
                    Ok(Line::Gone(gone)) => noted.push(gone),
                    Ok(Line::Met { lost: None, .. }) => noted.clear(),
                    Ok(Line::Met { met, lost: Some(lost) }) => {
                        noted.retain(|line| !lost.contains(&line.load));
                        noted.iter_mut().for_each(|line| line.server.clone_from(&met));
                    }
                    // A line that a power cut left half written.
                    Err(why) => info!("a note of a deleted file cannot be read: {why}"),
                }
            }
        }
        noted
    }

    fn append(&self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let (_, notes) = self.open()?;
        let [full, current] = FILES;
        if notes.look(current).is_ok_and(|file| file.len() > LONG) {
            notes.replace(current, &notes, full)?;
        }
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        // One write, so that the lines of two programs do not mix.
        notes.append(current)?.write_all(&text)
    }

    /// The folder, and the folder of the log in it, which must be ours.
    fn open(&self) -> io::Result<(Dir, Dir)> {
        let root = Dir::open(&self.folder)?;
        let (us, notes) = (self.us(&root)?, root.dir(CLAIMS)?);
        let meta = notes.metadata()?;
        if us.own(&meta) { Ok((root, notes)) } else { Err(us.refuse(&notes, &meta)) }
    }

    /// The marks of our files in the folder, asked once for each folder that takes its name.
    fn us(&self, root: &Dir) -> io::Result<Us> {
        let meta = root.metadata()?;
        let folder = (meta.dev(), meta.ino());
        let mut asked = self.us.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, us)) = *asked
            && known == folder
        {
            return Ok(us);
        }
        let us = Us::ask(root)?;
        *asked = Some((folder, us));
        Ok(us)
    }
}

/// A file of our own: a file made by others, or moved to the log's place, is not believed.
fn own(file: File) -> io::Result<File> {
    if file.metadata()?.uid() == geteuid().as_raw() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"))
}

/// A server's database and cluster, and its timeline.
fn history_of(server: &str) -> (&str, &str) {
    server.rsplit_once('/').unwrap_or((server, ""))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gone(load: i64, server: &str) -> DeletionRecord {
        let (hash, source, table) = ("ab".to_owned(), "x.csv".to_owned(), "x".to_owned());
        DeletionRecord { load, hash, source, table, server: server.to_owned(), catalog: None, kept: None }
    }

    #[test]
    fn what_was_noted_and_not_told_as_lost_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".sluice")).unwrap();
        let journal = DeletionLog::of(dir.path());
        assert!(journal.read().is_empty());
        journal.write(&[gone(0, "7/dw/01")]);
        fs::write(dir.path().join(".sluice/deleted.1.jsonl"), "{\"met\":\"7/dw/01\"}\n{\"load\": 0").unwrap();
        assert_eq!(journal.read(), [gone(0, "7/dw/01")]);
        journal.forget();
        journal.write(&[gone(1, "7/dw/01"), gone(2, "7/dw/01")]);
        journal.append(&[Line::Met { met: "7/dw/02".to_owned(), lost: Some(vec![1]) }]).unwrap();
        journal.write(&[gone(1, "7/dw/02"), gone(3, "7/dw/02")]);
        assert_eq!(journal.read(), [gone(2, "7/dw/02"), gone(1, "7/dw/02"), gone(3, "7/dw/02")]);
        assert_eq!(history_of("7/dw/02"), ("7/dw", "02"));
    }
}
