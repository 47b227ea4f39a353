//! The evenness of a sample's records under a dialect.

mod rivals;

use std::borrow::Cow;

use super::above::{extent, grown, is_headed, is_text, stacked};
use super::alike::begins_like;
use super::blocks::{is_below_pairs, pairs, tables};
use super::captions::{captions, lone_header};
use super::detect::USUAL;
use super::frame::names_figures;
use super::header::{has_digit, is_value, names};
use super::lines::is_one_column;
use super::notes::{Note, take_note};
use super::row_names::has_name_too_many;
use super::statement::statement;
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
    /// The line below the header that is no record, which `records` are without.
    pub(super) note: Option<Note>,
    /// True if the first record is the header of a statement, below its titles.
    pub(super) is_statement: bool,
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
        let note = take_note(&mut records, complete);
        let frequent = frequent_width(&records);
        let tables = tables(&records);
        let is_below_pairs = || tables.len() == 1 && is_below_pairs(&records);
        let widest = tables.iter().copied().max_by_key(|table| table.width);
        let widest = widest.filter(|_| tables.len() > 1 || is_below_pairs());
        let (width, count) = widest.map_or(frequent, |table| (table.width, table.records));
        let first = records.iter().position(|record| record.cells.len() == width).unwrap_or(0);
        let stacked = stacked(&records).filter(|_| widest.is_none());
        let grown = grown(&records, first).filter(|_| widest.is_none());
        let lone = lone_header(&records, note.is_some_and(|note| note.is_remark)).filter(|_| complete);
        let statement = statement(&records, complete).filter(|_| tables.len() < 2 && lone.is_none());
        let widest = widest.filter(|_| statement.is_none());
        let (width, count, first) = match (lone, statement, stacked, grown) {
            (Some(at), ..) => (records[at].cells.len(), 1, at),
            (None, Some(at), ..) => {
                let width = records[at].cells.len();
                (width, records[at..].iter().filter(|record| record.cells.len() == width).count(), at)
            }
            (None, None, Some((first, width, count)), _) => (width, count, first),
            (None, None, None, Some((width, before))) => (width, count + before, 0),
            (None, None, None, None) => (width, count, first),
        };
        let of_table = |record: &&Sampled<'_>| record.cells.len() == width;
        // The records of other tables do not count for this one's evenness.
        let others: usize = if widest.is_some() { tables.iter().map(|table| table.records).sum::<usize>() } else { 0 };
        let text = records[..first].iter().filter(|record| is_text(record)).count();
        let text = text.max(captions(&records, first, width));
        let single = |records: &[Sampled<'_>]| records.iter().filter(|record| record.cells.len() == 1).count();
        let before = match () {
            () if lone.is_some() || statement.is_some() => first,
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
        let heads = statement.is_none()
            && (first == 1 && below && records.first().is_some_and(short) || records.first().is_some_and(wide));
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
            && statement.is_none()
            && (count < 2 || (stands_in_words && typed < 0.5 && all_spaced() && !is_named()));
        let values = records[..first].iter().filter(|record| is_value(&record.cells[0])).count();
        let list = statement.is_none()
            && lines > MOST_TEXT
            && lines > count
            && (typed < 0.9 || values * 2 > lines)
            && !is_named();
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
            note,
            is_statement: statement.is_some(),
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
            note: None,
            is_statement: false,
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
}
