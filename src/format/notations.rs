//! The ways in which the columns' values are written: stated ones, and clues on others.

use super::ReadOptions;
use crate::schema::{Clue, Fits, Inference, Notation, Strays, Type, is_point_grouping};

/// Watches the writing of a column's texts, from the first value on that fits no type of those before.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    pub(super) clue: Option<Box<Clue>>,
    /// True if an earlier number has a point that can only stand before a fraction.
    pub(super) has_fractions: bool,
    /// The few values that alone make a text of the column; told from when the clue is.
    pub(super) strays: Strays,
    /// Number of values before that.
    typed: u64,
}

impl Watch {
    /// Looks at values, each with its record; `line` gives the line of a record.
    pub(super) fn see_all<'a>(
        &mut self,
        column: &mut Inference,
        mut values: impl Iterator<Item = (usize, &'a str)>,
        line: impl Fn(usize) -> u64,
    ) {
        while self.clue.is_none() {
            let is_telling = !self.has_fractions && is_fraction(column.fits());
            let before = *column;
            // Most values tell nothing new.
            let mut told = None;
            for (row, value) in values.by_ref() {
                self.typed += 1;
                column.see(value);
                if *column != before || is_telling {
                    told = Some((row, value));
                    break;
                }
            }
            let Some((row, value)) = told else { return };
            let (before, now) = (before.fits(), column.fits());
            if now == Fits::TEXT {
                let mut clue = Clue::after(before, !self.has_fractions);
                clue.see(value);
                self.clue = Some(Box::new(clue));
                self.strays = Strays::after(before, self.typed - 1);
                self.strays.see(line(row), value);
            } else if !self.has_fractions && is_fraction(now) {
                self.has_fractions = !is_point_grouping(value);
            }
        }
        while let Some(clue) = self.clue.as_mut().filter(|clue| clue.is_alive() || self.strays.is_alive())
            && let Some((row, value)) = values.next()
        {
            if clue.is_alive() {
                clue.see(value);
            }
            if self.strays.is_alive() {
                self.strays.see(line(row), value);
            }
        }
    }
}

fn is_fraction(fits: Fits) -> bool {
    !fits.has(Type::Bigint) && fits.has(Type::Numeric)
}

/// The stated notations of the columns' values.
#[derive(Default)]
pub(super) struct Notations {
    columns: Vec<Notation>,
    /// True if the part has numbers and truths of its own, besides texts.
    pub(super) native: bool,
}

impl Notations {
    /// The notations of these columns, each with its header and its name.
    pub(super) fn new<'a>(
        columns: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        stated: &ReadOptions,
        native: bool,
    ) -> Notations {
        Notations { columns: stated.selection.notations(columns), native }
    }

    /// True if no column has a stated notation.
    pub(super) fn are_plain(&self) -> bool {
        self.columns.iter().all(Notation::is_plain)
    }

    /// The value of a cell; `None` if it is empty, or a word for that.
    pub(super) fn value<'a>(&self, place: usize, cell: Option<&'a str>) -> Option<&'a str> {
        let value = self.of(place).map_or(cell, |notation| notation.value(cell));
        value.filter(|value| !value.is_empty())
    }

    /// Looks at cells of a column.
    pub(super) fn see<'a>(&self, column: &mut Inference, place: usize, cells: impl Iterator<Item = Option<&'a str>>) {
        match self.of(place) {
            None => column.see_all(cells.flatten().filter(|value| !value.is_empty())),
            Some(notation) => column.see_written(cells, notation, self.native),
        }
    }

    /// The possible types of a cell's value; all if it holds none.
    pub(super) fn inferred(&self, place: usize, cell: Option<&str>) -> Inference {
        let mut inferred = Inference::default();
        self.see(&mut inferred, place, [cell].into_iter());
        inferred
    }

    pub(super) fn of(&self, place: usize) -> Option<&Notation> {
        self.columns.get(place).filter(|notation| !notation.is_plain())
    }
}
