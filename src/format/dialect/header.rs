//! Where a table begins within even records, and which of its rows name the columns.

use super::detect::Fit;
use crate::schema::{Inference, Type};

/// Title rows of the table's own width at most.
const MAX_TITLES: usize = 10;

/// Header rows that are joined at most.
const MAX_HEADER_ROWS: usize = 3;

/// Whether a cell is of another type than text.
pub(super) fn is_value(cell: &str) -> bool {
    let mut inference = Inference::default();
    inference.see(cell.trim());
    inference.fits().narrowest() != Type::Text
}

/// Whether cells can be a row of names: nearly all filled, and none of them a value.
pub(super) fn names(cells: &[String]) -> bool {
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    filled * 10 >= cells.len() * 8 && filled > 1 && !cells.iter().any(|cell| is_value(cell))
}

/// How a cell with digits looks, each run of them taken as one; `None` where it has none: `03.05.2020` is `9.9.9`.
fn figure(cell: &str) -> Option<String> {
    let mut figure = String::with_capacity(cell.len());
    for letter in cell.trim().chars() {
        match letter.is_ascii_digit() {
            true if figure.ends_with('9') => {}
            true => figure.push('9'),
            false => figure.push(letter),
        }
    }
    figure.contains('9').then_some(figure)
}

/// Whether nine of ten are so.
fn nearly_all(cells: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    cells.iter().filter(|cell| is_so(cell)).count() * 10 >= cells.len() * 9
}

/// How many rows at the top of the table are titles: a text in the first cell and nothing else, above a row of names; or, where
/// other lines stand above it already, rows above the one that names columns of values.
pub(super) fn titles(fit: &Fit) -> usize {
    let table: Vec<_> = fit.records[fit.first.min(fit.records.len())..].iter().map(|record| &record.cells).collect();
    let filled = |cells: &[String]| cells.iter().filter(|cell| !cell.is_empty()).count();
    let title = |cells: &[String]| cells.len() > 1 && filled(cells) <= 1 && cells[1..].iter().all(String::is_empty);
    let above = table.iter().take(MAX_TITLES).take_while(|cells| title(cells)).count();
    if above > 0 && table.get(above).is_some_and(|cells| names(cells)) {
        return above;
    }
    if fit.first == 0 || table.len() < 4 {
        return 0;
    }
    let rest = &table[2..table.len().min(50)];
    let column_of_values = |place: usize| {
        let cells = || rest.iter().filter_map(|cells| cells.get(place)).filter(|cell| !cell.is_empty());
        cells().count() > 1 && cells().all(|cell| is_value(cell))
    };
    let values = (0..fit.width).any(column_of_values);
    usize::from(values && names(table[0]) && names(table[1]))
}

