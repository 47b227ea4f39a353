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
    let by_hand = catalog.streams().await?.into_iter().map(|line| (line.plugin.clone(), LastPull::from(line)));
    for (name, pull) in by_clock.chain(by_hand) {
        let is_newer = |known: &LastPull| known.status != "running" && pull.at > known.at;
        if all.get(&name).is_none_or(is_newer) {
            all.insert(name, pull);
        }
    }
    Ok(all)
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
