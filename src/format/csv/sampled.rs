//! The records of a sample, by which a dialect is found.

use std::borrow::Cow;

use super::split::{Cut, behind_marks, is_blank, is_empty, record};
use crate::format::dialect::{Dialect, Escape};
use crate::record::Cell;

/// Bytes of a record of a sample, at most: a longer one rather has a quote that is never closed.
const LONGEST_SAMPLED: usize = 64 * 1024;

/// One record of a sample.
#[derive(Clone, Debug)]
pub(in crate::format) struct Sampled<'a> {
    /// The cells as text.
    pub cells: Vec<Cow<'a, str>>,
    /// Lines before the record.
    pub line: u64,
    /// The range of the record in the sample, without its line end.
    pub place: std::ops::Range<usize>,
    /// Line ends within the record, its own included.
    pub lines: u64,
    /// True if text follows a closing quote, or a quote is never closed.
    pub stray: bool,
    /// True if a blank line stands above the record.
    pub after_blank: bool,
    /// True if a blank follows each delimiter.
    pub spaced: bool,
    /// True if the record ends with a delimiter.
    pub ends_delimited: bool,
}

/// The records of a sample that are not blank; ends at the first one that is cut off. A line with a quote that is never
/// closed is a record of its own, cut without quotes.
pub(in crate::format) fn sampled<'a>(
    sample: &'a [u8],
    dialect: &Dialect,
    complete: bool,
) -> impl Iterator<Item = Sampled<'a>> {
    sampled_from(sample, 0, 0, dialect, complete)
}

/// As [`sampled`], from the byte `at` on, which stands on the line `line` (from 0).
pub(in crate::format) fn sampled_from<'a>(
    sample: &'a [u8],
    mut at: usize,
    mut line: u64,
    dialect: &Dialect,
    complete: bool,
) -> impl Iterator<Item = Sampled<'a>> {
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    let unquoted = Dialect { quote: None, escape: Escape::Doubled, ..dialect.clone() };
    std::iter::from_fn(move || {
        let mut after_blank = false;
        while at < sample.len() {
            cells.clear();
            side.clear();
            at = behind_marks(sample, at, dialect);
            let mut cut = record(sample, at, dialect, complete, &mut cells, &mut side);
            let is_unclosed = cut == Cut::Unclosed || (cut == Cut::More && sample.len() - at > LONGEST_SAMPLED);
            if is_unclosed {
                let stop = dialect.line_end.find(&sample[at..]).map(|length| at + length)?;
                let next = stop + dialect.line_end.length(&sample[stop..]);
                cells.clear();
                side.clear();
                cut = record(&sample[..next], at, &unquoted, true, &mut cells, &mut side);
            }
            let Cut::Record { end, next, lines, stray, .. } = cut else { return None };
            let (start, begin) = (line, at);
            let closing = complete && next == sample.len();
            let blank = is_empty(&cells) || (cells.len() <= 1 && is_blank(&sample[at..end], dialect, closing));
            (at, line) = (next, line + lines);
            if blank {
                after_blank = true;
                continue;
            }
            let text = |cell: &Cell| {
                let (from, to) = (cell.start as usize, cell.end as usize);
                if from < sample.len() || from == to {
                    let bytes = sample.get(from..to).unwrap_or_default();
                    return std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
                }
                let at_side = &side[from - sample.len()..to - sample.len()];
                Cow::Owned(String::from_utf8_lossy(at_side).into_owned())
            };
            let blank_before = |cell: &Cell| {
                let (from, quote) = (cell.start as usize, dialect.quote);
                let before = |back: usize| from.checked_sub(back).and_then(|at| sample.get(at)).copied();
                cell.null
                    || before(0).is_none_or(|byte| byte == b' ')
                    || (before(1) == quote && before(2) == Some(b' '))
            };
            let spaced = cells.iter().skip(1).any(|cell| !cell.null) && cells.iter().skip(1).all(blank_before);
            let ends_delimited = cells.len() > 1 && cells.last().is_some_and(|cell| cell.null);
            let cells = cells.iter().map(text).collect();
            let stray = stray > 0 || is_unclosed;
            return Some(Sampled {
                cells,
                line: start,
                place: begin..end,
                lines,
                stray,
                after_blank,
                spaced,
                ends_delimited,
            });
        }
        None
    })
}
