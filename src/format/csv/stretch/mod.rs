//! The records of one stretch of the input, and the reasons for its rejects.

mod finish;

use memchr::{memchr, memmem};

use super::loose::loosely;
use super::other::{NameFilter, Texts, begins_table, is_of_returns, is_prose, is_reordered};
use super::split;
use super::split::{Cut, MAX_CELLS, line};
use super::swallowed::{is_several, is_swallowed};
use crate::format::dialect::{Dialect, LineEnd};
use crate::format::encoding::MARK;
use crate::record::{Cell, Reason, Reject, Row, Width};
use crate::text::counted;

/// Cells of a stretch, those that fill up short records included: as many as bytes, a limit that only short records
/// reach.
const MOST_CELLS: usize = super::read::STRETCH;

/// The frame by which an input's records are read.
pub(super) struct Frame<'a> {
    pub dialect: &'a Dialect,
    /// The names of the columns, as they stand in the file.
    pub header: &'a [String],
    /// The cells of each row of the header.
    pub header_rows: &'a [Vec<String>],
}

/// The state of reading between two stretches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Line of the first byte that was not parsed, from 1.
    pub line: u64,
    /// True if the previous line is blank.
    pub after_blank: bool,
    /// True within another table, below a blank line.
    pub apart: bool,
    /// True below another header than the table's.
    pub below_other: bool,
    /// True right behind a byte order mark: another text begins.
    pub marked: bool,
}

impl Position {
    /// Moves behind a record that holds `lines` line ends.
    fn behind_record(&mut self, lines: u64, dialect: &Dialect) {
        self.line += if dialect.by_record { 1 } else { lines };
        self.after_blank = false;
        self.marked = false;
    }
}

/// The records of one stretch while it is parsed.
#[derive(Default)]
pub(super) struct Stretch {
    cells: Vec<Cell>,
    rows: Vec<Row>,
    /// The records that are refused, each with its start.
    rejects: Vec<(usize, Reject)>,
    side: Vec<u8>,
    /// Number of pending bytes, the parsed ones included.
    base: usize,
    /// True if the record that was just cut has quotes that are not doubled.
    loose: bool,
    /// True if the input ends without a line end behind the record that was just cut.
    unended: bool,
}

/// The end of parsing in a stretch.
pub(super) enum Parsed {
    /// This many bytes were parsed.
    Upto(usize),
    /// The first record does not end, nor does its line.
    TooLong,
}

impl Stretch {
    /// A stretch with room for this many cells and records.
    pub(super) fn with_capacity((cells, rows): (usize, usize)) -> Stretch {
        Stretch { cells: Vec::with_capacity(cells), rows: Vec::with_capacity(rows), ..Stretch::default() }
    }

