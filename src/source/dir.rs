//! A folder that is held open. Each operation is on the very folder that was opened, whatever takes its name meanwhile:
//! a name in it is one name, no link is followed, no existing file is written over, and no FIFO or device blocks an
//! open.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, mkdirat, openat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::format::FormatError;

/// Longest note or state that is read or written, in bytes.
pub(crate) const NOTE_MAX: u64 = 64 * 1024;

/// Bytes of holes from which on a file is not read: a few bytes on the disk would be many to read.
const HOLES: u64 = 64 * 1024 * 1024;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that is held open.
#[derive(Clone, Debug)]
pub struct Dir {
    folder: Arc<OwnedFd>,
    /// Path at the time of the opening, for messages.
    path: PathBuf,
}

impl Dir {
    /// Opens a folder that a setting names; links are followed.
    ///
    /// # Errors
    /// A folder that cannot be opened.
    pub fn open(path: &Path) -> io::Result<Dir> {
        Ok(Dir { folder: Arc::new(openat(CWD, path, FOLDER, Mode::empty())?), path: path.to_owned() })
    }

    /// Path at the time of the opening.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in it.
    ///
    /// # Errors
    /// `NotADirectory` for anything else, a link to a folder too.
    pub(crate) fn dir(&self, name: impl AsRef<OsStr>) -> io::Result<Dir> {
        let path = self.path.join(name.as_ref());
        match openat(&*self.folder, one(name.as_ref())?, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(folder) => Ok(Dir { folder: Arc::new(folder), path }),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!(
                    "{0} must be a folder, and no link or other file: look at it (ls -l {0}), and move it away",
                    path.display()
                ),
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a folder in it.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub(crate) fn new_dir(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<Dir> {
        mkdirat(&*self.folder, one(name.as_ref())?, Mode::from_raw_mode(mode))?;
        self.dir(name)
    }

    /// Opens a file in it, to be read.
    ///
    /// # Errors
    /// A file that cannot be opened, or is none that is read: that as [`FormatError::Refused`] within.
    pub(crate) fn file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&*self.folder, one(name.as_ref())?, how, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP) => return Err(refused("it is reached by a symbolic link")),
            // The error for a socket.
            Err(Errno::NXIO) => return Err(refused("it is no regular file")),
            Err(error) => return Err(error.into()),
        };
        let meta = file.metadata()?;
        match why_not(&meta).or_else(|| has_holes(&file, &meta)) {
            Some(why) => Err(refused(why)),
            None => Ok(file),
        }
    }

