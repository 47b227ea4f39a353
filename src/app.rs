//! The parts of the program, made once out of settings and a database, and always complete.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OnceCell};

use crate::alert::Alerts;
use crate::archive::Archive;
use crate::catalog::Workspace;
use crate::clock::Clock;
use crate::dataset::plugin::{CurrentPlugins, Plugins};
use crate::format::Limits;
use crate::load::Loader;
use crate::settings::Settings;
use crate::source::Intake;
use crate::warehouse::{Address, Warehouse};

/// The program.
pub struct App {
    /// The database and the folders.
    pub workspace: Workspace,
    /// The path of its loads.
    pub loader: Loader,
    /// The current plugins.
    pub plugins: CurrentPlugins,
    /// Files that come over the network.
    pub intake: Intake,
    /// Notified of each file that was loaded.
    pub loaded: Notify,
    /// Address of the database by the settings.
    pub address: Address,
    /// Loaders into other databases, by their identity, each with connections of its own.
    pub destinations: Mutex<HashMap<String, Arc<OnceCell<Arc<Loader>>>>>,
}

impl App {
    /// Begins with the settings; plugins, alerts and another folder to load from can be added.
    pub fn builder(settings: &Settings) -> Builder {
        let folders = &settings.folders;
        Builder {
            sql: folders.sql_dir.clone(),
            exports: folders.exports_dir.clone(),
            imports: folders.imports_dir.clone(),
            address: settings.address(),
            limits: settings.archives.limits(),
            archive: Arc::new(settings.archive()),
            alerts: Alerts::default(),
            plugins: CurrentPlugins::default(),
            clock: Clock::default(),
        }
    }

    /// Closes the connections, those to other databases too.
    pub async fn close(&self) {
        let others: Vec<_> = {
            let mut known = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
            known.drain().filter_map(|(_, cell)| cell.get().cloned()).collect()
        };
        for other in others {
            other.warehouse.close().await;
        }
        self.workspace.warehouse.close().await;
    }
}

/// The parts of an [`App`] to be.
pub struct Builder {
    sql: PathBuf,
    exports: PathBuf,
    imports: PathBuf,
    address: Address,
    limits: Limits,
    archive: Arc<Archive>,
    alerts: Alerts,
    plugins: CurrentPlugins,
    clock: Clock,
}

impl Builder {
    /// Loads out of this folder.
    #[must_use]
    pub fn imports(self, imports: impl Into<PathBuf>) -> Builder {
        Builder { imports: imports.into(), ..self }
    }

    /// Reads files by these plugins.
    #[must_use]
    pub fn plugins(self, plugins: Plugins) -> Builder {
        Builder { plugins: plugins.into(), ..self }
    }

    /// Sends alerts by these ways.
    #[must_use]
    pub fn alerts(self, alerts: Alerts) -> Builder {
        Builder { alerts, ..self }
    }

    /// Decompresses and decodes within these limits.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Builder {
        Builder { limits, ..self }
    }

    /// Keeps loaded files in this archive.
    #[must_use]
    pub fn archive(self, archive: Arc<Archive>) -> Builder {
        Builder { archive, ..self }
    }

    /// Goes by this clock.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Builder {
        Builder { clock, ..self }
    }

    /// Builds the program over a connected database.
    pub fn build(self, warehouse: Arc<dyn Warehouse>) -> App {
        let Builder { sql, exports, imports, address, limits, archive, alerts, plugins, clock } = self;
        let mut workspace = Workspace::new(warehouse, sql, exports);
        workspace.catalog = workspace.catalog.by(clock);
        let loader = Loader { limits, archive, alerts, ..Loader::new(&workspace, &imports) };
        let (intake, loaded, destinations) = (Intake::default(), Notify::new(), Mutex::default());
        App { workspace, loader, plugins, intake, loaded, address, destinations }
    }
}
