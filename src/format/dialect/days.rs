//! Rows of names that are values: days and numbers by equal steps, and the numbers with which programs name columns.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};

use super::header::{is_value, mostly};

/// Numbers by equal steps, at least, to be names.
const STEPS: usize = 3;

/// True if the values of a row are days that go on by equal steps, of days, weeks, months or years, beside a name.
pub(super) fn are_days(row: &[Cow<'_, str>]) -> bool {
    let values: Vec<&str> = row.iter().map(|cell| cell.trim()).filter(|cell| is_value(cell)).collect();
    let days: Vec<NaiveDate> = values.iter().filter_map(|cell| day(cell)).collect();
    if days.len() < 2 || days.len() < values.len() || values.len() == row.len() {
        return false;
    }
    let steps = |step: &dyn Fn(&[NaiveDate]) -> i64| -> Option<i64> {
        let steps: Vec<i64> = days.windows(2).map(step).collect();
        steps.iter().all(|step| *step == steps[0] && *step != 0).then(|| steps[0].abs())
    };
    let of_days = steps(&|pair| (pair[1] - pair[0]).num_days());
    let month = |day: &NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month());
    let is_month_end = |day: &NaiveDate| day.succ_opt().is_some_and(|next| next.month() != day.month());
    let is_same_day = days.iter().all(|day| day.day() == days[0].day()) || days.iter().all(is_month_end);
    let of_months = steps(&|pair| month(&pair[1]) - month(&pair[0]));
    of_days.is_some_and(|step| days.len() > 2 || step == 1 || step == 7) || (is_same_day && of_months.is_some())
}

/// The day that a cell is, as year, month and day.
pub(super) fn day(cell: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(cell.trim(), "%Y-%m-%d").ok()
}

/// True if a row is a word and whole numbers by equal steps, over values that mostly have decimals: in a table of two
/// ways in, the numbers are names.
pub(super) fn are_steps(first: &[Cow<'_, str>], rest: &[&[Cow<'_, str>]]) -> bool {
    let Some((word, others)) = first.split_first() else { return false };
    let numbers: Vec<i64> = others.iter().map_while(|cell| cell.trim().parse().ok()).collect();
    let is_even = numbers.windows(3).all(|three| three[1] - three[0] == three[2] - three[1] && three[0] != three[1]);
    let is_word = word.contains(char::is_alphabetic) && !is_value(word);
    if !is_word || numbers.len() < STEPS || numbers.len() < others.len() || !is_even || rest.is_empty() {
        return false;
    }
    let are_values =
        rest.iter().all(|row| row.len() == first.len() && row.iter().all(|cell| cell.is_empty() || is_value(cell)));
    let cells: Vec<&str> =
        rest.iter().flat_map(|row| &row[1..]).map(|cell| &**cell).filter(|cell| !cell.is_empty()).collect();
    are_values && mostly(&cells, |cell| cell.contains('.'))
}

/// True if the cells of the first row count the columns from 0, and those of the first column, which has no name, the
/// rows below: as programs write a table without names.
pub(super) fn count_both_ways(first: &[Cow<'_, str>], rest: &[&[Cow<'_, str>]]) -> bool {
    let Some((corner, names)) = first.split_first() else { return false };
    let is_number = |cell: &str, number: usize| cell.parse() == Ok(number);
    corner.is_empty()
        && !names.is_empty()
        && rest.len() > 1
        && names.iter().enumerate().all(|(number, cell)| is_number(cell, number))
        && rest.iter().enumerate().all(|(number, row)| row.first().is_some_and(|cell| is_number(cell, number)))
}
