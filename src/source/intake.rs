//! The way of files that come by another way than the folder itself, to the program that watches it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::claimed::ClaimedFile;
use super::folder::Folder;

/// Files that were received for the program that watches the folder.
#[derive(Debug, Default)]
pub struct Intake {
    folder: Mutex<Option<Arc<Folder>>>,
    files: Mutex<Vec<ClaimedFile>>,
    arrived: Notify,
}

impl Intake {
    /// Files are received in this place from now on.
    pub fn open(&self, folder: &Arc<Folder>) {
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(folder));
    }

    /// No file is received any more.
    pub fn close(&self) {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The place in which files are received; `None` while nobody watches the folder, or it is not there.
    pub fn folder(&self) -> Option<Arc<Folder>> {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        folder.filter(|folder| folder.is_there())
    }

    /// Hands a received file over.
    pub fn give(&self, file: ClaimedFile) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        self.arrived.notify_one();
    }

    /// The files that were received since.
    pub fn take(&self) -> Vec<ClaimedFile> {
        std::mem::take(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there is one.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
