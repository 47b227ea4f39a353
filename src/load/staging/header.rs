//! The header of a text or sheet against the columns that its table has: a first record is not taken for one.

use super::Plan;
use crate::dataset::Dataset;
use crate::format::{FormatError, Layout};
use crate::load::LoadError;
use crate::schema::{Column, EXTRA_COLUMN, Inference, Type};
use crate::source::{Profile, SourceError};

/// Columns that are named in a message.
const NAMED: usize = 10;

/// Checks that a file with records has a column that its table has, too: without one its first record was taken for the
/// header, or it is another table's. A header of few such columns and of figures, where the table's has none, is a record.
/// A column that a plugin names is as it says.
///
/// # Errors
/// [`LoadError::Shape`] with the header, the table's columns and the way on.
pub(crate) fn shares_columns(
    dataset: &Dataset,
    profile: &Profile,
    plan: &Plan,
    known: &[Column],
) -> Result<(), LoadError> {
    let (Layout::Csv(dialect) | Layout::Excel(dialect)) = &profile.layout else { return Ok(()) };
    let known: Vec<_> = known.iter().filter(|column| column.name != EXTRA_COLUMN).collect();
    if known.is_empty() || profile.rows == 0 {
        return Ok(());
    }
    let are_headed = known.iter().any(|column| !column.header.is_empty());
    let named = profile.columns.iter().map(|column| (column.header.as_str(), column.name.as_str()));
    let by_rules: Vec<_> = dataset.stated.selection.rules.iter().map(|rule| rule.place_in(named.clone())).collect();
    let (mut shared, mut figures) = (0, false);
    let columns = plan.shape.columns.iter().zip(&plan.evolution.places);
    let columns: Vec<_> = columns.filter(|(one, _)| one.column.name != EXTRA_COLUMN).collect();
    for (one, place) in &columns {
        let header = profile.columns.get(one.place).map_or("", |column| column.header.as_str());
        // The name of a column without a header says nothing of it.
        let is_new = plan.evolution.added.contains(place) || (are_headed && header.is_empty());
        if !is_new || by_rules.contains(&Ok(Some(one.place))) {
            shared += 1;
        } else {
            figures |= is_figure(header);
        }
    }
    let is_record = shared * 2 <= columns.len() && figures && !known.iter().any(|column| is_figure(&column.header));
    if columns.is_empty() || shared > 0 && !is_record {
        return Ok(());
    }
    let list = |names: Vec<&str>| {
        let more = if names.len() > NAMED { ", ..." } else { "" };
        names[..names.len().min(NAMED)].join(", ") + more
    };
    let names = list(known.iter().map(|column| column.name.as_str()).collect());
    let headers = list(profile.columns.iter().map(|column| column.header.as_str()).collect());
    let what = match (dialect.header_rows, shared) {
        (0, _) => format!("it has no header, and the table {} has the columns {names}", dataset.table),
        (_, 0) => format!("its header ({headers}) names no column that the table {} has ({names})", dataset.table),
        _ => format!("its header ({headers}) is rather a record: the table {} has the columns {names}", dataset.table),
    };
    Err(LoadError::Shape(format!(
        "{what}. If its first line is a record, say header: false in a plugin, and the columns in their order, columns: [{{from: 1, \
         name: {}}}, ...]; if it is a header of new names, say which columns they are, columns: [{{from: HEADER, name: COLUMN}}, ...]; \
         if the file is of another table, give it another name, or say its table: in a plugin",
        known[0].name
    )))
}

/// True if a cell is a number, a day or a moment.
fn is_figure(cell: &str) -> bool {
    let mut inference = Inference::default();
    inference.see(cell);
    !cell.is_empty() && !matches!(inference.fits().narrowest(), Type::Text | Type::Boolean)
}

/// Checks the header of a text without records: it shares a column with the table, or, without a table, is a row of two
/// names or more. A header or columns stated by a plugin are taken for true.
///
/// # Errors
/// [`LoadError::Source`] with the row that is no header.
pub(crate) fn is_headed(dataset: &Dataset, profile: &Profile, known: &[Column]) -> Result<(), LoadError> {
    let is_told = dataset.stated.header_rows.is_some() || !dataset.stated.selection.rules.is_empty();
    let (Layout::Csv(dialect) | Layout::Excel(dialect)) = &profile.layout else { return Ok(()) };
    if is_told {
        return Ok(());
    }
    // Blanks and colons are in sentences too.
    let is_cut = matches!(dialect.delimiter, b',' | b';' | b'\t' | b'|');
    let columns = &profile.columns;
    let is_shared = |column: &Column| known.iter().any(|one| one.name == column.name);
    let why = if known.is_empty() {
        if is_cut && columns.len() > 1 && columns.iter().all(|column| is_name(&column.header)) {
            return Ok(());
        }
        format!(
            "it has one row, {:?}, which does not look like the names of columns; where it is a header, let a plugin say header: 1",
            String::from_utf8_lossy(&profile.header_text[..profile.header_text.len().min(200)])
        )
    } else {
        if columns.iter().any(is_shared) {
            return Ok(());
        }
        format!("its header names no column that the table {} has, and no row stands below it", dataset.table)
    };
    Err(SourceError::from(FormatError::NoRecords(why)).into())
}

/// True if a cell is rather a column's name than a sentence, a value or markup.
fn is_name(cell: &str) -> bool {
    let mut inference = Inference::default();
    inference.see(cell);
    let is_value = inference.fits().narrowest() != Type::Text;
    let is_short = cell.chars().count() <= 64 && cell.split_whitespace().count() <= 4;
    let is_plain = !cell.contains(|letter: char| letter.is_control() || "{}<>\"\\".contains(letter));
    cell.contains(char::is_alphabetic) && !is_value && is_short && is_plain && !cell.ends_with(['.', '!', '?'])
}
