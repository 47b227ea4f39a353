//! `app retry [FILE|LOAD]`: moves what failed back into the folder, to be loaded again.

use std::io::Write;

use serde_json::json;
use tracing::{error, warn};

use super::{End, table};
use crate::daemon::Usage;
use crate::plugin::Plugins;
use crate::settings::Settings;
use crate::shown::{path, shown};
use crate::source::{FailedFile, failed_files, is_watched};
use crate::star::nearest;

pub(super) fn run(settings: &Settings, what: Option<&str>, json: bool) -> anyhow::Result<End> {
    let folder = &settings.folders.imports_dir;
    let failed = failed_files(folder)?;
    let wanted = match what {
        Some(what) => named(what, &failed)?,
        None => failed.iter().collect(),
    };
    let plugins = Plugins::read_right(&settings.folders.plugins_dir, &|name| settings.variable(name));
    let mut out = crate::shown::stdout();
    let (mut end, mut moved) = (End::Done, 0);
    for file in &wanted {
        if plugins.reach(file.landed_as()).replaces {
            warn!(
                file.path = file.name,
                "its rows take the place of others: where a file that comes after it is loaded already (app loads), older rows are put over newer ones; app retract takes its load back then"
            );
        }
        match file.move_back(folder) {
            Ok(place) => {
                moved += 1;
                if json {
                    table::print_json(&json!({ "file": file.name, "moved_to": place }))?;
                } else {
                    writeln!(out, "{}/failed/{} -> {}", path(folder), shown(&file.name), path(&place))?;
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

/// Those of this name, in `failed/` or as they landed, or of the load with this number.
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
