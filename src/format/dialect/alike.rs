//! The likeness of the cells of one column: it tells a record from the names above it, beside the types of its cells.

use std::borrow::Cow;

use super::commas::is_date_in_words;
use super::header::{figure, has_digit, is_value, mostly, nearly_all};

/// Words of two or three letters that name columns, and are no codes of a list.
const SHORT_NAMES: [&str; 42] = [
    "ID", "NR", "NO", "NUM", "ISO", "PLZ", "ZIP", "CC", "KEY", "ORT", "TYP", "SKU", "UID", "PID", "SEX", "AGE", "CCY",
    "CUR", "CAT", "QTY", "SUM", "MIN", "MAX", "AVG", "TAG", "DAY", "VON", "BIS", "TO", "URL", "URI", "UOM", "POS",
    "ART", "VAT", "EAN", "LAT", "LON", "LNG", "REF", "COD", "UF",
];

/// Letters of a code: countries, currencies, airports.
const CODE_LETTERS: std::ops::RangeInclusive<usize> = 2..=3;

/// Letters of a hash, at least.
const HASH_LETTERS: usize = 7;

/// True if a cell is of a kind that the others below it are too, and no name: an address, an identifier, an amount.
pub(super) fn is_like(cell: &str, others: &[&str]) -> bool {
    let all = |is_so: &dyn Fn(&str) -> bool| is_so(cell) && mostly(others, is_so);
    let of_its_length = |other: &str| other.len() == cell.len();
    let has_digit = cell.bytes().any(|byte| byte.is_ascii_digit());
    let is_hash = |text: &str| has_digit && text.len() >= HASH_LETTERS && of_its_length(text) && is_hexadecimal(text);
    all(&is_address)
        || all(&is_uuid)
        || all(&is_hash)
        || all(&is_row_of_numbers)
        || all(&is_assignment)
        || all(&is_list)
        || all(&is_date_in_words)
        || stamp(cell).is_some_and(|own| mostly(others, |other| stamp(other).as_ref() == Some(&own)))
        || all(&|text| text.ends_with('%') && is_amount(text))
        || (is_amount(cell) && !cell.ends_with('%') && nearly_all(others, |other| is_value(other) || is_amount(other)))
}

