//! The profile of a part, gathered while it is read: its columns' types, and any sign of another encoding.

use encoding_rs::{ISO_2022_JP, UTF_8};

use super::column_stats::ColumnStats;
use super::encoding::{is_cesu8, is_iso_2022_jp};
use super::json::Counting;
use super::json::profile::LinesSeen;
use super::notations::Notations;
use super::read::{Layout, Preview};
use super::{Charset, Dialect, Guess, ReadOptions, guess_encoding};
use crate::record::Chunk;
use crate::schema::{Column, EXTRA_COLUMN, Fits, Inference};

/// Records at the end of a part that may not belong to its table.
const TAIL: usize = 10;

/// Text kept of records in another encoding, in bytes.
const WRONG: usize = 64 * 1024;

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
