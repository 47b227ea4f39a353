//! Connects to a database: the project's own, or one that a plugin sends its rows to. What it lacks is made, or named.

use std::sync::Arc;

use crate::catalog::Catalog;
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
