//! Whether a row names the columns of those below it, and the names that several such rows give together.

use std::borrow::Cow;

use super::alike::{is_amount, is_code, is_like, is_part_number};
use crate::schema::{Fits, Inference, Type};

/// Whether a cell is of another type than text.
pub(in crate::format) fn is_value(cell: &str) -> bool {
    let mut inference = Inference::default();
    inference.see(trimmed(cell));
    inference != Inference::within(Fits::TEXT) && inference.fits().narrowest() != Type::Text
}

/// A cell without blanks around it, which few have.
fn trimmed(cell: &str) -> &str {
    let is_bare = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = cell.as_bytes();
    if is_bare(bytes.first()) && is_bare(bytes.last()) { cell } else { cell.trim() }
}

/// Whether cells can be a row of names: nearly all filled, and none of them a value.
pub(super) fn names(cells: &[Cow<'_, str>]) -> bool {
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    filled * 10 >= cells.len() * 8 && filled > 1 && !cells.iter().any(|cell| is_value(cell))
}

pub(super) fn has_digit(cell: &str) -> bool {
    cell.bytes().any(|byte| byte.is_ascii_digit())
}

/// How a cell with digits looks, each run of them taken as one; `None` where it has none: `03.05.2020` is `9.9.9`.
pub(super) fn figure(cell: &str) -> Option<String> {
    has_digit(cell).then(|| figures(cell).collect())
}

/// Whether a cell has digits and looks as this figure does.
pub(super) fn is_of_figure(cell: &str, figure: Option<&str>) -> bool {
    let Some(figure) = figure else { return false };
    if !cell.is_ascii() {
        return figures(cell).eq(figure.chars());
    }
    let (cell, mut figure, mut at) = (trimmed(cell).as_bytes(), figure.bytes(), 0);
    while let Some(byte) = cell.get(at) {
        let run = cell[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if figure.next() != Some(if run > 0 { b'9' } else { *byte }) {
            return false;
        }
        at += run.max(1);
    }
    figure.next().is_none()
}

fn figures(cell: &str) -> impl Iterator<Item = char> {
    let mut before = None;
    cell.trim().chars().filter_map(move |letter| {
        let letter = if letter.is_ascii_digit() { '9' } else { letter };
        let is_again = letter == '9' && before == Some(letter);
        before = Some(letter);
        (!is_again).then_some(letter)
    })
}

/// Whether nine of ten are so.
pub(super) fn nearly_all(cells: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    cells.iter().filter(|cell| is_so(cell)).count() * 10 >= cells.len() * 9
}

/// Whether the table's first row names its columns. A record that is lost to the names is worse than names that are loaded as a record: a
/// value over values makes it one, whatever its other cells are.
pub(super) fn is_header(table: &[&[Cow<'_, str>]], width: usize) -> bool {
    let Some((first, rest)) = table.split_first() else { return true };
    let rest: Vec<_> = rest.iter().filter(|cells| cells.len() == width && !is_again(first, cells)).take(200).collect();
    let values = first.iter().filter(|cell| is_value(cell)).count();
    let filled = first.iter().filter(|cell| !cell.is_empty()).count();
    let column = |place: usize| -> Vec<&str> {
        rest.iter().map(|cells| &*cells[place.min(width - 1)]).filter(|cell| !cell.is_empty()).collect()
    };
    let years = is_progress(first) && !is_amount_of_a_year(first, column);
    if rest.is_empty() && values > 0 && !years {
        return false;
    }
    if filled > 0 && values == filled && !years {
        let columns = || (0..first.len()).map(column);
        let numbers = |is_number: fn(&str) -> bool| columns().all(|cells| nearly_all(&cells, is_number));
        let is_long = filled >= COUNTED || first[0].is_empty();
        return is_counted(first) && !numbers(if is_long { is_whole } else { is_value });
    }
    let (mut says_row, mut says_header) = (0, 0);
    for (place, cell) in first.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        let others = column(place);
        if others.is_empty() {
            continue;
        }
        // Days as people write them, amounts with a comma and codes are no values, but look like each other.
        let figure_of = figure(others[0]);
        let has_figure = |cell: &str| is_of_figure(cell, figure_of.as_deref());
        let are_alike = || figure_of.is_some() && nearly_all(&others, has_figure);
        match (is_value(cell), nearly_all(&others, is_value)) {
            // A day over numbers is the name of their column.
            (true, true) if is_of_another_kind(cell, &others) => says_header += 1,
            (true, true) if !years || nearly_all(&others, is_step) => return false,
            (true, true) => {}
            // A word for nothing is rather a value than a name, where it is no category.
            (false, true) if is_null_word(cell) => says_row += usize::from(first.len() > 1 && !is_category(cell)),
            (false, _) if is_like(cell, &others) => return false,
            (false, true) => says_header += 1,
            (false, false) if has_figure(cell) && !cell.contains(char::is_alphabetic) && are_alike() => {
                return false;
            }
            (_, false)
                if (has_figure(cell) && are_alike()) || is_code(cell, &others) || is_part_number(cell, &others) =>
            {
                says_row += 1
            }
            // No name stands in its own column once more.
            (false, false) if first.len() > 1 && others.contains(&&**cell) => says_row += 1,
            (false, false) if figure(cell).is_none() && are_alike() => says_header += 1,
            (true, false) if !years => says_row += 1,
            // Nobody calls a column of words by a day, an amount or a word for nothing.
            (false, false) if is_null_word(cell) || is_written_value(cell) => says_row += 1,
            _ => {}
        }
    }
    says_row <= says_header && (says_row == 0 || values == 0 || years || says_row < says_header)
}

/// Whether a cell is a day, a time or an amount as people write it.
pub(super) fn is_written_value(cell: &str) -> bool {
    let figure = figure(cell);
    let is_day =
        matches!(figure.as_deref(), Some("9.9.9" | "9/9/9" | "9-9-9" | "9:9" | "9:9:9" | "9.9.9 9:9" | "9/9/9 9:9"));
    is_day || (is_amount(cell) && cell.len() > 1 && !cell.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a row is the first one again, as where files were put together: all of its cells, or more than half of several.
fn is_again(first: &[Cow<'_, str>], cells: &[Cow<'_, str>]) -> bool {
    let same = first.iter().zip(cells).filter(|(one, other)| one == other).count();
    first == cells || (first.len() > 1 && same * 2 > first.len())
}

/// Whether the one year of a row is rather an amount: it stands first, or among numbers of its size.
fn is_amount_of_a_year<'a>(first: &[Cow<'_, str>], column: impl Fn(usize) -> Vec<&'a str>) -> bool {
    let mut values = first.iter().enumerate().filter(|(_, cell)| is_value(cell));
    let (Some((place, cell)), None) = (values.next(), values.next()) else { return false };
    let year: f64 = cell.trim().parse().unwrap_or_default();
    let numbers: Vec<f64> = column(place).iter().filter_map(|cell| cell.parse().ok()).collect();
    let is_near = |number: &f64| (year / 4.0..=year * 4.0).contains(number);
    !numbers.is_empty() && (place == 0 || numbers.iter().any(is_near))
}

/// Whether a word for nothing may as well be the name of what is not known.
fn is_category(cell: &str) -> bool {
    ["unknown", "missing", "none", "inf", "-inf"].contains(&cell.trim().to_lowercase().as_str())
}

/// Words that stand for a value that is not there.
pub(in crate::format) fn is_null_word(cell: &str) -> bool {
    const WORDS: [&str; 34] = [
        "na", "n/a", "#n/a", "n.a.", "n. a.", "n.d.", "n. d.", "k.a.", "k. a.", "n.v.", "nan", "null", "(null)",
        "<null>", "none", "nil", "-", "--", "–", "—", "\\n", "?", "*", "..", "...", "inf", "-inf", "unknown", "#nv",
        "blank", "leer", "empty", "n/v", "missing",
    ];
    WORDS.contains(&cell.trim().to_lowercase().as_str())
}

/// Whether a value is a day over numbers, or a number over days.
fn is_of_another_kind(cell: &str, others: &[&str]) -> bool {
    let is_number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    let is_day = |cell: &str| cell.len() >= 10 && cell.as_bytes()[4] == b'-' && is_value(cell);
    if is_number(cell) { nearly_all(others, is_day) } else { is_day(cell) && nearly_all(others, is_number) }
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
    // Of one row the names are as they stand.
    let trimmed = |word: &'_ str| -> String { if rows.len() > 1 { word.trim().to_owned() } else { word.to_owned() } };
    let name = |place| {
        let words = (0..rows.len()).map(|row| trimmed(heading(row, place)));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    (0..width).map(|place| name(place).join(" ")).collect()
}

/// Whether the values among the names go on by equal steps: years (`country,2010,2012`), months (`202401,202402`), or four numbers and more
/// counted from 0 or 1 (the hours of a day).
pub(super) fn is_progress(cells: &[Cow<'_, str>]) -> bool {
    let values: Vec<&Cow<'_, str>> = cells.iter().filter(|cell| is_value(cell)).collect();
    let numbers: Vec<i32> = values.iter().filter_map(|cell| cell.trim().parse().ok()).collect();
    if numbers.is_empty() || numbers.len() < values.len() || values.len() == cells.len() {
        return false;
    }
    let even = |numbers: &[i32]| {
        numbers.windows(2).all(|pair| pair[1] != pair[0])
            && numbers.windows(3).all(|three| three[2] - three[1] == three[1] - three[0])
    };
    let counted = || numbers.len() >= COUNTED && numbers[0] <= 1 && numbers[0] >= 0 && numbers[1] - numbers[0] == 1;
    if numbers.iter().all(|year| YEARS.contains(year)) {
        let step = |pair: &[i32]| (1..=10).contains(&(pair[1] - pair[0]).abs());
        return even(&numbers) && numbers.windows(2).all(step);
    }
    let months: Option<Vec<i32>> = numbers.iter().map(|number| month_number(*number)).collect();
    match months {
        Some(months) if months.len() > 1 => {
            even(&months) && months.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 12)
        }
        _ => even(&numbers) && counted(),
    }
}

/// The month of `202401`, counted from the year 0.
fn month_number(number: i32) -> Option<i32> {
    let (year, month) = (number / 100, number % 100);
    (YEARS.contains(&year) && (1..=12).contains(&month)).then_some(year * 12 + month)
}

/// Numbers that are counted, at least, to be names.
const COUNTED: usize = 4;

const YEARS: std::ops::RangeInclusive<i32> = 1800..=2200;

/// Whether a value is a year or a month too, so that the row above may be one of them.
fn is_step(cell: &str) -> bool {
    cell.trim().parse().is_ok_and(|number: i32| YEARS.contains(&number) || month_number(number).is_some())
}

fn is_whole(cell: &str) -> bool {
    cell.parse::<i64>().is_ok()
}

/// Whether the cells count the columns, as programs name those that have no name: `0,1,2` or `1,2,3`, over a first column
/// of row numbers perhaps, which has none.
fn is_counted(cells: &[Cow<'_, str>]) -> bool {
    let cells = if cells[0].is_empty() { &cells[1..] } else { cells };
    let from = usize::from(cells.first().is_some_and(|cell| cell == "1"));
    cells.len() > 1 && cells.iter().enumerate().all(|(at, cell)| *cell == (at + from).to_string())
}
