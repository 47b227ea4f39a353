//! `app`, `app --watch [DIR]`: the daemon, and the server of its API.

use std::path::PathBuf;

use super::End;
use crate::daemon::{self, Until};
use crate::http::Server;
use crate::settings::Settings;

/// Runs until the signal to stop; `is_open` lets the API be called without a token.
pub(super) async fn run(settings: Settings, folder: Option<PathBuf>, is_open: bool) -> anyhow::Result<End> {
    let folder = folder.unwrap_or_else(|| settings.folders.imports_dir.clone());
    let (halt, ending) = tokio::sync::watch::channel(false);
    let Some(server) = Server::listen(&settings, &folder, is_open, ending).await? else {
        daemon::run(&settings, &folder, Until::Signal, |_, _| {}).await?;
        return Ok(End::Done);
    };
    let (behind, stopping) = (server.behind(), halt.clone());
    let serving = tokio::spawn(server.serve());
    let built = |app: &_, mut halted: tokio::sync::watch::Receiver<bool>| {
        behind.begin(app);
        tokio::spawn(async move {
            let _ = halted.wait_for(|halted| *halted).await;
            let _ = stopping.send(true);
        });
    };
    let done = Box::pin(daemon::run(&settings, &folder, Until::Signal, built)).await;
    // Where the database never answered, nobody has told it.
    let _ = halt.send(true);
    let _ = serving.await;
    done?;
    Ok(End::Done)
}
