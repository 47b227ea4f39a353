//! The end of a file's load: its outcome is logged and recorded, and the file goes where it belongs.

use std::borrow::Cow;
use std::time::Duration;

use tracing::{Span, info, warn};

use super::Loader;
use super::deletion_log::DeletionRecord;
use super::error::Consequence;
use crate::alert::Kind;
use crate::archive::OnSuccess;
use crate::dataset::Dataset;
use crate::format::{JsonLayout, Layout, Place};
use crate::load::LoadError;
use crate::load::{FileOutcome, LoadReport};
use crate::record::{Beside, BesideKind};
use crate::source::{ClaimedFile, Failure, Profile, Stamp};
use crate::sql::Table;
use crate::telemetry::{self, named};
use crate::text::counted;
use crate::warehouse::WarehouseError;

/// Deletes the file after the commit of all its parts; if it is kept, it goes once that is done. The deletion log has
/// its record before, for the case that the server loses the commit. Returns true if it was the `loaded` file still:
/// another one stays.
///
/// # Errors
/// A file that cannot be noted, kept or deleted, or a database that is not in its place any more; the file stays
/// claimed.
pub(crate) async fn delete(
    loader: &Loader,
    file: &ClaimedFile,
    loaded: Option<Stamp>,
    on_success: &OnSuccess,
    mut deletion: Vec<DeletionRecord>,
) -> Result<bool, LoadError> {
    loader.warehouse.is_there().await?;
    // The archive may take the file itself.
    loader.deletions.write(&deletion).map_err(LoadError::Unnoted)?;
    fail::fail_point!("deletion_noted");
    if let Some(kept) = loader.archive.keep(file, on_success, &loader.clock).await.map_err(LoadError::Unkept)? {
        deletion.iter_mut().for_each(|one| one.kept = Some(kept.clone().into()));
        if let Err(why) = loader.deletions.write(&deletion) {
            warn!(
                "cannot note that a file is kept as {kept}: {why}; should the database lose its load, it is named and not brought back"
            );
        }
    }
    loader.warehouse.is_there().await?;
    if !file.delete(loaded).map_err(LoadError::Undeleted)? {
        return Ok(false);
    }
    fail::fail_point!("deleted");
    file.release();
    Ok(true)
}

/// The table of staging as people write it.
pub(crate) fn staged(loader: &Loader, table: &str) -> String {
    let shown = loader.warehouse.names().shown(&Table::staging(table));
    match &loader.destination {
        Some(destination) => format!("{shown} of {destination}"),
        None => shown,
    }
}

/// Logs the counts of a load into the `table`.
pub(crate) fn say(name: &str, table: &str, report: &LoadReport, unfinished: bool, took: Duration) {
    let LoadReport { load_id, books, .. } = *report;
    let took_ms = took.as_millis() as u64;
    if let Some(of) = report.duplicate_of {
        let duplicate = books.duplicate;
        let sentence = format!(
            "{} is a duplicate of load {of}: the same content is in the table already, {table} (load {load_id}, {})",
            named(name),
            telemetry::took(took_ms)
        );
        info!(
            sentence,
            file.path = name,
            rows = 0,
            duplicate,
            took_ms,
            load.id = load_id,
            "duplicate of load {of}: the same content is in the table already"
        );
        return;
    }
    let (rows, rejected) = (books.loaded, books.rejected);
    let loaded = if unfinished { "loaded what had been begun before" } else { "loaded" };
    let sentence = format!(
        "{loaded}{} {}: {} into {table}{} (load {load_id}, {})",
        if unfinished { " of" } else { "" },
        named(name),
        counted(rows, "row"),
        if rejected > 0 { format!(", {rejected} rejected: app rejects {load_id}") } else { String::new() },
        telemetry::took(took_ms)
    );
    // Somebody has to look at what was rejected.
    if rejected > 0 {
        warn!(sentence, file.path = name, rows, rejected, took_ms, load.id = load_id, "{loaded}");
    } else {
        info!(sentence, file.path = name, rows, rejected, took_ms, load.id = load_id, "{loaded}");
    }
    if books.filtered > 0 {
        info!(
            file.path = name,
            load.id = load_id,
            "left out by the plugin's filter: {}",
            counted(books.filtered, "row")
        );
    }
    if books.padded > 0 {
        info!(
            file.path = name,
            load.id = load_id,
            "{} with fewer cells than the header: NULL in the rest",
            counted(books.padded, "row")
        );
    }
    if books.extended > 0 {
        info!(
            file.path = name,
            load.id = load_id,
            "{} with more cells than the header: kept in _extra",
            counted(books.extended, "row")
        );
    }
    if books.read == 0 {
        warn!(file.path = name, load.id = load_id, "the file has a header and no rows");
    }
}

