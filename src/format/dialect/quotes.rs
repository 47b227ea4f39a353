//! Quotes around cells, and apostrophes at their beginning: quotes as well, or letters. Told by all of the sample, so that one record
//! that is cut badly decides over no other.

use super::fit::Fit;
use super::{Dialect, LineEnd};
use crate::format::csv::sampled::{Sampled, sampled_from};
use crate::format::csv::split::blanks;

/// Records of a sample that are looked at.
const RECORDS: usize = 2_000;

/// Records with cells between apostrophes for each one that has an apostrophe too many, at least.
const FOR_EACH_WRONG: usize = 2;

/// The same where only the share of enclosed cells tells it.
const FOR_EACH_WRONG_OF_PLAIN: usize = 9;

const QUOTE: u8 = b'\'';

/// True if the quote of `dialect`, an apostrophe, encloses cells: some that hold a delimiter or a line end, without which
/// their records would not have the width of the others, or the quote doubled; or all names of the header; or nearly all
/// cells of a column.
pub(super) fn are_quotes(sample: &[u8], complete: bool, dialect: &Dialect) -> bool {
    let lines: Vec<Line> = lines(sample, dialect).take(RECORDS).collect();
    let enclosed: usize = lines.iter().map(|line| line.enclosed).sum();
    if lines.iter().any(|line| line.is_double) {
        return false;
    }
    let width = frequent(lines.iter().map(|line| line.cells));
    let cut = Cuts::of(sample, complete, dialect, width);
    let opened: usize = lines.iter().map(|line| line.opened).sum();
    let is_headed = lines.first().is_some_and(|head| head.cells > 1 && head.enclosed == head.cells);
    if cut.wrong == 0 {
        return cut.even > 1
            && cut.uneven * 9 <= cut.even
            && (cut.hard > 0 || (opened == 0 && is_column(sample, dialect, width)));
    }
    match cut.hard > 0 || is_headed {
        true => cut.quoted >= cut.wrong * FOR_EACH_WRONG,
        false => enclosed > 0 && enclosed >= opened * FOR_EACH_WRONG_OF_PLAIN && is_column(sample, dialect, width),
    }
}

impl Fit<'_> {
    /// True if there is a column whose cells all stand between single quotes, and no cell that only begins with one.
    pub(super) fn is_single_quoted(&self) -> bool {
        let quoted = |cell: &str| cell.len() > 1 && cell.starts_with('\'') && cell.ends_with('\'');
        let opened = |record: &Sampled<'_>| record.cells.iter().any(|cell| cell.starts_with('\'') && !quoted(cell));
        let below = self.records.get(self.first + 1..).unwrap_or_default();
        let column = |place: usize| {
            let mut cells = below.iter().filter_map(|record| record.cells.get(place)).filter(|cell| !cell.is_empty());
            cells.clone().count() > 1 && cells.all(|cell| quoted(cell))
        };
        !self.records.iter().any(opened) && (0..self.width).any(column)
    }
}

/// True if double quotes enclose cells of the first cut, and none is torn by it, while the other one, between whose cells
/// stand other delimiters, tears those of most records.
pub(super) fn keeps_quotes(records: &[Sampled<'_>], rivals: &[Sampled<'_>], delimiter: u8, sample: &[u8]) -> bool {
    let is_torn = |record: &&Sampled<'_>| {
        let is_odd = |cell: &str| memchr::memchr_iter(b'"', cell.as_bytes()).count() % 2 == 1;
        record.stray || record.cells.iter().any(|cell| is_odd(cell))
    };
    let encloses = |record: &&Sampled<'_>| {
        let line = sample.get(record.place.clone()).unwrap_or_default();
        line.starts_with(b"\"") || memchr::memmem::find(line, &[delimiter, b'"']).is_some()
    };
    let torn = rivals.iter().filter(is_torn).count();
    torn > 1
        && torn * 2 > rivals.len()
        && !records.iter().any(|record| is_torn(&record))
        && records.iter().filter(encloses).count() > 1
}

/// A line, cut at each delimiter whatever quotes there are.
struct Line {
    cells: usize,
    /// Cells that begin and end with the quote.
    enclosed: usize,
    /// Cells that only begin with it.
    opened: usize,
    /// True if a cell begins with a double quote.
    is_double: bool,
}

/// The texts of the lines of a sample that are not blank.
fn texts<'a>(sample: &'a [u8], dialect: &Dialect) -> impl Iterator<Item = &'a [u8]> {
    let is_end = |byte: &u8| *byte == b'\n' || (dialect.line_end == LineEnd::Cr && *byte == b'\r');
    sample.split(is_end).map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
}

/// The cells of a line without the blanks around them, cut at each delimiter.
fn cells(line: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    line.split(move |byte| *byte == delimiter).map(move |cell| {
        let cell = &cell[blanks(cell, delimiter)..];
        &cell[..cell.len() - blanks(cell.iter().rev(), delimiter)]
    })
}

