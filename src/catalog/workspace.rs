//! A project's database and folders, as a run of the star, a question or an export needs them.

use std::path::PathBuf;
use std::sync::Arc;

use super::Catalog;
use crate::warehouse::Warehouse;

/// A project's database and folders.
#[derive(Clone)]
pub struct Workspace {
    /// The database.
    pub warehouse: Arc<dyn Warehouse>,
    /// Its catalog.
    pub catalog: Catalog,
    /// The folder of the SQL files.
    pub sql: PathBuf,
    /// The folder of results and rejects.
    pub exports: PathBuf,
}

impl Workspace {
    /// A database with these folders.
    pub fn new(warehouse: Arc<dyn Warehouse>, sql: PathBuf, exports: PathBuf) -> Workspace {
        Workspace { catalog: Catalog::new(Arc::clone(&warehouse)), warehouse, sql, exports }
    }
}
