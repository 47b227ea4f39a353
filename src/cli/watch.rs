//! `app`, `app --watch [DIR]`: the daemon.

use std::path::PathBuf;

use super::End;
use crate::daemon::{self, Until, Usage};
use crate::settings::Settings;

pub(super) async fn run(settings: Settings, folder: Option<PathBuf>) -> anyhow::Result<End> {
    if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Usage(format!("there is no folder {}", folder.display())).into());
    }
    let folder = folder.unwrap_or_else(|| settings.folders.imports_dir.clone());
    daemon::run(&settings, &folder, Until::Signal).await?;
    Ok(End::Done)
}
