//! Names of several words, and values that are written with blanks: telephones, plates, codes.

use std::borrow::Cow;

use super::words::are_names;
use crate::format::csv::sampled::Sampled;

/// Last words of names that say which kind of code a column holds.
const OF_CODES: [&str; 12] =
    ["number", "numbers", "no", "no.", "nr", "nr.", "nummer", "code", "plate", "plates", "id", "key"];

/// Words that only stand within a name.
const WITHIN: [&str; 10] = ["and", "of", "or", "the", "per", "und", "oder", "der", "des", "et"];

/// Digits of a telephone number, at least and at most.
const DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

/// True if the words of the first line are rather one name than one each: a word with a capital before one without, or
/// a word that only stands within names. If the cells below it are `of_codes`, the last word may say so instead.
pub(super) fn is_phrase(head: &Sampled<'_>, of_codes: bool) -> bool {
    let letters: usize = head.cells.iter().map(|cell| cell.len()).sum();
    // Quoted names are one each.
    if head.place.len() != letters + head.cells.len() - 1 {
        return false;
    }
    let (Some(first), Some(last)) = (head.cells.first(), head.cells.last()) else { return false };
    let last_lower = last.to_lowercase();
    let is_code = OF_CODES.contains(&last_lower.as_str());
    let is_small = |word: &Cow<'_, str>| word.starts_with(char::is_lowercase) && word.chars().count() > 1;
    let is_sentence = first.starts_with(char::is_uppercase) && first.chars().count() > 1 && is_small(last);
    let inner = &head.cells[1..(head.cells.len() - 1).max(1)];
    let is_within = inner.iter().any(|cell| WITHIN.contains(&cell.to_lowercase().as_str()));
    (of_codes && is_code) || is_within || (is_sentence && (is_code || !are_names(head)))
}

/// True if the groups of a text can be a code: capitals and digits only.
pub(super) fn is_of_code(cells: &[Cow<'_, str>]) -> bool {
    let is_group = |cell: &Cow<'_, str>| {
        !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let has_letter = cells.iter().any(|cell| cell.bytes().any(|byte| byte.is_ascii_alphabetic()));
    has_letter && cells.iter().all(is_group)
}

/// True if groups of digits are a telephone number, which begins with `0` or `+`: `0171 123456`, `+49 (0) 30 1234`.
pub(super) fn is_telephone(cells: &[Cow<'_, str>]) -> bool {
    let is_group = |cell: &Cow<'_, str>| {
        !cell.is_empty()
            && cell.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'(' | b')' | b'/' | b'-'))
    };
    let Some((first, rest)) = cells.split_first() else { return false };
    let digits = cells.iter().flat_map(|cell| cell.bytes()).filter(u8::is_ascii_digit).count();
    let begins = first.trim_start_matches('(');
    let is_prefix = (begins.starts_with('0') && begins.len() > 2) || (begins.starts_with('+') && begins.len() > 1);
    is_prefix && cells.iter().all(is_group) && DIGITS.contains(&digits) && rest.iter().any(|cell| cell.len() > 1)
}
