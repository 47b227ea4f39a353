//! The encoding of bytes that is stated nowhere, guessed from the bytes.

use std::cmp::Reverse;

use encoding_rs::{
    Encoding, ISO_2022_JP, ISO_8859_15, MACINTOSH, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1254,
};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::Charset;
use super::by_line::guessed;
use super::fit::{fit, fit_of, fit_of_old, telling};
use super::sane::{is_certain, is_sane, may_show};

/// The degree to which an encoding is a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guess {
    /// Few lines show it: each of the others has to show it too.
    Doubtful,
    /// Many lines show it: the others have to be text in it.
    Likely,
}

/// Lines that show an encoding before it is likely.
const MANY: usize = 3;

/// Letters, in bytes, that are needed to tell another encoding than Windows-1252.
const LETTERS: usize = 8;

/// Different letters that tell another encoding, if all of them make words in Windows-1252 too.
const TELLING: usize = 3;

/// UTF-16, recognised by the zero bytes of its line ends and delimiters, or ISO-2022-JP, by its escapes; `None` for
/// bytes that are taken for UTF-8 at first (see [`guess_encoding`]).
pub(super) fn without_mark(raw: &[u8]) -> Option<&'static Encoding> {
    if raw.is_ascii() && is_iso_2022_jp(raw) {
        return Some(ISO_2022_JP);
    }
    // UTF-16 has zero bytes in its line ends, with letters of any kind.
    memchr::memchr(0, raw)?;
    let zeros = |first: usize| raw.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), raw.len() / 2);
    let by_zeros = if odd > even { (UTF_16LE, odd) } else { (UTF_16BE, even) };
    let by_ends = if ends(raw, UTF_16LE) > ends(raw, UTF_16BE) { UTF_16LE } else { UTF_16BE };
    // A text with zero bytes in it is no UTF-16; but a text in UTF-16 of nearly nothing but ASCII looks like one.
    let enough = pairs >= 2 && by_zeros.1 * 10 > pairs * 4 && odd.min(even) * 20 < pairs;
    if enough && (by_zeros.1 * 10 >= pairs * 9 || !is_text_between_zeros(raw)) && is_utf16(raw, by_zeros.0, 20) {
        return Some(by_zeros.0);
    }
    // Letters beyond Latin have hardly a zero byte, but each line's end has one.
    let feeds = memchr::memchr_iter(b'\n', raw).count();
    let enough = pairs >= 2 && ends(raw, by_ends) * 2 > feeds.max(1) && odd.min(even) * 20 < pairs.max(20);
    (enough && !is_text_between_zeros(raw) && is_utf16(raw, by_ends, 50)).then_some(by_ends)
}

/// The number of line ends in UTF-16.
fn ends(raw: &[u8], encoding: &'static Encoding) -> usize {
    let end: [u8; 2] = if encoding == UTF_16LE { [b'\n', 0] } else { [0, b'\n'] };
    raw.chunks_exact(2).filter(|unit| *unit == end).count()
}

/// True if bytes, without the zeros, are a text of one byte a letter: lines without control characters.
fn is_text_between_zeros(raw: &[u8]) -> bool {
    let control = |byte: &u8| (1..0x20).contains(byte) && !b"\t\n\r\x0B\x0C\x1A\x1F\x01".contains(byte);
    let letters: Vec<u8> = raw.iter().copied().filter(|byte| *byte != 0).collect();
    std::str::from_utf8(&letters).is_ok_and(|text| !text.bytes().any(|byte| control(&byte)))
}

/// True if bytes decoded from UTF-16 are text: letters that exist, and among `share` letters not one that stands in no
/// text.
fn is_utf16(raw: &[u8], encoding: &'static Encoding, share: usize) -> bool {
    let (text, _) = encoding.decode_without_bom_handling(&raw[..raw.len() / 2 * 2]);
    let odd = |letter: &char| {
        (letter.is_control() && !letter.is_ascii_whitespace() && *letter != '\u{B}' && *letter != '\u{1A}')
            || matches!(letter, '\u{E000}'..='\u{F8FF}' | '\u{FFFD}'..='\u{FFFF}' | '\u{F0000}'..)
    };
    text.chars().filter(odd).count() * share <= text.chars().count()
}

/// True if seven-bit text turns to Japanese letters, and is valid in it.
pub(in crate::format) fn is_iso_2022_jp(text: &[u8]) -> bool {
    let shifts = |escape: &[u8]| memmem::find(text, escape).is_some();
    (shifts(b"\x1B$B") || shifts(b"\x1B$@"))
        && ISO_2022_JP.decode_without_bom_handling_and_without_replacement(text).is_some()
}

/// The most likely encoding of lines none of which is UTF-8, `share` of all in 1/1000; `None` if they are sane text in
/// none.
pub fn guess_encoding(lines: &[u8], share: u64) -> Option<(Charset, Guess)> {
    // Control characters other than white space do not stand in text.
    let controls = lines.iter().filter(|byte| **byte < 0x20 && !b"\t\n\r\x0B\x0C\x1B\x1F\x01".contains(byte)).count();
    if lines.is_empty() || controls * 200 > lines.len() || lines.contains(&0) {
        return None;
    }
    let found = detected(lines);
    let all: Vec<&[u8]> = lines.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_ascii()).collect();
    // One record of another encoding may be anything.
    let is_alone = share < 50;
    let kana = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(lines);
    let is_kana = kana.is_some_and(|text| text.chars().all(|letter| letter.is_ascii() || is_half_kana(letter)));
    let others = [(!reads_alike(lines, found)).then_some(found), is_kana.then_some(SHIFT_JIS)];
    let better: Vec<_> = others.into_iter().flatten().filter(|other| fits_better(&all, other)).collect();
    if let Some(old) = old(&all, &better).filter(|_| !is_alone) {
        return Some(old);
    }
    if better.is_empty() {
        return western(&all, is_alone);
    }
    if is_alone || lines.iter().filter(|byte| !byte.is_ascii()).count() < LETTERS {
        return None;
    }
    better.into_iter().find_map(|encoding| of_lines(&all, encoding.into()))
}

