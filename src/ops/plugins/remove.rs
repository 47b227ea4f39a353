//! A plugin is taken away: its folder. Its table and its checkpoint stay.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::dataset::plugin::Listed;
use crate::text::shown::path as shown_path;

/// A plugin that is to be taken away.
#[derive(Debug, Serialize)]
pub struct Removal {
    /// The plugin.
    pub name: String,
    /// Its table, if it is known.
    pub table: Option<String>,
    /// Its folder.
    pub folder: PathBuf,
    /// Names of all that lies in it.
    pub files: Vec<String>,
}

/// What would go with a plugin; takes nothing away.
///
/// # Errors
/// A folder that cannot be read.
pub fn removal(plugin: &Listed) -> anyhow::Result<Removal> {
    let folder = plugin.path.parent().context("a plugin has a folder")?.to_owned();
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", shown_path(&folder)))?;
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut files = entries.map(name).collect::<std::io::Result<Vec<_>>>()?;
    files.sort_unstable();
    Ok(Removal { name: plugin.name.clone(), table: plugin.table.clone(), folder, files })
}

impl Removal {
    /// Takes the folder away: whoever reads the plugins meanwhile sees all of it or nothing. Of a link, only the link goes.
    ///
    /// # Errors
    /// A folder that cannot be moved or deleted.
    pub fn remove(&self) -> anyhow::Result<()> {
        let failed = || format!("cannot take {} away", shown_path(&self.folder));
        if fs::symlink_metadata(&self.folder).with_context(failed)?.is_symlink() {
            return fs::remove_file(&self.folder).with_context(failed);
        }
        let above = self.folder.parent().unwrap_or_else(|| Path::new("."));
        let beside = tempfile::Builder::new().prefix(".removing-").tempdir_in(above).with_context(failed)?;
        fs::rename(&self.folder, beside.path().join("plugin")).with_context(failed)?;
        beside.close().with_context(failed)
    }
}
