//! The books in bytes: every byte given to a reader is held until the reader has claimed it as one kind of span. Spans
//! are claimed in the order of the text, without a gap, and a span claimed as blank is looked at. The audit shares no
//! rule with the readers.

use serde::Serialize;

use super::FormatError;
use super::footer::Moved;

/// The kinds of spans that a reader claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// The names of the columns, or the name of the key under which the records stand.
    Header,
    /// Kept beside the records ([`Beside`](crate::record::Beside)).
    Beside,
    /// A record, without its line end.
    Record,
    /// A record that is refused, with its whole text.
    Reject,
    /// Blanks, line ends, and separators of records.
    Blank,
}

/// Bytes of a text, after decoding, by kind of span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SpanBytes {
    /// Bytes of the header.
    pub header: u64,
    /// Bytes kept beside the records.
    pub beside: u64,
    /// Bytes of records.
    pub records: u64,
    /// Bytes of records that are refused.
    pub rejects: u64,
    /// Bytes of blanks, line ends and separators.
    pub blank: u64,
}

impl SpanBytes {
    fn of(&mut self, span: Span) -> &mut u64 {
        match span {
            Span::Header => &mut self.header,
            Span::Beside => &mut self.beside,
            Span::Record => &mut self.records,
            Span::Reject => &mut self.rejects,
            Span::Blank => &mut self.blank,
        }
    }

    /// Moves the lines of a footer, which were read as records and rejects, beside the records.
    pub(super) fn moved(self, Moved { records, rejects }: Moved) -> SpanBytes {
        SpanBytes {
            records: self.records - records,
            rejects: self.rejects - rejects,
            beside: self.beside + records + rejects,
            ..self
        }
    }

    fn add(&mut self, more: SpanBytes) {
        self.header += more.header;
        self.beside += more.beside;
        self.records += more.records;
        self.rejects += more.rejects;
        self.blank += more.blank;
    }
}

/// Holds the bytes of a text from the reading until the claim.
#[derive(Debug)]
pub(super) struct Audit {
    held: Vec<u8>,
    /// Bytes of `held` that are claimed.
    done: usize,
    /// Place of the first byte that is not claimed, from 0.
    offset: u64,
    /// Bytes that may stand in a span of blanks.
    blank: [bool; 256],
    spans: SpanBytes,
}

/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

impl Default for Audit {
    fn default() -> Self {
        let mut blank = [false; 256];
        for byte in b" \t\r\n\x0B\x0C\x1A" {
            blank[usize::from(*byte)] = true;
        }
        Audit { held: Vec::new(), done: 0, offset: 0, blank, spans: SpanBytes::default() }
    }
}

impl Audit {
    /// Adds bytes that separate records or cells, and so may stand in a span of blanks.
    pub(super) fn separators(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.blank[usize::from(*byte)] = true;
        }
    }

    /// Takes in bytes before the reader gets them.
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        if self.done > self.held.len() / 2 {
            self.held.drain(..self.done);
            self.done = 0;
        }
        self.held.extend_from_slice(bytes);
    }

    /// Claims the next bytes as a span.
    ///
    /// # Errors
    /// [`FormatError::Unaccounted`] if fewer bytes are held, or if a span of blanks holds something else.
    pub(super) fn claim(&mut self, length: usize, span: Span) -> Result<(), FormatError> {
        let rest = &self.held[self.done..];
        let Some(bytes) = rest.get(..length) else { return Err(self.unaccounted(rest.len())) };
        if span == Span::Blank
            && let Some(at) = self.first_that_is_not_blank(bytes)
        {
            return Err(self.unaccounted(at));
        }
        *self.spans.of(span) += length as u64;
        self.done += length;
        self.offset += length as u64;
        Ok(())
    }

    /// Claims the next `length` bytes, in which these spans stand: each with its start among them, its text, and its
    /// kind. There are blanks between them.
    ///
    /// # Errors
    /// As [`Audit::claim`]; and if a span's text differs from the bytes held.
    pub(super) fn claim_all<'a>(
        &mut self,
        length: usize,
        spans: impl Iterator<Item = (usize, &'a [u8], Span)>,
    ) -> Result<(), FormatError> {
        let held = &self.held[self.done..];
        let Some(held) = held.get(..length) else { return Err(self.unaccounted(held.len())) };
        let (mut at, mut new) = (0, SpanBytes::default());
        for (start, text, span) in spans {
            // A span that starts before the end of the previous one is no gap.
            let gap = held.get(at..start).ok_or_else(|| self.unaccounted(at))?;
            if let Some(found) = self.first_that_is_not_blank(gap) {
                return Err(self.unaccounted(at + found));
            }
            at = start + text.len();
            if held.get(start..at) != Some(text) {
                return Err(self.unaccounted(start));
            }
            new.blank += gap.len() as u64;
            *new.of(span) += text.len() as u64;
        }
        if let Some(found) = self.first_that_is_not_blank(&held[at..]) {
            return Err(self.unaccounted(at + found));
        }
        new.blank += (length - at) as u64;
        self.spans.add(new);
        self.done += length;
        self.offset += length as u64;
        Ok(())
    }

    /// Place of the first byte that is not claimed, from 0.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The spans of the whole text, once everything was read.
    ///
    /// # Errors
    /// [`FormatError::Unaccounted`] if bytes are left unclaimed.
    pub(super) fn finish(&self) -> Result<SpanBytes, FormatError> {
        if self.done < self.held.len() { Err(self.unaccounted(0)) } else { Ok(self.spans) }
    }

    fn first_that_is_not_blank(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at..].starts_with(MARK) {
                at += MARK.len();
            } else if self.blank[usize::from(bytes[at])] {
                at += 1;
            } else {
                return Some(at);
            }
        }
        None
    }

    fn unaccounted(&self, at: usize) -> FormatError {
        FormatError::Unaccounted { at: self.offset + at as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(done: Result<(), FormatError>) -> Option<u64> {
        match done {
            Err(FormatError::Unaccounted { at }) => Some(at),
            _ => None,
        }
    }

    #[test]
    fn every_byte_is_claimed_once_and_blanks_are_looked_at() {
        let mut audit = Audit::default();
        audit.separators(b",");
        audit.hold(b"a,b\r\n1,2\n\n");
        audit.claim(3, Span::Header).unwrap();
        audit.claim(2, Span::Blank).unwrap();
        audit.hold(b"\xEF\xBB\xBF,,\n3,4");
        audit.claim(3, Span::Record).unwrap();
        audit.claim(8, Span::Blank).unwrap();
        assert_eq!(at(audit.claim(2, Span::Blank)), Some(16));
        assert_eq!(at(audit.claim(4, Span::Record)), Some(19));
        assert!(matches!(audit.finish(), Err(FormatError::Unaccounted { at: 16 })));
        audit.claim(3, Span::Reject).unwrap();
        assert_eq!(audit.finish().unwrap(), SpanBytes { header: 3, beside: 0, records: 3, rejects: 3, blank: 10 });
    }
}
