//! Records without quotes in which a backslash takes the meaning of a delimiter away, as databases write text, and cells
//! in which one stands before each quote.

use super::split::{Cut, may_go_on, offset, without_cr};
use crate::format::dialect::{Dialect, LineEnd};
use crate::record::Cell;

/// Like [`record`](super::split::record), for text without quotes in which a backslash makes a delimiter, a line end or
/// a backslash part of a cell. `\\N` is NULL; `\\t`, `\\n` and `\\r` mean the same as in PostgreSQL's and MySQL's text.
pub(super) fn escaped(
    buffer: &[u8],
    start: usize,
    dialect: &Dialect,
    complete: bool,
    cells: &mut Vec<Cell>,
    side: &mut Vec<u8>,
) -> Cut {
    let (delimiter, line_end) = (dialect.delimiter, dialect.line_end);
    let is_end = |byte: u8| byte == b'\n' || (line_end == LineEnd::Cr && byte == b'\r');
    let (mut from, mut at, mut lines, begin) = (start, start, 0, side.len());
    let mut text = None;
    let more = |cells: &mut Vec<Cell>, side: &mut Vec<u8>, first: usize| {
        cells.truncate(first);
        side.truncate(begin);
        Cut::More
    };
    let first = cells.len();
    loop {
        let found = buffer[at..].iter().position(|byte| *byte == delimiter || *byte == b'\\' || is_end(*byte));
        let stop = found.map_or(buffer.len(), |length| at + length);
        if !complete && (found.is_none() || may_go_on(buffer, stop, line_end)) {
            return more(cells, side, first);
        }
        if buffer.get(stop) == Some(&b'\\') {
            // A backslash before CRLF counts as one before its LF.
            let crlf = line_end == LineEnd::Lf && buffer[stop + 1..].starts_with(b"\r\n");
            let Some(letter) = buffer.get(stop + 1 + usize::from(crlf)).copied() else {
                if !complete {
                    return more(cells, side, first);
                }
                at = stop + 1;
                continue;
            };
            text.get_or_insert(side.len());
            side.extend_from_slice(&buffer[from..stop]);
            side.push(match letter {
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                letter => letter,
            });
            lines += u64::from(is_end(letter));
            at = stop + 2 + usize::from(crlf);
            from = at;
            continue;
        }
        let last = buffer.get(stop) != Some(&delimiter);
        let end = if last { without_cr(buffer, from, stop) } else { stop };
        cells.push(match text.take() {
            // The whole cell is a backslash and an N: NULL.
            Some(base) if &side[base..] == b"N" && from == end && buffer[..stop.min(end)].ends_with(b"\\N") => {
                side.truncate(base);
                Cell { start: offset(end), end: offset(end), null: true }
            }
            Some(base) => {
                side.extend_from_slice(&buffer[from..end]);
                let (start, end) = (buffer.len() + base, buffer.len() + side.len());
                Cell { start: offset(start), end: offset(end), null: false }
            }
            None => Cell { start: offset(from), end: offset(end), null: from == end },
        });
        if last {
            let is_whole = stop < buffer.len();
            let next = if is_whole { stop + line_end.length(&buffer[stop..]) } else { stop };
            let end = without_cr(buffer, start, stop);
            return Cut::Record { end, next, lines: lines + u64::from(is_whole), stray: 0, dropped: 0 };
        }
        at = stop + 1;
        from = at;
    }
}

/// The cell without quotes between two places of the buffer, without the backslashes before quotes and backslashes;
/// `None` if it has none.
pub(super) fn unescaped(
    buffer: &[u8],
    start: usize,
    end: usize,
    dialect: &Dialect,
    side: &mut Vec<u8>,
) -> Option<Cell> {
    let text = &buffer[start..end];
    let is_pair = |at: usize| {
        let next = text.get(at + 1).copied();
        text[at] == b'\\' && next.is_some() && (next == Some(b'\\') || next == dialect.quote)
    };
    memchr::memchr_iter(b'\\', text).find(|at| is_pair(*at))?;
    let (begin, mut at) = (side.len(), 0);
    while at < text.len() {
        at += usize::from(is_pair(at));
        side.push(text[at]);
        at += 1;
    }
    Some(Cell { start: offset(buffer.len() + begin), end: offset(buffer.len() + side.len()), null: false })
}
