//! What is built once and handed to whoever works.

use std::path::PathBuf;
use std::sync::Arc;

use crate::format::Limits;
use crate::ledger::Ledger;
use crate::plugin::Plugins;
use crate::settings::Settings;
use crate::warehouse::{self, Table, Warehouse, WarehouseError};

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
    /// How files are read and where they go, where somebody has said so.
    pub plugins: Plugins,
    /// How much may come out of a compressed file.
    pub limits: Limits,
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
            plugins: Plugins::default(),
            limits: settings.archives.limits(),
        })
    }

    /// The views that `app --analysis` makes: they can be made again.
    pub fn own_views(&self) -> Vec<Table> {
        let files = std::fs::read_dir(self.sql.join("analysis")).into_iter().flatten().flatten();
        let sql = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "sql"));
        sql.filter_map(|path| Some(Table::datawarehouse(path.file_stem()?.to_str()?))).collect()
    }
}
