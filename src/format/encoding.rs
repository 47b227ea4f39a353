//! Bytes become UTF-8, and are hashed on the way: what is hashed is exactly what is parsed.

use std::io::{self, Read};

use super::audit::Audit;
use super::{FormatError, SpanBytes};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// What is looked at to tell an encoding, in bytes.
pub(super) const SAMPLE: usize = 64 * 1024;

/// What is read at a time where it has to be decoded, in bytes.
const PIECE: usize = 64 * 1024;

/// The byte order mark in UTF-8.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Bytes before a piece that are kept: a wrong sequence may begin in the piece before.
const BEFORE: usize = 16;

/// Identity and size of the bytes that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// BLAKE3, 64 hexadecimal digits.
    pub hash: String,
    /// Number of bytes.
    pub bytes: u64,
}

impl Digest {
    /// Reads everything and keeps nothing.
    pub(super) fn of(input: impl Read) -> io::Result<Digest> {
        let (mut input, mut buffer) = (Hashed::new(input), vec![0; PIECE * 4]);
        while input.read(&mut buffer)? > 0 {}
        Ok(input.digest())
    }
}

/// Bytes that are hashed as they are read.
pub(super) struct Hashed<R> {
    input: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(input: R) -> Self {
        Hashed { input, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// What was read so far.
    pub(super) fn digest(&self) -> Digest {
        Digest { hash: self.hasher.finalize().to_hex().to_string(), bytes: self.bytes }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        self.bytes += got as u64;
        Ok(got)
    }
}

/// Text in UTF-8 without a byte order mark at its start. Input that is UTF-8 is passed on as it is, wrong bytes too: the record that holds
/// one is refused. In another encoding a wrong byte is passed on as three that no text in UTF-8 holds ([`unescaped`]).
pub(super) struct Text<R> {
    input: Hashed<R>,
    encoding: &'static Encoding,
    decoder: Option<Decoder>,
    /// Bytes of the input, and how many of them are done with.
    raw: Vec<u8>,
    done: usize,
    /// Bytes of the input that are done with, the mark included.
    passed: u64,
    /// What was decoded, its end, and how much of it was given away.
    decoded: Vec<u8>,
    decoded_end: usize,
    decoded_done: usize,
    ended: bool,
    audit: Audit,
}

impl<R: Read> Text<R> {
    /// Finds the encoding out of the first bytes, unless it is `stated`.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn open(input: R, stated: Option<&'static Encoding>) -> io::Result<Self> {
        Self::start(input, stated, true)
    }

    /// Text in UTF-8 that this program has written: what looks like a mark at its start is of its first cell.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn own(input: R) -> io::Result<Self> {
        Self::start(input, Some(UTF_8), false)
    }

    fn start(input: R, stated: Option<&'static Encoding>, may_be_marked: bool) -> io::Result<Self> {
        let mut input = Hashed::new(input);
        let mut raw = Vec::new();
        input.by_ref().take(SAMPLE as u64).read_to_end(&mut raw)?;
        let (marked, mark) = Encoding::for_bom(&raw).filter(|_| may_be_marked).unwrap_or((UTF_8, 0));
        let encoding = match stated {
            _ if mark > 0 => marked,
            Some(stated) => stated,
            None => without_mark(&raw),
        };
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        Ok(Text {
            input,
            encoding,
            decoder,
            raw,
            done: mark,
            passed: mark as u64,
            decoded: Vec::new(),
            decoded_end: 0,
            decoded_done: 0,
            ended: false,
            audit: Audit::default(),
        })
    }

    /// The books of the bytes that were given away.
    pub(super) fn audit(&mut self) -> &mut Audit {
        &mut self.audit
    }

    /// Everything was read: what it was.
    ///
    /// # Errors
    /// [`FormatError::Unaccounted`] where nobody has claimed some of it, or not all of the input went into it.
    pub(super) fn finish(&self) -> Result<SpanBytes, FormatError> {
        let spans = self.audit.finish()?;
        if self.passed == self.input.bytes {
            Ok(spans)
        } else {
            Err(FormatError::Unaccounted { at: self.audit.offset() })
        }
    }

