//! Opens what lies beneath the folder that files land in, and nothing else: no link leads out of it, no FIFO holds up whoever
//! opens it, and a file that is known by another name elsewhere is not read.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use crate::format::FormatError;

/// Opens a regular file beneath the folder; `path` leads there from the folder.
///
/// # Errors
/// When it cannot be opened, or is no file that is read; that as [`FormatError::Refused`] within.
pub(super) fn open(folder: &Path, path: &Path) -> io::Result<File> {
    let root = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = match openat2(&root, path, how, Mode::empty(), within) {
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(root, path, how),
        done => done,
    };
    let file = match opened {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::XDEV) => return Err(refused("it is reached by a symbolic link")),
        // A socket.
        Err(Errno::NXIO) => return Err(refused("it is no regular file")),
        Err(error) => return Err(error.into()),
    };
    match why_not(&file.metadata()?) {
        Some(why) => Err(refused(why)),
        None => Ok(file),
    }
}

/// Why something that lies in the folder is not read, whatever its name is.
pub(crate) fn why_not(meta: &Metadata) -> Option<&'static str> {
    match () {
        () if !meta.is_file() => Some("it is no regular file"),
        () if meta.nlink() > 1 => Some("it has another name (a hard link)"),
        () => None,
    }
}

/// One name after the other, following none.
fn step_by_step(root: OwnedFd, path: &Path, how: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut at = root;
    let mut names = path.components().peekable();
    while let Some(Component::Normal(name)) = names.next() {
        if names.peek().is_none() {
            return openat(&at, name, how, Mode::empty());
        }
        let folder = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
        at = openat(&at, name, folder, Mode::empty()).map_err(|error| match error {
            Errno::NOTDIR => Errno::LOOP,
            other => other,
        })?;
    }
    Err(Errno::XDEV)
}

fn refused(why: &str) -> io::Error {
    io::Error::other(FormatError::Refused(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_beneath_the_folder_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("imports");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        for path in ["secret.csv", "imports/x.csv", "imports/a/b/x.csv", "imports/one.csv"] {
            fs::write(dir.path().join(path), path).unwrap();
        }
        symlink(dir.path().join("secret.csv"), folder.join("link.csv")).unwrap();
        symlink("loop.csv", folder.join("loop.csv")).unwrap();
        symlink(folder.join("a"), folder.join("c")).unwrap();
        fs::hard_link(folder.join("one.csv"), folder.join("two.csv")).unwrap();
        rustix::fs::mknodat(CWD, folder.join("fifo.csv"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket.csv")).unwrap();

        let fallback = |name: &Path| {
            let root = openat(CWD, &folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
            step_by_step(root, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK)
        };
        for name in ["x.csv", "a/b/x.csv"] {
            assert!(open(&folder, Path::new(name)).is_ok() && fallback(Path::new(name)).is_ok(), "{name}");
        }
        for (name, why, opens) in [
            ("link.csv", "a symbolic link", false),
            ("loop.csv", "a symbolic link", false),
            ("c/b/x.csv", "a symbolic link", false),
            ("../secret.csv", "a symbolic link", false),
            ("/etc/passwd", "a symbolic link", false),
            ("one.csv", "a hard link", true),
            ("fifo.csv", "no regular file", true),
            ("socket.csv", "no regular file", false),
            ("a", "no regular file", true),
        ] {
            let error = open(&folder, Path::new(name)).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
            assert_eq!(fallback(Path::new(name)).is_ok(), opens, "{name}");
        }
        assert_eq!(open(&folder, Path::new("none.csv")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
