//! The loads that a database has lost: their files are brought back where they were kept, and the others are listed
//! until they are loaded again, or somebody removes them from the list.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

use tracing::{error, warn};

use super::record::Line;
use super::{DeletionLog, DeletionRecord, own};
use crate::alert::{Alerts, Kind};
use crate::source::{Dir, Folder, random};
use crate::text::counted;

/// Path below the folder of the records of lost loads without their files, until they are loaded again or somebody
/// removes the file.
pub(crate) const LOST: &str = ".sluice/lost.jsonl";
pub(super) const LOST_NAME: &str = "lost.jsonl";
const LOST_NEW: &str = "lost.jsonl.new";

/// Greatest number of losses that are told one by one.
const NAMED: usize = 20;

/// Subject of the alert for loads of another database.
const ELSEWHERE: &str = "the database";

/// Loads of another database that are not in this one, in words.
pub(crate) fn of_another(lost: &[DeletionRecord]) -> String {
    let named: Vec<_> = lost
        .iter()
        .rev()
        .take(NAMED)
        .map(|line| match &line.kept {
            Some(kept) => format!("{} (kept as {})", line.source, kept.display()),
            None => line.source.clone(),
        })
        .collect();
    let more = lost.len() - named.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let is_kept = lost.iter().any(|line| line.kept.is_some());
    format!(
        "this is another database than the one that files were loaded into before: it has not got the rows of {}, whose files {}: {}{more}",
        counted(lost.len() as u64, "load"),
        if is_kept { "are deleted or kept elsewhere" } else { "are not here any more" },
        named.join(", ")
    )
}

/// The remedy for that.
pub(crate) fn fix_of_another(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "put the database back that has them, or its backup (DATABASE_URL); or drop the files into {folder} again; \
         {folder}/{LOST} lists the loads: remove it to be told no more"
    )
}

/// A load that the database has lost, in words, and the remedy.
pub(crate) fn of_lost(line: &DeletionRecord, folder: &Path) -> (String, String) {
    let (what, folder) = ("the database has lost a load that it had confirmed, and its file", folder.display());
    match (&line.beside, &line.kept) {
        (Some(beside), Some(kept)) => (
            format!("{what} is not brought back, because {beside} in it was retracted"),
            format!(
                "drop {} into {folder} again, and then retract the load of {beside} once more; to be told no more, remove {folder}/{LOST}",
                kept.display()
            ),
        ),
        (None, Some(kept)) if is_there(kept) => (
            format!("{what} is kept as {}", kept.display()),
            format!(
                "app, or app --once, brings it back once and loads it again; where it did that before, drop it into {folder}; to be told \
                 no more, remove {folder}/{LOST}"
            ),
        ),
        (_, kept) => (
            match kept {
                Some(kept) => format!("{what} is not here any more; it was kept as {}", kept.display()),
                None => format!("{what} is not here any more"),
            },
            format!("get the file once more and drop it into {folder}; to be told no more, remove {folder}/{LOST}"),
        ),
    }
}

/// True if a kept file can be found from here; one in a store of objects is asked for by its own tools.
fn is_there(kept: &Path) -> bool {
    kept.symlink_metadata().is_ok_and(|meta| meta.is_file())
}

/// A load that was retracted and is there again, in words, and the remedy.
pub(crate) fn of_retracted(DeletionRecord { load, table, .. }: &DeletionRecord, folder: &Path) -> (String, String) {
    (
        format!(
            "its load was retracted, and its rows are in {table} again: an older state of the database was restored"
        ),
        format!(
            "app retract {load} takes them out again; to keep them and be told no more, remove {}/{LOST}",
            folder.display()
        ),
    )
}

