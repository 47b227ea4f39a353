//! All that a load needs, and none of what else the program has.

use std::path::PathBuf;
use std::sync::Arc;

use super::deletion_log::DeletionLog;
use super::order::Order;
use super::tries::Tries;
use crate::alert::Alerts;
use crate::archive::Archive;
use crate::catalog::{Catalog, Workspace};
use crate::format::Limits;
use crate::warehouse::Warehouse;

/// What loads are done with.
pub struct Loader {
    /// The database that takes the rows.
    pub warehouse: Arc<dyn Warehouse>,
    /// Its catalog.
    pub catalog: Catalog,
    /// The folder of the SQL files: the views that they make can be made again.
    pub sql: PathBuf,
    /// The folder of results and rejects.
    pub exports: PathBuf,
    /// Limits of what comes out of a compressed file.
    pub limits: Limits,
    /// The files in hand, in the order in which they get their numbers.
    pub order: Arc<Order>,
    /// The loads that are tried again.
    pub tries: Tries,
    /// The notes of the files that were deleted.
    pub deletions: DeletionLog,
    /// The people who are told.
    pub alerts: Alerts,
    /// The place of loaded files that are kept.
    pub archive: Arc<Archive>,
}

impl Loader {
    /// Loads into this project out of the folder `imports`; nobody is told, and no file is kept.
    pub fn new(workspace: &Workspace, imports: &std::path::Path) -> Loader {
        let Workspace { warehouse, catalog, sql, exports } = workspace.clone();
        Loader {
            warehouse,
            catalog,
            sql,
            exports,
            limits: Limits::default(),
            order: Arc::default(),
            tries: Tries::default(),
            deletions: DeletionLog::of(imports),
            alerts: Alerts::default(),
            archive: Arc::default(),
        }
    }
}
