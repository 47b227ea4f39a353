//! Lines of a few cells above a header that names all columns, wherever in the line these cells stand: `Account;;;No. 12`,
//! as banks write them.

use super::above::{extent, filled, is_headed};
use super::blocks::is_run;
use super::header::{has_digit, is_header, is_stated, is_value, names};
use super::null_words::is_null_word;
use super::words::are_names;
use crate::format::csv::sampled::Sampled;

/// Lines above a header, at most.
const MAX_LINES: usize = 30;

/// Columns of a table below such lines, at least.
const COLUMNS: usize = 5;

/// Lines of one text above a header without records, at most: more of them are a list.
const MAX_TITLES: usize = 4;

/// Letters of a name in a header without records, at most.
const LETTERS: usize = 40;

/// True if at most half of the columns have a cell in a line.
fn is_caption(record: &Sampled<'_>, width: usize) -> bool {
    filled(record) * 2 <= width
}

/// True if a row names all columns that it has, none of them by a figure or a word for nothing.
fn are_plain_names(head: &Sampled<'_>) -> bool {
    let named = &head.cells[..extent(head)];
    let is_plain = |cell: &str| !cell.trim().is_empty() && !has_digit(cell) && !is_null_word(cell) && !is_stated(cell);
    names(named) && !head.stray && named.iter().all(|cell| is_plain(cell))
}

/// True if the row names all columns, five at least, and the record right below it has digits, and more cells than a
/// caption.
fn is_head(head: &Sampled<'_>, next: Option<&Sampled<'_>>, width: usize) -> bool {
    let is_record = |next: &Sampled<'_>| {
        !next.after_blank
            && next.cells.len() == head.cells.len()
            && !is_caption(next, width)
            && next.cells.iter().any(|cell| has_digit(cell))
    };
    width >= COLUMNS && extent(head) + 1 >= width && are_plain_names(head) && next.is_some_and(is_record)
}

/// The number of narrower lines of few cells above and below the records of this width, the first of which names all
/// columns: 0 if it does not, or if other lines stand above it.
pub(super) fn captions(records: &[Sampled<'_>], first: usize, width: usize) -> usize {
    let Some(head) = records.get(first) else { return 0 };
    let is_one = |record: &&Sampled<'_>| record.cells.len() < width && is_caption(record, width);
    let above = records[..first].iter().filter(is_one).count();
    if above < first || first > MAX_LINES || !is_head(head, records.get(first + 1), width) {
        return 0;
    }
    above + records[first..].iter().rev().take_while(is_one).count()
}

/// The number of rows of few cells above the header of a table whose rows are all filled up, 0 if there is no such
/// header: one of the rows has a figure, or `is_named` says that their first names no columns. None of their cells
/// stands in its column of the records once more.
pub(super) fn below_captions(rows: &[Sampled<'_>], width: usize, is_named: bool) -> usize {
    let count = rows.iter().take(MAX_LINES).take_while(|row| is_caption(row, width)).count();
    let (above, table) = rows.split_at(count);
    let Some((head, below)) = table.split_first() else { return 0 };
    let has_figure = |row: &Sampled<'_>| row.cells.iter().any(|cell| is_stated(cell));
    let stands_again = |row: &Sampled<'_>| {
        let records = || below.iter().filter(|record| !is_caption(record, width));
        let is_again = |(place, cell): (usize, &std::borrow::Cow<'_, str>)| {
            !cell.is_empty() && records().any(|record| record.cells.get(place) == Some(cell))
        };
        row.cells.iter().enumerate().any(is_again)
    };
    let cells = || -> Vec<_> { table.iter().map(|record| record.cells.as_slice()).collect() };
    let is_so = count > 0
        && is_head(head, below.first(), width)
        && (!is_named || above.iter().any(has_figure))
        && !above.iter().any(stands_again)
        && is_header(&cells(), width);
    if is_so { count } else { 0 }
}

/// The last record, if it is a header without records: names below a blank line or comments, or above a remark that there
/// are no records; and above it lines of fewer cells each, all of them text.
pub(super) fn lone_header(records: &[Sampled<'_>], has_remark: bool) -> Option<usize> {
    let (head, above) = records.split_last()?;
    let width = extent(head);
    let is_name = |cell: &str| cell.chars().count() <= LETTERS && !cell.ends_with(['.', '!', '?', ':']);
    let is_title = |record: &&Sampled<'_>| filled(record) == 1;
    let is_no_table = |block: &[Sampled<'_>]| {
        let is_table = are_names(&block[0]) || (block.len() > 2 && is_headed(block));
        let are_captions = || block.iter().all(|record| is_caption(record, width));
        block.iter().all(|record| is_title(&record)) || (!is_table && (is_run(block) || are_captions()))
    };
    let blocks = || above.chunk_by(|_, next| !next.after_blank);
    let is_comment = |record: &Sampled<'_>| record.cells[0].starts_with('#');
    let titles = above.iter().filter(is_title);
    let is_one = !above.is_empty()
        && above.len() <= MAX_LINES
        && (head.after_blank || has_remark || above.iter().all(is_comment))
        && width > 1
        && !head.spaced
        && are_plain_names(head)
        && head.cells.iter().all(|cell| is_name(cell))
        && above.iter().all(|record| filled(record) < width)
        && titles.clone().count() <= MAX_TITLES
        && !titles.clone().any(|title| title.cells.iter().any(|cell| !cell.is_empty() && is_value(cell)))
        && blocks().all(is_no_table);
    is_one.then_some(above.len())
}
