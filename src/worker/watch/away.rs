//! The folder while it is not there, and its return.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, error, info};

use super::Watch;
use crate::alert::Kind;
use crate::source::Folder;
use crate::text::rights::explain_folder;
use crate::worker::absent::Absent;
use crate::worker::backoff::Backoff;
use crate::worker::state::StateFile;

impl Watch {
    /// Takes a place in a folder that was made again or mounted; returns true if it is there.
    pub(super) fn open_again(&mut self) -> bool {
        match Folder::open(&self.path) {
            Ok(folder) => {
                self.state = StateFile::new(folder.root(), folder.home(), &self.app.workspace.exports);
                self.folder = Arc::new(folder);
                self.app.intake.open(&self.folder);
                self.candidates.clear();
                true
            }
            Err(error) => {
                self.miss(error);
                false
            }
        }
    }

    pub(super) fn find_again(&mut self) {
        if self.away.take().is_some() {
            self.absent = None;
            self.state.trouble(self.trouble.as_ref().map(Backoff::why));
            self.missed.leave(|_| false, Instant::now());
            if !std::mem::take(&mut self.told_away) {
                return;
            }
            info!(folder = %self.path.display(), "watching the folder that is there now");
            self.app.loader.alerts.recover(
                Kind::Trouble,
                &self.path.display().to_string(),
                "the folder is there again",
            );
        }
    }

    pub(super) fn miss(&mut self, error: io::Error) {
        let is_shut = error.kind() == io::ErrorKind::PermissionDenied;
        let error = explain_folder(error, &self.path);
        let fix = if is_shut { "give its user the right, as the message says" } else { "make or mount it" };
        if Backoff::of(&mut self.away, &error.to_string())
            && let Some(often) = self.missed.comes(OsStr::new(&error.to_string()), Instant::now())
        {
            self.told_away = true;
            error!(folder = %self.path.display(), "cannot use the folder: {error}; waiting for it{often}");
            let (folder, why) = (self.path.display().to_string(), format!("cannot use the folder: {error}"));
            self.app.loader.alerts.raise(Kind::Trouble, &folder, &why, fix, None);
        }
        self.state.trouble(Some(&format!("cannot use the folder: {error}")));
        if self.absent.is_none() {
            let said = Absent::say(&self.app.workspace.exports, &self.state.snapshot());
            self.absent = said.map_err(|error| debug!(%error, "cannot write what app status shows")).ok();
        }
    }
}
