//! The end of a record and the ranges of its cells. Works on a buffer, keeps nothing.

use memchr::{memchr, memchr2, memchr3};

use super::escaped::{escaped, unescaped};
use crate::format::dialect::{Dialect, Escape, LineEnd, NO_DELIMITER};
use crate::format::encoding::MARK;
use crate::record::Cell;

/// Cells of one record, at most.
pub(super) const MAX_CELLS: usize = 100_000;

/// The result of cutting at a place of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A record: `end` is the end of its text, `next` the start of the next one, `lines` the line ends it holds, its
    /// own included. `stray` is the cell (from 1) in which text follows a closing quote, 0 if there is none. `dropped`
    /// is the number of cells that were not kept, in a record with more than [`MAX_CELLS`].
    Record { end: usize, next: usize, lines: u64, stray: usize, dropped: usize },
    /// The buffer ends before the record does.
    More,
    /// The input ends inside quotes.
    Unclosed,
}

/// Words of eight bytes that are searched one by one for the end of a cell.
const WORDS: usize = 4;

/// Cuts every record of a buffer and gives the number of cells, for the benchmark of cutting alone.
#[doc(hidden)]
pub fn count_cells(buffer: &[u8], dialect: &Dialect) -> usize {
    let (mut at, mut cells, mut side) = (0, Vec::new(), Vec::new());
    while at < buffer.len() {
        match record(buffer, at, dialect, true, &mut cells, &mut side) {
            Cut::Record { next, .. } => at = next,
            Cut::More | Cut::Unclosed => break,
        }
    }
    cells.len()
}

/// Cuts the record that starts at `start`, and appends its cells to `cells`. Text of cells with escaped quotes goes to
/// `side`, whose first byte counts as `buffer.len()`. `complete` says that nothing comes after the buffer.
pub(super) fn record(
    buffer: &[u8],
    start: usize,
    dialect: &Dialect,
    complete: bool,
    cells: &mut Vec<Cell>,
    side: &mut Vec<u8>,
) -> Cut {
    if !dialect.widths.is_empty() {
        return fixed(buffer, start, dialect, complete, cells);
    }
    if dialect.is_escaped() {
        return escaped(buffer, start, dialect, complete, cells, side);
    }
    let (delimiter, line_end) = (dialect.delimiter, dialect.line_end);
    let (mut at, mut lines, mut stray, mut dropped) = (start, 0, 0, 0);
    let first = cells.len();
    let is_plain = line_end == LineEnd::Lf && !dialect.spaced && !dialect.escapes_bare;
    // A quote may stand behind the blanks with which a cell begins.
    let may_open =
        |byte: u8| dialect.quote == Some(byte) || (dialect.padded && byte != delimiter && matches!(byte, b' ' | b'\t'));
    loop {
        // Nearly all cells are so: without quotes, and with another one behind them.
        if is_plain
            && cells.len() < cells.capacity()
            && buffer.get(at).is_some_and(|byte| !may_open(*byte))
            && let Some(stop) = find(buffer, at, delimiter)
            && buffer[stop] == delimiter
        {
            cells.push(Cell { start: offset(at), end: offset(stop), null: at == stop });
            at = stop + 1;
            continue;
        }
        let mut quoted = None;
        if dialect.spaced && at > start && buffer.get(at) == Some(&b' ') {
            at += 1;
        }
        let mut open = at;
        let quote = if dialect.padded { at + blanks(&buffer[at..], delimiter) } else { at };
        if dialect.quote.is_some() && buffer.get(quote).copied() == dialect.quote {
            match quoted_text(buffer, quote, dialect.escape, side) {
                Some((cell, after)) => {
                    lines += line_end.count(&buffer[quote..after]);
                    quoted = Some(cell);
                    open = if dialect.padded { after + blanks(&buffer[after..], delimiter) } else { after };
                }
                None if complete => return Cut::Unclosed,
                None => return Cut::More,
            }
        }
        let found = match line_end {
            LineEnd::Lf => memchr2(delimiter, b'\n', &buffer[open..]),
            LineEnd::Cr => memchr3(delimiter, b'\r', b'\n', &buffer[open..]),
        };
        let found = found.map(|length| open + length);
        if !complete && found.is_none_or(|stop| may_go_on(buffer, stop, line_end)) {
            return Cut::More;
        }
        let stop = found.unwrap_or(buffer.len());
        let last = found.is_none_or(|stop| buffer[stop] != delimiter);
        let end = if last { without_cr(buffer, open, stop) } else { stop };
        if quoted.is_some() && end != open && stray == 0 {
            stray = dropped + cells.len() - first + 1;
        }
        // Checked only when there is no more room, which a push checks anyway.
        if cells.len() == cells.capacity() && cells.len() - first > MAX_CELLS {
            dropped += cells.len() - first;
            cells.truncate(first);
        }
        if dialect.escapes_bare && quoted.is_none() {
            quoted = unescaped(buffer, open, end, dialect, side);
        }
        cells.push(quoted.unwrap_or(Cell { start: offset(open), end: offset(end), null: open == end }));
        if last {
            let next = if found.is_some() { stop + line_end.length(&buffer[stop..]) } else { stop };
            return Cut::Record { end, next, lines: lines + u64::from(found.is_some()), stray, dropped };
        }
        at = stop + 1;
    }
}

