//! Lines that are one cell, whatever blanks and colons stand in them.

use std::borrow::Cow;

use super::alike::is_amount;
use super::header::{figure, is_value, nearly_all};
use super::phrases::{is_of_code, is_phrase, is_telephone};
use super::units::is_unit;
use crate::format::csv::sampled::Sampled;

/// True if blanks or colons rather stand within one cell: between words, in times and in addresses.
pub(super) fn is_one_column(records: &[Sampled<'_>], width: usize, delimiter: u8) -> bool {
    let table: Vec<_> = records.iter().filter(|record| record.cells.len() == width).take(200).collect();
    let below = if table.len() > 1 { &table[1..] } else { &table[..] };
    let each = |is_so: &dyn Fn(&&Sampled<'_>) -> bool| {
        below.iter().filter(|record| is_so(record)).count() * 10 >= below.len() * 9
    };
    let column_of_values = |place: usize| {
        let cells: Vec<_> = table.iter().skip(1).map(|record| &*record.cells[place]).collect();
        nearly_all(&cells, is_value)
    };
    let is_plain = width == 2 && !(0..2).any(column_of_values);
    match delimiter {
        b':' => {
            let is_clock = |place: usize| each(&|record| is_within_clock(&record.cells, place));
            is_plain
                || each(&|record| record.cells.len() <= 3 && record.cells.iter().all(|cell| is_number(cell)))
                || (0..width - 1).any(is_clock)
                || each(&|record| is_device(&record.cells))
                || each(&|record| record.cells[1].starts_with("//"))
                || (width == 2 && each(&|record| is_port_of_host(&record.cells)))
        }
        b' ' => {
            let is_measured = |record: &&Sampled<'_>| {
                let (one, other) = (&record.cells[0], &record.cells[1]);
                (is_amount(one) && is_unit(other)) || (is_unit(one) && is_amount(other))
            };
            let is_moment = |record: &&Sampled<'_>| is_day(&record.cells[0]) && is_clock(&record.cells[1]);
            let is_named = |is_code: bool| {
                let head = records.first().filter(|head| head.cells.len() > 1);
                head.is_some_and(|head| is_phrase(head, is_code))
            };
            let all_values = (0..width).all(column_of_values);
            let is_headed = records
                .first()
                .is_some_and(|head| !head.cells.iter().any(|cell| cell.bytes().any(|byte| byte.is_ascii_digit())));
            is_plain
                || (width == 2 && (each(&is_moment) || each(&is_measured)))
                || each(&|record| is_account(&record.cells))
                || (!is_headed && each(&|record| is_telephone(&record.cells)))
                || (is_headed && !all_values && is_named(false))
                || (is_headed
                    && is_named(true)
                    && each(&|record| is_of_code(&record.cells) || is_telephone(&record.cells)))
        }
        _ => false,
    }
}

fn is_clock(cell: &str) -> bool {
    matches!(figure(cell).as_deref(), Some("9:9" | "9:9:9" | "9:9:9.9"))
}

fn is_day(cell: &str) -> bool {
    matches!(figure(cell).as_deref(), Some("9-9-9" | "9.9.9" | "9/9/9" | "9. 9. 9"))
}

fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// True if a cell ends with the hour of a time that goes on in the next one: behind a blank or a sign, as in
/// `2026-01-01 10:00:00 INFO`, `1/Oct/2025:13:55`, `[10:00:00] start`.
fn is_within_clock(cells: &[Cow<'_, str>], place: usize) -> bool {
    let (first, next) = (&cells[place], &cells[place + 1]);
    let before = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let hour = &first[before.len()..];
    let digits = next.len() - next.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let is_behind = match hour.len() {
        1 | 2 => before.ends_with([' ', '[', '(', '<', '"', '/', '_']) || is_day(before.trim_end_matches('T')),
        // The year of a day with its time behind a colon.
        4 => before.ends_with('/'),
        _ => false,
    };
    let is_hour = hour.len() == 4 || hour.parse::<u8>().is_ok_and(|hour| hour < 25);
    is_behind && is_hour && digits == 2 && next[..digits].parse::<u8>().is_ok_and(|minutes| minutes < 60)
}

/// True for the address of a device or of a host: `56:55:6d:89:aa:82`, `2001:db8:0:0:0:0:0:1`.
fn is_device(cells: &[Cow<'_, str>]) -> bool {
    let is_hexadecimal = |cell: &Cow<'_, str>| cell.bytes().all(|byte| byte.is_ascii_hexdigit());
    let of_pairs = || cells.len() >= 6 && cells.iter().all(|cell| cell.len() == 2);
    let of_fours = || cells.len() == 8 && cells.iter().all(|cell| (1..=4).contains(&cell.len()));
    let has_letter = || cells.iter().any(|cell| cell.bytes().any(|byte| byte.is_ascii_alphabetic()));
    cells.iter().all(is_hexadecimal) && (of_pairs() || (of_fours() && has_letter()))
}

/// True for a host and its port: `10.0.0.1:80`.
fn is_port_of_host(cells: &[Cow<'_, str>]) -> bool {
    figure(&cells[0]).as_deref() == Some("9.9.9.9") && cells[1].parse::<u16>().is_ok()
}

/// True for the number of an account in groups of four: `DE12 3456 7890 12`.
fn is_account(cells: &[Cow<'_, str>]) -> bool {
    let is_group = |cell: &Cow<'_, str>| cell.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let is_country = |cell: &[u8]| cell.len() == 4 && cell[..2].iter().all(u8::is_ascii_uppercase);
    let has_check = |cell: &[u8]| cell[2..].iter().all(u8::is_ascii_digit);
    let (last, others) = match cells.split_last() {
        Some((last, others)) if !others.is_empty() => (last, others),
        _ => return false,
    };
    let first = others[0].as_bytes();
    is_country(first)
        && has_check(first)
        && cells.iter().all(is_group)
        && others.iter().all(|cell| cell.len() == 4)
        && (1..=4).contains(&last.len())
}