/// True if a cell is a code of a few capital letters, as all below it are: `DE`, `EUR`.
pub(super) fn is_code(cell: &str, others: &[&str]) -> bool {
    let is_code = |text: &str| {
        CODE_LETTERS.contains(&text.len())
            && text.len() == cell.len()
            && text.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    is_code(cell) && others.len() > 1 && nearly_all(others, is_code) && !SHORT_NAMES.contains(&cell)
}

/// The pattern of a cell with digits and other signs, each run of digits, of capitals and of small letters taken as
/// one: `A-626` and `B-7` are `A-9`. `None` if it has no digit, or nothing else.
fn pattern(cell: &str) -> Option<String> {
    if !has_digit(cell) {
        return None;
    }
    let mut pattern = String::new();
    for letter in cell.trim().chars() {
        let kind = match letter {
            _ if letter.is_ascii_digit() => '9',
            _ if letter.is_uppercase() => 'A',
            _ if letter.is_alphabetic() => 'a',
            _ => letter,
        };
        if !pattern.ends_with(kind) || !kind.is_ascii_alphanumeric() {
            pattern.push(kind);
        }
    }
    (pattern.len() > 1).then_some(pattern)
}

/// True if a cell has digits and other signs, laid out as in most of those below it: `A-626`, `C07`, `INV/2024-7`.
pub(super) fn is_of_pattern(cell: &str, others: &[&str]) -> bool {
    pattern(cell).is_some_and(|own| mostly(others, |other| pattern(other).as_ref() == Some(&own)))
}

/// The text of a cell without its digits, and its numbers.
fn numbers(cell: &str) -> (String, Vec<u64>) {
    let rest = cell.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let runs = cell.split(|letter: char| !letter.is_ascii_digit());
    (rest, runs.filter_map(|run| run.parse().ok()).collect())
}

/// True if a cell beside this one differs from it in its numbers alone, as numbered names do: `Q1`, `Q2`.
pub(super) fn is_numbered(row: &[Cow<'_, str>], place: usize) -> bool {
    beside(row, place).any(|other| {
        let (one, other) = (numbers(&row[place]), numbers(other));
        !one.1.is_empty() && !one.0.is_empty() && one.0 == other.0 && one.1.len() == other.1.len() && one.1 != other.1
    })
}

/// True if a cell beside this one has the same text with the next number or the previous one: `F-01`, `F-02`.
pub(super) fn follows(row: &[Cow<'_, str>], place: usize) -> bool {
    beside(row, place).any(|other| {
        let (one, other) = (numbers(&row[place]), numbers(other));
        let differ: Vec<_> = one.1.iter().zip(&other.1).filter(|(one, other)| one != other).collect();
        let is_next = matches!(differ.as_slice(), [(one, other)] if one.abs_diff(**other) == 1);
        one.0 == other.0 && one.1.len() == other.1.len() && is_next
    })
}

pub(super) fn beside<'r>(row: &'r [Cow<'_, str>], place: usize) -> impl Iterator<Item = &'r str> {
    let before = place.checked_sub(1).and_then(|before| row.get(before));
    before.into_iter().chain(row.get(place + 1)).map(|cell| &**cell)
}

/// True if a cell is a value that names no column, in any place: an address, an identifier, a telephone number.
pub(super) fn is_sure(cell: &str) -> bool {
    let is_hash = |text: &str| {
        text.len() >= HASH_LETTERS && is_hexadecimal(text) && text.bytes().any(|byte| byte.is_ascii_digit())
    };
    let is_telephone = |pattern: &str| pattern.starts_with("+9 9");
    let is_host = |pattern: &str| pattern == "9.9.9.9";
    is_address(cell)
        || is_uuid(cell)
        || is_hash(cell)
        || pattern(cell).is_some_and(|pattern| is_telephone(&pattern) || is_host(&pattern))
}

/// True if a cell by itself is rather a code than a name: capitals, then two digits or more, with anything between:
/// `C70`, `B-093`, `RE 2026-7`; no year behind a word.
pub(super) fn is_coded(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let is_code = |pattern: &str| pattern.starts_with('A') && pattern.ends_with('9') && !pattern.contains('a');
    digits > 1 && pattern(cell).is_some_and(|pattern| is_code(&pattern))
}

/// True if a cell is one capital and one digit: `B7`.
pub(super) fn is_letter_and_number(cell: &str) -> bool {
    cell.len() == 2 && pattern(cell).as_deref() == Some("A9")
}

/// True if a cell is a number, or one that is only known to be below or above another: `<0.5`, `> 100`.
pub(super) fn is_compared(cell: &str) -> bool {
    let bare = cell.trim().trim_start_matches(['<', '>', '≤', '≥', '~', '=']).trim();
    is_amount(bare) || is_value(bare)
}

/// True if a cell is the address of a page or a mailbox, which is no column's name.
fn is_address(cell: &str) -> bool {
    let is_mail = || cell.split_once('@').is_some_and(|(_, host)| host.contains('.')) && !cell.contains(' ');
    cell.contains("://") || is_mail() || is_device(cell)
}

/// True for the address of a device or of a host in groups of hexadecimal digits: `56:55:6d:89:aa:82`, `2001:db8::1`.
fn is_device(cell: &str) -> bool {
    let groups = cell.split(':').count();
    let is_group = |group: &str| group.len() <= 4 && is_hexadecimal(group);
    cell.split(':').all(is_group) && (groups > 5 || (groups > 2 && cell.contains("::")))
}

/// True for a key and its value in one cell: `HOME=/root`, `age: 5`.
fn is_assignment(text: &str) -> bool {
    let is_key = |key: &str| {
        !key.is_empty()
            && key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-'))
            && !key.starts_with(|letter: char| letter.is_ascii_digit())
    };
    let value = |value: &str| !value.is_empty();
    text.split_once('=')
        .or_else(|| text.split_once(": "))
        .is_some_and(|(key, rest)| is_key(key.trim_end()) && value(rest))
}

/// True for a list of three things and more in one cell, no blanks behind the signs between them: `red|green|blue`.
fn is_list(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with(' ');
    let is_between = |sign: char| text.split(sign).count() > 2 && text.split(sign).all(is_part);
    ['|', ';'].into_iter().any(is_between)
}

/// Words at the beginning of a line in which a time is looked for.
const BEFORE_TIME: usize = 5;

/// The pattern of an address or a moment that stands before other words: `9.9.9.9`, `9-9-9`; or of the time in the first
/// of them: `9:9:9`.
fn stamp(text: &str) -> Option<String> {
    let (first, _) = text.trim().split_once([' ', '\t'])?;
    let of_first =
        figure(first).filter(|figure| figure.matches('9').count() > 2 && !figure.contains(char::is_alphabetic));
    let time = |word: &str| {
        let figure = figure(word.trim_matches(['[', ']', '(', ')']))?;
        matches!(figure.as_str(), "9:9:9" | "9:9:9.9" | "9:9:9,9").then_some(figure)
    };
    of_first.or_else(|| text.split_whitespace().take(BEFORE_TIME).find_map(time))
}

/// Digits at the beginning of a text, at least, that tell records from names.
const LEADING_DIGITS: usize = 3;

/// The kind of a text's beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// An address, a moment, a path, or a key before its value: as no name begins.
    Sure(String),
    /// A code or a number of so many digits.
    Code(String),
}

/// The kind of a text's beginning, if it is none of a name.
pub(super) fn start(text: &str) -> Option<Start> {
    let text = text.trim_start();
    let bytes = text.as_bytes();
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    let is_path = match bytes {
        [b'/', next, ..] | [b'\\', b'\\', next, ..] => next.is_ascii_alphanumeric(),
        [drive, b':', b'\\' | b'/', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    };
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sure = |kind: &str| Some(Start::Sure(kind.to_owned()));
    match () {
        () if is_path && word[1..].contains(['/', '\\']) => sure("/"),
        () if word.contains("://") && !word.contains('=') => sure("://"),
        () if is_assignment(text) && word.contains('=') => sure(&word[..=word.find('=').unwrap_or_default()]),
        () if stamp(text).is_some() => stamp(text).map(Start::Sure),
        () if digits >= LEADING_DIGITS && digits < text.len() => Some(Start::Code("9".repeat(digits))),
        () if is_coded(word) && word.len() < text.len() => {
            let letters = word.bytes().map(|byte| if byte.is_ascii_digit() { '9' } else { char::from(byte) });
            Some(Start::Code(letters.map(|letter| if letter.is_ascii_uppercase() { 'A' } else { letter }).collect()))
        }
        () => None,
    }
}

/// True if a text begins as no name does, and some of those below it do so too, or most if it is a code or a number.
pub(super) fn begins_like<'t>(text: &str, others: impl Iterator<Item = &'t str>) -> bool {
    let Some(own) = start(text) else { return false };
    let like = |other: &str| start(other).as_ref() == Some(&own);
    match &own {
        Start::Sure(_) => others.take(BEGINNINGS).any(like),
        Start::Code(_) => mostly(&others.take(BEGINNINGS).collect::<Vec<_>>(), like),
    }
}

/// Texts whose beginnings are looked at.
const BEGINNINGS: usize = 200;

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hexadecimal)
}

/// True for several numbers with blanks between them, as in aligned columns, or two with decimals and a comma: a place.
fn is_row_of_numbers(text: &str) -> bool {
    let is_decimal = |part: &str| part.contains('.') && is_value(part);
    let is_place = || text.split_once(',').is_some_and(|(one, other)| is_decimal(one) && is_decimal(other));
    (text.split_whitespace().count() > 1 && text.split_whitespace().all(is_value)) || is_place()
}

/// True if a cell is a number as people write it: `007`, `+5`, `1,234.50`, `$5`, `5 %`; no range of ages and no season
/// (`2019/20`).
pub(in crate::format) fn is_amount(cell: &str) -> bool {
    let bare = cell.trim().trim_start_matches(['+', '-']).trim_start_matches(['$', '€', '£']);
    let bare = bare.trim_end_matches(['%', '$', '€', '£']).trim();
    // SAP writes the sign behind.
    let bare = bare.strip_suffix('-').filter(|bare| bare.contains(['.', ','])).unwrap_or(bare);
    matches!(figure(bare).as_deref(), Some("9" | "9.9" | "9,9" | "9,9.9" | "9.9,9" | "9,9,9" | "9.9.9,9" | "9,9,9.9"))
}