    /// The number of cells and records.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.cells.len(), self.rows.len())
    }

    /// Parses the whole records of `pending`. `position` is that of its first byte, and afterwards of the first byte
    /// not parsed; `complete` says that the input has no more bytes, `longest` that no more of them may be waited for.
    pub(super) fn parse(
        &mut self,
        pending: &[u8],
        frame: &Frame<'_>,
        position: &mut Position,
        complete: bool,
        longest: bool,
    ) -> Parsed {
        let (dialect, width) = (frame.dialect, frame.header.len());
        let filter = NameFilter::new(frame.header);
        let returns = Dialect { line_end: LineEnd::Cr, ..dialect.clone() };
        // The end of a line of records with a CR alone between them.
        let mut returns_until = 0;
        let mut at = 0;
        self.base = pending.len();
        while at < pending.len() && self.cells.len() < MOST_CELLS {
            let first = self.cells.len();
            let start = split::behind_marks(pending, at, dialect);
            position.marked |= start > at;
            at = start;
            let mut cut = match at < returns_until {
                true => split::record(pending, at, &returns, complete, &mut self.cells, &mut self.side),
                false => self.cut(pending, at, dialect, complete, width),
            };
            if let Cut::Record { end, next, .. } = cut
                && self.cells.len() - first > width
                && at >= returns_until
                && dialect.line_end == LineEnd::Lf
                && memchr(b'\r', &pending[at..end]).is_some()
                && is_of_returns(pending, at, end, &returns, width)
            {
                returns_until = next;
                self.cells.truncate(first);
                cut = split::record(pending, at, &returns, complete, &mut self.cells, &mut self.side);
            }
            let is_odd = match cut {
                Cut::Record { next, lines, stray: 0, dropped, .. } => {
                    let is_other = dropped + self.cells.len() - first != width;
                    lines > 1
                        && match is_other {
                            true => is_swallowed(pending, at, next, dialect, width, false),
                            false => is_several(&pending[at..next], lines, dialect, width),
                        }
                }
                Cut::Record { .. } | Cut::Unclosed => true,
                Cut::More => at == 0 && longest,
            };
            if is_odd && let Some(loose) = self.cut_loosely(pending, at, first, dialect, width) {
                cut = loose;
                self.loose = true;
            }
            match cut {
                Cut::Record { next, lines, stray, dropped, .. }
                    if (stray > 0 || dropped + self.cells.len() - first != width)
                        && lines > 1
                        && is_swallowed(pending, at, next, dialect, width, stray > 0) =>
                {
                    // A quote that was never closed met the next one: its line is refused, the others are records.
                    at = self.refuse_line(pending, at, first, dialect, position);
                }
                Cut::Record { end, next, lines, dropped, .. } if dropped + self.cells.len() - first > MAX_CELLS => {
                    let count = counted((dropped + self.cells.len() - first) as u64, "cell");
                    self.cells.truncate(first);
                    self.loose = false;
                    let reject = Reject::new(position.line, Reason::TooLong, &pending[at..end]);
                    self.rejects.push((at, reject.detail(format!("{count}, and a record has {MAX_CELLS} at most"))));
                    position.behind_record(lines, dialect);
                    at = next;
                }
                Cut::Record { end, next, lines, stray, .. } => {
                    let cells = &self.cells[first..];
                    let closing = complete && next == pending.len();
                    let blank = match cells {
                        [] | [_] => split::is_blank(&pending[at..end], dialect, closing),
                        cells => cells[0].null && dialect.is_of_lines() && split::is_empty(cells),
                    };
                    if blank {
                        self.cells.truncate(first);
                    } else {
                        let loose = std::mem::take(&mut self.loose);
                        self.unended = closing && next == end && dialect.is_of_lines();
                        let (start, end) = (at as u32, end as u32);
                        let row = Row { line: position.line, start, end, width: Width::Even, loose };
                        self.record(pending, row, first, frame, &filter, stray, position);
                    }
                    position.behind_record(lines, dialect);
                    position.after_blank = blank;
                    at = next;
                }
                Cut::More if at > 0 || !longest => {
                    self.cells.truncate(first);
                    return Parsed::Upto(at);
                }
                Cut::More if dialect.line_end.find(&pending[at..]).is_none() => return Parsed::TooLong,
                // A quote is never closed, or not within the longest record.
                Cut::More | Cut::Unclosed => at = self.refuse_line(pending, at, first, dialect, position),
            }
        }
        Parsed::Upto(at)
    }

    /// Refuses the line at `at`, in which a quote is opened and not closed; gives the start of the next one.
    fn refuse_line(
        &mut self,
        pending: &[u8],
        at: usize,
        first: usize,
        dialect: &Dialect,
        position: &mut Position,
    ) -> usize {
        self.cells.truncate(first);
        let (end, next) = line(pending, at, dialect);
        self.rejects.push((at, Reject::new(position.line, Reason::UnclosedQuote, &pending[at..end])));
        position.behind_record(1, dialect);
        next
    }

    /// Cuts the record at `at`. If a text without a last line end was put before another one with a mark, the record
    /// ends at the mark, provided that it has its width so.
    fn cut(&mut self, pending: &[u8], at: usize, dialect: &Dialect, complete: bool, width: usize) -> Cut {
        let (cells, side) = (self.cells.len(), self.side.len());
        let cut = split::record(pending, at, dialect, complete, &mut self.cells, &mut self.side);
        let Cut::Record { end, dropped, .. } = cut else { return cut };
        if dropped + self.cells.len() - cells <= width || dialect.by_record {
            return cut;
        }
        let Some(mark) = memmem::find(&pending[at..end], MARK).map(|found| at + found) else { return cut };
        let found = (self.cells.split_off(cells), self.side.split_off(side));
        // A record cut at the mark must have all its text in the pending bytes, none at the side.
        let before = split::record(&pending[..mark], at, dialect, true, &mut self.cells, &mut self.side);
        match before {
            Cut::Record { end, stray: 0, dropped: 0, .. }
                if self.cells.len() - cells == width && self.side.len() == side =>
            {
                Cut::Record { end, next: mark, lines: 0, stray: 0, dropped: 0 }
            }
            _ => {
                self.cells.truncate(cells);
                self.side.truncate(side);
                self.cells.extend(found.0);
                self.side.extend(found.1);
                cut
            }
        }
    }

    /// Cuts the line at `at` once more if its quotes are not doubled: every quote before a cell has to close it, and
    /// the line has to have the header's width.
    fn cut_loosely(&mut self, pending: &[u8], at: usize, first: usize, dialect: &Dialect, width: usize) -> Option<Cut> {
        let (end, next) = line(pending, at, dialect);
        if next == end && next < pending.len() {
            return None;
        }
        let (mut cells, mut side) = (Vec::new(), Vec::new());
        let letters = loosely(pending, at, end, dialect, width, &mut cells, &mut side)?;
        if letters > 0 {
            return None;
        }
        self.cells.truncate(first);
        let from = (pending.len() + self.side.len()) as u32 - pending.len() as u32;
        let at_side = |cell: &Cell| cell.start as usize >= pending.len() && cell.start != cell.end;
        let moved = |cell: Cell| Cell { start: cell.start + from, end: cell.end + from, ..cell };
        self.cells.extend(cells.into_iter().map(|cell| if at_side(&cell) { moved(cell) } else { cell }));
        self.side.extend_from_slice(&side);
        Some(Cut::Record { end, next, lines: u64::from(next > end), stray: 0, dropped: 0 })
    }

    /// Takes in the record whose cells start at `first`, brought to the header's width, or refuses it.
    #[expect(clippy::too_many_arguments, reason = "what `parse` knows of one record")]
    fn record(
        &mut self,
        pending: &[u8],
        mut row: Row,
        first: usize,
        frame: &Frame<'_>,
        filter: &NameFilter,
        stray: usize,
        position: &mut Position,
    ) {
        let (dialect, width) = (frame.dialect, frame.header.len());
        // Empty cells beyond the header hold nothing, nor does a delimiter that ends every record.
        let beyond = self.cells.get(first + width..).unwrap_or_default();
        let filled = beyond.iter().rposition(|cell| !cell.null).map_or(0, |last| last + 1);
        self.cells.truncate(first + width + filled);
        let cells = &self.cells[first..];
        // A row with nothing but its first cell is rather a line of text than a record.
        let lone = width > 2 && cells.len() > 1 && cells[1].null && !cells[0].null && split::is_empty(&cells[1..]);
        let lone = lone && dialect.is_of_lines();
        let got = if lone { 1 } else { cells.len() };
        row.width = match got.cmp(&width) {
            std::cmp::Ordering::Less => Width::Short,
            std::cmp::Ordering::Equal => Width::Even,
            std::cmp::Ordering::Greater => Width::Long,
        };
        position.apart = row.width != Width::Even && (position.apart || position.after_blank);
        let raw = &pending[row.start as usize..row.end as usize];
        let reject = |reason| Reject::new(row.line, reason, raw);
        let is_again = (width > 1 || position.marked) && self.is_header(pending, first, frame);
        position.below_other =
            !is_again && (position.below_other || self.is_other(pending, row.start, first, frame, filter, position));
        let rejected = if stray > 0 {
            Some(reject(Reason::TextAfterQuote).column(frame.header.get(stray - 1).cloned()))
        } else if position.apart {
            let detail = format!("below a blank line: {}, the header has {width}", counted(got as u64, "cell"));
            Some(reject(Reason::OtherTable).detail(detail))
        } else if self.unended && self.cells.len() - first < width && is_text(raw) {
            let cells = counted((self.cells.len() - first) as u64, "cell");
            let detail =
                format!("the file seems to be cut: its last line has no end, and {cells} of the header's {width}");
            Some(reject(Reason::Unended).detail(detail))
        } else if is_again {
            Some(reject(Reason::HeaderAgain))
        } else if position.below_other {
            Some(
                reject(Reason::OtherTable)
                    .detail("in or below a row of other names, or of the header's in another order"),
            )
        } else {
            None
        };
        if let Some(reject) = rejected {
            self.cells.truncate(first);
            self.rejects.push((row.start as usize, reject));
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

    /// True if the record whose cells start at `first` is the header of another table, or a title above one.
    fn is_other(
        &self,
        pending: &[u8],
        start: u32,
        first: usize,
        frame: &Frame<'_>,
        filter: &NameFilter,
        position: &Position,
    ) -> bool {
        let texts = Texts { pending, side: &self.side };
        let (above, cells) = self.cells.split_at(first);
        frame.header.len() > 1
            && (is_reordered(cells, above, texts, frame, filter)
                || (position.after_blank && begins_table(start as usize, above, texts, frame))
                || (position.after_blank && is_prose(cells, above, texts, frame)))
    }

    /// True if the record whose cells start at `first` is a row of the header once more, with whatever quotes.
    fn is_header(&self, pending: &[u8], first: usize, frame: &Frame<'_>) -> bool {
        let texts = Texts { pending, side: &self.side };
        let cells = &self.cells[first..];
        let is_row = |names: &Vec<String>| {
            let same = |(name, cell): (&String, &Cell)| name.as_bytes() == texts.of(cell);
            let beyond = names.get(cells.len()..).unwrap_or_default().iter().all(String::is_empty);
            cells.len() <= names.len() && names.iter().zip(cells).all(same) && beyond
        };
        frame.header_rows.iter().any(is_row)
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
}

const NULL: Cell = Cell { start: 0, end: 0, null: true };

/// True if a record can be kept: else it is refused by its bytes.
fn is_text(raw: &[u8]) -> bool {
    memchr(0, raw).is_none() && std::str::from_utf8(raw).is_ok()
}

/// True if a test has planted this fault: something is passed over as if it were not there.
pub(super) fn is_armed(fault: &str) -> bool {
    fail::fail_point!(fault, |_| true);
    let _ = fault;
    false
}

/// Moves cells whose text is at the side: they were counted from the end of all pending bytes, and the side comes right
/// after the parsed ones.
pub(super) fn rebase<'a>(cells: impl IntoIterator<Item = &'a mut Cell>, pending: usize, parsed: usize) {
    let (base, shift) = (pending as u32, (pending - parsed) as u32);
    if shift > 0 {
        for cell in cells.into_iter().filter(|cell| cell.start >= base) {
            cell.start -= shift;
            cell.end -= shift;
        }
    }
}
