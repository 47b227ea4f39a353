//! `app retry [FILE|LOAD]`: moves failed files back into the folder, to be loaded again, unless their rows would
//! replace newer ones.

use std::io;
use std::io::Write;
use std::path::Path;

use tracing::error;

use super::{End, table};
use crate::catalog::Came;
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::ops::retry::{Moved, named, newer};
use crate::settings::Settings;
use crate::source::{FailedFile, Folder, failed_files, is_watched};
use crate::text::shown::{path, shown};

pub(super) async fn run(settings: &Settings, what: Option<&str>, older: bool, json: bool) -> anyhow::Result<End> {
    let folder = &settings.folders.imports_dir;
    let failed = failed_files(folder)?;
    let mut wanted: Vec<_> = match what {
        Some(what) => named(what, &failed).map_err(Usage)?,
        None => failed.iter().collect(),
    };
    // Of several that landed by one name, the first to come is the first to go.
    wanted.sort_by(|one, other| (one.landed_as(), one.came()).cmp(&(other.landed_as(), other.came())));
    let is_alone = |file: &FailedFile| wanted.iter().filter(|one| one.landed_as() == file.landed_as()).count() == 1;
    let mut given = None;
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
                Err(error) => Some(format!("the newer files whose rows it may replace cannot be told: {error}")),
            };
            if let Some(why) = why {
                end = End::Failed;
                error!(file.path = file.name, "left in failed/: {why}");
                continue;
            }
        }
        let back = if is_alone(file) { file.move_back(folder) } else { Ok(None) };
        let back = match back {
            Ok(None) => give(&mut given, folder, file).map(|()| None),
            done => done,
        };
        match back {
            Ok(place) => {
                moved += 1;
                let waits = if place.is_none() { ", in its turn" } else { "" };
                let place = place.unwrap_or_else(|| folder.join(file.landed_as()));
                if json {
                    table::print_json(&Moved { file: file.name.clone(), moved_to: place })?;
                } else {
                    writeln!(out, "{}/{} -> {}{waits}", path(folder), shown(&file.shown_as()), path(&place))?;
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
    if let Some(given) = given {
        given.leave();
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

/// Gives a file to the programs of the folder under the name that it landed by, which another file has.
fn give(given: &mut Option<Folder>, folder: &Path, file: &FailedFile) -> io::Result<()> {
    let to = match given {
        Some(to) => to,
        None => given.insert(Folder::open(folder)?),
    };
    file.give_back(to)
}
