//! Records that were read and not loaded, and rows that are left out of a fact.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::catalog::{RejectLine, StarReject, Workspace};
use crate::text::nearest;
use crate::warehouse::{Scope, WarehouseError};

/// A record that was read and not loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Rejected {
    /// The load's number.
    pub load: i64,
    /// The load's rows were taken back.
    pub retracted: bool,
    /// The line of the file, from 1, on which the record begins.
    pub line: i64,
    /// The column at fault, where it is one.
    pub column: Option<String>,
    /// Why, in words that are the same for each of its kind.
    pub reason: String,
    /// Further words on the fault.
    pub detail: Option<String>,
    /// The record as it stood in the file.
    pub text: String,
}

/// A row that a fact's select gives and that is left out of it, because a dimension does not know a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LeftOut {
    /// The fact.
    pub fact: String,
    /// The load that brought the row, where it is one's.
    pub load: Option<i64>,
    /// The file of that load.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<i64>,
    /// The column whose value is no member.
    pub column: String,
    /// The value; `None` is NULL.
    pub value: Option<String>,
    /// Why, in words.
    pub reason: String,
}

/// The reasons why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RejectsError {
    /// Nothing was loaded under this number.
    #[error("there is no load {0}: see app loads")]
    NoLoad(i64),
    /// No fact that was built has this name; with the nearest one that has.
    #[error("expected the number of a load (app loads), or a fact that was built: there is no {0}{1}")]
    NoFact(String, String),
    /// The database's.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

/// The rejects of a load, or of all of them, the newest load first; `limit` at most.
///
/// # Errors
/// [`RejectsError`].
pub async fn rejects(workspace: &Workspace, load: Option<i64>, limit: u64) -> Result<Vec<Rejected>, RejectsError> {
    let catalog = &workspace.catalog;
    if let Some(id) = load
        && catalog.load(id).await?.is_none()
    {
        return Err(RejectsError::NoLoad(id));
    }
    let found = catalog.rejects(load, limit).await?;
    let mut loads: Vec<_> = found.iter().map(|one| one.load_id).collect();
    loads.dedup();
    let retracted = catalog.retracted(&loads).await?;
    let of = |RejectLine { load_id, line, column, reason, detail, text, .. }| Rejected {
        load: load_id,
        retracted: retracted.contains(&load_id),
        line,
        column,
        reason,
        detail,
        text,
    };
    Ok(found.into_iter().map(of).collect())
}

/// The rows that are left out of a fact, whose name may have its schema before it; `limit` at most.
///
/// # Errors
/// [`RejectsError`].
pub async fn left_out(workspace: &Workspace, name: &str, limit: u64) -> Result<Vec<LeftOut>, RejectsError> {
    let catalog = &workspace.catalog;
    let fact = name.rsplit('.').next().unwrap_or(name);
    let found = catalog.star_rejects(fact, limit).await?;
    if found.is_empty() {
        let known = catalog.star(&mut *workspace.warehouse.begin(Scope::Load).await?).await?;
        if !known.iter().any(|state| state.name == fact) {
            let hint = nearest(fact, known.iter().map(|state| state.name.as_str()));
            return Err(RejectsError::NoFact(name.to_owned(), hint));
        }
    }
    let mut files = HashMap::new();
    for load in found.iter().filter_map(|one| one.load_id).collect::<BTreeSet<_>>() {
        files.insert(load, catalog.load(load).await?.map(|load| load.source).unwrap_or_default());
    }
    let of = |StarReject { fact, load_id, line, column, value, reason, .. }| LeftOut {
        fact,
        load: load_id,
        file: load_id.and_then(|load| files.get(&load)).cloned(),
        line,
        column,
        value,
        reason,
    };
    Ok(found.into_iter().map(of).collect())
}