/// Loads of a table that was dropped, which are there again, in words, and the remedy.
pub(crate) fn of_dropped(table: &str, loads: &[&DeletionRecord], folder: &Path) -> (String, String) {
    let named: Vec<_> = loads.iter().take(NAMED).map(|one| format!("load {} ({})", one.load, one.source)).collect();
    let more = if loads.len() > NAMED { ", and others: app loads" } else { "" };
    (
        format!(
            "staging.{table} was dropped, and the rows of {} are in it again, for an older state of the database was restored: {}{more}",
            counted(loads.len() as u64, "load"),
            named.join(", ")
        ),
        format!(
            "app retract LOAD takes a load out again, app drop staging.{table} all that the table has; to keep them and be told no \
             more, remove {}/{LOST}",
            folder.display()
        ),
    )
}

/// The loads that went with their tables, by table.
pub(crate) fn by_dropped_table(again: &[DeletionRecord]) -> BTreeMap<&str, Vec<&DeletionRecord>> {
    let mut tables: BTreeMap<&str, Vec<&DeletionRecord>> = BTreeMap::new();
    for one in again.iter().filter(|one| one.dropped) {
        tables.entry(&one.table).or_default().push(one);
    }
    tables
}

impl DeletionLog {
    /// Loads that are listed as lost: their files were neither brought back nor loaded again since.
    pub fn lost(&self) -> Vec<DeletionRecord> {
        self.listed().unwrap_or_default()
    }

    /// Lists the losses, in the place of those listed before.
    pub(super) fn list(&self, lost: &[DeletionRecord]) -> io::Result<()> {
        let (_, notes) = self.open()?;
        if lost.is_empty() {
            return match notes.remove(LOST_NAME) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            };
        }
        let mut text = Vec::new();
        for line in lost {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        notes.write(LOST_NEW, &text, 0o600)?.sync_all()?;
        notes.replace(LOST_NEW, &notes, LOST_NAME)?;
        notes.sync()
    }

    /// Reports losses that were not brought back and are not told yet.
    pub(super) fn tell(&self, alerts: &Alerts, lost: &[DeletionRecord]) {
        let (again, lost): (Vec<_>, Vec<_>) = lost.iter().cloned().partition(|line| line.retracted);
        let (elsewhere, here): (Vec<_>, Vec<_>) = lost.into_iter().partition(|line| line.elsewhere);
        for line in here.iter().take(NAMED).chain(again.iter().filter(|line| !line.dropped)) {
            let DeletionRecord { load, source, table, .. } = line;
            let words = if line.retracted { of_retracted } else { of_lost };
            let (what, fix) = words(line, &self.folder);
            error!(load.id = load, file.path = source, table, "{what}; {fix}");
            alerts.raise(Kind::Lost, source, &what, &fix, Some(*load));
        }
        for (table, loads) in by_dropped_table(&again) {
            let (what, fix) = of_dropped(table, &loads, &self.folder);
            error!(table, loads = loads.len(), "{what}; {fix}");
            alerts.raise(Kind::Lost, table, &what, &fix, None);
        }
        if here.len() > NAMED {
            let more = counted((here.len() - NAMED) as u64, "more load");
            error!("the database has lost {more} that it had confirmed: app status --json names them");
        }
        if !elsewhere.is_empty() {
            let (what, fix) = (of_another(&elsewhere), fix_of_another(&self.folder));
            error!(loads = elsewhere.len(), "{what}; {fix}");
            alerts.raise(Kind::Lost, ELSEWHERE, &what, &fix, None);
        }
    }

    /// Removes losses whose contents were loaded again from the list.
    pub(super) fn found_again(&self, again: &[String]) -> io::Result<()> {
        let Some(mut left) = self.listed().filter(|_| !again.is_empty()) else { return Ok(()) };
        let before = left.len();
        left.retain(|lost| !again.contains(&lost.name()));
        if left.len() == before { Ok(()) } else { self.list(&left) }
    }