    /// The encoding.
    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// What was read so far.
    pub(super) fn digest(&self) -> Digest {
        self.input.digest()
    }

    /// Bytes that were read so far.
    pub(super) fn taken(&self) -> u64 {
        self.input.bytes
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.give(buffer)?;
        self.audit.hold(&buffer[..got]);
        Ok(got)
    }
}

impl<R: Read> Text<R> {
    fn give(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.decoder.is_some() {
            while self.decoded_done == self.decoded_end && !self.ended {
                self.decode()?;
            }
            let got = (&self.decoded[self.decoded_done..self.decoded_end]).read(buffer)?;
            self.decoded_done += got;
            return Ok(got);
        }
        if self.done < self.raw.len() {
            let got = (&self.raw[self.done..]).read(buffer)?;
            self.done += got;
            self.passed += got as u64;
            return Ok(got);
        }
        let got = self.input.read(buffer)?;
        self.passed += got as u64;
        Ok(got)
    }

    /// Decodes one more piece, up to its end or to a wrong byte.
    fn decode(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let mut last = false;
        if self.done == self.raw.len() {
            self.raw.drain(..self.done.saturating_sub(BEFORE));
            self.done = self.raw.len();
            self.raw.resize(self.done + PIECE, 0);
            let got = self.input.read(&mut self.raw[self.done..])?;
            self.raw.truncate(self.done + got);
            last = got == 0;
        }
        let rest = &self.raw[self.done..];
        self.decoded_done = 0;
        let room = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(PIECE * 4) + BEFORE;
        if self.decoded.len() < room {
            self.decoded.resize(room, 0);
        }
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut self.decoded, last);
        self.decoded_end = written;
        self.done += read;
        self.passed += read as u64;
        match result {
            DecoderResult::Malformed(wrong, after) => {
                let end = self.done.saturating_sub(usize::from(after));
                for byte in &self.raw[end.saturating_sub(usize::from(wrong))..end] {
                    self.decoded[self.decoded_end..self.decoded_end + 3].copy_from_slice(&escaped(*byte));
                    self.decoded_end += 3;
                }
            }
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
        }
        Ok(())
    }
}

/// A byte that is wrong in its encoding, as half a letter: no text in UTF-8 holds these.
fn escaped(byte: u8) -> [u8; 3] {
    [0xED, 0xB0 | (byte >> 6), 0x80 | (byte & 0x3F)]
}

/// The byte that `text` begins with in place of one that is wrong in its encoding.
pub(super) fn unescaped(text: &[u8]) -> Option<u8> {
    match text {
        [0xED, high @ 0xB0..=0xB3, low @ 0x80..=0xBF, ..] => Some(high << 6 | (low & 0x3F)),
        _ => None,
    }
}

/// UTF-16 shows by its zero bytes, where it is text; everything else is taken for UTF-8 at first (see [`guess`]).
fn without_mark(raw: &[u8]) -> &'static Encoding {
    let zeros = |first: usize| raw.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), raw.len() / 2);
    let (encoding, high) = if odd > even { (UTF_16LE, odd) } else { (UTF_16BE, even) };
    let enough = pairs >= 2 && high * 10 > pairs * 4 && odd.min(even) * 20 < pairs;
    // A text with zero bytes in it is no UTF-16; but a text in UTF-16 of nearly nothing but ASCII looks like one.
    if enough && (high * 10 >= pairs * 9 || !is_text_between_zeros(raw)) && is_utf16(raw, encoding) {
        encoding
    } else {
        UTF_8
    }
}

/// Whether bytes, without the zeros, are a text of one byte a letter: lines without control characters.
fn is_text_between_zeros(raw: &[u8]) -> bool {
    let control = |byte: &u8| (1..0x20).contains(byte) && !b"\t\n\r\x0B\x0C\x1A\x1F\x01".contains(byte);
    let letters: Vec<u8> = raw.iter().copied().filter(|byte| *byte != 0).collect();
    std::str::from_utf8(&letters).is_ok_and(|text| !text.bytes().any(|byte| control(&byte)))
}

