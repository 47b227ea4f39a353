//! Errors of a load, and their consequences.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::LazyLock;

use super::deletion_log::DELETED;
use crate::catalog::{Missing, RowCounts};
use crate::format::FormatError;
use crate::source::SourceError;
use crate::text::rights::given;
use crate::warehouse::WarehouseError;

/// Error of a load. Nothing of it is in the database, and the input is where it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Error of the input.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Error of the database.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// Error of Arrow's own limits.
    #[error("cannot make columns: {0}")]
    Columns(#[from] arrow_schema::ArrowError),
    /// Violation of an invariant of every load.
    #[error("the rows do not add up: {read} were counted, then {books:?}; nothing was committed; please report this")]
    Unbalanced {
        /// Records that the profile counted.
        read: u64,
        /// Row counts of the load.
        books: RowCounts,
    },
    /// A window of a stream with another number of records than the source said.
    #[error("the source said that the window has {said} records, and {read} were read: nothing was committed")]
    Miscounted {
        /// The source's number.
        said: u64,
        /// Number of records read.
        read: u64,
    },
    /// A window of a stream whose checkpoint is elsewhere by now: other windows were loaded, or it was set anew.
    #[error("the checkpoint of {stream} stands {at}, and the window goes on from elsewhere: nothing of it was loaded")]
    Passed {
        /// The stream.
        stream: String,
        /// Where the checkpoint stands, in words.
        at: String,
    },
    /// A window of a stream whose plugin is gone, or has no source any more.
    #[error("no plugin {0} with a source is there any more: nothing of it was loaded")]
    Unclaimed(String),
    /// A window of a killed program whose rows go to another database.
    #[error("its rows go to {0}, and a pull of its plugin alone loads them there")]
    Elsewhere(String),
    /// Columns or filter of the plugin that do not go with the file.
    #[error("{0}")]
    Shape(String),
    /// A faulty plugin that claims the file, so that it is not known how to load it.
    #[error("held back: {0}")]
    Plugin(String),
    /// More rejects than the plugin allows.
    #[error(
        "{rejected} of {read} rows would be rejected, more than max_rejects allows: nothing was loaded; the first is {first}"
    )]
    TooManyRejects {
        /// Number of records refused.
        rejected: u64,
        /// Number of records read.
        read: u64,
        /// The first reject, in words.
        first: String,
    },
    /// A content that was loaded before, and of which some rows or columns were taken out of the table by hand.
    #[error(
        "it has the content of load {load}, {}: nothing was loaded, nothing was taken out; app retract {load} and then app retry loads all \
         of it",
        missing_of(table, missing), load = missing.load
    )]
    InPart {
        /// The table, as people write it.
        table: String,
        /// Load with its missing rows or columns.
        missing: Missing,
    },
    /// A column of the table whose type was changed by hand.
    #[error(
        "somebody has changed the type of {table}.{column}: it is {is}, and its files made it {expected}: nothing was \
         loaded; {fix} puts it \
         back; for another type let a plugin say type: of the column"
    )]
    Retyped {
        /// The table, as people write it.
        table: String,
        /// The column.
        column: String,
        /// Type of the column in the engine's words.
        is: String,
        /// The type that the catalog has, in the engine's words.
        expected: &'static str,
        /// The statement or the table that restores the type.
        fix: String,
    },
    /// A right that the database's role lacks for the input's table, and for no other one.
    #[error("the database's role may not load into {table}: {why}")]
    Denied {
        /// The table, as people write it.
        table: String,
        /// Refusal of the database.
        why: String,
        /// The statements that grant the right.
        fix: String,
    },
    /// A file over whose loads programs ended.
    #[error("the program ended {0} times while it loaded this file")]
    Ended(u32),
    /// A file that cannot be loaded, in words, and that cannot be moved to `failed/`.
    #[error("{0}; it stays where it is, because it cannot be moved to failed/: {1}")]
    Unmoved(String, std::io::Error),
    /// A file whose rows are loaded, and that somebody has written into since.
    #[error("its rows are loaded, and somebody has changed it since they were read")]
    Touched,
    /// A file whose rows are loaded, and that cannot be deleted.
    #[error("its rows are loaded, and the file cannot be deleted or moved: {0}")]
    Undeleted(std::io::Error),
    /// A file whose rows are loaded, and that cannot be kept in the archive.
    #[error("its rows are loaded, and the file cannot be kept: {0}")]
    Unkept(std::io::Error),
    /// A table with a column of the input's, or without one of every load's, by somebody else's hand.
    #[error("{0}: nothing was loaded")]
    Clash(String),
    /// A file whose rows are loaded, and of whose delete there can be no record.
    #[error("its rows are loaded, and it is not deleted, because that cannot be noted in {DELETED}: {0}")]
    Unnoted(std::io::Error),
    /// Rejects that cannot be written.
    #[error("{0}")]
    Rejects(std::io::Error),
    /// Error of a folder of ours.
    #[error("{0}")]
    Folder(#[from] std::io::Error),
}

