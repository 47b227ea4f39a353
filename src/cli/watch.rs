//! `app`, `app --watch [DIR]`: the daemon.

use std::path::PathBuf;

use super::End;
use crate::daemon::{self, Until};
use crate::settings::Settings;

pub(super) async fn run(settings: Settings, folder: Option<PathBuf>) -> anyhow::Result<End> {
    let folder = folder.unwrap_or_else(|| settings.folders.imports_dir.clone());
    daemon::run(&settings, &folder, Until::Signal).await?;
    Ok(End::Done)
}
