//! `app retry [FILE|LOAD]`: moves failed files back into the folder, to be loaded again, unless their rows would
//! replace newer ones.

use std::io::Write;

use tracing::error;

use super::{End, table};
use crate::catalog::Came;
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::ops::retry::{Moved, named, newer};
use crate::settings::Settings;
use crate::source::{failed_files, is_watched};
use crate::text::shown::{path, shown};

pub(super) async fn run(settings: &Settings, what: Option<&str>, older: bool, json: bool) -> anyhow::Result<End> {
    let folder = &settings.folders.imports_dir;
    let failed = failed_files(folder)?;
    let wanted = match what {
        Some(what) => named(what, &failed).map_err(Usage)?,
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
                Err(error) => Some(format!("the newer files whose rows it may replace cannot be told: {error}")),
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
                    table::print_json(&Moved { file: file.name.clone(), moved_to: place })?;
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