    /// Lists losses whose files came back as something else: with other bytes, because what was kept is cut or another file of the
    /// name by now, or into another table. `again` are the losses that these inputs made good.
    pub(super) fn lose_again(&self, inputs: &[DeletionRecord], again: &[String]) -> io::Result<()> {
        let files: HashSet<_> = inputs.iter().map(DeletionRecord::file).collect();
        let came = |line: &DeletionRecord| files.contains(line.file());
        let lost: Vec<_> = {
            let mut known = self.known();
            known.coming.retain(|line| !again.contains(&line.name()));
            known.coming.extract_if(.., |line| came(line)).collect()
        };
        for line in &lost {
            let DeletionRecord { load, source, table, .. } = line;
            error!(
                load.id = load,
                file.path = source,
                table,
                "the file that was brought back for a lost load has other rows, or went into another table: the load is lost as before"
            );
        }
        if lost.is_empty() {
            return Ok(());
        }
        // One that cannot be read is not written over: what it has would count as known.
        let Some(mut all) = self.listed() else { return Err(io::Error::other("the list of losses cannot be read")) };
        all.extend(lost);
        self.list(&all)
    }

    /// Brings the files of losses back that were kept, and returns the losses that are left. All are listed before, and
    /// noted as brought back: a program that ends meanwhile leaves none that is neither, and brings none back twice.
    pub(super) fn recover(&self, lost: &[DeletionRecord], before: &HashSet<String>) -> io::Result<Vec<DeletionRecord>> {
        // The rows of another database are no loss to repair unasked: perhaps this one is empty on purpose.
        let comes = |line: &&DeletionRecord| {
            let is_whole = line.kept.is_some() && line.beside.is_none();
            is_whole && !line.elsewhere && !before.contains(&line.name())
        };
        let names: HashSet<_> = lost.iter().filter(comes).map(DeletionRecord::name).collect();
        if names.is_empty() {
            return Ok(lost.to_vec());
        }
        // Without a place for them nothing is noted as brought back.
        let folder = Folder::open(&self.folder)?;
        self.list(lost)?;
        self.append(&[Line::Back { back: names.iter().cloned().collect() }])?;
        let (mut left, mut lost) = (Vec::new(), lost.to_vec());
        // The first to come is the first to go.
        lost.sort_by_key(|line| line.load);
        for line in &lost {
            let DeletionRecord { load, source, table, kept, .. } = line;
            let Some(kept) = kept.as_ref().filter(|_| names.contains(&line.name())) else {
                left.push(line.clone());
                continue;
            };
            match self.bring_back(&folder, kept, line.file()) {
                Ok(name) => {
                    warn!(
                        load.id = load,
                        file.path = source,
                        table,
                        brought_back = name,
                        "the database has lost \
                     a load that it had confirmed: its file is loaded again"
                    );
                    self.known().coming.push(line.clone());
                }
                Err(why) => {
                    error!(load.id = load, file.path = source, table, kept_as = %kept.display(), "the database has lost a \
                     load that it had confirmed, and its file cannot be brought back: {why}; drop it into {}", self.folder.display());
                    left.push(line.clone());
                }
            }
        }
        folder.leave();
        Ok(left)
    }

    /// Gives a copy of a kept file to the programs of the folder, under the name that it landed by, which its plugin and
    /// its place among others go by; returns the name.
    fn bring_back(&self, folder: &Folder, kept: &Path, name: &str) -> io::Result<String> {
        let (_, notes) = self.open()?;
        let copied = format!(".again-{}", random());
        let back = || {
            let from = Dir::open(kept.parent().unwrap_or(Path::new(".")))?;
            let mut from = own(from.file(kept.file_name().unwrap_or_default())?)?;
            let mut copy = notes.new_file(&copied, 0o600)?;
            io::copy(&mut from, &mut copy)?;
            copy.sync_all()?;
            folder.give(&notes, copied.as_ref(), name.as_ref())
        };
        back().map(|_| name.to_owned()).inspect_err(|_| {
            let _ = notes.remove(&copied);
        })
    }
}
