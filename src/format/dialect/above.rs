//! The lines above a table: text, which is kept beside its records, or records of another table or of an older form of
//! this one.

use super::alike::is_amount;
use super::blocks::tables;
use super::frame::names_figures;
use super::header::{has_digit, is_value, names};
use super::words::{are_names, is_table_of_words};
use crate::format::csv::sampled::Sampled;

/// Pairs of a word and its value in a row above a table, at most; more of them are a table.
const MAX_PAIRS: usize = 20;

/// The number of cells up to the last filled one.
pub(super) fn extent(record: &Sampled<'_>) -> usize {
    record.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1)
}

pub(super) fn filled(record: &Sampled<'_>) -> usize {
    record.cells.iter().filter(|cell| !cell.is_empty()).count()
}

/// True for a word and its value: `Period, 2024`.
fn is_pair(record: &Sampled<'_>) -> bool {
    extent(record) == 2 && filled(record) == 2 && !is_value(&record.cells[0])
}

/// True if a line by itself is text rather than a record.
pub(super) fn is_text(record: &Sampled<'_>) -> bool {
    filled(record) < 2 || is_pair(record)
}

/// True if records are a few words and their values, one below the other, and no table of two columns with a header.
pub(super) fn is_run_of_pairs(records: &[Sampled<'_>]) -> bool {
    let is_named =
        || is_headed(records) || names_figures(records) || is_table_of_words(&records[0], &records[1..], true);
    let is_table = records.len() > 2 && records[0].cells.len() == 2 && is_named();
    records.len() <= MAX_PAIRS && records.iter().all(is_text) && !is_table
}

/// The ranges of lines above the table that are records, for a table that begins with the record `start`: blocks
/// between blank lines in which two neighbouring lines of one width have more than a word and its value. Above a table
/// `without_header` every line right above it.
pub(super) fn records_above(records: &[Sampled<'_>], start: usize, without_header: bool) -> Vec<(u64, u64)> {
    let start = start.min(records.len());
    let (above, below) = records.split_at(start);
    let end = below.first().map_or(0, |record| record.line);
    if !tables(above).is_empty() {
        return vec![(0, end)];
    }
    let touches = below.first().is_some_and(|record| !record.after_blank);
    let mut found = Vec::new();
    let mut done = 0;
    for block in above.chunk_by(|_, next| !next.after_blank) {
        done += block.len();
        let is_run = |run: &[Sampled<'_>]| {
            run.len() > 1
                && run.iter().all(|record| filled(record) > 1)
                && (run.len() > MAX_PAIRS || !run.iter().all(is_pair) || is_table_of_numbers(run))
        };
        let refused = block.chunk_by(|one, next| extent(one) == extent(next)).any(is_run);
        if refused || (without_header && touches && done == start) {
            found.push((block[0].line, above.get(done).map_or(end, |next| next.line)));
        }
    }
    found
}

/// The same for the lines above a statement, which are text but for blocks of one width with less text than other lines,
/// and tables of numbers.
pub(super) fn records_above_statement(records: &[Sampled<'_>], start: usize) -> Vec<(u64, u64)> {
    let (above, below) = records.split_at(start.min(records.len()));
    let end = below.first().map_or(0, |record| record.line);
    let blocks: Vec<_> = above.chunk_by(|_, next| !next.after_blank).collect();
    let ends = blocks.iter().skip(1).map(|block| block[0].line).chain([end]);
    let is_refused = |block: &[Sampled<'_>]| {
        let texts = block.iter().filter(|record| is_text(record)).count();
        let is_table = |pairs: &[Sampled<'_>]| is_pair(&pairs[0]) && is_table_of_numbers(pairs);
        let is_of_width = block.len() > 1 && block.iter().all(|record| record.cells.len() == block[0].cells.len());
        (is_of_width && texts * 2 < block.len())
            || block.chunk_by(|one, next| is_pair(one) == is_pair(next)).any(is_table)
    };
    let ranges = blocks.iter().zip(ends).filter(|(block, _)| is_refused(block));
    ranges.map(|(block, end)| (block[0].line, end)).collect()
}

/// True if the first of some pairs names a column of numbers: by known names above two of them, or above three.
fn is_table_of_numbers(pairs: &[Sampled<'_>]) -> bool {
    let Some((head, rest)) = pairs.split_first() else { return false };
    let is_number = |record: &Sampled<'_>| record.cells[1].trim().parse::<f64>().is_ok() || is_amount(&record.cells[1]);
    let least = if are_names(head) { 2 } else { 3 };
    rest.len() >= least && !head.cells[..2].iter().any(|cell| has_digit(cell)) && rest.iter().all(is_number)
}

/// The first record of a table without a header whose width is first met at the record `start`: the records right above
/// that one, with another number of cells, belong to the table.
pub(super) fn first_record(records: &[Sampled<'_>], mut start: usize) -> usize {
    while start > 0 && records.get(start).is_some_and(|record| !record.after_blank) && filled(&records[start - 1]) > 1 {
        start -= 1;
    }
    start
}

/// The width of the names in the first line, and the number of records of it, if the records from `first` on, which are
/// wider or narrower, have no names of their own: a table that got another column as it grew. Names over pairs are
/// rather text.
pub(super) fn grown(records: &[Sampled<'_>], first: usize) -> Option<(usize, usize)> {
    let (above, below) = records.split_at(first);
    let (head, old) = above.split_first()?;
    let width = head.cells.len();
    let of_width = || old.iter().filter(|record| record.cells.len() == width);
    let is_table = names(&head.cells) && of_width().any(|record| !is_text(record));
    (is_table && !is_headed(below)).then(|| (width, 1 + of_width().count()))
}

/// The last and widest of tables that stand right below each other, each with a header of its own: its first record,
/// its width, and the number of its records. `None` if there are no such tables, or the first is the widest.
pub(super) fn stacked(records: &[Sampled<'_>]) -> Option<(usize, usize, usize)> {
    let is_head = |at: &usize| {
        let (head, next) = (&records[*at], records.get(at + 1));
        let named = &head.cells[..extent(head)];
        next.is_some_and(|next| !next.after_blank && extent(next) == named.len())
            && names(named)
            && is_headed(&records[*at..(at + 3).min(records.len())])
    };
    let heads: Vec<usize> = (0..records.len()).filter(is_head).collect();
    let widest = *heads.iter().rev().max_by_key(|at| extent(&records[**at]))?;
    let end = heads.iter().copied().find(|at| *at > widest).unwrap_or(records.len());
    let is_last = end == records.len() && widest > 0 && heads[0] == 0;
    is_last.then(|| (widest, records[widest].cells.len(), end - widest))
}

/// True if the first of the records names a column of values.
pub(super) fn is_headed(records: &[Sampled<'_>]) -> bool {
    let Some((head, rest)) = records.split_first() else { return false };
    let named = |place: usize| {
        let below = rest.iter().filter_map(|record| record.cells.get(place)).filter(|cell| !cell.is_empty()).take(50);
        !is_value(&head.cells[place]) && below.clone().count() > 0 && below.into_iter().all(|cell| is_value(cell))
    };
    names(&head.cells[..extent(head)]) && (0..head.cells.len()).any(named)
}