/// Logs that the records of a JSON file are those of an array in its one object, or that it is one record with several.
pub(crate) fn say_array(name: &str, load_id: i64, layout: &Layout) {
    if let Layout::Json(JsonLayout { lists, .. }) = layout
        && !lists.is_empty()
    {
        warn!(
            file.path = name,
            load.id = load_id,
            "the file is one object with several arrays of objects ({}), so it is one record, and they are columns of JSON text: for a \
             row of each of their objects give each array a file of its own, or let sql/pipeline/ explode them",
            lists.join(", ")
        );
    }
    if let Layout::Json(JsonLayout { records: Place::Key(key), .. }) = layout {
        info!(
            file.path = name,
            load.id = load_id,
            "read as one object, whose records are those in the array under {key:?}"
        );
    }
}

/// Logs the text beside the records of a load, which is kept with it, or was left out.
pub(crate) fn say_beside(name: &str, load_id: i64, beside: &[Beside]) {
    let some = |of: BesideKind, one: &str, several: &str| {
        let count = beside.iter().filter(|beside| beside.kind == of).count();
        match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {several}")),
        }
    };
    let of = |kind: BesideKind| match kind {
        BesideKind::Above => some(kind, "line above the table", "lines above the table"),
        BesideKind::Below => some(kind, "line below the table", "lines below the table"),
        BesideKind::Key => some(kind, "key beside the records", "keys beside the records"),
        BesideKind::Sheet => some(kind, "sheet", "sheets"),
        BesideKind::Member => some(kind, "member of the archive", "members of the archive"),
        BesideKind::Column => some(kind, "column", "columns"),
        BesideKind::Lacking | BesideKind::Encoding | BesideKind::Repeated => None,
    };
    let kept: Vec<_> = [BesideKind::Above, BesideKind::Below, BesideKind::Key].into_iter().filter_map(of).collect();
    if !kept.is_empty() {
        let are = if kept.len() == 1 && kept[0].starts_with("1 ") { "is" } else { "are" };
        let kept = kept.join(", ");
        info!(file.path = name, load.id = load_id, "{kept} {are} kept: app why {name} shows them");
    }
    for guess in beside.iter().filter(|beside| beside.kind == BesideKind::Encoding) {
        info!(
            file.path = name,
            load.id = load_id,
            "the encoding is a guess: {}; a plugin can say it (encoding: ...)",
            guess.text
        );
    }
    let left: Vec<_> = [BesideKind::Sheet, BesideKind::Member, BesideKind::Column].into_iter().filter_map(of).collect();
    if !left.is_empty() {
        let left = left.join(", ");
        info!(file.path = name, load.id = load_id, "left out, not loaded: {left}: app why {name} shows them");
    }
}

/// Greatest number of lines of the log about columns of one file.
const HINTS: usize = 5;

/// Logs the columns of a load that would be of another type in a stated notation, and those whose header differs from
/// the one before; `true` beside the latter if columns are lacking.
pub(crate) fn say_columns(name: &str, load_id: i64, hints: &[String], changed: Option<(String, bool)>) {
    match changed {
        Some((changed, true)) => warn!(file.path = name, load.id = load_id, "{changed}"),
        Some((changed, false)) => info!(file.path = name, load.id = load_id, "{changed}"),
        None => {}
    }
    for hint in hints.iter().take(HINTS) {
        info!(file.path = name, load.id = load_id, "{hint}");
    }
    if hints.len() > HINTS {
        let more = counted((hints.len() - HINTS) as u64, "more column");
        info!(file.path = name, load.id = load_id, "{more} like them: app check shows all");
    }
}

/// An input whose load did not happen, after it was recorded.
pub(crate) struct Failed {
    name: String,
    load: Option<i64>,
    error: LoadError,
    pub(crate) consequence: Consequence,
}

