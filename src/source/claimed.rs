//! A file that this program has claimed, and its ways from there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::folder::{FAILED, Home, MANIFEST, NOTE};
use super::free_name::{note_name, nth_name};
use super::owner::believed;
use super::stamp::writer_of_opened;
use super::{Dir, Note, Partly, Stamp, Window, Writer};
use crate::text::rights::{explain, explain_folder};
use crate::text::secrets::hidden;
use crate::text::shown::json;

/// Sign in the name of a claim's place, before the number of programs that ended over it.
const AGAIN: char = '~';

/// Longest error in a note beside a file, in bytes.
const ERROR_MAX: usize = 8 * 1024;

/// A file that this program has claimed. Dropping it leaves it where it is: the next start finishes its load.
#[derive(Clone, Debug)]
pub struct ClaimedFile {
    home: Arc<Home>,
    /// Name of the folder in which the file lies, alone.
    place: OsString,
    /// That folder, if it is held open.
    held: Option<Dir>,
    name: OsString,
    /// True if a program that had claimed it ended in the midst of its work.
    orphan: bool,
    /// True if it was received for this program, and no program has begun with it.
    fresh: bool,
}

/// Note beside a file that could not be loaded.
#[derive(Debug, Serialize)]
pub struct Failure<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Number of the load in the ledger.
    pub load: Option<i64>,
    /// Message of the error.
    pub error: &'a str,
    /// Advice for the fix.
    pub fix: &'a str,
    /// Time of the try, in UTC.
    pub at: String,
    /// Record of its loaded parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partly: Option<&'a Partly>,
}

/// True if a file of ours is a reason that has lost its file; another one is a file that failed, with a reason of its own.
fn is_left_reason(failed: &Dir, name: &OsStr) -> bool {
    let is_reason = |text: Vec<u8>| serde_json::from_slice::<Note>(&text).is_ok();
    failed.look(note_name(name, 1)).is_err()
        && failed.note(name, &[rustix::process::geteuid().as_raw()]).is_ok_and(is_reason)
}

