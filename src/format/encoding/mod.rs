//! Bytes become UTF-8, and are hashed on the way: the bytes hashed are exactly the bytes parsed.

mod by_line;
mod charset;
mod fit;
mod guess;
mod sane;

use std::io::{self, Read};

pub(super) use by_line::is_cesu8;
pub use charset::Charset;
pub(super) use guess::is_iso_2022_jp;
pub use guess::{Guess, guess_encoding};

use super::audit::Audit;
use super::{FormatError, SpanBytes};
use by_line::ByLine;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// Bytes that are searched for an encoding.
pub(super) const SAMPLE: usize = 64 * 1024;

/// Bytes that are read at a time for decoding.
const PIECE: usize = 64 * 1024;

/// The byte order mark in UTF-8.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The longest line that is held to be decoded, in bytes; no record is longer.
const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// Bytes before a piece that are kept: a wrong sequence may begin in the piece before.
const BEFORE: usize = 16;

/// Identity and size of the bytes read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The BLAKE3 hash, 64 hexadecimal digits.
    pub hash: String,
    /// Number of bytes.
    pub bytes: u64,
}

impl Digest {
    /// The digest of all bytes of an input, none of which are kept.
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

    /// The digest of the bytes read so far.
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

/// Text in UTF-8 without a byte order mark at its start. Input that is UTF-8 is passed on unchanged, wrong bytes too:
/// the record that holds one is refused. In another encoding a wrong byte is passed on as three that no text in UTF-8
/// holds ([`unescaped`]). With a guessed encoding each line is decoded by itself, and one that cannot be decoded so is
/// passed on unchanged.
pub(super) struct Text<R> {
    input: Hashed<R>,
    encoding: Charset,
    /// The degree to which the encoding is a guess; `None` if it is known.
    guessed: Option<Guess>,
    decoding: Decoding,
    /// Bytes of the input, with the number of those passed on.
    raw: Vec<u8>,
    done: usize,
    /// Bytes of the input passed on so far, the mark included.
    passed: u64,
    /// The decoded text, its end, and the number of bytes that were given away.
    decoded: Vec<u8>,
    decoded_end: usize,
    decoded_done: usize,
    ended: bool,
    audit: Audit,
}

/// The first bytes of an input, up to a sample's length: read into one buffer, for most files are shorter than that.
fn beginning(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut bytes, mut end) = (vec![0; SAMPLE], 0);
    while end < SAMPLE {
        match input.read(&mut bytes[end..]) {
            Ok(0) => break,
            Ok(got) => end += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(end);
    Ok(bytes)
}

/// The way from the input to UTF-8.
enum Decoding {
    /// The input is UTF-8.
    None,
    /// The input is decoded as one text.
    Whole(Box<Decoder>),
    /// Each byte is a letter of a code page.
    Letters(Charset),
    /// Each line is decoded by itself.
    Lines(ByLine),
}

impl<R: Read> Text<R> {
    /// Finds the encoding from the first bytes, unless it is `stated`.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn open(input: R, stated: Option<Charset>) -> io::Result<Self> {
        Self::start(input, stated, None, true)
    }

    /// Text in a guessed encoding; lines that are UTF-8 stay as they are. UTF-8 here stands for UTF-8 among which are
    /// lines in CESU-8.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn guessed(input: R, encoding: Charset, guess: Guess) -> io::Result<Self> {
        Self::start(input, Some(encoding), Some(guess), true)
    }

