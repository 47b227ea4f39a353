//! The encoding of bytes that nothing says anything of, as they show it.

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::by_line::guessed;
use super::sane::{is_certain, is_sane, shows};

/// How far an encoding is a guess.
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

/// Letters, in bytes, before another encoding than Windows-1252 is told.
const LETTERS: usize = 8;

/// UTF-16, which shows by the zero bytes of its line ends and delimiters, and ISO-2022-JP, which shows by its escapes; `None` for what is
/// taken for UTF-8 at first (see [`guess_encoding`]).
pub(super) fn without_mark(raw: &[u8]) -> Option<&'static Encoding> {
    if raw.is_ascii() && is_iso_2022_jp(raw) {
        return Some(ISO_2022_JP);
    }
    let zeros = |first: usize| raw.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), raw.len() / 2);
    let by_zeros = if odd > even { (UTF_16LE, odd) } else { (UTF_16BE, even) };
    let by_ends = if ends(raw, UTF_16LE) > ends(raw, UTF_16BE) { UTF_16LE } else { UTF_16BE };
    // A text with zero bytes in it is no UTF-16; but a text in UTF-16 of nearly nothing but ASCII looks like one.
    let enough = pairs >= 2 && by_zeros.1 * 10 > pairs * 4 && odd.min(even) * 20 < pairs;
    if enough && (by_zeros.1 * 10 >= pairs * 9 || !is_text_between_zeros(raw)) && is_utf16(raw, by_zeros.0, 20) {
        return Some(by_zeros.0);
    }
    // Of letters beyond Latin hardly a byte is zero, but each line's end has one.
    let feeds = memchr::memchr_iter(b'\n', raw).count();
    let enough = pairs >= 2 && ends(raw, by_ends) * 2 > feeds.max(1) && odd.min(even) * 20 < pairs.max(20);
    (enough && !is_text_between_zeros(raw) && is_utf16(raw, by_ends, 50)).then_some(by_ends)
}

/// Line ends in UTF-16.
fn ends(raw: &[u8], encoding: &'static Encoding) -> usize {
    let end: [u8; 2] = if encoding == UTF_16LE { [b'\n', 0] } else { [0, b'\n'] };
    raw.chunks_exact(2).filter(|unit| *unit == end).count()
}

/// Whether bytes, without the zeros, are a text of one byte a letter: lines without control characters.
fn is_text_between_zeros(raw: &[u8]) -> bool {
    let control = |byte: &u8| (1..0x20).contains(byte) && !b"\t\n\r\x0B\x0C\x1A\x1F\x01".contains(byte);
    let letters: Vec<u8> = raw.iter().copied().filter(|byte| *byte != 0).collect();
    std::str::from_utf8(&letters).is_ok_and(|text| !text.bytes().any(|byte| control(&byte)))
}

/// Whether bytes decoded from UTF-16 are text: letters that there are, and of `share` letters not one that stands in no text.
fn is_utf16(raw: &[u8], encoding: &'static Encoding, share: usize) -> bool {
    let (text, _) = encoding.decode_without_bom_handling(&raw[..raw.len() / 2 * 2]);
    let odd = |letter: &char| {
        (letter.is_control() && !letter.is_ascii_whitespace() && *letter != '\u{B}' && *letter != '\u{1A}')
            || matches!(letter, '\u{E000}'..='\u{F8FF}' | '\u{FFFD}'..='\u{FFFF}' | '\u{F0000}'..)
    };
    text.chars().filter(odd).count() * share <= text.chars().count()
}

/// Whether seven-bit text turns to Japanese letters, and is whole in it.
pub(in crate::format) fn is_iso_2022_jp(text: &[u8]) -> bool {
    let shifts = |escape: &[u8]| memmem::find(text, escape).is_some();
    (shifts(b"\x1B$B") || shifts(b"\x1B$@"))
        && ISO_2022_JP.decode_without_bom_handling_and_without_replacement(text).is_some()
}

/// The most likely encoding of lines none of which is UTF-8, `share` of all in 1/1000; `None` where they are sane text in none.
pub fn guess_encoding(lines: &[u8], share: u64) -> Option<(&'static Encoding, Guess)> {
    // Control characters other than white space do not stand in text.
    let controls = lines.iter().filter(|byte| **byte < 0x20 && !b"\t\n\r\x0B\x0C\x1B\x1F\x01".contains(byte)).count();
    if lines.is_empty() || controls * 200 > lines.len() || lines.contains(&0) {
        return None;
    }
    let found = detected(lines);
    let all: Vec<&[u8]> = lines.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_ascii()).collect();
    if reads_alike(lines, found) {
        return western(&all);
    }
    // One record of another encoding may be anything.
    if share < 50 || lines.iter().filter(|byte| !byte.is_ascii()).count() < LETTERS {
        return None;
    }
    let kana = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(lines);
    let is_kana = kana.is_some_and(|text| text.chars().all(|letter| letter.is_ascii() || is_half_kana(letter)));
    [Some(found), is_kana.then_some(SHIFT_JIS)].into_iter().flatten().find_map(|encoding| of_lines(&all, encoding))
}

fn detected(lines: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(lines, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

/// Whether lines are the same text in Windows-1252 as in this encoding.
fn reads_alike(lines: &[u8], encoding: &'static Encoding) -> bool {
    let text = |encoding: &'static Encoding| encoding.decode_without_bom_handling(lines).0;
    encoding == WINDOWS_1252 || (encoding.is_single_byte() && text(encoding) == text(WINDOWS_1252))
}

/// Windows-1252, where at least one line is sane in it and in no other encoding of the West.
fn western(lines: &[&[u8]]) -> Option<(&'static Encoding, Guess)> {
    let certain = lines.iter().filter(|line| {
        let text = WINDOWS_1252.decode_without_bom_handling(line).0;
        is_sane(&text) && shows(&text)
    });
    let guess = if certain.count() >= MANY { Guess::Likely } else { Guess::Doubtful };
    lines.iter().any(|line| guessed(line, WINDOWS_1252, guess).is_some()).then_some((WINDOWS_1252, guess))
}

/// An encoding in which nearly all lines are sane.
fn of_lines(lines: &[&[u8]], encoding: &'static Encoding) -> Option<(&'static Encoding, Guess)> {
    let is_sane = |line: &&&[u8]| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(line);
        text.is_some_and(|text| is_sane(&text) && is_certain(line, &text, encoding))
    };
    let sane = lines.iter().filter(is_sane).count();
    let guess = if sane >= MANY { Guess::Likely } else { Guess::Doubtful };
    (sane * 5 >= lines.len() * 4).then_some((encoding, guess))
}

fn is_half_kana(letter: char) -> bool {
    matches!(letter, '\u{FF61}'..='\u{FF9F}')
}
