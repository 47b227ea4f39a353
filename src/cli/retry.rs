//! `app retry [FILE|LOAD]`: moves failed files back into the folder, to be loaded again, unless their rows would
//! replace newer ones.

use std::io::Write;

use tracing::error;

use super::{End, table};
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Plugins;
use crate::ops::retry::{Back, Moved, Tried, named, retry};
use crate::settings::Settings;
use crate::source::{failed_files, is_watched};
use crate::text::shown::{path, shown};

pub(super) async fn run(settings: &Settings, what: Option<&str>, older: bool, json: bool) -> anyhow::Result<End> {
    let folder = &settings.folders.imports_dir;
    let failed = failed_files(folder)?;
    let wanted: Vec<_> = match what {
        Some(what) => named(what, &failed).map_err(Usage)?,
        None => failed.iter().collect(),
    };
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name));
    let may_replace = !older && wanted.iter().any(|file| plugins.reach(file.landed_as()).replaces);
    // Files that replace nothing go back without the database.
    let app = if may_replace { Some(daemon::look(settings).await) } else { None };
    let app = match &app {
        Some(app) => app.as_ref().map_err(ToString::to_string),
        None => Err("nobody asked it".to_owned()),
    };
    let mut out = crate::text::shown::stdout();
    let (mut end, mut moved) = (End::Done, 0);
    for Tried { file, outcome } in retry(&wanted, folder, &plugins, older, app).await {
        match outcome {
            Ok(Back { place, in_turn }) => {
                moved += 1;
                let waits = if in_turn { ", in its turn" } else { "" };
                if json {
                    table::print_json(&Moved { file: file.name.clone(), moved_to: place })?;
                } else {
                    writeln!(out, "{}/{} -> {}{waits}", path(folder), shown(&file.shown_as()), path(&place))?;
                }
            }
            Err(why) => {
                end = End::Failed;
                error!(file.path = file.name, "left in failed/: {why}");
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
