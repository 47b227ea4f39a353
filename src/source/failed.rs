//! The files in `imports/failed/`: each could not be loaded, has the reason beside it, and a way back.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::folder::{CLAIMS, FAILED, OWN_FAILED};
use super::free_name::note_name;
use super::owner::{believed, foreign_failed};
use super::{Dir, Folder, Partly};

/// Note beside a file that could not be loaded, as it is read (`Failure` is its written form).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Name of the input: the file, or a part of it.
    pub file: String,
    /// Number of the load in the ledger.
    pub load: Option<i64>,
    /// Message of the error.
    pub error: String,
    /// Advice for the fix; `mend` in older programs' notes.
    #[serde(alias = "mend")]
    pub fix: String,
    /// Time of the try.
    pub at: DateTime<Utc>,
    /// Record of its loaded parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partly: Option<Partly>,
}

/// A file that could not be loaded.
#[derive(Clone, Debug)]
pub struct FailedFile {
    /// Name of the file.
    pub name: String,
    /// Note beside it, if there is one.
    pub note: Option<Note>,
    os_name: OsString,
    note_name: OsString,
    failed: Dir,
    /// Path of its folder, seen from the watched one.
    within: &'static str,
}

/// Lists the files in `failed/` of a watched folder, and in Sluice's own one if that is somebody else's, by name.
///
/// # Errors
/// A folder that cannot be read; none at all is no error.
pub fn failed_files(folder: &Path) -> io::Result<Vec<FailedFile>> {
    let root = match Dir::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        root => root?,
    };
    let owners = believed(&root)?;
    let mut files = Vec::new();
    // A folder made by others has no files of ours.
    let ours = if foreign_failed(folder)?.is_some() { &[OWN_FAILED][..] } else { &[FAILED, OWN_FAILED] };
    for within in ours {
        match within.split('/').try_fold(root.clone(), |dir, name| dir.dir(name)) {
            Ok(failed) => files.extend(files_in(&failed, within, &owners)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files.sort_by(|one: &FailedFile, other: &FailedFile| (&one.name, one.within).cmp(&(&other.name, other.within)));
    Ok(files)
}

/// Lists the files in one of the folders; only notes by one of `owners` are believed.
fn files_in(failed: &Dir, within: &'static str, owners: &[u32]) -> io::Result<Vec<FailedFile>> {
    let read = |name: &OsStr| -> Option<Note> { serde_json::from_slice(&failed.note(name, owners).ok()?).ok() };
    let names = failed.names()?;
    let noted: HashSet<OsString> = names.iter().map(|name| note_name(name, 1)).collect();
    let mut files = Vec::new();
    for os_name in names {
        // A file's note is no file of its own, whoever wrote it.
        let is_note =
            || os_name.to_string_lossy().contains(".error.") && (noted.contains(&os_name) || read(&os_name).is_some());
        let is_file = failed.look(&os_name).is_ok_and(|meta| meta.is_file());
        if is_file && !os_name.as_bytes().starts_with(b".") && !is_note() {
            let note_name = note_name(&os_name, 1);
            let (name, note) = (os_name.to_string_lossy().into_owned(), read(&note_name));
            files.push(FailedFile { name, note, os_name, note_name, failed: failed.clone(), within });
        }
    }
    Ok(files)
}

impl FailedFile {
    /// Path of the file, seen from the watched folder.
    pub fn shown_as(&self) -> String {
        format!("{}/{}", self.within, self.name)
    }

    /// Name of the file when it landed.
    pub fn landed_as(&self) -> &str {
        let told = self.note.as_ref().and_then(|note| note.file.split('/').next());
        told.filter(|name| !name.is_empty() && !name.starts_with('.')).unwrap_or(&self.name)
    }

    /// Number of the load that failed, and its time: the order in which such files came.
    pub fn came(&self) -> (Option<i64>, Option<DateTime<Utc>>) {
        (self.note.as_ref().and_then(|note| note.load), self.note.as_ref().map(|note| note.at))
    }

    /// Moves it back into the folder under the name that it landed by, and removes the reason; returns the path. `None`
    /// if another file has this name now.
    ///
    /// # Errors
    /// A file that cannot be moved, or a fixed one whose loaded parts cannot be recorded.
    pub fn move_back(&self, folder: &Path) -> io::Result<Option<PathBuf>> {
        let root = Dir::open(folder)?;
        self.note_parts(&root)?;
        if !self.failed.rename(&self.os_name, &root, self.landed_as())? {
            return Ok(None);
        }
        self.forget_note()?;
        Ok(Some(root.path().join(self.landed_as())))
    }

    /// Gives it to the programs of the folder under the name that it landed by, before others of that name that wait
    /// there and after those that were given before, and removes the reason.
    ///
    /// # Errors
    /// As [`FailedFile::move_back`].
    pub fn give_back(&self, to: &Folder) -> io::Result<()> {
        self.note_parts(to.root())?;
        to.give(&self.failed, &self.os_name, self.landed_as().as_ref())?;
        self.forget_note()
    }

    fn note_parts(&self, root: &Dir) -> io::Result<()> {
        let Some(partly) = self.note.as_ref().and_then(|note| note.partly.as_ref()) else { return Ok(()) };
        let now = Partly::of(&self.failed.look(&self.os_name)?, partly.claims.clone());
        if now == *partly { Ok(()) } else { now.write(&root.dir(CLAIMS)?) }
    }

    fn forget_note(&self) -> io::Result<()> {
        if self.note.is_some() { self.failed.remove(&self.note_name) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_goes_back_under_the_name_that_it_landed_by() {
        let dir = tempfile::tempdir().unwrap();
        let failed = dir.path().join(FAILED);
        assert!(failed_files(dir.path()).unwrap().is_empty());
        fs::create_dir(&failed).unwrap();
        let note = |file: &str| {
            format!(r#"{{"file": "{file}", "load": 7, "error": "e", "fix": "m", "at": "2020-01-01T00:00:00+00:00"}}"#)
        };
        for (name, text) in [
            ("x.2.csv", "2"),
            ("x.2.csv.error.json", &note("x.csv")),
            ("pack.zip", "z"),
            ("pack.zip.error.json", &note("pack.zip/../../member.csv")),
            ("none.csv", "n"),
            ("data.error.json", "{}"),
            ("orphan.csv.error.json", &note("orphan.csv")),
        ] {
            fs::write(failed.join(name), text).unwrap();
        }
        fs::write(dir.path().join("none.csv"), "there").unwrap();
        let files = failed_files(dir.path()).unwrap();
        let names: Vec<_> =
            files.iter().map(|file| (file.name.as_str(), file.landed_as(), file.note.is_some())).collect();
        assert_eq!(
            names,
            [
                ("data.error.json", "data.error.json", false),
                ("none.csv", "none.csv", false),
                ("pack.zip", "pack.zip", true),
                ("x.2.csv", "x.csv", true)
            ]
        );
        let moved: Vec<_> = files.iter().map(|file| file.move_back(dir.path()).unwrap()).collect();
        let place = |name: &str| Some(dir.path().join(name));
        assert_eq!(moved, [place("data.error.json"), None, place("pack.zip"), place("x.csv")]);
        assert_eq!(fs::read_to_string(dir.path().join("none.csv")).unwrap(), "there");
        // One whose name is taken is given to the programs, and keeps it.
        let folder = Folder::open(dir.path()).unwrap();
        files[1].give_back(&folder).unwrap();
        folder.leave();
        let next = Folder::open(dir.path()).unwrap();
        let given = next.claim_leftovers(&mut |_, _| {}).unwrap().remove(0);
        assert_eq!((given.name().as_str(), given.is_orphan()), ("none.csv", false));
        assert_eq!(fs::read_to_string(given.place()).unwrap(), "n");
        assert_eq!(fs::read_dir(failed).unwrap().count(), 1);
    }
}
