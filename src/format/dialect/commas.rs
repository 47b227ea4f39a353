//! Commas within cells: those that another delimiter separates, and those of moments and addresses. Other delimiters
//! within the cells between commas.

use super::alike::is_amount;
use super::header::{is_value, mostly, nearly_all};
use crate::format::csv::sampled::Sampled;

/// True if each comma of a line belongs to one of the cells that this delimiter ends: a blank follows it, it stands in a
/// number or between two with decimals, or within quotes.
pub(super) fn has_own_commas(line: &[u8], delimiter: u8) -> bool {
    let (mut start, mut quoted) = (0, false);
    for (at, byte) in line.iter().enumerate() {
        match *byte {
            b'"' if quoted || at == start => quoted = !quoted,
            byte if byte == delimiter && !quoted => start = at + 1,
            b',' if !quoted && line.get(at + 1) != Some(&b' ') => {
                let end = memchr::memchr(delimiter, &line[at..]).map_or(line.len(), |length| at + length);
                let cell = std::str::from_utf8(&line[start..end]).unwrap_or_default().trim().trim_end_matches('-');
                let is_decimal = |part: &str| part.contains('.') && is_value(part);
                if !is_amount(cell) && !cell.split(',').all(is_decimal) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

/// The column in which alone the byte stands: between things of one kind, or beside two columns and more.
pub(super) fn list_between<'r, 's: 'r>(records: impl Iterator<Item = &'r Sampled<'s>>, byte: u8) -> Option<usize> {
    let (mut places, mut is_of_kind, mut width) = (Vec::new(), true, 0);
    for record in records {
        width = width.max(record.cells.len());
        for (place, cell) in record.cells.iter().enumerate().filter(|(_, cell)| cell.as_bytes().contains(&byte)) {
            let mut kinds = cell.split(char::from(byte)).map(is_value);
            let first = kinds.next();
            is_of_kind &= kinds.all(|kind| Some(kind) == first);
            places.push(place);
        }
    }
    places.sort_unstable();
    places.dedup();
    match places.as_slice() {
        [place] if width > 2 || is_of_kind => Some(*place),
        _ => None,
    }
}

/// Months and days of the week, in small letters, as dates in words begin.
const MONTHS: [&str; 16] =
    ["jan", "feb", "mar", "mär", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct", "okt", "nov", "dec", "dez"];
const WEEKDAYS: [&str; 14] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
];

/// True if commas rather stand within one value of each line: before the fraction of a second, as programs log it
/// (`10:00:00,123 INFO`), in a date in words (`May 5, 2026`), or in the query of an address.
pub(super) fn have_commas_in_values(lines: &[Sampled<'_>]) -> bool {
    let texts = || lines.iter().filter_map(|line| line.cells.first()).map(|cell| &**cell);
    let with_comma: Vec<&str> = texts().filter(|text| text.contains(',')).collect();
    let is_headed = texts()
        .next()
        .is_some_and(|head| !head.contains(',') && !head.contains(|letter: char| letter.is_ascii_digit()));
    let is_log = |text: &str| text.find(',').is_some_and(|at| is_before_fraction(text, at, is_headed));
    let is_own = |text: &str| text.match_indices(',').all(|(at, _)| is_in_date(text, at) || is_in_query(text, at));
    with_comma.len() > 1
        && (mostly(&with_comma, is_log) || (lines.len() <= with_comma.len() + 3 && nearly_all(&with_comma, is_own)))
}

/// True if the comma stands between a time and the digits of its fraction, which end the line below a header only.
fn is_before_fraction(text: &str, at: usize, is_headed: bool) -> bool {
    let (before, behind) = (&text[..at], &text[at + 1..]);
    let tail = &before.as_bytes()[before.len().saturating_sub(8)..];
    let is_clock =
        matches!(tail, [_, _, b':', _, _, b':', _, _]) && tail.iter().filter(|byte| byte.is_ascii_digit()).count() == 6;
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    let ends = match behind[digits..].chars().next() {
        None => is_headed && digits == 3,
        Some(next) => matches!(next, ' ' | '\t' | '|' | ';' | ']' | ')' | '>' | '+' | '-' | 'Z'),
    };
    is_clock && (1..=9).contains(&digits) && ends
}

/// True if the comma stands in a date in words, between the day and the year or behind the day of the week.
fn is_in_date(text: &str, at: usize) -> bool {
    let word = |word: &str| word.trim_end_matches('.').to_lowercase();
    let is_month = |name: &str| {
        name.chars().all(char::is_alphabetic) && MONTHS.contains(&name.chars().take(3).collect::<String>().as_str())
    };
    let is_day = |day: &str| day.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day));
    let is_weekday = |name: &str| WEEKDAYS.iter().any(|day| *day == name || (name.len() == 3 && day.starts_with(name)));
    let mut before = text[..at].rsplit(' ').filter(|word| !word.is_empty());
    let (last, other) = (word(before.next().unwrap_or_default()), word(before.next().unwrap_or_default()));
    let next = text[at + 1..].split([' ', ',']).find(|word| !word.is_empty()).unwrap_or_default();
    let is_year = next.len() == 4 && next.bytes().all(|byte| byte.is_ascii_digit());
    let is_day_and_month = (is_month(&other) && is_day(&last)) || (is_month(&last) && is_day(&other));
    let goes_on = is_day(next.trim_end_matches('.')) || is_month(&word(next));
    text[at + 1..].starts_with(' ') && ((is_day_and_month && is_year) || (is_weekday(&last) && goes_on))
}

/// True if the comma stands in the query of an address.
fn is_in_query(text: &str, at: usize) -> bool {
    let start = text[..at].rfind([' ', '"', '<']).map_or(0, |start| start + 1);
    let address = &text[start..at];
    address.find("://").is_some_and(|host| address[host..].contains('?')) && !text[at + 1..].starts_with(' ')
}
