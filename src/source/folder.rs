//! The folder that files land in. A file is claimed by renaming it into a place of this program's own, so that what is
//! read is what is deleted, and two programs on one folder never both load it.
//!
//! ```text
//! imports/x.csv                    landed
//! imports/.sluice/<program>/<claim>/x.csv  claimed; the program holds a lock on its folder while it lives
//! imports/.sluice/<program>/<claim>~2/x.csv  claimed by a third program, after two that ended while they loaded it
//! imports/.sluice/<program>/.stopped       the program ended as it was asked to
//! imports/.sluice/<program>/state.json     what the program does; only `app status` reads it
//! imports/failed/x.csv             could not be loaded; x.csv.error.json beside it says why
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use super::beneath;

const CLAIMS: &str = ".sluice";
pub(super) const FAILED: &str = "failed";
const STOPPED: &str = ".stopped";

/// What a program says of itself in its place, and the same while it is written.
pub(crate) const STATE: &str = "state.json";
pub(crate) const STATE_NEW: &str = "state.json.new";

/// The reason that is about to stand beside a file in `failed/`. No file is claimed that is hidden.
const NOTE: &str = ".error.json";

/// Stands in the name of a claim's place before the number of programs that ended over it.
const AGAIN: char = '~';

/// A folder that files land in, and this program's place in it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    home: PathBuf,
    /// Held as long as the program lives: whoever can lock another program's place knows that it does not live any more.
    lock: File,
    next: AtomicU64,
}

/// A file that this program has claimed. Dropping it leaves it where it is: the next start finishes its load.
#[derive(Clone, Debug)]
pub struct Claimed {
    folder: PathBuf,
    path: PathBuf,
    name: OsString,
    /// Whether a program that had claimed it ended in the midst of its work.
    orphan: bool,
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

impl Folder {
    /// Takes a place of its own in the folder, which must exist.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let claims = path.join(CLAIMS);
        make_folder(&claims)?;
        // Others pass over hidden names, so the place is not seen before it is locked.
        let hidden = tempfile::Builder::new().prefix(".").tempdir_in(&claims)?.keep();
        let lock = File::open(&hidden)?;
        lock.lock()?;
        let name = hidden.file_name().unwrap_or_default().to_string_lossy().trim_start_matches('.').to_owned();
        let home = claims.join(format!("{}-{name}", std::process::id()));
        fs::rename(&hidden, &home)?;
        Ok(Folder { path: path.to_owned(), home, lock, next: AtomicU64::new(1) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// This program's place in it.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Whether it is the folder still in which this program has its place: it may have been removed and made again, or something mounted
    /// over it or taken away from under it.
    pub fn is_there(&self) -> bool {
        let same = |at: &fs::Metadata, lock: &fs::Metadata| (at.dev(), at.ino()) == (lock.dev(), lock.ino());
        matches!((fs::symlink_metadata(&self.home), self.lock.metadata()), (Ok(at), Ok(lock)) if same(&at, &lock))
    }

    /// Claims a file that lies in the folder.
    ///
    /// # Errors
    /// `NotFound` when somebody else was faster.
    pub fn claim(&self, name: &OsStr) -> io::Result<Claimed> {
        fail::fail_point!("claim", |_| Err(io::Error::other("a fault of the test's")));
        let home = self.home.file_name().unwrap_or_default().to_string_lossy();
        let claim = format!("{home}-{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.take(&self.path.join(name), name, OsStr::new(&claim), false)
    }

    /// Claims what programs that do not live any more had claimed: their loads did not finish, or their deletes.
    ///
    /// # Errors
    /// When the folder cannot be read, or nothing in it claimed.
    pub fn claim_leftovers(&self) -> io::Result<Vec<Claimed>> {
        let mut claimed = Vec::new();
        match self.take_leftovers(&mut claimed) {
            // What was claimed by then is ours, and the rest is for another time.
            Err(error) if claimed.is_empty() => return Err(error),
            _ => {}
        }
        claimed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(claimed)
    }

    /// What lies in this program's own place.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn claims(&self) -> io::Result<Vec<Claimed>> {
        let mut claims = Vec::new();
        for claim in folders(&self.home)? {
            for file in fs::read_dir(claim)? {
                let file = file?;
                let (path, name) = (file.path(), file.file_name());
                if name != NOTE {
                    claims.push(Claimed { folder: self.path.clone(), path, name, orphan: false });
                }
            }
        }
        Ok(claims)
    }

    fn take_leftovers(&self, claimed: &mut Vec<Claimed>) -> io::Result<()> {
        for place in folders(&self.path.join(CLAIMS))? {
            if place == self.home {
                continue;
            }
            let Ok(lock) = File::open(&place) else { continue };
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let orphan = !place.join(STOPPED).exists();
            for claim in folders(&place)? {
                for file in fs::read_dir(&claim)? {
                    let file = file?;
                    if file.file_name() == NOTE {
                        fs::remove_file(file.path())?;
                        continue;
                    }
                    let name = claim.file_name().unwrap_or_default();
                    claimed.push(self.take(&file.path(), &file.file_name(), name, orphan)?);
                }
                // What nobody claimed stays, and so does the folder that it is in.
                let _ = fs::remove_dir(claim);
            }
            for note in [STOPPED, STATE, STATE_NEW] {
                let _ = fs::remove_file(place.join(note));
            }
            let _ = fs::remove_dir(&place);
        }
        Ok(())
    }

    /// Notes that the program ends as it was asked to: what it leaves is no file's fault.
    pub fn stop(&self) {
        // Without the note a file is counted as tried once more than it was.
        let _ = File::create(self.home.join(STOPPED));
    }

    /// `claim` is a name that no other claim has or had.
    fn take(&self, from: &Path, name: &OsStr, claim: &OsStr, orphan: bool) -> io::Result<Claimed> {
        let place = self.home.join(claim);
        fs::create_dir(&place)?;
        let path = place.join(name);
        // The place is new and ours, so there is nothing to rename over.
        if let Err(error) = fs::rename(from, &path) {
            fs::remove_dir(&place)?;
            return Err(error);
        }
        Ok(Claimed { folder: self.path.clone(), path, name: name.to_owned(), orphan })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Fails where a load did not finish: then what is in it is the next start's.
        if fs::remove_dir(&self.home).is_err() && folders(&self.home).is_ok_and(|claims| claims.is_empty()) {
            let _ = fs::remove_file(self.home.join(STOPPED));
            let _ = fs::remove_dir(&self.home);
        }
    }
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
            fs::write(&note, &text)?;
            fs::set_permissions(&note, PermissionsExt::from_mode(0o644))?;
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

/// Makes a folder where there is none. A link to one is none: it would lead out of the folder that it lies in.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if path.symlink_metadata()?.is_dir() {
                return Ok(());
            }
            Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("{} must be a folder, and no link", path.display()),
            ))
        }
        done => done,
    }
}

