//! The records of one stretch of the input, and what is wrong with those that are none.

use memchr::memchr;

use super::split::{self, Cut};
use crate::format::dialect::Dialect;
use crate::format::records::{Cell, Row};
use crate::format::{Chunk, Records, Reject};

/// What is kept of the text of a record that is too long, in bytes.
const KEPT: usize = 512 * 1024;

/// Records that are looked at to tell whether an open quote swallowed them.
const LOOK_AHEAD: usize = 50;

/// The records of one stretch while it is parsed.
#[derive(Default)]
pub(super) struct Stretch {
    cells: Vec<Cell>,
    rows: Vec<Row>,
    rejects: Vec<Reject>,
    side: Vec<u8>,
    /// Number of pending bytes, the parsed ones included.
    base: usize,
    ends_delimited: bool,
}

/// How far a stretch was parsed.
pub(super) enum Parsed {
    /// This many bytes are done with.
    Upto(usize),
    /// The record that stands first does not end; it was refused, and what is left of its line has to be passed over.
    TooLong,
}

impl Stretch {
    /// Parses the records of `pending` that are whole. `line` is the line of its first byte, and then of what follows what was
    /// parsed; `complete` says that the input has no more bytes, `longest` that no more of them may be waited for.
    pub(super) fn parse(
        &mut self,
        pending: &[u8],
        dialect: &Dialect,
        header: &[String],
        line: &mut u64,
        complete: bool,
        longest: bool,
    ) -> Parsed {
        let mut at = 0;
        self.base = pending.len();
        self.ends_delimited = dialect.ends_delimited;
        while at < pending.len() {
            let first = self.cells.len();
            match split::record(pending, at, dialect, complete, &mut self.cells, &mut self.side) {
                Cut::Record { next, lines, stray, .. }
                    if (stray > 0 || self.cells.len() - first != header.len())
                        && lines > 1
                        && is_swallowed(pending, at, next, dialect, header.len()) =>
                {
                    // A quote that was never closed met the next one: its line is refused, the others are records.
                    at = self.refuse_line(pending, at, first, dialect, line);
                }
                Cut::Record { end, next, lines, stray } => {
                    if end == at {
                        self.cells.truncate(first); // a blank line
                    } else {
                        let row = Row { line: *line, start: at as u32, end: end as u32 };
                        self.record(pending, row, first, header, stray);
                    }
                    *line += lines;
                    at = next;
                }
                Cut::More if at > 0 || !longest => {
                    self.cells.truncate(first);
                    return Parsed::Upto(at);
                }
                Cut::More if memchr(dialect.line_end.byte(), &pending[at..]).is_none() => {
                    self.cells.truncate(first);
                    let reason = format!("longer than {} bytes; the text is cut", pending.len());
                    let text = pending[at..at + KEPT].to_vec();
                    self.rejects.push(Reject { line: *line, column: None, reason, text });
                    *line += 1;
                    return Parsed::TooLong;
                }
                // A quote that is never closed, or not within the longest record.
                Cut::More | Cut::Unclosed => at = self.refuse_line(pending, at, first, dialect, line),
            }
        }
        Parsed::Upto(at)
    }

    /// Refuses the line at `at`, in which a quote is opened and not closed; gives the place of the next one.
    fn refuse_line(&mut self, pending: &[u8], at: usize, first: usize, dialect: &Dialect, line: &mut u64) -> usize {
        self.cells.truncate(first);
        let line_end = memchr(dialect.line_end.byte(), &pending[at..]);
        let end = line_end.map_or(pending.len(), |length| at + length);
        let text = pending[at..end].strip_suffix(b"\r").unwrap_or(&pending[at..end]).to_vec();
        let reason = "a quote is opened and never closed".to_owned();
        self.rejects.push(Reject { line: *line, column: None, reason, text });
        *line += 1;
        (end + 1).min(pending.len())
    }

    /// Takes in the record whose cells start at `first`, or refuses it.
    fn record(&mut self, pending: &[u8], row: Row, first: usize, header: &[String], stray: usize) {
        let (got, width) = (self.cells.len() - first, header.len());
        // A delimiter that ends every record is no cell (see `Dialect::find_table`).
        let ended = got == width + 1 && self.ends_delimited && self.cells.last().is_some_and(|cell| cell.null);
        let fault = if stray > 0 {
            Some((header.get(stray - 1).cloned(), "text follows the closing quote".to_owned()))
        } else if got != width && !ended {
            Some((None, format!("{got} fields, the header has {width}")))
        } else {
            None
        };
        if let Some((column, reason)) = fault {
            self.cells.truncate(first);
            let text = pending[row.start as usize..row.end as usize].to_vec();
            self.rejects.push(Reject { line: row.line, column, reason, text });
            return;
        }
        self.cells.truncate(first + width);
        self.rows.push(row);
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

/// Whether the lines below the first of a record are records of the table, as far as the first few of them tell: then the record is
/// none, and a quote in its first line was never closed.
fn is_swallowed(pending: &[u8], at: usize, next: usize, dialect: &Dialect, width: usize) -> bool {
    let line_end = dialect.line_end.byte();
    let Some(first_end) = memchr(line_end, &pending[at..next]) else { return false };
    let (mut from, mut whole) = (at + first_end + 1, 0);
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    while from < next && whole < LOOK_AHEAD {
        cells.clear();
        side.clear();
        match split::record(&pending[..next], from, dialect, true, &mut cells, &mut side) {
            Cut::Record { end, stray: 0, .. } if end > from && cells.len() != width => return false,
            Cut::Record { stray: 0, next, .. } => from = next,
            _ => return false,
        }
        whole += 1;
    }
    whole > 0
}

/// Cells whose text is at the side were counted from the end of all that was pending; it comes right after what was parsed.
pub(super) fn rebase<'a>(cells: impl IntoIterator<Item = &'a mut Cell>, pending: usize, parsed: usize) {
    let (base, shift) = (pending as u32, (pending - parsed) as u32);
    if shift > 0 {
        for cell in cells.into_iter().filter(|cell| cell.start >= base) {
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
