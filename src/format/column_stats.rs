//! The types of a part's columns, as its values show them: gathered while the part is read.

use std::collections::VecDeque;

use super::dialect::{figure, is_amount};
use super::notations::{Notations, Watch};
use super::read::Preview;
use crate::record::{Chunk, Width};
use crate::schema::{Clue, Inference, Loose, Type, is_value};

/// Samples kept of each column.
const SAMPLES: usize = 2;

/// Rejects that are kept.
const REJECTS: usize = 5;

/// Records of a part that are searched for empty cells.
const BLANKS: u64 = 20_000;

/// Statistics of the values seen so far. Records of another width than the header's are kept apart, because their cells
/// may stand under headers that are not theirs.
#[derive(Default)]
pub(super) struct ColumnStats {
    pub(super) even: Vec<Inference>,
    uneven: Vec<Loose>,
    watches: Vec<Watch>,
    even_rows: u64,
    uneven_rows: u64,
    pub(super) long_rows: u64,
    pub(super) preview: Preview,
    /// For each column, true if a record before the last ones has no cell in it.
    blank: Vec<bool>,
    /// The last records of the header's width, which are not yet in `even`, and the number that is held back.
    tail: VecDeque<Vec<Option<String>>>,
    /// The lines of those records.
    tail_lines: VecDeque<u64>,
    pub(super) held_back: usize,
}

impl ColumnStats {
    pub(super) fn resize(&mut self, width: usize) {
        self.even.resize(width.max(self.even.len()), Inference::default());
        self.uneven.resize(self.even.len(), Loose::default());
        self.watches.resize(self.even.len(), Watch::default());
        self.preview.samples.resize(self.even.len(), Vec::new());
        self.blank.resize(self.even.len(), false);
    }

    /// Looks at every value; `notations` are the columns' ways of writing.
    pub(super) fn see(&mut self, chunk: &Chunk, notations: &Notations) {
        let records = &chunk.records;
        let (mut even, mut uneven) = (Vec::with_capacity(records.len()), Vec::new());
        for row in 0..records.len() {
            let width = records.width_of(row);
            if records.is_even(row) {
                even.push(row)
            } else {
                uneven.push(row)
            };
            self.long_rows += u64::from(width == Width::Long);
        }
        let taken = even.len();
        let last = even.split_off(even.len().saturating_sub(self.held_back));
        self.see_tail(self.held_back.saturating_sub(last.len()), notations);
        if self.held_back > 0 && self.even_rows < BLANKS {
            for (place, blank) in self.blank.iter_mut().enumerate().take(records.width()).filter(|(_, blank)| !**blank)
            {
                let cells = || even.iter().map(|row| records.cell(*row, place));
                *blank = match notations.of(place) {
                    None => cells().any(|cell| cell.is_none_or(str::is_empty)),
                    Some(_) => cells().any(|cell| notations.value(place, cell).is_none()),
                };
            }
        }
        for (place, column) in self.even.iter_mut().enumerate().take(records.width()) {
            match notations.of(place) {
                None => {
                    let cells = records.cells_of(&even, place).filter(|(_, cell)| !cell.is_empty());
                    self.watches[place].see_all(column, cells, |row| records.line(row));
                }
                Some(notation) => {
                    let cells = even.iter().map(|row| records.cell(*row, place));
                    column.see_written(cells, notation, notations.native);
                }
            }
        }
        for (place, column) in self.uneven.iter_mut().enumerate().take(records.width()) {
            uneven.iter().for_each(|row| column.see(notations.inferred(place, records.cell(*row, place))));
        }
        let owned =
            |row: usize| (0..records.width()).map(|place| records.cell(row, place).map(str::to_owned)).collect();
        self.tail_lines.extend(last.iter().map(|row| records.line(*row)));
        self.tail.extend(last.into_iter().map(owned));
        self.even_rows += taken as u64;
        self.uneven_rows += uneven.len() as u64;
        self.preview.is_uneven = self.uneven_rows > 0;
        self.preview.rejected += chunk.rejects.len() as u64;
        let missing = REJECTS.saturating_sub(self.preview.rejects.len());
        self.preview.rejects.extend(chunk.rejects.iter().take(missing).cloned());
        for (place, samples) in self.preview.samples.iter_mut().enumerate().take(chunk.records.width()) {
            let values = (0..chunk.records.len()).filter_map(|row| chunk.records.cell(row, place));
            samples.extend(values.take(SAMPLES - samples.len()).map(str::to_owned));
        }
    }

    /// Looks at the records that were held back, all but the last `keep`, once more have come.
    pub(super) fn see_tail(&mut self, keep: usize, notations: &Notations) {
        while self.tail.len() > keep {
            let record = self.tail.pop_front().unwrap_or_default();
            let line = self.tail_lines.pop_front().unwrap_or_default();
            for (place, cell) in record.iter().enumerate() {
                let (cell, column) = (cell.as_deref(), &mut self.even[place]);
                self.blank[place] |= notations.value(place, cell).is_none();
                match notations.of(place) {
                    None => {
                        let value = cell.filter(|value| !value.is_empty()).map(|value| (0, value));
                        self.watches[place].see_all(column, value.into_iter(), |_| line);
                    }
                    Some(notation) => column.see_written([cell].into_iter(), notation, notations.native),
                }
            }
        }
    }

