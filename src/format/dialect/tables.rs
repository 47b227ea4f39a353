//! The tables that stand one below the other in a text, each with a header of its own.

use super::above::{extent, filled, is_text};
use super::header::{has_digit, is_value, is_written_value, names, nearly_all};
use super::null_words::is_null_word;
use super::words::{ROWS, are_names, is_name, is_table_of_words};
use super::{Dialect, NO_DELIMITER, ReadOptions};
use crate::format::csv::sampled::{Sampled, sampled};

/// Records of a sample that are looked at.
const RECORDS: usize = 2_000;

/// Lines of a table, at least: a header and two records.
const LINES: usize = 3;

/// Records below a header that tell its columns.
const LOOKED_AT: usize = 50;

/// The start of a table in a text, with the titles right above its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) struct TableStart {
    /// The first byte, from 0.
    pub at: usize,
    /// Lines before it.
    pub line: u64,
    /// The byte between cells, as in all tables of the text.
    pub delimiter: u8,
}

/// The starts of the tables of a text, as far as its first bytes show; empty if it holds one table. A table has a
/// header and two records at least. It ends at a blank line, or at a row of names of another width over records of that
/// width.
pub(in crate::format) fn table_starts(sample: &[u8], complete: bool, options: &ReadOptions) -> Vec<TableStart> {
    if is_even(sample) {
        return Vec::new();
    }
    let found = Dialect::detect(sample, complete, options);
    let dialect = Dialect { by_record: options.is_sheet, filled_up: options.is_sheet, ..found };
    if dialect.delimiter == NO_DELIMITER
        || dialect.width < 2
        || dialect.loose_header
        || dialect.header_delimiter.is_some()
    {
        return Vec::new();
    }
    let records: Vec<_> = sampled(sample, &dialect, complete).take(RECORDS).collect();
    let mut heads: Vec<usize> = Vec::new();
    for at in 0..records.len() {
        let before = heads.last().copied();
        let may_begin = before.is_some() || !options.is_sheet || is_no_run_of_pairs(&records, at);
        let is_other = || before.is_none_or(|before| is_other(&records, before, at));
        let is_first = before.is_none() && is_empty_table(&records, at);
        if is_first || (may_begin && is_head(&records, at, before) && is_other()) {
            heads.push(at);
        }
    }
    // The lines above the first header have to be text: a table without a header is none of several.
    if heads.len() < 2 || !records[..heads[0]].iter().all(is_text) {
        return Vec::new();
    }
    let start = |(place, head): (usize, &usize)| {
        let record = &records[with_titles(&records, *head)];
        let (at, line) = if place == 0 { (0, 0) } else { (record.place.start, record.line) };
        TableStart { at, line, delimiter: dialect.delimiter }
    };
    heads.iter().enumerate().map(start).collect()
}

