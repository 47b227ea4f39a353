//! The folder that files land in. A file is claimed by a rename into a place of this program's own, so that the deleted
//! file is the one that was read, and two programs on one folder never both load it. The place is held open: others
//! with access to the folder may rename the path to it, without any effect.
//!
//! ```text
//! imports/x.csv                    landed
//! imports/.sluice/<program>/<claim>/x.csv  claimed; the program holds a lock on its folder while it lives
//! imports/.sluice/<program>/<claim>~2/x.csv  claimed by a third program, after two that ended while they loaded it
//! imports/.sluice/<program>/<claim>/.window.json  beside the file: it is a window of a stream, and this its manifest
//! imports/.sluice/<program>/<claim>/.spooling     a window that is being written
//! imports/.sluice/<program>/.stopped       the program ended as it was asked to
//! imports/.sluice/<program>/.pulling       the program takes the place for a pull, and does not watch the folder
//! imports/.sluice/<program>/state.json     what the program does; only `app status` reads it
//! imports/failed/x.csv             could not be loaded; x.csv.error.json beside it says why
//! imports/.sluice/failed/x.csv     the same where somebody else has made failed/
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Dir;
use super::claimed::ClaimedFile;
use super::free_name::move_to_free_name;
use super::owner::{Us, random};
use super::upload::UPLOADS;

/// The folder of the programs' places.
pub(crate) const CLAIMS: &str = ".sluice";

/// Folder of files that could not be loaded; and its substitute while somebody else has made that.
pub(crate) const FAILED: &str = "failed";
pub(crate) const OWN_FAILED: &str = ".sluice/failed";
pub(super) const STOPPED: &str = ".stopped";

/// Mark of a place that is taken for a pull: its program does not watch the folder.
pub(super) const PULLING: &str = ".pulling";

/// File of a program's state in its place, and its name while it is written.
pub(crate) const STATE: &str = "state.json";
pub(crate) const STATE_NEW: &str = "state.json.new";

/// Name of a reason before it is put beside a file in `failed/`. Hidden files are never claimed.
pub(super) const NOTE: &str = ".error.json";

/// Manifest of a window beside its file, and name of a window while it is written.
pub(super) const MANIFEST: &str = ".window.json";
pub(super) const SPOOLING: &str = ".spooling";

/// A folder that files land in, and this program's place in it.
#[derive(Debug)]
pub struct Folder {
    home: Arc<Home>,
    next: AtomicU64,
}

/// A program's place, held open together with the folders above it: a rename of one of them takes nothing away.
#[derive(Debug)]
pub(super) struct Home {
    /// The folder that files land in.
    pub(super) root: Dir,
    pub(super) claims: Dir,
    pub(super) dir: Dir,
    pub(super) us: Us,
    name: OsString,
    /// Lock for the program's life: another program that can lock the place knows that this one has ended.
    _lock: File,
}

impl Home {
    fn take(path: &Path) -> io::Result<Home> {
        let root = Dir::open(path)?;
        let us = Us::ask(&root)?;
        let claims = match root.new_dir(CLAIMS, 0o750) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => root.dir(CLAIMS)?,
            made => made?,
        };
        let meta = claims.metadata()?;
        if !us.made(&meta) {
            return Err(us.refuse(&claims, &meta));
        }
        if !us.own(&meta) {
            claims.set_mode(0o750)?; // A looser umask may have left more.
        }
        loop {
            // Others pass over hidden names, so the place is not seen before it is locked.
            let word = random();
            let (hidden, name) = (format!(".{word}"), format!("{}-{word}", std::process::id()));
            let dir = match claims.new_dir(&hidden, 0o700) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            let lock = dir.reopen()?;
            lock.lock()?;
            if claims.rename(&hidden, &claims, &name)? {
                let dir = claims.dir(&name)?;
                return Ok(Home { root, claims, dir, us, name: name.into(), _lock: lock });
            }
        }
    }
}