/// How many of the table's first rows name its columns.
pub(super) fn header_rows(table: &[&Vec<String>], width: usize) -> usize {
    let Some((first, rest)) = table.split_first() else { return 1 };
    let rest: Vec<_> = rest.iter().filter(|cells| cells.len() == width).take(200).collect();
    let years = is_years(first);
    let values = first.iter().filter(|cell| is_value(cell)).count();
    let filled = first.iter().filter(|cell| !cell.is_empty()).count();
    let column = |place: usize| -> Vec<&str> {
        rest.iter().map(|cells| cells[place.min(width - 1)].as_str()).filter(|cell| !cell.is_empty()).collect()
    };
    if rest.is_empty() && values > 0 && !years {
        return 0;
    }
    if filled > 0 && values == filled && !years {
        return usize::from(is_counted(first) && !(0..first.len()).all(|place| nearly_all(&column(place), is_whole)));
    }
    // A value in a column of values: the row is one of them, unless the other columns say that it is not.
    let (mut says_row, mut says_header) = (0, 0);
    for (place, cell) in first.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        let others = column(place);
        if others.is_empty() {
            continue;
        }
        // Days as people write them, amounts with a comma and codes are no values, but look like each other.
        let figure_of = figure(others[0]);
        let alike = figure_of.is_some() && nearly_all(&others, |other| figure(other) == figure_of);
        match (is_value(cell), nearly_all(&others, is_value)) {
            (true, true) if !years || nearly_all(&others, is_year) => says_row += 1,
            (true, true) => {}
            (false, true) => says_header += 1,
            (_, false) if alike && figure(cell) == figure_of => says_row += 1,
            (false, false) if alike && figure(cell).is_none() => says_header += 1,
            _ => {}
        }
    }
    if says_row > says_header {
        return 0;
    }
    // Headings over several columns: the next row names the columns below those that the first left empty.
    let mut rows = 1;
    let gaps = first.iter().filter(|cell| cell.is_empty()).count();
    if gaps > 0 && gaps < first.len() {
        while rows < MAX_HEADER_ROWS && rows < table.len() {
            let row = table[rows];
            // Each column is named by one of the rows.
            let named =
                |place: usize| table[..=rows].iter().any(|row| row.get(place).is_some_and(|cell| !cell.is_empty()));
            let names = (0..row.len()).filter(|place| named(*place)).count();
            let several = row.iter().filter(|cell| !cell.is_empty()).count() > 1;
            let below = table.get(rows + 1).is_some_and(|next| next.iter().any(|cell| is_value(cell)));
            if row.iter().any(|cell| is_value(cell)) || names * 10 < row.len() * 9 || !several || !below {
                break;
            }
            rows += 1;
            if names == row.len() {
                break;
            }
        }
    }
    rows
}

/// The columns' names out of the rows of a header, joined with a blank. A heading stands over the empty cells to its right too, where
/// there are names below them and below it.
pub(in crate::format) fn joined(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let cell = |row: usize, place: usize| rows[row].get(place).map_or("", String::as_str);
    let below = |row: usize, place: usize| (row + 1..rows.len()).any(|row| !cell(row, place).is_empty());
    let heading = |row: usize, place: usize| {
        if !cell(row, place).is_empty() || !below(row, place) {
            return cell(row, place);
        }
        match (0..place).rev().find(|left| !cell(row, *left).is_empty()) {
            Some(left) if below(row, left) => cell(row, left),
            _ => "",
        }
    };
    let name =
        |place| (0..rows.len()).map(|row| heading(row, place)).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    (0..width).map(|place| name(place).join(" ")).collect()
}

/// Whether the values among the names are years one after the other, as in `country,2019,2020`.
fn is_years(cells: &[String]) -> bool {
    let years: Vec<i32> = cells.iter().filter(|cell| is_value(cell)).filter_map(|cell| cell.parse().ok()).collect();
    let values = cells.iter().filter(|cell| is_value(cell)).count();
    let step = |pair: &[i32]| {
        (pair[1] - pair[0]).abs() == 1 || (pair[1] - pair[0]).abs() == 5 || (pair[1] - pair[0]).abs() == 10
    };
    years.len() == values
        && !years.is_empty()
        && values < cells.len()
        && years.iter().all(|year| YEARS.contains(year))
        && years.windows(2).all(step)
}

const YEARS: std::ops::RangeInclusive<i32> = 1800..=2200;

fn is_year(cell: &str) -> bool {
    cell.parse().is_ok_and(|year| YEARS.contains(&year))
}

fn is_whole(cell: &str) -> bool {
    cell.parse::<i64>().is_ok()
}

/// Whether the cells count the columns, as programs name those that have no name: `0,1,2` or `1,2,3`, over a first column
/// of row numbers perhaps, which has none.
fn is_counted(cells: &[String]) -> bool {
    let cells = if cells[0].is_empty() { &cells[1..] } else { cells };
    let from = usize::from(cells.first().is_some_and(|cell| cell == "1"));
    cells.len() > 1 && cells.iter().enumerate().all(|(at, cell)| *cell == (at + from).to_string())
}
