//! The header of a crosstab: headings over several columns, and below them years, words and units that tell the columns
//! apart: `Region;Sales;;Costs;` over `;2023;2024;2023;2024`.

use super::above::extent;
use super::alike::is_amount;
use super::header::{is_stated, is_step, is_value, nearly_all};
use super::levels::levels;
use super::null_words::is_null_word;
use super::units::is_unit;
use crate::format::csv::sampled::Sampled;

/// Rows of the header, at most.
const MAX_ROWS: usize = 4;

/// Columns with the rows' names, at most.
const MAX_LABELS: usize = 3;

/// Records that are looked at below the header.
const LOOKED_AT: usize = 200;

/// Names in a pivot, in small letters.
const PIVOT_NAMES: [&str; 15] = [
    "column labels",
    "row labels",
    "grand total",
    "total",
    "spaltenbeschriftungen",
    "zeilenbeschriftungen",
    "gesamtergebnis",
    "gesamtsumme",
    "gesamt",
    "summe",
    "sum",
    "étiquettes de colonnes",
    "étiquettes de lignes",
    "total général",
    "total general",
];

/// First words of the name of a pivot's values, in small letters.
const VALUES_OF: [&str; 12] = [
    "sum of ",
    "count of ",
    "average of ",
    "min of ",
    "max of ",
    "product of ",
    "summe von ",
    "anzahl von ",
    "mittelwert von ",
    "minimum von ",
    "maximum von ",
    "somme de ",
];

/// The number of rows of a header with names of several levels.
pub(super) fn several_rows(table: &[Sampled<'_>], width: usize) -> Option<usize> {
    levels(table, width).max(crosstab(table, width))
}

/// The number of header rows of a crosstab: several headings, each over two columns or more, and rows below it that tell
/// these columns apart, the same for two headings. All columns but those of the rows' names are of values, and no row of
/// the header has a value but a year or a day. `None` for any other table.
fn crosstab(table: &[Sampled<'_>], width: usize) -> Option<usize> {
    (1..=MAX_LABELS).find_map(|from| rows_of(table, from, width))
}

/// The same, for a table in which the first `from` columns have the rows' names.
fn rows_of(table: &[Sampled<'_>], from: usize, width: usize) -> Option<usize> {
    // Most tables have one name for each column, which is soon seen.
    if width < from + 3 || !table.first().is_some_and(|row| are_groups(&spanned(&cells_of(row, from, width)))) {
        return None;
    }
    let mut names: Vec<Vec<&str>> = vec![Vec::new(); width - from];
    let (mut is_of_days, mut tells, mut rows) = (false, false, 0);
    let is_unnamed = |row: &Sampled<'_>| row.cells.iter().take(from).all(|cell| cell.trim().is_empty());
    for row in table.iter().take(MAX_ROWS).take_while(|row| is_row(row, from, width)) {
        let cells = cells_of(row, from, width);
        let spanned = spanned(&cells);
        if rows == 0 {
            is_of_days = cells.iter().all(|cell| cell.is_empty() || is_step(cell) || is_written_day(cell));
        } else {
            let tells_apart = !are_apart(&names) && is_same_in_each(&names, &spanned);
            let are_words = cells.iter().all(|cell| cell.is_empty() || is_word(cell));
            // Years that tell no columns apart, and words behind the name of a row, are rather a record; so is a second
            // row with a name, unless it has words below years or days.
            let is_named_too = !is_unnamed(row) && !table[..rows].iter().all(is_unnamed);
            let is_record = match tells_apart {
                true => is_named_too && !(are_words && is_of_days),
                false => cells.iter().any(|cell| is_value(cell)) || !is_unnamed(row),
            };
            if is_record {
                break;
            }
            tells |= tells_apart;
        }
        names.iter_mut().zip(&spanned).for_each(|(name, cell)| name.push(cell));
        rows += 1;
    }
    let is_index = |row: &Sampled<'_>| {
        let (labels, others) = row.cells.split_at(from.min(row.cells.len()));
        labels.iter().all(|cell| is_word(cell)) && others.iter().all(|cell| cell.trim().is_empty())
    };
    if table.get(rows).is_some_and(is_index) && table[..rows].iter().all(is_unnamed) {
        rows += 1;
    }
    let records = table.get(rows..).unwrap_or_default();
    let is_so = rows > 0 && tells && are_apart(&names) && are_values(records, from, width);
    is_so.then_some(rows)
}

/// The cells of a row behind those of the rows' names.
fn cells_of<'r>(row: &'r Sampled<'_>, from: usize, width: usize) -> Vec<&'r str> {
    (from..width).map(|place| row.cells.get(place).map_or("", |cell| cell.trim())).collect()
}

/// True if several headings stand over two columns or more each.
fn are_groups(spanned: &[&str]) -> bool {
    spanned.chunk_by(|one, next| one == next).filter(|group| group.len() > 1).count() > 1
}

/// True if a row may be of the header: words or nothing over the rows' names, and over each other column a word, a year,
/// a day or a unit, or nothing behind one of these.
fn is_row(row: &Sampled<'_>, from: usize, width: usize) -> bool {
    let is_name = |cell: &str| {
        !is_null_word(cell)
            && (is_step(cell)
                || is_written_day(cell)
                || is_unit(cell)
                || (!is_value(cell) && cell.contains(char::is_alphabetic)))
    };
    let (labels, others) = row.cells.split_at(from.min(row.cells.len()));
    row.cells.len() <= width
        && labels.iter().all(|cell| cell.trim().is_empty() || is_word(cell))
        && others.first().is_some_and(|cell| !cell.trim().is_empty())
        && others.iter().all(|cell| cell.trim().is_empty() || is_name(cell.trim()))
}

fn is_word(cell: &str) -> bool {
    cell.contains(char::is_alphabetic) && !is_value(cell) && !is_null_word(cell) && !is_stated(cell)
}

/// True for a day as people write it: `31.12.2022`, `12/31/2022`.
fn is_written_day(cell: &str) -> bool {
    let parts: Vec<&str> = cell.split(['.', '/']).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(lengths.as_slice(), [1..=2, 1..=2, 2 | 4]) && parts.iter().all(is_digits)
}

/// The cells, with the one to its left in each empty one.
fn spanned<'c>(cells: &[&'c str]) -> Vec<&'c str> {
    let mut last = "";
    cells
        .iter()
        .map(|cell| {
            last = if cell.is_empty() { last } else { cell };
            last
        })
        .collect()
}

