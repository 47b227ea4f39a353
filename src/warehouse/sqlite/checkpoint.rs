//! Checkpoints of the write-ahead log. Commits are in the log, on stable storage. A connection of its own copies them
//! into the database's file (<https://www.sqlite.org/wal.html#ckpt>), so that no commit waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::SqlitePool;
use tokio::sync::{Mutex, mpsc};
use tracing::{info, warn};

/// Length in bytes from which the log is copied; afterwards it is cut to this length.
pub(super) const COPIED: u64 = 4 * 1024 * 1024;

/// Length in bytes from which, and at each doubling, a warning says that an old reader keeps the log from being written
/// from its start again.
const ALARMING: u64 = 1024 * 1024 * 1024;

/// Length in bytes at which a transaction waits at its begin until the log is copied, so that it is written from its
/// start again.
const LONGEST: u64 = 128 * 1024 * 1024;

/// Copies the log in the background as long as it lives.
#[derive(Clone)]
pub(super) struct Checkpointer {
    log: Arc<Log>,
    committed: mpsc::Sender<()>,
}

struct Log {
    pool: SqlitePool,
    path: PathBuf,
    /// Length in bytes of the next warning. The lock lets one copy at a time.
    copying: Mutex<u64>,
}

impl Checkpointer {
    /// Starts the checkpointer of the database at `path`.
    pub(super) fn start(pool: SqlitePool, path: &Path) -> Checkpointer {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let log = Arc::new(Log { pool, path: name.into(), copying: Mutex::new(ALARMING) });
        let (committed, mut commits) = mpsc::channel(1);
        let in_background = Arc::clone(&log);
        tokio::spawn(async move {
            while commits.recv().await.is_some() {
                in_background.copy_from(COPIED).await;
            }
        });
        Checkpointer { log, committed }
    }

    /// Tells of a commit.
    pub(super) fn wake(&self) {
        // A full channel has an earlier commit that was not seen yet.
        let _ = self.committed.try_send(());
    }

    /// Waits until the log is in the database's file, as far as readers let it: first all of it, also that of others,
    /// is brought to stable storage.
    pub(super) async fn barrier(&self) {
        self.log.copy_from(0).await;
    }

    /// Waits for the log to be copied if it has grown too long.
    pub(super) async fn keep_up(&self) {
        self.log.copy_from(LONGEST).await;
    }
}

/// True if a reader keeps the commits from being copied whole: SQLite returns a flag for that, the pages in the log,
/// and the copied ones. Uncommitted pages of a long load count for none of them.
fn is_held(copied: Option<(i64, i64, i64)>) -> bool {
    copied.is_none_or(|(busy, pages, copied)| busy != 0 || copied < pages)
}

impl Log {
    async fn copy_from(&self, size: u64) {
        if self.path.metadata().is_ok_and(|log| log.len() > size) {
            let mut warns_at = self.copying.lock().await;
            // Pages that a reader of an older state holds back are copied another time.
            let copied: Option<(i64, i64, i64)> =
                sqlx::query_as("pragma wal_checkpoint(passive)").fetch_optional(&self.pool).await.unwrap_or_default();
            let length = self.path.metadata().map_or(0, |log| log.len());
            if length >= *warns_at {
                let log = self.path.display();
                if is_held(copied) {
                    warn!(
                        %log,
                        bytes = length,
                        "the database's log grows: some program has been reading an old state for long; end its query or transaction"
                    );
                } else {
                    info!(%log, bytes = length, "the database's log is long, because one load is: it is cut when the next one begins");
                }
                *warns_at = length.saturating_mul(2);
            } else if length < ALARMING {
                *warns_at = ALARMING;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_blamed_only_where_one_keeps_pages_from_being_copied() {
        assert!(!is_held(Some((0, 900, 900))));
        assert!(is_held(Some((0, 900, 12))) && is_held(Some((1, 900, 900))) && is_held(None));
    }
}
