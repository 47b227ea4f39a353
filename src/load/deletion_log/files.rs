//! The files of the log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::PoisonError;

use rustix::process::geteuid;
use tracing::info;

use super::record::{Line, Noted};
use super::{DeletionLog, LONG};
use crate::source::{CLAIMS, Dir, Us};

/// Files of the log, the older one first.
pub(super) const FILES: [&str; 2] = ["deleted.1.jsonl", "deleted.jsonl"];

impl DeletionLog {
    /// The log, as far as it can be read.
    pub(super) fn read(&self) -> Noted {
        let (mut lines, mut unread) = (Vec::new(), None);
        for name in FILES {
            match self.lines(name) {
                Ok(some) => lines.extend(some),
                Err(why) => unread = Some(format!("{CLAIMS}/{name}: {why}")),
            }
        }
        Noted::of(lines, unread)
    }

    /// The lines of a file of the log; none if there is no such file.
    fn lines(&self, name: &str) -> io::Result<Vec<Line>> {
        let read = || {
            let mut text = Vec::new();
            own(self.open()?.1.file(name)?)?.take(4 * LONG).read_to_end(&mut text)?;
            Ok::<_, io::Error>(text)
        };
        let text = match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines
            .filter_map(|line| {
                // A line that a power cut or a full disk left half written.
                serde_json::from_slice(line)
                    .inspect_err(|why| info!("a note of a deleted file cannot be read: {why}"))
                    .ok()
            })
            .collect())
    }

    pub(super) fn append(&self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let (_, notes) = self.open()?;
        let [full, current] = FILES;
        let mut text = Vec::new();
        if notes.look(current).is_ok_and(|file| file.is_file() && file.len() > LONG) {
            let is_forgotten = |line: &Line| matches!(line, Line::Met { lost: None, .. });
            let cut = match self.lines(current)?.iter().any(is_forgotten) {
                true => Vec::new(),
                false => Noted::of(self.lines(full)?, None).cut(),
            };
            for line in &cut {
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
            }
            notes.replace(current, &notes, full)?;
        } else if !std::mem::replace(&mut self.known().is_whole, false) {
            text.push(b'\n');
        }
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        // One write, so that the lines of two programs do not mix.
        notes.append(current)?.write_all(&text)?;
        self.known().is_whole = true;
        Ok(())
    }

    /// The folder, and the folder of the log in it, which must be ours.
    pub(super) fn open(&self) -> io::Result<(Dir, Dir)> {
        let root = Dir::open(&self.folder)?;
        let (us, notes) = (self.us(&root)?, root.dir(CLAIMS)?);
        let meta = notes.metadata()?;
        if us.own(&meta) { Ok((root, notes)) } else { Err(us.refuse(&notes, &meta)) }
    }

    /// The marks of our files in the folder, asked once for each folder that takes its name.
    fn us(&self, root: &Dir) -> io::Result<Us> {
        let meta = root.metadata()?;
        let folder = (meta.dev(), meta.ino());
        let mut asked = self.us.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, us)) = *asked
            && known == folder
        {
            return Ok(us);
        }
        let us = Us::ask(root)?;
        *asked = Some((folder, us));
        Ok(us)
    }
}

/// A file of our own: a file made by others, or moved to the log's place, is not believed.
pub(super) fn own(file: File) -> io::Result<File> {
    if file.metadata()?.uid() == geteuid().as_raw() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"))
}
