//! The frame of a table's records: titles and pairs of a word and its value above it, and the rows that name its
//! columns.

use std::borrow::Cow;

use super::alike::{is_amount, is_code, is_like, is_numbered, is_of_pattern, is_sure};
use super::captions::below_captions;
use super::crosstab::{below_pivot, several_rows};
use super::fit::Fit;
use super::header::{
    figure, has_digit, is_header, is_of_figure, is_progress, is_stated, is_value, is_written_value, names, nearly_all,
};
use super::null_words::is_null_word;
use super::pairs::below_pairs;
use super::prose::below_prose;
use super::units::{gives_units, qualifies};
use super::words::are_names;
use crate::format::csv::sampled::Sampled;

/// Title rows in one block, and lines of pairs, at most.
const MAX_TITLES: usize = 10;
const MAX_PAIRS: usize = 20;

/// Lines above a table of one column, and columns of labels without a name, at most.
const MAX_LINES: usize = 3;
const MAX_UNNAMED: usize = 3;

/// Header rows that are joined, at most.
const MAX_HEADER_ROWS: usize = 3;

/// Records that are looked at below a header.
pub(super) const LOOKED_AT: usize = 200;

/// The first row of a table among the records, a row of its header if it has one, and the number of its header's rows.
pub(super) fn frame(fit: &Fit<'_>) -> (usize, usize) {
    let first = fit.first.min(fit.records.len());
    if fit.is_statement {
        return (first, rows_of_header(&fit.records[first..], fit.width).max(1));
    }
    if let Some(rows) = several_rows(&fit.records[first..], fit.width) {
        return (first, rows);
    }
    let mut start = first + below_titles(&fit.records[first..], fit.width);
    if start == first {
        start += below_pivot(&fit.records[first..], fit.width);
    }
    if start == first && fit.width <= 2 {
        start += below_text(&fit.records[first..]);
    }
    if start == first && first > 0 {
        start += usize::from(is_letterhead(&fit.records[first..], fit.width));
    }
    if start == first {
        start += below_prose(&fit.records[first..], fit.width);
    }
    if fit.width == 2 && !fit.records.get(start).is_some_and(are_names) {
        start = start.max(first + below_pairs(&fit.records[first..], first > 0));
    }
    let mut is_named = None;
    if start == first {
        let named = is_header(&cells(&fit.records[first..]), fit.width);
        start += below_captions(&fit.records[first..], fit.width, named);
        is_named = (start == first).then_some(named);
    }
    let table = &fit.records[start..];
    if start > first
        && let Some(rows) = several_rows(table, fit.width)
    {
        return (start, rows);
    }
    if is_named.unwrap_or_else(|| is_header(&cells(table), fit.width)) {
        let (above, rows) = header_rows(table, fit.width);
        return (start + above, rows);
    }
    // The last title right above rows that are like each other names their first column.
    let names_column =
        |title: &Sampled<'_>| is_title(title) && !title.cells.iter().any(|cell| is_stated(cell) || is_null_word(cell));
    let is_named = start > first && !table.is_empty() && !table[0].after_blank && names_column(&fit.records[start - 1]);
    if is_named && !is_of_column(&fit.records, start - 1) { (start - 1, 1) } else { (start, 0) }
}

