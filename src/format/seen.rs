//! What the values of a part show while it is read: its columns' types, whether it is in the encoding that it was read in.

use encoding_rs::{ISO_2022_JP, UTF_8};

use super::encoding::{is_cesu8, is_iso_2022_jp};
use super::read::{Glance, Layout};
use super::{Charset, Chunk, Dialect, Guess, Stated, Width, guess_encoding};
use crate::schema::{Column, EXTRA_COLUMN, Fits, Inference};

/// Values of each column that are kept.
const SAMPLES: usize = 2;

/// Rejects that are kept.
const REJECTS: usize = 5;

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
}

impl Seen {
    pub(super) fn resize(&mut self, width: usize) {
        self.even.resize(width.max(self.even.len()), Inference::default());
        self.uneven.resize(self.even.len(), Inference::default());
        self.glance.samples.resize(self.even.len(), Vec::new());
    }

    /// Looks at every value; `null` has for each column the words that are none.
    pub(super) fn see(&mut self, chunk: &Chunk, null: &[Vec<String>]) {
        let records = &chunk.records;
        let (mut even, mut uneven) = (Vec::with_capacity(records.len()), Vec::new());
        for row in 0..records.len() {
            let width = records.width_of(row);
            if width == Width::Even {
                even.push(row)
            } else {
                uneven.push(row)
            };
            self.long_rows += u64::from(width == Width::Long);
        }
        for (rows, columns) in [(&even, &mut self.even), (&uneven, &mut self.uneven)] {
            for (place, column) in columns.iter_mut().enumerate().take(records.width()) {
                let words = null.get(place).map_or(&[][..], Vec::as_slice);
                let is_value = |value: &&str| words.is_empty() || !words.iter().any(|word| word == value);
                column.see_all(rows.iter().filter_map(|row| records.cell(*row, place)).filter(is_value));
            }
        }
        self.even_rows += even.len() as u64;
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

    /// What each column's values can be. Records of the header's width decide, unless they are fewer than the others: what
    /// does not go with them is refused later, and a line that is no record of the table does not make every number a text.
    pub(super) fn decide(&self) -> Vec<Inference> {
        let decide = |(even, uneven): (&Inference, &Inference)| {
            let (even, uneven) = (even.fits(), uneven.fits());
            Inference::within(match () {
                () if self.uneven_rows > self.even_rows => even.and(uneven),
                () if even.is_undecided() => uneven,
                () => even,
            })
        };
        self.even.iter().zip(&self.uneven).map(decide).collect()
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
    /// Records that hold pairs of surrogate halves and are UTF-8 otherwise.
    cesu8_rows: u64,
    /// Whether letters of seven-bit Japanese were come upon.
    is_iso_2022_jp: bool,
    /// Records with letters that only UTF-8 writes so.
    right_rows: u64,
    guesses: bool,
}

/// A column that is taken to be of a type: its place in the records, and the types that its table's values can be of.
pub type Held = (usize, Fits);

impl Witness {
    /// For records under these columns, each with its header and its name, which are read in the encoding of `layout`.
    pub fn new<'a>(
        columns: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        stated: &Stated,
        layout: &Layout,
    ) -> Witness {
        let mut null = vec![Vec::new(); columns.clone().count()];
        for rule in &stated.rules {
            // What is wrong with the rule is said when the columns are shaped.
            if let Ok(Some(place)) = rule.place_in(columns.clone()) {
                null[place].extend(rule.null.iter().cloned());
            }
        }
        let mut seen = Seen::default();
        seen.resize(null.len());
        // What is wrong in another encoding is wrong.
        let is_taken_for_utf8 =
            |dialect: &Dialect| dialect.encoding == UTF_8.name() && dialect.guessed.is_none() && !dialect.by_record;
        let guesses = stated.encoding.is_none() && matches!(layout, Layout::Csv(dialect) if is_taken_for_utf8(dialect));
        Witness {
            seen,
            null,
            rows: 0,
            wrong: Vec::new(),
            wrong_rows: 0,
            cesu8_rows: 0,
            is_iso_2022_jp: false,
            right_rows: 0,
            guesses,
        }
    }

    /// Looks at some more records.
    pub fn see(&mut self, chunk: &Chunk) {
        self.rows += chunk.rows();
        self.seen.see(chunk, &self.null);
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

    /// The encoding that records rather are in than in UTF-8: where more are wrong in it than right, or some are in CESU-8.
    pub(super) fn other_encoding(&self) -> Option<(Charset, Guess)> {
        if self.is_iso_2022_jp && self.wrong_rows + self.right_rows == 0 {
            return Some((ISO_2022_JP.into(), Guess::Likely));
        }
        let share = self.wrong_rows * 1000 / self.rows.max(1);
        let is_other = self.wrong_rows > self.right_rows;
        let other = if is_other { guess_encoding(&self.wrong, share) } else { None };
        other.or_else(|| (self.cesu8_rows > 0).then_some((UTF_8.into(), Guess::Doubtful)))
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
        self.seen.glance
    }

    /// Everything has passed: what is known now of the columns, of the number of records and of the bad ones among them.
    pub fn testify(self, columns: &mut [Column]) -> (u64, Glance) {
        for (column, seen) in columns.iter_mut().zip(self.seen.decide()) {
            if column.name != EXTRA_COLUMN {
                column.fits = seen.fits();
            }
        }
        (self.rows, self.seen.glance)
    }
}
