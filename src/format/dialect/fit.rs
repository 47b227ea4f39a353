//! The evenness of a sample's records under a dialect, and the comparison of two dialects.

use std::borrow::Cow;

use super::above::{extent, grown, is_headed, is_text, stacked};
use super::alike::begins_like;
use super::blocks::{is_below_pairs, pairs, tables};
use super::captions::{captions, lone_header};
use super::commas::{has_own_commas, is_list_of_kind, list_between};
use super::detect::USUAL;
use super::frame::names_figures;
use super::header::{has_digit, is_value, names};
use super::lines::is_one_column;
use super::quotes::keeps_quotes;
use super::row_names::has_name_too_many;
use super::{Dialect, LineEnd};
use crate::format::csv::loose::loose_line;
use crate::format::csv::sampled::{Sampled, sampled, sampled_from};
use crate::format::csv::split::without_cr;

/// A dialect is taken for the right one if this share of the records has the same width; half of it if the first record
/// has.
const EVEN: f64 = 0.6;

/// Lines above a header that is cut by its line alone, at most.
const MAX_ABOVE: usize = 20;

/// Lines of text above a table that has no more records and no header over values, at most.
const MOST_TEXT: usize = 10;

/// Records of a sample that are looked at.
const RECORDS: usize = 2_000;

/// The fit of a dialect to a sample.
pub(super) struct Fit<'a> {
    pub(super) records: Vec<Sampled<'a>>,
    /// The width of the table: that of most records, among those with more than one cell.
    pub(super) width: usize,
    /// Share of the records that have this width, those with text after a closing quote not counted.
    share: f64,
    /// Share of the table's cells that are numbers, days, truths, or empty.
    typed: f64,
    /// The record with which the table begins.
    pub(super) first: usize,
    /// True if the text above the table and in it looks like words: `Last, First` below a name for them.
    words: bool,
    unusual: bool,
    /// True if the header is cut by its line alone, because of a quote too many.
    pub(super) loose: bool,
    /// Cells that nine of ten records have, at least.
    least: usize,
    /// True if the delimiter is a comma, and stands between digits only.
    decimal: bool,
    /// True for a list of one value a line, of which only the last lines hold the delimiter.
    list: bool,
    /// True if a backslash takes the delimiter's meaning away, outside of quotes.
    escaped: bool,
    /// True if blanks may stand around quotes.
    padded: bool,
    /// The byte around cells.
    quote: Option<u8>,
    /// Records with text behind a closing quote, or a quote that is never closed.
    strays: usize,
    /// The ends of cells and lines.
    lines: (u8, LineEnd),
    /// The text of the records.
    sample: &'a [u8],
}

/// The width of most records, among those with more than one cell, and the number of these: the widest of widths nearly
/// as frequent as the most frequent.
fn frequent_width(records: &[Sampled<'_>]) -> (usize, usize) {
    let mut widths = std::collections::BTreeMap::new();
    for record in records.iter().filter(|record| record.cells.len() > 1 && !record.stray) {
        *widths.entry(record.cells.len()).or_insert(0usize) += 1;
    }
    let most = widths.values().copied().max().unwrap_or(0);
    widths.into_iter().rev().find(|(_, count)| count * 10 >= most * 9).unwrap_or((1, 0))
}

/// The records once more, if the first uneven one has a quote too many and is their header: cut by its line alone, it
/// has as many names as the records below it have cells.
fn with_loose_header<'a>(
    sample: &'a [u8],
    complete: bool,
    dialect: &Dialect,
    records: &[Sampled<'a>],
) -> Option<Vec<Sampled<'a>>> {
    let (width, _) = frequent_width(records);
    let wrong = |record: &Sampled<'_>| record.stray || (record.lines > 1 && record.cells.len() != width);
    let at = records.iter().take(MAX_ABOVE + 1).position(wrong)?;
    // A header never stands below an even record.
    if records[..at].iter().any(|record| record.cells.len() == width && width > 1) {
        return None;
    }
    let head = &records[at];
    let rest = &sample[head.place.start..];
    let stop = dialect.line_end.find(rest)?;
    let next = head.place.start + stop + dialect.line_end.length(&rest[stop..]);
    let below = sampled_from(sample, next, head.line + 1, dialect, complete).take(RECORDS);
    let below: Vec<_> = below.collect();
    let (width, count) = frequent_width(&below);
    let end = without_cr(sample, head.place.start, head.place.start + stop);
    let cells = loose_line(&sample[head.place.start..end], dialect, width)?;
    if count == 0 || width < 2 || cells.iter().any(|cell| is_value(cell)) {
        return None;
    }
    let (cells, place) = (cells.into_iter().map(Cow::Owned).collect(), head.place.start..end);
    let head = Sampled { cells, place, lines: 1, stray: false, ends_delimited: false, ..head.clone() };
    Some(records[..at].iter().cloned().chain([head]).chain(below).collect())
}