/// The fit of all lines in an encoding.
fn fit_of_all(lines: &[&[u8]], encoding: Charset) -> i64 {
    lines.iter().map(|line| fit(line, encoding).unwrap_or(-8 * line.len() as i64)).sum()
}

/// True if lines fit better in another encoding than in Windows-1252, or as well if many letters tell it.
fn fits_better(lines: &[&[u8]], other: &'static Encoding) -> bool {
    let (own, its) = (fit_of_all(lines, WINDOWS_1252.into()), fit_of_all(lines, other.into()));
    // Turkish and Icelandic differ in six letters, which so short a word of Icelandic may well hold.
    let is_long = |line: &&[u8]| {
        let text = WINDOWS_1252.decode_without_bom_handling(line).0;
        let mut words = text.split(|letter: char| !letter.is_alphabetic());
        words.any(|word| word.contains(['Ý', 'ý', 'Þ', 'þ', 'Ð', 'ð']) && word.chars().count() > 3)
    };
    let tells = || match other {
        _ if other == WINDOWS_1254 => lines.iter().any(is_long),
        _ => other.is_single_byte() && telling(lines, other) >= TELLING,
    };
    its > own || (its == own && tells())
}

/// An encoding of DOS, an old Macintosh or Unix in the West, if lines fit well in it, and not in Windows-1252 and the
/// `others`.
fn old(lines: &[&[u8]], others: &[&'static Encoding]) -> Option<(Charset, Guess)> {
    let letters = lines.iter().flat_map(|line| line.iter()).filter(|byte| !byte.is_ascii()).count() as i64;
    let fits = |encoding: Charset| (fit_of_all(lines, encoding), encoding);
    let mut old = [Charset::Cp850, MACINTOSH.into(), ISO_8859_15.into()].map(fits);
    old.sort_by_key(|(fit, _)| Reverse(*fit));
    let [(best, encoding), (second, _), _] = old;
    let (own, _) = fits(WINDOWS_1252.into());
    let other = others.iter().map(|other| fits((*other).into()).0).max().unwrap_or(own);
    let is_best = best >= letters * 3 && own < letters * 3 && best > second.max(own).max(other);
    // Signs alone may be signs in any encoding.
    let has_letters = |line: &&[u8]| {
        let text = encoding.decode(line).unwrap_or_default();
        text.chars().any(|letter| letter == '€' || (!letter.is_ascii() && letter.is_alphabetic()))
    };
    (is_best && lines.iter().any(has_letters)).then(|| of_lines(lines, encoding)).flatten()
}

fn detected(lines: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(lines, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

/// True if lines are the same text in Windows-1252 as in this encoding.
fn reads_alike(lines: &[u8], encoding: &'static Encoding) -> bool {
    let text = |encoding: &'static Encoding| encoding.decode_without_bom_handling(lines).0;
    encoding == WINDOWS_1252 || (encoding.is_single_byte() && text(encoding) == text(WINDOWS_1252))
}

/// Windows-1252, if at least one line is sane in it and in no other encoding of the West.
fn western(lines: &[&[u8]], is_alone: bool) -> Option<(Charset, Guess)> {
    let text = |line: &[u8]| WINDOWS_1252.decode_without_bom_handling(line).0.into_owned();
    let encoding = Charset::from(WINDOWS_1252);
    let certain = lines.iter().filter(|line| is_sane(&text(line)) && is_certain(line, &text(line), encoding)).count();
    let fits = |line: &&[u8]| is_sane(&text(line)) && fit_of(&text(line)) >= fit_of_old(line, &text(line));
    let old = lines.iter().filter(|line| !fits(line)).count();
    let is_likely = (certain >= MANY && certain > old)
        || (!is_alone && old == 0 && (certain > 0 || lines.iter().all(|line| may_show(&text(line)))));
    let guess = if is_likely { Guess::Likely } else { Guess::Doubtful };
    lines.iter().any(|line| guessed(line, encoding, guess).is_some()).then_some((encoding, guess))
}

/// An encoding, if nearly all lines are sane in it.
fn of_lines(lines: &[&[u8]], encoding: Charset) -> Option<(Charset, Guess)> {
    let is_sane = |line: &&&[u8]| {
        let text = encoding.decode(line);
        text.is_some_and(|text| is_sane(&text) && is_certain(line, &text, encoding))
    };
    let sane = lines.iter().filter(is_sane).count();
    let guess = if sane >= MANY { Guess::Likely } else { Guess::Doubtful };
    (sane * 5 >= lines.len() * 4).then_some((encoding, guess))
}

fn is_half_kana(letter: char) -> bool {
    matches!(letter, '\u{FF61}'..='\u{FF9F}')
}
