//! Whose a folder or a file in the folder is. Others may write into the folder, so a place, a state or a note in it is believed only where
//! nobody but Sluice's own user can have made it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Dir;
use super::folder::{CLAIMS, FAILED, OWN_FAILED};
use crate::text::rights::Refused;

/// What the folder shows of files that this program makes in it. A file system that knows no owners shows one for all files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Us {
    uid: u32,
    /// Whether a file has the mode that it was made with.
    keeps_modes: bool,
}

impl Us {
    /// Asks the file system by a file without a name.
    ///
    /// # Errors
    /// When nothing can be made in the folder.
    pub(crate) fn ask(root: &Dir) -> io::Result<Us> {
        let meta = match root.unnamed() {
            Ok(file) => file.metadata()?,
            // A file system that makes none without a name.
            Err(_) => {
                let name = format!(".doctor-{}", random());
                let file = root.new_file(&name, 0o600)?;
                root.remove(&name)?;
                file.metadata()?
            }
        };
        Ok(Us { uid: meta.uid(), keeps_modes: meta.mode() & 0o077 == 0 })
    }

    /// Whether it is ours, and nobody else can write into it.
    pub(crate) fn own(&self, meta: &Metadata) -> bool {
        self.made(meta) && !(self.keeps_modes && is_open(meta))
    }

    /// Whether it is ours.
    pub(crate) fn made(&self, meta: &Metadata) -> bool {
        meta.uid() == self.uid
    }

    /// Whether files may be left to it: it is ours, the system's, or of the owner of all.
    pub(crate) fn trust(&self, meta: &Metadata, root: &Metadata) -> bool {
        self.made(meta) || meta.uid() == 0 || meta.uid() == root.uid()
    }

    /// Why a folder is not ours, and what to do.
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

/// The users who are believed by whoever only looks into the folder: that one, the folder's owner, and the system's.
pub(crate) fn believed(root: &Dir) -> io::Result<[u32; 3]> {
    Ok([rustix::process::geteuid().as_raw(), root.metadata()?.uid(), 0])
}

/// What stands where a folder of Sluice's should and is not its own.
#[derive(Debug)]
pub struct Foreign {
    /// In words.
    pub what: String,
    /// How to have it right.
    pub fix: String,
}

/// Whether somebody else has made `failed/`.
///
/// # Errors
/// When the folder cannot be looked at.
pub fn foreign_failed(folder: &Path) -> io::Result<Option<Foreign>> {
    let root = Dir::open(folder)?;
    let meta = match root.look(FAILED) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        meta => meta?,
    };
    let [us, owner, system] = believed(&root)?;
    // Whoever looks need not be the user that Sluice runs as.
    let sluice = root.look(CLAIMS).map_or(us, |claims| claims.uid());
    if meta.is_dir() && [us, owner, system, sluice].contains(&meta.uid()) {
        return Ok(None);
    }
    let (what, path) = (if meta.is_dir() { "a folder" } else { "no folder" }, folder.join(FAILED));
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

/// Whether somebody else has made `.sluice`, or may write into it: nothing in it is believed then, and Sluice refuses it.
///
/// # Errors
/// When the folder cannot be looked at.
pub fn foreign_claims(folder: &Path) -> io::Result<Option<Foreign>> {
    let root = Dir::open(folder)?;
    let meta = match root.look(CLAIMS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        meta => meta?,
    };
    let is_believed = meta.is_dir() && believed(&root)?.contains(&meta.uid());
    if is_believed && !(is_open(&meta) && Us::ask(&root).is_ok_and(|us| us.keeps_modes)) {
        return Ok(None);
    }
    let (path, us) = (folder.join(CLAIMS), rustix::process::geteuid().as_raw());
    let (path, what) = (path.display(), if meta.is_dir() { "a folder" } else { "no folder" });
    let (uid, mode) = (meta.uid(), meta.mode() & 0o7777);
    Ok(Some(Foreign {
        what: format!(
            "{path} is {what} of uid {uid}, mode {mode:o}, and who asks is uid {us}: what stands in it is not believed, and only a Sluice of uid \
             {uid} would use it"
        ),
        fix: format!(
            "where Sluice runs as uid {uid}, ask as that user; else look at what lies in {path}, then give it to the user that Sluice runs as \
             (chown -R, chmod -R go-w) or move it away"
        ),
    }))
}

/// Who else may take files in the folder away from their owners, and how to end it; `None` where nobody may.
///
/// # Errors
/// When the folder cannot be looked at.
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

/// Whether others than its owner may write into it.
fn is_open(meta: &Metadata) -> bool {
    meta.mode() & 0o022 != 0
}

/// A word that nothing else is called by; nobody needs to be kept from guessing it.
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
