//! The fit of a reading of a line: letters in words of one language, signs in the places of signs. The reading that
//! fits best is the likeliest.

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};

use super::Charset;
use super::sane::{Strangeness, is_apostrophe, is_east_asian, is_letter, is_mark, script, strangeness_at};
use crate::format::zip_names::{CP437, CP850, latin};

/// The worth of a letter beyond ASCII, for each of its bytes.
const TYPICAL: i64 = 4;
const POSSIBLE: i64 = 2;
const SELDOM: i64 = 1;
const STRANGE: i64 = -8;

/// The letters beyond ASCII of languages in Latin letters, small.
const ALPHABETS: [&str; 22] = [
    "äöüßéèà",
    "àâæçéèêëîïôœùûüÿñ",
    "áéíñóúüçï",
    "áâãàçéêíóôõúü",
    "àèéìíîòóùú",
    "æøåéèóòôêäö",
    "åäöéüà",
    "áðéíóúýþæö",
    "äëïöüéèêáóûúíç",
    "äöüõšž",
    "ąćęłńóśźż",
    "áčďéěíňóřšťúůýž",
    "áäčďéíľĺňóôŕšťúýž",
    "áéíóöőúüű",
    "ăâîșțşţ",
    "čćđšž",
    "çğıöşüâîûi\u{307}",
    "ąčęėįšųūž",
    "āčēģīķļņōŗšūž",
    "ċġħżàèìòù",
    "ĉĝĥĵŝŭ",
    "âêîôûŵŷáéíóú",
];

/// The fit of a line in an encoding; `None` if it is not valid in it.
pub(super) fn fit(line: &[u8], encoding: Charset) -> Option<i64> {
    let text = encoding.decode(line)?;
    let letters: Vec<char> = text.chars().collect();
    // In encodings with several bytes a letter, the bytes beyond ASCII count.
    let weight = |letter: char| match encoding {
        Charset::Known(known) if !known.is_single_byte() => {
            known.encode(&letter.to_string()).0.iter().filter(|byte| !byte.is_ascii()).count() as i64
        }
        _ => 1,
    };
    let not_ascii = (0..letters.len()).filter(|at| !letters[*at].is_ascii());
    Some(not_ascii.map(|at| worth(&letters, at) * weight(letters[at])).sum())
}

/// The best fit of a line in the encodings of old Macintoshes and DOS in the West, among those that give another text
/// than Windows-1252.
pub(super) fn fit_of_old(line: &[u8], text: &str) -> i64 {
    let old = [MACINTOSH.decode_without_bom_handling(line).0.into_owned(), latin(line, CP850), latin(line, CP437)];
    old.iter().filter(|old| *old != text).map(|old| fit_of(old)).max().unwrap_or(STRANGE)
}

/// The fit of a text of one byte a letter.
pub(super) fn fit_of(text: &str) -> i64 {
    let letters: Vec<char> = text.chars().collect();
    (0..letters.len()).filter(|at| !letters[*at].is_ascii()).map(|at| worth(&letters, at)).sum()
}

/// The number of different letters that are others in this encoding than in Windows-1252.
pub(super) fn telling(lines: &[&[u8]], encoding: &'static Encoding) -> usize {
    let letter = |byte: u8, encoding: &'static Encoding| encoding.decode_without_bom_handling(&[byte]).0.into_owned();
    let differs = |byte: &u8| letter(*byte, encoding) != letter(*byte, WINDOWS_1252);
    (0x80..=0xFF).filter(differs).filter(|byte| lines.iter().any(|line| line.contains(byte))).count()
}

fn worth(letters: &[char], at: usize) -> i64 {
    let letter = letters[at];
    match strangeness_at(letters, at) {
        Strangeness::Hard => STRANGE,
        Strangeness::Soft => 0,
        Strangeness::None if is_east_asian(letter) || matches!(letter, '\u{3000}'..='\u{303F}') => of_east(letters, at),
        Strangeness::None if is_letter(letter) || is_mark(letter) => of_word(letters, at),
        Strangeness::None => of_sign(letters, at),
    }
}

/// The letter `by` places away, `\0` if there is none.
fn beside(letters: &[char], at: usize, by: isize) -> char {
    at.checked_add_signed(by).and_then(|place| letters.get(place)).copied().unwrap_or('\0')
}

/// The worth of an East Asian letter: such letters stand in runs; a lone one among Latin letters is a sign of the West
/// with the letter behind it.
fn of_east(letters: &[char], at: usize) -> i64 {
    let (before, after) = (beside(letters, at, -1), beside(letters, at, 1));
    let east = |letter: char| is_east_asian(letter) || matches!(letter, '\u{3000}'..='\u{303F}');
    if east(before) || east(after) {
        TYPICAL
    } else if before.is_ascii_alphabetic()
        || after.is_ascii_alphabetic()
        || matches!(letters[at], '\u{FF61}'..='\u{FF9F}')
    {
        STRANGE
    } else {
        POSSIBLE
    }
}

