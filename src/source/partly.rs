//! A file with parts that were loaded before it went to `failed/`. If a content is loaded each time it comes, its parts
//! are known again by the claims under which they were loaded: those of the file itself however it comes back, and of
//! the file that a retry moves back in its place.
//!
//! ```text
//! imports/.sluice/.partly-<inode>  the file and the claims; the same stands in its reason in failed/
//! ```

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Dir;

/// Identity of a file, also against a copy of it and one that gets its inode later, and the claims of its loaded parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partly {
    inode: u64,
    /// Time of the inode's creation, if the file system tells: seconds and nanoseconds.
    born: Option<(u64, u32)>,
    modified: (i64, i64),
    size: u64,
    /// Claims under which parts of it were loaded.
    pub claims: Vec<String>,
}

impl Partly {
    /// Record of the file, with these claims.
    pub(super) fn of(meta: &Metadata, claims: Vec<String>) -> Partly {
        let born = meta.created().ok().and_then(|born| born.duration_since(SystemTime::UNIX_EPOCH).ok());
        Partly {
            inode: meta.ino(),
            born: born.map(|born| (born.as_secs(), born.subsec_nanos())),
            modified: (meta.mtime(), meta.mtime_nsec()),
            size: meta.len(),
            claims,
        }
    }

    /// Reads the record of the file; `None` without one, as for most files.
    pub(super) fn read(sluice: &Dir, meta: &Metadata, owners: &[u32]) -> Option<Partly> {
        let known: Partly = serde_json::from_slice(&sluice.note(name(meta.ino()), owners).ok()?).ok()?;
        (known == Partly::of(meta, known.claims.clone())).then_some(known)
    }

    /// Writes it into `.sluice`.
    ///
    /// # Errors
    /// A record that cannot be written.
    pub(super) fn write(&self, sluice: &Dir) -> io::Result<()> {
        sluice.write(name(self.inode), &serde_json::to_vec(self)?, 0o644)?.sync_all()
    }

    /// Forgets the record, once all of the file is loaded.
    pub(super) fn forget(&self, sluice: &Dir) {
        // A leftover record matches no other file.
        let _ = sluice.remove(name(self.inode));
    }
}

fn name(inode: u64) -> String {
    format!(".partly-{inode}")
}
