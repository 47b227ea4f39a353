//! Ownership of folders and files in the watched folder. Others may write into it, so a place, a state or a note in it
//! is believed only if nobody but Sluice's own user can have made it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Dir;
use super::folder::{CLAIMS, FAILED, OWN_FAILED};
use crate::text::rights::{Refused, unwritable};

/// Owner and mode of files that this program makes in the folder. A file system without owners shows one for all files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Us {
    uid: u32,
    /// True if a file keeps the mode that it was made with.
    keeps_modes: bool,
}

impl Us {
    /// Finds out by a file without a name.
    ///
    /// # Errors
    /// A folder in which no file can be made.
    pub(crate) fn ask(root: &Dir) -> io::Result<Us> {
        let meta = match root.unnamed() {
            Ok(file) => file.metadata()?,
            // The way of a file system without unnamed files.
            Err(_) => {
                let name = format!(".doctor-{}", random());
                let file = root.new_file(&name, 0o600)?;
                root.remove(&name)?;
                file.metadata()?
            }
        };
        Ok(Us { uid: meta.uid(), keeps_modes: meta.mode() & 0o077 == 0 })
    }

    /// True if it is ours, and nobody else can write into it.
    pub(crate) fn own(&self, meta: &Metadata) -> bool {
        self.made(meta) && !(self.keeps_modes && is_open(meta))
    }

    /// True if it is ours.
    pub(crate) fn made(&self, meta: &Metadata) -> bool {
        meta.uid() == self.uid
    }

    /// True if files may be left to it: it is ours, the system's, or of the owner of all.
    pub(crate) fn trust(&self, meta: &Metadata, root: &Metadata) -> bool {
        self.made(meta) || meta.uid() == 0 || meta.uid() == root.uid()
    }

    /// Error for a folder that is not ours, with the fix.
    pub(crate) fn refuse(&self, dir: &Dir, meta: &Metadata) -> io::Error {
        let path = dir.path().display();
        io::Error::new(
            io::ErrorKind::PermissionDenied,
            Refused(format!(
                "{path} is not Sluice's own: its owner is uid {}, its mode {:o}, and this program is uid {}; look at what lies in it, then \
                 give it to this user (chown -R {} {path} && chmod -R go-w {path}) or move it away",
                meta.uid(),
                meta.mode() & 0o7777,
                self.uid,
                self.uid
            )),
        )
    }
}

/// Users whose notes a program believes that only reads the folder: its own, the folder's owner, and the system's.
pub(crate) fn believed(root: &Dir) -> io::Result<[u32; 3]> {
    Ok([rustix::process::geteuid().as_raw(), root.metadata()?.uid(), 0])
}

/// A file or folder in the place of one of Sluice's folders, made by others.
#[derive(Debug)]
pub struct Foreign {
    /// The finding, in words.
    pub what: String,
    /// Advice for the fix.
    pub fix: String,
}

/// Finds a `failed/` that somebody else has made.
///
/// # Errors
/// A folder that cannot be read.
pub fn foreign_failed(folder: &Path) -> io::Result<Option<Foreign>> {
    let root = Dir::open(folder)?;
    let meta = match root.look(FAILED) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        meta => meta?,
    };
    let [us, owner, system] = believed(&root)?;
    // The reader need not be the user that Sluice runs as.
    let sluice = root.look(CLAIMS).map_or(us, |claims| claims.uid());
    let path = folder.join(FAILED);
    if meta.is_dir() && [us, owner, system, sluice].contains(&meta.uid()) {
        return Ok(is_shut_to(sluice, &meta, &path).then(|| unwritable_to(sluice, &meta, &path)));
    }
    let what = if meta.is_dir() { "a folder" } else { "no folder" };
    let (path, own) = (path.display(), folder.join(OWN_FAILED));
    let (uid, mode) = (meta.uid(), meta.mode() & 0o7777);
    Ok(Some(Foreign {
        what: format!(
            "{path} is {what} of uid {uid}, mode {mode:o}, and not Sluice's own: what fails goes to {}",
            own.display()
        ),
        fix: format!("look at what lies in {path}, and move it away or give it to the user that Sluice runs as"),
    }))
}

