//! `app retry [FILE|LOAD]`: moves failed files back into the folder, to be loaded again, unless their rows would
//! replace newer ones.

use std::cmp::Ordering;
use std::io::Write;

use chrono::TimeDelta;
use serde_json::json;
use tracing::error;

use super::{End, table};
use crate::app::App;
use crate::catalog::Came;
use crate::daemon::{self, Usage};
use crate::dataset::plugin::{Plugins, Reach};
use crate::settings::Settings;
use crate::source::{FailedFile, failed_files, is_watched};
use crate::text::nearest;
use crate::text::shown::{path, shown};
use crate::warehouse::WarehouseError;

pub(super) async fn run(settings: &Settings, what: Option<&str>, older: bool, json: bool) -> anyhow::Result<End> {
    let folder = &settings.folders.imports_dir;
    let failed = failed_files(folder)?;
    let wanted = match what {
        Some(what) => named(what, &failed)?,
        None => failed.iter().collect(),
    };
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name));
    let mut out = crate::text::shown::stdout();
    let (mut end, mut moved, mut app) = (End::Done, 0, None);
    for file in &wanted {
        let reach = plugins.reach(file.landed_as());
        if reach.replaces && !older {
            if app.is_none() {
                app = Some(daemon::look(settings).await);
            }
            let found = match &app {
                Some(Ok(app)) => newer(app, &plugins, &reach, file).await.map_err(|error| error.to_string()),
                Some(Err(error)) => Err(error.to_string()),
                None => Ok(None),
            };
            let why = match found {
                Ok(None) => None,
                Ok(Some(Came { id, source, .. })) => Some(format!(
                    "its rows would take the place of newer ones, those of {source} (load {id}); app retry {} --older loads it all the \
                     same, and {source} can be dropped again after it",
                    file.name
                )),
                Err(error) => {
                    Some(format!("whether a newer file is loaded whose rows it would replace cannot be told: {error}"))
                }
            };
            if let Some(why) = why {
                end = End::Failed;
                error!(file.path = file.name, "left in failed/: {why}");
                continue;
            }
        }
        match file.move_back(folder) {
            Ok(place) => {
                moved += 1;
                if json {
                    table::print_json(&json!({ "file": file.name, "moved_to": place }))?;
                } else {
                    writeln!(out, "{}/{} -> {}", path(folder), shown(&file.shown_as()), path(&place))?;
                }
            }
            Err(error) => {
                end = End::Failed;
                let folder = folder.display();
                error!(
                    file.path = file.name,
                    "cannot move the file: {error}; give the user who asks the right to write in {folder}"
                );
            }
        }
    }
    if json || (moved == 0 && !wanted.is_empty()) {
        return Ok(end);
    }
    match (wanted.is_empty(), is_watched(folder)?) {
        (true, _) => writeln!(out, "nothing lies in {}/failed/", folder.display())?,
        (false, true) => writeln!(out, "the daemon loads them now: see app status")?,
        (false, false) => writeln!(out, "nobody watches the folder: app --once loads them, or app")?,
    }
    Ok(end)
}

/// Returns the newest load whose rows a failed file would replace with older ones.
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
fn named<'a>(what: &str, failed: &'a [FailedFile]) -> Result<Vec<&'a FailedFile>, Usage> {
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
        return Err(Usage(format!("no file in failed/ is of load {number}: see app loads")));
    }
    let hint = nearest(what, failed.iter().map(|file| file.name.as_str()));
    Err(Usage(format!("there is no file {} in failed/{}", shown(what), shown(&hint))))
}
