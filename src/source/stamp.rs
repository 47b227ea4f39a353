//! Signs that a file is being touched: its stamp, and an open writer.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Stamp of a file's metadata; two equal ones mean that nobody touched it between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    pub(crate) inode: u64,
    /// Owner of the file.
    pub(crate) owner: u32,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

impl Stamp {
    /// The file's stamp; `None` if there is no such regular file.
    pub(crate) fn of(path: &Path) -> Option<Stamp> {
        Stamp::from_metadata(&fs::symlink_metadata(path).ok()?)
    }

    /// As [`Stamp::of`], from metadata.
    pub(crate) fn from_metadata(meta: &fs::Metadata) -> Option<Stamp> {
        meta.is_file().then(|| Stamp {
            size: meta.len(),
            inode: meta.ino(),
            owner: meta.uid(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// Time since anybody touched the file, by the time of its last change of any kind, which no copy brings along as
    /// it does the time of modification. Zero if the clock has no answer.
    pub(crate) fn age(&self) -> Duration {
        let seconds = u64::try_from(self.changed.0).unwrap_or_default();
        let nanos = u32::try_from(self.changed.1).unwrap_or_default();
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)).unwrap_or_default()
    }
}

/// State of a file's writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Some program has it open for writing.
    Open,
    /// No program has it open for writing.
    None,
    /// Unknown: a file system without leases, or another user's file.
    Unknown,
}

/// `fcntl`'s command that names the signal of a lease; Linux has one number for it, the libc crate none.
const F_SETSIG: libc::c_int = 10;

/// As [`writer_of`], for the file at that path.
pub(crate) fn writer(path: &Path) -> Writer {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    writer_of_opened(file)
}

/// As [`writer_of`], for the result of an open that does not wait: the system's `EAGAIN` means a lease to write.
pub(super) fn writer_of_opened(file: io::Result<fs::File>) -> Writer {
    match file {
        Ok(file) => writer_of(&file),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Writer::Open,
        Err(_) => Writer::Unknown,
    }
}

/// Asks the system for a read lease, which it grants only while nobody has the file open for writing; and gives it back
/// at once. See `F_SETLEASE` in fcntl(2).
#[allow(unsafe_code)] // See the reasons within.
pub(crate) fn writer_of(file: &fs::File) -> Writer {
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(file);
    // SAFETY: the descriptor is open until `file` is dropped, and these calls only change the file's lease. No crate
    // offers them. Should a writer come between the two, the system sends the signal that is named here and that does
    // nothing by default.
    let granted = unsafe {
        libc::fcntl(descriptor, F_SETSIG, libc::SIGURG);
        libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK)
    };
    if granted == 0 {
        // SAFETY: as above.
        unsafe { libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_UNLCK) };
        return Writer::None;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Writer::Open,
        _ => Writer::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_writer_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        let file = fs::File::create(&path).unwrap();
        assert_ne!(writer(&path), Writer::None);
        drop(file);
        assert_ne!(writer(&path), Writer::Open);
    }
}