/// The missing part of a load, in words.
pub(crate) fn missing_of(table: &str, missing: &Missing) -> String {
    let Missing { loaded, there, columns, .. } = missing;
    match columns.as_slice() {
        [] => format!("of whose {loaded} rows {there} are still in {table}"),
        [column] => format!("whose values of the column {column} are not in {table} any more"),
        [..] => {
            let named = columns.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = columns.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("whose values of the columns {named}{more} are not in {table} any more")
        }
    }
}

/// The remedy for a folder of files that the program may not move.
static RIGHT_TO_MOVE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "give the user that Sluice runs as the right to write in the imports folder and to move what lies there: {}; it is tried again by \
         itself",
        given(Path::new("imports"))
    )
});

/// Greatest number of columns in a message.
const NAMED: usize = 20;

/// Consequence for an input whose load did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Another try, which may go well later.
    TryAgain,
    /// A question to the ledger; the input stays claimed until the answer is known.
    Ask,
    /// The folder `failed/`: a person has to look at it.
    Fail,
    /// None: there is nothing left to do.
    Forget,
    /// The end of the window: its source gives the records again that come behind the checkpoint.
    Pass,
}

impl LoadError {
    pub(crate) fn consequence(&self) -> Consequence {
        match self {
            LoadError::Source(SourceError::Gone) => Consequence::Forget,
            LoadError::Passed { .. } | LoadError::Unclaimed(_) | LoadError::Elsewhere(_) => Consequence::Pass,
            LoadError::Folder(_)
            | LoadError::Unmoved(..)
            | LoadError::Rejects(_)
            | LoadError::Plugin(_)
            | LoadError::Denied { .. } => Consequence::TryAgain,
            _ if self.is_of_a_writer() => Consequence::TryAgain,
            LoadError::Source(SourceError::Io(error)) if passes(error) => Consequence::TryAgain,
            LoadError::Warehouse(WarehouseError::Unknown(_))
            | LoadError::Undeleted(_)
            | LoadError::Unkept(_)
            | LoadError::Unnoted(_) => Consequence::Ask,
            LoadError::Warehouse(error) if error.is_transient() => Consequence::TryAgain,
            _ => Consequence::Fail,
        }
    }

    /// True if somebody is still writing the input.
    pub(crate) fn is_of_a_writer(&self) -> bool {
        matches!(self, LoadError::Source(SourceError::Changed | SourceError::Leased))
    }

    /// True if it is the database's fault, so that no other input will fare better.
    pub(crate) fn is_of_database(&self) -> bool {
        matches!(self, LoadError::Warehouse(_)) && !self.is_locked()
    }

    /// True if a person has to do something before the input can be loaded. A troubled database and a faulty plugin are
    /// told of by themselves, and a writer or a lock's holder may end.
    pub(crate) fn needs_person(&self) -> bool {
        !(self.is_of_a_writer() || self.is_locked() || self.is_of_database() || matches!(self, LoadError::Plugin(_)))
    }

