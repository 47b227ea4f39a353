//! A file that this program has claimed, and where it goes from there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::beneath;
use super::folder::{FAILED, NOTE, make_folder};
use super::free_name::{note_name, nth_name, rename_to, rename_to_free_name};

/// Stands in the name of a claim's place before the number of programs that ended over it.
const AGAIN: char = '~';

/// A file that this program has claimed. Dropping it leaves it where it is: the next start finishes its load.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub(super) folder: PathBuf,
    pub(super) path: PathBuf,
    pub(super) name: OsString,
    /// Whether a program that had claimed it ended in the midst of its work.
    pub(super) orphan: bool,
}

/// What stands beside a file that could not be loaded.
#[derive(Debug, Serialize)]
pub struct Failure<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The load's number in the ledger.
    pub load: Option<i64>,
    /// What is wrong.
    pub error: &'a str,
    /// How to mend it.
    pub mend: &'a str,
    /// When it was tried, in UTC.
    pub at: String,
}

impl Claimed {
    /// Where it is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it, beneath the folder and through no link: who can write into the folder could have put something else in its place.
    ///
    /// # Errors
    /// When it cannot be opened, or is no file that is read.
    pub fn open(&self) -> io::Result<File> {
        beneath::open(&self.folder, self.path.strip_prefix(&self.folder).unwrap_or(&self.path))
    }

    /// What it was called when it landed.
    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// As [`Claimed::name`], as the system has it.
    pub fn os_name(&self) -> OsString {
        self.name.clone()
    }

    /// The name of the place in which it lies, which stays with it when another program takes it over.
    pub fn claim(&self) -> Option<String> {
        self.place().map(|(claim, _)| claim)
    }

    /// How many programs ended while they loaded it.
    pub fn ends(&self) -> u32 {
        self.place().map_or(0, |(_, ends)| ends)
    }

    /// Whether a program ended while it had it in hand.
    pub fn is_orphan(&self) -> bool {
        self.orphan
    }

    fn place(&self) -> Option<(String, u32)> {
        let place = self.path.parent()?.file_name()?.to_string_lossy();
        let (claim, ends) = place.split_once(AGAIN).unwrap_or((&place, "0"));
        Some((claim.to_owned(), ends.parse().unwrap_or(0)))
    }

    /// Before a load that a program had begun is begun again: where that program ended over it, it is counted in the place's name.
    ///
    /// # Errors
    /// When the place cannot be renamed.
    pub fn begin_again(&mut self) -> io::Result<()> {
        if let (true, Some((claim, ends)), Some(from)) = (self.orphan, self.place(), self.path.parent()) {
            let to = from.with_file_name(format!("{claim}{AGAIN}{}", ends + 1));
            fs::rename(from, &to)?;
            self.path = to.join(&self.name);
            self.orphan = false;
        }
        Ok(())
    }

    /// What this program began to load, and could not go on with for a fault of its own.
    #[must_use]
    pub fn orphaned(self) -> Claimed {
        Claimed { orphan: true, ..self }
    }

    /// Deletes the file, whose rows are committed. One that is not there any more is deleted.
    ///
    /// # Errors
    /// When it cannot be deleted; it stays claimed then.
    pub fn delete(&self) -> io::Result<()> {
        fail::fail_point!("delete", |_| Err(io::Error::other("a fault of the test's")));
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// After the file was deleted: clears its place.
    pub fn release(&self) {
        if let Some(place) = self.path.parent() {
            // A place that is left behind is cleared by the next start.
            let _ = fs::remove_dir(place);
        }
    }

    /// Back to where it landed, to be loaded later.
    ///
    /// # Errors
    /// When it cannot be moved; it stays claimed then.
    pub fn put_back(&self) -> io::Result<PathBuf> {
        let to = rename_to_free_name(&self.path, &self.folder, &self.name)?;
        self.release();
        Ok(to)
    }

    /// To `failed/`, with the reason beside it; gives the place. The reason is there first, so that no file lies there without one.
    ///
    /// # Errors
    /// When it cannot be moved, or the reason not written; it stays claimed then.
    pub fn fail(&self, failure: &Failure<'_>) -> io::Result<PathBuf> {
        let folder = self.folder.join(FAILED);
        make_folder(&folder)?;
        let text = serde_json::to_string_pretty(failure).unwrap_or_default() + "\n";
        for n in 1u32.. {
            let name = nth_name(&self.name, n);
            let to = folder.join(&name);
            if fs::symlink_metadata(&to).is_ok() {
                continue;
            }
            let note = self.path.with_file_name(NOTE);
            let mut written = File::create(&note)?;
            written.write_all(text.as_bytes())?;
            written.set_permissions(PermissionsExt::from_mode(0o644))?;
            written.sync_all()?;
            // What is there by that name has lost its file.
            fs::rename(note, folder.join(note_name(&name, n)))?;
            if rename_to(&self.path, &to)? {
                self.release();
                return Ok(to);
            }
        }
        Err(io::Error::other("no free name"))
    }
}

/// Brings the rename that claimed a file to stable storage: the folders that it touched, up to the one where it had landed.
pub(super) fn sync_folders(claimed: &Path) -> io::Result<()> {
    claimed.ancestors().skip(1).take(4).try_for_each(|folder| File::open(folder)?.sync_all())
}
