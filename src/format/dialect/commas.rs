//! Commas within cells: those that another delimiter separates, and those of moments and addresses. Other delimiters
//! within the cells between commas.

use super::Dialect;
use super::alike::{is_amount, start};
use super::header::{figure, is_stated, is_value, mostly, nearly_all};
use crate::format::csv::sampled::Sampled;
use crate::format::csv::split::line_cells;

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

/// True if the byte stands in one column alone, behind the first, and between things of one kind.
pub(super) fn is_list_of_kind(records: &[Sampled<'_>], byte: u8) -> bool {
    let is_of_kind = |cell: &str| {
        let mut kinds = cell.split(char::from(byte)).map(|part| is_value(part.trim()));
        let first = kinds.next();
        kinds.all(|kind| Some(kind) == first)
    };
    list_between(records.iter(), byte)
        .is_some_and(|place| place > 0 && records.iter().all(|record| is_of_kind(&record.cells[place])))
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

/// Words that say how grave a line of a log is.
const LEVELS: [&str; 10] =
    ["trace", "debug", "info", "notice", "warn", "warning", "error", "fatal", "critical", "severe"];

/// True if commas rather stand within one value of each line of the sample: before the fraction of a second, as programs
/// log it (`10:00:00,123 INFO`), in a date in words (`May 5, 2026`), or in the query of an address. Not below a line of
/// names with as many commas, nor between a quoted cell and others.
pub(super) fn have_commas_in_values(lines: &[Sampled<'_>], sample: &[u8]) -> bool {
    let texts = || lines.iter().filter_map(|line| line.cells.first()).map(|cell| &**cell);
    let with_comma: Vec<&str> = texts().filter(|text| text.contains(',')).collect();
    let strays = lines.iter().filter(|line| line.stray).count();
    if with_comma.len() < 2 || strays * 3 > lines.len() {
        return false;
    }
    let is_headed = texts()
        .next()
        .is_some_and(|head| !head.contains(',') && !head.contains(|letter: char| letter.is_ascii_digit()));
    let is_log = |text: &str| text.find(',').is_some_and(|at| is_before_fraction(text, at, is_headed));
    let is_in_value = |text: &str, at: usize| is_in_date(text, at) || is_in_query(text, at);
    let may_be_own = |text: &str| text.match_indices(',').all(|(at, _)| is_in_value(text, at));
    let are_logs = mostly(&with_comma, is_log);
    let may_be_values = lines.len() <= with_comma.len() + 3 && nearly_all(&with_comma, may_be_own);
    // Cutting the lines is what takes time, and most need no look at them.
    if !(are_logs || may_be_values) || is_headed_by_commas(lines, sample) {
        return false;
    }
    let mut widths: Vec<usize> = lines.iter().map(|line| cut(line, sample).len()).filter(|cells| *cells > 1).collect();
    widths.dedup();
    let is_own = |text: &str| {
        let is_sure = is_headed || widths.len() > 1 || text.find(',').is_some_and(|at| goes_on(&text[at + 1..]));
        text.match_indices(',').all(|(at, _)| is_in_date(text, at) || (is_sure && is_in_query(text, at)))
    };
    are_logs || (may_be_values && nearly_all(&with_comma, is_own))
}

/// The cells of a line between commas.
fn cut(line: &Sampled<'_>, sample: &[u8]) -> Vec<String> {
    line_cells(&sample[line.place.clone()], &Dialect::plain(b','))
}

/// True if commas cut the first line into names, no blanks behind them, and most others have as many outside of quotes.
fn is_headed_by_commas(lines: &[Sampled<'_>], sample: &[u8]) -> bool {
    let Some((head, rest)) = lines.split_first() else { return false };
    let head = cut(head, sample);
    let is_name = |cell: &String| !is_stated(cell) && !is_value(cell) && !cell.starts_with(' ');
    let even = rest.iter().filter(|line| cut(line, sample).len() == head.len()).count();
    head.len() > 1 && head.iter().all(is_name) && start(&head[0]).is_none() && even * 3 >= rest.len() * 2
}

/// True if the comma stands between a time and the digits of its fraction, behind which words of a log stand. They end
/// the line below a header only.
fn is_before_fraction(text: &str, at: usize, is_headed: bool) -> bool {
    let (before, behind) = (&text[..at], &text[at + 1..]);
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &behind[digits..];
    let is_fraction = || match rest.chars().next() {
        None => is_headed && digits == 3,
        Some(' ' | '\t') => is_of_log(rest.trim_start()),
        Some('+' | '-') => is_zone(&rest[1..]),
        Some(next) => matches!(next, '|' | ';' | ']' | ')' | '>' | 'Z'),
    };
    ends_with_clock(before) && matches!(digits, 3 | 6 | 9) && is_fraction()
}

/// True if a text ends with a time to the second: `10:00:00`.
fn ends_with_clock(text: &str) -> bool {
    let tail = &text.as_bytes()[text.len().saturating_sub(8)..];
    matches!(tail, [_, _, b':', _, _, b':', _, _]) && tail.iter().filter(|byte| byte.is_ascii_digit()).count() == 6
}

/// True if a text is as logs go on behind the time: with a bracket or another sign, or several words, or how grave it is.
fn is_of_log(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_level = |word: &&str| LEVELS.contains(&word.trim_end_matches(':').to_ascii_lowercase().as_str());
    let has_letter = |word: &&str| word.contains(char::is_alphabetic);
    text.starts_with(['[', '(', '<', '{', '|', '-', '+'])
        || words.iter().any(is_level)
        || (words.len() > 1 && words.iter().any(has_letter))
}

/// True if a text begins with the hours and minutes of a time zone: `0200`, `05:00`.
fn is_zone(text: &str) -> bool {
    let word = text.split([' ', '\t', '|', ';', ']', ')']).next().unwrap_or_default();
    matches!(word.len(), 2 | 4 | 5) && matches!(figure(word).as_deref(), Some("9" | "9:9"))
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

/// True if a query goes on behind a comma with other keys, and no other address follows.
fn goes_on(rest: &str) -> bool {
    let word = rest.split([' ', '"', '>', ',']).next().unwrap_or_default();
    word.contains(['&', '=']) && !word.contains("://") && !word.starts_with('/') && !word.contains('?')
}

/// True if a cell is one value with a comma in it: an amount, a place, a moment with a fraction, or a date in words.
pub(super) fn is_value_with_comma(cell: &str) -> bool {
    let cell = cell.trim();
    let is_decimal = |part: &str| part.contains('.') && is_value(part.trim());
    let is_place = || cell.split_once(',').is_some_and(|(one, other)| is_decimal(one) && is_decimal(other));
    let is_moment = || {
        let digits = |part: &str| matches!(part.len(), 3 | 6) && part.bytes().all(|byte| byte.is_ascii_digit());
        cell.split_once(',').is_some_and(|(before, fraction)| digits(fraction) && ends_with_clock(before))
    };
    cell.contains(',') && (is_amount(cell) || is_place() || is_moment() || is_date_in_words(cell))
}

/// True if a cell is a date in words with a comma in it: `May 5, 2026`.
pub(super) fn is_date_in_words(cell: &str) -> bool {
    cell.contains(',') && cell.len() <= LONGEST_DATE && cell.match_indices(',').all(|(at, _)| is_in_date(cell, at))
}

/// Bytes of a date in words, at most: `Wednesday, September 30, 2026`.
const LONGEST_DATE: usize = 40;
