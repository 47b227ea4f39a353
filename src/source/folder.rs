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

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::claimed::Claimed;

const CLAIMS: &str = ".sluice";
pub(super) const FAILED: &str = "failed";
const STOPPED: &str = ".stopped";

/// What a program says of itself in its place, and the same while it is written.
pub(crate) const STATE: &str = "state.json";
pub(crate) const STATE_NEW: &str = "state.json.new";

/// The reason that is about to stand beside a file in `failed/`. No file is claimed that is hidden.
pub(super) const NOTE: &str = ".error.json";

/// A folder that files land in, and this program's place in it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    home: PathBuf,
    /// Held as long as the program lives: whoever can lock another program's place knows that it does not live any more.
    lock: File,
    next: AtomicU64,
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

    /// Claims what programs that do not live any more had claimed: their loads did not finish, or their deletes. `stuck` hears of what
    /// cannot be claimed now, and stays where it is.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn claim_leftovers(&self, stuck: &mut dyn FnMut(&OsStr, &io::Error)) -> io::Result<Vec<Claimed>> {
        let mut claimed = Vec::new();
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
                self.take_over(&claim, orphan, &mut claimed, stuck)?;
            }
            // What nobody could claim stays, and so does what the program said of its end.
            if folders(&place)?.is_empty() {
                for note in [STOPPED, STATE, STATE_NEW] {
                    let _ = fs::remove_file(place.join(note));
                }
                let _ = fs::remove_dir(&place);
            }
        }
        claimed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(claimed)
    }

    fn take_over(
        &self,
        claim: &Path,
        orphan: bool,
        claimed: &mut Vec<Claimed>,
        stuck: &mut dyn FnMut(&OsStr, &io::Error),
    ) -> io::Result<()> {
        for file in fs::read_dir(claim)? {
            let name = file?.file_name();
            let path = claim.join(&name);
            if name == NOTE {
                let _ = fs::remove_file(path);
                continue;
            }
            match self.take(&path, &name, claim.file_name().unwrap_or_default(), orphan) {
                Ok(file) => claimed.push(file),
                Err(error) => stuck(&name, &error),
            }
        }
        let _ = fs::remove_dir(claim);
        Ok(())
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

/// Makes a folder where there is none. A link to one is none: it would lead out of the folder that it lies in.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::super::Failure;
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
        let names: Vec<_> = new.claim_leftovers(&mut |_, _| {}).unwrap().iter().map(Claimed::name).collect();
        assert_eq!(names, ["dead.csv"]);
        assert!(new.claim_leftovers(&mut |_, _| {}).unwrap().is_empty());
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
            let mut again = next.claim_leftovers(&mut |_, _| {}).unwrap().remove(0);
            assert_eq!((again.claim(), again.ends()), (claim.clone(), ends));
            again.begin_again().unwrap();
        }
        // One that was asked to end has done nothing wrong.
        let last = Folder::open(dir.path()).unwrap();
        last.claim_leftovers(&mut |_, _| {}).unwrap();
        last.stop();
        drop(last);
        let next = Folder::open(dir.path()).unwrap();
        let mut again = next.claim_leftovers(&mut |_, _| {}).unwrap().remove(0);
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
