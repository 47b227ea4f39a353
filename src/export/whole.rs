//! A file that appears when it is whole: written beside its place, and renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::text::rights::explain_folder;

/// A file that is being written; it is deleted when dropped.
pub(super) struct Whole {
    pub(super) writer: BufWriter<File>,
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Whole {
    /// Creates the file, and the folder if necessary.
    pub(super) fn create(path: &Path) -> io::Result<Whole> {
        let folder = folder_of(path);
        fs::create_dir_all(folder).map_err(|error| explain_folder(error, folder))?;
        // The umask decides who may read it.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let temporary = tempfile::Builder::new().prefix(".export-").permissions(mode).tempfile_in(folder);
        let temporary = temporary.map_err(|error| explain_folder(error, folder))?;
        Ok(Whole { writer: BufWriter::new(temporary.reopen()?), temporary, path: path.to_owned() })
    }

    /// Replaces the earlier file.
    pub(super) fn appear(mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
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

/// Returns the folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
