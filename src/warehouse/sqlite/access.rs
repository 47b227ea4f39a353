//! Access to a database's files: one that cannot be written, because of its mode or its mount, can still be read.

use std::path::Path;

use rustix::fs::access;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::checkpoint::COPIED;
use super::keeper::beside;

/// Bytes of a page.
const PAGE: u32 = 16 * 1024;

/// The way in which the files are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To be written.
    Write,
    /// To be read, beside programs that write.
    Read,
    /// To be read, without a log: nobody can write one beside it from here.
    ReadAlone,
}

impl Access {
    /// The access to the files as they are.
    pub(super) fn of(path: &Path) -> Access {
        let may_write = |path: &Path| access(path, rustix::fs::Access::WRITE_OK).is_ok();
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = beside(&path);
        let opens = |file: &Path| if file.exists() { may_write(file) } else { may_write(folder) };
        if may_write(&path) && beside.iter().all(|file| opens(file)) {
            return Access::Write;
        }
        let has_log = beside[0].metadata().is_ok_and(|log| log.len() > 0);
        if has_log || may_write(folder) { Access::Read } else { Access::ReadAlone }
    }

    /// The options for it. Settings of a writer would write.
    pub(super) fn granted(self, options: SqliteConnectOptions) -> SqliteConnectOptions {
        match self {
            Access::Write => options
                // Setting of a new file: a load writes much at once, and each page costs on its way through the log.
                .page_size(PAGE)
                .journal_mode(SqliteJournalMode::Wal)
                // A file is deleted when its rows are on disk, not before.
                .synchronous(SqliteSynchronous::Full)
                // No commit waits for the checkpointer.
                .pragma("wal_autocheckpoint", "0")
                .pragma("journal_size_limit", COPIED.to_string()),
            Access::Read => options.read_only(true),
            Access::ReadAlone => options.read_only(true).immutable(true),
        }
    }

    /// The statement that begins a transaction. A writer takes its lock at once, so that no earlier read can be out of date at
    /// the first write.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Access::Write => "begin immediate",
            Access::Read | Access::ReadAlone => "begin",
        }
    }
}
