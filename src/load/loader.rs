//! The dependencies of a load, and none of the rest of the program.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::deletion_log::DeletionLog;
use super::order::Order;
use super::tries::Tries;
use crate::alert::Alerts;
use crate::archive::Archive;
use crate::catalog::{Catalog, Workspace};
use crate::clock::Clock;
use crate::format::Limits;
use crate::warehouse::Warehouse;

/// Dependencies of loads.
pub struct Loader {
    /// Clock of its pauses, leases and times.
    pub clock: Clock,
    /// Database that takes the rows.
    pub warehouse: Arc<dyn Warehouse>,
    /// Its catalog.
    pub catalog: Catalog,
    /// Folder of the SQL files, whose views can be made again.
    pub sql: PathBuf,
    /// The folder of results and rejects.
    pub exports: PathBuf,
    /// Limits for the contents of a compressed file.
    pub limits: Limits,
    /// Files in hand, in the order in which they get their numbers.
    pub order: Arc<Order>,
    /// Tables without an index over a key, as far as this program has looked: none has to be dropped where files are appended.
    pub keyless: Mutex<HashSet<String>>,
    /// State of repeated loads.
    pub tries: Tries,
    /// Deletion log of the folder.
    pub deletions: DeletionLog,
    /// Recipients of alerts.
    pub alerts: Alerts,
    /// Archive of loaded files that are kept.
    pub archive: Arc<Archive>,
    /// Name of the database, if it is not the project's own: windows of plugins that name it are loaded, and nothing else.
    pub destination: Option<String>,
}

impl Loader {
    /// Loader into another database, called `destination`, for what plugins send there. It has no alerts of its own.
    pub fn beside(&self, warehouse: Arc<dyn Warehouse>, imports: &std::path::Path, destination: String) -> Loader {
        let mut workspace = Workspace::new(warehouse, self.sql.clone(), self.exports.clone());
        workspace.catalog = workspace.catalog.by(self.clock.clone());
        let (limits, archive) = (self.limits, Arc::clone(&self.archive));
        Loader { limits, archive, destination: Some(destination), ..Loader::new(&workspace, imports) }
    }

    /// Loader into this project out of the folder `imports`; without alerts or an archive.
    pub fn new(workspace: &Workspace, imports: &std::path::Path) -> Loader {
        let Workspace { warehouse, catalog, sql, exports } = workspace.clone();
        let clock = catalog.clock().clone();
        Loader {
            clock: clock.clone(),
            warehouse,
            catalog,
            sql,
            exports,
            limits: Limits::default(),
            order: Arc::default(),
            keyless: Mutex::default(),
            tries: Tries::new(clock),
            deletions: DeletionLog::of(imports),
            alerts: Alerts::default(),
            archive: Arc::default(),
            destination: None,
        }
    }
}