/// True if the record at `at` is a row of names above two records of its width: right above them, or apart from the
/// lines above it, with at most half of the records below it of other widths, as broken ones are. It names a column of
/// values; or, apart, a column without any if the table `before` has them; or words.
fn is_head(records: &[Sampled<'_>], at: usize, before: Option<usize>) -> bool {
    let head = &records[at];
    let width = extent(head);
    if width < 2 || !names(&head.cells[..width]) || head.cells.iter().any(|cell| is_null_word(cell)) {
        return false;
    }
    let block = block(records, at);
    let even = even(block, width).count();
    let is_right_above = even > 1 && block.iter().take(2).all(|record| extent(record) == width);
    let is_above_most = is_apart(records, at) && even > 1 && even * 2 >= block.len();
    if !is_right_above && !is_above_most {
        return false;
    }
    // Amounts and days as people write them stand behind a word too, above the first table.
    let is_value = if before.is_some() || width > 2 || even >= ROWS || are_names(head) { is_figure } else { is_value };
    let is_first = with_titles(records, at) == 0;
    let names_values = |place: usize| is_column_of(records, at, place, is_value);
    // Two columns of words are rather words and what they mean, whatever stands above them.
    let breaks =
        || width > 2 && before.is_some_and(|before| (0..width).any(|place| breaks_values(records, before, at, place)));
    (0..width).any(names_values) || (is_apart(records, at) && (breaks() || is_table_of_words(head, block, is_first)))
}

/// True if the record at `at` is the header of a table without records: names of columns, two of them known ones and half
/// of all at least, with a blank line below and above.
fn is_empty_table(records: &[Sampled<'_>], at: usize) -> bool {
    let (head, width) = (&records[at], extent(&records[at]));
    let is_known = |cell: &str| is_name(cell) || cell.trim().eq_ignore_ascii_case("id");
    let known = head.cells[..width].iter().filter(|cell| is_known(cell)).count();
    let is_plain = !head.cells.iter().any(|cell| has_digit(cell) || is_null_word(cell));
    let is_alone = is_apart(records, at) && records.get(at + 1).is_some_and(|next| next.after_blank);
    is_alone && is_plain && width > 1 && names(&head.cells[..width]) && known > 1 && known * 2 >= width
}

/// True if the record at `at` of a sheet rather heads a table than a word and its value in each of some rows: it names
/// more than two columns, or has known names, or many rows below it.
fn is_no_run_of_pairs(records: &[Sampled<'_>], at: usize) -> bool {
    let head = &records[at];
    extent(head) > 2 || are_names(head) || even(block(records, at), extent(head)).count() >= ROWS
}

/// The records below the header at `at`, up to the next blank line.
fn block<'r, 's>(records: &'r [Sampled<'s>], at: usize) -> &'r [Sampled<'s>] {
    let below = &records[at + 1..records.len().min(at + 1 + LOOKED_AT)];
    let end = below.iter().position(|record| record.after_blank).unwrap_or(below.len());
    &below[..end]
}

fn even<'r, 's>(block: &'r [Sampled<'s>], width: usize) -> impl Iterator<Item = &'r Sampled<'s>> {
    block.iter().filter(move |record| extent(record) == width)
}