/// The place of the first delimiter or LF from `at` on. Most cells are so short that a search which sets itself up for
/// more costs as much as several words of eight bytes.
#[inline]
fn find(buffer: &[u8], mut at: usize, delimiter: u8) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The lowest bit that is set belongs to the first byte of the word that is zero.
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let (delimiters, feeds) = (u64::from(delimiter) * LOW, u64::from(b'\n') * LOW);
    for _ in 0..WORDS {
        let Some(bytes) = buffer.get(at..).and_then(<[u8]>::first_chunk) else { break };
        let word = u64::from_le_bytes(*bytes);
        let found = zeros(word ^ delimiters) | zeros(word ^ feeds);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr2(delimiter, b'\n', buffer.get(at..)?).map(|length| at + length)
}

/// Like [`record`], for columns with a fixed number of characters. Blanks around a cell are not part of it; a line may
/// end before its last columns, and text beyond them is one more cell.
fn fixed(buffer: &[u8], start: usize, dialect: &Dialect, complete: bool, cells: &mut Vec<Cell>) -> Cut {
    let found = dialect.line_end.find(&buffer[start..]).map(|length| start + length);
    let stop = match found {
        Some(stop) if !complete && may_go_on(buffer, stop, dialect.line_end) => return Cut::More,
        Some(stop) => stop,
        None if complete => buffer.len(),
        None => return Cut::More,
    };
    let end = without_cr(buffer, start, stop);
    let mut at = start;
    let beyond = std::iter::once(usize::MAX);
    for width in dialect.widths.iter().copied().chain(beyond) {
        if at >= end {
            break;
        }
        // A character begins at each byte that does not continue the one before it.
        let mut starts = (at..end).filter(|at| buffer[*at] & 0xC0 != 0x80);
        let next = starts.nth(width).unwrap_or(end);
        let blank = |byte: &u8| *byte == b' ';
        let leading = buffer[at..next].iter().take_while(|byte| blank(byte)).count();
        let trailing = buffer[at + leading..next].iter().rev().take_while(|byte| blank(byte)).count();
        let (from, to) = (at + leading, next - trailing);
        cells.push(Cell { start: offset(from), end: offset(to), null: from == to });
        at = next;
    }
    let next = if found.is_some() { stop + dialect.line_end.length(&buffer[stop..]) } else { stop };
    Cut::Record { end, next, lines: u64::from(found.is_some()), stray: 0, dropped: 0 }
}

/// True if the line end at `stop` is a CR behind which an LF may come.
pub(super) fn may_go_on(buffer: &[u8], stop: usize, line_end: LineEnd) -> bool {
    line_end == LineEnd::Cr && stop + 1 == buffer.len() && buffer[stop] == b'\r'
}

/// The place behind the byte order marks at `at`, as texts that were put together have them.
pub(super) fn behind_marks(buffer: &[u8], mut at: usize, dialect: &Dialect) -> usize {
    while !dialect.by_record && buffer[at..].starts_with(MARK) {
        at += MARK.len();
    }
    at
}

/// The end of a line that stops at `stop`: before its CR, or before both if CRLF was written as a line end once more.
pub(in crate::format) fn without_cr(buffer: &[u8], start: usize, stop: usize) -> usize {
    start + buffer[start..stop].iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1)
}

/// The end of the text of the line at `at`, and the place of the next one.
pub(super) fn line(text: &[u8], at: usize, dialect: &Dialect) -> (usize, usize) {
    match dialect.line_end.find(&text[at..]).map(|length| at + length) {
        Some(stop) => (without_cr(text, at, stop), stop + dialect.line_end.length(&text[stop..])),
        None => (without_cr(text, at, text.len()), text.len()),
    }
}

