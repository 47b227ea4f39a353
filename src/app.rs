//! What is built once and handed to whoever works.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::alert::Alerts;
use crate::archive::Archive;
use crate::catalog::Catalog;
use crate::dataset::plugin::CurrentPlugins;
use crate::format::Limits;
use crate::load::journal::Journal;
use crate::load::order::Order;
use crate::load::tries::Tries;
use crate::settings::Settings;
use crate::sql::Table;
use crate::warehouse;
use crate::warehouse::{Warehouse, WarehouseError};

/// The warehouse, its ledger, and the folders.
pub struct App {
    /// Where rows go.
    pub warehouse: Arc<dyn Warehouse>,
    /// What happened.
    pub catalog: Catalog,
    /// Results and rejects.
    pub exports: PathBuf,
    /// The SQL files.
    pub sql: PathBuf,
    /// How files are read and where they go, where somebody has said so.
    pub plugins: CurrentPlugins,
    /// How much may come out of a compressed file.
    pub limits: Limits,
    /// The files in hand.
    pub order: Arc<Order>,
    /// The loads that are tried again.
    pub tries: Tries,
    /// The files that went.
    pub journal: Journal,
    /// Who tells people what needs them.
    pub alerts: Alerts,
    /// Lets loaded files go.
    pub archive: Arc<Archive>,
    /// Told of each file that was loaded.
    pub loaded: Notify,
}

impl App {
    /// Connects; changes nothing in the database.
    ///
    /// # Errors
    /// When the address is of no use or the database does not answer.
    pub async fn connect(settings: &Settings) -> Result<App, WarehouseError> {
        let warehouse = warehouse::connect(&settings.address()).await?;
        Ok(App {
            catalog: Catalog::new(warehouse.clone()),
            warehouse,
            exports: settings.folders.exports_dir.clone(),
            sql: settings.folders.sql_dir.clone(),
            plugins: CurrentPlugins::default(),
            limits: settings.archives.limits(),
            order: Arc::default(),
            tries: Tries::default(),
            journal: Journal::of(&settings.folders.imports_dir),
            alerts: Alerts::default(),
            archive: Arc::new(settings.archive()),
            loaded: Notify::new(),
        })
    }

    /// Rows of a load that are in its staging table now, none where there is no such table; read beside whoever writes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows_of(&self, table: &str, load: i64) -> Result<u64, WarehouseError> {
        let table = self.warehouse.names().table(&Table::staging(table));
        let sql = format!("select count(*) from {table} where _load_id = {load}");
        let mut rows = Vec::new();
        match self.warehouse.copy_out(&sql, &mut |row| rows.extend(row)).await {
            Ok(()) => Ok(rows.last().and_then(|count| count.as_deref()?.parse().ok()).unwrap_or(0)),
            // There is no such table.
            Err(WarehouseError::Refused(_)) => Ok(0),
            Err(error) => Err(error),
        }
    }
}
