//! `app plugin list`: every plugin, its schedule, and the last pull of its source where a warehouse is there to tell.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use crate::cli::{End, screen, table};
use crate::daemon::{self, Usage};
use crate::dataset::plugin::Listed;
use crate::ops::plugins::{LastPull, last_pulls};
use crate::ops::status::moment;
use crate::settings::Settings;
use crate::text::chain;
use crate::text::shown::{self, path};

/// A line of the list.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    plugin: Listed,
    /// The last pull of its source.
    last_pull: Option<LastPull>,
}

pub(super) async fn run(settings: &Settings, json: bool) -> anyhow::Result<End> {
    let all = super::read(settings).list();
    let end = if all.iter().any(|plugin| plugin.error.is_some()) { End::Failed } else { End::Done };
    let mut pulls = match all.iter().any(|plugin| plugin.source.is_some()) {
        true => pulls(settings).await?,
        false => BTreeMap::new(),
    };
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
    let rows: Vec<_> = lines.into_iter().map(row).collect();
    let columns =
        [("plugin", 0), ("state", 0), ("table", 1), ("schedule", 2), ("last pull", 0), ("files or source", 3)];
    table::print(&columns, &rows)?;
    Ok(end)
}

fn row(Line { plugin, last_pull }: Line) -> Vec<String> {
    let is_pulled = plugin.source.is_some();
    let to = plugin.destination.map_or_else(String::new, |to| format!(" -> {to}"));
    let from = plugin.source.map_or_else(|| plugin.files.join(" "), |source| source + &to);
    let table = plugin.table.map_or_else(String::new, |table| format!("staging.{table}"));
    let last = match last_pull {
        Some(LastPull { at, status, result }) => {
            let result = if result.is_empty() { result } else { format!(": {result}") };
            format!("{} {status}{result}", moment(at))
        }
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