/// True if the user that Sluice runs as cannot write in the folder. Of another user than the one who asks, the owner and the
/// mode tell.
fn is_shut_to(sluice: u32, meta: &Metadata, path: &Path) -> bool {
    if sluice == rustix::process::geteuid().as_raw() {
        return unwritable(path).is_some();
    }
    sluice != 0 && if meta.uid() == sluice { meta.mode() & 0o300 != 0o300 } else { !is_open(meta) }
}

/// The finding of a folder of ours that the user that Sluice runs as cannot write.
fn unwritable_to(sluice: u32, meta: &Metadata, path: &Path) -> Foreign {
    let path = path.display();
    let (uid, mode) = (meta.uid(), meta.mode() & 0o7777);
    Foreign {
        what: format!(
            "{path} is uid {uid}'s, with mode {mode:04o}, and Sluice, which runs as uid {sluice}, cannot write in it"
        ),
        fix: format!("chown -R {sluice} {path} && chmod -R u+rwX {path}"),
    }
}

/// Finds a `.sluice` that others have made, or may write into: nothing in it is believed then, and Sluice refuses it.
///
/// # Errors
/// A folder that cannot be read.
pub fn foreign_claims(folder: &Path) -> io::Result<Option<Foreign>> {
    let root = Dir::open(folder)?;
    let meta = match root.look(CLAIMS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        meta => meta?,
    };
    let is_believed = meta.is_dir() && believed(&root)?.contains(&meta.uid());
    // The system's own is refused by a program of another user. One that lives in it shows that it is that user's.
    let of_us = rustix::process::geteuid().as_raw();
    let is_refused = meta.is_dir()
        && of_us != 0
        && meta.uid() == 0
        && !super::places(folder).is_ok_and(|all| all.iter().any(|place| place.lives));
    if is_believed && !is_refused && !(is_open(&meta) && Us::ask(&root).is_ok_and(|us| us.keeps_modes)) {
        return Ok(None);
    }
    let (path, us) = (folder.join(CLAIMS), of_us);
    let (path, uid, mode) = (path.display(), meta.uid(), meta.mode() & 0o7777);
    Ok(Some(Foreign {
        what: match meta.is_dir() {
            true => format!(
                "{path} is a folder of uid {uid}, mode {mode:o}, and who asks is uid {us}: what stands in it is not believed, and only a \
                 Sluice of uid {uid} would use it"
            ),
            false => format!(
                "{path}, made by uid {uid}, must be a folder, and no link or other file: Sluice does not use it"
            ),
        },
        fix: match meta.is_dir() {
            true => format!(
                "where Sluice runs as uid {uid}, ask as that user; else look at what lies in {path}, then move it away or give it to the \
                 user that Sluice runs as (chown -R {us} {path} && chmod -R go-w {path} for the one who asks)"
            ),
            false => format!("look at what it is (ls -l {path}), then remove it: Sluice makes the folder by itself"),
        },
    }))
}

/// The users who may take files in the folder away from their owners, and the fix; `None` if there are none.
///
/// # Errors
/// A folder that cannot be read.
pub fn open_to_others(folder: &Path) -> io::Result<Option<String>> {
    let meta = folder.metadata()?;
    if !is_open(&meta) || meta.mode() & 0o1000 != 0 {
        return Ok(None);
    }
    let path = folder.display();
    Ok(Some(format!(
        "{path} is uid {}'s with mode {:o}: whoever may write into it may also move, replace or delete what others have dropped there, and \
         rename .sluice and failed; chmod +t {path} leaves each file to its owner",
        meta.uid(),
        meta.mode() & 0o7777
    )))
}

/// True if others than its owner may write into it.
fn is_open(meta: &Metadata) -> bool {
    meta.mode() & 0o022 != 0
}

/// A random name that no other file has; it need not be hard to guess.
pub(crate) fn random() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let mut number = RandomState::new().build_hasher().finish();
    let digits = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut word = String::new();
    for _ in 0..8 {
        word.push(char::from(digits[(number % 36) as usize]));
        number /= 36;
    }
    word
}
