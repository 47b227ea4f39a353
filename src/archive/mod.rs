//! The archive: a file whose rows are committed is deleted, or kept in a folder or an object store. No file is deleted
//! before its copy elsewhere was read back and found to be the same, and only files that the archive put there are
//! purged.

mod folder;
#[cfg(feature = "s3")]
mod store;

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tracing::{info, warn};
use url::Url;

use crate::clock::Clock;
use crate::source::ClaimedFile;
use crate::text::nearest;

/// Interval of purges.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// Rule for a loaded file. Of several that its parts ask for, the greatest counts: the one that keeps most.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnSuccess {
    /// Delete it.
    #[default]
    Delete,
    /// Keep it for so many days in the folder `ARCHIVE`.
    Keep(u16),
    /// Keep it in this place, or else in the one of `ARCHIVE`.
    Archive(Option<Place>),
}

/// Place of kept files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// An object store: `s3://bucket/prefix`.
    Store(Url),
}

impl FromStr for OnSuccess {
    type Err = String;

    /// Reads `delete`, `archive` or `keep N days`.
    fn from_str(text: &str) -> Result<OnSuccess, String> {
        let lower = text.to_ascii_lowercase();
        match *lower.split_whitespace().collect::<Vec<_>>() {
            ["delete"] => Ok(OnSuccess::Delete),
            ["archive"] => Ok(OnSuccess::Archive(None)),
            ["keep", days, "day" | "days"] => match days.parse() {
                Ok(days) if days > 0 => Ok(OnSuccess::Keep(days)),
                _ => Err(format!("{text:?}: a number of days from 1 to {} is expected", u16::MAX)),
            },
            _ => {
                let hint = nearest(&lower, ["delete", "archive", "keep 7 days"].into_iter());
                Err(format!("{text:?} is neither delete nor archive nor keep N days{hint}"))
            }
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        if !text.contains("://") {
            return Ok(Place::Folder(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|error| format!("{text:?} is no address: {error}"))?;
        match (url.scheme(), url.host_str()) {
            ("s3", Some(_)) if !cfg!(feature = "s3") => Err("this program was built without the feature s3".to_owned()),
            ("s3", Some(_)) if url.username().is_empty() && url.query().is_none() => Ok(Place::Store(url)),
            // The text is not shown: there may be a secret in it.
            _ => Err(
                "a folder or s3://bucket/prefix is expected, with keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    .to_owned(),
            ),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Folder(path) => write!(f, "{}", path.display()),
            Place::Store(url) => write!(f, "{url}"),
        }
    }
}

/// Disposes of loaded files.
pub struct Archive {
    on_success: OnSuccess,
    place: Place,
    #[cfg(feature = "s3")]
    stores: store::Stores,
}

impl Default for Archive {
    fn default() -> Self {
        Archive::new(OnSuccess::Delete, Place::Folder(PathBuf::from("archive")), Vec::new())
    }
}

impl Archive {
    /// Archive with the default rule and place of files; `keys` are the settings of object stores, `AWS_...`.
    #[cfg_attr(not(feature = "s3"), expect(unused_variables))]
    pub fn new(on_success: OnSuccess, place: Place, keys: Vec<(String, String)>) -> Archive {
        Archive {
            on_success,
            place,
            #[cfg(feature = "s3")]
            stores: store::Stores::new(keys),
        }
    }

    /// Checks that the rule can be followed.
    ///
    /// # Errors
    /// The obstacle, in words.
    pub fn check(&self, asked: Option<&OnSuccess>) -> Result<(), String> {
        let place = match asked.unwrap_or(&self.on_success) {
            OnSuccess::Keep(_) if matches!(self.place, Place::Store(_)) => {
                return Err(format!(
                    "keep N days needs a folder, and ARCHIVE is {}: say archive, and let a rule of the bucket expire what is in it",
                    self.place
                ));
            }
            OnSuccess::Archive(place) => place.as_ref().unwrap_or(&self.place),
            OnSuccess::Delete | OnSuccess::Keep(_) => return Ok(()),
        };
        match place {
            #[cfg(feature = "s3")]
            Place::Store(url) => self.stores.open(url).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// The rule for a file, with the default for none.
    pub fn asked(&self, asked: Option<&OnSuccess>) -> OnSuccess {
        asked.unwrap_or(&self.on_success).clone()
    }

    /// Keeps a file whose rows are committed, if its rule says so; returns its place. After that it may be deleted.
    ///
    /// # Errors
    /// A file that cannot be kept; it stays claimed, to be tried again.
    pub async fn keep(&self, file: &ClaimedFile, what: &OnSuccess, clock: &Clock) -> io::Result<Option<String>> {
        let (place, days) = match what {
            // A file that is gone was kept before.
            _ if !file.is_there()? => return Ok(None),
            OnSuccess::Delete => return Ok(None),
            OnSuccess::Archive(Some(place)) => (place, None),
            OnSuccess::Archive(None) => (&self.place, None),
            OnSuccess::Keep(days) => (&self.place, Some(*days)),
        };
        let kept_as = match place {
            Place::Folder(folder) => {
                let (dir, name, folder, opened) = (file.dir()?, file.os_name(), folder.clone(), file.open()?);
                let days = days.map(|days| (days, clock.utc()));
                let kept = tokio::task::spawn_blocking(move || folder::keep(&dir, &name, opened, &folder, days));
                kept.await.map_err(io::Error::other)??.display().to_string()
            }
            #[cfg(feature = "s3")]
            Place::Store(url) => self.stores.keep(file.open()?, &file.name(), url).await?,
            #[cfg(not(feature = "s3"))]
            Place::Store(url) => return Err(io::Error::other(format!("{url}: built without the feature s3"))),
        };
        info!(file.path = file.name(), kept_as, "kept");
        Ok(Some(kept_as))
    }

    /// Deletes files whose days are over; one that cannot be deleted is tried again next time.
    pub async fn purge(&self, clock: &Clock) {
        let Place::Folder(folder) = self.place.clone() else { return };
        let shown = folder.display().to_string();
        let now = clock.utc().timestamp();
        match tokio::task::spawn_blocking(move || folder::purge(&folder, now)).await.map_err(io::Error::other) {
            Ok(Ok(0)) => {}
            Ok(Ok(files)) => info!(folder = shown, files, "purged what was kept long enough"),
            Ok(Err(error)) | Err(error) => warn!(folder = shown, "cannot purge what was kept long enough: {error}"),
        }
    }

    /// Purges now and every hour.
    pub async fn purge_for_ever(&self, clock: &Clock) {
        loop {
            self.purge(clock).await;
            clock.sleep(PURGE_EVERY).await;
        }
    }
}
