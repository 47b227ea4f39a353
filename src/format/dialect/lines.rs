//! Lines that are one cell, whatever blanks and colons stand in them.

use std::borrow::Cow;

use super::alike::is_amount;
use super::header::{figure, is_value, nearly_all};
use super::units::is_unit;
use crate::format::csv::split::Sampled;

/// True if blanks or colons rather stand within one cell: between words, in times and in addresses.
pub(super) fn is_one_column(records: &[Sampled<'_>], width: usize, delimiter: u8) -> bool {
    let table: Vec<_> = records.iter().filter(|record| record.cells.len() == width).take(200).collect();
    let below = if table.len() > 1 { &table[1..] } else { &table[..] };
    let each = |is_so: &dyn Fn(&&Sampled<'_>) -> bool| {
        below.iter().filter(|record| is_so(record)).count() * 10 >= below.len() * 9
    };
    let is_clock = |cell: &str| matches!(figure(cell).as_deref(), Some("9:9" | "9:9:9" | "9:9:9.9"));
    let is_day = |cell: &str| matches!(figure(cell).as_deref(), Some("9-9-9" | "9.9.9" | "9/9/9" | "9. 9. 9"));
    let is_number =
        |cell: &Cow<'_, str>| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let column_of_values = |place: usize| {
        let cells: Vec<_> = table.iter().skip(1).map(|record| &*record.cells[place]).collect();
        nearly_all(&cells, is_value)
    };
    let is_plain = width == 2 && !(0..2).any(column_of_values);
    match delimiter {
        b':' => {
            let is_time = |record: &&Sampled<'_>| record.cells.len() <= 3 && record.cells.iter().all(is_number);
            // A day and a blank stand before the hour, or the year: `2026-01-01 10:00:00 INFO`, `1/Oct/2025:13:55`.
            let is_after_day = |record: &&Sampled<'_>| {
                let (first, next) = (&record.cells[0], &record.cells[1]);
                let before = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
                let digits = next.len() - next.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
                let is_day = match first.len() - before.len() {
                    2 => before.ends_with([' ', 'T']) && before.bytes().any(|byte| byte.is_ascii_digit()),
                    4 => before.ends_with('/'),
                    _ => false,
                };
                is_day && digits == 2
            };
            let is_octet = |cell: &Cow<'_, str>| cell.len() == 2 && cell.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_device = |record: &&Sampled<'_>| record.cells.len() == 6 && record.cells.iter().all(is_octet);
            is_plain
                || each(&is_time)
                || each(&is_after_day)
                || each(&is_device)
                || each(&|record| record.cells[1].starts_with("//"))
        }
        b' ' => {
            let is_measured = |record: &&Sampled<'_>| {
                let (one, other) = (&record.cells[0], &record.cells[1]);
                (is_amount(one) && is_unit(other)) || (is_unit(one) && is_amount(other))
            };
            is_plain
                || each(&|record| width == 2 && is_day(&record.cells[0]) && is_clock(&record.cells[1]))
                || (width == 2 && each(&is_measured))
        }
        _ => false,
    }
}
