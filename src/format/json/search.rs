//! The start of the next record behind a broken one. Half of a broken record must never be taken for one, so in doubt
//! the search goes on, and the text that it passes over is refused.
//!
//! A value within a record is followed by a comma, a closing bracket or brace sooner or later, a record at the top
//! never is. In an array, elements of an array within a record look like records: there the number of open brackets,
//! the place on the line and the first key have to be those of a record, and the text behind has to go on as the array
//! of records does.

use std::io::Read;

use super::Place;
use super::cut::{At, Cutter};
use super::window::{Extent, MAX_RECORD, is_blank};
use crate::format::FormatError;

/// Bytes behind a record found again that are checked, at most.
const AHEAD: usize = 64 * 1024;

/// First keys of records that are remembered.
const KEYS: usize = 16;

/// The longest of these keys, in bytes.
const MAX_KEY: usize = 256;

/// The extent of a broken stretch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// This many bytes; behind them begins a record, a broken one perhaps, or the array ends.
    Record(usize),
    /// All up to the end of the text.
    End,
    /// Unknown, since too much was searched already.
    Unknown,
}

/// The layout of the records read so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    form: Form,
    /// Blanks before each record.
    indent: usize,
    /// The keys with which records begin.
    keys: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// No record was read.
    #[default]
    Unknown,
    /// Each record on a line of its own.
    Line,
    /// Each record on several lines, which stand further in than the first one.
    Indented,
    Mixed,
}

impl Style {
    /// Looks at a record behind `indent` blanks, or behind other text.
    pub(super) fn see(&mut self, record: &[u8], indent: Option<usize>) {
        let form = match (indent, stands_further_in(record, indent.unwrap_or_default())) {
            (None, _) => Form::Mixed,
            (_, None) => Form::Line,
            (_, Some(true)) => Form::Indented,
            (_, Some(false)) => Form::Mixed,
        };
        let indent = indent.unwrap_or_default();
        if self.form == Form::Unknown {
            (self.form, self.indent) = (form, indent);
        } else if self.form != form || self.indent != indent {
            self.form = Form::Mixed;
        }
        if let Some(key) = first_key(record)
            && self.keys.len() < KEYS
            && !self.keys.iter().any(|one| one == key)
        {
            self.keys.push(key.to_owned());
        }
    }
}

/// A place at which a record may begin.
struct Candidate {
    place: usize,
    /// Brackets that are open there, quoted ones too.
    open: i64,
    /// True if a closing brace stands before it, a comma perhaps between them.
    follows_brace: bool,
    /// Blanks before it on its line; `None` if other text stands there.
    indent: Option<usize>,
}

impl<R: Read> Cutter<R> {
    /// True if the text behind a value of this length may stand behind a record; otherwise the value is the first half
    /// of a broken one.
    pub(super) fn is_sound(&mut self, length: usize) -> Result<bool, FormatError> {
        let next = self.window.after_blanks(length, b",")?;
        let Some(byte) = self.window.get(next)? else { return Ok(true) };
        let on_next_line = self.window.rest()[length..next].contains(&b'\n');
        if self.at != At::Array && !matches!(self.window.rest()[0], b'{' | b'[') {
            return Ok(on_next_line);
        }
        Ok(match byte {
            b'{' | b'[' => true,
            b']' if self.at == At::Array => self.may_end_array(next + 1, false)?,
            b']' => self.place == Place::Array,
            b'}' | b':' => false,
            b'"' => match self.window.extent(next)? {
                Extent::Whole(more) => {
                    let behind = self.window.after_blanks(next + more, b"")?;
                    self.window.get(behind)? != Some(b':')
                }
                _ => on_next_line,
            },
            b'/' | b'#' => true,
            _ if on_next_line => true,
            _ => match self.window.extent(next)? {
                Extent::Whole(more) => {
                    let behind = self.window.after_blanks(next + more, b"")?;
                    let line_ends = self.window.rest()[next + more..behind].contains(&b'\n');
                    line_ends || matches!(self.window.get(behind)?, None | Some(b',' | b']'))
                }
                _ => false,
            },
        })
    }

    /// Finds the end of the broken stretch that begins here. `wrong` is the first byte that cannot stand there, with
    /// `true` if a key of the record is expected there.
    pub(super) fn search(&mut self, wrong: Option<(usize, bool)>) -> Result<Next, FormatError> {
        let (mut place, mut open, mut last, mut indent) = (0, 0i64, 0, None);
        while let Some(byte) = self.window.get(place)? {
            if place > MAX_RECORD {
                return Err(self.too_long("from there on the text is broken, and until the next record it"));
            }
            self.window.count(1);
            let candidate = Candidate { place, open, follows_brace: last == b'}', indent };
            match byte {
                b'{' if place > 0 => {
                    if self.window.is_worn() {
                        return Ok(Next::Unknown);
                    }
                    if self.begins_record(&candidate, wrong)? {
                        return Ok(Next::Record(place));
                    }
                    open += 1;
                }
                b'{' | b'[' => open += 1,
                b']' if place > 0 && self.ends_array(&candidate)? => return Ok(Next::Record(place)),
                b'}' | b']' => open -= 1,
                _ => {}
            }
            if self.plain && indent.is_some() && !is_blank(byte) {
                return Ok(Next::Record(place));
            }
            match byte {
                b'\n' => indent = Some(0),
                _ if is_blank(byte) => indent = indent.map(|indent: usize| indent + 1),
                _ => indent = None,
            }
            if !is_blank(byte) && byte != b',' {
                last = byte;
            }
            place += 1;
        }
        Ok(Next::End)
    }

