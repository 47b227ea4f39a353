//! Places that may not lie in each other. A file in the watched folder may be loaded and deleted, and other users may
//! write there.

use std::path::{Component, Path, PathBuf};

use super::Settings;
use crate::archive::Place;

/// The reason why a folder cannot be watched with these settings, in words.
pub(super) fn why_not_watched(settings: &Settings, imports: &Path) -> Option<String> {
    let (shown, watched) = (imports.display(), real(imports));
    let folders = &settings.folders;
    let mut places = vec![
        ("EXPORTS_DIR", folders.exports_dir.clone()),
        ("LOGS_DIR", folders.logs_dir.clone()),
        ("SQL_DIR", folders.sql_dir.clone()),
        ("PLUGINS_DIR", folders.plugins_dir.clone()),
    ];
    if let Place::Folder(archive) = &settings.keeping.archive {
        places.push(("ARCHIVE", archive.clone()));
    }
    places.extend(database_file(&settings.database.database_url).map(|file| ("DATABASE_URL", file)));
    let inside: Vec<_> = places.iter().filter(|(_, place)| real(place).starts_with(&watched)).collect();
    match inside.as_slice() {
        [] => {}
        [(name, place)] => {
            return Some(format!(
                "{name}: {} is IMPORTS_DIR ({shown}) or lies in it, where files are loaded and deleted, and others may \
                 write: choose a place \
                 outside of it",
                place.display()
            ));
        }
        several => {
            let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
            return Some(format!(
                "IMPORTS_DIR: {shown} holds the places of {}, and what lies in it is loaded and deleted: choose a \
                 folder of its own for it, \
                 such as imports",
                names.join(", ")
            ));
        }
    }
    watched.starts_with(real(&folders.exports_dir)).then(|| {
        format!(
            "IMPORTS_DIR: {shown} lies in EXPORTS_DIR ({}), into which results are written: choose a folder outside of it",
            folders.exports_dir.display()
        )
    })
}

/// Path of an SQLite database's file.
pub(crate) fn database_file(address: &str) -> Option<PathBuf> {
    let path = address.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
}

/// The whole path, through existing links.
pub(crate) fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut real = PathBuf::new();
    for part in whole.components() {
        if part == Component::ParentDir {
            real.pop();
            continue;
        }
        real.push(part);
        real = real.canonicalize().unwrap_or(real);
    }
    real
}

/// True if the server of the database may ask for the password in clear: one elsewhere that need not speak TLS.
pub fn may_send_in_clear(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return false };
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return false;
    }
    let word = |names: &[&str]| {
        let mut pairs = url.query_pairs();
        pairs.find(|(name, _)| names.contains(&&**name)).map(|(_, value)| value.into_owned())
    };
    let host = word(&["host", "hostaddr"]).or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    let host = host.trim_matches(['[', ']']).replace("%2F", "/");
    let is_here = host.is_empty()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let mode = word(&["sslmode", "ssl-mode"]).map_or_else(|| "prefer".to_owned(), |mode| mode.to_lowercase());
    !is_here && matches!(mode.as_str(), "prefer" | "allow" | "disable")
}