impl<'a> Fit<'a> {
    pub(super) fn of(sample: &'a [u8], complete: bool, dialect: &Dialect) -> Fit<'a> {
        let mut records: Vec<_> = sampled(sample, dialect, complete).take(RECORDS).collect();
        let loose = with_loose_header(sample, complete, dialect, &records);
        let is_loose = loose.is_some();
        records = loose.unwrap_or(records);
        let frequent = frequent_width(&records);
        let tables = tables(&records);
        let is_below_pairs = || tables.len() == 1 && is_below_pairs(&records);
        let widest = tables.iter().copied().max_by_key(|table| table.width);
        let widest = widest.filter(|_| tables.len() > 1 || is_below_pairs());
        let (width, count) = widest.map_or(frequent, |table| (table.width, table.records));
        let first = records.iter().position(|record| record.cells.len() == width).unwrap_or(0);
        let stacked = stacked(&records).filter(|_| widest.is_none());
        let grown = grown(&records, first).filter(|_| widest.is_none());
        let lone = lone_header(&records).filter(|_| complete);
        let (width, count, first) = match (lone, stacked, grown) {
            (Some(at), _, _) => (records[at].cells.len(), 1, at),
            (None, Some((first, width, count)), _) => (width, count, first),
            (None, None, Some((width, before))) => (width, count + before, 0),
            (None, None, None) => (width, count, first),
        };
        let of_table = |record: &&Sampled<'_>| record.cells.len() == width;
        // The records of other tables do not count for this one's evenness.
        let others: usize = if widest.is_some() { tables.iter().map(|table| table.records).sum::<usize>() } else { 0 };
        let text = records[..first].iter().filter(|record| is_text(record)).count();
        let text = text.max(captions(&records, first, width));
        let single = |records: &[Sampled<'_>]| records.iter().filter(|record| record.cells.len() == 1).count();
        let before = match () {
            () if lone.is_some() => first,
            () if widest.is_some() => single(&records) + pairs(&records),
            () if stacked.is_some() => first,
            () => text,
        };
        let after = records.len() - before - others.saturating_sub(count);
        let cells: Vec<_> =
            records.iter().filter(of_table).skip(1).take(200).flat_map(|record| &record.cells).collect();
        let decimal =
            |cell: &str| dialect.delimiter != b',' && cell.contains(',') && is_value(&cell.replacen(',', ".", 1));
        let typed = cells.iter().filter(|cell| cell.is_empty() || is_value(cell) || decimal(cell)).count();
        let spaced = |record: &Sampled<'_>| record.cells[1..].iter().all(|cell| cell.starts_with(' '));
        // A header with fewer names than the records have cells belongs to the table.
        let short = |record: &Sampled<'_>| record.cells.len() > 1 && record.cells.len() + 1 == width;
        let plain = records.first().is_some_and(|record| !record.cells.iter().any(|cell| has_digit(cell)));
        let below = records
            .get(1)
            .is_some_and(|record| record.cells.iter().any(|cell| is_value(cell) || (plain && has_digit(cell))));
        // So does a header with more names, if the last cells of most records are left out.
        let wide = |record: &Sampled<'_>| {
            let full = || records[1..].iter().any(|other| other.cells.len() == record.cells.len());
            let is_too_many = || has_name_too_many(record, &records[1..], width);
            // The last columns may have no name.
            let named = &record.cells[..extent(record)];
            let is_named = || names(&record.cells) || (below && named.len() >= width && names(named));
            record.cells.len() > width && (is_too_many() || (is_named() && (below || full())))
        };
        let heads = first == 1 && below && records.first().is_some_and(short) || records.first().is_some_and(wide);
        let first = if widest.is_none() && heads { 0 } else { first };
        // R writes quotes around the names.
        let is_quoted = |head: &Sampled<'_>| {
            head.place.len() + 1 >= head.cells.iter().map(|cell| cell.len() + 3).sum() && dialect.quote.is_some()
        };
        let counts_head = heads && first == 0 && records.first().is_some_and(|head| short(head) && is_quoted(head));
        let count = count + usize::from(counts_head);
        let all_spaced = || records.iter().filter(of_table).all(spaced);
        let mut cells_of: Vec<_> = records[first..].iter().map(|record| record.cells.len()).collect();
        cells_of.sort_unstable();
        let least = cells_of.get(cells_of.len() / 10).copied().unwrap_or(1);
        let between_digits = |record: &Sampled<'_>| {
            let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
            record.cells.windows(2).all(|pair| digit(pair[0].as_bytes().last()) && digit(pair[1].as_bytes().first()))
        };
        let decimal = dialect.delimiter == b',' && records.iter().filter(of_table).skip(1).all(between_digits);
        let typed = if cells.is_empty() { 0.0 } else { typed as f64 / cells.len() as f64 };
        let lines = single(&records[..first]);
        let is_named = || is_headed(&records[first..]) || names_figures(&records[first..]);
        let stands_in_words = match dialect.delimiter {
            b'\t' | b'|' => false,
            b';' => width == 2 && !cells.iter().any(|cell| has_digit(cell)),
            _ => true,
        };
        let words = first > 0
            && lone.is_none()
            && (count < 2 || (stands_in_words && typed < 0.5 && all_spaced() && !is_named()));
        let values = records[..first].iter().filter(|record| is_value(&record.cells[0])).count();
        let list = lines > MOST_TEXT && lines > count && (typed < 0.9 || values * 2 > lines) && !is_named();
        Fit {
            width,
            share: if after == 0 { 0.0 } else { count as f64 / after.max(1) as f64 },
            typed,
            first,
            words,
            unusual: !USUAL.contains(&dialect.delimiter),
            loose: is_loose,
            least,
            decimal,
            list,
            escaped: dialect.is_escaped(),
            padded: dialect.padded,
            quote: dialect.quote,
            strays: records.iter().filter(|record| record.stray).count(),
            lines: (dialect.delimiter, dialect.line_end),
            sample,
            records,
        }
    }

    pub(super) fn single(sample: &'a [u8], complete: bool, dialect: &Dialect) -> Fit<'a> {
        let records: Vec<_> = sampled(sample, dialect, complete).take(RECORDS).collect();
        let width = records.first().map_or(1, |record| record.cells.len());
        let lines = (dialect.delimiter, dialect.line_end);
        Fit {
            width,
            share: 1.0,
            typed: 0.0,
            first: 0,
            words: false,
            unusual: false,
            loose: false,
            least: width,
            decimal: false,
            list: false,
            escaped: dialect.is_escaped(),
            padded: dialect.padded,
            quote: dialect.quote,
            strays: 0,
            lines,
            sample,
            records,
        }
    }

    pub(super) fn is_even(&self) -> bool {
        // A header that is cut into cells makes up for records that are not even.
        let enough = match (self.unusual, self.first) {
            (true, _) => 0.95,
            (false, 0) if !self.begins_with_record() => EVEN / 2.0,
            (false, _) => EVEN,
        };
        self.width > 1
            && self.share >= enough
            && !self.words
            && !self.list
            && !(self.unusual && (self.first > 0 || is_one_column(&self.records, self.width, self.lines.0)))
    }

    /// True if the first line begins as others below it do, and as no header does.
    pub(super) fn begins_with_record(&self) -> bool {
        let mut texts = self.records.iter().map(|record| &*record.cells[0]);
        texts.next().is_some_and(|text| begins_like(text, texts))
    }

    /// True if the commas of the other cut rather stand within cells of this one: in numbers, or in each of two words.
    fn is_around(&self, other: &Fit<'_>) -> bool {
        let is_rival = self.is_even() && !self.unusual && other.lines.0 == b',' && self.lines.0 != b',';
        let in_words = other.width == 2 && self.least > 2 && other.typed == 0.0 && self.typed > 0.0;
        is_rival && ((other.decimal && self.least > 1) || in_words || self.has_decimals())
    }

    /// True if all commas stand between digits in cells of this cut, or before a blank in a title above or between
    /// tables.
    fn has_decimals(&self) -> bool {
        let (titles, cut): (Vec<_>, Vec<_>) = self.records.iter().partition(|record| record.cells.len() == 1);
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let is_decimal = |cell: &str| {
            let bytes = cell.as_bytes();
            memchr::memchr_iter(b',', bytes).all(|at| digit(bytes[..at].last()) && digit(bytes.get(at + 1)))
        };
        let is_title = |cell: &str| cell.match_indices(',').all(|(at, _)| cell[at + 1..].starts_with(' '));
        let with_comma = cut.iter().filter(|record| record.cells.iter().any(|cell| cell.contains(','))).count();
        titles.len() * 2 <= cut.len()
            && with_comma > 1
            && cut.iter().all(|record| record.cells.iter().all(|cell| is_decimal(cell)))
            && titles.iter().all(|record| is_title(&record.cells[0]))
    }

    /// True if the first line, below titles, is cut into names by another usual delimiter than the comma, and at least
    /// one record is cut so, and has no comma: then commas rather stand in numbers and texts.
    fn is_headed_against(&self, other: &Fit<'_>) -> bool {
        let is_rival = self.is_even() && !self.unusual && other.lines.0 == b',' && self.lines.0 != b',';
        let titles = self.records.iter().take(MAX_ABOVE).take_while(|record| record.cells.len() == 1).count();
        let Some((head, rest)) = self.records[titles..].split_first() else { return false };
        let is_cut = |line: &Sampled<'_>| line.cells.len() > 1 && !line.spaced;
        let has_comma = other.records.iter().take_while(|line| line.line < head.line).any(is_cut)
            || other.records.iter().any(|line| line.line == head.line && line.cells.len() > 1);
        let is_full = |record: &Sampled<'_>| record.cells.len() == head.cells.len() && !record.stray;
        is_rival && !has_comma && !other.records.is_empty() && names(&head.cells) && rest.iter().any(is_full)
    }

    /// True if another usual delimiter than the comma cuts all records below titles evenly into three cells or more, and
    /// the commas stand within these: they are more, or each comma is a cell's own. Not if the delimiter stands in one
    /// cell of the other cut alone, as in a list.
    fn holds_commas_of(&self, other: &Fit<'_>) -> bool {
        let is_rival = self.is_even() && !self.unusual && other.lines.0 == b',' && self.lines.0 != b',';
        let table = self.records.get(self.first..).unwrap_or_default();
        let is_full = |record: &Sampled<'_>| record.cells.len() == self.width && !record.stray;
        if !is_rival || self.width < 3 || table.len() < 2 || self.first > MAX_ABOVE || !table.iter().all(is_full) {
            return false;
        }
        let line = |record: &Sampled<'_>| self.sample.get(record.place.clone()).unwrap_or_default();
        let all_own = table.iter().all(|record| has_own_commas(line(record), self.lines.0));
        let begins = |record: &&Sampled<'_>| record.line >= table[0].line;
        let is_list = || list_between(other.records.iter().filter(begins), self.lines.0).is_some();
        all_own || (self.width > other.width && !is_list())
    }

    /// True if commas cut the line above the records of the other cut, and all of these, into names and as many cells:
    /// then that line is the header, and the other delimiter stands in lists.
    fn heads_lists_of(&self, other: &Fit<'_>) -> bool {
        let is_rival = self.is_even() && self.lines.0 == b',' && !other.unusual && other.lines.0 != b',';
        let Some((head, first)) = other.first.checked_sub(1).map(|above| (&other.records[above], other.first)) else {
            return false;
        };
        let Some(at) = self.records.iter().position(|record| record.line == head.line) else { return false };
        let (head, rest) = (&self.records[at], &self.records[at + 1..]);
        let line = |record: &Sampled<'_>| other.sample.get(record.place.clone()).unwrap_or_default();
        let all_own = || other.records[first..].iter().all(|record| has_own_commas(line(record), other.lines.0));
        // Decimals stand behind the last delimiter, a list in the last cell behind the comma.
        let is_list = || other.width > 2 && list_between(rest.iter(), other.lines.0) == Some(1);
        let is_like_it = |record: &Sampled<'_>| record.cells.len() == self.width && (record.spaced || !head.spaced);
        is_rival
            && head.cells.len() == self.width
            && names(&head.cells)
            && rest.len() > 1
            && rest.iter().all(is_like_it)
            && (head.spaced || self.width > 2 || is_list() || !all_own())
    }

    /// True if commas cut all lines evenly, and the other delimiter only stands in a list that is one of these cells.
    fn cuts_around_list_of(&self, other: &Fit<'_>) -> bool {
        let is_rival = self.is_even() && self.lines.0 == b',' && !other.unusual && !b",\t".contains(&other.lines.0);
        let is_full = |record: &Sampled<'_>| record.cells.len() == self.width && !record.stray;
        let is_own = |record: &Sampled<'_>| has_own_commas(&other.sample[record.place.clone()], other.lines.0);
        is_rival
            && other.width > 2
            && self.records.len() > 1
            && self.records.iter().all(is_full)
            && is_list_of_kind(&self.records, other.lines.0)
            && !other.records.iter().all(is_own)
    }

    fn score(&self) -> (bool, bool, f64) {
        // A table that begins with the first line is likelier than one below a title, and one whose header is as wide
        // as it is.
        let above = if self.first > 0 { 0.15 + 0.01 * self.first.min(10) as f64 } else { 0.0 };
        let headed = self.records.get(self.first).is_none_or(|record| record.cells.len() == self.width);
        let evenness = self.share - above - if headed { 0.0 } else { 0.05 };
        (self.is_even(), !self.unusual, evenness * (0.7 + 0.3 * self.typed))
    }

    pub(super) fn is_better_than(&self, other: &Fit<'_>) -> bool {
        if self.lines.0 == other.lines.0 && self.lines.1 != other.lines.1 {
            return self.is_even() && self.share > other.share;
        }
        if self.lines.0 == other.lines.0 && self.escaped != other.escaped {
            // The backslash counts only if no other reading is even.
            let (plain, escaped) = if self.escaped { (other, self) } else { (self, other) };
            return (escaped.share > plain.share && escaped.share >= 0.99) == self.escaped;
        }
        if (self.lines, self.quote) == (other.lines, other.quote) && self.padded != other.padded {
            // A quote behind a blank encloses a cell, unless some are so not closed.
            let (padded, plain) = if self.padded { (self, other) } else { (other, self) };
            if padded.is_even() && padded.strays <= plain.strays && padded.share >= plain.share {
                return self.padded;
            }
        }
        for (one, rival) in [(self, other), (other, self)] {
            let is_usual = one.is_even() && !one.unusual && !rival.unusual && one.lines.0 != rival.lines.0;
            if is_usual && keeps_quotes(&one.records, &rival.records, one.lines.0, one.sample) {
                return std::ptr::eq(one, self);
            }
        }
        if self.heads_lists_of(other) || other.heads_lists_of(self) {
            return self.heads_lists_of(other);
        }
        if self.is_headed_against(other) || other.is_headed_against(self) {
            return self.is_headed_against(other);
        }
        if self.cuts_around_list_of(other) || other.cuts_around_list_of(self) {
            return self.cuts_around_list_of(other);
        }
        if self.holds_commas_of(other) || other.holds_commas_of(self) {
            return self.holds_commas_of(other);
        }
        if self.is_around(other) || other.is_around(self) {
            return self.is_around(other);
        }
        let (mine, theirs) = (self.score(), other.score());
        if (mine.0, mine.1) != (theirs.0, theirs.1) {
            return (mine.0, mine.1) > (theirs.0, theirs.1);
        }
        if (mine.2 - theirs.2).abs() > 0.02 { mine.2 > theirs.2 } else { self.width > other.width }
    }
}