/// True if no two columns have the same names.
fn are_apart(names: &[Vec<&str>]) -> bool {
    (1..names.len()).all(|at| !names[..at].contains(&names[at]))
}

/// True if the cells are the same in each two groups of columns that have the same names so far, and differ within them.
fn is_same_in_each(names: &[Vec<&str>], cells: &[&str]) -> bool {
    let mut rest = cells;
    let mut groups = Vec::new();
    for group in names.chunk_by(|one, next| one == next) {
        let (cells, others) = rest.split_at(group.len());
        rest = others;
        // One column alone needs no name of its own.
        if cells.len() > 1 {
            groups.push(cells);
        }
    }
    groups.len() > 1
        && groups[0].iter().any(|cell| *cell != groups[0][0])
        && groups.iter().all(|group| *group == groups[0])
}

/// True if the records have names in their first columns, and values in all others, not each of them a year.
fn are_values(records: &[Sampled<'_>], from: usize, width: usize) -> bool {
    let records = &records[..records.len().min(LOOKED_AT)];
    let column = |place: usize| -> Vec<&str> {
        let cells = records.iter().filter_map(|record| record.cells.get(place)).map(|cell| &**cell);
        cells.filter(|cell| !cell.is_empty() && !is_null_word(cell)).collect()
    };
    let is_named = |record: &Sampled<'_>| record.cells.len() < width || !record.cells[0].is_empty();
    let is_of_values = |place: usize| {
        let cells = column(place);
        cells.is_empty() || nearly_all(&cells, |cell| is_value(cell) || is_amount(cell))
    };
    let is_of_years = |place: usize| nearly_all(&column(place), is_step);
    !records.is_empty()
        && records.iter().all(is_named)
        && (from..width).all(is_of_values)
        && !(from..width).all(is_of_years)
}

/// The number of rows above the names of a pivot table, 1 or 0: the names of its values and of its columns, with no cell
/// behind them, over words that each stand over values but the first.
pub(super) fn below_pivot(rows: &[Sampled<'_>], width: usize) -> usize {
    let [title, head, records @ ..] = rows else { return 0 };
    let end = records.iter().position(|record| record.after_blank).unwrap_or(records.len());
    let records = &records[..end];
    let is_title = extent(title) == 2 && title.cells[..2].iter().all(|cell| is_word(cell));
    let mut names: Vec<_> = head.cells.iter().collect();
    names.sort_unstable();
    names.dedup();
    let are_names = head.cells.len() == width && names.len() == width && head.cells.iter().all(|cell| is_word(cell));
    let has_values =
        |place: usize| records.iter().any(|record| record.cells.get(place).is_some_and(|cell| is_value(cell)));
    let is_told = title.cells.iter().chain(&head.cells).any(|cell| is_of_pivot(cell));
    let is_pivot = width > 2
        && is_told
        && is_title
        && are_names
        && !head.after_blank
        && records.len() > 1
        && are_values(records, 1, width)
        && (1..width).all(has_values);
    usize::from(is_pivot)
}

/// True for a name that programs give a pivot's values, rows or columns: `Sum of Amount`, `Row Labels`, `Grand Total`.
fn is_of_pivot(cell: &str) -> bool {
    let cell = cell.trim().to_lowercase();
    PIVOT_NAMES.contains(&cell.as_str()) || VALUES_OF.iter().any(|words| cell.starts_with(words))
}
