//! Disks without room, on which a program can write neither rows nor what it has to say of itself.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

/// Bytes below which a disk is full: a program's state has more.
const LITTLE: u64 = 64 * 1024;

/// The folders on disks without room, one of each disk.
pub fn full(folders: &[PathBuf]) -> Vec<PathBuf> {
    full_by(folders, &|folder| {
        let disk = statvfs(folder).ok()?;
        Some((folder.metadata().ok()?.dev(), disk.f_bavail.saturating_mul(disk.f_frsize)))
    })
}

/// As [`full`]; `disk` gives the number of a folder's disk, and the bytes that are free on it.
fn full_by(folders: &[PathBuf], disk: &dyn Fn(&Path) -> Option<(u64, u64)>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let is_full = |folder: &&PathBuf| disk(folder).is_some_and(|(number, free)| free < LITTLE && seen.insert(number));
    folders.iter().filter(is_full).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_of_each_full_disk_is_told() {
        let folders: Vec<PathBuf> = ["imports", "exports", "data", "archive", "gone"].map(PathBuf::from).into();
        let disk = |folder: &Path| match folder.to_str() {
            Some("imports" | "data") => Some((1, 4096)),
            Some("exports") => Some((2, 1 << 30)),
            Some("archive") => Some((3, 0)),
            _ => None,
        };
        assert_eq!(full_by(&folders, &disk), ["imports", "archive"].map(PathBuf::from));
        assert_eq!(full(&[std::env::temp_dir()]), Vec::<PathBuf>::new());
    }
}
