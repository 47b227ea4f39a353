//! Failed files that go back into the folder, and those that had better not.

use std::cmp::Ordering;
use std::path::PathBuf;

use chrono::TimeDelta;
use serde::Serialize;

use crate::app::App;
use crate::catalog::Came;
use crate::dataset::plugin::{Plugins, Reach};
use crate::source::FailedFile;
use crate::text::nearest;
use crate::text::shown::shown;
use crate::warehouse::WarehouseError;

/// A failed file that lies in the folder again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The name in `failed/`.
    pub file: String,
    /// The path in the folder.
    pub moved_to: PathBuf,
}

/// Returns the newest load whose rows a failed file would replace with older ones.
///
/// # Errors
/// The database's error.
pub async fn newer(
    app: &App,
    plugins: &Plugins,
    reach: &Reach,
    file: &FailedFile,
) -> Result<Option<Came>, WarehouseError> {
    let counts = |came: &Came| plugins.reach(came.file()).replaces && is_newer(came, file);
    app.workspace.catalog.last_by_name(reach.tables.as_deref(), &counts).await
}

/// Returns true if a load counts as newer than a failed file: by the order of names, or because it came later. Only a
/// person knows the later one of two names (`stock_9`, `stock_10`), so either is enough.
fn is_newer(came: &Came, file: &FailedFile) -> bool {
    let order = came.file().cmp(file.landed_as());
    let came_later = file.note.as_ref().is_some_and(|note| match note.load {
        Some(tried) if order != Ordering::Equal || came.source == came.file() => came.id > tried,
        // Other parts of it may have been loaded in the same attempt, whose time is known to the second.
        _ => came.started_at >= note.at + TimeDelta::seconds(1),
    });
    order == Ordering::Greater || came_later
}

/// Returns the files of this name, in `failed/` or as they landed, or of the load with this number.
///
/// # Errors
/// In words, if there are none.
pub fn named<'a>(what: &str, failed: &'a [FailedFile]) -> Result<Vec<&'a FailedFile>, String> {
    let load = |file: &FailedFile| file.note.as_ref().and_then(|note| note.load);
    let exact: Vec<_> = failed.iter().filter(|file| file.name == what).collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let meant =
        |file: &&FailedFile| file.landed_as() == what || load(file).is_some_and(|load| load.to_string() == what);
    let meant: Vec<_> = failed.iter().filter(meant).collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    if let Ok(number) = what.parse::<i64>() {
        return Err(format!("no file in failed/ is of load {number}: see app loads"));
    }
    let hint = nearest(what, failed.iter().map(|file| file.name.as_str()));
    Err(format!("there is no file {} in failed/{}", shown(what), shown(&hint)))
}
