//! Connects to a database: the project's own, or one that a plugin sends its rows to. What it lacks is made, or named.

use std::sync::Arc;

use crate::app::App;
use crate::catalog::Catalog;
use crate::settings::Settings;
use crate::warehouse::{self, Address, Warehouse, WarehouseError, with_grants};

/// A wrong setting or usage: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Connects and makes missing parts, or, where nothing is to be made (`INIT_DB=false`), names them.
///
/// # Errors
/// [`Usage`] if a setting is invalid or a part is missing, else the database's error.
pub async fn connected(address: &Address) -> anyhow::Result<Arc<dyn Warehouse>> {
    let warehouse = warehouse::connect(address).await.map_err(usage)?;
    complete(&*warehouse, address.create).await?;
    Ok(warehouse)
}

/// Makes missing parts of a database, or, where nothing is to be made, names them.
///
/// # Errors
/// As [`connected`].
pub async fn complete(warehouse: &dyn Warehouse, may_make: bool) -> anyhow::Result<()> {
    if may_make {
        return prepare(warehouse).await;
    }
    let missing = warehouse.missing().await?;
    missing.refuse_taken()?;
    if missing.to_make.is_empty() {
        return Ok(());
    }
    let list = missing.to_make.join(", ");
    let address = warehouse.address();
    Err(Usage(format!("INIT_DB is false, and missing in {address}: {list}; start once with INIT_DB=true")).into())
}

/// Makes the schemas and the catalog.
///
/// # Errors
/// [`Usage`] if the role may not, else the database's error.
pub async fn prepare(warehouse: &dyn Warehouse) -> anyhow::Result<()> {
    let Err(error) = warehouse.prepare().await else { return Ok(()) };
    let what = format!("cannot make the schemas in {}", warehouse.address());
    let error = with_grants(warehouse, &Catalog::tables(), error).await;
    Err(match error {
        WarehouseError::MakesNoSchemas(_) => {
            Usage(format!("{what}: {error}; grant create on the database to the user, or make the schemas for it"))
                .into()
        }
        WarehouseError::Newer(..) | WarehouseError::Incomplete(_) => error.into(),
        error => anyhow::Error::from(error).context(what),
    })
}

/// An error of a connection, as wrong usage where a setting is at fault.
pub fn usage(error: WarehouseError) -> anyhow::Error {
    match error {
        WarehouseError::Address(_) => Usage(error.to_string()).into(),
        WarehouseError::Missing(path) => {
            Usage(format!("there is no file {path}, and INIT_DB=false makes none: start once with INIT_DB=true")).into()
        }
        other => other.into(),
    }
}

/// Connects and makes missing parts, or, with `INIT_DB=false`, names them.
///
/// # Errors
/// [`Usage`] if a setting is invalid or a part is missing, else the database's error.
pub async fn connect(settings: &Settings) -> anyhow::Result<App> {
    Ok(App::builder(settings).build(connected(&settings.address()).await?))
}

/// Connects to an existing warehouse, also to one that takes no writes, and makes nothing.
///
/// # Errors
/// [`Usage`] if there is none yet, else the database's error.
pub async fn look(settings: &Settings) -> anyhow::Result<App> {
    let mut settings = settings.clone();
    settings.database.init_db = false;
    let nothing = |address: &str| Usage(format!("there is no warehouse in {address} yet: start app, or app --once"));
    let warehouse = match warehouse::connect(&Address { reads: true, ..settings.address() }).await {
        Err(WarehouseError::Missing(_)) => return Err(nothing(&settings.database.database_url).into()),
        done => done.map_err(usage)?,
    };
    let missing = warehouse.missing().await?;
    missing.refuse_taken()?;
    if !missing.to_make.is_empty() {
        return Err(match missing.has_catalog {
            true => WarehouseError::Unready(warehouse.address().to_owned(), missing.to_make.join(", ")).into(),
            false => nothing(warehouse.address()).into(),
        });
    }
    Ok(App::builder(&settings).build(warehouse))
}
