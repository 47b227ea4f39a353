//! Changes of a table by a load, to be told once they are committed: a load that is rolled back has changed nothing.

use tracing::{info, warn};

use crate::schema::Type;
use crate::text::counted;

/// A change of a staging table.
#[derive(Debug)]
pub(crate) enum TableChange {
    /// A column of this name and of more types than before.
    Widened { column: String, from: Type, to: Type },
    /// A column of the key that held numbers, and holds texts from now on.
    KeySpelled { column: String },
    /// A column that no file brought before.
    Added { column: String },
    /// A column that was dropped by hand.
    MadeAgain { column: String },
    /// A view that cannot be read with a wider type.
    ViewDropped { view: String },
    /// A table that was dropped by hand, with the rows of so many loads.
    LostRows { shown: String, loads: u64 },
    /// So many rows that a file took the place of which has none.
    Emptied { shown: String, rows: u64 },
}

impl TableChange {
    /// Logs the change of a table by a load.
    pub(crate) fn say(&self, table: &str, load_id: i64) {
        match self {
            TableChange::Widened { column, from, to } => {
                info!(table, column, from = %from, to = %to, "a column's type widens");
            }
            TableChange::KeySpelled { column } => info!(
                table,
                column,
                load.id = load_id,
                "the key {column} held numbers and is text now: a number in it names one row as before, however it is spelled (7, 007 and \
                 7.0), and the newest row's spelling counts; in other tables these are different texts"
            ),
            TableChange::Added { column } => info!(table, column, "a new column"),
            TableChange::MadeAgain { column } => warn!(
                table,
                column,
                load.id = load_id,
                "the column {column} was not in the table any more: it is made again, without the values of earlier loads"
            ),
            TableChange::ViewDropped { view } => warn!(
                view,
                "the view cannot be read with the wider type and was dropped; fix it, and app --analysis makes it again"
            ),
            TableChange::LostRows { shown, loads } => warn!(
                table,
                load.id = load_id,
                "{shown} was dropped, and the rows of {} with it: files of the same content are loaded again when they come",
                counted(*loads, "load")
            ),
            TableChange::Emptied { shown, rows } => warn!(
                table,
                load.id = load_id,
                "{shown} is empty now: {} of it went, because mode: replace takes a file for the whole truth, and no row of this one was \
                 loaded; deliver the file again with its rows",
                counted(*rows, "row")
            ),
        }
    }
}
