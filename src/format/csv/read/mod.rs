//! Reads delimited text in stretches of bounded size.

#[cfg(test)]
mod books;
mod header;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use super::stretch::{Frame, Parsed, Position, Stretch};
use crate::format::dialect::{Dialect, ReadOptions};
use crate::format::encoding::{Charset, Digest, Text};
use crate::format::long::{LONG, LongRecord};
use crate::format::{FormatError, SpanBytes};
use crate::record::Records;
use crate::record::{Beside, BesideKind, Chunk, Reject};

/// Bytes that are read and parsed at a time; more only if one record is longer.
pub(super) const STRETCH: usize = 512 * 1024;

/// The longest record, in bytes. Offsets within a stretch fit 32 bits because of it.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// Reads one delimited text, from its header to its end.
pub struct Reader<R> {
    input: Text<R>,
    dialect: Dialect,
    header: Vec<String>,
    /// The cells of each row of the header, as they were cut.
    header_rows: Vec<Vec<String>>,
    header_text: Vec<u8>,
    above_text: Vec<u8>,
    /// Text that was read and not yet parsed.
    pending: Vec<u8>,
    /// Text that was read beyond `pending`, on the way to the end of a long record.
    ahead: io::Cursor<Vec<u8>>,
    position: Position,
    /// The records above the table, then the other lines above it, until they are given away.
    above: Vec<Reject>,
    beside: Vec<Beside>,
    complete: bool,
    spans: Option<SpanBytes>,
    /// Cells and records of the previous stretch.
    usual: (usize, usize),
    /// The place for a long record, held while one is read.
    long: Option<LongRecord>,
}

impl<R: Read> Reader<R> {
    /// Finds the dialect, as far as it is not `stated`, and reads the header.
    ///
    /// # Errors
    /// When the input is empty, no text, has no header, or cannot be read.
    pub fn open(input: R, stated: &ReadOptions) -> Result<Self, FormatError> {
        let mut reader = Reader::start(match stated.guessed {
            Some((encoding, guess)) => Text::guessed(input, encoding, guess)?,
            None => Text::open(input, stated.encoding)?,
        })?;
        if reader.pending.is_empty() {
            return Err(FormatError::Empty);
        }
        reader.dialect = Dialect {
            encoding: reader.input.encoding().name().to_owned(),
            first_line: stated.first_line,
            guessed: reader.input.guess(),
            by_record: stated.is_sheet,
            filled_up: stated.is_sheet,
            ..Dialect::detect(&reader.pending, reader.complete, stated)
        };
        reader.read_header()?;
        Ok(reader)
    }

