//! Files that are given to the programs of a folder under the names by which they landed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;

use super::claimed::ClaimedFile;
use super::{Dir, Folder};

/// The beginning of the names of their claims.
const GIVEN: &str = "given-";

impl ClaimedFile {
    /// True if it came back into the folder: it is older than all that wait there, whatever their names are.
    pub(crate) fn is_given(&self) -> bool {
        self.claim().is_some_and(|claim| claim.starts_with(GIVEN))
    }
}

impl Folder {
    /// Takes a file that comes back, called `own` in its folder, under the `name` that it had at first. Others of this
    /// name may wait in the folder: claims come before them, and each after those that were given before it. The next
    /// look of a program loads them once this place is left ([`Folder::leave`]).
    ///
    /// # Errors
    /// A file that cannot be moved.
    pub(crate) fn give(&self, from: &Dir, own: &OsStr, name: &OsStr) -> io::Result<ClaimedFile> {
        let home = self.home_of_claims();
        // Places of another user are nobody's to take over.
        if home.claims.metadata()?.uid() != home.dir.metadata()?.uid() {
            let why = "another file of its name waits, and only the user that Sluice runs as can put it before that";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let mut claim = OsString::from(GIVEN);
        claim.push(self.next_claim());
        Ok(self.take((from, own), name, &claim, false)?.0)
    }

    /// Leaves this program's place with what it was given to others.
    pub(crate) fn leave(self) {
        self.stop();
    }
}
