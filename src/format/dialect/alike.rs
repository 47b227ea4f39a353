//! How the cells of one column are like each other: what tells a record from the names above it, beside the types of its cells.

use super::header::{figure, is_value, nearly_all};

/// Words of two or three letters that name columns, and are none of a list's codes.
const SHORT_NAMES: [&str; 42] = [
    "ID", "NR", "NO", "NUM", "ISO", "PLZ", "ZIP", "CC", "KEY", "ORT", "TYP", "SKU", "UID", "PID", "SEX", "AGE", "CCY",
    "CUR", "CAT", "QTY", "SUM", "MIN", "MAX", "AVG", "TAG", "DAY", "VON", "BIS", "TO", "URL", "URI", "UOM", "POS",
    "ART", "VAT", "EAN", "LAT", "LON", "LNG", "REF", "COD", "UF",
];

/// Letters of a code, at most: countries, currencies, airports.
const CODE_LETTERS: std::ops::RangeInclusive<usize> = 2..=3;

/// Letters of a hash, at least.
const HASH_LETTERS: usize = 16;

/// Whether a cell is one of a kind that the others below it are too, and no name: an address, an identifier, an amount.
pub(super) fn is_like(cell: &str, others: &[&str]) -> bool {
    let all = |is_so: &dyn Fn(&str) -> bool| is_so(cell) && nearly_all(others, is_so);
    let of_its_length = |other: &str| other.len() == cell.len();
    let is_hash = |text: &str| text.len() >= HASH_LETTERS && of_its_length(text) && is_hexadecimal(text);
    all(&is_address)
        || all(&is_uuid)
        || all(&is_hash)
        || all(&is_row_of_numbers)
        || all(&is_assignment)
        || stamp(cell).is_some_and(|own| nearly_all(others, |other| stamp(other).as_ref() == Some(&own)))
        || all(&|text| text.ends_with('%') && is_amount(text))
        || (is_amount(cell) && !cell.ends_with('%') && nearly_all(others, |other| is_value(other) || is_amount(other)))
}

/// Whether a cell is a code of a few capital letters, as all below it are: `DE`, `EUR`.
pub(super) fn is_code(cell: &str, others: &[&str]) -> bool {
    let is_code = |text: &str| {
        CODE_LETTERS.contains(&text.len())
            && text.len() == cell.len()
            && text.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    is_code(cell) && others.len() > 1 && nearly_all(others, is_code) && !SHORT_NAMES.contains(&cell)
}

/// Whether a cell is a number with letters and signs before it, as all below it are: `A-626`, `INV/2024-7`.
pub(super) fn is_part_number(cell: &str, others: &[&str]) -> bool {
    let shape = |text: &str| -> String {
        let mut shape = String::new();
        for letter in text.trim().chars() {
            let kind = match letter {
                _ if letter.is_ascii_digit() => '9',
                _ if letter.is_uppercase() => 'A',
                _ => letter,
            };
            if !shape.ends_with(kind) || !kind.is_ascii_alphanumeric() {
                shape.push(kind);
            }
        }
        shape
    };
    let own = shape(cell);
    let is_one = own.contains('9') && own.contains('A') && own.contains(['-', '/', '.', '_', ' ']);
    is_one && others.len() > 1 && nearly_all(others, |other| shape(other) == own)
}

/// Whether a cell is the address of a page or a mailbox, which is no column's name.
fn is_address(cell: &str) -> bool {
    let is_mail = || cell.split_once('@').is_some_and(|(_, host)| host.contains('.')) && !cell.contains(' ');
    cell.contains("://") || is_mail()
}

/// A key and its value in one cell: `HOME=/root`, `age: 5`.
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

/// How an address or a moment looks that stands before other words: `9.9.9.9`, `9-9-9`.
fn stamp(text: &str) -> Option<String> {
    let (first, _) = text.trim().split_once([' ', '\t'])?;
    figure(first).filter(|figure| figure.matches('9').count() > 2 && !figure.contains(char::is_alphabetic))
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hexadecimal)
}

/// Several numbers with blanks between them, as in aligned columns.
fn is_row_of_numbers(text: &str) -> bool {
    text.split_whitespace().count() > 1 && text.split_whitespace().all(is_value)
}

/// Whether a cell is a number as people write it: `007`, `+5`, `1,234.50`, `$5`, `5 %`; no range of ages and no season (`2019/20`).
pub(super) fn is_amount(cell: &str) -> bool {
    let bare = cell.trim().trim_start_matches(['+', '-']).trim_start_matches(['$', '€', '£']);
    let bare = bare.trim_end_matches(['%', '$', '€', '£']).trim();
    matches!(figure(bare).as_deref(), Some("9" | "9.9" | "9,9" | "9,9.9" | "9.9,9" | "9,9,9" | "9.9.9,9" | "9,9,9.9"))
}
