//! What is built once and handed to whoever works.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::alert::Alerts;
use crate::archive::Archive;
use crate::format::Limits;
use crate::journal::Journal;
use crate::ledger::{Ledger, LoadLine};
use crate::order::Order;
use crate::plugin::CurrentPlugins;
use crate::settings::Settings;
use crate::tries::Tries;
use crate::warehouse::{self, Scope, Table, Value, Warehouse, WarehouseError};

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
            ledger: Ledger::new(warehouse.clone()),
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

    /// Rows of a load that are in its table now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows_of(&self, load: &LoadLine) -> Result<u64, WarehouseError> {
        let mut transaction = self.warehouse.begin(Scope::Load).await?;
        let table = Table::staging(&load.dataset);
        if transaction.columns(&table).await?.is_empty() {
            return Ok(0);
        }
        let table = self.warehouse.names().table(&table);
        let sql = format!("select count(*) from {table} where _load_id = $1");
        let rows = transaction.query(&sql, &[Value::from(load.id)]).await?;
        Ok(rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()).unwrap_or(0))
    }

    /// The views that `app --analysis` makes: they can be made again.
    pub fn own_views(&self) -> Vec<Table> {
        let files = std::fs::read_dir(self.sql.join("analysis")).into_iter().flatten().flatten();
        let sql = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "sql"));
        sql.filter_map(|path| Some(Table::datawarehouse(path.file_stem()?.to_str()?))).collect()
    }
}