    /// True if another session holds a lock on the input's table.
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self, LoadError::Warehouse(WarehouseError::Locked(_)))
    }

    /// True if the input's table takes no rows, and others may.
    pub(crate) fn is_of_table(&self) -> bool {
        self.is_locked() || matches!(self, LoadError::Denied { .. })
    }

    /// True if the system killed the reader of the input.
    pub(crate) fn is_killed(&self) -> bool {
        matches!(self, LoadError::Source(SourceError::Unreadable(FormatError::Killed(_))))
    }

    pub(crate) fn fix(&self) -> &str {
        match self {
            LoadError::Denied { fix, .. } => fix,
            LoadError::Source(SourceError::Unreadable(FormatError::NotText(_))) => {
                "fix the file, or let a plugin say its encoding; app retry moves it back"
            }
            LoadError::Source(SourceError::Unreadable(FormatError::Killed(_))) => {
                "give the container or the machine more memory, or lower DECODER_MEMORY; app retry has it tried again"
            }
            LoadError::Warehouse(WarehouseError::Locked(_)) => {
                "it is loaded when that transaction has ended; select pg_terminate_backend(PROCESS) ends it"
            }
            LoadError::Warehouse(WarehouseError::Moved(_)) => "put the database file back, or restart Sluice",
            LoadError::TooManyRejects { .. } => {
                "app check shows more of them; fix the file or the plugin; app retry moves it back"
            }
            LoadError::Source(SourceError::Unreadable(_)) => "fix the file; app retry moves it back",
            LoadError::Source(SourceError::Io(error)) if error.kind() == ErrorKind::PermissionDenied => {
                "give the user that Sluice runs as the right to read it; app retry moves it back"
            }
            // A refusal of the system has a number; a reader's own error about the bytes has none.
            LoadError::Source(SourceError::Io(error)) if error.raw_os_error().is_none() => {
                "fix the file; app retry moves it back"
            }
            LoadError::Source(SourceError::Io(_)) => {
                "fix what the message says, the file or its disk; app retry moves it back"
            }
            LoadError::Unmoved(_, error) if error.kind() == ErrorKind::PermissionDenied => {
                "give the folder to the user that Sluice runs as, by the command in the message; it is tried again by itself"
            }
            LoadError::Folder(error)
            | LoadError::Unmoved(_, error)
            | LoadError::Undeleted(error)
            | LoadError::Unnoted(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk",
                ErrorKind::PermissionDenied => RIGHT_TO_MOVE.as_str(),
                ErrorKind::ReadOnlyFilesystem => "mount it so that it can be written",
                _ if matches!(self, LoadError::Unnoted(_)) => {
                    "look at what stands there (ls -l imports/.sluice) and move it away; it is tried again by itself"
                }
                _ => "fix what the message says",
            },
            LoadError::Rejects(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk of the exports folder",
                ErrorKind::ReadOnlyFilesystem => "mount the exports folder so that it can be written",
                _ => "do what the message says; it is tried again by itself",
            },
            LoadError::Unkept(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk of the archive",
                ErrorKind::PermissionDenied => {
                    "give the user that Sluice runs as the right to write in the archive (ARCHIVE, on_success of a plugin); it is tried \
                     again by itself"
                }
                ErrorKind::ReadOnlyFilesystem => "mount the archive so that it can be written",
                _ => "fix what the message says; it is tried again by itself",
            },
            LoadError::Clash(_) => {
                "rename or drop what the message names, or the table; a plugin can give the file's column another name (from:); app retry \
                 moves the file back"
            }
            LoadError::Touched => "what was added is not loaded: drop it by itself into imports/",
            LoadError::InPart { .. } => {
                "take the rows that are left out by app retract, then app retry loads the file; or say duplicates: \
                 load in a plugin, and it is \
                 loaded beside them"
            }
            LoadError::Retyped { .. } => {
                "give the column its type again, as the message says; app retry moves the file back"
            }
            LoadError::Ended(_) => "fix the file, or report the fault; app retry has it tried again",
            LoadError::Plugin(_) => "fix the plugin, it is read again by itself",
            LoadError::Shape(_) => "fix the file or the plugin; app retry moves it back",
            _ => "see the message; app retry moves the file back when it is fixed",
        }
    }
}

/// True for a temporary shortage of the system, or a disk error that may not come again.
pub(crate) fn passes(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let passing = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::IO,
        Errno::STALE,
        Errno::TIMEDOUT,
        Errno::AGAIN,
        Errno::INTR,
        Errno::ROFS,
    ];
    let beneath = error.get_ref().and_then(|inner| inner.source()).and_then(|inner| inner.downcast_ref());
    let number = Errno::from_io_error(error).or_else(|| beneath.and_then(Errno::from_io_error));
    number.is_some_and(|number| passing.contains(&number))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_reader_that_the_system_ended_is_no_fault_of_the_file() {
        let killed = LoadError::from(SourceError::from(FormatError::Killed("workbook")));
        assert!(killed.is_killed() && killed.to_string().contains("signal 9"));
        assert!(killed.fix().contains("DECODER_MEMORY") && !killed.fix().contains("fix the file"));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot: {0}")]
    struct Around(#[source] io::Error);

    #[test]
    fn rights_are_spoken_of_where_rights_are_missing_only() {
        let fix = |error| LoadError::Source(SourceError::Io(error)).fix().to_owned();
        assert!(fix(io::Error::from_raw_os_error(libc::EACCES)).contains("the right to read it"));
        // The error once its message names the file's owner.
        assert!(fix(io::Error::new(ErrorKind::PermissionDenied, "whose")).contains("the right to read it"));
        assert!(!fix(io::Error::from_raw_os_error(libc::ENOSPC)).contains("right"));
        assert!(fix(io::Error::other("Data corruption detected")).starts_with("fix the file"));
        assert!(fix(io::ErrorKind::InvalidData.into()).starts_with("fix the file"));
    }

    #[test]
    fn what_the_system_lacks_for_a_while_passes_also_within_another_error() {
        let full = || io::Error::from_raw_os_error(libc::EMFILE);
        assert!(passes(&full()));
        assert!(passes(&io::Error::other(Around(full()))));
        assert!(!passes(&io::Error::other(Around(io::Error::from_raw_os_error(libc::EINVAL)))));
        assert!(!passes(&io::Error::other("nothing")));
    }
}