/// The worth of a letter in its word, which should be of one language.
fn of_word(letters: &[char], at: usize) -> i64 {
    let within = |place: &usize| is_letter(letters[*place]) || is_mark(letters[*place]);
    let start = (0..at).rev().take_while(within).last().unwrap_or(at);
    let end = (at..letters.len()).take_while(within).last().unwrap_or(at) + 1;
    let word = &letters[start..end];
    let is_beside_digit = beside(letters, start, -1).is_ascii_digit() || beside(letters, end, 0).is_ascii_digit();
    if script(letters[at]) != 0 {
        return if word.len() > 1 { TYPICAL } else { SELDOM };
    }
    if word.len() == 1 {
        return if is_beside_digit { 0 } else { POSSIBLE };
    }
    if word.windows(3).any(|three| three.iter().all(|letter| !letter.is_ascii())) {
        return 0;
    }
    let is_great_within = at > start && letters[at].is_uppercase() && word.iter().any(|letter| letter.is_lowercase());
    let foreign: Vec<char> =
        word.iter().flat_map(|letter| letter.to_lowercase()).filter(|letter| !letter.is_ascii()).collect();
    let is_of = |alphabet: &&str| foreign.iter().all(|letter| alphabet.contains(*letter));
    if !is_great_within && ALPHABETS.iter().any(is_of) { TYPICAL } else { SELDOM }
}

/// The worth of a sign, which should stand at a number, a blank, or a word's edge.
fn of_sign(letters: &[char], at: usize) -> i64 {
    let sign = letters[at];
    let (before, after) = (beside(letters, at, -1), beside(letters, at, 1));
    let is_past = |letter: &&char| **letter != ' ' && **letter != '\u{A0}';
    let earlier = letters[..at].iter().rev().find(is_past).copied().unwrap_or('\0');
    let later = letters[at + 1..].iter().find(is_past).copied().unwrap_or('\0');
    let number = |letter: char| letter.is_ascii_digit();
    let edge = |letter: char| !letter.is_alphanumeric();
    let closes = |close: char| letters[at..].contains(&close);
    let opened = |open: char| letters[..at].contains(&open);
    let is_typical = match sign {
        '€' if edge(before) && edge(after) => true,
        '£' | '€' | '¥' | '¢' => {
            number(earlier) || number(later) || (edge(before) && !edge(after)) || after == '/'
        }
        '±' => number(later) || (number(before) && edge(after)),
        '°' => number(earlier) || matches!(before, 'n' | 'N') || (edge(before) && matches!(after, 'C' | 'F' | 'K')),
        'º' | 'ª' => number(before) || matches!(before, 'n' | 'N' | '.'),
        '²' | '³' | '¹' => before.is_ascii_alphanumeric() && !after.is_alphabetic(),
        '¼' | '½' | '¾' => number(earlier) || (edge(before) && after == ' ' && later.is_alphabetic()),
        'µ' => (edge(before) || number(before)) && after.is_ascii_alphabetic(),
        '×' | '÷' => number(earlier) && number(later),
        '‰' => number(earlier),
        '§' => number(later) || later == '§' || before == '§',
        '©' => edge(before) && (after == ' ' || number(after) || after.is_uppercase()),
        '®' | '™' => edge(after),
        '…' => edge(after),
        '«' => closes('»'),
        '»' => opened('«') || closes('«'),
        '“' => closes('”') || opened('„'),
        '”' => opened('“'),
        '„' => closes('“') || closes('”'),
        '‘' => closes('’') || opened('‚'),
        '’' => opened('‘') || opened('’') || (edge(before) && !edge(after)) || is_apostrophe(letters, at),
        '‹' => closes('›') || opened('›'),
        '›' => opened('‹') || closes('‹'),
        '¡' => closes('!'),
        '¿' => closes('?'),
        '•' => edge(before) && (after == ' ' || after.is_alphabetic()),
        '–' | '—' => (edge(before) && edge(after)) || (number(before) && number(after)),
        '\u{A0}' => number(before) && number(after),
        '·' => before.eq_ignore_ascii_case(&'l') || (edge(before) && after.is_alphabetic()),
        _ => false,
    };
    match sign {
        _ if is_typical => TYPICAL,
        '¤' | '¦' | '¨' | '¯' | '´' | '¸' | 'ˇ' | '˘' | '˙' | '˛' | '˝' | 'ƒ' | '\u{2500}'..='\u{259F}' => {
            0
        }
        '√' | '≈' | '∂' | '∑' | '∏' | '∫' | '◊' | '∆' | '≠' | '∞' | '≤' | '≥' | 'ﬁ' | 'ﬂ' | '‗' | '⌐' | '₧' => {
            SELDOM
        }
        _ => POSSIBLE,
    }
}
