//! The records of one stretch of the input, and what is wrong with those that are none.

use memchr::memchr;

use super::split::{self, Cut};
use crate::counted::counted;
use crate::format::dialect::Dialect;
use crate::format::records::{Cell, Row, Width};
use crate::format::{Chunk, Reason, Records, Reject};

/// What is kept of the text of a record that is too long, in bytes.
const KEPT: usize = 512 * 1024;

/// Records that are looked at to tell whether an open quote swallowed them.
const LOOK_AHEAD: usize = 50;

/// What the records of an input are read by.
pub(super) struct Frame<'a> {
    pub dialect: &'a Dialect,
    /// The names of the columns, as they stand in the file.
    pub header: &'a [String],
    /// The header's bytes.
    pub header_text: &'a [u8],
}

/// Where reading stands between two stretches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Line of the first byte that was not parsed, from 1.
    pub line: u64,
    /// Whether the line before it is blank.
    pub after_blank: bool,
    /// Whether it stands in another table, below a blank line.
    pub apart: bool,
}

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
    /// Parses the records of `pending` that are whole. `position` is that of its first byte, and then of what follows what was
    /// parsed; `complete` says that the input has no more bytes, `longest` that no more of them may be waited for.
    pub(super) fn parse(
        &mut self,
        pending: &[u8],
        frame: &Frame<'_>,
        position: &mut Position,
        complete: bool,
        longest: bool,
    ) -> Parsed {
        let (dialect, width) = (frame.dialect, frame.header.len());
        let mut at = 0;
        self.base = pending.len();
        while at < pending.len() {
            let first = self.cells.len();
            match split::record(pending, at, dialect, complete, &mut self.cells, &mut self.side) {
                Cut::Record { next, lines, stray, .. }
                    if (stray > 0 || self.cells.len() - first != width)
                        && lines > 1
                        && is_swallowed(pending, at, next, dialect, width) =>
                {
                    // A quote that was never closed met the next one: its line is refused, the others are records.
                    at = self.refuse_line(pending, at, first, dialect, position);
                }
                Cut::Record { end, next, lines, stray } => {
                    let lone = self.cells.len() - first <= 1;
                    let closing = complete && next == pending.len();
                    let blank = lone && split::is_blank(&pending[at..end], dialect, closing);
                    if blank {
                        self.cells.truncate(first);
                    } else {
                        let row = Row { line: position.line, start: at as u32, end: end as u32, width: Width::Even };
                        self.record(pending, row, first, frame, stray, position);
                    }
                    position.after_blank = blank;
                    position.line += if dialect.by_record { 1 } else { lines };
                    at = next;
                }
                Cut::More if at > 0 || !longest => {
                    self.cells.truncate(first);
                    return Parsed::Upto(at);
                }
                Cut::More if memchr(dialect.line_end.byte(), &pending[at..]).is_none() => {
                    self.cells.truncate(first);
                    let detail = format!("longer than {} bytes; the text is cut", pending.len());
                    let text = &pending[at..at + KEPT];
                    self.rejects.push(Reject::new(position.line, Reason::TooLong, text).detail(detail));
                    position.line += 1;
                    return Parsed::TooLong;
                }
                // A quote that is never closed, or not within the longest record.
                Cut::More | Cut::Unclosed => at = self.refuse_line(pending, at, first, dialect, position),
            }
        }
        Parsed::Upto(at)
    }

    /// Refuses the line at `at`, in which a quote is opened and not closed; gives the place of the next one.
    fn refuse_line(
        &mut self,
        pending: &[u8],
        at: usize,
        first: usize,
        dialect: &Dialect,
        position: &mut Position,
    ) -> usize {
        self.cells.truncate(first);
        let line_end = memchr(dialect.line_end.byte(), &pending[at..]);
        let end = line_end.map_or(pending.len(), |length| at + length);
        let text = pending[at..end].strip_suffix(b"\r").unwrap_or(&pending[at..end]);
        self.rejects.push(Reject::new(position.line, Reason::UnclosedQuote, text));
        position.line += 1;
        position.after_blank = false;
        (end + 1).min(pending.len())
    }

    /// Takes in the record whose cells start at `first`, brought to the header's width, or refuses it.
    fn record(
        &mut self,
        pending: &[u8],
        mut row: Row,
        first: usize,
        frame: &Frame<'_>,
        stray: usize,
        position: &mut Position,
    ) {
        let (dialect, width) = (frame.dialect, frame.header.len());
        // Empty cells beyond the header hold nothing, nor does a delimiter that ends every record.
        let beyond = self.cells.get(first + width..).unwrap_or_default();
        let filled = beyond.iter().rposition(|cell| !cell.null).map_or(0, |last| last + 1);
        self.cells.truncate(first + width + filled);
        let cells = &self.cells[first..];
        // A row of a sheet that has nothing but its first cell is rather a line of text than a record.
        let lone = dialect.filled_up && width > 2 && !cells[0].null && cells[1..].iter().all(|cell| cell.null);
        let got = if lone { 1 } else { cells.len() };
        row.width = match got.cmp(&width) {
            std::cmp::Ordering::Less => Width::Short,
            std::cmp::Ordering::Equal => Width::Even,
            std::cmp::Ordering::Greater => Width::Long,
        };
        position.apart = row.width != Width::Even && (position.apart || position.after_blank);
        let raw = &pending[row.start as usize..row.end as usize];
        let reject = |reason| Reject::new(row.line, reason, raw);
        let rejected = if stray > 0 {
            Some(reject(Reason::TextAfterQuote).column(frame.header.get(stray - 1).cloned()))
        } else if position.apart {
            let detail = format!("below a blank line: {}, the header has {width}", counted(got as u64, "cell"));
            Some(reject(Reason::OtherTable).detail(detail))
        } else if width > 1 && raw == frame.header_text {
            Some(reject(Reason::HeaderAgain))
        } else {
            None
        };
        if let Some(reject) = rejected {
            self.cells.truncate(first);
            self.rejects.push(reject);
            return;
        }
        let surplus = match row.width {
            Width::Long if dialect.surplus => self.surplus(pending, first + width),
            _ => NULL,
        };
        self.cells.truncate(first + width);
        self.cells.resize(first + width, NULL);
        if dialect.surplus {
            self.cells.push(surplus);
        }
        self.rows.push(row);
    }

    /// The cells from `from` on as an array in JSON, put to the side.
    fn surplus(&mut self, pending: &[u8], from: usize) -> Cell {
        let text = |cell: &Cell| {
            let (start, end) = (cell.start as usize, cell.end as usize);
            let bytes = match start.checked_sub(pending.len()) {
                Some(at_side) if start != end => &self.side[at_side..end - pending.len()],
                _ => pending.get(start..end).unwrap_or_default(),
            };
            (!cell.null).then(|| String::from_utf8_lossy(bytes).into_owned())
        };
        let cells: Vec<Option<String>> = self.cells[from..].iter().map(text).collect();
        let json = serde_json::to_vec(&cells).unwrap_or_default();
        let start = (pending.len() + self.side.len()) as u32;
        self.side.extend_from_slice(&json);
        Cell { start, end: start + json.len() as u32, null: false }
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
        Chunk { records: Records::new(text, self.cells, self.rows, width), rejects: self.rejects, beside: Vec::new() }
    }

    /// Makes rejects of the records that are not UTF-8 or hold a NUL byte, which PostgreSQL cannot store.
    fn refuse(&mut self, text: &[u8], width: usize) {
        let (mut rows, mut cells) = (Vec::with_capacity(self.rows.len()), Vec::with_capacity(self.cells.len()));
        for (at, row) in self.rows.iter().enumerate() {
            let raw = &text[row.start as usize..row.end as usize];
            let reject = |reason| Reject::new(row.line, reason, raw);
            let rejected = match std::str::from_utf8(raw) {
                Err(error) => {
                    let detail = format!("0x{:02X} is not UTF-8", raw[error.valid_up_to()]);
                    Some(reject(Reason::WrongByte).detail(detail))
                }
                Ok(raw) => raw.contains('\0').then(|| reject(Reason::Nul)),
            };
            if let Some(reject) = rejected {
                self.rejects.push(reject);
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

const NULL: Cell = Cell { start: 0, end: 0, null: true };

/// Whether the lines below the first of a record are records of the table, as far as the first few of them tell: then the record is
/// none, and a quote in its first line was never closed.
fn is_swallowed(pending: &[u8], at: usize, next: usize, dialect: &Dialect, width: usize) -> bool {
    let line_end = dialect.line_end.byte();
    let Some(first_end) = memchr(line_end, &pending[at..next]) else { return false };
    let (mut from, mut all, mut even) = (at + first_end + 1, 0, 0);
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    while from < next && all < LOOK_AHEAD {
        cells.clear();
        side.clear();
        match split::record(&pending[..next], from, dialect, true, &mut cells, &mut side) {
            Cut::Record { end, stray: 0, next, .. } => {
                even += usize::from(end == from || cells.len() == width);
                from = next;
            }
            _ => return false,
        }
        all += 1;
    }
    // One of ten may be bad besides.
    all > 0 && even * 10 >= all * 9
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
