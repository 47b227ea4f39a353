//! The files in the folder that are not loaded, with age and reason, as far as the folder itself tells without its
//! watcher.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use serde::Serialize;

use super::look::look;
use crate::source::{Stamp, Writer, writer};
use crate::text::rights::explain;

/// The reason of a file that nothing but time keeps from being loaded.
pub const IN_TURN: &str = "settling, or waiting for its turn";

/// A file that is not loaded.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Waiting {
    /// The name in the folder.
    pub file: String,
    /// The time of the last change, or the beginning of the wait where it is known.
    pub since: DateTime<Utc>,
    /// The reason, in words.
    pub why: String,
    /// True if it is to be loaded.
    pub is_ours: bool,
    /// True if it needs a person after a long wait.
    #[serde(skip)]
    pub counts: bool,
}

/// Returns the entries of the folder by name; `claims` returns true for names that a plugin claims.
///
/// # Errors
/// When the folder cannot be read.
pub fn waiting(folder: &Path, claims: &dyn Fn(&str) -> bool) -> io::Result<Vec<Waiting>> {
    let seen = look(folder, claims)?;
    let waiting = seen.into_iter().filter_map(|seen| {
        let path = folder.join(&seen.name);
        let file = seen.name.to_string_lossy().into_owned();
        let stamp = Stamp::of(&path);
        // Folders, links and the like are no files that wait: they are named, and no more.
        let counts = stamp.is_some() && !file.starts_with('.');
        let why = why_waiting(&path, seen.left);
        let since = match stamp {
            Some(stamp) => Utc::now() - stamp.age(),
            None => path.symlink_metadata().and_then(|meta| meta.modified()).ok()?.into(),
        };
        Some(Waiting { file, since, why, is_ours: seen.left.is_none(), counts })
    });
    Ok(waiting.collect())
}

/// Returns the reason for a file's wait, as far as the file tells; `left` is the reason why it is left alone.
pub(super) fn why_waiting(path: &Path, left: Option<&str>) -> String {
    match left {
        Some(why) => format!("left where it is: {}", why.split(" (").next().unwrap_or(why)),
        None if access(path, Access::READ_OK) == Err(Errno::ACCESS) => {
            format!("cannot be read: {}", explain(io::ErrorKind::PermissionDenied.into(), path))
        }
        None if writer(path) == Writer::Open => "open for writing".to_owned(),
        None => IN_TURN.to_owned(),
    }
}
