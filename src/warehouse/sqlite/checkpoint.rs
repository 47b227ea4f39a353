//! What was committed lies in the write-ahead log, on stable storage. From there it is copied into the database's file
//! (<https://www.sqlite.org/wal.html#ckpt>) by a connection of its own, so that no commit waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::{Executor, SqlitePool};
use tokio::sync::{Mutex, mpsc};
use tracing::warn;

/// From this size on the log is copied, in bytes. Once it is, it is cut to this size.
pub(super) const COPIED: u64 = 4 * 1024 * 1024;

/// From this size on, and at each doubling, somebody is told that an old reader keeps the log from being written from its start again.
const ALARMING: u64 = 1024 * 1024 * 1024;

/// At this size a transaction that begins waits until the log is copied, so that it is written from its start again.
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
    /// One copies at a time. From which size on the next warning comes, in bytes.
    copying: Mutex<u64>,
}

impl Checkpointer {
    /// For the database at `path`.
    pub(super) fn start(pool: SqlitePool, path: &Path) -> Checkpointer {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let log = Arc::new(Log { pool, path: name.into(), copying: Mutex::new(ALARMING) });
        let (committed, mut commits) = mpsc::channel(1);
        let in_background = log.clone();
        tokio::spawn(async move {
            while commits.recv().await.is_some() {
                in_background.copy_from(COPIED).await;
            }
        });
        Checkpointer { log, committed }
    }

    /// Something was committed.
    pub(super) fn wake(&self) {
        // Where it cannot be sent, one before it has not been seen yet.
        let _ = self.committed.try_send(());
    }

    /// Waits until the log is in the database's file, as far as readers let it: first it is brought to stable storage, by whomever it was written.
    pub(super) async fn barrier(&self) {
        self.log.copy_from(0).await;
    }

    /// Waits for the log to be copied where it has grown too long.
    pub(super) async fn keep_up(&self) {
        self.log.copy_from(LONGEST).await;
    }
}

impl Log {
    async fn copy_from(&self, size: u64) {
        if self.path.metadata().is_ok_and(|log| log.len() > size) {
            let mut warns_at = self.copying.lock().await;
            // What cannot be copied now, because somebody reads an older state, is copied another time.
            let _ = self.pool.execute("pragma wal_checkpoint(passive)").await;
            let length = self.path.metadata().map_or(0, |log| log.len());
            if length >= *warns_at {
                warn!(
                    log = %self.path.display(),
                    bytes = length,
                    "the database's log grows: some program has been reading an old state for long; end its query or transaction"
                );
                *warns_at = length.saturating_mul(2);
            } else if length < ALARMING {
                *warns_at = ALARMING;
            }
        }
    }
}
