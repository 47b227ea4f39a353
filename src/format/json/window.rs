//! The piece of the text that is held: it grows with one value, and parts that are claimed are forgotten.

use std::io::Read;

use super::scan::{Scan, Step};
use crate::format::audit::{Audit, Span};
use crate::format::encoding::{Digest, Text};
use crate::format::long::{LONG, LongRecord};
use crate::format::{FormatError, SpanBytes};

/// Bytes read at a time: as many as are held already, between these two.
const PIECE: usize = 256 * 1024;
const MAX_PIECE: usize = 8 * 1024 * 1024;

/// Blanks that are looked past, in bytes.
const MAX_BLANKS: usize = 1024 * 1024;

/// The longest record, in bytes.
pub(super) const MAX_RECORD: usize = 64 * 1024 * 1024;

/// The byte order mark in UTF-8, which stands within a text that was put together from files.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The extent of a value.
#[derive(Clone, Debug)]
pub(super) enum Extent {
    /// This many bytes.
    Whole(usize),
    /// A byte that cannot stand there, counted from the start of the window, with the scan up to it.
    Wrong(usize, Scan),
    /// The text ends first.
    Unended,
    /// Longer than a record may be.
    TooLong,
}

/// A text and the piece of it that is held. Places count from the start of the window.
pub(super) struct Window<R> {
    input: Text<R>,
    held: Vec<u8>,
    at: usize,
    /// The line on which the window begins, from 1.
    line: u64,
    /// Blanks before the window on its line; `None` if other text stands there.
    indent: Option<usize>,
    /// True if the window goes to the end of the text.
    ended: bool,
    /// Bytes scanned, repeated scans included.
    scanned: u64,
    /// Bytes that the window has held.
    given: u64,
    /// The place for a long value, held while one is read.
    long: Option<LongRecord>,
}

impl<R: Read> Window<R> {
    /// # Errors
    /// When reading fails.
    pub(super) fn open(input: R) -> Result<Self, FormatError> {
        let mut input = Text::open(input, None)?;
        // These separate arrays and objects around the records; RS stands before each text of a sequence (RFC 7464).
        input.audit().separators(b"[]{},:\x1E");
        Ok(Window {
            input,
            held: Vec::new(),
            at: 0,
            line: 1,
            indent: Some(0),
            ended: false,
            scanned: 0,
            given: 0,
            long: None,
        })
    }

