//! When the sources of plugins were pulled last, and how that ended: by the clock, or by hand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::catalog::{Catalog, RunLine, StreamLine};
use crate::pull::State;
use crate::text::counted;
use crate::warehouse::WarehouseError;

/// The last pull of a plugin's source. Of those by hand, the last that loaded something is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastPull {
    /// The time of its end, or of its last window.
    pub at: DateTime<Utc>,
    /// `done`, `failed`, `running` or `stopped`.
    pub status: String,
    /// What it did, in words.
    pub result: String,
}

/// The last pull of each plugin that was pulled, by name.
///
/// # Errors
/// The database's error.
pub async fn last_pulls(catalog: &Catalog) -> Result<BTreeMap<String, LastPull>, WarehouseError> {
    let mut all: BTreeMap<String, LastPull> = BTreeMap::new();
    let by_clock = catalog.newest_runs().await?.into_iter().map(|run| (run.name.clone(), LastPull::from(run)));
    by_clock.for_each(|(name, pull)| keep_newest(&mut all, name, pull));
    add_streams(&mut all, catalog, |_| true).await?;
    Ok(all)
}

/// Adds the pulls of these plugins that a destination knows of; those by the clock are known to the project's own database.
///
/// # Errors
/// The database's error.
pub async fn add_pulls_into(
    all: &mut BTreeMap<String, LastPull>,
    destination: &Catalog,
    plugins: &[&str],
) -> Result<(), WarehouseError> {
    add_streams(all, destination, |plugin| plugins.contains(&plugin)).await
}

async fn add_streams(
    all: &mut BTreeMap<String, LastPull>,
    catalog: &Catalog,
    is_asked: impl Fn(&str) -> bool,
) -> Result<(), WarehouseError> {
    let streams = catalog.streams().await?.into_iter().filter(|line| is_asked(&line.plugin));
    streams.for_each(|line| keep_newest(all, line.plugin.clone(), LastPull::from(line)));
    Ok(())
}

fn keep_newest(all: &mut BTreeMap<String, LastPull>, name: String, pull: LastPull) {
    let is_newer = |known: &LastPull| known.status != "running" && pull.at > known.at;
    if all.get(&name).is_none_or(is_newer) {
        all.insert(name, pull);
    }
}

impl From<RunLine> for LastPull {
    fn from(run: RunLine) -> LastPull {
        LastPull {
            at: run.finished_at.unwrap_or(run.started_at),
            status: run.status,
            result: run.error.or(run.result).unwrap_or_default(),
        }
    }
}

impl From<StreamLine> for LastPull {
    fn from(line: StreamLine) -> LastPull {
        let StreamLine { rows, position, moved_at, .. } = line;
        let result = counted(rows, "row");
        match State::is_unfinished(&position) {
            true => LastPull { at: moved_at, status: "stopped".to_owned(), result: format!("{result} so far") },
            false => LastPull { at: moved_at, status: "done".to_owned(), result: format!("{result} in all") },
        }
    }
}
