//! Cuts a JSON text into records, contents beside them, and rejects, each with its text, in the order of the text.

use std::io::Read;

use super::Place;
use super::search::{Next, Style};
use super::window::{Extent, MAX_RECORD, Window, is_blank};
use crate::format::FormatError;
use crate::format::audit::Span;
use crate::record::{Beside, BesideKind, Reason, Reject};

/// Contents kept beside the records, in bytes, at most.
const MAX_BESIDE: usize = 1024 * 1024;

/// Text of one reject while the rest of a file is refused, in bytes, at most.
const MAX_REJECT: usize = 16 * 1024 * 1024;

/// One record's raw text.
pub(super) struct Found {
    pub(super) line: u64,
    pub(super) text: Vec<u8>,
}

/// A piece of the text.
pub(super) enum Piece {
    /// A record, or a reject: reading it decides. [`Cutter::settle`] has to be called for it before the next one is
    /// asked for.
    Element(Found),
    Reject(Reject),
    Beside(Beside),
}

/// The place of the cutter in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Between records that stand one after the other, or between arrays.
    Top,
    /// In the array of records.
    Array,
    /// In the object that holds the array of records, before the array and behind it.
    Before,
    Behind,
    /// In the rest of the text, all of which is refused.
    Refused(Reason, String),
    Done,
}

/// Cuts a text into pieces.
pub(super) struct Cutter<R> {
    pub(super) window: Window<R>,
    pub(super) place: Place,
    pub(super) at: At,
    pub(super) style: Style,
    /// True if the records are values that are no objects, one a line.
    pub(super) plain: bool,
    /// Bytes kept beside the records.
    kept: usize,
}

impl<R: Read> Cutter<R> {
    /// # Errors
    /// When reading fails.
    pub(super) fn open(input: R, place: Place) -> Result<Self, FormatError> {
        let at = if matches!(place, Place::Key(_)) { At::Before } else { At::Top };
        let mut window = Window::open(input)?;
        let first = window.skip_blanks(b"")?;
        if at == At::Before && first == Some(b'{') {
            window.take(1, Span::Blank)?;
        }
        let plain = place == Place::Lines && !matches!(first, Some(b'{' | b'['));
        Ok(Cutter { window, place, at, style: Style::default(), plain, kept: 0 })
    }

    /// Claims the element that was given last.
    pub(super) fn settle(&mut self, length: usize, span: Span) -> Result<(), FormatError> {
        self.window.claim(length, span)
    }

