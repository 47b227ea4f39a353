//! The question whether a database takes writes, asked by a write of its own that leaves nothing behind.

use crate::sql::{Table, TableColumn, TableDef};
use crate::warehouse::{Scope, Warehouse, WarehouseError, with_grants};

/// Makes a table in staging, drops it and commits: nothing less reaches the disk, or a server that is read-only.
///
/// # Errors
/// The error of the database, and [`WarehouseError::Incomplete`] if parts of the catalog are missing.
pub async fn takes_writes(warehouse: &dyn Warehouse) -> Result<(), WarehouseError> {
    warehouse.is_there().await?;
    warehouse.missing().await?.refuse_any()?;
    let names = warehouse.names();
    let table = Table::staging(&format!("sluice_probe_{}", std::process::id()));
    let def = TableDef::new(table, [TableColumn::new("n", "bigint")]);
    let mut transaction = warehouse.begin(Scope::Load).await?;
    if let Err(error) = transaction.execute(&names.create_table(&def), &[]).await {
        drop(transaction);
        return Err(with_grants(warehouse, &[def.table], error).await);
    }
    transaction.execute(&format!("drop table {}", names.table(&def.table)), &[]).await?;
    transaction.commit().await
}
