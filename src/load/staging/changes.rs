//! Changes of a table by a load, to be told once they are committed: a load that is rolled back has changed nothing.

use tracing::{error, info, warn};

use crate::alert::{Alerts, Kind};
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
    /// A view that was translated anew for the types of now.
    ViewTranslated { view: String },
    /// A view that cannot be read with a wider type, for this reason.
    ViewDropped { view: String, why: String },
    /// A table that was dropped or emptied by hand, with the rows of so many loads.
    LostRows { shown: String, how: &'static str, loads: u64 },
    /// So many rows that a file took the place of which has none.
    Emptied { shown: String, rows: u64 },
}

impl TableChange {
    /// Logs the change of a table by a load, and tells whoever is to be alerted of lost rows.
    pub(crate) fn say(&self, table: &str, load_id: i64, alerts: &Alerts) {
        match self {
            // What was computed with numbers or days cannot be any more, and other tables still have them.
            TableChange::Widened { column, from, to: to @ Type::Text } => warn!(
                table,
                column,
                from = %from,
                to = %to,
                load.id = load_id,
                "a column's type widens to text: where selects join by {column} or compute with it, type: text in a plugin of the other \
                 table makes both sides texts; if the values are wrong, app retract {load_id} takes them back, and the column stays text"
            ),
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
            TableChange::ViewTranslated { view } => {
                info!(table, view, "the view is translated anew, because a column of {table} has another type");
            }
            TableChange::ViewDropped { view, why } => warn!(
                table,
                view,
                load.id = load_id,
                "the view cannot be read with the wider type and was dropped: {why}; fix its file, and app --pipeline or app --analysis \
                 makes it again"
            ),
            TableChange::LostRows { shown, how, loads } => {
                let what = format!("{shown} was {how} by hand, and the rows of {} with it", counted(*loads, "load"));
                let fix = "app status names them: their files are loaded again when they come, app retract LOAD says that a load may go";
                error!(table, load.id = load_id, "{what}; {fix}");
                alerts.raise(Kind::Lost, shown, &what, fix, None);
            }
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
