//! What the values of a part show while it is read: its columns' types, whether it is in the encoding that it was read in.

use std::collections::VecDeque;

use super::read::Glance;
use super::{Chunk, Stated, Width, guess_encoding};
use crate::schema::{Column, EXTRA_COLUMN, Fits, Inference, Type};

/// Values of each column that are kept.
const SAMPLES: usize = 2;

/// Rejects that are kept.
const REJECTS: usize = 5;

/// Records at the end of a part that may be none of its table.
const TAIL: usize = 10;

/// Records of a part that are looked at for empty cells.
const BLANKS: u64 = 20_000;

/// Text of records in another encoding that is kept, in bytes.
const WRONG: usize = 64 * 1024;

/// What the values of a part have shown so far. Records of another width than the header's are kept apart, because their
/// cells may stand under headers that are not theirs.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) even: Vec<Inference>,
    uneven: Vec<Inference>,
    even_rows: u64,
    uneven_rows: u64,
    pub(super) long_rows: u64,
    pub(super) glance: Glance,
    /// For each column, whether a record before the last ones has no cell in it.
    blank: Vec<bool>,
    /// The last records of the header's width, which are not yet in `even`, and the number of those that are held back so.
    tail: VecDeque<Vec<Option<String>>>,
    held_back: usize,
}

impl Seen {
    pub(super) fn resize(&mut self, width: usize) {
        self.even.resize(width.max(self.even.len()), Inference::default());
        self.uneven.resize(self.even.len(), Inference::default());
        self.glance.samples.resize(self.even.len(), Vec::new());
        self.blank.resize(self.even.len(), false);
    }

    /// Looks at every value; `null` has for each column the words that are none.
    pub(super) fn see(&mut self, chunk: &Chunk, null: &[Vec<String>]) {
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
        self.see_tail(self.held_back.saturating_sub(last.len()));
        if self.held_back > 0 && self.even_rows < BLANKS {
            for (place, blank) in self.blank.iter_mut().enumerate().take(records.width()) {
                *blank = *blank || even.iter().any(|row| records.cell(*row, place).is_none());
            }
        }
        for (rows, columns) in [(&even, &mut self.even), (&uneven, &mut self.uneven)] {
            for (place, column) in columns.iter_mut().enumerate().take(records.width()) {
                let words = null.get(place).map_or(&[][..], Vec::as_slice);
                let is_value = |value: &&str| words.is_empty() || !words.iter().any(|word| word == value);
                column.see_all(rows.iter().filter_map(|row| records.cell(*row, place)).filter(is_value));
            }
        }
        let cell = |row: usize, place: usize| {
            let is_null = |text: &&str| null.get(place).is_some_and(|words| words.iter().any(|word| word == text));
            records.cell(row, place).filter(|text| !is_null(text)).map(str::to_owned)
        };
        self.tail.extend(last.into_iter().map(|row| (0..records.width()).map(|place| cell(row, place)).collect()));
        self.even_rows += taken as u64;
        self.uneven_rows += uneven.len() as u64;
        self.glance.is_uneven = self.uneven_rows > 0;
        self.glance.rejected += chunk.rejects.len() as u64;
        let missing = REJECTS.saturating_sub(self.glance.rejects.len());
        self.glance.rejects.extend(chunk.rejects.iter().take(missing).cloned());
        for (place, samples) in self.glance.samples.iter_mut().enumerate().take(chunk.records.width()) {
            let values = (0..chunk.records.len()).filter_map(|row| chunk.records.cell(row, place));
            samples.extend(values.take(SAMPLES - samples.len()).map(str::to_owned));
        }
    }

    /// More records have come: all but the last `keep` of those that were held back are looked at.
    fn see_tail(&mut self, keep: usize) {
        while self.tail.len() > keep {
            let record = self.tail.pop_front().unwrap_or_default();
            for (place, cell) in record.iter().enumerate() {
                self.blank[place] |= cell.is_none();
                if let Some(text) = cell {
                    self.even[place].see(text);
                }
            }
        }
    }

    /// What each column's values can be. Records of the header's width decide, unless they are fewer than the others: what
    /// does not go with them is refused later, and a line that is no record of the table does not make every number a text.
    pub(super) fn decide(&self) -> Vec<Inference> {
        let (even, _) = self.even_with_tail();
        let decide = |(even, uneven): (&Inference, &Inference)| {
            let (even, uneven) = (even.fits(), uneven.fits());
            Inference::within(match () {
                () if self.uneven_rows > self.even_rows => even.and(uneven),
                () if even.is_undecided() => uneven,
                () => even,
            })
        };
        even.iter().zip(&self.uneven).map(decide).collect()
    }

