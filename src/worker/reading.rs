//! The bytes that were read of a file in hand, as the system knows them: the readers need not count, and those of
//! packed files and of decoders, which are processes of their own, are seen alike.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that this process and its children read, each with the place that a reader is at.
pub(super) struct Readers(HashMap<PathBuf, u64>);

impl Readers {
    /// Looks at all of them once; none where the system does not tell.
    pub(super) fn now() -> Readers {
        let own = PathBuf::from("/proc/self");
        let mut places = HashMap::new();
        for (path, place) in [own.clone()].into_iter().chain(children(&own)).flat_map(|process| positions(&process)) {
            let furthest = places.entry(path).or_insert(place);
            *furthest = place.max(*furthest);
        }
        Readers(places)
    }

    /// Returns how far the file at `path` was read, and its size, in bytes.
    pub(super) fn of(&self, path: &Path) -> (u64, u64) {
        let size = path.metadata().map_or(0, |meta| meta.len());
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        (self.0.get(&path).copied().unwrap_or(0).min(size), size)
    }
}

/// The processes that this one has started and that live.
fn children(process: &Path) -> Vec<PathBuf> {
    let threads = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let numbers = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let numbers: String = numbers.collect();
    numbers.split_whitespace().map(|number| Path::new("/proc").join(number)).collect()
}

/// The places in files at which a process's readers are.
fn positions(process: &Path) -> Vec<(PathBuf, u64)> {
    let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let position = |fd: fs::DirEntry| {
        let target = fs::read_link(fd.path()).ok().filter(|target| target.is_absolute())?;
        let info = fs::read_to_string(process.join("fdinfo").join(fd.file_name())).ok()?;
        let place = info.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok()?;
        Some((target, place))
    };
    open.filter_map(position).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn readers_of_a_file_are_seen_here_and_in_children() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("x.csv");
        fs::write(&path, vec![b'x'; 100]).unwrap();
        assert_eq!(Readers::now().of(&path), (0, 100));
        let mut own = fs::File::open(&path).unwrap();
        own.read_exact(&mut [0; 30]).unwrap();
        assert_eq!(Readers::now().of(&path), (30, 100));
        let mut passed = fs::File::open(&path).unwrap();
        passed.read_exact(&mut [0; 70]).unwrap();
        drop(own);
        let mut child =
            Command::new("tail").args(["-f", "/dev/null"]).stdin(passed).stdout(Stdio::null()).spawn().unwrap();
        assert_eq!(Readers::now().of(&path), (70, 100));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((Readers::now().of(&path), Readers::now().of(&dir.path().join("none"))), ((0, 100), (0, 0)));
    }
}
