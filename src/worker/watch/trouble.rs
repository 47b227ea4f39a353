//! The database while it takes no rows. It is well again with the next file that is loaded; where no file asks it, because
//! those that it had hurt are gone, or wait for another reason, it is asked by itself.

use std::ffi::OsStr;

use tokio::task::JoinError;
use tracing::{error, info};

use super::{TROUBLE, Watch};
use crate::alert::Kind;
use crate::load::takes_writes;
use crate::source::{ClaimedFile, Stamp};
use crate::warehouse::WarehouseError;
use crate::worker::backoff::Backoff;

impl Watch {
    /// Notes that the database did not take a file.
    pub(super) fn hurt(&mut self, name: &OsStr, why: &str) {
        self.hurt.insert(name.to_owned());
        self.wait(why);
    }

    /// Logs a database problem once, and waits longer each time.
    fn wait(&mut self, why: &str) {
        if Backoff::of(&mut self.trouble, why) {
            error!("{why}; files wait in the folder until that is fixed");
            self.app.loader.alerts.raise(
                Kind::Trouble,
                TROUBLE,
                why,
                "see to the database; files wait in the folder until then",
                None,
            );
        }
        self.state.trouble(Some(why));
    }

    pub(super) fn well_again(&mut self) {
        self.hurt.clear();
        if self.trouble.take().is_some() {
            self.state.trouble(None);
            info!("all is well again");
            self.app.loader.alerts.recover(Kind::Trouble, TROUBLE, "files are loaded again");
        }
    }

    /// Asks a troubled database by itself, if no file will.
    pub(super) fn ask_database(&mut self) {
        if self.trouble.is_none() || self.once || !self.probe.is_empty() {
            return;
        }
        let (path, claimed) = (&self.path, || self.in_hand.values().chain(&self.kept).chain(&self.leftovers));
        self.hurt.retain(|name| Stamp::of(&path.join(name)).is_some() || claimed().any(|file| is_named(file, name)));
        if self.hurt.is_empty() {
            let app = std::sync::Arc::clone(&self.app);
            self.probe.spawn(async move { takes_writes(&*app.workspace.warehouse).await });
        }
    }

    /// Sees that the database's files are in their place, before a file comes that needs them: three questions to the
    /// file system at each pass.
    pub(super) async fn see_database(&mut self) {
        if self.trouble.is_none()
            && let Err(error) = self.app.workspace.warehouse.is_there().await
        {
            self.wait(&error.to_string());
        }
    }

    /// Takes in the answer of [`Watch::ask_database`].
    pub(super) fn answered(&mut self, answer: Result<Result<(), WarehouseError>, JoinError>) {
        // A file may have been hurt meanwhile.
        match answer {
            Ok(Ok(())) if self.hurt.is_empty() => self.well_again(),
            Ok(Err(error)) if self.trouble.is_some() => self.wait(&error.to_string()),
            _ => {}
        }
    }
}

fn is_named(file: &ClaimedFile, name: &OsStr) -> bool {
    file.os_name() == name
}