fn lines(sample: &[u8], dialect: &Dialect) -> impl Iterator<Item = Line> {
    let delimiter = dialect.delimiter;
    texts(sample, dialect).map(move |line| {
        let all = || cells(line, delimiter);
        let opened = all().filter(|cell| cell.first() == Some(&QUOTE)).count();
        let enclosed = all().filter(|cell| is_enclosed(cell)).count();
        let is_double = all().any(|cell| cell.first() == Some(&b'"'));
        Line { cells: all().count(), enclosed, opened: opened - enclosed, is_double }
    })
}

/// True if a cell is enclosed by quotes, and those within are doubled or behind a backslash.
fn is_enclosed(cell: &[u8]) -> bool {
    let Some(inner) = cell.strip_prefix(&[QUOTE]).and_then(|rest| rest.strip_suffix(&[QUOTE])) else { return false };
    let mut rest = inner.iter().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if rest.peek().is_some_and(|next| matches!(**next, QUOTE | b'\\')) => _ = rest.next(),
            &QUOTE if rest.next_if_eq(&&QUOTE).is_none() => return false,
            _ => {}
        }
    }
    true
}

/// The number that comes most often; the greater of equals.
fn frequent(numbers: impl Iterator<Item = usize>) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_insert(0usize) += 1);
    counts.into_iter().max_by_key(|(number, count)| (*count, *number)).map_or(0, |(number, _)| number)
}

/// The records of a sample, cut with the quote; a line with one too many is passed over by itself.
#[derive(Default)]
struct Cuts {
    /// Records of the width, and of another.
    even: usize,
    uneven: usize,
    /// Records of the width in which the quote encloses a cell.
    quoted: usize,
    /// Those of them that without it would be cut in another way.
    hard: usize,
    /// Lines with a quote that is never closed, that has text behind it, or that is closed in another record.
    wrong: usize,
}

impl Cuts {
    /// The cuts of a sample whose lines, cut without quotes, mostly have `plain` cells.
    fn of(sample: &[u8], complete: bool, dialect: &Dialect, plain: usize) -> Cuts {
        let mut records: Vec<(usize, bool, bool)> = Vec::new();
        let (mut at, mut wrong) = (0, 0);
        while records.len() + wrong < RECORDS
            && let Some(record) = sampled_from(sample, at, 0, dialect, complete).next()
        {
            let raw = &sample[record.place.clone()];
            let is_merged =
                || record.lines > 1 && texts(raw, dialect).all(|line| cells(line, dialect.delimiter).count() == plain);
            let (end, is_wrong) = match record.stray || is_merged() {
                // Only its first line is bad.
                true => (record.place.start, true),
                false => (record.place.end, false),
            };
            match is_wrong {
                true => wrong += 1,
                false => records.push(found(&record, raw, dialect)),
            }
            let Some(stop) = dialect.line_end.find(&sample[end..]) else { break };
            at = end + stop + dialect.line_end.length(&sample[end + stop..]);
        }
        let width = frequent(records.iter().map(|(width, _, _)| *width));
        let mut cuts = Cuts { wrong, ..Cuts::default() };
        // Titles may stand above.
        for (of_record, is_quoted, is_hard) in records.into_iter().skip_while(|(found, ..)| *found != width) {
            let is_even = of_record == width && width > 1;
            cuts.even += usize::from(is_even);
            cuts.uneven += usize::from(!is_even);
            cuts.quoted += usize::from(is_even && is_quoted);
            cuts.hard += usize::from(is_even && is_hard);
        }
        cuts
    }
}

/// The cells of a record; true if the quote encloses some; and true if these hold what it is there for.
fn found(record: &Sampled<'_>, raw: &[u8], dialect: &Dialect) -> (usize, bool, bool) {
    let is_quoted = cells(raw, dialect.delimiter).any(|cell| cell.first() == Some(&QUOTE));
    let has_doubled = |cell: &[u8]| is_enclosed(cell) && cell[1..cell.len() - 1].contains(&QUOTE);
    let is_hard = record.lines > 1
        || cells(raw, dialect.delimiter).count() != record.cells.len()
        || cells(raw, dialect.delimiter).any(has_doubled);
    (record.cells.len(), is_quoted, is_quoted && is_hard)
}

/// True if a column has only cells that begin with the quote, the first of them perhaps but for its name.
fn is_column(sample: &[u8], dialect: &Dialect, width: usize) -> bool {
    let lines = |skipped: usize| texts(sample, dialect).skip(skipped).take(RECORDS);
    let column = |place: usize, skipped: usize| {
        let cells = lines(skipped).filter_map(move |line| cells(line, dialect.delimiter).nth(place));
        cells.filter(|cell| !cell.is_empty())
    };
    let is_so = |place: usize, skipped: usize| {
        column(place, skipped).count() > 1 && column(place, skipped).all(|cell| cell.first() == Some(&QUOTE))
    };
    (0..width).any(|place| is_so(place, 0) || is_so(place, 1))
}
