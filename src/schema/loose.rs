//! Values that do not decide their column's type, because their records may be none of the table's. They never change
//! the type, but if they are of it, they narrow the column's types: else it could widen later to one that they do not
//! read back from.

use super::infer::Inference;
use super::types::{Fits, Form};

/// Types of a column's values that do not decide, each set of them once.
#[derive(Clone, Debug, Default)]
pub struct Loose(Vec<Inference>);

impl Loose {
    /// Adds the types of one more value, or of none.
    pub fn see(&mut self, value: Inference) {
        if value != Inference::default() && !self.0.contains(&value) {
            self.0.push(value);
        }
    }

    /// The types that all of them are of.
    pub fn all(&self) -> Inference {
        self.0.iter().fold(Inference::default(), |all, one| all.and(*one))
    }

    /// A column's types without those that one of these values lacks, as far as the column's own type stays.
    pub fn narrow(&self, column: Inference) -> Inference {
        // A day among moments is midnight only if none is written with that time.
        let (clocks, days): (Vec<Inference>, Vec<Inference>) =
            self.0.iter().copied().partition(|one| one.fits().is_written(Form::Clock));
        clocks.into_iter().chain(days).fold(column, |column, one| {
            let both = column.and(one);
            if both.fits().narrowest() == column.fits().narrowest() { both } else { column }
        })
    }

    /// True if a column of the types `taken` takes other values of these than one of the types `decided`.
    pub fn tell_apart(&self, taken: Fits, decided: Fits) -> bool {
        let decided = taken.and(decided);
        self.0.iter().any(|one| taken.takes(one.fits()) != decided.takes(one.fits()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Type;
    use super::*;

    fn inferred(values: &[&str]) -> Inference {
        let mut all = Inference::default();
        values.iter().for_each(|value| all.see(value));
        all
    }

    #[test]
    fn a_value_that_does_not_decide_narrows_within_the_type() {
        for (decide, loose, kind, widest) in [
            (&["1", "2"], &["9007199254740993", "x"][..], Type::Bigint, Type::Numeric),
            (&["1", "2"], &["3", "1.5", ""], Type::Bigint, Type::Double),
            (&["1.5", "2.25"], &["1.10", "Total"], Type::Numeric, Type::Numeric),
        ] {
            let mut seen = Loose::default();
            loose.iter().filter(|value| !value.is_empty()).for_each(|value| seen.see(inferred(&[value])));
            let narrowed = seen.narrow(inferred(decide)).fits();
            let last = [Type::Bigint, Type::Numeric, Type::Double].into_iter().rfind(|one| narrowed.has(*one));
            assert_eq!((narrowed.narrowest(), last), (kind, Some(widest)), "{loose:?}");
        }
        let moments = inferred(&["2026-01-01 10:00:00", "2026-01-02 11:00:00"]);
        let mut seen = Loose::default();
        ["2026-01-03", "2026-01-03 00:00:00"].iter().for_each(|value| seen.see(inferred(&[value])));
        let narrowed = seen.narrow(moments);
        assert!(!narrowed.fits().is_written(Form::Day) && !narrowed.fits().takes(inferred(&["2026-01-03"]).fits()));
        assert!(seen.tell_apart(moments.fits(), narrowed.fits()));
    }
}
