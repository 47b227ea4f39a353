//! `app plugin list`: every plugin, its schedule, and the last pull of its source where a warehouse is there to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde::Serialize;

use crate::cli::{End, screen, table};
use crate::daemon::{self, Usage};
use crate::dataset::plugin::{Listed, Plugins};
use crate::ops::destination;
use crate::ops::plugins::{LastPull, add_pulls_into, last_pulls};
use crate::ops::status::moment;
use crate::settings::Settings;
use crate::text::chain;
use crate::text::shown::{self, path};
use crate::warehouse::WarehouseError;

/// A line of the list.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    plugin: Listed,
    /// The last pull of its source.
    last_pull: Option<LastPull>,
}

pub(super) async fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let plugins = super::read(settings);
    let all = plugins.list();
    let end = if all.iter().any(|plugin| plugin.error.is_some()) { End::Failed } else { End::Done };
    let mut pulls = match all.iter().any(|plugin| plugin.source.is_some()) {
        true => pulls(settings).await?,
        false => BTreeMap::new(),
    };
    let unknown = pulls_elsewhere(settings, &plugins, &mut pulls).await?;
    let lines: Vec<_> = all
        .into_iter()
        .map(|plugin| {
            let last_pull = pulls.remove(&plugin.name).filter(|_| plugin.source.is_some());
            Line { plugin, last_pull }
        })
        .collect();
    if json {
        lines.iter().try_for_each(table::print_json)?;
        return Ok(end);
    }
    if lines.is_empty() {
        writeln!(screen::stdout(), "no plugin is in {}", path(&settings.folders.plugins_dir))?;
        return Ok(end);
    }
    let rows: Vec<_> = lines.into_iter().map(|line| row(line, &unknown)).collect();
    let columns =
        [("plugin", 0), ("state", 0), ("table", 1), ("schedule", 2), ("last pull", 0), ("files or source", 3)];
    table::print(&columns, &rows)?;
    Ok(end)
}

fn row(Line { plugin, last_pull }: Line, unknown: &BTreeSet<String>) -> Vec<String> {
    let is_pulled = plugin.source.is_some();
    let is_unknown = unknown.contains(&plugin.name);
    let to = plugin.destination.map_or_else(String::new, |to| format!(" -> {to}"));
    let from = plugin.source.map_or_else(|| plugin.files.join(" "), |source| source + &to);
    let table = plugin.table.map_or_else(String::new, |table| format!("staging.{table}"));
    let last = match last_pull {
        Some(LastPull { at, status, result }) => {
            let result = if result.is_empty() { result } else { format!(": {result}") };
            format!("{} {status}{result}", moment(at))
        }
        None if is_unknown => "not known: its destination cannot be asked".to_owned(),
        None if is_pulled => "none yet".to_owned(),
        None => String::new(),
    };
    // The fault is what there is to know of a faulty one.
    let last = plugin.error.unwrap_or(last);
    vec![plugin.name, plugin.state.to_owned(), table, plugin.schedule.unwrap_or_default(), last, from]
}

/// The last pulls. A warehouse that cannot be asked is named; one that is not there yet has none.
async fn pulls(settings: &Settings) -> anyhow::Result<BTreeMap<String, LastPull>> {
    let asked = async {
        let app = daemon::look(settings).await?;
        let pulls = last_pulls(&app.workspace.catalog).await;
        app.workspace.warehouse.close().await;
        anyhow::Ok(pulls?)
    };
    match asked.await {
        Ok(pulls) => Ok(pulls),
        Err(error) if error.is::<Usage>() => Ok(BTreeMap::new()),
        Err(error) => {
            writeln!(shown::stderr(), "{}", chain(&error.context("the last pulls could not be looked at")))?;
            Ok(BTreeMap::new())
        }
    }
}

/// Adds the last pulls into other databases. Returns the plugins whose database cannot be asked, which is named.
async fn pulls_elsewhere(
    settings: &Settings,
    plugins: &Plugins,
    pulls: &mut BTreeMap<String, LastPull>,
) -> anyhow::Result<BTreeSet<String>> {
    let mut unknown = BTreeSet::new();
    for (to, names) in destination::all(plugins, &settings.database.database_url) {
        let asked = async {
            let app = match destination::look(settings, to).await {
                // The first pull makes it.
                Err(WarehouseError::Missing(_)) => return Ok(()),
                done => done?,
            };
            let missing = app.workspace.warehouse.missing().await;
            let asked = match missing {
                Ok(missing) if !missing.has_catalog => Ok(()),
                Ok(_) => add_pulls_into(pulls, &app.workspace.catalog, &names).await,
                Err(error) => Err(error),
            };
            app.workspace.warehouse.close().await;
            asked
        };
        if let Err(error) = asked.await {
            let error = anyhow::Error::from(error).context(format!("the last pulls into {to} could not be looked at"));
            writeln!(shown::stderr(), "{}", chain(&error))?;
            unknown.extend(names.into_iter().map(str::to_owned));
        }
    }
    Ok(unknown)
}