/// Records in the ledger an error for a person; without the database it is in the log and beside the file.
pub(crate) async fn record_failure(
    loader: &Loader,
    file: &ClaimedFile,
    dataset: &Dataset,
    name: &str,
    profile: Option<&Profile>,
    error: LoadError,
) -> Failed {
    let mut error = of_catalog(loader, error).await;
    // A file that cannot go is tried again, and would be recorded as often. A window goes nowhere.
    if error.consequence() == Consequence::Fail
        && matches!(file.window(), Ok(None))
        && let Err(shut) = file.may_fail()
        && shut.kind() != std::io::ErrorKind::NotFound
    {
        error = LoadError::Unmoved(error.to_string(), shut);
    }
    let mut consequence = error.consequence();
    if error.is_killed() && loader.tries.once_more(name) {
        consequence = Consequence::TryAgain;
    }
    if matches!(consequence, Consequence::Fail | Consequence::Forget) {
        loader.tries.end(name);
    }
    let mut load = None;
    if consequence == Consequence::Fail {
        let why = error.to_string();
        load = loader.catalog.failed(&dataset.table, name, file.claim(), profile, &why).await.ok();
        let fix = fix_of(file, &error);
        let into = loader.destination.as_ref().map_or_else(String::new, |destination| format!(" into {destination}"));
        warn!(load.id = load, file.path = name, "not loaded{into}: {why}; {fix}");
        loader.alerts.raise(Kind::Failed, name, &why, &fix, load);
    }
    Failed { name: name.to_owned(), load, error, consequence }
}

/// The remedy for an input. A window is no file that somebody could mend, look at or move back.
pub(crate) fn fix_of<'e>(file: &ClaimedFile, error: &'e LoadError) -> Cow<'e, str> {
    match file.window() {
        Ok(Some(window)) if error.consequence() == Consequence::Fail => {
            let plugin = window.position.stream.plugin;
            Cow::Owned(format!(
                "fix the plugin, or what the source gives: app plugin check {plugin} shows its first page, and app pull {plugin} asks \
                 for all of it again that is not loaded"
            ))
        }
        _ => Cow::Borrowed(error.fix()),
    }
}

/// A refusal of the database is no fault of the input if the catalog is not whole.
async fn of_catalog(loader: &Loader, error: LoadError) -> LoadError {
    if !matches!(error, LoadError::Warehouse(WarehouseError::Refused(_))) {
        return error;
    }
    match loader.warehouse.missing().await.and_then(|missing| missing.refuse_any()) {
        Err(other) if other.is_transient() => other.into(),
        _ => error,
    }
}

/// The time in whole seconds, in the form of RFC 3339.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Disposes of a file of which something did not load: it goes back, or to `failed/` with the reason. A file that may
/// be loaded in part, because it was `begun` before or a part of it just was, stays claimed: under another claim it
/// would be another file to the ledger. `claims` are those of its loaded parts that would be doubled if they were
/// loaded again.
pub(crate) fn dispose(
    file: ClaimedFile,
    failed: Failed,
    reports: Vec<LoadReport>,
    begun: bool,
    claims: Vec<String>,
) -> FileOutcome {
    Span::current().record("load.id", failed.load);
    let is_window = !matches!(file.window(), Ok(None));
    let moved = match failed.consequence {
        Consequence::Forget => {
            file.release();
            warn!(file.path = failed.name, "the file is gone: somebody else took it");
            return FileOutcome::Gone;
        }
        // Nobody can move a window back that seems to end programs, and its source gives it again.
        _ if failed.consequence == Consequence::Pass || (is_window && matches!(failed.error, LoadError::Ended(_))) => {
            warn!(
                file.path = failed.name,
                "{}; what is not loaded is asked for again from the checkpoint", failed.error
            );
            return match file.delete(file.stamp()) {
                Ok(_) => {
                    file.release();
                    FileOutcome::Gone
                }
                Err(error) => FileOutcome::Kept(file, LoadError::Folder(error)),
            };
        }
        // A window that went back, or to `failed/`, would be a file; and its checkpoint has not moved.
        Consequence::TryAgain | Consequence::Fail if is_window => return FileOutcome::Kept(file, failed.error),
        Consequence::Ask => return FileOutcome::Kept(file, failed.error),
        Consequence::TryAgain if begun || !reports.is_empty() => return FileOutcome::Kept(file, failed.error),
        Consequence::TryAgain => match file.put_back() {
            Ok(Some(_)) => Ok(FileOutcome::Waits(failed.error)),
            Ok(None) => return FileOutcome::Kept(file, failed.error),
            Err(error) => Err(error),
        },
        Consequence::Pass | Consequence::Fail => {
            let (why, fix, at, name) = (failed.error.to_string(), failed.error.fix(), now(), file.name());
            let moved = file.loaded_under(claims).and_then(|partly| {
                let (error, partly) = (why.as_str(), partly.as_ref());
                file.fail(&Failure { file: &failed.name, load: failed.load, error, fix, at, partly })
            });
            moved.map(|place| {
                info!(file.path = name, moved_to = %place.display(), "moved, with the reason beside it");
                FileOutcome::Failed(reports)
            })
        }
    };
    moved.unwrap_or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => FileOutcome::Gone,
        _ => FileOutcome::Kept(file, LoadError::Folder(error)),
    })
}
