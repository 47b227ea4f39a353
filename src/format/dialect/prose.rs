//! Lines of prose above a table that have as many commas as it has: `ACME Ltd., 5 Main Street, London`.

use super::frame::names_figures;
use super::header::names;
use super::null_words::is_null_word;
use super::units::gives_units;
use super::words::{are_names, is_name};
use crate::format::csv::sampled::Sampled;

/// Lines of prose, at most.
const MAX_LINES: usize = 10;

/// The number of lines of prose above the names of a table: a blank follows each of their delimiters, and none of those
/// between the names. These stand below a blank line, or over figures; one of them is known as a name, and the prose is
/// not.
pub(super) fn below_prose(rows: &[Sampled<'_>], width: usize) -> usize {
    let is_spaced = |row: &Sampled<'_>| row.spaced && !row.cells.iter().any(|cell| cell.trim().is_empty());
    let lines = rows.iter().take_while(|row| row.cells.len() == 1 || is_spaced(row)).count();
    let (prose, table) = rows.split_at(lines);
    let Some(head) = table.first().filter(|_| (1..=MAX_LINES).contains(&lines)) else { return 0 };
    let is_known = |row: &Sampled<'_>| row.cells.iter().any(|cell| is_name(cell));
    let are_titles = prose.iter().any(|row| row.spaced) && !prose.iter().any(are_names);
    let are_names =
        names(&head.cells) && head.cells.len() == width && !head.cells.iter().any(|cell| is_null_word(cell));
    let names_columns = || match head.after_blank {
        true => is_known(head) || names_figures(table),
        false => is_known(head) && names_figures(table) && !gives_units(&rows[lines - 1..], width),
    };
    if are_titles && are_names && names_columns() { lines } else { 0 }
}
