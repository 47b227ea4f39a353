//! The loads, the newest first.

use std::collections::HashMap;

use chrono::{DateTime, NaiveTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::catalog::{LoadLine, Workspace};
use crate::schema::{read_date, read_timestamp, read_timestamptz};
use crate::warehouse::WarehouseError;

/// Loads of which what stands beside them is asked for at once.
const AT_ONCE: usize = 10_000;

/// A load, with all that the ledger knows of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Load {
    /// Its number.
    pub load: i64,
    /// The file, or the part of one.
    pub source: String,
    /// Its table in staging.
    pub table: String,
    /// The word for how it ended.
    pub status: String,
    /// Records that were read.
    pub rows_read: i64,
    /// Records in the table.
    pub rows_loaded: i64,
    /// Records that are rejects.
    pub rows_rejected: i64,
    /// Records that were there already.
    pub rows_duplicate: i64,
    /// Records that a plugin's filter left out.
    pub rows_filtered: i64,
    /// Loaded records with fewer cells than the header.
    pub rows_padded: i64,
    /// Loaded records with more cells than the header.
    pub rows_extended: i64,
    /// The load that had brought the same content.
    pub duplicate_of: Option<i64>,
    /// Of a lost load, the later one that made it good.
    pub made_good_by: Option<i64>,
    /// BLAKE3 of the content.
    pub hash: Option<String>,
    /// The content's bytes.
    pub bytes: Option<i64>,
    /// The layout by which the file was read.
    pub dialect: Option<Value>,
    /// The columns, with their headers and types.
    pub columns: Option<Value>,
    /// When it was taken.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The reason why it failed or was taken back.
    pub error: Option<String>,
    /// The texts that stood in the file beside its records.
    pub beside: Vec<BesideLoad>,
}

/// A text that stood in a file beside its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BesideLoad {
    /// The word for what it is.
    pub kind: String,
    /// Its line, from 1, where it has one.
    pub line: Option<i64>,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// As it stood there.
    pub text: String,
}

/// These lines of the ledger with what stands beside each.
///
/// # Errors
/// The database's error.
pub async fn in_full(workspace: &Workspace, lines: Vec<LoadLine>) -> Result<Vec<Load>, WarehouseError> {
    let ids: Vec<_> = lines.iter().map(|load| load.id).collect();
    let mut beside: HashMap<i64, Vec<BesideLoad>> = HashMap::new();
    for some in ids.chunks(AT_ONCE) {
        for one in workspace.catalog.beside_of(some).await? {
            let entry = BesideLoad { kind: one.kind, line: one.line, name: one.name, text: one.text };
            beside.entry(one.load_id).or_default().push(entry);
        }
    }
    let parsed = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let of = |load: LoadLine| Load {
        load: load.id,
        status: load.status.word(),
        source: load.source,
        table: load.dataset,
        rows_read: load.rows_read,
        rows_loaded: load.rows_loaded,
        rows_rejected: load.rows_rejected,
        rows_duplicate: load.rows_duplicate,
        rows_filtered: load.rows_filtered,
        rows_padded: load.rows_padded,
        rows_extended: load.rows_extended,
        duplicate_of: load.duplicate_of,
        made_good_by: load.made_good_by,
        hash: load.hash,
        bytes: load.bytes,
        dialect: parsed(load.dialect),
        columns: parsed(load.columns),
        started_at: load.started_at,
        finished_at: load.finished_at,
        error: load.error,
        beside: beside.remove(&load.id).unwrap_or_default(),
    };
    Ok(lines.into_iter().map(of).collect())
}

/// Reads a day, as its first moment, or a time: in UTC, or with its own offset.
///
/// # Errors
/// In words that show one of each.
pub fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || read_date(text).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = || read_timestamp(text).map(|time| time.and_utc());
    let exact = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    let found = day().or_else(time).or_else(|| read_timestamptz(text)).or_else(exact);
    found.ok_or_else(|| "a day such as 2026-11-27, or a time such as 2026-11-27T08:30 (UTC)".to_owned())
}
