//! A file that appears when it is whole: written beside its place, and renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::text::rights::explain_folder;

/// The path that means standard output.
pub const STDOUT: &str = "-";

/// A file that is being written; it is deleted when dropped. A pipe or device is written as the rows come.
pub(super) struct Whole {
    pub(super) writer: BufWriter<File>,
    /// The file beside its place, and the place; none for a pipe or device.
    beside: Option<(NamedTempFile, PathBuf)>,
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
        // The umask decides who may read it.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let temporary = tempfile::Builder::new().prefix(".export-").permissions(mode).tempfile_in(folder);
        let temporary = temporary.map_err(|error| explain_folder(error, folder))?;
        Ok(Whole { writer: BufWriter::new(temporary.reopen()?), beside: Some((temporary, path)) })
    }

    /// Replaces the earlier file, whose mode and, where it may be given, owner stay.
    pub(super) fn appear(mut self) -> io::Result<()> {
        self.writer.flush()?;
        let Some((temporary, path)) = self.beside else { return Ok(()) };
        if let Ok(earlier) = fs::metadata(&path) {
            // Only root may give a file away.
            let _ = fchown(temporary.as_file(), Some(earlier.uid()), Some(earlier.gid()));
            temporary.as_file().set_permissions(earlier.permissions())?;
        }
        temporary.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }
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
