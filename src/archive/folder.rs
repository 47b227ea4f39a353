//! Keeps files in a folder, also on another file system, and purges those that were kept for a number of days.
//!
//! ```text
//! archive/x.csv              kept for ever
//! archive/2026-11-21/x.csv   kept for some days; .kept beside it says which files are to go when
//! ```
//!
//! A file other than the one in `.kept` (another inode, size or time of modification) is somebody else's.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::source::{Dir, move_to_free_name, rename_to_free_name};
use crate::text::rights::{explain, unwritable};

const KEPT: &str = ".kept";
const DAY: i64 = 24 * 3600;

/// Identity of a kept file.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Identity {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

/// A line of `.kept`.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    file: Identity,
    /// Time of deletion in seconds since 1970.
    until: i64,
}

impl From<&Metadata> for Identity {
    fn from(meta: &Metadata) -> Self {
        Identity { inode: meta.ino(), bytes: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()) }
    }
}

/// Moves the file of that name, opened as `from`, into the folder, under its name or the next free one; copies it to
/// another file system, and leaves it where it is. Returns the path, which is on stable storage.
///
/// # Errors
/// The system's error, which names the folder if that may not be written.
pub(super) fn keep(
    dir: &Dir,
    name: &OsStr,
    from: File,
    folder: &Path,
    days: Option<(u16, DateTime<Utc>)>,
) -> io::Result<PathBuf> {
    keep_in(dir, name, from, folder, days).map_err(|error| {
        let there = folder.ancestors().find(|path| path.exists()).unwrap_or(folder);
        if unwritable(there).is_some() { explain(error, there) } else { error }
    })
}

fn keep_in(
    dir: &Dir,
    name: &OsStr,
    mut from: File,
    folder: &Path,
    days: Option<(u16, DateTime<Utc>)>,
) -> io::Result<PathBuf> {
    let folder = match days {
        None => folder.to_owned(),
        Some((_, now)) => folder.join(now.date_naive().to_string()),
    };
    fs::create_dir_all(&folder)?;
    // The line is written before the file is in its place, so that no file lacks a time of deletion.
    let note = |meta: &Metadata| match days {
        None => Ok(()),
        Some((days, now)) => {
            let kept = Kept { file: meta.into(), until: now.timestamp() + i64::from(days) * DAY };
            let line = serde_json::to_string(&kept)? + "\n";
            let mut notes = File::options().create(true).append(true).open(folder.join(KEPT))?;
            notes.write_all(line.as_bytes())?;
            notes.sync_all()
        }
    };
    note(&from.metadata()?)?;
    // The file's owner may have it open, and could write into the kept one: a file of another user is copied.
    let is_own = from.metadata()?.uid() == rustix::process::geteuid().as_raw();
    let moved = if is_own {
        move_to_free_name(dir, name, &Dir::open(&folder)?, name)
    } else {
        Err(io::ErrorKind::CrossesDevices.into())
    };
    let kept = match moved {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let (there, bytes) = (folder.join(name), from.metadata()?.len());
            let hash = hash(&from)?;
            // The file was copied before the program was ended.
            if there.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
                && self::hash(&File::open(&there)?)? == hash
            {
                return Ok(there);
            }
            let copy = tempfile::Builder::new().prefix(".archive-").tempfile_in(&folder)?;
            from.rewind()?;
            io::copy(&mut from, &mut copy.as_file())?;
            let mode = if is_own { from.metadata()?.mode() & 0o7777 } else { 0o640 };
            copy.as_file().set_permissions(Permissions::from_mode(mode))?;
            copy.as_file().sync_all()?;
            // The cache is dropped so that the copy is read back from the disk, as far as the system complies.
            let _ = rustix::fs::fadvise(copy.as_file(), 0, None, rustix::fs::Advice::DontNeed);
            if self::hash(&File::open(copy.path())?)? != hash {
                let folder = folder.display();
                return Err(io::Error::other(format!("the copy in {folder} is not the file that was copied there")));
            }
            note(&copy.as_file().metadata()?)?;
            rename_to_free_name(&copy.into_temp_path(), &folder, name)
        }
        done => done,
    }?;
    File::open(&folder)?.sync_all()?;
    Ok(kept)
}

fn hash(file: &File) -> io::Result<blake3::Hash> {
    Ok(blake3::Hasher::new().update_reader(file)?.finalize())
}

/// Deletes the files whose time is over, in seconds since 1970; returns their number.
pub(super) fn purge(folder: &Path, now: i64) -> io::Result<u64> {
    let days = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        days => days?,
    };
    let mut purged = 0;
    for day in days {
        let day = day?;
        let is_day = day.file_name().to_str().is_some_and(|name| name.parse::<NaiveDate>().is_ok());
        if !is_day || !day.file_type()?.is_dir() {
            continue;
        }
        let notes = match fs::read_to_string(day.path().join(KEPT)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            notes => notes?,
        };
        let kept = notes.lines().filter_map(|line| serde_json::from_str::<Kept>(line).ok());
        let until: HashMap<_, _> = kept.map(|kept| (kept.file, kept.until)).collect();
        for file in fs::read_dir(day.path())? {
            let file = file?;
            let meta = file.path().symlink_metadata()?;
            if meta.is_file() && until.get(&Identity::from(&meta)).is_some_and(|until| *until <= now) {
                fs::remove_file(file.path())?;
                purged += 1;
            }
        }
        if until.values().all(|until| *until <= now) {
            fs::remove_file(day.path().join(KEPT))?;
            // A file of somebody else stays, and so does the folder.
            let _ = fs::remove_dir(day.path());
        }
    }
    Ok(purged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_goes_when_its_time_is_over_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("archive");
        let kept = |name: &str, days| {
            let path = dir.path().join(name);
            fs::write(&path, name).unwrap();
            let here = Dir::open(dir.path()).unwrap();
            keep(&here, OsStr::new(name), File::open(&path).unwrap(), &archive, Some((days, Utc::now()))).unwrap()
        };
        let (short, again, long, changed) =
            (kept("x.csv", 1), kept("x.csv", 1), kept("long.csv", 30), kept("changed.csv", 1));
        let day = short.parent().unwrap().to_owned();
        assert_eq!(again.file_name().unwrap(), "x.2.csv");
        // One file has the name of a kept one, but is somebody else's; another is unknown.
        fs::remove_file(&changed).unwrap();
        fs::write(&changed, "of somebody else").unwrap();
        fs::write(day.join("other.csv"), "x.csv").unwrap();
        fs::write(archive.join("kept for ever.csv"), "").unwrap();

        let now = Utc::now().timestamp();
        assert_eq!(purge(&archive, now + DAY - 60).unwrap(), 0);
        assert_eq!(purge(&archive, now + DAY + 60).unwrap(), 2);
        assert!(!short.exists() && !again.exists() && long.exists() && changed.exists());
        assert_eq!(purge(&archive, now + 31 * DAY).unwrap(), 1);
        let mut left: Vec<_> = fs::read_dir(&day).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["changed.csv", "other.csv"]);
        fs::remove_file(&changed).unwrap();
        assert!(archive.join("kept for ever.csv").exists());
        assert_eq!(purge(&archive, now + 31 * DAY).unwrap(), 0);
        assert_eq!(purge(&dir.path().join("none"), now).unwrap(), 0);
    }
}
