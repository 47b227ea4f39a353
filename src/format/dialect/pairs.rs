//! A title and pairs of a word and its value above a table of two columns, which look like its records.

use super::above::filled;
use super::alike::is_amount;
use super::header::{figure, has_digit, is_of_figure, is_value, names, nearly_all};
use super::null_words::{is_null_word, is_pending};
use super::words::are_names;
use crate::format::csv::sampled::Sampled;

/// Pairs above a table, at most.
const MAX_PAIRS: usize = 20;

/// Records that are looked at below a header.
const LOOKED_AT: usize = 200;

/// The number of titles and pairs above the header of a table of two columns, 0 if there is no such header: `As of |
/// 2026-01-01` over `Name | Qty`. Some title stands above them, in the rows or before (`titled`).
pub(super) fn below_pairs(rows: &[Sampled<'_>], titled: bool) -> usize {
    let is_title = |row: &&Sampled<'_>| filled(row) == 1 && !row.cells.iter().any(|cell| is_value(cell));
    let titles = rows.iter().take_while(is_title).count();
    if titles == 0 && !titled {
        return 0;
    }
    let is_pair = |row: &&Sampled<'_>| {
        row.cells.len() == 2 && filled(row) == 2 && !is_value(&row.cells[0]) && !is_null_word(&row.cells[0])
    };
    let most = rows[titles..].iter().take(MAX_PAIRS).take_while(is_pair).count();
    (1..=most).find(|count| is_header_below(&rows[titles..], *count)).map_or(0, |count| titles + count)
}

/// True if the row below so many pairs names the columns of the records below it, and the pairs are none of these.
fn is_header_below(rows: &[Sampled<'_>], count: usize) -> bool {
    let (pairs, rest) = rows.split_at(count);
    let Some((head, records)) = rest.split_first() else { return false };
    let end = records.iter().skip(1).position(|record| record.after_blank).map_or(records.len(), |at| at + 1);
    let records = &records[..end.min(LOOKED_AT)];
    let is_no_name = |cell: &str| is_null_word(cell) || is_pending(cell) || has_digit(cell);
    if head.cells.len() != 2
        || !names(&head.cells)
        || head.cells.iter().any(|cell| is_no_name(cell))
        || records.is_empty()
        || records.iter().any(|record| record.cells.len() != 2)
        || !pairs.iter().any(|pair| has_digit(&pair.cells[1]))
    {
        return false;
    }
    // A word and its value in each row, the last ones numbers, look the same but for the names.
    names_other_values(pairs, records, 0)
        || (are_names(head) && (names_other_values(pairs, records, 1) || names_words(pairs, records)))
}

/// True if a column of the records has values, and none of the pairs has one like them in it.
fn names_other_values(pairs: &[Sampled<'_>], records: &[Sampled<'_>], place: usize) -> bool {
    let cells: Vec<&str> = records.iter().map(|record| &*record.cells[place]).filter(|cell| !cell.is_empty()).collect();
    let is_figure = |cell: &str| is_value(cell) || is_amount(cell);
    let is_like =
        |cell: &str| is_figure(cell) && cells.iter().any(|other| is_of_figure(cell, figure(other).as_deref()));
    !cells.is_empty()
        && nearly_all(&cells, |cell| is_figure(cell) && !is_null_word(cell))
        && !pairs.iter().any(|pair| is_like(&pair.cells[place]))
}

/// True if the records are words, two at least, and each pair has a value.
fn names_words(pairs: &[Sampled<'_>], records: &[Sampled<'_>]) -> bool {
    records.len() > 1
        && pairs.iter().all(|pair| is_value(&pair.cells[1]))
        && !records.iter().any(|record| record.cells.iter().any(|cell| has_digit(cell)))
}
