//! Lines of a text whose encoding is a guess: each is decoded by itself, a line in UTF-8 stays as it is, and a line
//! that would not be a sane text is passed on unchanged, so that its record is refused.

use std::borrow::Cow;

use encoding_rs::{ISO_2022_JP, UTF_8};

use super::sane::{is_certain, is_sane, strangeness};
use super::{Charset, Guess};
use crate::text::counted;

/// True if lines in this encoding can be decoded by themselves: a byte that ends a line is nothing else in it, and no
/// state outlives it.
pub(super) fn is_for(encoding: Charset) -> bool {
    match encoding {
        Charset::Known(known) => known.is_ascii_compatible() && known != ISO_2022_JP,
        Charset::Cp850 | Charset::Cp437 => true,
    }
}

/// The bytes up to the end of the last whole line.
pub(super) fn whole_lines(text: &[u8]) -> usize {
    memchr::memrchr2(b'\n', b'\r', text).map_or(0, |end| end + 1)
}

/// Decodes lines, and counts them by their result.
pub(super) struct ByLine {
    /// The guessed encoding, UTF-8 if none but CESU-8 is expected.
    encoding: Charset,
    guess: Guess,
    guessed: u64,
    kept: u64,
    cesu8: u64,
    refused: u64,
}

impl ByLine {
    pub(super) fn new(encoding: Charset, guess: Guess) -> ByLine {
        ByLine { encoding, guess, guessed: 0, kept: 0, cesu8: 0, refused: 0 }
    }

    /// Appends whole lines in UTF-8 to `out`.
    pub(super) fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while !rest.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', rest).map_or(rest.len(), |end| end + 1);
            let (line, after) = rest.split_at(end);
            match self.line(line) {
                Some(decoded) => out.extend_from_slice(decoded.as_bytes()),
                None => out.extend_from_slice(line),
            }
            rest = after;
        }
    }

    /// The line in UTF-8; `None` if it is no sane text.
    fn line<'a>(&mut self, line: &'a [u8]) -> Option<Cow<'a, str>> {
        if let Ok(text) = std::str::from_utf8(line) {
            if text.is_ascii() {
                return Some(Cow::Borrowed(text));
            }
            if let Some(decoded) = by_chance(line, text, self.encoding) {
                self.guessed += 1;
                return Some(decoded);
            }
            self.kept += 1;
            return Some(Cow::Borrowed(text));
        }
        if let Some(text) = cesu8(line) {
            self.cesu8 += 1;
            return Some(Cow::Owned(text));
        }
        let decoded = guessed(line, self.encoding, self.guess);
        if decoded.is_some() {
            self.guessed += 1
        } else {
            self.refused += 1
        }
        decoded
    }

    /// The counts in words.
    pub(super) fn told(&self) -> String {
        let mut told = Vec::new();
        let lines = |count, one: &str, several: &str| {
            format!("{} {}", counted(count, "line"), if count == 1 { one } else { several })
        };
        if self.guessed > 0 {
            let lines = counted(self.guessed, "line");
            told.push(format!("{lines} read as {}, which is a guess", self.encoding.name()));
        }
        if self.cesu8 > 0 {
            let was = lines(self.cesu8, "holds", "hold");
            told.push(format!("{was} halves of a surrogate pair (CESU-8), read as the character that they stand for"));
        }
        if self.kept > 0 {
            told.push(lines(self.kept, "is UTF-8 and stays so", "are UTF-8 and stay so"));
        }
        if self.refused > 0 {
            told.push(lines(self.refused, "is neither, and refused", "are neither, and refused"));
        }
        told.join("; ")
    }
}

/// A line that is not UTF-8, decoded from the guessed encoding; `None` unless it is a sane text in it.
pub(super) fn guessed(line: &[u8], encoding: Charset, guess: Guess) -> Option<Cow<'_, str>> {
    let text = encoding.decode(line)?;
    let is_taken = match guess {
        Guess::Likely => !strangeness(&text).is_hard(),
        Guess::Doubtful => is_sane(&text) && is_certain(line, &text, encoding),
    };
    is_taken.then_some(text)
}

/// A line of East Asian letters of two bytes that happen to be letters in UTF-8 too, decoded: in UTF-8 it would be no
/// sane text.
fn by_chance<'a>(line: &'a [u8], text: &str, encoding: Charset) -> Option<Cow<'a, str>> {
    let Charset::Known(encoding) = encoding else { return None };
    if encoding == UTF_8 || encoding.is_single_byte() || text.chars().any(|letter| letter >= '\u{800}') {
        return None;
    }
    // A foreign word in UTF-8 has letters of its own script only, and not a lone one.
    let is_word = |word: &str| word.is_ascii() || (word.chars().count() > 2 && is_sane(word));
    if text.split(|letter: char| !letter.is_alphanumeric()).all(is_word) && is_sane(text) {
        return None;
    }
    encoding.decode_without_bom_handling_and_without_replacement(line).filter(|decoded| is_sane(decoded))
}

/// True if bytes are UTF-8 but for pairs of surrogate halves, each written as a letter of three bytes (Unicode
/// Technical Report 26).
pub(in crate::format) fn is_cesu8(text: &[u8]) -> bool {
    cesu8(text).is_some()
}

fn cesu8(text: &[u8]) -> Option<String> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    let mut pairs = 0;
    while let Some(at) = memchr::memchr(0xED, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        match *rest {
            [0xED, high @ 0xA0..=0xAF, one @ 0x80..=0xBF, 0xED, low @ 0xB0..=0xBF, two @ 0x80..=0xBF, ..] => {
                let half = |first: u8, second: u8| u32::from(first & 0x0F) << 6 | u32::from(second & 0x3F);
                let letter = char::from_u32(0x1_0000 + (half(high, one) << 10 | half(low, two)))?;
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[6..];
                pairs += 1;
            }
            _ => {
                out.push(0xED);
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    String::from_utf8(out).ok().filter(|_| pairs > 0)
}