/// True if a folder takes no file for this reason.
fn is_refusal(kind: ErrorKind) -> bool {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(kind, PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

impl ClaimedFile {
    /// A file in a place of this program.
    pub(super) fn new(home: &Arc<Home>, place: OsString, name: OsString, orphan: bool) -> ClaimedFile {
        ClaimedFile { home: Arc::clone(home), place, held: None, name, orphan, fresh: false }
    }

    /// Keeps its folder open, which most of its ways ask for.
    pub(super) fn hold(self, place: Dir) -> ClaimedFile {
        ClaimedFile { held: Some(place), ..self }
    }

    /// The folder of the file, alone in it.
    ///
    /// # Errors
    /// A file that is not there any more.
    pub(crate) fn dir(&self) -> io::Result<Dir> {
        match &self.held {
            Some(held) => Ok(held.clone()),
            None => self.home.dir.dir(&self.place),
        }
    }

    /// Opens the file, through no link: anybody with access to the folder could have dropped something else.
    ///
    /// # Errors
    /// A file that cannot be opened, or is none that is read.
    pub fn open(&self) -> io::Result<File> {
        self.dir()?.file(&self.name)
    }

    /// The file's stamp; `None` if it is gone, or no regular file.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        Stamp::from_metadata(&self.dir().ok()?.look(&self.name).ok()?)
    }

    /// The manifest of the window that it is; `None` for a file.
    ///
    /// # Errors
    /// A manifest that cannot be read: it is not known which records the file has.
    pub fn window(&self) -> io::Result<Option<Window>> {
        match self.dir()?.note(MANIFEST, &believed(&self.home.root)?) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells if another program has it open for writing.
    pub(crate) fn writer(&self) -> Writer {
        writer_of_opened(self.open())
    }

    /// The record of its parts that were loaded before it came back from `failed/`.
    pub(crate) fn partly(&self) -> Option<Partly> {
        let meta = self.dir().and_then(|dir| dir.look(&self.name)).ok()?;
        Partly::read(&self.home.claims, &meta, &believed(&self.home.root).ok()?)
    }

    /// The record of the file with the claims of its loaded parts; `None` without claims.
    ///
    /// # Errors
    /// A file that is not there any more.
    pub(crate) fn loaded_under(&self, claims: Vec<String>) -> io::Result<Option<Partly>> {
        if claims.is_empty() {
            return Ok(None);
        }
        Ok(Some(Partly::of(&self.dir()?.look(&self.name)?, claims)))
    }

    /// Forgets the record of loaded parts, once all of the file is loaded.
    pub(crate) fn forget_partly(&self, partly: &Partly) {
        partly.forget(&self.home.claims);
    }

    /// True if it is still there.
    ///
    /// # Errors
    /// An error other than the file's absence.
    pub(crate) fn is_there(&self) -> io::Result<bool> {
        match self.dir().and_then(|dir| dir.look(&self.name)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The file's path, for messages.
    pub(crate) fn place(&self) -> PathBuf {
        self.dir().map_or_else(|_| PathBuf::from(&self.name), |dir| dir.path().join(&self.name))
    }

    /// Name of the file when it landed.
    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// As [`ClaimedFile::name`], in the system's form.
    pub fn os_name(&self) -> OsString {
        self.name.clone()
    }

    /// Name of the file's place, which stays with it when another program takes it over.
    pub fn claim(&self) -> Option<String> {
        Some(self.parts().0)
    }

    /// Number of programs that ended while they loaded it.
    pub fn ends(&self) -> u32 {
        self.parts().1
    }

    /// The same, received for this program just now.
    pub(super) fn fresh(self) -> ClaimedFile {
        ClaimedFile { fresh: true, ..self }
    }

    /// True if no program has begun with it.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// True if a program ended while it had it in hand.
    pub fn is_orphan(&self) -> bool {
        self.orphan
    }

    fn parts(&self) -> (String, u32) {
        let place = self.place.to_string_lossy();
        let (claim, ends) = place.split_once(AGAIN).unwrap_or((&place, "0"));
        (claim.to_owned(), ends.parse().unwrap_or(0))
    }

    /// Counts the program that ended over the file in the place's name, before the load is begun again.
    ///
    /// # Errors
    /// A place that cannot be renamed.
    pub fn begin_again(&mut self) -> io::Result<()> {
        if self.orphan {
            let (claim, ends) = self.parts();
            let to = OsString::from(format!("{claim}{AGAIN}{}", ends.saturating_add(1)));
            if !self.home.dir.rename(&self.place, &self.home.dir, &to)? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            self.place = to;
            self.held = None;
            self.orphan = false;
        }
        Ok(())
    }

    /// The file as an unfinished one: this program began its load, and could not go on for a fault of its own.
    #[must_use]
    pub fn orphaned(self) -> ClaimedFile {
        ClaimedFile { orphan: true, ..self }
    }

    /// Deletes the file, whose rows are committed, if it is the `loaded` one still; returns true if it was. A file that
    /// is not there any more counts as deleted.
    ///
    /// # Errors
    /// A file that cannot be deleted; it stays claimed.
    pub(crate) fn delete(&self, loaded: Option<Stamp>) -> io::Result<bool> {
        fail::fail_point!("delete", |_| Err(io::Error::other("a fault of the test's")));
        if !self.is_there()? {
            return Ok(true);
        }
        if self.stamp() != loaded {
            return Ok(false);
        }
        self.dir()?.remove(&self.name)?;
        Ok(true)
    }

    /// Clears the place of a deleted file.
    pub fn release(&self) {
        // A leftover place is cleared by the next start.
        if let Ok(dir) = self.dir() {
            let _ = dir.remove(MANIFEST);
        }
        let _ = self.home.dir.remove_dir(&self.place);
    }

    /// Moves it back to where it landed, to be loaded later; `None` if another file of its name has landed meanwhile: it
    /// stays claimed, and comes before that one.
    ///
    /// # Errors
    /// A file that cannot be moved; it stays claimed.
    pub fn put_back(&self) -> io::Result<Option<PathBuf>> {
        if !self.dir()?.rename(&self.name, &self.home.root, &self.name)? {
            return Ok(None);
        }
        self.release();
        Ok(Some(self.home.root.path().join(&self.name)))
    }

    /// Sees that it could be moved to `failed/`, and a reason be written there.
    ///
    /// # Errors
    /// A folder that cannot be written, with its owner and the command that gives the right.
    pub(crate) fn may_fail(&self) -> io::Result<()> {
        let failed = self.failed()?;
        let written = failed.unnamed().and_then(|mut file| file.write_all(&[b' '; ERROR_MAX * 2]));
        match written {
            Err(error) if is_refusal(error.kind()) => Err(explain(error, failed.path())),
            // A file system without unnamed files.
            _ => Ok(()),
        }
    }

    /// Moves it to `failed/`, with the reason beside it; returns the path. The reason is there first, so that no file
    /// lies there without one.
    ///
    /// # Errors
    /// A file that cannot be moved, or a reason that cannot be written; the file stays claimed.
    pub fn fail(&self, failure: &Failure<'_>) -> io::Result<PathBuf> {
        self.move_to_failed(failure).map_err(|error| match error.raw_os_error() {
            // The system's error does not name the folder.
            Some(_) if error.kind() != io::ErrorKind::NotFound => {
                let failed = self.home.root.path().join(FAILED);
                let (kind, error) = (error.kind(), explain_folder(error, self.home.root.path()));
                io::Error::new(kind, format!("cannot move it to {}: {error}", failed.display()))
            }
            _ => error,
        })
    }

    fn move_to_failed(&self, failure: &Failure<'_>) -> io::Result<PathBuf> {
        let (dir, failed) = (self.dir()?, self.failed()?);
        if let Some(partly) = failure.partly {
            partly.write(&self.home.claims)?;
            // A fault by which a test ends the program here; only a failure after a loaded part passes it.
            let noted = "partly_noted";
            let _ = noted;
            fail::fail_point!(noted);
        }
        let error = &failure.error[..failure.error.floor_char_boundary(ERROR_MAX)];
        let error = hidden(error);
        let text = serde_json::to_string_pretty(&Failure { error: &error, at: failure.at.clone(), ..*failure })? + "\n";
        // It is read on terminals too.
        let text = json(&text);
        for n in 1u32.. {
            let name = nth_name(&self.name, n);
            let note = note_name(&name, n);
            let is_free = match failed.look(&note) {
                Ok(meta) => meta.is_file() && self.home.us.made(&meta) && is_left_reason(&failed, &note),
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            if !is_free || failed.look(&name).is_ok() {
                continue;
            }
            // The file's owner may read the reason.
            dir.write(NOTE, text.as_bytes(), 0o644)?.sync_all()?;
            fail::fail_point!("noted");
            dir.replace(NOTE, &failed, &note)?;
            fail::fail_point!("explained");
            if dir.rename(&self.name, &failed, &name)? {
                self.release();
                return Ok(failed.path().join(name));
            }
        }
        Err(io::Error::other("no free name"))
    }

    /// The folder `failed/`, readable for all who may read the watched folder; or, if that is somebody else's, the one
    /// of the same name in `.sluice`.
    fn failed(&self) -> io::Result<Dir> {
        let Home { root, claims, us, .. } = &*self.home;
        let above = root.metadata()?;
        match root.new_dir(FAILED, 0o700) {
            Ok(made) => {
                made.set_mode(0o700 | (above.mode() & 0o2055))?;
                return Ok(made);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        match root.dir(FAILED) {
            Ok(failed) if us.trust(&failed.metadata()?, &above) => return Ok(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            // A folder that cannot even be read is not ours either.
            _ => {}
        }
        let own = match claims.new_dir(FAILED, 0o750) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => claims.dir(FAILED)?,
            made => made?,
        };
        let meta = own.metadata()?;
        if us.own(&meta) { Ok(own) } else { Err(us.refuse(&own, &meta)) }
    }

    /// Brings the rename that claimed the file to stable storage: the folders that it touched, up to the one where it
    /// had landed.
    ///
    /// # Errors
    /// A folder that cannot be synced.
    pub(super) fn sync(&self) -> io::Result<()> {
        let Home { root, claims, dir, .. } = &*self.home;
        [&self.dir()?, dir, claims, root].into_iter().try_for_each(Dir::sync)
    }
}
