//! Statistics of a part's values, gathered while it is read: its columns' types, and any sign of another encoding.

use std::collections::VecDeque;

use encoding_rs::{ISO_2022_JP, UTF_8};

use super::encoding::{is_cesu8, is_iso_2022_jp};
use super::json::Counting;
use super::json::profile::LinesSeen;
use super::notations::{Notations, Watch};
use super::read::{Layout, Preview};
use super::{Charset, Dialect, Guess, ReadOptions, guess_encoding};
use crate::record::{Chunk, Width};
use crate::schema::{Clue, Column, EXTRA_COLUMN, Fits, Inference, Loose, Type, is_value};

/// Samples kept of each column.
const SAMPLES: usize = 2;

/// Rejects that are kept.
const REJECTS: usize = 5;

/// Records at the end of a part that may not belong to its table.
const TAIL: usize = 10;

/// Records of a part that are searched for empty cells.
const BLANKS: u64 = 20_000;

/// Text kept of records in another encoding, in bytes.
const WRONG: usize = 64 * 1024;

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
    held_back: usize,
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
                    let values =
                        even.iter().filter_map(|row| records.cell(*row, place).filter(|cell| !cell.is_empty()));
                    self.watches[place].see_all(column, values);
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
    fn see_tail(&mut self, keep: usize, notations: &Notations) {
        while self.tail.len() > keep {
            let record = self.tail.pop_front().unwrap_or_default();
            for (place, cell) in record.iter().enumerate() {
                let (cell, column) = (cell.as_deref(), &mut self.even[place]);
                self.blank[place] |= notations.value(place, cell).is_none();
                match notations.of(place) {
                    None => self.watches[place].see_all(column, cell.into_iter().filter(|value| !value.is_empty())),
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
    fn decide_with_loose(&self, notations: &Notations) -> Vec<(Inference, Loose)> {
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
    fn below(&self, notations: &Notations) -> usize {
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
            let breaks = |record: &Vec<Option<String>>| {
                let mut with = even.clone();
                see(&mut with, record);
                // A number that is written as a code is one of the table's values, no word below them.
                let is_word = |place| {
                    let cell = record.get(place).and_then(Option::as_deref);
                    !notations.value(place, cell).is_some_and(is_value)
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
        Preview { clues: self.watches.into_iter().zip(self.even).map(clue).collect(), ..self.preview }
    }
}

/// Looks at the records of delimited text as they pass.
pub struct Profiler {
    seen: ColumnStats,
    notations: Notations,
    /// Number of records, rejects included.
    pub(super) rows: u64,
    /// Records that are not UTF-8, from the first on.
    wrong: Vec<u8>,
    wrong_rows: u64,
    /// Records that hold pairs of surrogate halves and are UTF-8 otherwise.
    cesu8_rows: u64,
    /// True if letters of seven-bit Japanese were found.
    is_iso_2022_jp: bool,
    /// Records with letters beyond ASCII that are UTF-8.
    right_rows: u64,
    guesses: bool,
    /// The lines on which records start, if lines tell the records apart.
    lines: Option<LinesSeen>,
    /// True if two records stood on one line, or a key was no column.
    is_of_other_records: bool,
}

/// A column with its expected types: its place in the records, and the types that its table's values can be of.
pub type ExpectedTypes = (usize, Fits);

impl Profiler {
    /// A profiler of records under these columns, each with its header and its name, read in the encoding of `layout`.
    pub fn new<'a>(
        columns: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        stated: &ReadOptions,
        layout: &Layout,
    ) -> Profiler {
        let mut seen = ColumnStats::default();
        seen.resize(columns.clone().count());
        let (mut lines, mut native) = (None, stated.is_sheet);
        match layout {
            Layout::Csv(_) | Layout::Excel(_) => seen.held_back = TAIL,
            Layout::Json(json) => {
                lines = (json.counting == Counting::Lines).then(LinesSeen::default);
                native = true;
            }
            Layout::Parquet => {}
        }
        let notations = Notations::new(columns, stated, native);
        // Bytes that are wrong in another encoding stay wrong.
        let is_taken_for_utf8 =
            |dialect: &Dialect| dialect.encoding == UTF_8.name() && dialect.guessed.is_none() && !dialect.by_record;
        let guesses = stated.encoding.is_none() && matches!(layout, Layout::Csv(dialect) if is_taken_for_utf8(dialect));
        Profiler {
            seen,
            notations,
            rows: 0,
            wrong: Vec::new(),
            wrong_rows: 0,
            cesu8_rows: 0,
            is_iso_2022_jp: false,
            right_rows: 0,
            guesses,
            lines,
            is_of_other_records: false,
        }
    }

    /// Looks at some more records.
    pub fn see(&mut self, chunk: &Chunk) {
        self.rows += chunk.rows();
        self.seen.see(chunk, &self.notations);
        let are_distinct = self.lines.as_mut().is_none_or(|lines| lines.are_distinct(&chunk.records));
        self.is_of_other_records |= chunk.has_unknown || !are_distinct;
        if !self.guesses {
            return;
        }
        self.right_rows += chunk.records.not_ascii();
        self.is_iso_2022_jp |= chunk.records.find(is_iso_2022_jp);
        for reject in chunk.rejects.iter().filter(|reject| std::str::from_utf8(&reject.text).is_err()) {
            if is_cesu8(&reject.text) {
                self.cesu8_rows += 1;
                continue;
            }
            self.wrong_rows += 1;
            if self.wrong.len() < WRONG {
                self.wrong.extend_from_slice(&reject.text);
                self.wrong.push(b'\n');
            }
        }
    }

    /// A likelier encoding of the records than UTF-8: if more records are wrong in UTF-8 than right, or some are in
    /// CESU-8.
    pub(super) fn other_encoding(&self) -> Option<(Charset, Guess)> {
        if self.is_iso_2022_jp && self.wrong_rows + self.right_rows == 0 {
            return Some((ISO_2022_JP.into(), Guess::Likely));
        }
        let share = self.wrong_rows * 1000 / self.rows.max(1);
        let is_other = self.wrong_rows > self.right_rows;
        let other = if is_other { guess_encoding(&self.wrong, share) } else { None };
        other.or_else(|| (self.cesu8_rows > 0).then_some((UTF_8.into(), Guess::Doubtful)))
    }

    /// True if the records seen go with the way they are loaded: every column of its expected type, no cells beyond the
    /// header without a place (`surplus` says that they have one), no key that is no column, each record told from
    /// others as it was, and all of it in the encoding it is read in.
    pub fn still_fits(&self, held: &[ExpectedTypes], surplus: bool) -> bool {
        let decided = self.seen.decide_with_loose(&self.notations);
        let same = |(place, taken): &ExpectedTypes| {
            decided.get(*place).is_none_or(|(decided, loose)| {
                let is_kept = taken.and(decided.fits()).narrowest() == taken.narrowest();
                is_kept && !loose.tell_apart(*taken, decided.fits())
            })
        };
        held.iter().all(same)
            && (surplus || self.seen.long_rows == 0)
            && !self.is_of_other_records
            && self.other_encoding().is_none()
    }

    /// The columns' types, and true if there are records with cells beyond the header.
    pub(super) fn decide(&self) -> (Vec<Inference>, bool) {
        (self.seen.decide(&self.notations), self.seen.long_rows > 0)
    }

    pub(super) fn preview(mut self) -> Preview {
        let below = self.seen.below(&self.notations);
        self.seen.see_tail(below, &self.notations);
        let is_uneven = self.seen.preview.is_uneven || below > 0;
        Preview { is_uneven, ..self.seen.into_preview() }
    }

    /// Sets the columns' types once everything has passed; gives the number of records and the preview.
    pub fn finish(self, columns: &mut [Column]) -> (u64, Preview) {
        for (column, seen) in columns.iter_mut().zip(self.seen.decide(&self.notations)) {
            if column.name != EXTRA_COLUMN {
                column.fits = seen.fits();
            }
        }
        (self.rows, self.preview())
    }
}