/// The places in the folder, and whether the program lives whose place it is.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn places(path: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let places = match folders(&path.join(CLAIMS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        places => places?,
    };
    let lives = |place: PathBuf| {
        let lives = matches!(File::open(&place).ok()?.try_lock(), Err(TryLockError::WouldBlock));
        Some((place, lives))
    };
    Ok(places.into_iter().filter_map(lives).collect())
}

/// Whether a program that lives has a place in the folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn is_watched(path: &Path) -> io::Result<bool> {
    Ok(places(path)?.iter().any(|(_, lives)| *lives))
}

/// Renames into the folder under the name, or, where that is taken, under `x.2.csv`, `x.3.csv`; never over anything.
pub(crate) fn rename_to_free_name(from: &Path, folder: &Path, name: &OsStr) -> io::Result<PathBuf> {
    for n in 1u32.. {
        let to = folder.join(nth_name(name, n));
        if rename_to(from, &to)? {
            return Ok(to);
        }
    }
    Err(io::Error::other("no free name"))
}

/// `x.csv`, `x.2.csv`, `x.3.csv`, as long as names can be.
fn nth_name(name: &OsStr, n: u32) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    if n == 1 {
        return name.to_owned();
    }
    let text = name.as_bytes();
    let dot = text.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0).unwrap_or(text.len());
    let ending = format!(".{n}").into_bytes();
    let stem = &text[..dot.min(255usize.saturating_sub(ending.len() + text.len() - dot))];
    OsString::from_vec([stem, &ending, &text[dot..]].concat())
}