    /// Reads with `dialect`, which was found before.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reopen(input: R, dialect: &Dialect) -> Result<Self, FormatError> {
        let encoding = Charset::for_label(&dialect.encoding);
        let mut reader = Reader::start(match (encoding, dialect.guessed) {
            (Some(encoding), Some(guess)) => Text::guessed(input, encoding, guess)?,
            _ => Text::open(input, encoding)?,
        })?;
        reader.dialect = dialect.clone();
        reader.read_header()?;
        Ok(reader)
    }

    /// Reads records without a header, as [`write_record`](crate::record::write_record) writes them; a record is a line.
    ///
    /// # Errors
    /// When reading fails.
    pub fn of_rows(input: R, header: Vec<String>) -> Result<Self, FormatError> {
        let mut reader = Reader::start(Text::own(input)?)?;
        let width = header.len();
        reader.dialect = Dialect { header_rows: 0, by_record: true, width, ..Dialect::plain(b',') };
        reader.header = header;
        Ok(reader)
    }

    fn start(input: Text<R>) -> Result<Self, FormatError> {
        let mut reader = Reader {
            input,
            dialect: Dialect::plain(b','),
            header: Vec::new(),
            header_rows: Vec::new(),
            header_text: Vec::new(),
            above_text: Vec::new(),
            pending: Vec::new(),
            ahead: io::Cursor::default(),
            position: Position { line: 1, after_blank: false, apart: false, below_other: false, marked: false },
            above: Vec::new(),
            beside: Vec::new(),
            complete: false,
            spans: None,
            usual: (0, 0),
            long: None,
        };
        reader.fill(STRETCH)?;
        Ok(reader)
    }

    /// The dialect of the text.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The names of the columns, as they stand in the file; empty if there are none.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The bytes of the lines above the table and of the header, without the last line end. Titles above a table
    /// without a header are left out: above some of its records they would be taken for its names.
    pub fn header_text(&self) -> Vec<u8> {
        if self.dialect.header_rows == 0 && !self.above_text.to_ascii_lowercase().starts_with(b"sep=") {
            return Vec::new();
        }
        [self.above_text.as_slice(), &self.header_text].concat()
    }

    /// Reads the next stretch of records; `None` after the last.
    ///
    /// # Errors
    /// When reading fails. Bad records are rejects, not errors.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let width = self.header.len() + usize::from(self.dialect.surplus);
        if !self.above.is_empty() || !self.beside.is_empty() {
            let (rejects, beside) = (std::mem::take(&mut self.above), std::mem::take(&mut self.beside));
            return Ok(Some(Chunk { records: Records::none(width), rejects, beside, ..Chunk::default() }));
        }
        let mut want = STRETCH;
        self.put_back();
        self.long = None;
        loop {
            self.fill(want)?;
            if self.pending.is_empty() {
                if let Some(told) = self.input.told().filter(|_| self.spans.is_none()) {
                    self.spans = Some(self.input.finish()?);
                    let beside = vec![Beside::named(BesideKind::Encoding, self.dialect.encoding.as_str(), told)];
                    return Ok(Some(Chunk { records: Records::none(width), beside, ..Chunk::default() }));
                }
                self.spans = Some(self.input.finish()?);
                return Ok(None);
            }
            let mut stretch = Stretch::with_capacity(self.usual);
            let longest = want >= MAX_RECORD;
            let frame = Frame { dialect: &self.dialect, header: &self.header, header_rows: &self.header_rows };
            match stretch.parse(&self.pending, &frame, &mut self.position, self.complete, longest) {
                Parsed::Upto(0) => {
                    want = (want * 2).min(MAX_RECORD);
                    if want > LONG {
                        self.long.get_or_insert_with(LongRecord::wait);
                    }
                }
                Parsed::Upto(parsed) => {
                    self.usual = stretch.size();
                    let rest = self.pending.split_off(parsed);
                    let text = std::mem::replace(&mut self.pending, rest);
                    let whole = stretch.finish(text, width, self.input.wrong_in());
                    self.input.audit().claim_all(parsed, whole.spans())?;
                    if whole.chunk.rows() > 0 {
                        return Ok(Some(whole.chunk));
                    }
                }
                Parsed::TooLong => {
                    return Err(FormatError::TooLong { line: self.position.line, limit: MAX_RECORD });
                }
            }
        }
    }

    /// Identity and size of the input, once [`Reader::next_chunk`] has given `None`.
    pub fn digest(&self) -> Digest {
        self.input.digest()
    }

    /// The bytes by kind of span, once all were read and every one of them is accounted for.
    pub fn spans(&self) -> Option<SpanBytes> {
        self.spans
    }

    /// Bytes of the input read so far.
    pub fn taken(&self) -> u64 {
        self.input.taken()
    }

    /// Reads until `want` bytes are pending or the input has ended.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        while !self.complete && self.pending.len() < want {
            let missing = want - self.pending.len();
            // The room is a little larger, so that nothing grows only to see the end.
            let room = self.input.left().filter(|_| self.ahead.get_ref().is_empty()).unwrap_or(missing).min(missing);
            self.pending.reserve_exact(room + 32);
            let mut input = self.ahead.by_ref().chain(&mut self.input).take(missing as u64);
            let got = input.read_to_end(&mut self.pending)?;
            self.complete = got < missing;
        }
        Ok(())
    }

    /// Keeps no more than a stretch pending, so that the text behind a long record is not all parsed at once.
    fn put_back(&mut self) {
        if self.pending.len() > STRETCH {
            let mut ahead = self.pending.split_off(STRETCH);
            self.pending.shrink_to_fit();
            ahead.extend_from_slice(&self.ahead.get_ref()[self.ahead.position() as usize..]);
            self.ahead = io::Cursor::new(ahead);
            self.complete = false;
        }
    }
}
