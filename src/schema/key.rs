//! The bytes of a key with an index over it.

use std::collections::BTreeMap;

use super::conform::value;
use super::{ProjectedColumn, Type};
use crate::record::Records;

/// The most bytes of a key's values together, as UTF-8: on both engines, so that they take the same records.
///
/// PostgreSQL takes 2,704 bytes as an entry of a B-tree, a third of its page of 8 KiB with the entry's own header
/// (`BTMaxItemSize`, <https://www.postgresql.org/docs/current/btree.html>); the rest is for the heads of values and for
/// their alignment.
pub const KEY_BYTES: usize = 2_500;

/// The records of `rows` whose key is longer, each with its longest column (by its place in `columns`) and the reason.
pub(super) fn long_keys(
    records: &Records,
    rows: &[usize],
    columns: &[ProjectedColumn],
) -> BTreeMap<usize, (usize, String)> {
    let is_long = |shaped: &ProjectedColumn| matches!(shaped.column.kind(), Type::Text | Type::Numeric);
    let keys: Vec<_> = columns.iter().enumerate().filter(|(_, shaped)| shaped.key && is_long(shaped)).collect();
    if keys.is_empty() {
        return BTreeMap::new();
    }
    let bytes = |row: usize, shaped: &ProjectedColumn| value(records, row, shaped).map_or(0, str::len);
    let long = |row: &usize| {
        let all: usize = keys.iter().map(|(_, shaped)| bytes(*row, shaped)).sum();
        if all <= KEY_BYTES {
            return None;
        }
        let (at, shaped) = keys.iter().max_by_key(|(_, shaped)| bytes(*row, shaped))?;
        let own = bytes(*row, shaped);
        let with = if own == all { String::new() } else { format!(", and the key {all} in all") };
        Some((*row, (*at, format!("its value has {own} bytes{with}, and a key may have {KEY_BYTES}"))))
    };
    rows.iter().filter_map(long).collect()
}
