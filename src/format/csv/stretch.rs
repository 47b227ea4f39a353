//! The records of one stretch of the input, and what is wrong with those that are none.

use memchr::memchr;

use super::split::{self, Cut};
use crate::format::records::{Cell, Row};
use crate::format::{Chunk, Records, Reject};

/// What is kept of the text of a record that is too long, in bytes.
const KEPT: usize = 512 * 1024;

/// The records of one stretch while it is parsed.
#[derive(Default)]
pub(super) struct Stretch {
    cells: Vec<Cell>,
    rows: Vec<Row>,
    rejects: Vec<Reject>,
    side: Vec<u8>,
    /// Number of pending bytes, the parsed ones included.
    base: usize,
}

/// How far a stretch was parsed.
pub(super) enum Parsed {
    /// This many bytes are done with.
    Upto(usize),
    /// The record that stands first does not end; it was refused, and what is left of its line has to be passed over.
    TooLong,
}

impl Stretch {
    /// Parses the records of `pending` that are whole. `line` is the line of its first byte, and then of what follows what was parsed;
    /// `complete` says that the input has no more bytes, `longest` that no more of them may be waited for.
    pub(super) fn parse(
        &mut self,
        pending: &[u8],
        delimiter: u8,
        header: &[String],
        line: &mut u64,
        complete: bool,
        longest: bool,
    ) -> Parsed {
        let mut at = 0;
        self.base = pending.len();
        while at < pending.len() {
            let first = self.cells.len();
            match split::record(pending, at, delimiter, complete, &mut self.cells, &mut self.side) {
                Cut::Record { end, next, lines, stray } => {
                    let got = self.cells.len() - first;
                    let fault = if stray > 0 {
                        Some((header.get(stray - 1).cloned(), "text follows the closing quote".to_owned()))
                    } else if got != header.len() {
                        Some((None, format!("{got} fields, the header has {}", header.len())))
                    } else {
                        None
                    };
                    if end == at {
                        self.cells.truncate(first); // a blank line
                    } else if let Some((column, reason)) = fault {
                        self.cells.truncate(first);
                        self.rejects.push(Reject { line: *line, column, reason, text: pending[at..end].to_vec() });
                    } else {
                        self.rows.push(Row { line: *line, start: at as u32, end: end as u32 });
                    }
                    *line += lines;
                    at = next;
                }
                Cut::More if at > 0 || !longest => {
                    self.cells.truncate(first);
                    return Parsed::Upto(at);
                }
                // A quote that is never closed, or not within the longest record: its line is refused, and reading goes
                // on at the next one.
                Cut::More | Cut::Unclosed => {
                    self.cells.truncate(first);
                    let end = memchr(b'\n', &pending[at..]).map_or(pending.len(), |length| at + length);
                    let too_long = end == pending.len() && !complete;
                    let (text, reason) = if too_long {
                        (&pending[at..at + KEPT], format!("longer than {} bytes; the text is cut", pending.len()))
                    } else {
                        (&pending[at..end], "a quote is opened and never closed".to_owned())
                    };
                    let text = text.strip_suffix(b"\r").unwrap_or(text).to_vec();
                    self.rejects.push(Reject { line: *line, column: None, reason, text });
                    *line += 1;
                    if too_long {
                        return Parsed::TooLong;
                    }
                    at = (end + 1).min(pending.len());
                }
            }
        }
        Parsed::Upto(at)
    }

    /// `text` holds the parsed bytes. Refuses records that are no text.
    pub(super) fn finish(mut self, mut text: Vec<u8>, width: usize) -> Chunk {
        rebase(&mut self.cells, self.base, text.len());
        let nul = memchr(0, &text).is_some();
        text.extend_from_slice(&self.side);
        let text = match String::from_utf8(text) {
            Ok(text) if !nul => text,
            Ok(text) => {
                self.refuse(text.as_bytes(), width);
                text
            }
            Err(error) => {
                let mut text = error.into_bytes();
                self.refuse(&text, width);
                blank_what_is_no_text(&mut text);
                // Only bytes outside the records that are left were replaced.
                String::from_utf8(text).unwrap_or_default()
            }
        };
        Chunk { records: Records::new(text, self.cells, self.rows, width), rejects: self.rejects }
    }

    /// Makes rejects of the records that are not UTF-8 or hold a NUL byte, which PostgreSQL cannot store.
    fn refuse(&mut self, text: &[u8], width: usize) {
        let (mut rows, mut cells) = (Vec::with_capacity(self.rows.len()), Vec::with_capacity(self.cells.len()));
        for (at, row) in self.rows.iter().enumerate() {
            let raw = &text[row.start as usize..row.end as usize];
            let reason = match std::str::from_utf8(raw) {
                Err(error) => Some(format!("byte 0x{:02X} is not UTF-8", raw[error.valid_up_to()])),
                Ok(raw) => raw.contains('\0').then(|| "holds a NUL byte".to_owned()),
            };
            if let Some(reason) = reason {
                self.rejects.push(Reject { line: row.line, column: None, reason, text: raw.to_vec() });
            } else {
                rows.push(*row);
                cells.extend_from_slice(&self.cells[at * width..(at + 1) * width]);
            }
        }
        self.rows = rows;
        self.cells = cells;
        self.rejects.sort_by_key(|reject| reject.line);
    }
}

/// Cells whose text is at the side were counted from the end of all that was pending; it comes right after what was parsed.
pub(super) fn rebase(cells: &mut [Cell], pending: usize, parsed: usize) {
    let (base, shift) = (pending as u32, (pending - parsed) as u32);
    if shift > 0 {
        for cell in cells.iter_mut().filter(|cell| cell.start >= base) {
            cell.start -= shift;
            cell.end -= shift;
        }
    }
}

fn blank_what_is_no_text(text: &mut [u8]) {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&text[from..]) {
        let at = from + error.valid_up_to();
        let end = error.error_len().map_or(text.len(), |length| at + length);
        text[at..end].fill(b'?');
        from = end;
    }
}