/// Whether bytes decoded from UTF-16 are text: letters that there are, and hardly a control character.
fn is_utf16(raw: &[u8], encoding: &'static Encoding) -> bool {
    let (text, _) = encoding.decode_without_bom_handling(raw);
    let odd = |letter: &char| {
        (letter.is_control() && !letter.is_ascii_whitespace() && *letter != '\u{B}' && *letter != '\u{1A}')
            || matches!(letter, '\u{E000}'..='\u{F8FF}' | '\u{FFFD}'..='\u{FFFF}' | '\u{F0000}'..)
    };
    text.chars().filter(odd).count() * 20 <= text.chars().count()
}

/// The most likely encoding of text that is not UTF-8; `None` for what is no text, or nothing.
pub fn guess_encoding(text: &[u8]) -> Option<&'static Encoding> {
    // Control characters other than white space do not stand in text.
    let controls = text.iter().filter(|byte| **byte < 0x20 && !b"\t\n\r\x0B\x0C\x1B\x1F\x01".contains(byte)).count();
    if text.is_empty() || controls * 200 > text.len() || text.contains(&0) {
        return None;
    }
    let encoding = guess(text);
    let (decoded, wrong) = encoding.decode_without_bom_handling(text);
    // No word begins with what 0xFF is in Latin: it is a wrong byte rather than another encoding. In Cyrillic it is я.
    let mut pairs = decoded.chars().zip(decoded.chars().skip(1));
    let stray = pairs.any(|(before, letter)| matches!(letter, 'ÿ' | '˙') && !before.is_alphabetic());
    let controls = decoded.chars().any(|letter| ('\u{80}'..'\u{A0}').contains(&letter));
    (!wrong && !stray && !controls).then_some(encoding)
}

fn guess(text: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(text, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, &'static str) {
        let mut text = Text::open(bytes, None).unwrap();
        let mut out = Vec::new();
        text.read_to_end(&mut out).unwrap();
        assert_eq!(text.digest().bytes, bytes.len() as u64);
        (String::from_utf8_lossy(&out).into_owned(), text.encoding().name())
    }

    #[test]
    fn marks_and_zero_bytes_tell_the_encoding() {
        let words = "näme,größe\n1,ü\n".repeat(20_000);
        let utf16 = |big: bool| -> Vec<u8> {
            words.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for (bytes, name) in [
            (words.clone().into_bytes(), "UTF-8"),
            ([b"\xEF\xBB\xBF".as_slice(), words.as_bytes()].concat(), "UTF-8"),
            (utf16(false), "UTF-16LE"),
            ([b"\xFF\xFE".as_slice(), &utf16(false)].concat(), "UTF-16LE"),
            (utf16(true), "UTF-16BE"),
            ([b"\xFE\xFF".as_slice(), &utf16(true)].concat(), "UTF-16BE"),
        ] {
            let (text, found) = read(&bytes);
            assert_eq!(found, name);
            assert!(text == words);
        }
    }

    #[test]
    fn other_encodings_are_guessed() {
        assert_eq!(
            guess("Käse;Größe;Übung äöü".chars().map(|letter| letter as u8).collect::<Vec<_>>().as_slice()).name(),
            "windows-1252"
        );
        let (russian, _, _) = encoding_rs::WINDOWS_1251.encode("имя,город\nИлья,Москва\nАнна,Киев\n");
        assert_eq!(guess_encoding(&russian).map(|found| found.name()), Some("windows-1251"));
        let (french, _, _) = encoding_rs::WINDOWS_1252.encode("ville,été\nL'Haÿ-les-Roses,1\n");
        assert_eq!(guess_encoding(&french).map(|found| found.name()), Some("windows-1252"));
        assert_eq!(guess_encoding(b"\xFF,2\n\xFF,3\n"), None);
        let (japanese, _, _) = encoding_rs::SHIFT_JIS.encode("東京都千代田区の人口と面積");
        assert_eq!(guess(&japanese).name(), "Shift_JIS");
    }
}
