//! What lies in `imports/failed/`: files that could not be loaded, each with the reason beside it, and their way back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::folder::FAILED;
use super::free_name::{note_name, rename_to_free_name};

/// What stands beside a file that could not be loaded, as it is read (`Failure` is how it is written).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// What was being loaded: the file, or a part of it.
    pub file: String,
    /// The load's number in the ledger.
    pub load: Option<i64>,
    /// What is wrong.
    pub error: String,
    /// How to mend it.
    pub mend: String,
    /// When it was tried.
    pub at: DateTime<Utc>,
}

/// A file that could not be loaded.
#[derive(Clone, Debug)]
pub struct FailedFile {
    /// Its name in `failed/`.
    pub name: String,
    /// The reason, where one stands beside it.
    pub note: Option<Note>,
    path: PathBuf,
    note_path: Option<PathBuf>,
}

/// The files in `failed/` of a watched folder, by name.
///
/// # Errors
/// When the folder cannot be read; none at all is no error.
pub fn failed_files(folder: &Path) -> io::Result<Vec<FailedFile>> {
    let entries = match fs::read_dir(folder.join(FAILED)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            names.push(entry.file_name());
        }
    }
    let read = |path: &Path| -> Option<Note> { serde_json::from_slice(&fs::read(path).ok()?).ok() };
    let is_note = |path: &Path| path.to_string_lossy().contains(".error.") && read(path).is_some();
    let mut files: Vec<_> = names
        .into_iter()
        .map(|name| (folder.join(FAILED).join(&name), name))
        .filter(|(path, _)| !is_note(path))
        .map(|(path, name)| {
            let note_path = path.with_file_name(note_name(&name, 1));
            let note = read(&note_path);
            let note_path = note.is_some().then_some(note_path);
            FailedFile { name: name.to_string_lossy().into_owned(), note, path, note_path }
        })
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

impl FailedFile {
    /// The name that it landed by.
    pub fn landed_as(&self) -> &str {
        let told = self.note.as_ref().and_then(|note| note.file.split('/').next());
        told.filter(|name| !name.is_empty() && !name.starts_with('.')).unwrap_or(&self.name)
    }

    /// Moves it back into the folder under the name that it landed by, or the next free one, and removes the reason; gives the place.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn move_back(&self, folder: &Path) -> io::Result<PathBuf> {
        let to = rename_to_free_name(&self.path, folder, self.landed_as().as_ref())?;
        if let Some(note) = &self.note_path {
            fs::remove_file(note)?;
        }
        Ok(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_back_under_the_name_that_it_landed_by() {
        let dir = tempfile::tempdir().unwrap();
        let failed = dir.path().join(FAILED);
        assert!(failed_files(dir.path()).unwrap().is_empty());
        fs::create_dir(&failed).unwrap();
        let note = |file: &str| {
            format!(r#"{{"file": "{file}", "load": 7, "error": "e", "mend": "m", "at": "2020-01-01T00:00:00+00:00"}}"#)
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
        assert_eq!(moved, ["data.error.json", "none.2.csv", "pack.zip", "x.csv"].map(|name| dir.path().join(name)));
        assert_eq!(fs::read_to_string(dir.path().join("none.csv")).unwrap(), "there");
        assert_eq!(fs::read_dir(failed).unwrap().count(), 1);
    }
}
