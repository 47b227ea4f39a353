//! Where one record ends and which of its bytes are cells. Works on a buffer, keeps nothing.

use memchr::{memchr, memchr_iter, memchr2};

use crate::format::records::Cell;

/// What stands at a place of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A record: `end` is the end of its text, `next` where the next one starts, `lines` the line ends it holds,
    /// its own included. `stray` is the cell (from 1) in which text follows a closing quote, 0 where none does.
    Record { end: usize, next: usize, lines: u64, stray: usize },
    /// The buffer ends before the record does.
    More,
    /// The input ends inside quotes.
    Unclosed,
}

/// Cuts the record that starts at `start`, and appends its cells to `cells`. Text of cells with doubled quotes goes to
/// `side`, whose first byte counts as `buffer.len()`. `complete` says that nothing comes after the buffer.
pub(super) fn record(
    buffer: &[u8],
    start: usize,
    delimiter: u8,
    complete: bool,
    cells: &mut Vec<Cell>,
    side: &mut Vec<u8>,
) -> Cut {
    let (mut at, mut lines, mut stray) = (start, 0, 0);
    let first = cells.len();
    loop {
        let mut quoted = None;
        let mut open = at;
        if buffer.get(at) == Some(&b'"') {
            match quoted_text(buffer, at, side) {
                Some((cell, after)) => {
                    lines += memchr_iter(b'\n', &buffer[at..after]).count() as u64;
                    quoted = Some(cell);
                    open = after;
                }
                None if complete => return Cut::Unclosed,
                None => return Cut::More,
            }
        }
        let found = memchr2(delimiter, b'\n', &buffer[open..]).map(|length| open + length);
        if found.is_none() && !complete {
            return Cut::More;
        }
        let stop = found.unwrap_or(buffer.len());
        let last = found.is_none_or(|stop| buffer[stop] != delimiter);
        let end = if last && stop > open && buffer[stop - 1] == b'\r' { stop - 1 } else { stop };
        if quoted.is_some() && end != open && stray == 0 {
            stray = cells.len() - first + 1;
        }
        cells.push(quoted.unwrap_or(Cell { start: offset(open), end: offset(end), null: open == end }));
        if last {
            let next = if found.is_some() { stop + 1 } else { stop };
            return Cut::Record { end, next, lines: lines + u64::from(found.is_some()), stray };
        }
        at = stop + 1;
    }
}

/// The cell whose opening quote stands at `at`, and the place after its closing quote; `None` when it is not closed.
fn quoted_text(buffer: &[u8], at: usize, side: &mut Vec<u8>) -> Option<(Cell, usize)> {
    let mut from = at + 1;
    let mut close = from + memchr(b'"', &buffer[from..])?;
    if buffer.get(close + 1) != Some(&b'"') {
        return Some((Cell { start: offset(from), end: offset(close), null: false }, close + 1));
    }
    let start = side.len();
    loop {
        // A doubled quote stands for one: the text up to it, with the first of the two.
        side.extend_from_slice(&buffer[from..=close]);
        from = close + 2;
        let Some(length) = buffer.get(from..).and_then(|rest| memchr(b'"', rest)) else {
            side.truncate(start);
            return None;
        };
        close = from + length;
        if buffer.get(close + 1) != Some(&b'"') {
            side.extend_from_slice(&buffer[from..close]);
            let base = buffer.len();
            return Some((
                Cell { start: offset(base + start), end: offset(base + side.len()), null: false },
                close + 1,
            ));
        }
    }
}

/// Buffers stay far below 4 GiB (see `read.rs`).
fn offset(at: usize) -> u32 {
    debug_assert!(u32::try_from(at).is_ok());
    at as u32
}

/// Number of cells of each record that is not blank, for finding a dialect; ends at the first record that is cut off.
pub(in crate::format) fn widths(body: &[u8], delimiter: u8, complete: bool) -> impl Iterator<Item = usize> + '_ {
    let (mut at, mut cells, mut side) = (0, Vec::new(), Vec::new());
    std::iter::from_fn(move || {
        while at < body.len() {
            cells.clear();
            side.clear();
            let Cut::Record { end, next, .. } = record(body, at, delimiter, complete, &mut cells, &mut side) else {
                return None;
            };
            let blank = end == at;
            at = next;
            if !blank {
                return Some(cells.len());
            }
        }
        None
    })
}