    /// The possible types of each column's values. Records of the header's width decide, unless they are fewer than the
    /// others: a value that does not go with them is refused later, and a line that is no record of the table does not
    /// make every number a text.
    pub(super) fn decide(&self, notations: &Notations) -> Vec<Inference> {
        self.decide_with_loose(notations).into_iter().map(|(decided, _)| decided).collect()
    }

    /// As [`ColumnStats::decide`], each with the types of the column's values that do not decide.
    pub(super) fn decide_with_loose(&self, notations: &Notations) -> Vec<(Inference, Loose)> {
        let (even, below) = self.even_with_tail(notations);
        let mut loose = self.uneven.clone();
        for record in self.tail.iter().skip(self.tail.len() - below) {
            for (place, (column, cell)) in loose.iter_mut().zip(record).enumerate() {
                column.see(notations.inferred(place, cell.as_deref()));
            }
        }
        let decide = |((even, uneven), loose): ((Inference, &Loose), Loose)| {
            let decided = match () {
                () if self.uneven_rows > self.even_rows => Inference::within(even.fits().and(uneven.all().fits())),
                () if even.fits().is_undecided() => uneven.all(),
                () => even,
            };
            (loose.narrow(decided), loose)
        };
        even.into_iter().zip(&self.uneven).zip(loose).map(decide).collect()
    }

    /// The types of the records of the header's width but those below the table, and the number of these.
    fn even_with_tail(&self, notations: &Notations) -> (Vec<Inference>, usize) {
        let below = self.below(notations);
        (self.even_up_to(self.tail.len() - below, notations), below)
    }

    /// The types of the records of the header's width, the first `end` of the tail's among them.
    fn even_up_to(&self, end: usize, notations: &Notations) -> Vec<Inference> {
        let mut even = self.even.clone();
        for record in self.tail.iter().take(end) {
            for (place, (column, cell)) in even.iter_mut().zip(record).enumerate() {
                notations.see(column, place, [cell.as_deref()].into_iter());
            }
        }
        even
    }

    /// The number of records at the end of the tail that are lines below the table: they leave a cell empty that no
    /// record before them does, and would make a text of a column of values.
    pub(super) fn below(&self, notations: &Notations) -> usize {
        let has_blank = |record: &Vec<Option<String>>| {
            let mut cells = record.iter().zip(&self.blank).enumerate();
            cells.any(|(place, (cell, blank))| !blank && notations.value(place, cell.as_deref()).is_none())
        };
        // The last record is a line below the table, if any is.
        if !self.tail.back().is_some_and(has_blank) {
            return 0;
        }
        let see = |columns: &mut Vec<Inference>, record: &[Option<String>]| {
            for (place, (column, cell)) in columns.iter_mut().zip(record).enumerate() {
                notations.see(column, place, [cell.as_deref()].into_iter());
            }
        };
        // For each record of the tail, the columns in which one of the records before it has no cell.
        let mut blanks = vec![self.blank.clone()];
        for record in &self.tail {
            let cells = blanks.last().into_iter().flatten().zip(record).enumerate();
            let blank = cells.map(|(place, (blank, cell))| *blank || notations.value(place, cell.as_deref()).is_none());
            blanks.push(blank.collect());
        }
        let length = self.tail.len();
        let is_below = |first: usize| {
            let is_sparse = |record: &Vec<Option<String>>| {
                let mut cells = record.iter().zip(&blanks[first]).enumerate();
                cells.any(|(place, (cell, blank))| !blank && notations.value(place, cell.as_deref()).is_none())
            };
            if !self.tail.iter().skip(first).all(is_sparse) {
                return false;
            }
            let even = self.even_up_to(first, notations);
            let layout = |record: &Vec<Option<String>>| record.first().and_then(Option::as_deref).and_then(figure);
            let above = first.checked_sub(1).and_then(|above| layout(&self.tail[above]));
            let goes_on = |record: &Vec<Option<String>>| above.is_some() && layout(record) == above;
            let breaks = |record: &Vec<Option<String>>| {
                let mut with = even.clone();
                see(&mut with, record);
                // A number that is written as a code is one of the table's values, no word below them; so is an amount
                // with other signs, in a record that begins with digits laid out as those above it.
                let is_word = |place| {
                    let cell = record.get(place).and_then(Option::as_deref);
                    !notations
                        .value(place, cell)
                        .is_some_and(|cell| is_value(cell) || (is_amount(cell) && goes_on(record)))
                };
                even.iter().zip(&with).enumerate().any(|(place, (before, after))| {
                    let (before, after) = (before.fits(), after.fits());
                    let is_typed = !before.is_undecided() && before.narrowest() != Type::Text;
                    is_typed && after.narrowest() == Type::Text && is_word(place)
                })
            };
            self.tail.iter().skip(first).all(breaks)
        };
        // Among two records it is unknown which one is the odd one.
        let least = (length + 2).saturating_sub(self.even_rows as usize);
        let first = (least..length).find(|first| is_below(*first)).unwrap_or(length);
        length - first
    }

    /// The preview for people.
    pub(super) fn into_preview(self) -> Preview {
        let clue = |(watch, column): (Watch, Inference)| {
            watch.clue.map_or_else(|| Clue::after(column.fits(), !watch.has_fractions), |clue| *clue)
        };
        let strays = self.watches.iter().map(|watch| watch.strays.clone()).collect();
        Preview { clues: self.watches.into_iter().zip(self.even).map(clue).collect(), strays, ..self.preview }
    }
}
