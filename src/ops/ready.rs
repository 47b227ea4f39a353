//! Whether files would be loaded now: short answers for programs that ask every few seconds. `doctor` looks closer.

use std::path::Path;

use chrono::Utc;
use rustix::fs::{Access, access};
use serde::Serialize;

use super::status::{full, silent};
use crate::app::App;
use crate::source::places;
use crate::text::shown::path;
use crate::worker::read_state;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Ready {
    /// True if nothing is in the way of loads.
    pub ready: bool,
    /// What is in the way, in words without the inside of the database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<String>,
}

/// Looks at the database, the folders and the watcher of the folder.
pub async fn ready(app: &App, folder: &Path) -> Ready {
    let mut not = Vec::new();
    if app.workspace.catalog.identity().await.is_err() {
        not.push("the database does not answer".to_owned());
    }
    for place in [folder, &app.workspace.exports] {
        if access(place, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
            not.push(format!("{} cannot be read and written", path(place)));
        }
    }
    for place in full(&[folder.to_owned(), app.workspace.exports.clone()]) {
        not.push(format!("the disk of {} is full", path(&place)));
    }
    let states: Vec<_> = places(folder).unwrap_or_default();
    let states: Vec<_> = states.iter().filter(|place| place.lives && place.watches).map(read_state).collect();
    let known: Vec<_> = states.iter().flatten().collect();
    if states.is_empty() || known.len() == states.len() && silent(&known, folder, Utc::now()).len() == states.len() {
        not.push(format!("nobody watches {}", path(folder)));
    }
    if known.iter().any(|state| state.trouble.is_some()) {
        not.push("files wait: something keeps the program from loading".to_owned());
    }
    Ready { ready: not.is_empty(), not }
}
