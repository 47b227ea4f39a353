//! The comparison of two dialects by what they make of a sample.

use std::borrow::Cow;

use super::super::commas::{has_own_commas, is_list_of_kind, is_value_with_comma, list_between};
use super::super::header::names;
use super::super::quotes::keeps_quotes;
use super::{Fit, MAX_ABOVE};
use crate::format::csv::sampled::Sampled;

impl Fit<'_> {
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

    /// True if another usual delimiter than the comma cuts all lines into two cells, and the commas stand within these: in
    /// a value in each line, always in the same column, and before blanks.
    fn keeps_values_of(&self, other: &Fit<'_>) -> bool {
        let is_rival = self.is_even() && !self.unusual && other.lines.0 == b',' && self.lines.0 != b',';
        let is_own = |cell: &Cow<'_, str>| {
            is_value_with_comma(cell) || cell.match_indices(',').all(|(at, _)| cell[at + 1..].starts_with(' '))
        };
        let is_kept =
            |record: &Sampled<'_>| record.cells.len() == 2 && !record.stray && record.cells.iter().all(is_own);
        let all_values = |place: usize| self.records.iter().all(|record| is_value_with_comma(&record.cells[place]));
        is_rival && self.records.len() > 1 && self.records.iter().all(is_kept) && (0..2).any(all_values)
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
        let above = if self.first > 0 && !self.is_statement { 0.15 + 0.01 * self.first.min(10) as f64 } else { 0.0 };
        let headed = self.records.get(self.first).is_none_or(|record| record.cells.len() == self.width);
        let evenness = self.share - above - if headed { 0.0 } else { 0.05 };
        (self.is_even(), !self.unusual, evenness * (0.7 + 0.3 * self.typed))
    }

    pub(in crate::format::dialect) fn is_better_than(&self, other: &Fit<'_>) -> bool {
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
        if self.keeps_values_of(other) || other.keeps_values_of(self) {
            return self.keeps_values_of(other);
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
