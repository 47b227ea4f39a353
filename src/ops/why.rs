//! The arrival of a file: its layout, the fate of its rows and their present place.

use serde::Serialize;

use super::loads::{Load, in_full};
use super::rejects::{Rejected, RejectsError, rejects};
use crate::catalog::{LoadLine, LoadStatus, Workspace};
use crate::warehouse::WarehouseError;

/// A load of a file, explained.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Explained {
    /// The load, as the ledger has it.
    #[serde(flatten)]
    pub load: Load,
    /// The fate of its rows and their present place, in words.
    pub became: String,
    /// The first of its rejects.
    pub rejects: Vec<Rejected>,
}

/// Explains these lines of the ledger, each with so many of its rejects.
///
/// # Errors
/// The database's error.
pub async fn explained(workspace: &Workspace, lines: Vec<LoadLine>, most: u64) -> Result<Vec<Explained>, RejectsError> {
    let mut fates = Vec::with_capacity(lines.len());
    for line in &lines {
        fates.push((became(workspace, line).await?, rejects(workspace, Some(line.id), most).await?));
    }
    let loads = in_full(workspace, lines).await?.into_iter();
    Ok(loads.zip(fates).map(|(load, (became, rejects))| Explained { load, became, rejects }).collect())
}

/// Tells the fate of a load's rows and their present place, in words.
///
/// # Errors
/// The database's error.
pub async fn became(workspace: &Workspace, load: &LoadLine) -> Result<String, WarehouseError> {
    Ok(match load.status {
        LoadStatus::Claimed => "it is being loaded".to_owned(),
        LoadStatus::Loaded => {
            let rows = workspace.catalog.rows_of(&load.dataset, load.id).await?;
            let none = if load.rows_read == 0 { "; the file had a header and no rows" } else { "" };
            let (table, id, brought) = (&load.dataset, load.id, load.rows_loaded.unsigned_abs());
            match rows {
                rows if rows < brought => format!(
                    "{rows} of its {brought} rows are in staging.{table} (with _load_id {id}): later files replaced \
                     the others, or somebody took them out"
                ),
                rows => format!("its rows are in staging.{table} ({rows} with _load_id {id}){none}"),
            }
        }
        LoadStatus::Duplicate => {
            let of = load.duplicate_of.unwrap_or_default();
            format!("a duplicate: load {of} had brought the same content into staging.{}", load.dataset)
        }
        LoadStatus::Replaced => format!("a later file took the place of its rows in staging.{}", load.dataset),
        LoadStatus::Retracted => {
            let why = load.error.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("its rows were taken back out of staging.{}{why}", load.dataset)
        }
        LoadStatus::Lost => {
            let why = load.error.as_deref().unwrap_or("they were taken out by hand");
            let then = match load.made_good_by {
                Some(by) => format!("load {by} made that good"),
                None => format!("drop the file in again, or app retract {} says that you know", load.id),
            };
            format!("its rows are not in staging.{} any more: {why}; {then}", load.dataset)
        }
        LoadStatus::Failed => {
            let why = load.error.as_deref().unwrap_or("no reason was kept");
            format!("failed: {why}; no row of it is in staging.{}", load.dataset)
        }
    })
}