/// The number of rows of a header that begins with the first record.
pub(super) fn rows_of_header(table: &[Sampled<'_>], width: usize) -> usize {
    match several_rows(table, width) {
        Some(rows) => rows,
        None if is_header(&cells(table), width) => header_rows(table, width).1,
        None => 0,
    }
}

/// The cells of each record, up to the header of another table: names below a blank line, one of which is the first
/// row's. Records that a quote too many has cut badly tell nothing.
fn cells<'r, 's>(records: &'r [Sampled<'s>]) -> Vec<&'r [Cow<'s, str>]> {
    let shares = |record: &Sampled<'_>| record.cells.iter().zip(&records[0].cells).any(|(cell, name)| cell == name);
    let is_other = |record: &Sampled<'_>| record.after_blank && names(&record.cells) && shares(record);
    let end = records.iter().skip(1).position(is_other).map_or(records.len(), |at| at + 1);
    let is_whole = |(at, record): &(usize, &Sampled<'_>)| *at == 0 || !record.stray;
    records[..end].iter().enumerate().filter(is_whole).map(|(_, record)| record.cells.as_slice()).collect()
}

fn filled(record: &Sampled<'_>) -> usize {
    record.cells.iter().filter(|cell| !cell.is_empty()).count()
}

fn has_value(record: &Sampled<'_>) -> bool {
    record.cells.iter().any(|cell| is_value(cell))
}

/// True if no value stands in a row, but for years and the like.
fn may_be_names(record: &Sampled<'_>) -> bool {
    !has_value(record) || is_progress(&record.cells)
}

/// True if a row has one text in it, in any place.
fn is_title(record: &Sampled<'_>) -> bool {
    record.cells.len() > 1 && filled(record) <= 1 && !has_value(record)
}

/// True if each filled cell of a row is like those below it, with digits at the same places, another code, or one of
/// them once more: then it is one of their records, with any cells empty.
fn is_of_column(rows: &[Sampled<'_>], at: usize) -> bool {
    let below = |place: usize| -> Vec<&str> {
        let below = rows[at + 1..].iter().take(LOOKED_AT).filter_map(|record| record.cells.get(place));
        below.map(|cell| &**cell).filter(|cell| !cell.is_empty() && !is_null_word(cell)).collect()
    };
    let is_like_those = |(place, cell): (usize, &Cow<'_, str>)| {
        let others = below(place);
        let has_figure =
            figure(cell).is_some_and(|figure| nearly_all(&others, |other| is_of_figure(other, Some(&figure))));
        !others.is_empty()
            && (has_figure
                || is_of_pattern(cell, &others)
                || is_like(cell, &others)
                || is_code(cell, &others)
                || others.contains(&&**cell))
    };
    let cells = || rows[at].cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
    cells().count() > 0 && cells().all(is_like_those)
}

/// True if a row is a word and its value, filled up with delimiters.
fn is_pair(record: &Sampled<'_>, width: usize) -> bool {
    width > 2
        && record.cells.len() > 2
        && record.cells[2..].iter().all(|cell| cell.is_empty())
        && !record.cells[0].is_empty()
}

/// True if rows right above a header are rather pairs than one that names the first two columns only.
fn tells_pairs(rows: &[Sampled<'_>]) -> bool {
    rows.len() > 1 || rows[0].cells[0].trim_end().ends_with(':') || has_digit(&rows[0].cells[1])
}

/// True if a cell of a row stands in its column below once more, as those of records do.
fn stands_again(row: &Sampled<'_>, below: &[Sampled<'_>]) -> bool {
    let is_again = |(place, cell): (usize, &Cow<'_, str>)| {
        !cell.is_empty() && below.iter().take(LOOKED_AT).any(|record| record.cells.get(place) == Some(cell))
    };
    row.cells.iter().enumerate().any(is_again)
}

/// The columns that have a cell in the records up to the next blank line.
pub(super) fn in_use(records: &[Sampled<'_>], width: usize) -> Vec<usize> {
    let end = records.iter().skip(1).position(|record| record.after_blank).map_or(records.len(), |at| at + 1);
    let block = &records[..end.min(LOOKED_AT)];
    let is_used =
        |place: &usize| block.iter().any(|record| record.cells.get(*place).is_some_and(|cell| !cell.is_empty()));
    (0..width).filter(is_used).collect()
}

/// The number of these columns that the rows name.
fn named(rows: &[Sampled<'_>], columns: &[usize]) -> usize {
    let is_named = |place: &&usize| rows.iter().any(|row| row.cells.get(**place).is_some_and(|cell| !cell.is_empty()));
    columns.iter().filter(is_named).count()
}

/// The number of rows that are titles, or pairs of a word and its value: whole blocks above the one that begins with a
/// row without values, and those in this block above a row that names nearly all columns in use.
fn below_titles(rows: &[Sampled<'_>], width: usize) -> usize {
    let passes = |at: usize| (is_title(&rows[at]) || is_pair(&rows[at], width)) && !is_of_column(rows, at);
    let (mut passed, mut at, mut ends) = (0, 0, true);
    for block in rows.chunk_by(|_, next| !next.after_blank) {
        if at > 0 && may_be_names(&block[0]) {
            passed = at;
        }
        ends = at + block.len() <= MAX_TITLES + MAX_PAIRS && (at..at + block.len()).all(passes);
        if !ends {
            break;
        }
        at += block.len();
    }
    // If only such rows come, they are records.
    if ends {
        return 0;
    }
    let block = &rows[passed..];
    let names_most = |count: usize, least: usize| {
        let Some(row) = block.get(count).filter(|row| count > 0 && !row.after_blank) else { return false };
        // An empty name stands over the rows' names, and a name over their values.
        if width == 2 && count > 0 && block[0].cells[0].is_empty() {
            return false;
        }
        let used = in_use(&block[count + 1..], width);
        // A heading over several columns, and the names below it.
        let two = block.get(count..count + 2).filter(|two| !has_value(&two[1]) && filled(&two[1]) > 1);
        let names_them = |rows: &[Sampled<'_>], tenths: usize| named(rows, &used) * 10 >= used.len() * tenths;
        filled(row) >= least
            && may_be_names(row)
            && (names_them(std::slice::from_ref(row), 8) || two.is_some_and(|two| names_them(two, 9)))
    };
    let count = |most: usize, is_one: &dyn Fn(usize) -> bool| {
        (passed..rows.len()).take(most).take_while(|at| is_one(*at)).count()
    };
    let titles = count(MAX_TITLES, &|at| is_title(&rows[at]) && passes(at));
    let pairs = count(MAX_PAIRS, &passes);
    passed
        + match () {
            () if pairs > titles
                && (tells_pairs(&block[..pairs]) || block.get(pairs).is_some_and(is_full_row_of_years))
                && names_most(pairs, 3)
                && !block[..pairs].iter().any(|pair| stands_again(pair, &block[pairs..]))
                && is_header(&cells(&block[pairs..]), width) =>
            {
                pairs
            }
            () if names_most(titles, 2) || (titles > 0 && names_all_but(&block[..titles], &block[titles..], width)) => {
                titles
            }
            () => 0,
        }
}

/// The number of rows in a block above a table of one or two columns: a line or two, or a word and its value in each,
/// above a blank line and names over figures that the names are not like. A block that is a table of its own stays one.
fn below_text(rows: &[Sampled<'_>]) -> usize {
    let end = rows.iter().skip(1).position(|record| record.after_blank).map_or(0, |at| at + 1);
    let (above, table) = rows.split_at(end);
    let width = table.first().map_or(0, |head| head.cells.len());
    let most = if width == 1 { MAX_LINES } else { MAX_PAIRS };
    let is_line = |record: &Sampled<'_>| filled(record) == 1 || (filled(record) == 2 && !is_value(&record.cells[0]));
    let end_of_table = table.iter().skip(1).position(|record| record.after_blank).map_or(table.len(), |at| at + 1);
    let table = &table[..end_of_table];
    let is_text = !above.is_empty() && above.len() <= most && above.iter().all(is_line) && !names_figures(above);
    if is_text && table.iter().all(|record| record.cells.len() == width) && names_figures(table) { end } else { 0 }
}

/// True if the first of the rows names figures: a column of cells with digits, over which stands a name without any.
pub(super) fn names_figures(rows: &[Sampled<'_>]) -> bool {
    let Some((head, rest)) = rows.split_first() else { return false };
    let is_named = |place: usize| {
        let below: Vec<&str> = rest.iter().filter_map(|record| record.cells.get(place)).map(|cell| &**cell).collect();
        let cells: Vec<&str> = below.into_iter().filter(|cell| !cell.is_empty()).collect();
        let of_first = cells.first().and_then(|cell| figure(cell));
        let alike = nearly_all(&cells, is_value)
            || nearly_all(&cells, |cell| is_of_figure(cell, of_first.as_deref()))
            || nearly_all(&cells, is_amount);
        cells.len() > 1 && alike && !has_digit(&head.cells[place])
    };
    rest.len() > 1
        && !head.cells.iter().any(|cell| cell.trim().is_empty() || is_value(cell))
        && (0..head.cells.len()).any(is_named)
}

/// True if the first row, below other lines of a letterhead, is one more of them, with a comma in it: above the one
/// that names columns of values. It looks less like a header than that one, which looks like no record: else both stay
/// in the table.
fn is_letterhead(table: &[Sampled<'_>], width: usize) -> bool {
    if table.len() < 4 {
        return false;
    }
    let rest = &table[2..table.len().min(50)];
    let column_of_values = |place: usize| {
        let cells = || rest.iter().filter_map(|record| record.cells.get(place)).filter(|cell| !cell.is_empty());
        cells().count() > 1 && cells().all(|cell| is_value(cell))
    };
    let [line, head] = [&table[0], &table[1]];
    let is_line_of_text = line.spaced || line.cells.iter().any(|cell| has_digit(cell));
    let is_plain = !head.spaced && !head.cells.iter().any(|cell| has_digit(cell) || is_null_word(cell));
    let all_names = names(&line.cells) && names(&head.cells);
    (0..width).any(column_of_values) && all_names && is_line_of_text && is_plain
}

/// The number of rows above the header of a table that begins with one, and of its own rows: the fewest that together
/// name nearly all columns in use, and those that qualify names or give units.
fn header_rows(table: &[Sampled<'_>], width: usize) -> (usize, usize) {
    let mut rows = 1;
    for count in 1..=MAX_HEADER_ROWS.min(table.len()) {
        let row = &table[count - 1];
        let below = &table[count..];
        let used = in_use(below, width);
        let is_no_name = |(place, cell): (usize, &Cow<'_, str>)| {
            is_sure(cell) || is_null_word(cell) || (is_written_value(cell) && !is_numbered(&row.cells, place))
        };
        let has_no_name = || row.cells.iter().enumerate().any(is_no_name) && !is_row_of_years(row);
        let is_other = || !may_be_names(row) || has_no_name() || !goes_on(&table[..count - 1], row, width);
        if (count > 1 && is_other()) || used.is_empty() {
            break;
        }
        let names_others =
            || count > 1 && named(&table[..count], &used[..1]) == 0 && names_all_but_first(&table[count - 1..], width);
        if named(&table[..count], &used) * 10 >= used.len() * 9 || names_others() {
            let tells = || is_row_of_years(row) || tells_names(&table[..count], below);
            rows = if count == 1 || tells() { count } else { 1 };
            break;
        }
    }
    let used = in_use(&table[rows.min(table.len())..], width);
    if rows > 1 && names_all(&table[rows - 1], &used) && table[..rows - 1].iter().all(|row| is_pair(row, width)) {
        return (rows - 1, 1);
    }
    if rows < MAX_HEADER_ROWS && qualifies(&table[rows.min(table.len())..], &used) {
        rows += 1;
    } else if rows == 1 && gives_units(table, width) {
        rows = 2;
    }
    (0, rows)
}

/// True if a row is words and years or the like, two at least, without an empty cell between them.
fn is_full_row_of_years(row: &Sampled<'_>) -> bool {
    let is_filled = row.cells.iter().rev().skip_while(|cell| cell.is_empty()).all(|cell| !cell.is_empty());
    is_filled && !is_value(&row.cells[0]) && is_progress(&row.cells)
}

/// True if a row has years and the like in each cell but the first, which is empty.
fn is_row_of_years(row: &Sampled<'_>) -> bool {
    row.cells.len() > 2
        && row.cells[0].is_empty()
        && row.cells[1..].iter().all(|cell| is_value(cell))
        && is_progress(&row.cells)
}

/// True if titles stand above a row that names all columns in use but the first ones. One title alone may name the
/// first column, unless it has a digit or a blank and the row leaves two columns without a name.
fn names_all_but(titles: &[Sampled<'_>], rows: &[Sampled<'_>], width: usize) -> bool {
    let is_sentence = |cell: &Cow<'_, str>| has_digit(cell) || cell.trim().contains(' ');
    let unnamed = rows.first().map_or(0, |row| row.cells.iter().take_while(|cell| cell.is_empty()).count());
    let is_title = titles.len() > 1 || (unnamed > 1 && titles.iter().any(|title| title.cells.iter().any(is_sentence)));
    is_title && names_all_but_first(rows, width)
}

/// True if the first of the rows names all columns in use but the first ones, two at least, and begins with an empty
/// cell, as none of the others does.
fn names_all_but_first(rows: &[Sampled<'_>], width: usize) -> bool {
    let Some((row, below)) = rows.split_first() else { return false };
    let used = in_use(below, width);
    let is_named = |place: &usize| row.cells.get(*place).is_some_and(|cell| !cell.is_empty());
    let unnamed = used.iter().take_while(|place| !is_named(place)).count();
    let is_labelled = |record: &Sampled<'_>| {
        record.cells.iter().take(unnamed).all(|cell| !cell.is_empty()) && record.cells.len() > unnamed
    };
    (1..=MAX_UNNAMED).contains(&unnamed)
        && used.len() > unnamed + 1
        && used[..unnamed].iter().copied().eq(0..unnamed)
        && used[unnamed..].iter().all(is_named)
        && may_be_names(row)
        && !row.after_blank
        && below.iter().take(LOOKED_AT).take_while(|record| !record.after_blank).all(is_labelled)
}

/// True if a row goes on with the names of the rows above it: it stands below a heading over several columns, and gives
/// another word to none that has a name of its own. Empty cells at the beginning, or at the end without a heading, are
/// columns without a name.
fn goes_on(rows: &[Sampled<'_>], row: &Sampled<'_>, width: usize) -> bool {
    let is_named = |place: usize| named(rows, &[place]) > 0;
    // A heading stands over the empty cells to its right, or once more in each of them.
    let is_repeated = |left: usize| {
        let above = rows.last().map(|row| row.cells.as_slice()).unwrap_or_default();
        matches!((above.get(left), above.get(left + 1)), (Some(one), Some(next)) if one == next && !one.is_empty())
    };
    let spans = |place: usize| {
        let is_over_empty = place + 1 < width && !is_named(place + 1);
        is_named(place) && (is_over_empty || is_repeated(place) || (place > 0 && is_repeated(place - 1)))
    };
    let is_below_another = |(place, cell): (usize, &Cow<'_, str>)| {
        let repeats = || rows.iter().any(|above| above.cells.get(place) == Some(cell));
        !cell.is_empty() && is_named(place) && !spans(place) && !repeats()
    };
    (0..width).any(spans) && !row.cells.iter().enumerate().any(is_below_another)
}

/// True if a column has a value in one of the next two records and none in its names, or so with a digit.
fn tells_names(rows: &[Sampled<'_>], below: &[Sampled<'_>]) -> bool {
    let has = |place: usize, is_so: &dyn Fn(&str) -> bool| {
        rows.iter().filter_map(|row| row.cells.get(place)).any(|cell| is_so(cell))
    };
    let tells = |(place, cell): (usize, &Cow<'_, str>)| {
        (is_value(cell) && !has(place, &is_value)) || (has_digit(cell) && !has(place, &has_digit))
    };
    below.iter().take(2).any(|record| record.cells.iter().enumerate().any(tells))
}

/// True if a row gives each of the columns a name of its own.
fn names_all(row: &Sampled<'_>, columns: &[usize]) -> bool {
    let mut given: Vec<_> =
        columns.iter().filter_map(|place| row.cells.get(*place)).filter(|cell| !cell.is_empty()).collect();
    given.sort_unstable();
    given.dedup();
    given.len() == columns.len()
}
