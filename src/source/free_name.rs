//! Names that nothing else has: no file is ever renamed over another.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::Dir;

/// Renames a file of a folder of ours into another one under the name, or, if that is taken, under `x.2.csv`,
/// `x.3.csv`; never over anything.
pub(crate) fn rename_to_free_name(from: &Path, folder: &Path, name: &OsStr) -> io::Result<PathBuf> {
    let (Some(parent), Some(own)) = (from.parent(), from.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    move_to_free_name(&Dir::open(parent)?, own, &Dir::open(folder)?, name)
}

/// As [`rename_to_free_name`], between folders that are held open.
pub(crate) fn move_to_free_name(from: &Dir, own: &OsStr, to: &Dir, name: &OsStr) -> io::Result<PathBuf> {
    for n in 1u32.. {
        let name = nth_name(name, n);
        if from.rename(own, to, &name)? {
            return Ok(to.path().join(name));
        }
    }
    Err(io::Error::other("no free name"))
}

/// `x.csv`, `x.2.csv`, `x.3.csv`, as long as names can be.
pub(super) fn nth_name(name: &OsStr, n: u32) -> OsString {
    if n == 1 {
        return name.to_owned();
    }
    let text = name.as_bytes();
    let dot = text.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0).unwrap_or(text.len());
    let ending = format!(".{n}").into_bytes();
    let stem = &text[..dot.min(255usize.saturating_sub(ending.len() + text.len() - dot))];
    OsString::from_vec([stem, &ending, &text[dot..]].concat())
}

/// Name of the reason beside the n-th file of a name; cut so that it is its own even for the longest names.
pub(super) fn note_name(name: &OsStr, n: u32) -> OsString {
    let (mut bytes, mut ending) = (name.as_bytes().to_vec(), ".error.json".to_owned());
    if bytes.len() + ending.len() > 255 {
        ending = format!(".{n}{ending}");
        bytes.truncate(255 - ending.len());
    }
    bytes.extend_from_slice(ending.as_bytes());
    OsString::from_vec(bytes)
}
