//! A note of each file that went, for the case that the server loses what it has confirmed: after a failover to a standby that had not got
//! it all, the ledger knows nothing of loads whose files are deleted. A server that has become another one is met by comparing the notes
//! with its ledger, before anything more is deleted: what it lost is named, and brought back where it was kept.
//!
//! The notes are lines of JSON in `imports/.sluice/`, two files of a few megabytes at most. They are no part of what is promised: where they
//! cannot be written, loading goes on.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::app::App;
use crate::source::{CLAIMS, Dir, Us, move_to_free_name, random};
use crate::warehouse::WarehouseError;

/// From this size on a new file is begun, in bytes.
const LONG: u64 = 4 * 1024 * 1024;

/// The files of notes, the older ones first.
const FILES: [&str; 2] = ["deleted.1.jsonl", "deleted.jsonl"];

/// The notes of one folder.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// The server whose ledger holds everything that is noted, as [`crate::warehouse::Transaction::server`] calls it.
    met: Mutex<Option<String>>,
}

/// A line of the journal.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Line {
    Gone(Goodbye),
    Met { met: String },
}

/// What is noted of an input that goes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Goodbye {
    /// The load that brought its rows.
    pub load: i64,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// What it was called.
    pub source: String,
    /// The staging table.
    pub table: String,
    /// The server that confirmed the commit.
    pub server: String,
    /// Where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
}

impl Journal {
    /// Of the folder that files land in.
    pub fn of(folder: &Path) -> Journal {
        Journal { folder: folder.to_owned(), met: Mutex::default() }
    }

    /// Notes inputs that are about to go.
    pub fn write(&self, inputs: &[Goodbye]) {
        let lines: Vec<_> = inputs.iter().cloned().map(Line::Gone).collect();
        if let Err(why) = self.append(&lines) {
            warn!(
                "cannot note which files were deleted: {why}; should the server lose what it has confirmed, nobody will tell"
            );
        }
    }

    /// Makes sure that a server's ledger holds what was noted, where it may be another server than before.
    ///
    /// # Errors
    /// When the ledger cannot be asked.
    pub async fn meet(&self, app: &App, server: Option<&str>) -> Result<(), WarehouseError> {
        let Some(server) = server else { return Ok(()) };
        let mut met = self.met.lock().await;
        if met.as_deref() == Some(server) {
            return Ok(());
        }
        let mut noted = self.read();
        noted.retain(|line| line.server != server);
        if !noted.is_empty() {
            let ids: Vec<_> = noted.iter().map(|line| line.load).collect();
            let known = app.ledger.hashes(&ids).await?;
            noted.retain(|line| known.get(&line.load) != Some(&line.hash));
            let same = |line: &Goodbye| history_of(&line.server).0 == history_of(server).0;
            let (lost, foreign): (Vec<_>, Vec<_>) = noted.into_iter().partition(same);
            warn!(
                server,
                lost = lost.len(),
                "the server's history is not the one that had confirmed the last loads: compared them with its ledger"
            );
            for line in &lost {
                self.recover(line);
            }
            if let Some(last) = foreign.last() {
                warn!(
                    loads = foreign.len(),
                    last = last.source,
                    "this is another database than the one that files were loaded into before; it has not got their rows"
                );
            }
        }
        if let Err(why) = self.append(&[Line::Met { met: server.to_owned() }]) {
            warn!("cannot note which server this is: {why}");
        }
        *met = Some(server.to_owned());
        Ok(())
    }

    /// Says what was lost, and brings it back where it was kept.
    fn recover(&self, line: &Goodbye) {
        let Goodbye { load, source, table, kept, .. } = line;
        let Some(kept) = kept else {
            error!(
                load.id = load,
                file.path = source,
                table,
                "the server has lost a load that it had confirmed, and its file is deleted: get the file once more and drop it into {}",
                self.folder.display()
            );
            return;
        };
        match self.bring_back(kept) {
            Ok(to) => {
                warn!(load.id = load, file.path = source, table, brought_back = %to.display(), "the server has lost a load that it had confirmed: its file is loaded again");
            }
            Err(why) => {
                error!(load.id = load, file.path = source, table, kept_as = %kept.display(), "the server has lost a load that it had confirmed, and its file cannot be brought back: {why}; drop it into {}", self.folder.display());
            }
        }
    }

    /// Copies a file that was kept into the folder, under its name or the next free one.
    fn bring_back(&self, kept: &Path) -> io::Result<PathBuf> {
        let (root, notes) = self.open()?;
        let name = format!(".again-{}", random());
        let back = || {
            let (mut from, mut copy) = (File::open(kept)?, notes.new_file(&name, 0o600)?);
            io::copy(&mut from, &mut copy)?;
            copy.set_permissions(from.metadata()?.permissions())?;
            copy.sync_all()?;
            move_to_free_name(&notes, name.as_ref(), &root, kept.file_name().unwrap_or_default())
        };
        back().inspect_err(|_| {
            let _ = notes.remove(&name);
        })
    }

    /// What was noted since a server was met last.
    fn read(&self) -> Vec<Goodbye> {
        let mut noted = Vec::new();
        let Ok((_, notes)) = self.open() else { return noted };
        for name in FILES {
            let mut text = String::new();
            let read = notes.file(name).and_then(|file| file.take(2 * LONG).read_to_string(&mut text));
            if let Err(why) = read.as_ref()
                && why.kind() != io::ErrorKind::NotFound
            {
                info!("the notes of deleted files cannot be read: {why}");
            }
            for line in text.lines() {
                match serde_json::from_str(line) {
                    Ok(Line::Gone(gone)) => noted.push(gone),
                    Ok(Line::Met { .. }) => noted.clear(),
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

    /// The folder, and the one in it where the notes are: it must be ours.
    fn open(&self) -> io::Result<(Dir, Dir)> {
        let root = Dir::open(&self.folder)?;
        let (us, notes) = (Us::ask(&root)?, root.dir(CLAIMS)?);
        let meta = notes.metadata()?;
        if us.own(&meta) { Ok((root, notes)) } else { Err(us.refuse(&notes, &meta)) }
    }
}

/// Which database of which cluster a server is, and on which timeline.
fn history_of(server: &str) -> (&str, &str) {
    server.rsplit_once('/').unwrap_or((server, ""))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gone(load: i64, server: &str) -> Goodbye {
        let (hash, source, table) = ("ab".to_owned(), "x.csv".to_owned(), "x".to_owned());
        Goodbye { load, hash, source, table, server: server.to_owned(), kept: None }
    }

    #[test]
    fn what_was_noted_since_a_server_was_met_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".sluice")).unwrap();
        let journal = Journal::of(dir.path());
        assert!(journal.read().is_empty());
        journal.write(&[gone(1, "7/dw/01")]);
        journal.append(&[Line::Met { met: "7/dw/02".to_owned() }]).unwrap();
        journal.write(&[gone(2, "7/dw/02"), gone(3, "7/dw/02")]);
        fs::write(dir.path().join(".sluice/deleted.1.jsonl"), "{\"load\": 0").unwrap();
        assert_eq!(journal.read(), [gone(2, "7/dw/02"), gone(3, "7/dw/02")]);
        assert_eq!(history_of("7/dw/02"), ("7/dw", "02"));
    }
}
