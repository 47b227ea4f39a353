//! Failed files that go back into the folder, and those that had better not.

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::Serialize;

use crate::app::App;
use crate::catalog::Came;
use crate::dataset::plugin::{Plugins, Reach};
use crate::source::{FailedFile, Folder};
use crate::text::nearest;
use crate::text::shown::shown;
use crate::warehouse::WarehouseError;

/// A failed file that lies in the folder again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Moved {
    /// The name in `failed/`.
    pub file: String,
    /// The path in the folder.
    #[schema(value_type = String)]
    pub moved_to: PathBuf,
}

/// A failed file, and where it is now, or why it stays.
#[derive(Debug)]
pub struct Tried<'a> {
    /// The file.
    pub file: &'a FailedFile,
    /// Its new place; or the reason, in words.
    pub outcome: Result<Back, String>,
}

/// The new place of a failed file.
#[derive(Debug)]
pub struct Back {
    /// The path in the folder.
    pub place: PathBuf,
    /// True if a file of its name waits there, and this one comes before it.
    pub in_turn: bool,
}

/// Moves failed files back into the folder, but for those whose rows would replace newer ones, unless `older` ones are wanted. `app` is
/// the program, or the reason why its database cannot be asked.
pub async fn retry<'a>(
    files: &[&'a FailedFile],
    folder: &Path,
    plugins: &Plugins,
    older: bool,
    app: Result<&App, String>,
) -> Vec<Tried<'a>> {
    // Of several that landed by one name, the first to come is the first to go.
    let mut files = files.to_vec();
    files.sort_by(|one, other| (one.landed_as(), one.came()).cmp(&(other.landed_as(), other.came())));
    let is_alone = |file: &FailedFile| files.iter().filter(|one| one.landed_as() == file.landed_as()).count() == 1;
    let (mut tried, mut given) = (Vec::with_capacity(files.len()), None);
    for file in &files {
        let reach = plugins.reach(file.landed_as());
        let stays = match reach.replaces && !older {
            true => why_it_stays(&app, plugins, &reach, file).await,
            false => None,
        };
        let outcome = match stays {
            Some(why) => Err(why),
            None => move_back(file, folder, is_alone(file), &mut given).map_err(|error| {
                format!(
                    "it cannot be moved: {error}; give the user who asks the right to write in {}",
                    folder.display()
                )
            }),
        };
        tried.push(Tried { file, outcome });
    }
    if let Some(given) = given {
        given.leave();
    }
    tried
}

/// The reason why a file that replaces rows had better stay.
async fn why_it_stays(
    app: &Result<&App, String>,
    plugins: &Plugins,
    reach: &Reach,
    file: &FailedFile,
) -> Option<String> {
    let found = match app {
        Ok(app) => newer(app, plugins, reach, file).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.clone()),
    };
    match found {
        Ok(None) => None,
        Ok(Some(Came { id, source, .. })) => Some(format!(
            "its rows would take the place of newer ones, those of {source} (load {id}); app retry {} --older loads it all the same, and \
             {source} can be dropped again after it",
            file.name
        )),
        Err(error) => Some(format!("the newer files whose rows it may replace cannot be told: {error}")),
    }
}

/// Moves a file back under the name that it landed by; where another file has that, it is given to the programs of the folder.
fn move_back(file: &FailedFile, folder: &Path, is_alone: bool, given: &mut Option<Folder>) -> io::Result<Back> {
    if let Some(place) = if is_alone { file.move_back(folder)? } else { None } {
        return Ok(Back { place, in_turn: false });
    }
    let to = match given {
        Some(to) => to,
        None => given.insert(Folder::open(folder)?),
    };
    file.give_back(to)?;
    Ok(Back { place: folder.join(file.landed_as()), in_turn: true })
}

/// Returns the newest load whose rows a failed file would replace with older ones.
///
/// # Errors
/// The database's error.
async fn newer(app: &App, plugins: &Plugins, reach: &Reach, file: &FailedFile) -> Result<Option<Came>, WarehouseError> {
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