impl Folder {
    /// Takes a place of its own in the folder, which must exist.
    ///
    /// # Errors
    /// A folder that cannot be written, or whose `.sluice` is somebody else's.
    pub fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder { home: Arc::new(Home::take(path)?), next: AtomicU64::new(1) })
    }

    /// Takes a place for the windows of a pull: nobody watches the folder by it.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn open_to_pull(path: &Path) -> io::Result<Folder> {
        let folder = Folder::open(path)?;
        folder.home.dir.write(PULLING, b"", 0o600)?;
        Ok(folder)
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        self.home.root.path()
    }

    /// The folder, held open.
    pub fn root(&self) -> &Dir {
        &self.home.root
    }

    /// This program's place in it, held open.
    pub fn home(&self) -> &Dir {
        &self.home.dir
    }

    /// True if it is still the folder with this program's place: it may have been removed and made again, something
    /// mounted over it or taken away from under it, or the place renamed.
    pub fn is_there(&self) -> bool {
        let is_there = || {
            let root = Dir::open(self.path())?;
            io::Result::Ok(root.is(&self.home.root) && root.dir(CLAIMS)?.dir(&self.home.name)?.is(&self.home.dir))
        };
        is_there().unwrap_or(false)
    }

    /// Claims a file that lies in the folder.
    ///
    /// # Errors
    /// `NotFound` when another program was faster.
    pub fn claim(&self, name: &OsStr) -> io::Result<ClaimedFile> {
        fail::fail_point!("claim", |_| Err(io::Error::other("a fault of the test's")));
        let (file, place) = self.take((&self.home.root, name), name, &self.next_claim(), false)?;
        Ok(file.hold(place))
    }

    /// A name that no claim has or had.
    pub(super) fn next_claim(&self) -> OsString {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        // Claims of one name are loaded in their order.
        format!("{}-{next:06}", self.home.name.to_string_lossy()).into()
    }

    /// This program's place, to be held by its claims.
    pub(super) fn home_of_claims(&self) -> &Arc<Home> {
        &self.home
    }

    /// The files in this program's own place.
    ///
    /// # Errors
    /// A place that cannot be read.
    pub fn claims(&self) -> io::Result<Vec<ClaimedFile>> {
        let mut claims = Vec::new();
        for place in self.home.dir.folders()? {
            for name in self.home.dir.dir(&place)?.names()? {
                if ![NOTE, MANIFEST, SPOOLING].iter().any(|own| name == **own) {
                    claims.push(ClaimedFile::new(&self.home, place.clone(), name, false));
                }
            }
        }
        Ok(claims)
    }

    /// Files of others in the place of Sluice's own folders, each with its kind: they are left there.
    pub fn planted(&self) -> Vec<(String, String)> {
        let Home { root, claims, us, .. } = &*self.home;
        let of = |meta: &Metadata, what: &str| format!("{what} of uid {}, mode {:o}", meta.uid(), meta.mode() & 0o7777);
        let mut planted = Vec::new();
        for name in claims.names().unwrap_or_default() {
            let Ok(meta) = claims.look(&name) else { continue };
            if name.as_bytes().starts_with(b".")
                || (meta.is_file() && us.made(&meta))
                || (meta.is_dir() && us.own(&meta))
            {
                continue;
            }
            let what = if meta.is_dir() { "a folder" } else { "no folder" };
            planted.push((format!("{CLAIMS}/{}", name.to_string_lossy()), of(&meta, what)));
        }
        if let (Ok(meta), Ok(above)) = (root.look(FAILED), root.metadata())
            && !(meta.is_dir() && us.trust(&meta, &above))
        {
            let what = of(&meta, if meta.is_dir() { "a folder" } else { "no folder" });
            planted.push((
                FAILED.to_owned(),
                format!("{what}: until it is moved away, what fails goes to {CLAIMS}/{FAILED}"),
            ));
        }
        planted
    }

    /// Notes that the program ends on request: its leftovers are no file's fault.
    pub fn stop(&self) {
        // Without the note a file is counted as tried once more than it was.
        let _ = self.home.dir.write(STOPPED, b"", 0o600);
    }

    /// Takes the file called `own` in a folder; `claim` is a name that no other claim has or had. Returns its place, too.
    pub(super) fn take(
        &self,
        (from, own): (&Dir, &OsStr),
        name: &OsStr,
        claim: &OsStr,
        orphan: bool,
    ) -> io::Result<(ClaimedFile, Dir)> {
        let place = self.home.dir.new_dir(claim, 0o700)?;
        fail::fail_point!("place");
        // The place is new and ours, so there is nothing to rename over.
        let taken = from.replace(own, &place, name).and_then(|()| self.give_back_folder(&place, name));
        if let Err(error) = taken {
            // A folder that its owner has closed meanwhile stays in it.
            let _ = self.home.dir.remove_dir(claim);
            return Err(error);
        }
        Ok((ClaimedFile::new(&self.home, claim.to_owned(), name.to_owned(), orphan), place))
    }

    /// Moves what was claimed back to where files land, if somebody has put a folder in the file's place: its owner may
    /// write in it wherever it lies.
    fn give_back_folder(&self, place: &Dir, name: &OsStr) -> io::Result<()> {
        if !place.look(name)?.is_dir() {
            return Ok(());
        }
        move_to_free_name(place, name, &self.home.root, name)?;
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Home { claims, dir, name, .. } = &*self.home;
        // Fails if a load did not finish: its files are the next start's.
        if claims.remove_dir(name).is_err() && dir.folders().is_ok_and(|claims| claims.is_empty()) {
            for note in [STOPPED, PULLING] {
                let _ = dir.remove(note);
            }
            let _ = claims.remove_dir(name);
        }
        // Stays while uploads lie in it.
        let _ = claims.remove_dir(UPLOADS);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Failure;
    use super::*;

    #[test]
    fn a_file_is_claimed_once_and_goes_back_under_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Folder::open(dir.path()).unwrap(), Folder::open(dir.path()).unwrap());
        fs::write(dir.path().join("x.csv"), "first").unwrap();
        let claimed = one.claim(OsStr::new("x.csv")).unwrap();
        assert_eq!(other.claim(OsStr::new("x.csv")).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(dir.path().join("x.csv"), "second").unwrap();
        // Under another name it would be another file, to another plugin perhaps.
        assert_eq!(claimed.put_back().unwrap(), None);
        assert_eq!(fs::read_to_string(dir.path().join("x.csv")).unwrap(), "second");
        assert_eq!(fs::read_to_string(claimed.place()).unwrap(), "first");
        fs::remove_file(dir.path().join("x.csv")).unwrap();
        assert_eq!(claimed.put_back().unwrap(), Some(dir.path().join("x.csv")));
        assert_eq!(fs::read_to_string(dir.path().join("x.csv")).unwrap(), "first");
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_not_claimed() {
        let dir = tempfile::tempdir().unwrap();
        let (dead, next) = (Folder::open(dir.path()).unwrap(), Folder::open(dir.path()).unwrap());
        fs::create_dir(dir.path().join("x.csv")).unwrap();
        assert_eq!(next.claim(OsStr::new("x.csv")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(dir.path().join("x.csv").is_dir() && next.home().folders().unwrap().is_empty());
        // A program that ended with one in its hands gives it back, too; its name may be taken by now.
        fs::create_dir_all(dead.home().path().join("1-000001/x.csv")).unwrap();
        drop(dead);
        assert!(next.claim_leftovers(&mut |_, _| {}).unwrap().is_empty());
        assert!(dir.path().join("x.2.csv").is_dir());
        assert!(next.home().folders().unwrap().is_empty() && next.is_there());
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
        let names: Vec<_> = new.claim_leftovers(&mut |_, _| {}).unwrap().iter().map(ClaimedFile::name).collect();
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
        // A program that was asked to end has done nothing wrong.
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
    fn a_reason_takes_the_place_of_no_failed_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        // One that looks like a reason has a reason of its own.
        let like = r#"{"file":"x.csv","load":null,"error":"e","fix":"m","at":"2026-11-30T00:00:00Z"}"#;
        for (name, text) in [("x.csv.error.json", like), ("x.csv", "x"), ("y.csv.error.json", "y"), ("y.csv", "z")] {
            fs::write(dir.path().join(name), text).unwrap();
            let at = "2026-11-30T00:00:00Z".to_owned();
            let failure = Failure { file: name, load: None, error: "e", fix: "m", at, partly: None };
            folder.claim(OsStr::new(name)).unwrap().fail(&failure).unwrap();
        }
        let failed = dir.path().join(FAILED);
        assert_eq!(fs::read_to_string(failed.join("x.csv.error.json")).unwrap(), like);
        assert_eq!(fs::read_to_string(failed.join("y.csv.error.json")).unwrap(), "y");
        assert_eq!(fs::read_dir(failed).unwrap().count(), 8);
    }

    #[test]
    fn a_failure_stands_beside_its_file_however_long_the_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let name = format!("{}.csv", "x".repeat(251));
        for _ in 0..2 {
            fs::write(dir.path().join(&name), "").unwrap();
            let failure = Failure { file: &name, load: None, error: "e", fix: "m", at: String::new(), partly: None };
            assert!(folder.claim(OsStr::new(&name)).unwrap().fail(&failure).unwrap().exists());
        }
        assert_eq!(fs::read_dir(dir.path().join(FAILED)).unwrap().count(), 4);
    }
}
