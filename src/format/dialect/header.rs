//! Headers: rows that name the columns of those below them, and the names that several such rows give together.

use std::borrow::Cow;
use std::cell::LazyCell;

use super::alike::{
    begins_like, beside, follows, is_amount, is_code, is_coded, is_compared, is_letter_and_number, is_like,
    is_numbered, is_of_pattern, is_sure,
};
use super::days::{are_days, are_steps, count_both_ways, day};
use super::headings::is_row_of_headings;
use super::null_words::{is_category, is_null_word, is_pending};
use crate::schema::{Inference, Type};

/// True if a cell is of another type than text.
pub(in crate::format) fn is_value(cell: &str) -> bool {
    let mut inference = Inference::default();
    inference.see(cell.trim());
    inference.fits().narrowest() != Type::Text
}

/// True if cells can be a row of names: nearly all filled, and none of them a value.
pub(super) fn names(cells: &[Cow<'_, str>]) -> bool {
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    filled * 10 >= cells.len() * 8 && filled > 1 && !cells.iter().any(|cell| is_value(cell))
}

pub(super) fn has_digit(cell: &str) -> bool {
    cell.bytes().any(|byte| byte.is_ascii_digit())
}

/// The figure of a cell with digits, each run of them taken as one: `03.05.2020` is `9.9.9`; `None` if it has none.
pub(in crate::format) fn figure(cell: &str) -> Option<String> {
    has_digit(cell).then(|| figures(cell).collect())
}

/// True if a cell has digits and looks as this figure does.
pub(super) fn is_of_figure(cell: &str, figure: Option<&str>) -> bool {
    figure.is_some_and(|figure| figures(cell).eq(figure.chars()))
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

/// True if nine of ten cells are so.
pub(super) fn nearly_all(cells: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    all_but(cells.len() / 10, cells, is_so)
}

/// True if two of three cells are so: enough if nothing but a record would be one of them.
pub(super) fn mostly(cells: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    !cells.is_empty() && all_but(cells.len() / 3, cells, is_so)
}

/// True if all cells are so but `few` at most. Looks no further than it has to.
fn all_but(few: usize, cells: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    let mut others = 0;
    cells.iter().all(|cell| {
        others += usize::from(!is_so(cell));
        others <= few
    })
}

/// True if the table's first row names its columns. A record that is lost to the names is worse than names that are
/// loaded as a record: a value over values makes it one, whatever its other cells are.
pub(super) fn is_header(table: &[&[Cow<'_, str>]], width: usize) -> bool {
    let Some((first, rest)) = table.split_first() else { return true };
    let begins = |cells: &&[Cow<'_, str>]| cells.first().is_some_and(|cell| !cell.is_empty());
    let below = rest.iter().filter(|cells| begins(cells)).map(|cells| &*cells[0]);
    if is_value_of_its_own(first, rest) || first.first().is_some_and(|cell| begins_like(cell, below)) {
        return false;
    }
    if is_row_of_headings(first, rest, width) || count_both_ways(first, rest) || are_steps(first, rest) {
        return true;
    }
    let rest: Vec<_> = rest.iter().filter(|cells| cells.len() == width && !is_again(first, cells)).take(200).collect();
    let values = first.iter().filter(|cell| is_value(cell)).count();
    let filled = first.iter().filter(|cell| !cell.is_empty()).count();
    let columns: LazyCell<Vec<Vec<&str>>, _> = LazyCell::new(|| {
        let cells = |place: usize| rest.iter().map(move |cells| &*cells[place.min(width - 1)]);
        (0..first.len()).map(|place| cells(place).filter(|cell| !cell.is_empty()).collect()).collect()
    });
    let column = |place: usize| columns[place].as_slice();
    let has_words =
        |(place, cell): (usize, &Cow<'_, str>)| is_value(cell) && column(place).iter().any(|cell| !is_value(cell));
    let days = || are_days(first) && first.iter().enumerate().any(has_words);
    let years = (is_progress(first) && !is_amount_of_a_year(first, column)) || days();
    let is_over_values = || rest.len() > 1 && (0..first.len()).all(|place| nearly_all(column(place), is_value));
    if is_one_word(first) && (is_null_word(&first[0]) || is_value(&first[0]) || !is_over_values()) {
        return false;
    }
    if rest.is_empty() {
        return (values == 0 || (years && values > 1)) && !holds_value(first);
    }
    let stated = filled - first.iter().filter(|cell| is_null_word(cell) && !is_category(cell)).count();
    if stated > 0 && values == stated && !years {
        let numbers = |is_number: fn(&str) -> bool| columns.iter().all(|cells| nearly_all(cells, is_number));
        let is_long = filled >= COUNTED || first[0].is_empty();
        return is_counted(first) && !numbers(if is_long { is_whole } else { is_value });
    }
    let (mut says_row, mut says_header, mut unnamed) = (0, 0, false);
    for (place, cell) in first.iter().enumerate() {
        let all = column(place);
        // Words for nothing do not tell the type of a column.
        let others: Vec<&str> = all.iter().copied().filter(|cell| !is_null_word(cell) && !is_pending(cell)).collect();
        if cell.is_empty() {
            // A heading stands over the empty cells to its right, and the last columns may have no name.
            let is_between = place > 0 && first[place..].iter().any(|cell| !cell.is_empty());
            unnamed |= is_between && mostly(&others, |cell| is_value(cell) || is_stated(cell));
            continue;
        }
        match Evidence::of(first, place, all, &others, years) {
            Evidence::Record => return false,
            Evidence::RatherRecord => says_row += 1,
            Evidence::RatherName => says_header += 1,
            Evidence::None => {}
        }
    }
    says_row <= says_header
        && (says_row == 0 || values == 0 || years || says_row < says_header)
        && (says_header > 0 || years || !unnamed)
}

/// The evidence of one cell of the first row, by the cells below it.
enum Evidence {
    /// A name would not look so.
    Record,
    RatherRecord,
    RatherName,
    None,
}

impl Evidence {
    /// Weighs the cell at `place`: `all` are the filled cells below, `others` those that are no words for nothing.
    fn of(first: &[Cow<'_, str>], place: usize, all: &[&str], others: &[&str], years: bool) -> Evidence {
        let cell = &*first[place];
        let is_null = is_null_word(cell) && !(is_category(cell) && first.len() > 1);
        let is_again = || first.iter().filter(|other| *other == cell).count() > 1;
        match (is_value(cell), nearly_all(others, is_value)) {
            // A word for nothing that is no category is rather a value than a name.
            _ if is_null || (is_pending(cell) && (first.len() == 1 || is_again())) => Evidence::RatherRecord,
            // A value over nothing; a year may be a name.
            (is_value, _) if others.is_empty() => match () {
                () if is_value && !years => Evidence::RatherRecord,
                () if !is_value && is_stated(cell) && !is_numbered(first, place) => Evidence::RatherRecord,
                () => Evidence::None,
            },
            // A day over numbers is the name of their column.
            (true, true) if is_of_another_kind(cell, others) => Evidence::RatherName,
            (true, true) if !years || nearly_all(others, is_step) => Evidence::Record,
            (true, true) => Evidence::None,
            (true, false) if !years && mostly(others, is_value) => Evidence::Record,
            (false, _) if is_like(cell, others) => Evidence::Record,
            (false, _) if is_compared(cell) && mostly(others, is_compared) && is_limit(first, cell, others) => {
                Evidence::Record
            }
            (false, true) if is_null_word(cell) || is_pending(cell) => Evidence::None,
            (false, true) => Evidence::RatherName,
            // One cell below is no pattern yet.
            (false, false) if is_of_pattern(cell, others) && !follows(first, place) => match others.len() {
                1 => Evidence::RatherRecord,
                _ => Evidence::Record,
            },
            (false, false) if is_sure(cell) && !is_numbered(first, place) => Evidence::Record,
            (_, false) if is_code(cell, others) => Evidence::RatherRecord,
            // A name does not stand in its own column once more.
            (false, false) if first.len() > 1 && all.contains(&cell) => Evidence::RatherRecord,
            (false, false)
                if is_word(cell) && !is_pending(cell) && (is_figures(others) || mostly(others, is_stated)) =>
            {
                Evidence::RatherName
            }
            (true, false) if !years => Evidence::RatherRecord,
            // A day, an amount or a word for nothing never names a column of words.
            (false, false) if is_null_word(cell) => Evidence::RatherRecord,
            (false, false) if is_written_value(cell) && !is_numbered(first, place) => Evidence::RatherRecord,
            _ => Evidence::None,
        }
    }
}

/// True if a cell is rather a value than a name, in any place: a day, an amount, an address, a code.
pub(super) fn is_stated(cell: &str) -> bool {
    is_written_value(cell) || is_sure(cell) || is_coded(cell)
}

/// True if a number below or above a limit is a measured one: others are there below, it has decimals, or no name
/// stands beside it.
fn is_limit(first: &[Cow<'_, str>], cell: &str, others: &[&str]) -> bool {
    let is_marked = |cell: &str| cell.trim_start().starts_with(['<', '>', '≤', '≥', '~']);
    let is_word = |cell: &Cow<'_, str>| is_word(cell);
    !is_marked(cell)
        || others.iter().any(|other| is_marked(other))
        || cell.contains(['.', ','])
        || !first.iter().any(is_word)
}

/// True if a cell is a word without a digit.
fn is_word(cell: &str) -> bool {
    cell.contains(char::is_alphabetic) && !cell.bytes().any(|byte| byte.is_ascii_digit()) && !is_null_word(cell)
}

/// True if cells have digits and look as the first of them does.
fn is_figures(cells: &[&str]) -> bool {
    let figure = cells.first().and_then(|cell| figure(cell));
    nearly_all(cells, |cell| is_of_figure(cell, figure.as_deref()))
}

/// True if the cells of a row are one word, several times: no names.
fn is_one_word(cells: &[Cow<'_, str>]) -> bool {
    let mut others = cells.iter().skip(1).filter(|cell| !cell.is_empty());
    !cells[0].is_empty() && others.clone().count() > 0 && others.all(|cell| *cell == cells[0])
}

/// True if a line by itself holds a cell that no header has: a figure, an address, a code; not if names are numbered
/// beside a word.
fn holds_value(cells: &[Cow<'_, str>]) -> bool {
    let is_figure = |cell: &str| {
        cell.bytes().any(|byte| byte.is_ascii_digit()) && !cell.contains(char::is_alphabetic) && !is_value(cell)
    };
    let is_named = cells.iter().any(|cell| is_word(cell));
    let holds = |(place, cell): (usize, &Cow<'_, str>)| {
        let is_stated = is_figure(cell) || is_stated(cell) || is_letter_and_number(cell);
        let is_again = || cells.iter().filter(|other| *other == cell).count() > 1;
        (is_null_word(cell) && (!is_category(cell) || is_again()))
            || (is_pending(cell) && is_again())
            || (is_stated && !(is_named && is_numbered(cells, place)))
    };
    cells.iter().enumerate().any(holds)
}

/// True if a cell is a day, a time or an amount as people write it.
pub(super) fn is_written_value(cell: &str) -> bool {
    let figure = figure(cell);
    let is_day = matches!(
        figure.as_deref(),
        Some("9.9.9" | "9/9/9" | "9-9-9" | "9:9" | "9:9:9" | "9.9.9 9:9" | "9/9/9 9:9" | "9-9-9 9:9:9")
    );
    is_day || (is_amount(cell) && cell.len() > 1 && !cell.bytes().all(|byte| byte.is_ascii_digit()))
}

/// True if a row is the first one again, as in files that were put together: all of its cells, or more than half of
/// several.
fn is_again(first: &[Cow<'_, str>], cells: &[Cow<'_, str>]) -> bool {
    let same = first.iter().zip(cells).filter(|(one, other)| one == other).count();
    first == cells || (first.len() > 1 && same * 2 > first.len())
}

/// True if the only cell of the first row stands again below it, and not over figures, as in files that were put
/// together: a name is no value of its own column.
fn is_value_of_its_own(first: &[Cow<'_, str>], rest: &[&[Cow<'_, str>]]) -> bool {
    let [first] = first else { return false };
    let is_other = |cells: &&&[Cow<'_, str>]| cells.first().is_some_and(|cell| cell != first && !cell.is_empty());
    let others: Vec<&str> = rest.iter().filter(is_other).map(|cells| &*cells[0]).collect();
    let is_figure = |cell: &str| has_digit(cell) || is_null_word(cell);
    let is_over_figures = !has_digit(first) && !others.is_empty() && nearly_all(&others, is_figure);
    !is_over_figures && rest.iter().any(|cells| cells.first() == Some(first))
}

/// True if the one year of a row is rather an amount: it stands first, or among numbers of its size.
fn is_amount_of_a_year<'a>(first: &[Cow<'_, str>], column: impl Fn(usize) -> &'a [&'a str]) -> bool {
    let mut values = first.iter().enumerate().filter(|(_, cell)| is_value(cell));
    let (Some((place, cell)), None) = (values.next(), values.next()) else { return false };
    let year: f64 = cell.trim().parse().unwrap_or_default();
    let numbers: Vec<f64> = column(place).iter().filter_map(|cell| cell.parse().ok()).collect();
    let is_near = |number: &f64| (year / 4.0..=year * 4.0).contains(number);
    // `2021 (prelim.)` stands beside `2022`.
    let goes_on = beside(first, place).any(|other| year_of(other).is_some_and(|other| (other - year).abs() == 1.0));
    !goes_on && !numbers.is_empty() && (place == 0 || numbers.iter().any(is_near))
}

/// The year with which a cell begins.
fn year_of(cell: &str) -> Option<f64> {
    cell.split(|letter: char| !letter.is_ascii_digit()).next().filter(|year| year.len() == 4)?.parse().ok()
}

/// True if a value is a day over numbers, or a number over days.
fn is_of_another_kind(cell: &str, others: &[&str]) -> bool {
    let is_number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    let is_day = |cell: &str| cell.len() >= 10 && cell.as_bytes()[4] == b'-' && is_value(cell);
    if is_number(cell) { nearly_all(others, is_day) } else { is_day(cell) && nearly_all(others, is_number) }
}

/// The columns' names out of the rows of a header, joined with a blank. A heading stands over the empty cells to its
/// right too, if there are names below them and below it; so does one of the last of three rows and more, under a heading
/// over as many columns.
pub(in crate::format) fn joined(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let cell = |row: usize, place: usize| rows[row].get(place).map_or("", String::as_str);
    let below = |row: usize, place: usize| (row + 1..rows.len()).any(|row| !cell(row, place).is_empty());
    let is_under_heading = |row: usize, place: usize| {
        let Some(left) = (0..place).rev().find(|left| !cell(row, *left).is_empty()) else { return false };
        let spans =
            |above: &usize| !cell(*above, left).is_empty() && (left + 1..=place).all(|at| cell(*above, at).is_empty());
        row > 1 && (0..row).any(|above| spans(&above)) && (0..row).any(|above| !cell(above, place).is_empty())
    };
    let heading = |row: usize, place: usize| {
        if !cell(row, place).is_empty() || (!below(row, place) && !is_under_heading(row, place)) {
            return cell(row, place);
        }
        match (0..place).rev().find(|left| !cell(row, *left).is_empty()) {
            Some(left) if below(row, left) || is_under_heading(row, place) => cell(row, left),
            _ => "",
        }
    };
    // The names of a single row stay as they are.
    let trimmed = |word: &'_ str| -> String { if rows.len() > 1 { word.trim().to_owned() } else { word.to_owned() } };
    let name = |place| {
        let words = (0..rows.len()).map(|row| trimmed(heading(row, place)));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    (0..width).map(|place| name(place).join(" ")).collect()
}

/// True if the values among the names go on by equal steps: years (`country,2010,2012`), months (`202401,202402`), or
/// four numbers and more counted from 0 or 1 (the hours of a day).
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

/// True if a value is a year, a month or a day too, so that the row above may be one of them.
pub(super) fn is_step(cell: &str) -> bool {
    day(cell).is_some()
        || cell.trim().parse().is_ok_and(|number: i32| YEARS.contains(&number) || month_number(number).is_some())
}

fn is_whole(cell: &str) -> bool {
    cell.parse::<i64>().is_ok()
}

/// True if the cells count the columns, as programs name columns without a name: `0,1,2` or `1,2,3`, over a first
/// column of row numbers perhaps, which has none.
fn is_counted(cells: &[Cow<'_, str>]) -> bool {
    let cells = if cells[0].is_empty() { &cells[1..] } else { cells };
    let from = usize::from(cells.first().is_some_and(|cell| cell == "1"));
    cells.len() > 1 && cells.iter().enumerate().all(|(at, cell)| *cell == (at + from).to_string())
}
