//! Retraction of a load: in one transaction its rows leave staging, the rows that it replaced come back, and the ledger
//! records it. It is noted beside the folder's deletes, too: a restored database would have the load back. The result
//! is as if the file had never come, or nothing happens and the reason is told.

use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use super::Loader;
use super::deletion_log::{DELETED, DeletionRecord};
use crate::catalog::staged::is_empty;
use crate::catalog::{History, KEPT};
use crate::catalog::{LaterLoad, LoadLine, LoadStatus, column_names};
use crate::source::Position;
use crate::sql::Table;
use crate::warehouse::{Scope, Transaction, WarehouseError};

/// Outcome of a retraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Retraction {
    /// The load.
    pub load: i64,
    /// Name of its input.
    pub source: String,
    /// The staging table.
    pub table: String,
    /// True if its rows had been taken out before: nothing happened now.
    pub already: bool,
    /// True if its rows were lost, with a table dropped or emptied by hand: none left the table now.
    pub was_lost: bool,
    /// Rows that left the table.
    pub rows_removed: u64,
    /// Rows that are again as they were before the load.
    pub rows_restored: u64,
    /// True if the table has no row left.
    pub table_is_empty: bool,
    /// Plugin whose source it was pulled from; no file has its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulled_by: Option<String>,
    /// Load whose rows this one's had replaced as a whole: they do not come back.
    pub had_replaced: Option<i64>,
    /// Dimensions out of whose history the next run takes it; given where a later load had replaced its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remembered_by: Option<Vec<String>>,
}

/// Reason why a load's rows stay.
#[derive(Debug, thiserror::Error)]
pub enum RetractError {
    /// No load of this number.
    #[error("there is no load {0}: see app loads")]
    Unknown(i64),
    /// A load without rows.
    #[error("load {load} brought no rows: {why}")]
    NoRows {
        /// The load.
        load: i64,
        /// Reason in words.
        why: String,
    },
    /// A later load without which the table's state is not known.
    #[error(
        "load {load} cannot be taken back alone: load {later} came after it and {why}; retract {order} first, in this order, and \
         drop their files into the folder again then"
    )]
    Later {
        /// The load.
        load: i64,
        /// The later load.
        later: i64,
        /// Its effect.
        why: &'static str,
        /// All loads to retract before, in their order.
        order: String,
    },
    /// An old load, whose replaced rows are no longer kept.
    #[error("load {load} is older than {days} days: what its rows had replaced is no longer kept")]
    TooOld {
        /// The load.
        load: i64,
        /// Retention of replaced rows.
        days: u64,
    },
    /// A retraction that cannot be noted.
    #[error(
        "nothing was retracted: it cannot be noted in {DELETED} of the imports folder, and a restored backup would have the load \
         back: {0}; fix that, or run it as the user that Sluice runs as"
    )]
    Unnoted(std::io::Error),
    /// Error of the database.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// Wait for the load that has the table.
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes the load's rows back; without `really` only counts them.
///
/// # Errors
/// An unknown load, one without rows, or a table whose state without the load is not known: nothing happened then.
pub async fn retract(loader: &Loader, load: i64, really: bool) -> Result<Retraction, RetractError> {
    let Some(line) = loader.catalog.load(load).await? else {
        return Err(RetractError::Unknown(load));
    };
    let mut transaction = loader.warehouse.begin(Scope::Load).await?;
    transaction.wait_at_most(PATIENCE).await?;
    loader.catalog.lock(&mut *transaction, &line.dataset).await?;
    let had_replaced = loader.catalog.replaced_before(&line.dataset, load).await?;
    let mut done = Retraction {
        load,
        source: line.source.clone(),
        table: line.dataset.clone(),
        already: false,
        was_lost: false,
        rows_removed: 0,
        rows_restored: 0,
        table_is_empty: false,
        pulled_by: line.position.as_deref().and_then(plugin_of),
        had_replaced,
        remembered_by: None,
    };
    if !loader.catalog.retract(&mut *transaction, load, LoadStatus::Loaded).await? {
        if let Some(dimensions) = retract_replaced(loader, &mut *transaction, load).await? {
            if really {
                commit(loader, transaction, &line).await?;
                info!(load.id = load, file.path = line.source, "taken back out of the history");
            }
            return Ok(Retraction { remembered_by: Some(dimensions), ..done });
        }
        if loader.catalog.retract_lost(&mut *transaction, load).await? {
            leave_history(loader, &mut *transaction, load).await?;
            if really {
                commit(loader, transaction, &line).await?;
                info!(load.id = load, file.path = line.source, "its rows were lost, and it is taken back");
            }
            return Ok(Retraction { was_lost: true, ..done });
        }
        drop(transaction);
        // Another retraction may have changed it during the wait for the lock.
        no_rows(&loader.catalog.load(load).await?.unwrap_or(line))?;
        return Ok(Retraction { already: true, ..done });
    }
    let table = Table::staging(&line.dataset);
    let history = History::of(loader.warehouse.names(), &table);
    // A table that was dropped by hand has no rows to take out.
    if !transaction.columns(&table).await?.is_empty() {
        if history.exists(&mut *transaction).await? {
            is_known_without(loader, &mut *transaction, &line).await?;
        }
        let known = loader.catalog.columns(&mut *transaction, &line.dataset).await?;
        let numbers = loader.catalog.numbers(&mut *transaction, &line.dataset).await?;
        let taken = history.take_back(&mut *transaction, load, &known, &numbers).await?;
        (done.rows_removed, done.rows_restored) = (taken.removed, taken.restored);
    }
    done.table_is_empty = is_empty(&mut *transaction, loader.warehouse.names(), &table).await?;
    if really {
        commit(loader, transaction, &line).await?;
        let Retraction { rows_removed, rows_restored, .. } = done;
        info!(load.id = load, file.path = line.source, rows_removed, rows_restored, "taken back");
    }
    Ok(done)
}

