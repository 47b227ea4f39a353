//! Headers of other tables among the records: the header's names in another order, or other names below a blank line.

use super::split::{self, Cut};
use super::stretch::Frame;
use crate::format::dialect::{Dialect, is_null_word, is_value};
use crate::record::Cell;

/// Records above another header that are searched.
const LOOKED_AT: usize = 200;

/// The lengths and outer letters of a header's names: rules out nearly all cells at once.
pub(super) struct NameFilter([u64; 4]);

impl NameFilter {
    pub(super) fn new(names: &[String]) -> Self {
        let mut filter = NameFilter([0; 4]);
        for bit in names.iter().filter(|name| !name.is_empty()).map(|name| bit(name.as_bytes())) {
            filter.0[bit / 64] |= 1 << (bit % 64);
        }
        filter
    }

    #[inline]
    fn may_hold(&self, text: &[u8]) -> bool {
        let bit = bit(text);
        self.0[bit / 64] & (1 << (bit % 64)) != 0
    }
}

fn bit(text: &[u8]) -> usize {
    let letter = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    (text.len() + 7 * letter(text.first()) + 31 * letter(text.last())) % 256
}

/// The text of cells, in the pending bytes or at their side.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub pending: &'a [u8],
    pub side: &'a [u8],
}

impl<'a> Texts<'a> {
    #[inline]
    pub(super) fn of(self, cell: &Cell) -> &'a [u8] {
        match (cell.start as usize).checked_sub(self.pending.len()) {
            Some(at_side) if cell.start != cell.end => &self.side[at_side..cell.end as usize - self.pending.len()],
            _ => self.pending.get(cell.start as usize..cell.end as usize).unwrap_or_default(),
        }
    }

    fn strings(self, cells: &[Cell]) -> Option<Vec<&'a str>> {
        cells.iter().map(|cell| std::str::from_utf8(self.of(cell)).ok()).collect()
    }
}

/// True if the cells are names of the header in another order, two or more of them, none of which is a value of the
/// records above.
#[inline]
pub(super) fn is_reordered(
    cells: &[Cell],
    above: &[Cell],
    texts: Texts<'_>,
    frame: &Frame<'_>,
    filter: &NameFilter,
) -> bool {
    // Of nearly all records the first cell shows it.
    let mut filled = cells.iter().filter(|cell| !cell.null);
    filled.next().is_none_or(|cell| filter.may_hold(texts.of(cell)))
        && filled.next().is_none_or(|cell| filter.may_hold(texts.of(cell)))
        && has_names(cells, above, texts, frame)
}

fn has_names(cells: &[Cell], above: &[Cell], texts: Texts<'_>, frame: &Frame<'_>) -> bool {
    let [names] = frame.header_rows else { return false };
    let filled: Vec<&[u8]> = cells.iter().filter(|cell| !cell.null).map(|cell| texts.of(cell)).collect();
    let is_known = |text: &&[u8]| names.iter().any(|name| name.as_bytes() == *text);
    let is_again = |cell: &Cell| !cell.null && filled.contains(&texts.of(cell));
    filled.len() > 1
        && filled.iter().all(is_known)
        && is_distinct(&filled)
        && !above[above.len().saturating_sub(LOOKED_AT * frame.header.len())..].iter().any(is_again)
}

fn is_distinct<T: Ord + Copy>(all: &[T]) -> bool {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == all.len()
}