/// True if a line of one cell holds nothing: blanks, if cells are separated by something, or the byte 0x1A with which
/// some systems close a text; `closing` says that the line is the last one.
pub(super) fn is_blank(line: &[u8], dialect: &Dialect, closing: bool) -> bool {
    let blanks = dialect.delimiter != NO_DELIMITER && line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    line.is_empty() || (blanks && !dialect.by_record) || (closing && line == b"\x1A")
}

/// True if a record is made of delimiters only: it holds nothing.
pub(super) fn is_empty(cells: &[Cell]) -> bool {
    cells.len() > 1 && cells.iter().all(|cell| cell.null)
}

/// The number of blanks with which a text begins; a tab is one unless it is the delimiter.
pub(in crate::format) fn blanks<'a>(text: impl IntoIterator<Item = &'a u8>, delimiter: u8) -> usize {
    let is_blank = |byte: &&u8| **byte == b' ' || (**byte == b'\t' && delimiter != b'\t');
    text.into_iter().take_while(is_blank).count()
}

/// The cell whose opening quote stands at `at`, and the place after its closing quote; `None` if it is not closed.
fn quoted_text(buffer: &[u8], at: usize, escape: Escape, side: &mut Vec<u8>) -> Option<(Cell, usize)> {
    let quote = buffer[at];
    let mut from = at + 1;
    // The start of the text at the side, once there is some.
    let mut start = None;
    let mut search = from;
    loop {
        let length = match escape {
            Escape::Doubled => memchr(quote, buffer.get(search..)?),
            Escape::Backslash => memchr2(quote, b'\\', buffer.get(search..)?),
        };
        let Some(found) = length.map(|length| search + length) else {
            side.truncate(start.unwrap_or(side.len()));
            return None;
        };
        let next = buffer.get(found + 1).copied();
        if buffer[found] == quote && next != Some(quote) {
            let Some(start) = start else {
                return Some((Cell { start: offset(from), end: offset(found), null: false }, found + 1));
            };
            side.extend_from_slice(&buffer[from..found]);
            let base = buffer.len();
            return Some((
                Cell { start: offset(base + start), end: offset(base + side.len()), null: false },
                found + 1,
            ));
        }
        if buffer[found] == quote {
            // Two quotes stand for one: the text up to it, with the first of the two.
            start.get_or_insert(side.len());
            side.extend_from_slice(&buffer[from..=found]);
            from = found + 2;
        } else if next == Some(quote) || next == Some(b'\\') {
            start.get_or_insert(side.len());
            side.extend_from_slice(&buffer[from..found]);
            from = found + 1; // An escaped sign is part of the text.
        }
        search = found + 2;
    }
}

/// The cells of one line.
pub(in crate::format) fn line_cells(line: &[u8], dialect: &Dialect) -> Vec<String> {
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    match record(line, 0, dialect, true, &mut cells, &mut side) {
        Cut::Record { next, stray: 0, .. } if next == line.len() => texts(line, &side, &cells),
        _ => Vec::new(),
    }
}

pub(super) fn texts(line: &[u8], side: &[u8], cells: &[Cell]) -> Vec<String> {
    let text = |cell: &Cell| {
        let (from, to) = (cell.start as usize, cell.end as usize);
        let bytes = match from.checked_sub(line.len()) {
            Some(from) if cell.start != cell.end => &side[from..to - line.len()],
            _ => &line[from..to],
        };
        String::from_utf8_lossy(bytes).into_owned()
    };
    cells.iter().map(text).collect()
}

/// Buffers stay far below 4 GiB (see `read.rs`).
pub(super) fn offset(at: usize) -> u32 {
    debug_assert!(u32::try_from(at).is_ok());
    at as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_end_of_a_cell_is_found_wherever_it_stands(
            text in proptest::collection::vec(proptest::sample::select(b"a\x01\x80\xFF\x00,\n\x0B-".to_vec()), 0..80),
            blank in 0..80usize,
            delimiter in proptest::sample::select(b",-\x01\x80\xFF".to_vec()),
        ) {
            // Long cells behave the same.
            let text = [vec![b'x'; blank], text].concat();
            for from in 0..=text.len() {
                let expected = memchr2(delimiter, b'\n', &text[from..]).map(|length| from + length);
                prop_assert_eq!(find(&text, from, delimiter), expected);
            }
        }
    }
}