/// The filled cells of a column below the header at `at`: those of the records right below it, if two of these have its
/// width.
fn column<'r>(records: &'r [Sampled<'_>], at: usize, place: usize) -> impl Iterator<Item = &'r str> {
    let (block, width) = (block(records, at), extent(&records[at]));
    let run = block.iter().take_while(|record| extent(record) == width).count();
    let block = if run > 1 { &block[..run] } else { block };
    let cells = even(block, width).filter_map(move |record| record.cells.get(place));
    cells.map(|cell| &**cell).filter(|cell| !cell.is_empty())
}

/// True if a cell is a value, or one as people write it: `1,50`, `24.12.2025`.
fn is_figure(cell: &str) -> bool {
    is_value(cell) || is_written_value(cell)
}

/// True if all cells of a column are so.
fn is_column_of(records: &[Sampled<'_>], at: usize, place: usize, is_so: fn(&str) -> bool) -> bool {
    column(records, at, place).next().is_some() && column(records, at, place).all(is_so)
}

/// True if a column has values below the header `before`, two at least, and none below the one at `at`.
fn breaks_values(records: &[Sampled<'_>], before: usize, at: usize, place: usize) -> bool {
    is_column_of(records, before, place, is_figure)
        && column(records, before, place).count() > 1
        && column(records, at, place).count() > 1
        && !column(records, at, place).any(is_figure)
}

/// True if a blank line stands above the header at `at`, or above its titles, or nothing.
fn is_apart(records: &[Sampled<'_>], at: usize) -> bool {
    with_titles(records, at) == 0 || records[with_titles(records, at)].after_blank || records[at].after_blank
}

/// True if the header at `at` is another table's than the one `before`: cut into another number of cells; or apart,
/// over other columns.
fn is_other(records: &[Sampled<'_>], before: usize, at: usize) -> bool {
    let (one, other) = (&records[before], &records[at]);
    if block(records, before).is_empty() {
        return one.cells != other.cells;
    }
    if extent(one) != extent(other) && (one.cells.len() != other.cells.len() || is_apart(records, at)) {
        return one.cells[..extent(one)] != other.cells[..extent(other)];
    }
    let nearly = |head: usize, place: usize| nearly_all(&column(records, head, place).collect::<Vec<_>>(), is_figure);
    let is_titled = with_titles(records, at) < at;
    let differs = is_titled
        || is_table_of_words(other, block(records, at), false)
        || (0..extent(one)).any(|place| nearly(before, place) != nearly(at, place));
    is_apart(records, at) && differs && one.cells != other.cells
}

/// The first of the titles above the header at `at`: rows with one text in them, with blank lines between them or
/// without. Rows that end the records above, of as many cells, are records with empty cells.
fn with_titles(records: &[Sampled<'_>], at: usize) -> usize {
    let is_title = |record: &Sampled<'_>| filled(record) == 1 && !record.cells.iter().any(|cell| is_value(cell));
    let first = at - records[..at].iter().rev().take_while(|record| is_title(record)).count();
    let goes_on = |above: &Sampled<'_>| {
        let width = above.cells.len();
        width > 1 && records[first].cells.len() == width && !records[first].after_blank
    };
    if first == at || !first.checked_sub(1).is_some_and(|above| goes_on(&records[above])) {
        return first;
    }
    (first..=at).find(|at| records[*at].after_blank).unwrap_or(first)
}

/// True if some delimiter cuts all lines into as many cells, two of them filled at least, so that nothing ends a table:
/// decided without a further search. A line or two may be others, as a title or a broken record is: a table has three.
fn is_even(sample: &[u8]) -> bool {
    let whole = memchr::memrchr(b'\n', sample).map_or(&[][..], |end| &sample[..end]);
    if whole.is_empty() || memchr::memchr(b'\r', whole).is_some_and(|at| whole.get(at + 1) != Some(&b'\n')) {
        return false;
    }
    let is_cut_evenly = |delimiter: &u8| {
        let mut lines = lines(whole);
        let (width, _) = lines.next().and_then(|line| cells_of(line, *delimiter)).unwrap_or_default();
        let (mut even, mut odd, mut run) = (1, 0, 0);
        let goes_on = |line: &[u8]| match cells_of(line, *delimiter) {
            Some((count, filled)) if count == width && filled > 1 => {
                (even, run) = (even + 1, 0);
                true
            }
            Some((_, filled)) if filled > 0 => {
                (odd, run) = (odd + 1, run + 1);
                run < LINES
            }
            _ => false,
        };
        width > 1 && lines.all(goes_on) && odd * 10 <= even
    };
    b",;\t|".iter().any(is_cut_evenly)
}

/// The lines of a text, without their LF.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr::memchr(b'\n', text);
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// The number of a line's cells, and of those that are not blank; `None` if quotes are not closed in it, or stand
/// elsewhere than around cells.
fn cells_of(line: &[u8], delimiter: u8) -> Option<(usize, usize)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (mut count, mut filled, mut at) = (1, 0, 0);
    if memchr::memchr(b'"', line).is_none() {
        let mut is_filled = false;
        for byte in line {
            if *byte == delimiter {
                (count, filled) = (count + 1, filled + usize::from(is_filled));
                is_filled = false;
            } else {
                is_filled |= !byte.is_ascii_whitespace();
            }
        }
        return Some((count, filled + usize::from(is_filled)));
    }
    loop {
        let rest = &line[at..];
        let length = match rest.first() {
            Some(b'"') => {
                let close = 1 + memchr::memchr(b'"', &rest[1..])?;
                if rest.get(close + 1).is_some_and(|next| *next != delimiter) {
                    return None;
                }
                close + 1
            }
            _ => memchr::memchr(delimiter, rest).unwrap_or(rest.len()),
        };
        filled += usize::from(!rest[..length].trim_ascii().is_empty());
        if length == rest.len() {
            return Some((count, filled));
        }
        count += 1;
        at += length + 1;
    }
}
