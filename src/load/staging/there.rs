//! The columns that a table has: those of the catalog, and none that somebody has made or changed by hand.

use super::LoadError;
use crate::schema::{Evolution, LINE_COLUMN, LOAD_COLUMN, Type};
use crate::sql::{Names, Table, TableColumn, quote};
use crate::warehouse::Transaction;

/// Refuses a table with a hand-changed type of a column that the input brings: rows are sent in the bits of the
/// catalog's type. From here on the types stay until the transaction ends. Returns the existing columns.
pub(super) async fn check_types(
    transaction: &mut dyn Transaction,
    names: &Names,
    table: &Table,
    evolution: &Evolution,
    there: Vec<TableColumn>,
) -> Result<Vec<TableColumn>, LoadError> {
    let there = match names.engine.hold_columns(&names.table(table)) {
        Some(hold) => {
            transaction.execute(&hold, &[]).await?;
            transaction.columns(table).await?
        }
        // The holder of the turn to write sees no changes of others.
        None => there,
    };
    let known = evolution.places.iter().filter(|place| !evolution.added.contains(place)).map(|place| {
        let before = evolution.narrowed.iter().find(|(narrowed, _)| narrowed == place);
        let column = &evolution.columns[*place];
        (column.name.as_str(), before.map_or(column.kind(), |(_, fits)| fits.narrowest()))
    });
    for (name, kind) in known.chain([LOAD_COLUMN, LINE_COLUMN].map(|name| (name, Type::Bigint))) {
        // A column that is absent is made again, or named by the database's error.
        let is_it = |column: &&TableColumn| names.engine.has_column(std::slice::from_ref(*column), name);
        let Some(column) = there.iter().find(is_it) else { continue };
        if !names.holds(&column.declared, kind) {
            let (declared, column_name) = (names.declared(kind), quote(name));
            let fix = names.engine.restore_type(&names.table(table), &column_name, declared);
            return Err(LoadError::Retyped {
                table: names.shown(table),
                column: name.to_owned(),
                is: column.declared.clone(),
                expected: declared,
                fix,
            });
        }
    }
    Ok(there)
}

/// Refuses a table that somebody else has made, or has given a column of a name that the input brings for the first time:
/// its values would stand among those of no load.
pub(super) fn is_ours(
    names: &Names,
    table: &Table,
    evolution: &Evolution,
    there: &[TableColumn],
) -> Result<(), LoadError> {
    let has = |name: &str| names.engine.has_column(there, name);
    let shown = names.shown(table);
    if let Some(name) = [LOAD_COLUMN, LINE_COLUMN].into_iter().find(|name| !has(name)) {
        return Err(LoadError::Clash(format!(
            "{shown} has no column {name}, which every table of Sluice's has: somebody has made it by hand, or dropped that column"
        )));
    }
    match evolution.added.iter().map(|place| &evolution.columns[*place].name).find(|name| has(name)) {
        Some(name) => Err(LoadError::Clash(format!(
            "{shown} has a column {name} that no file brought, and this file brings one of that name: somebody has made it by hand"
        ))),
        None => Ok(()),
    }
}