    /// Reads a short file in it that one of these users owns: others' files are not believed.
    ///
    /// # Errors
    /// A file that cannot be read, or is no such file.
    pub(crate) fn note(&self, name: impl AsRef<OsStr>, owners: &[u32]) -> io::Result<Vec<u8>> {
        let file = self.file(name)?;
        let meta = file.metadata()?;
        if meta.len() > NOTE_MAX || !owners.contains(&meta.uid()) {
            return Err(refused("it is no note of Sluice's"));
        }
        let mut text = Vec::new();
        file.take(NOTE_MAX).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Creates a file in it.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub(crate) fn new_file(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
        let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&*self.folder, one(name.as_ref())?, how, Mode::from_raw_mode(mode))?.into())
    }

    /// Creates a file in it without a name.
    ///
    /// # Errors
    /// A file system that has no unnamed files.
    pub(crate) fn unnamed(&self) -> io::Result<File> {
        let how = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(openat(&*self.folder, ".", how, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Creates a file in it with this text, in the place of a leftover one; `mode` is its mode whatever the umask is.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, name: impl AsRef<OsStr>, text: &[u8], mode: u32) -> io::Result<File> {
        let _ = self.remove(name.as_ref()); // A file that stays is in the way of the new one.
        let mut file = self.new_file(name, 0o600)?;
        file.write_all(text)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok(file)
    }

    /// Opens a file of our own in it to append lines.
    ///
    /// # Errors
    /// A file that cannot be opened, or is no such file.
    pub(crate) fn append(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.open_to_append(name.as_ref(), OFlags::CREATE)
    }

    /// As [`Dir::append`], of a file that is there.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub(crate) fn append_to(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.open_to_append(name.as_ref(), OFlags::empty())
    }

    fn open_to_append(&self, name: &OsStr, more: OFlags) -> io::Result<File> {
        let how = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&*self.folder, one(name)?, how | more, Mode::from_raw_mode(0o640))?);
        match why_not(&file.metadata()?) {
            Some(why) => Err(refused(why)),
            None => Ok(file),
        }
    }

    /// Metadata of the file by that name, of a link itself if it is one.
    ///
    /// # Errors
    /// `NotFound` if there is no such file.
    pub(crate) fn look(&self, name: impl AsRef<OsStr>) -> io::Result<Metadata> {
        let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        File::from(openat(&*self.folder, one(name.as_ref())?, how, Mode::empty())?).metadata()
    }

    /// Metadata of the folder itself.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        File::from(self.folder.try_clone()?).metadata()
    }

    /// True if both are the same folder.
    pub(crate) fn is(&self, other: &Dir) -> bool {
        let of = |dir: &Dir| dir.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
        of(self).is_some_and(|one| Some(one) == of(other))
    }

    /// Sets the folder's mode, whatever the umask is.
    ///
    /// # Errors
    /// A folder that is not ours.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        File::from(self.folder.try_clone()?).set_permissions(Permissions::from_mode(mode))
    }

    /// The names in it.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&*self.folder)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// The names of the folders in it that are not hidden.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn folders(&self) -> io::Result<Vec<OsString>> {
        let mut names = self.names()?;
        names.retain(|name| !name.as_bytes().starts_with(b".") && self.look(name).is_ok_and(|meta| meta.is_dir()));
        Ok(names)
    }

    /// Renames, but not over anything; returns true if it did.
    ///
    /// # Errors
    /// A file that cannot be renamed.
    pub(crate) fn rename(&self, from: impl AsRef<OsStr>, to: &Dir, name: impl AsRef<OsStr>) -> io::Result<bool> {
        let (from, name) = (one(from.as_ref())?, one(name.as_ref())?);
        match renameat_with(&*self.folder, from, &*to.folder, name, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // The two steps of a file system that cannot do it in one.
            Err(Errno::INVAL | Errno::NOSYS) => match to.look(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    renameat(&*self.folder, from, &*to.folder, name)?;
                    Ok(true)
                }
                Err(error) => Err(error),
                Ok(_) => Ok(false),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Renames over the file by the other name.
    ///
    /// # Errors
    /// A file that cannot be renamed.
    pub(crate) fn replace(&self, from: impl AsRef<OsStr>, to: &Dir, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(renameat(&*self.folder, one(from.as_ref())?, &*to.folder, one(name.as_ref())?)?)
    }

    /// Removes a file, or a link itself.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub(crate) fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(unlinkat(&*self.folder, one(name.as_ref())?, AtFlags::empty())?)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub(crate) fn remove_dir(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(unlinkat(&*self.folder, one(name.as_ref())?, AtFlags::REMOVEDIR)?)
    }

    /// Opens the folder as a file of its own, to be locked.
    ///
    /// # Errors
    /// A folder that cannot be opened.
    pub(crate) fn reopen(&self) -> io::Result<File> {
        Ok(openat(&*self.folder, ".", FOLDER, Mode::empty())?.into())
    }

    /// Brings the renames in it to stable storage.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&*self.folder)?)
    }
}

