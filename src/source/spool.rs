//! A window of a stream on its way to disk, in this program's place in the folder: once it is whole it is a claimed file,
//! with its manifest beside it. A program that is killed before leaves nothing that counts, and its checkpoint has not
//! moved; one that is killed later leaves a claim, which the next program takes over.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Dir;
use super::claimed::ClaimedFile;
use super::folder::{Folder, Home, MANIFEST, SPOOLING};
use super::window::Window;
use crate::clock::Clock;

/// Bounds of a window: it is whole when the first is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Records.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Time since its beginning.
    pub time: Duration,
}

/// A window that is being written. Dropped before it is finished, it is gone.
#[derive(Debug)]
pub struct Spool {
    home: Arc<Home>,
    /// Name of the window's folder.
    place: OsString,
    dir: Dir,
    file: BufWriter<File>,
    bounds: Bounds,
    clock: Clock,
    began: Instant,
    rows: u64,
    bytes: u64,
    finished: bool,
}

impl Spool {
    pub(super) fn begin(home: &Arc<Home>, place: OsString, bounds: Bounds, clock: &Clock) -> io::Result<Spool> {
        let dir = home.dir.new_dir(&place, 0o700)?;
        let file = BufWriter::new(dir.new_file(SPOOLING, 0o600)?);
        let (home, clock, began) = (Arc::clone(home), clock.clone(), clock.now());
        Ok(Spool { home, place, dir, file, bounds, clock, began, rows: 0, bytes: 0, finished: false })
    }

    /// Appends bytes that hold so many records.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, bytes: &[u8], rows: u64) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.rows += rows;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// True once one of the bounds is reached.
    pub fn is_full(&self) -> bool {
        let Bounds { rows, bytes, time } = self.bounds;
        self.rows >= rows || self.bytes >= bytes || self.clock.now() - self.began >= time
    }

    /// Number of records so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Brings the window and its manifest to stable storage, and gives the claimed file, called `name`.
    ///
    /// # Errors
    /// A file that cannot be written; the window is gone.
    pub fn finish(mut self, name: &OsStr, window: &Window) -> io::Result<ClaimedFile> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        self.dir.write(MANIFEST, &serde_json::to_vec(window)?, 0o600)?.sync_all()?;
        if !self.dir.rename(SPOOLING, &self.dir, name)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = ClaimedFile::new(&self.home, std::mem::take(&mut self.place), name.to_owned(), false);
        self.finished = true;
        file.sync()?;
        Ok(file)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.finished {
            // A leftover is cleared by the next start.
            let _ = self.dir.remove(SPOOLING);
            let _ = self.dir.remove(MANIFEST);
            let _ = self.home.dir.remove_dir(&self.place);
        }
    }
}

impl Folder {
    /// Begins a window within these bounds, whose time goes by the clock.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn spool(&self, bounds: Bounds, clock: &Clock) -> io::Result<Spool> {
        Spool::begin(self.home_of_claims(), self.next_claim(), bounds, clock)
    }
}
