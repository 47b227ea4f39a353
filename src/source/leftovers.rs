//! The files that programs left claimed when they ended.

use std::ffi::OsStr;
use std::fs::TryLockError;
use std::io;

use super::Dir;
use super::claimed::ClaimedFile;
use super::folder::{Folder, MANIFEST, NOTE, PULLING, SPOOLING, STATE, STATE_NEW, STOPPED};
use super::owner::believed;
use super::places::{claims_folders, window_of};

impl Folder {
    /// Claims the files of programs that have ended: their loads did not finish, or their deletes. `stuck` is called
    /// for files that cannot be claimed now, and stay.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn claim_leftovers(&self, stuck: &mut dyn FnMut(&OsStr, &io::Error)) -> io::Result<Vec<ClaimedFile>> {
        let mut claimed = Vec::new();
        for (claims, places) in claims_folders(&self.home_of_claims().root, &|meta| self.home_of_claims().us.own(meta))?
        {
            for (name, place) in places {
                let lock = place.reopen()?;
                match lock.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => continue,
                    Err(TryLockError::Error(error)) => return Err(error),
                }
                let orphan = place.look(STOPPED).is_err();
                for claim in place.folders()? {
                    self.take_over(&place, &claim, orphan, &mut claimed, stuck)?;
                }
                clear(&claims, &name, &place)?;
            }
        }
        claimed.sort_by_key(ClaimedFile::os_name);
        Ok(claimed)
    }

    /// Deletes the windows of a plugin's source that programs have left, but for those that a program has in hand; returns their number.
    /// What they hold, the source gives again from the checkpoint.
    ///
    /// # Errors
    /// A folder that cannot be read, or a file that cannot be deleted.
    pub fn discard_windows(&self, plugin: &str) -> io::Result<usize> {
        let home = self.home_of_claims();
        let (owners, mut discarded) = (believed(&home.root)?, 0);
        for (claims, places) in claims_folders(&home.root, &|meta| home.us.own(meta))? {
            for (name, place) in places {
                let lock = place.reopen()?;
                if lock.try_lock().is_err() {
                    continue;
                }
                for claim in place.folders()? {
                    let dir = place.dir(&claim)?;
                    if window_of(&dir, &owners, plugin).is_none() {
                        continue;
                    }
                    // The manifest goes last: without it, the window would be a file.
                    for file in dir.names()?.iter().filter(|file| *file != MANIFEST) {
                        dir.remove(file)?;
                    }
                    dir.remove(MANIFEST)?;
                    place.remove_dir(&claim)?;
                    discarded += 1;
                }
                clear(&claims, &name, &place)?;
            }
        }
        Ok(discarded)
    }

    fn take_over(
        &self,
        place: &Dir,
        claim: &OsStr,
        orphan: bool,
        claimed: &mut Vec<ClaimedFile>,
        stuck: &mut dyn FnMut(&OsStr, &io::Error),
    ) -> io::Result<()> {
        let dir = place.dir(claim)?;
        // What was being written counts for nothing yet.
        for leftover in [NOTE, SPOOLING] {
            let _ = dir.remove(leftover);
        }
        let (manifests, names): (Vec<_>, Vec<_>) = dir.names()?.into_iter().partition(|name| name == MANIFEST);
        match names.as_slice() {
            // A window goes with its manifest: without it, it would be a file.
            [name] if !manifests.is_empty() => {
                match place.rename(claim, &self.home_of_claims().dir, claim) {
                    Ok(true) => {
                        claimed.push(ClaimedFile::new(self.home_of_claims(), claim.to_owned(), name.clone(), orphan))
                    }
                    Ok(false) => stuck(name, &io::ErrorKind::AlreadyExists.into()),
                    Err(error) => stuck(name, &error),
                }
                return Ok(());
            }
            // Its window is loaded and gone, or was not whole.
            [] => manifests.iter().for_each(|manifest| drop(dir.remove(manifest))),
            _ => {}
        }
        for name in names {
            match self.take((&dir, &name), &name, claim, orphan) {
                Ok((file, _)) => claimed.push(file),
                Err(error) => stuck(&name, &error),
            }
        }
        let _ = place.remove_dir(claim);
        Ok(())
    }
}

/// Clears the place of a program that has ended. An unclaimed file stays, and so does the note of the program's end.
fn clear(claims: &Dir, name: &OsStr, place: &Dir) -> io::Result<()> {
    if place.folders()?.is_empty() {
        for note in [STOPPED, PULLING, STATE, STATE_NEW] {
            let _ = place.remove(note);
        }
        let _ = claims.remove_dir(name);
    }
    Ok(())
}
