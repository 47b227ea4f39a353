//! `exports/rejects/<file>`: the records of one load that were refused, as they stood, under the file's own header, so that
//! they can be mended and dropped in again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::format::Reject;
use crate::source::rename_to_free_name;

/// Is made with the first reject; appears under its name when it is whole. Dropping it unpublished removes it.
pub struct RejectFile {
    folder: PathBuf,
    name: String,
    header: Vec<u8>,
    open: Option<(tempfile::TempPath, BufWriter<File>)>,
}

impl RejectFile {
    /// For the input called `name`; `header` is its header's bytes.
    pub fn new(exports: &Path, name: &str, header: &[u8]) -> Self {
        RejectFile { folder: exports.join("rejects"), name: name.to_owned(), header: header.to_vec(), open: None }
    }

    /// Appends records.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&mut self, rejects: &[Reject]) -> io::Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        self.append(rejects).map_err(|error| {
            let folder = self.folder.display();
            io::Error::new(
                error.kind(),
                format!("cannot write rejects into {folder}: {error}; give the user that Sluice runs as the right to"),
            )
        })
    }

    fn append(&mut self, rejects: &[Reject]) -> io::Result<()> {
        let (_, file) = match &mut self.open {
            Some(open) => open,
            None => {
                fs::create_dir_all(&self.folder)?;
                let temporary = tempfile::Builder::new().prefix(".rejects-").tempfile_in(&self.folder)?;
                let (file, path) = temporary.into_parts();
                let mut file = BufWriter::new(file);
                if !self.header.is_empty() {
                    file.write_all(&self.header)?;
                    file.write_all(b"\n")?;
                }
                self.open.insert((path, file))
            }
        };
        for reject in rejects {
            file.write_all(&reject.text)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Gives it its name, or the next free one: an earlier file's rejects are never overwritten.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn publish(self) -> io::Result<()> {
        let Some((path, file)) = self.open else { return Ok(()) };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.set_permissions(readable)?;
        rename_to_free_name(&path, &self.folder, OsStr::new(&self.name))?;
        Ok(())
    }
}