    /// The types of the records of the header's width, and the number of those at the end that are lines below the table: they leave a cell
    /// empty that no record before them does, and would make a text of a column of values.
    fn even_with_tail(&self) -> (Vec<Inference>, usize) {
        let see = |columns: &mut Vec<Inference>, record: &[Option<String>]| {
            for (column, cell) in columns.iter_mut().zip(record) {
                column.see_all(cell.as_deref().into_iter());
            }
        };
        // The columns in which one of the first records of the tail, or of those before it, has no cell.
        let mut blanks = vec![self.blank.clone()];
        for record in &self.tail {
            let blank = blanks.last().into_iter().flatten().zip(record).map(|(blank, cell)| *blank || cell.is_none());
            blanks.push(blank.collect());
        }
        let length = self.tail.len();
        let types_up_to = |end: usize| {
            let mut even = self.even.clone();
            self.tail.iter().take(end).for_each(|record| see(&mut even, record));
            even
        };
        let is_below = |first: usize| {
            let is_sparse = |record: &Vec<Option<String>>| {
                record.iter().zip(&blanks[first]).any(|(cell, blank)| cell.is_none() && !blank)
            };
            if !self.tail.iter().skip(first).all(is_sparse) {
                return false;
            }
            let even = types_up_to(first);
            let breaks = |record: &Vec<Option<String>>| {
                let mut with = even.clone();
                see(&mut with, record);
                even.iter().zip(&with).any(|(before, after)| {
                    let (before, after) = (before.fits(), after.fits());
                    !before.is_undecided() && before.narrowest() != Type::Text && after.narrowest() == Type::Text
                })
            };
            self.tail.iter().skip(first).all(breaks)
        };
        // Of two records nobody knows which one is the odd one.
        let least = (length + 2).saturating_sub(self.even_rows as usize);
        let first = (least..length).find(|first| is_below(*first)).unwrap_or(length);
        (types_up_to(first), length - first)
    }
}

/// Looks at the records of delimited text as they pass.
pub struct Witness {
    seen: Seen,
    /// For each column the words that stand for NULL.
    null: Vec<Vec<String>>,
    /// Records, the bad ones included.
    pub(super) rows: u64,
    /// Records that are not UTF-8, from the first on.
    wrong: Vec<u8>,
    wrong_rows: u64,
    /// Records with letters that only UTF-8 writes so.
    right_rows: u64,
    guesses: bool,
}

/// A column that is taken to be of a type: its place in the records, and the types that its table's values can be of.
pub type Held = (usize, Fits);

impl Witness {
    /// For records under these columns, each with its header and its name.
    pub fn new<'a>(columns: impl Iterator<Item = (&'a str, &'a str)> + Clone, stated: &Stated) -> Witness {
        let mut null = vec![Vec::new(); columns.clone().count()];
        for rule in &stated.rules {
            // What is wrong with the rule is said when the columns are shaped.
            if let Ok(Some(place)) = rule.place_in(columns.clone()) {
                null[place].extend(rule.null.iter().cloned());
            }
        }
        let mut seen = Seen::default();
        seen.resize(null.len());
        seen.held_back = TAIL;
        let guesses = stated.encoding.is_none();
        Witness { seen, null, rows: 0, wrong: Vec::new(), wrong_rows: 0, right_rows: 0, guesses }
    }

    /// Looks at some more records.
    pub fn see(&mut self, chunk: &Chunk) {
        self.rows += chunk.rows();
        self.seen.see(chunk, &self.null);
        self.right_rows += chunk.records.not_ascii();
        for reject in chunk.rejects.iter().filter(|reject| std::str::from_utf8(&reject.text).is_err()) {
            self.wrong_rows += 1;
            if self.wrong.len() < WRONG {
                self.wrong.extend_from_slice(&reject.text);
                self.wrong.push(b'\n');
            }
        }
    }

    /// The encoding, where more records are wrong than are right in UTF-8.
    pub(super) fn other_encoding(&self) -> Option<&'static encoding_rs::Encoding> {
        if self.guesses && self.wrong_rows > self.right_rows { guess_encoding(&self.wrong) } else { None }
    }

    /// Whether what was seen goes with what the records are loaded as: every column of the type it is taken for, none with cells
    /// beyond the header that have no place (`surplus` says that they have one), and all of it in the encoding it is read in.
    pub fn agrees(&self, held: &[Held], surplus: bool) -> bool {
        let decided = self.seen.decide();
        let same = |(place, taken): &Held| {
            let fits = decided.get(*place).map_or(*taken, |seen| seen.fits());
            taken.and(fits).narrowest() == taken.narrowest()
        };
        held.iter().all(same) && (surplus || self.seen.long_rows == 0) && self.other_encoding().is_none()
    }

    /// The columns' types, and whether there are records with cells beyond the header.
    pub(super) fn decide(&self) -> (Vec<Inference>, bool) {
        (self.seen.decide(), self.seen.long_rows > 0)
    }

    pub(super) fn glance(self) -> Glance {
        let is_uneven = self.seen.glance.is_uneven || self.seen.even_with_tail().1 > 0;
        Glance { is_uneven, ..self.seen.glance }
    }

    /// Everything has passed: what is known now of the columns, of the number of records and of the bad ones among them.
    pub fn testify(self, columns: &mut [Column]) -> (u64, Glance) {
        for (column, seen) in columns.iter_mut().zip(self.seen.decide()) {
            if column.name != EXTRA_COLUMN {
                column.fits = seen.fits();
            }
        }
        (self.rows, self.glance())
    }
}
