//! `exports/rejects/<file>.rejects.<ending>`: the refused records of one load, as they stood, under the file's own
//! header, so that they can be fixed and dropped in again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::record::Reject;
use crate::source::rename_to_free_name;
use crate::text::rights::explain_folder;

/// Longest name of a file, in bytes.
const NAME_MAX: usize = 255;

/// File of rejects. It is made with the first reject, under a hidden name from the input's name and hash, and gets its
/// name when it is whole and committed. A program that was killed between leaves it, and the next one publishes it.
pub struct RejectFile {
    folder: PathBuf,
    name: String,
    hidden: PathBuf,
    header: Vec<u8>,
    open: Option<BufWriter<File>>,
}

impl RejectFile {
    /// File of the input called `name`, whose content has this hash; `header` is its header's bytes. `table_hint` is
    /// the name of its table: the file's name without its packing; `ending` the extension of its records' format.
    pub fn new(exports: &Path, name: &str, table_hint: &str, ending: &str, hash: &str, header: &[u8]) -> Self {
        let folder = exports.join("rejects");
        let sum = blake3::hash(format!("{name}/{hash}").as_bytes()).to_hex();
        let hidden = folder.join(format!(".{}.part", &sum[..32]));
        let name = file_name(table_hint, ending);
        RejectFile { folder, name, hidden, header: header.to_vec(), open: None }
    }

    /// Appends records.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&mut self, rejects: &[Reject]) -> io::Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        self.append(rejects).map_err(|error| self.explain(error))
    }

    fn append(&mut self, rejects: &[Reject]) -> io::Result<()> {
        let file = match &mut self.open {
            Some(file) => file,
            None => {
                fs::create_dir_all(&self.folder)?;
                let mut file = BufWriter::new(File::create(&self.hidden)?);
                if !self.header.is_empty() {
                    file.write_all(&self.header)?;
                    file.write_all(b"\n")?;
                }
                self.open.insert(file)
            }
        };
        for reject in rejects {
            file.write_all(&reject.text)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Brings the file to the disk, before the commit.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.open else { return Ok(()) };
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|error| self.explain(error))
    }

    /// Gives the file its name, or the next free one, after the commit or after the commit of a killed program, so that
    /// an earlier file's rejects are never overwritten.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn publish(mut self) -> io::Result<()> {
        self.open = None;
        if self.hidden.try_exists()? {
            rename_to_free_name(&self.hidden, &self.folder, OsStr::new(&self.name))?;
        }
        Ok(())
    }

    fn explain(&self, error: io::Error) -> io::Error {
        let error = explain_folder(error, &self.folder);
        io::Error::new(error.kind(), format!("cannot write rejects into {}: {error}", self.folder.display()))
    }
}

/// Name of the file, by which it goes into the same table again; cut to the longest name.
fn file_name(table_hint: &str, ending: &str) -> String {
    let ending = format!(".rejects.{ending}");
    let stem = &table_hint[..table_hint.floor_char_boundary(NAME_MAX.saturating_sub(ending.len()))];
    format!("{stem}{ending}").replace('/', "_")
}

impl Drop for RejectFile {
    fn drop(&mut self) {
        if self.open.take().is_some() {
            // The load did not happen. A leftover is overwritten when the content is loaded.
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::table_name;

    #[test]
    fn the_longest_names_have_files_too() {
        assert_eq!(file_name("m/x.csv", "csv"), "m_x.csv.rejects.csv");
        for table_hint in [format!("{}.csv", "x".repeat(251)), format!("{}.csv", "ä".repeat(125)), "ö".repeat(127)] {
            let name = file_name(&table_hint, "csv");
            assert!(name.len() <= NAME_MAX && name.ends_with(".rejects.csv"), "{name}");
        }
        // The table is named after the name up to its first dot.
        assert_eq!(table_name(&file_name(&format!("{}.csv", "x".repeat(240)), "csv")), table_name(&"x".repeat(240)));
    }
}