    fn begins_record(&mut self, candidate: &Candidate, wrong: Option<(usize, bool)>) -> Result<bool, FormatError> {
        let place = candidate.place;
        if self.at != At::Array {
            let closed = candidate.follows_brace && candidate.open <= 0;
            if candidate.indent.is_none() && !closed {
                return Ok(false);
            }
            return Ok(match self.window.extent(place)? {
                Extent::Whole(length) => self.may_follow_at_top(place + length, closed)?,
                // Another broken record, on a line of its own.
                _ => candidate.indent.is_some() && candidate.indent == self.window.indent(),
            });
        }
        self.window.get(place + MAX_KEY)?;
        let ours = first_key(self.window.rest()).map(<[u8]>::to_owned);
        let key = first_key(&self.window.rest()[place..]);
        let has_key = match (&ours, key) {
            (None, _) if self.style.keys.is_empty() => true,
            (_, None) => false,
            (ours, Some(key)) => ours.as_deref() == Some(key) || self.style.keys.iter().any(|one| one == key),
        };
        let closed = candidate.open <= 0 && (candidate.follows_brace || (ours.is_none() && candidate.indent.is_some()));
        let in_place = has_key && self.is_in_place(candidate);
        let is_line = in_place && self.style.form == Form::Line;
        let instead_of_key = has_key && wrong == Some((place, true));
        if !(closed || in_place || instead_of_key) {
            return Ok(false);
        }
        Ok(match self.window.extent(place)? {
            Extent::Whole(length) => self.goes_on(place + length)?,
            _ => is_line,
        })
    }

    /// True if the place on the line is that of a record.
    fn is_in_place(&self, candidate: &Candidate) -> bool {
        let Some(indent) = candidate.indent else { return false };
        match self.style.form {
            Form::Line | Form::Indented => indent == self.style.indent,
            Form::Mixed => false,
            Form::Unknown => {
                let ours = self.window.indent();
                let further_in = stands_further_in(&self.window.rest()[..candidate.place], indent) == Some(true);
                ours == Some(indent) && (further_in || candidate.open <= 1)
            }
        }
    }

    /// True if the text may go on so behind a record that stands at the top.
    fn may_follow_at_top(&mut self, place: usize, with_comma: bool) -> Result<bool, FormatError> {
        let mut next = self.window.after_blanks(place, b"")?;
        let mut byte = self.window.get(next)?;
        if byte == Some(b',') && with_comma {
            next = self.window.after_blanks(next + 1, b"")?;
            byte = self.window.get(next)?;
            return Ok(matches!(byte, None | Some(b'{')));
        }
        Ok(match byte {
            None | Some(b'{' | b'[') => true,
            Some(b',' | b']' | b'}' | b':') => false,
            Some(_) => self.window.rest()[place..next].contains(&b'\n'),
        })
    }

    /// True if the text behind a value goes on as the array of records does, up to [`AHEAD`].
    fn goes_on(&mut self, start: usize) -> Result<bool, FormatError> {
        let mut place = start;
        while place - start < AHEAD {
            let mut next = self.window.after_blanks(place, b"")?;
            let comma = self.window.get(next)? == Some(b',');
            if comma {
                next = self.window.after_blanks(next + 1, b"")?;
            }
            match self.window.get(next)? {
                None => return Ok(true),
                Some(b']') => return self.may_end_array(next + 1, true),
                Some(b'{') => match self.window.extent(next)? {
                    Extent::Whole(length) => place = next + length,
                    // Another broken record.
                    _ => return Ok(true),
                },
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// True if the text may go on so behind the closing bracket of the array of records; unless `certain`, any text may
    /// that does not show the bracket of another array.
    fn may_end_array(&mut self, place: usize, certain: bool) -> Result<bool, FormatError> {
        let next = self.window.after_blanks(place, b"")?;
        let Some(byte) = self.window.get(next)? else { return Ok(true) };
        let on_next_line = self.window.rest()[place..next].contains(&b'\n');
        let in_object = matches!(self.place, Place::Key(_));
        match byte {
            b',' => {
                let behind = self.window.after_blanks(next + 1, b"")?;
                Ok(match self.window.get(behind)? {
                    Some(b'"' | b'}') => in_object,
                    Some(b'[') => !in_object,
                    None => !certain || !in_object,
                    Some(b'{') => true,
                    _ => false,
                })
            }
            b'}' if in_object => {
                let behind = self.window.after_blanks(next + 1, b"")?;
                Ok(!matches!(self.window.get(behind)?, Some(b',' | b']' | b':')))
            }
            b']' | b'}' | b':' => Ok(false),
            b'{' | b'[' if !in_object => Ok(true),
            _ => Ok(!certain || (on_next_line && !in_object)),
        }
    }

    /// True if the array of records is closed at this bracket.
    fn ends_array(&mut self, candidate: &Candidate) -> Result<bool, FormatError> {
        let closed = candidate.open <= 0 && (candidate.follows_brace || candidate.indent.is_some());
        Ok(self.at == At::Array && closed && self.may_end_array(candidate.place + 1, true)?)
    }
}

/// True if the second line of a record stands further in than this; `None` if there is none.
fn stands_further_in(record: &[u8], indent: usize) -> Option<bool> {
    let end = memchr::memchr(b'\n', record)?;
    let second = &record[end + 1..];
    Some(second.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count() > indent)
}

/// The first key of an object, as it is written.
fn first_key(object: &[u8]) -> Option<&[u8]> {
    let behind = object.strip_prefix(b"{")?;
    let blank = behind.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let key = behind[blank..].strip_prefix(b"\"")?;
    let end = key.iter().take(MAX_KEY).position(|byte| *byte == b'"')?;
    Some(&key[..end])
}
