//! What is built once and handed to whoever works.

use std::path::PathBuf;
use std::sync::Arc;

use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::warehouse::{self, Warehouse, WarehouseError};

/// The warehouse, its ledger, and the folders.
pub struct App {
    /// Where rows go.
    pub warehouse: Arc<dyn Warehouse>,
    /// What happened.
    pub ledger: Ledger,
    /// Results and rejects.
    pub exports: PathBuf,
    /// The SQL files.
    pub sql: PathBuf,
}

impl App {
    /// Connects; changes nothing in the database.
    ///
    /// # Errors
    /// When the address is of no use or the database does not answer.
    pub async fn connect(settings: &Settings) -> Result<App, WarehouseError> {
        let warehouse = warehouse::connect(&settings.address()).await?;
        Ok(App {
            ledger: Ledger::new(warehouse.clone()),
            warehouse,
            exports: settings.folders.exports_dir.clone(),
            sql: settings.folders.sql_dir.clone(),
        })
    }
}
