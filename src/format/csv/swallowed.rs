//! Records swallowed by a quote that was never closed.

use memchr::memchr_iter;

use super::split::{self, Cut, line};
use crate::format::dialect::{Dialect, Escape};

/// Records that are looked at to tell if an open quote swallowed them.
const LOOK_AHEAD: usize = 50;

/// True if the lines below the first of a record are records of the table, judged by the first few of them: a quote in
/// the record's first line was then never closed. It met a later one: shown by the `stray` text behind that, or by
/// another number of cells than the table has.
pub(super) fn is_swallowed(
    pending: &[u8],
    at: usize,
    next: usize,
    dialect: &Dialect,
    width: usize,
    stray: bool,
) -> bool {
    let unquoted = Dialect { quote: None, escape: Escape::Doubled, ..dialect.clone() };
    let (mut from, mut all, mut even) = (line(pending, at, dialect).1, 0, 0);
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    while from < next && all < LOOK_AHEAD {
        let (end, below) = line(pending, from, dialect);
        cells.clear();
        side.clear();
        // A record may go on beyond those that were swallowed: the quote that closed them opens its cell.
        let cut = split::record(pending, from, dialect, true, &mut cells, &mut side);
        from = match cut {
            Cut::Record { next, .. } if cells.len() == width => next,
            // A line with another quote that is never closed has its cells all the same.
            _ => {
                cells.clear();
                split::record(&pending[..end], from, &unquoted, true, &mut cells, &mut side);
                below
            }
        };
        even += usize::from(end == from || cells.len() == width);
        all += 1;
    }
    // One in ten may be bad besides; nearly half of them may be if the record is bad anyway.
    all > 0 && if stray { even * 2 > all } else { even * 10 >= all * 9 }
}

/// Records below the first line, at least, to take a quote behind a blank for text rather than for an enclosing one.
const SWALLOWED: u64 = 3;

/// True if a record of several lines, with a quote behind a blank in it, is rather as many records of the table: each
/// of its lines has the width.
pub(super) fn is_several(record: &[u8], lines: u64, dialect: &Dialect, width: usize) -> bool {
    let is_behind_blank = |at: usize| matches!(record[..at].last(), Some(b' ' | b'\t'));
    let is_padded = || dialect.quote.is_some_and(|quote| memchr_iter(quote, record).any(is_behind_blank));
    lines > SWALLOWED && dialect.padded && !dialect.spaced && is_padded() && {
        let mut at = 0;
        std::iter::from_fn(|| {
            (at < record.len()).then(|| {
                let (end, next) = line(record, at, dialect);
                let cells = memchr_iter(dialect.delimiter, &record[at..end]).count() + 1;
                at = next;
                cells
            })
        })
        .all(|cells| cells == width)
    }
}