/// The reason if a file claims much more than is on the disk. A file system that compresses has no holes to show.
fn has_holes(file: &File, meta: &Metadata) -> Option<&'static str> {
    let missing = meta.len().saturating_sub(meta.blocks() * 512);
    if missing < HOLES {
        return None;
    }
    // Another descriptor keeps this one's place of reading.
    let first = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let hole = rustix::fs::seek(&first, rustix::fs::SeekFrom::Hole(0)).ok()?;
    (hole < meta.len()).then_some("it has holes (a sparse file): copy it by cp --sparse=never")
}

/// The reason why a file in the folder is not read, whatever its name is.
pub(crate) fn why_not(meta: &Metadata) -> Option<&'static str> {
    match () {
        () if !meta.is_file() => Some("it is no regular file"),
        () if meta.nlink() > 1 => Some("it has another name (a hard link)"),
        () => None,
    }
}

/// Checks that a name leads nowhere else.
fn one(name: &OsStr) -> io::Result<&OsStr> {
    match name.as_bytes() {
        b"" | b"." | b".." => Err(io::ErrorKind::InvalidInput.into()),
        bytes if bytes.contains(&b'/') => Err(io::ErrorKind::InvalidInput.into()),
        _ => Ok(name),
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::other(FormatError::Refused(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_in_the_folder_are_opened() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("imports");
        fs::create_dir_all(folder.join("a")).unwrap();
        for path in ["secret.csv", "imports/x.csv", "imports/one.csv"] {
            fs::write(temporary.path().join(path), path).unwrap();
        }
        symlink(temporary.path().join("secret.csv"), folder.join("link.csv")).unwrap();
        symlink("loop.csv", folder.join("loop.csv")).unwrap();
        symlink("a", folder.join("c")).unwrap();
        fs::hard_link(folder.join("one.csv"), folder.join("two.csv")).unwrap();
        rustix::fs::mknodat(CWD, folder.join("fifo.csv"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket.csv")).unwrap();

        let dir = Dir::open(&folder).unwrap();
        assert!(dir.file("x.csv").is_ok() && dir.dir("a").is_ok());
        for (name, why) in [
            ("link.csv", "a symbolic link"),
            ("loop.csv", "a symbolic link"),
            ("c", "a symbolic link"),
            ("one.csv", "a hard link"),
            ("fifo.csv", "no regular file"),
            ("socket.csv", "no regular file"),
            ("a", "no regular file"),
        ] {
            let error = dir.file(name).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
            assert!(dir.append(name).is_err(), "{name}");
            assert_eq!(dir.new_file(name, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{name}");
            assert!(!dir.rename("x.csv", &dir, name).unwrap(), "{name}");
        }
        for name in ["../secret.csv", "a/x.csv", "/etc/passwd", "..", ".", ""] {
            assert_eq!(dir.file(name).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
        }
        assert_eq!(dir.dir("c").unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(dir.file("none.csv").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_folder_that_is_held_stays_the_one_that_was_opened() {
        let temporary = tempfile::tempdir().unwrap();
        let (here, away) = (temporary.path().join("here"), temporary.path().join("away"));
        fs::create_dir(&here).unwrap();
        let dir = Dir::open(&here).unwrap();
        fs::rename(&here, &away).unwrap();
        fs::create_dir(&here).unwrap();
        dir.write("x", b"x", 0o644).unwrap();
        assert!(away.join("x").exists() && !here.join("x").exists());
        assert!(!dir.is(&Dir::open(&here).unwrap()) && dir.is(&Dir::open(&away).unwrap()));
    }

    #[test]
    fn a_note_is_short_and_of_an_owner_that_is_believed() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open(temporary.path()).unwrap();
        let us = dir.metadata().unwrap().uid();
        dir.write("short", b"{}", 0o600).unwrap();
        dir.write("long", b"", 0o600).unwrap().set_len(4 << 30).unwrap();
        assert_eq!(dir.note("short", &[us]).unwrap(), b"{}");
        assert!(dir.note("short", &[us + 1]).is_err());
        assert!(dir.note("long", &[us]).is_err());
    }
}
