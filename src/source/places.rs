//! The places that programs have in the folder, this one's and others', and their signs of life.

use std::ffi::{OsStr, OsString};
use std::fs::{Metadata, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::folder::{CLAIMS, FAILED, MANIFEST, NOTE, PULLING, SPOOLING};
use super::owner::believed;
use super::{Dir, Window};

/// A program's place, as others see it.
pub(crate) struct Place {
    /// The folder, held open.
    pub(crate) dir: Dir,
    /// True if the place's program lives.
    pub(crate) lives: bool,
    /// True if it lives, and watches the folder: a pull takes a place for its windows only.
    pub(crate) watches: bool,
    /// Users whose notes are believed.
    pub(crate) owners: [u32; 3],
}

/// Lists the believed places in the folder: those of the calling user, and of the folder's owner.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn places(path: &Path) -> io::Result<Vec<Place>> {
    let root = match Dir::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        root => root?,
    };
    let owners = believed(&root)?;
    let is_believed = |meta: &Metadata| {
        use std::os::unix::fs::MetadataExt;
        owners.contains(&meta.uid())
    };
    let mut all = Vec::new();
    for (_, places) in claims_folders(&root, &is_believed)? {
        for (_, dir) in places {
            let lives = matches!(dir.reopen()?.try_lock(), Err(TryLockError::WouldBlock));
            let watches = lives && dir.look(PULLING).is_err();
            all.push(Place { dir, lives, watches, owners });
        }
    }
    Ok(all)
}

/// True if a program watches the folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn is_watched(path: &Path) -> io::Result<bool> {
    Ok(places(path)?.iter().any(|place| place.watches))
}

/// A window of a stream that lies in the folder and is not loaded.
#[derive(Debug)]
pub struct WaitingWindow {
    /// Its manifest.
    pub window: Window,
    /// Its file.
    pub path: PathBuf,
    /// True if a program that lives has it.
    pub is_in_hand: bool,
}

/// Lists the windows of a plugin's source that lie in the folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn waiting_windows(path: &Path, plugin: &str) -> io::Result<Vec<WaitingWindow>> {
    let mut all = Vec::new();
    for place in places(path)? {
        for claim in place.dir.folders()? {
            let Ok(dir) = place.dir.dir(&claim) else { continue };
            let names = dir.names().unwrap_or_default();
            let file = names.iter().find(|name| ![NOTE, MANIFEST, SPOOLING].iter().any(|own| name == own));
            if let (Some(file), Some(window)) = (file, window_of(&dir, &place.owners, plugin)) {
                all.push(WaitingWindow { window, path: dir.path().join(file), is_in_hand: place.lives });
            }
        }
    }
    Ok(all)
}

/// The manifest in a claim's folder, if its stream is one of this plugin.
pub(super) fn window_of(claim: &Dir, owners: &[u32], plugin: &str) -> Option<Window> {
    manifest(claim, owners).filter(|window| window.position.stream.plugin == plugin)
}

/// The manifest in a claim's folder, if what it holds is a window.
pub(crate) fn manifest(claim: &Dir, owners: &[u32]) -> Option<Window> {
    serde_json::from_slice(&claim.note(MANIFEST, owners).ok()?).ok()
}

/// A folder of places, and the places in it by name.
pub(super) type Places = (Dir, Vec<(OsString, Dir)>);

/// Lists the folders of places in the folder, each with the places in it that are `ours`: `.sluice`, and one of that
/// name that somebody has renamed.
pub(super) fn claims_folders(root: &Dir, ours: &dyn Fn(&Metadata) -> bool) -> io::Result<Vec<Places>> {
    let mut all = Vec::new();
    for name in root.names()? {
        let is_current = name == CLAIMS;
        let may_be =
            name.as_bytes().starts_with(b".") && root.look(&name).is_ok_and(|meta| meta.is_dir() && ours(&meta));
        if !may_be {
            continue;
        }
        let claims = match root.dir(&name) {
            Err(_) if !is_current => continue,
            claims => claims?,
        };
        let mut places = Vec::new();
        for name in claims.folders()?.into_iter().filter(|name| name != FAILED) {
            // The check is of the opened folder, not of a name.
            if let Ok(place) = claims.dir(&name)
                && place.metadata().is_ok_and(|meta| ours(&meta))
                && (is_current || is_place(&name))
            {
                places.push((name, place));
            }
        }
        all.push((claims, places));
    }
    Ok(all)
}

/// True for a name of a program's place.
fn is_place(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.split_once('-')).map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
