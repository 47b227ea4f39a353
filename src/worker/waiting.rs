//! What lies in the folder and is not loaded, for how long, and why: as far as the folder itself tells, whoever watches it.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::look::look;
use crate::source::{Stamp, Writer, writer};

/// A file that is not loaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// Its name.
    pub file: String,
    /// Since when nobody has touched it, or since when it waits where that is known.
    pub since: DateTime<Utc>,
    /// Why, in words.
    pub why: String,
    /// Whether it is to be loaded.
    pub is_ours: bool,
    /// Whether a person is to look at it when it waits for long.
    #[serde(skip)]
    pub counts: bool,
}

/// What lies in the folder, by name; `claims` tells names that a plugin claims.
///
/// # Errors
/// When the folder cannot be read.
pub fn waiting(folder: &Path, claims: &dyn Fn(&str) -> bool) -> io::Result<Vec<Waiting>> {
    let seen = look(folder, claims)?;
    let waiting = seen.into_iter().filter_map(|seen| {
        let path = folder.join(&seen.name);
        // A folder, a link and the like are no files that wait.
        let stamp = Stamp::of(&path)?;
        let file = seen.name.to_string_lossy().into_owned();
        let counts = !file.starts_with('.');
        let why = why_waiting(&path, seen.left);
        let since = Utc::now() - stamp.age();
        Some(Waiting { file, since, why, is_ours: seen.left.is_none(), counts })
    });
    Ok(waiting.collect())
}

/// Why a file waits, as far as it tells itself; `left` says why it is left where it is.
pub(super) fn why_waiting(path: &Path, left: Option<&str>) -> String {
    match left {
        Some(why) => format!("left where it is: {}", why.split(" (").next().unwrap_or(why)),
        None if writer(path) == Writer::Open => "open for writing".to_owned(),
        None => "settling, or waiting for its turn".to_owned(),
    }
}