    /// Text in UTF-8 that this program has written: an apparent mark at its start belongs to its first cell.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn own(input: R) -> io::Result<Self> {
        Self::start(input, Some(UTF_8.into()), None, false)
    }

    fn start(input: R, stated: Option<Charset>, guess: Option<Guess>, may_be_marked: bool) -> io::Result<Self> {
        let mut input = Hashed::new(input);
        let raw = beginning(&mut input)?;
        let (marked, mark) = Encoding::for_bom(&raw).filter(|_| may_be_marked).unwrap_or((UTF_8, 0));
        let (encoding, guessed) = match stated {
            // A mark is no guess, but characters in CESU-8 may stand behind it.
            _ if mark > 0 => (Charset::from(marked), guess.filter(|_| marked == UTF_8)),
            Some(stated) => (stated, guess),
            None => guess::without_mark(&raw).map_or((UTF_8.into(), None), |found| (found.into(), Some(Guess::Likely))),
        };
        let decoding = match (guessed, encoding) {
            (Some(guess), _) if by_line::is_for(encoding) => Decoding::Lines(ByLine::new(encoding, guess)),
            _ if encoding == UTF_8.into() => Decoding::None,
            (_, Charset::Known(known)) => Decoding::Whole(Box::new(known.new_decoder_without_bom_handling())),
            (_, page) => Decoding::Letters(page),
        };
        Ok(Text {
            input,
            encoding,
            guessed,
            decoding,
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

    /// The spans of the whole text, once everything was read.
    ///
    /// # Errors
    /// [`FormatError::Unaccounted`] if some of it was not claimed, or not all of the input went into it.
    pub(super) fn finish(&self) -> Result<SpanBytes, FormatError> {
        let spans = self.audit.finish()?;
        if self.passed == self.input.bytes {
            Ok(spans)
        } else {
            Err(FormatError::Unaccounted { at: self.audit.offset() })
        }
    }

    /// The encoding of the input.
    pub(super) fn encoding(&self) -> Charset {
        self.encoding
    }

    /// The degree to which the encoding is a guess; `None` if it is known.
    pub(super) fn guess(&self) -> Option<Guess> {
        self.guessed
    }

    /// The name of the encoding in which a byte that is passed on can be wrong.
    pub(super) fn wrong_in(&self) -> &'static str {
        if matches!(self.decoding, Decoding::Lines(_)) { UTF_8.name() } else { self.encoding.name() }
    }

    /// The guess in words, once everything was read; `None` if the encoding is known.
    pub(super) fn told(&self) -> Option<String> {
        self.guessed?;
        Some(match &self.decoding {
            Decoding::Lines(lines) => lines.told(),
            _ => format!("read as {}, which no byte order mark says: a guess", self.encoding.name()),
        })
    }

    /// The digest of the bytes read so far.
    pub(super) fn digest(&self) -> Digest {
        self.input.digest()
    }

    /// Number of bytes read so far.
    pub(super) fn taken(&self) -> u64 {
        self.input.bytes
    }

    /// Bytes still to come, if known: for a text in UTF-8 that is shorter than the sample.
    pub(super) fn left(&self) -> Option<usize> {
        let is_short = self.input.bytes < SAMPLE as u64 && matches!(self.decoding, Decoding::None);
        is_short.then(|| self.raw.len() - self.done)
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
        if !matches!(self.decoding, Decoding::None) {
            while self.decoded_done == self.decoded_end && !self.ended {
                match self.decoding {
                    Decoding::Lines(_) => self.decode_lines()?,
                    _ => self.decode()?,
                }
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
        let decoder = match &mut self.decoding {
            Decoding::Whole(decoder) => decoder,
            Decoding::Letters(page) => {
                self.decoded = page.decode(rest).unwrap_or_default().into_owned().into_bytes();
                self.decoded_end = self.decoded.len();
                self.done += rest.len();
                self.passed += rest.len() as u64;
                self.ended = last;
                return Ok(());
            }
            Decoding::None | Decoding::Lines(_) => return Ok(()),
        };
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

impl<R: Read> Text<R> {
    /// Decodes the whole lines held, after reading on if there are none.
    fn decode_lines(&mut self) -> io::Result<()> {
        let Decoding::Lines(lines) = &mut self.decoding else { return Ok(()) };
        (self.decoded_done, self.decoded_end) = (0, 0);
        let mut whole = by_line::whole_lines(&self.raw[self.done..]);
        if whole == 0 {
            self.raw.drain(..self.done);
            self.done = 0;
            // A long line is searched a few times only.
            let (before, more) = (self.raw.len(), PIECE.max(self.raw.len()) as u64);
            let got = self.input.by_ref().take(more).read_to_end(&mut self.raw)?;
            self.ended = (got as u64) < more;
            let rest = self.raw.len();
            whole = match by_line::whole_lines(&self.raw[before..]) {
                _ if self.ended || rest > LONGEST_LINE => rest,
                0 => return Ok(()),
                lines => before + lines,
            };
        }
        self.decoded.clear();
        lines.decode(&self.raw[self.done..self.done + whole], &mut self.decoded);
        self.decoded_end = self.decoded.len();
        self.done += whole;
        self.passed += whole as u64;
        Ok(())
    }
}

/// Encodes a byte that is wrong in its encoding as half a surrogate pair: no text in UTF-8 holds these.
fn escaped(byte: u8) -> [u8; 3] {
    [0xED, 0xB0 | (byte >> 6), 0x80 | (byte & 0x3F)]
}

/// The wrong byte for which `text` begins with an escape.
pub(super) fn unescaped(text: &[u8]) -> Option<u8> {
    match text {
        [0xED, high @ 0xB0..=0xB3, low @ 0x80..=0xBF, ..] => Some(high << 6 | (low & 0x3F)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