    pub(super) fn encoding(&self) -> &'static str {
        self.input.encoding().name()
    }

    /// The digest of the bytes read so far.
    pub(super) fn digest(&self) -> Digest {
        self.input.digest()
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Blanks before the window on its line, an opening bracket not counted; `None` if other text stands there.
    pub(super) fn indent(&self) -> Option<usize> {
        self.indent
    }

    /// The bytes by kind of span, once all were read and claimed.
    ///
    /// # Errors
    /// [`FormatError::Unaccounted`] if bytes are left.
    pub(super) fn finish(&mut self) -> Result<SpanBytes, FormatError> {
        self.input.audit().finish()
    }

    /// The bytes held.
    pub(super) fn rest(&self) -> &[u8] {
        &self.held[self.at..]
    }

    /// True if so much was scanned again and again that the rest must not be.
    pub(super) fn is_worn(&self) -> bool {
        self.scanned > 16 * self.given + 1024 * 1024
    }

    /// Counts scanned bytes.
    pub(super) fn count(&mut self, bytes: usize) {
        self.scanned += bytes as u64;
    }

    #[cfg(test)]
    pub(super) fn scanned(&self) -> u64 {
        self.scanned
    }

    /// Reads on; `false` at the end of the text.
    pub(super) fn fill(&mut self) -> Result<bool, FormatError> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 0 {
            self.held.drain(..self.at);
            self.at = 0;
        }
        match self.held.len() > LONG {
            true => _ = self.long.get_or_insert_with(LongRecord::wait),
            false => self.long = None,
        }
        let most = self.held.len().clamp(PIECE, MAX_PIECE);
        let got = self.input.by_ref().take(most as u64).read_to_end(&mut self.held)?;
        self.given += got as u64;
        self.ended = got < most;
        Ok(got > 0)
    }

    /// The byte at this place; `None` behind the end of the text.
    pub(super) fn get(&mut self, place: usize) -> Result<Option<u8>, FormatError> {
        while place >= self.rest().len() {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(Some(self.rest()[place]))
    }

    /// The place of the first byte from `from` on that is neither blank nor one of `also`; the window's end at the end
    /// of the text. Among very many blanks it is one of them.
    pub(super) fn after_blanks(&mut self, from: usize, also: &[u8]) -> Result<usize, FormatError> {
        let mut place = from;
        while let Some(byte) = self.get(place)? {
            if place - from > MAX_BLANKS {
                break;
            }
            if is_blank(byte) || also.contains(&byte) {
                place += 1;
            } else if byte == MARK[0] && self.get(place + 2)?.is_some() && self.rest()[place..].starts_with(MARK) {
                place += MARK.len();
            } else {
                break;
            }
        }
        self.count(place - from);
        Ok(place)
    }

    /// Passes over blanks, and over `also`; gives the byte behind them.
    pub(super) fn skip_blanks(&mut self, also: &[u8]) -> Result<Option<u8>, FormatError> {
        loop {
            let held = self.rest().len();
            let blank = self.rest().iter().take_while(|byte| is_blank(**byte) || also.contains(byte)).count();
            self.count(blank);
            self.take(blank, Span::Blank)?;
            if blank < held {
                let marked = self.rest()[0] == MARK[0] && self.get(2)?.is_some() && self.rest().starts_with(MARK);
                if !marked {
                    return Ok(Some(self.rest()[0]));
                }
                self.take(MARK.len(), Span::Blank)?;
            } else if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The extent of the value that begins at `from`.
    pub(super) fn extent(&mut self, from: usize) -> Result<Extent, FormatError> {
        let (mut scan, mut fed) = (Scan::default(), from);
        loop {
            let (piece, ended) = (&self.held[self.at + fed..], self.ended);
            let (step, length) = (scan.feed(piece, ended), piece.len());
            match step {
                Step::Done(more) => {
                    self.count(more);
                    return Ok(Extent::Whole(fed + more - from));
                }
                Step::Wrong(more) => {
                    self.count(more);
                    return Ok(Extent::Wrong(fed + more, scan));
                }
                Step::More if ended => {
                    self.count(length);
                    return Ok(Extent::Unended);
                }
                Step::More => {
                    self.count(length);
                    fed += length;
                    if fed - from > MAX_RECORD {
                        return Ok(Extent::TooLong);
                    }
                    self.fill()?;
                }
            }
        }
    }

    /// Goes past a value without holding it; gives the first `keep` bytes of its text.
    pub(super) fn pass(&mut self, keep: usize) -> Result<(Extent, Vec<u8>), FormatError> {
        let (mut scan, mut text, mut whole) = (Scan::default(), Vec::new(), 0);
        loop {
            let (length, ended) = (self.rest().len(), self.ended);
            let step = scan.feed(self.rest(), ended);
            let more = match step {
                Step::Done(more) | Step::Wrong(more) => more,
                Step::More => length,
            };
            text.extend_from_slice(&self.rest()[..more.min(keep.saturating_sub(text.len()))]);
            whole += more;
            self.count(more);
            self.take(more, Span::Record)?;
            match step {
                Step::Done(_) => return Ok((Extent::Whole(whole), text)),
                Step::Wrong(_) => return Ok((Extent::Wrong(0, scan), text)),
                Step::More if ended => return Ok((Extent::Unended, text)),
                Step::More => {
                    self.fill()?;
                }
            }
        }
    }

    /// Goes past bytes and claims them.
    pub(super) fn take(&mut self, length: usize, span: Span) -> Result<(), FormatError> {
        self.advance(length);
        self.claim(length, span)
    }

    /// Goes past bytes that are claimed later.
    pub(super) fn advance(&mut self, length: usize) {
        let to = self.at + length;
        let gone = &self.held[self.at..to];
        self.line += memchr::memchr_iter(b'\n', gone).count() as u64;
        let (before, on_line) = match memchr::memrchr(b'\n', gone) {
            Some(end) => (Some(0), &gone[end + 1..]),
            None => (self.indent, gone),
        };
        self.indent = match on_line {
            b"[" | MARK => before,
            _ => before.filter(|_| on_line.iter().all(|byte| is_blank(*byte))).map(|before| before + on_line.len()),
        };
        self.at = to;
    }

    /// Claims bytes that were passed before.
    pub(super) fn claim(&mut self, length: usize, span: Span) -> Result<(), FormatError> {
        let audit: &mut Audit = self.input.audit();
        audit.claim(length, span)
    }
}

/// True for blanks between values: white space, and the ends that some programs write.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0x0C | 0x1A | 0x1E)
}
