//! The right that the database's role lacks for a load: on its table, so that others go on, or for every load.

use super::{LoadError, Loader};
use crate::catalog::History;
use crate::dataset::{Dataset, Mode};
use crate::sql::Table;
use crate::warehouse::{Lacking, WarehouseError};

/// Error of a load that the database refused to its role with the words `why`, outside of the catalog's own tables.
pub(crate) async fn denied(loader: &Loader, dataset: &Dataset, why: String) -> LoadError {
    let (names, table) = (loader.warehouse.names(), Table::staging(&dataset.table));
    let shown = names.shown(&table);
    let (tables, rights): (_, &[&str]) = match dataset.mode {
        Mode::Append => (vec![table], &["select", "insert"]),
        Mode::Replace => (vec![table], &["select", "insert", "delete"]),
        Mode::Upsert => {
            let kept = History::of(names, &table).kept().clone();
            (vec![table, kept], &["select", "insert", "update", "delete"])
        }
    };
    match loader.warehouse.lacking(&tables, rights).await {
        Ok(lacking) if lacking.of_all.is_empty() => LoadError::Denied { table: shown, why, fix: lacking.fix() },
        Ok(lacking) => WarehouseError::Barred(format!("{why}: {}", lacking.of_all.join("; "))).into(),
        // Without an answer it is not known whom it concerns.
        Err(error) if error.is_transient() => error.into(),
        // No fault of the file in any case.
        Err(_) => LoadError::Denied { table: shown, why, fix: Lacking::default().fix() },
    }
}