/// Renames, but not over anything; says whether it did.
fn rename_to(from: &Path, to: &Path) -> io::Result<bool> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::EXIST) => Ok(false),
        // A file system that cannot do both in one step.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !to.try_exists()? => {
            fs::rename(from, to)?;
            Ok(true)
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The folders in a folder that are not hidden.
fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Brings the rename that claimed a file to stable storage: the folders that it touched, up to the one where it had landed.
pub(super) fn sync_folders(claimed: &Path) -> io::Result<()> {
    claimed.ancestors().skip(1).take(4).try_for_each(|folder| File::open(folder)?.sync_all())
}

/// What the reason beside the n-th file of a name is called; cut so that the n-th one's is its own, where the name is as long as names can be.
pub(super) fn note_name(name: &OsStr, n: u32) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let (mut bytes, mut ending) = (name.as_bytes().to_vec(), ".error.json".to_owned());
    if bytes.len() + ending.len() > 255 {
        ending = format!(".{n}{ending}");
        bytes.truncate(255 - ending.len());
    }
    bytes.extend_from_slice(ending.as_bytes());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_claimed_once_and_goes_back_under_a_free_name() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Folder::open(dir.path()).unwrap(), Folder::open(dir.path()).unwrap());
        fs::write(dir.path().join("x.csv"), "first").unwrap();
        let claimed = one.claim(OsStr::new("x.csv")).unwrap();
        assert_eq!(other.claim(OsStr::new("x.csv")).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(dir.path().join("x.csv"), "second").unwrap();
        assert_eq!(claimed.put_back().unwrap(), dir.path().join("x.2.csv"));
        assert_eq!(fs::read_to_string(dir.path().join("x.csv")).unwrap(), "second");
        assert_eq!(fs::read_to_string(dir.path().join("x.2.csv")).unwrap(), "first");
    }

    #[test]
    fn what_a_dead_program_had_claimed_is_claimed_again_and_a_living_ones_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (dead, living, new) =
            (Folder::open(dir.path()).unwrap(), Folder::open(dir.path()).unwrap(), Folder::open(dir.path()).unwrap());
        for (folder, name) in [(&dead, "dead.csv"), (&living, "living.csv")] {
            fs::write(dir.path().join(name), name).unwrap();
            folder.claim(OsStr::new(name)).unwrap();
        }
        drop(dead);
        let names: Vec<_> = new.claim_leftovers().unwrap().iter().map(Claimed::name).collect();
        assert_eq!(names, ["dead.csv"]);
        assert!(new.claim_leftovers().unwrap().is_empty());
    }

    #[test]
    fn a_place_says_how_many_programs_ended_over_its_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.csv"), "x").unwrap();
        let first = Folder::open(dir.path()).unwrap();
        let claim = first.claim(OsStr::new("x.csv")).unwrap().claim();
        drop(first);
        for ends in 0..3 {
            let next = Folder::open(dir.path()).unwrap();
            let mut again = next.claim_leftovers().unwrap().remove(0);
            assert_eq!((again.claim(), again.ends()), (claim.clone(), ends));
            again.begin_again().unwrap();
        }
        // One that was asked to end has done nothing wrong.
        let last = Folder::open(dir.path()).unwrap();
        last.claim_leftovers().unwrap();
        last.stop();
        drop(last);
        let next = Folder::open(dir.path()).unwrap();
        let mut again = next.claim_leftovers().unwrap().remove(0);
        again.begin_again().unwrap();
        assert_eq!(again.ends(), 3);
        assert!(next.is_there());
        fs::rename(dir.path().join(CLAIMS), dir.path().join("elsewhere")).unwrap();
        assert!(!next.is_there());
    }

    #[test]
    fn a_failure_stands_beside_its_file_however_long_the_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let name = format!("{}.csv", "x".repeat(251));
        for _ in 0..2 {
            fs::write(dir.path().join(&name), "").unwrap();
            let failure = Failure { file: &name, load: None, error: "e", mend: "m", at: String::new() };
            assert!(folder.claim(OsStr::new(&name)).unwrap().fail(&failure).unwrap().exists());
        }
        assert_eq!(fs::read_dir(dir.path().join(FAILED)).unwrap().count(), 4);
    }
}
