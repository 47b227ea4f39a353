//! `app plugin new NAME --from FILE...`: a first plugin for files of one table. Loads nothing, needs no database.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use crate::cli::End;
use crate::daemon::Usage;
use crate::dataset::plugin::Plugins;
use crate::ops::check::{Started, start};
use crate::schema::table_name;
use crate::settings::Settings;
use crate::text::shown::{path as shown_path, shown};

pub(super) async fn run(settings: &Settings, name: &str, from: &[PathBuf], print: bool) -> anyhow::Result<End> {
    if table_name(name) != name {
        return Err(Usage(format!("{name:?} is no plugin's name; {} would be", table_name(name))).into());
    }
    if let Some(absent) = from.iter().find(|path| !path.is_file()) {
        return Err(Usage(format!("there is no file {}", shown_path(absent))).into());
    }
    let folder = &settings.folders.plugins_dir;
    let place = folder.join(name).join("plugin.yaml");
    let plugins = Plugins::read(folder, &|name| settings.variable(name)).map_err(|error| Usage(error.to_string()))?;
    if !print {
        if place.exists() {
            return Err(
                Usage(format!("{} is there already; --print shows what it would be", shown_path(&place))).into()
            );
        }
        let claimed = from.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy());
        if let Some(claimed) = claimed.into_iter().find(|name| plugins.claims(name)) {
            return Err(
                Usage(format!("a plugin claims {} already: app check shows how it is read", shown(&claimed))).into()
            );
        }
    }
    let Started { yaml, files, table, checked } = start(name, from, settings.archives.limits()).await?;
    let mut out = crate::text::shown::stdout();
    if print {
        write!(out, "{yaml}")?;
        return Ok(End::Done);
    }
    let made = fs::create_dir_all(place.parent().unwrap_or(folder)).and_then(|()| fs::write(&place, &yaml));
    made.with_context(|| format!("cannot write {}", shown_path(&place)))?;
    writeln!(out, "wrote {}: {} -> staging.{table}", shown_path(&place), shown(&files.join(" ")))?;
    for part in &checked {
        let typed = part.columns.iter().filter(|column| column.r#type != "text").count();
        writeln!(
            out,
            "  {}: {} read = {} to load + {} rejected; {typed} of {} columns are not text",
            shown(&part.source),
            part.rows_read,
            part.rows_loaded,
            part.rows_rejected,
            part.columns.len()
        )?;
    }
    writeln!(out, "Next: look it over, then app check FILE, and drop the files into imports/")?;
    let rejected = checked.iter().any(|part| part.rows_rejected > 0);
    Ok(if rejected { End::Rejects } else { End::Done })
}
