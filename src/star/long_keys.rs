//! Keys of texts that are too long for an index of PostgreSQL, which takes a third of a page: where a star has some,
//! they stand outside its indexes, and other keys in them. Found by each key's own bytes, so that no run depends on how
//! well a text can be compressed.

use crate::schema::{KEY_BYTES, Type};
use crate::sql::{TableColumn, quote, type_of};

/// Returns the condition, with its `where`, for the rows in an index over these columns; nothing where none can be too
/// long.
pub(super) fn only_short(columns: &[TableColumn]) -> String {
    let bytes = |column: &TableColumn| match type_of(&column.declared) {
        Some(Type::Text) => Some(quote(&column.name)),
        Some(Type::Numeric) => Some(format!("cast({} as text)", quote(&column.name))),
        _ => None,
    };
    let bytes: Vec<_> =
        columns.iter().filter_map(bytes).map(|text| format!("coalesce(octet_length({text}), 0)")).collect();
    if bytes.is_empty() {
        return String::new();
    }
    format!(" where {} <= {KEY_BYTES}", bytes.join(" + "))
}

/// Finds out whether tables of the star in this schema (as a literal) have such indexes.
pub fn count_partial(schema: &str) -> String {
    format!(
        "select count(*) from pg_index as i join pg_class as c on c.oid = i.indexrelid \
         where i.indpred is not null and c.relnamespace = (select oid from pg_namespace where nspname = '{}') \
         and (c.relname like '%\\_natural\\_key' or c.relname like '%\\_grain')",
        schema.replace('\'', "''")
    )
}
