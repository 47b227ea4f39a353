//! The state of a program while its folder is gone, and with it the usual place of that state: a hidden file in
//! `exports/`, locked as long as the program waits. A file whose lock is free belongs to a program that waits no
//! longer.

use std::ffi::OsString;
use std::fs::{self, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::state::State;
use crate::source::Dir;

/// The beginning of these files' names.
const NAME: &str = ".waiting-";

/// The note that a program waits for its folder; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Absent {
    _note: NamedTempFile,
}

impl Absent {
    /// Writes the note in `exports`, and removes those of dead programs.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub(super) fn say(exports: &Path, state: &State) -> io::Result<Absent> {
        for (path, lives) in notes(exports) {
            if !lives {
                let _ = fs::remove_file(path); // The next program that waits tries again.
            }
        }
        let mut note = tempfile::Builder::new().prefix(NAME).suffix(".json").tempfile_in(exports)?;
        note.as_file().lock()?;
        note.write_all(&state.written()?)?;
        Ok(Absent { _note: note })
    }
}

/// Returns the states of the programs that wait for the folder.
pub fn absent(exports: &Path, folder: &Path) -> Vec<State> {
    let Ok(held) = Dir::open(exports) else { return Vec::new() };
    let owners = [rustix::process::geteuid().as_raw(), held.metadata().map_or(0, |meta| meta.uid())];
    let said =
        |path: PathBuf| -> Option<State> { serde_json::from_slice(&held.note(path.file_name()?, &owners).ok()?).ok() };
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let living = notes(exports).into_iter().filter(|(_, lives)| *lives);
    living.filter_map(|(path, _)| said(path)).filter(|state| state.folder == folder).collect()
}

/// Returns the notes, each with true if its program lives.
fn notes(exports: &Path) -> Vec<(PathBuf, bool)> {
    let entries = fs::read_dir(exports).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(NAME.as_bytes()));
    let Ok(held) = Dir::open(exports) else { return Vec::new() };
    let lives = |name: OsString| Some(matches!(held.file(name).ok()?.try_lock(), Err(TryLockError::WouldBlock)));
    ours.filter_map(|entry| Some((entry.path(), lives(entry.file_name())?))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::state::StateFile;
    use super::*;
    use crate::source::Folder;

    #[test]
    fn who_waits_is_known_as_long_as_it_lives() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, other) = (dir.path().join("imports"), dir.path().join("other"));
        fs::create_dir(&folder).unwrap();
        let watched = Folder::open(&folder).unwrap();
        let state = StateFile::new(watched.root(), watched.home(), dir.path()).snapshot();
        // A dead program's note: nobody holds its lock.
        let left = dir.path().join(".waiting-left.json");
        fs::write(&left, serde_json::to_vec(&State { pid: 1, ..state.clone() }).unwrap()).unwrap();
        assert!(absent(dir.path(), &folder).is_empty());
        let said = Absent::say(dir.path(), &state).unwrap();
        assert!(!left.exists());
        let pids = |folder: &Path| absent(dir.path(), folder).iter().map(|state| state.pid).collect::<Vec<_>>();
        assert_eq!((pids(&folder), pids(&other)), (vec![std::process::id()], vec![]));
        drop(said);
        assert_eq!(notes(dir.path()).len(), 0);
    }
}
