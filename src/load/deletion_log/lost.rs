//! The loads that a server has lost: their files are brought back where they were kept, and the others are recorded
//! until they are loaded again.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tracing::{error, warn};

use super::{DeletionLog, DeletionRecord, LONG, own};
use crate::alert::{Alerts, Kind};
use crate::source::{Dir, move_to_free_name, random};

/// Path below the folder of the records of lost loads without their files, until they are loaded again or somebody
/// removes the file.
pub(crate) const LOST: &str = ".sluice/lost.jsonl";
const LOST_NAME: &str = "lost.jsonl";
const LOST_NEW: &str = "lost.jsonl.new";

impl DeletionLog {
    /// Loads that the server lost, whose files were neither brought back nor loaded again since.
    pub fn lost(&self) -> Vec<DeletionRecord> {
        let Ok((_, notes)) = self.open() else { return Vec::new() };
        let mut text = String::new();
        let file = notes.file(LOST_NAME).and_then(own);
        match file.and_then(|file| file.take(2 * LONG).read_to_string(&mut text)) {
            Ok(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Records and reports the losses that were not brought back.
    pub(super) fn keep_lost(&self, alerts: &Alerts, lost: &[DeletionRecord]) {
        let folder = self.folder.display();
        for DeletionRecord { load, source, .. } in lost {
            let what = "the database has lost a load that it had confirmed, and its file is not here any more";
            let fix = format!("get the file once more and drop it into {folder}; app status tells of it until then");
            alerts.raise(Kind::Lost, source, what, &fix, Some(*load));
        }
        let noted = || {
            let mut text = Vec::new();
            for line in lost {
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
            }
            self.open()?.1.append(LOST_NAME)?.write_all(&text)
        };
        if !lost.is_empty()
            && let Err(why) = noted()
        {
            warn!("cannot note which loads are lost: {why}; app status does not tell of them");
        }
    }

    /// Removes loaded contents from the losses.
    pub(super) fn find_lost(&self, inputs: &[DeletionRecord]) -> io::Result<()> {
        let (_, notes) = self.open()?;
        if notes.look(LOST_NAME).is_err() {
            return Ok(());
        }
        let (known, mut left) = (self.lost(), self.lost());
        left.retain(|lost| !inputs.iter().any(|one| (&one.hash, &one.table) == (&lost.hash, &lost.table)));
        if left.is_empty() {
            return notes.remove(LOST_NAME);
        }
        if left.len() < known.len() {
            let mut text = Vec::new();
            for line in &left {
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
            }
            notes.write(LOST_NEW, &text, 0o600)?;
            notes.replace(LOST_NEW, &notes, LOST_NAME)?;
        }
        Ok(())
    }

    /// Reports a loss, and brings its file back if it was kept; returns true if it did.
    pub(super) fn recover(&self, line: &DeletionRecord) -> bool {
        let DeletionRecord { load, source, table, kept, .. } = line;
        let Some(kept) = kept else {
            error!(
                load.id = load,
                file.path = source,
                table,
                "the database has lost a load that it had confirmed, and its file is deleted: get the file once more and drop it into {}",
                self.folder.display()
            );
            return false;
        };
        match self.bring_back(kept) {
            Ok(to) => {
                warn!(load.id = load, file.path = source, table, brought_back = %to.display(), "the database has lost \
                 a load that it had confirmed: its file is loaded again");
                true
            }
            Err(why) => {
                error!(load.id = load, file.path = source, table, kept_as = %kept.display(), "the database has lost a \
                 load that it had confirmed, and its file cannot be brought back: {why}; drop it into {}", self.folder.display());
                false
            }
        }
    }

    /// Copies a kept file into the folder, under its name or the next free one.
    fn bring_back(&self, kept: &Path) -> io::Result<PathBuf> {
        let (root, notes) = self.open()?;
        let name = format!(".again-{}", random());
        let back = || {
            let folder = Dir::open(kept.parent().unwrap_or(Path::new(".")))?;
            let mut from = own(folder.file(kept.file_name().unwrap_or_default())?)?;
            let mut copy = notes.new_file(&name, 0o600)?;
            io::copy(&mut from, &mut copy)?;
            copy.sync_all()?;
            move_to_free_name(&notes, name.as_ref(), &root, kept.file_name().unwrap_or_default())
        };
        back().inspect_err(|_| {
            let _ = notes.remove(&name);
        })
    }
}