/// Retracts a load whose rows a later one has replaced; returns the dimensions that remember it, `None` if there is
/// nothing of it in the star.
async fn retract_replaced(
    loader: &Loader,
    transaction: &mut dyn Transaction,
    load: i64,
) -> Result<Option<Vec<String>>, WarehouseError> {
    if !loader.catalog.retract(transaction, load, LoadStatus::Replaced).await? {
        return Ok(None);
    }
    leave_history(loader, transaction, load).await
}

/// Notes that the next run takes a load out of the dimensions that remember it; returns them, `None` if there is nothing
/// of it in the star.
async fn leave_history(
    loader: &Loader,
    transaction: &mut dyn Transaction,
    load: i64,
) -> Result<Option<Vec<String>>, WarehouseError> {
    let found = loader.catalog.remembering(transaction, load).await?;
    for dimension in found.iter().flatten() {
        loader.catalog.note_remembered(transaction, dimension, &[load], load).await?;
    }
    Ok(found)
}

/// Notes a retraction, and commits it. If it is not known whether it is committed, it stays noted: as long as the load is
/// there, `app status` says so.
async fn commit(loader: &Loader, transaction: Box<dyn Transaction>, line: &LoadLine) -> Result<(), RetractError> {
    let record = DeletionRecord {
        load: line.id,
        hash: line.hash.clone().unwrap_or_default(),
        source: line.source.clone(),
        table: line.dataset.clone(),
        catalog: loader.catalog.identity().await?,
        claim: line.claim.clone(),
        ..DeletionRecord::default()
    };
    let noted = loader.deletions.note_retraction(record.clone()).map_err(RetractError::Unnoted)?;
    if noted.is_none() {
        warn!(
            load.id = line.id,
            "the imports folder has no notes of what was deleted, so it is not noted: a restored backup would have the load back; \
             IMPORTS_DIR names the folder that the file came through"
        );
    }
    match (transaction.commit().await, noted) {
        (Ok(()), _) => {
            if let Err(why) = loader.deletions.retracted_again(&record) {
                info!("cannot take the load from the list of losses: {why}");
            }
            Ok(())
        }
        (Err(WarehouseError::Unknown(why)), _) => Err(WarehouseError::Unknown(why).into()),
        (Err(error), noted) => {
            if let Some(Err(why)) = noted.map(|noted| loader.deletions.void(noted)) {
                warn!(load.id = line.id, "cannot note that it was not retracted after all: {why}");
            }
            Err(error.into())
        }
    }
}

/// Plugin of a position as the ledger has it.
pub(crate) fn plugin_of(position: &str) -> Option<String> {
    Some(serde_json::from_str::<Position>(position).ok()?.stream.plugin)
}

/// Checks that a load without rows in the table was retracted before.
fn no_rows(line: &LoadLine) -> Result<(), RetractError> {
    let why = match (line.status, line.duplicate_of) {
        (LoadStatus::Retracted, _) => return Ok(()),
        (LoadStatus::Duplicate, Some(of)) => {
            format!("it is a duplicate of load {of}: app retract {of} takes those back")
        }
        (LoadStatus::Replaced, _) => "a later load has replaced all of them, and no dimension remembers it".to_owned(),
        (LoadStatus::Lost, _) => {
            let by = line.made_good_by.unwrap_or_default();
            format!("they were lost, and load {by} made that good: app retract {by} takes its rows back")
        }
        (LoadStatus::Failed, _) => "it failed".to_owned(),
        (status, _) => format!("it is {}", status.word()),
    };
    Err(RetractError::NoRows { load: line.id, why })
}

/// Checks that the table without a load is known, if rows replace others: that holds only as far as later loads do not
/// rest on it. A load that found a row as it was has left no trace of that, and one that brought fewer columns kept the
/// load's cells in the others.
async fn is_known_without(
    loader: &Loader,
    transaction: &mut dyn Transaction,
    line: &LoadLine,
) -> Result<(), RetractError> {
    let load = line.id;
    if (loader.catalog.clock().utc() - line.started_at).to_std().unwrap_or(Duration::ZERO) > KEPT {
        return Err(RetractError::TooOld { load, days: KEPT.as_secs() / 86_400 });
    }
    let brought = column_names(line.columns.as_deref());
    let rests = |later: &LaterLoad| match () {
        () if later.rows_duplicate > 0 => Some("brought rows that were there already, perhaps out of this one"),
        () if !brought.iter().all(|name| later.columns.contains(name)) => {
            Some("has not all of its columns, so that cells of this one are in its rows")
        }
        () => None,
    };
    let later = loader.catalog.later(transaction, &line.dataset, load).await?;
    let found = later.iter().rev().find_map(|one| Some((one.id, rests(one)?)));
    let Some((first, why)) = found else { return Ok(()) };
    let order: Vec<_> = later.iter().take_while(|one| one.id >= first).map(|one| one.id.to_string()).collect();
    Err(RetractError::Later { load, later: first, why, order: order.join(", ") })
}