    /// The next piece; `None` at the end of the text.
    ///
    /// # Errors
    /// When reading fails, or a value is longer than is held.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, FormatError> {
        loop {
            let piece = match &self.at {
                At::Top => self.top()?,
                At::Array => self.array()?,
                At::Before | At::Behind => self.member()?,
                At::Refused(..) => self.refused()?,
                At::Done => return Ok(None),
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    fn top(&mut self) -> Result<Option<Piece>, FormatError> {
        match (self.window.skip_blanks(b",")?, &self.place) {
            (None, _) => self.at = At::Done,
            (Some(b'['), Place::Array) => {
                self.window.take(1, Span::Blank)?;
                self.at = At::Array;
            }
            (Some(b']'), Place::Array) => {
                let line = self.window.line();
                self.window.take(1, Span::Reject)?;
                return Ok(Some(Piece::Reject(Reject::new(line, Reason::AfterRecords, "]"))));
            }
            (Some(_), Place::Key(_)) => self.refuse_rest(Reason::AfterRecords, ""),
            (Some(_), _) => return self.element().map(Some),
        }
        Ok(None)
    }

    fn array(&mut self) -> Result<Option<Piece>, FormatError> {
        match self.window.skip_blanks(b",")? {
            None => Ok(Some(self.ended_early("the file ends before the array of records does"))),
            Some(b']') => {
                self.window.take(1, Span::Blank)?;
                self.at = if matches!(self.place, Place::Key(_)) { At::Behind } else { At::Top };
                Ok(None)
            }
            Some(_) => self.element().map(Some),
        }
    }

    fn ended_early(&mut self, why: &str) -> Piece {
        self.at = At::Done;
        Piece::Reject(Reject::new(self.window.line(), Reason::Unended, "").detail(why))
    }

    /// An element of the array or a record.
    fn element(&mut self) -> Result<Piece, FormatError> {
        let extent = self.window.extent(0)?;
        let wrong = match extent {
            Extent::Whole(length) if self.is_sound(length)? => return Ok(self.give(length)),
            Extent::Whole(length) => Some((length, false)),
            Extent::Wrong(place, scan) => Some((place, scan.wants_outer_key())),
            Extent::Unended => None,
            Extent::TooLong => return Err(self.too_long("a record")),
        };
        let next = self.search(wrong)?;
        let (length, at) = match next {
            Next::Record(length) => (length, self.at.clone()),
            Next::End => (self.window.rest().len(), At::Top),
            Next::Unknown => {
                self.refuse_rest(Reason::NotJson, "where the next record begins cannot be told");
                return Ok(self.refused()?.unwrap_or_else(|| self.ended_early("")));
            }
        };
        let text = &self.window.rest()[..length];
        let is_blank = |byte: &u8| is_blank(*byte) || *byte == b',';
        let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(1, |last| last + 1);
        let text = &text[..end];
        let reason = if wrong.is_none() { Reason::Unended } else { Reason::NotJson };
        let why = match serde_json::from_slice::<serde::de::IgnoredAny>(text) {
            Err(error) if wrong.is_some() => error.to_string(),
            _ if wrong.is_some() => "nothing that may stand behind a record follows it".to_owned(),
            _ => String::new(),
        };
        let reject = Reject::new(self.window.line(), reason, text).detail(why);
        self.window.take(reject.text.len(), Span::Reject)?;
        self.at = at;
        Ok(Piece::Reject(reject))
    }

    fn give(&mut self, length: usize) -> Piece {
        let found = Found { line: self.window.line(), text: self.window.rest()[..length].to_vec() };
        self.style.see(&found.text, self.window.indent());
        self.window.advance(length);
        Piece::Element(found)
    }

    /// A key of the object that holds the array, with its value.
    fn member(&mut self) -> Result<Option<Piece>, FormatError> {
        let why = "the file ends before the object with the records does";
        match self.window.skip_blanks(b",")? {
            None => return Ok(Some(self.ended_early(why))),
            Some(b'}') => {
                self.window.take(1, Span::Blank)?;
                self.at = At::Top;
                return Ok(None);
            }
            // The array was closed too early.
            Some(b'{') if self.at == At::Behind => {
                self.at = At::Array;
                return Ok(None);
            }
            Some(b'"') => {}
            Some(_) => {
                self.refuse_rest(Reason::AfterRecords, "");
                return Ok(None);
            }
        }
        let line = self.window.line();
        let Extent::Whole(key_length) = self.window.extent(0)? else {
            self.refuse_rest(Reason::AfterRecords, "");
            return Ok(None);
        };
        let colon = self.window.after_blanks(key_length, b"")?;
        let key = serde_json::from_slice::<String>(&self.window.rest()[..key_length]);
        let (Ok(key), Some(b':')) = (key, self.window.get(colon)?) else {
            self.refuse_rest(Reason::AfterRecords, "");
            return Ok(None);
        };
        let start = self.window.after_blanks(colon + 1, b"")?;
        if self.place == Place::Key(key.clone()) && self.window.get(start)? == Some(b'[') {
            self.window.take(key_length, Span::Header)?;
            self.window.take(start + 1 - key_length, Span::Blank)?;
            self.at = At::Array;
            return Ok(None);
        }
        let length = match self.window.extent(start)? {
            Extent::Whole(length) => length,
            Extent::TooLong => return Err(self.too_long(&format!("the value of {key:?}"))),
            Extent::Wrong(..) | Extent::Unended => {
                self.refuse_rest(Reason::AfterRecords, "");
                return Ok(None);
            }
        };
        let whole = &self.window.rest()[..start + length];
        match std::str::from_utf8(&whole[start..]) {
            Ok(value) if self.kept + whole.len() <= MAX_BESIDE => {
                self.kept += whole.len();
                let beside =
                    Beside { kind: BesideKind::Key, line: Some(line), name: Some(key), text: value.to_owned() };
                self.window.take(start + length, Span::Beside)?;
                Ok(Some(Piece::Beside(beside)))
            }
            read => {
                let reject = match read {
                    Ok(_) => Reject::new(line, Reason::TooLong, whole)
                        .detail(format!("{key:?} beside the records, more than {MAX_BESIDE} bytes")),
                    Err(_) => Reject::new(line, Reason::WrongByte, whole),
                };
                self.window.take(start + length, Span::Reject)?;
                Ok(Some(Piece::Reject(reject)))
            }
        }
    }

    /// Refuses everything from here on.
    fn refuse_rest(&mut self, reason: Reason, detail: &str) {
        self.at = At::Refused(reason, detail.to_owned());
    }

    /// The next reject of the rest of the text.
    fn refused(&mut self) -> Result<Option<Piece>, FormatError> {
        let At::Refused(reason, detail) = self.at.clone() else { return Ok(None) };
        while self.window.rest().len() < MAX_REJECT && self.window.fill()? {}
        let rest = self.window.rest();
        let mut length = rest.len().min(MAX_REJECT);
        if length == rest.len() {
            length = rest.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
            self.at = At::Top;
        } else {
            // The cut must not be within a letter.
            while length > 1 && rest[length] & 0xC0 == 0x80 {
                length -= 1;
            }
        }
        if length == 0 {
            return Ok(None);
        }
        let reject = Reject::new(self.window.line(), reason, &rest[..length]).detail(detail);
        self.window.take(length, Span::Reject)?;
        Ok(Some(Piece::Reject(reject)))
    }

    pub(super) fn too_long(&self, what: &str) -> FormatError {
        FormatError::Refused(format!(
            "line {}: {what} is longer than {} MiB, which is as much as is held at once: nothing was loaded",
            self.window.line(),
            MAX_RECORD / 1024 / 1024
        ))
    }
}
