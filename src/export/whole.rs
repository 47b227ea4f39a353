//! A file that appears when it is whole: written beside its place, and renamed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use tempfile::NamedTempFile;

use crate::text::rights::explain_folder;

/// The path that means standard output.
pub const STDOUT: &str = "-";

/// Beginning of the names of files that are not whole, and the number of signs behind it.
const NAME: &str = ".export-";
const RANDOM: usize = 6;

/// Age from which a file that is not whole, and that nobody holds, is left over: its writer has locked it long before.
const LEFT: Duration = Duration::from_secs(60);

/// A file that is being written; it is gone when dropped, or when the program is ended. A pipe or device is written as the
/// rows come.
pub(super) struct Whole {
    pub(super) writer: BufWriter<File>,
    /// The file beside its place, and the place; none for a pipe or device.
    beside: Option<(Beside, PathBuf)>,
}

/// A file that is not whole.
enum Beside {
    /// Without a name: the system removes it with the program, however that ends.
    Unnamed(File),
    /// With a name, on a file system that has no files without; locked as long as it is written.
    Named(NamedTempFile),
}

impl Beside {
    fn create(folder: &Path) -> io::Result<Beside> {
        // The umask decides who may read it.
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if let Ok(file) = openat(CWD, folder, flags, Mode::from_raw_mode(0o666)) {
            return Ok(Beside::Unnamed(file.into()));
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let named = tempfile::Builder::new().prefix(NAME).rand_bytes(RANDOM).permissions(mode).tempfile_in(folder)?;
        // A file system without locks has nothing swept.
        let _ = named.as_file().lock();
        Ok(Beside::Named(named))
    }

    fn file(&self) -> &File {
        match self {
            Beside::Unnamed(file) => file,
            Beside::Named(named) => named.as_file(),
        }
    }

    /// Takes the place of what is at the path.
    fn persist(self, path: &Path) -> io::Result<()> {
        let file = match self {
            Beside::Named(named) => return named.persist(path).map(drop).map_err(|error| error.error),
            Beside::Unnamed(file) => file,
        };
        // Only a rename takes the place of another file.
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        let link =
            |name: &Path| linkat(CWD, from.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from);
        let named = tempfile::Builder::new().prefix(NAME).rand_bytes(RANDOM).make_in(parent(path), link)?;
        named.into_temp_path().persist(path).map_err(|error| error.error)
    }
}

impl Whole {
    /// Creates the file, and the folder if necessary.
    pub(super) fn create(path: &Path) -> io::Result<Whole> {
        if is_stream(path) {
            let file = match path == Path::new(STDOUT) {
                true => File::from(io::stdout().as_fd().try_clone_to_owned()?),
                false => File::options().write(true).open(path)?,
            };
            return Ok(Whole { writer: BufWriter::new(file), beside: None });
        }
        let path = resolved(path);
        let folder = parent(&path);
        fs::create_dir_all(folder).map_err(|error| explain_folder(error, folder))?;
        sweep(folder);
        let beside = Beside::create(folder).map_err(|error| explain_folder(error, folder))?;
        Ok(Whole { writer: BufWriter::new(beside.file().try_clone()?), beside: Some((beside, path)) })
    }

    /// Replaces the earlier file, whose mode and, where it may be given, owner stay.
    pub(super) fn appear(mut self) -> io::Result<()> {
        self.writer.flush()?;
        let Some((beside, path)) = self.beside else { return Ok(()) };
        if let Ok(earlier) = fs::metadata(&path) {
            // Only root may give a file away.
            let _ = fchown(beside.file(), Some(earlier.uid()), Some(earlier.gid()));
            beside.file().set_permissions(earlier.permissions())?;
        }
        beside.persist(&path)
    }
}

/// Removes files that programs which have ended left in a folder before they were whole. What cannot be removed stays.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if is_own_name(&name) && is_left(&entry.path()).unwrap_or(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// True for a name as [`Whole`] gives it.
fn is_own_name(name: &OsStr) -> bool {
    let random = name.as_bytes().strip_prefix(NAME.as_bytes());
    random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric))
}

/// True for a regular file of this user that nobody holds, and that has not been written for long.
fn is_left(path: &Path) -> io::Result<bool> {
    let how = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(how.cast_signed()).open(path)?;
    let meta = file.metadata()?;
    let is_old = meta.modified()?.elapsed().is_ok_and(|age| age > LEFT);
    let is_ours = meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw();
    Ok(is_ours && is_old && file.try_lock().is_ok())
}

/// Writes a text as a file that appears when it is whole.
///
/// # Errors
/// When it cannot be written; an earlier file is untouched then.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = Whole::create(path)?;
    file.writer.write_all(text.as_bytes())?;
    file.appear()
}

/// Returns the folder for what is written besides a file.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    if is_stream(path) { std::env::temp_dir() } else { parent(&resolved(path)).to_owned() }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Returns true for what is written through and never replaced: standard output, pipes, devices.
fn is_stream(path: &Path) -> bool {
    let is_special = || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    path == Path::new(STDOUT) || ["/dev/fd/", "/proc/"].iter().any(|root| path.starts_with(root)) || is_special()
}

/// Returns the file at the end of symbolic links, also where it is not there yet.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path)
        .or_else(|_| fs::read_link(path).map(|target| parent(path).join(target)))
        .unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_no_name_before_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        for text in ["first", "second"] {
            let mut file = Whole::create(&path).unwrap();
            file.writer.write_all(text.as_bytes()).unwrap();
            file.writer.flush().unwrap();
            assert!(names(dir.path()).iter().all(|name| name == "x.csv"));
            file.appear().unwrap();
            assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path()).len()), (text, 1));
        }
    }

    #[test]
    fn only_what_a_dead_program_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, age: u64| {
            let file = File::create(dir.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            file
        };
        for (name, age) in [(".export-aaaaaa", 300), (".export-new123", 3), (".export-x", 300), ("export-aaaaaa", 300)]
        {
            drop(make(name, age));
        }
        let held = make(".export-held12", 300);
        held.lock().unwrap();
        std::os::unix::fs::symlink("export-aaaaaa", dir.path().join(".export-link12")).unwrap();
        fs::create_dir(dir.path().join(".export-folder")).unwrap();
        write_whole(&dir.path().join("y.txt"), "y").unwrap();
        assert_eq!(
            names(dir.path()),
            [
                ".export-folder",
                ".export-held12",
                ".export-link12",
                ".export-new123",
                ".export-x",
                "export-aaaaaa",
                "y.txt"
            ]
        );
    }
}