/// True if the record at `at`, right below a blank line, begins another table of the same width, or a narrower one that
/// is filled up: names, of which one is the header's in its column, or each stands over values in a column whose records
/// above have values, or one stands over words in such a column; or a title above such names.
pub(super) fn begins_table(at: usize, above: &[Cell], texts: Texts<'_>, frame: &Frame<'_>) -> bool {
    let width = frame.header.len();
    let Some((first, mut next)) = cut(texts.pending, at, frame.dialect) else { return false };
    let mut row = first;
    if row.len() == width
        && row.iter().filter(|cell| !cell.is_empty()).count() == 1
        && !row.iter().any(|cell| is_value(cell))
    {
        let Some(below) = cut(texts.pending, next, frame.dialect) else { return false };
        (row, next) = below;
    }
    let is_text = |cell: &String| !cell.is_empty() && !is_value(cell) && !is_null_word(cell);
    let used = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    let names: Vec<&str> = row[..used].iter().map(String::as_str).collect();
    if row.len() != width || used < width.min(2) || !row[..used].iter().all(is_text) || !is_distinct(&names) {
        return false;
    }
    let below = records_below(texts.pending, next, frame.dialect, width);
    let Some(record) = below.first() else { return false };
    if record[used..].iter().any(|cell| !cell.is_empty()) {
        return false;
    }
    let stride = width + usize::from(frame.dialect.surplus);
    let above = &above[above.len().saturating_sub(LOOKED_AT * stride)..];
    let Some(above) = texts.strings(above) else { return false };
    let column = |place: usize| above.iter().skip(place).step_by(stride).filter(|cell| !cell.is_empty());
    let of_values = |place: &usize| column(*place).count() > 0 && column(*place).all(|cell| is_value(cell));
    if used < width && !(used..width).all(|place| column(place).next().is_some()) {
        return false;
    }
    let is_shared = |place: usize| frame.header[place] == row[place] && !column(place).any(|cell| *cell == row[place]);
    let values: Vec<usize> = (0..used).filter(of_values).collect();
    let over_values = !values.is_empty() && values.iter().all(|place| is_value(&record[*place]));
    let is_word = |record: &Vec<String>, place: usize| !record[place].is_empty() && !is_value(&record[place]);
    let breaks =
        |place: &usize| column(*place).count() > 1 && below.len() > 1 && below.iter().all(|one| is_word(one, *place));
    !above.is_empty() && ((0..used).any(is_shared) || over_values || values.iter().any(breaks))
}

/// True if the record, right below a blank line, is a line of text: a blank follows each delimiter, as in no record
/// above, and a word stands in a column that has values.
pub(super) fn is_prose(cells: &[Cell], above: &[Cell], texts: Texts<'_>, frame: &Frame<'_>) -> bool {
    let width = frame.header.len();
    if frame.dialect.spaced || cells.len() != width || cells.iter().any(|cell| cell.null) {
        return false;
    }
    let is_spaced = |text: &str| text.starts_with(' ') && !text.trim().is_empty();
    let stride = width + usize::from(frame.dialect.surplus);
    let above = &above[above.len().saturating_sub(LOOKED_AT * stride)..];
    let (Some(cells), Some(above)) = (texts.strings(cells), texts.strings(above)) else { return false };
    let column = |place: usize| above.iter().skip(place).step_by(stride).filter(|cell| !cell.is_empty());
    let of_values = |place: usize| column(place).count() > 0 && column(place).all(|cell| is_value(cell));
    let is_word =
        |cell: &str| !is_value(cell) && !is_null_word(cell) && !cell.bytes().any(|byte| byte.is_ascii_digit());
    cells[1..].iter().all(|cell| is_spaced(cell))
        && !is_value(cells[0])
        && !(1..width).any(|place| column(place).any(|cell| cell.starts_with(' ')))
        && (0..width).any(|place| is_word(cells[place]) && of_values(place))
}

/// Two records of the width from `at` on; one broken record among them is passed over.
fn records_below(pending: &[u8], mut at: usize, dialect: &Dialect, width: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for _ in 0..3 {
        let Some((record, next)) = cut(pending, at, dialect).filter(|_| found.len() < 2) else { break };
        if record.len() == width && record.iter().any(|cell| !cell.is_empty()) {
            found.push(record);
        }
        at = next;
    }
    found
}

/// The cells of the record at `at`, cut from the pending bytes, and the place of the next one.
fn cut(pending: &[u8], at: usize, dialect: &Dialect) -> Option<(Vec<String>, usize)> {
    let (mut cells, mut side) = (Vec::new(), Vec::new());
    match split::record(pending, at, dialect, true, &mut cells, &mut side) {
        Cut::Record { next, stray: 0, .. } if next > at => {
            let texts = Texts { pending, side: &side };
            let text = |cell: &Cell| String::from_utf8_lossy(texts.of(cell)).into_owned();
            Some((cells.iter().map(text).collect(), next))
        }
        _ => None,
    }
}

/// True if a line holds several records of the width with a CR alone between them, as in texts that were put together
/// from others.
pub(super) fn is_of_returns(pending: &[u8], at: usize, end: usize, dialect: &Dialect, width: usize) -> bool {
    let (mut from, mut cells, mut side, mut records) = (at, Vec::new(), Vec::new(), 0);
    while from < end {
        cells.clear();
        side.clear();
        match split::record(&pending[..end], from, dialect, true, &mut cells, &mut side) {
            Cut::Record { next, stray: 0, .. } if cells.len() == width || next == from + 1 => from = next,
            _ => return false,
        }
        records += usize::from(cells.len() == width);
    }
    records > 1
}
