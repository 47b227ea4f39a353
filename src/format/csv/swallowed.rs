//! Whether a quote that was never closed has swallowed records.

use memchr::memchr_iter;

use super::split::{self, Cut, line};
use crate::format::dialect::{Dialect, Escape};

/// Records that are looked at to tell whether an open quote swallowed them.
const LOOK_AHEAD: usize = 50;

/// Whether the lines below the first of a record are records of the table, as far as the first few of them tell: then the record is
/// none, and a quote in its first line was never closed. It met a later one: the `stray` text behind that, or another number of cells
/// than the table has, has shown that.
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
            // A line in which another quote is never closed has its cells all the same.
            _ => {
                cells.clear();
                split::record(&pending[..end], from, &unquoted, true, &mut cells, &mut side);
                below
            }
        };
        even += usize::from(end == from || cells.len() == width);
        all += 1;
    }
    // One of ten may be bad besides, and nearly half of them where the record is bad whatever they are.
    all > 0 && if stray { even * 2 > all } else { even * 10 >= all * 9 }
}

/// Lines below the first that are records, at least, so that a quote behind a blank is rather text than around them.
const SWALLOWED: u64 = 3;

/// Whether a record of so many lines, in which a quote stands behind a blank, is rather as many records of the table: each of its lines has
/// the width.
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
