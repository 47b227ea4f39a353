//! Who stands before whom where rows replace others: of two files that may touch the same rows the earlier one, by name, is first.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use crate::plugin::Reach;

/// What a file is that others wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// It is being loaded.
    InHand,
    /// It waits itself.
    Waits,
    /// It is not loaded in this run.
    GivenUp,
}

/// A file that others wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) name: OsString,
    pub(super) stands: Stands,
}

/// The files that were seen so far, the first of each table.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Of every table, and of those only whose rows they replace.
    tables: HashMap<String, Earlier>,
    replaced: HashMap<String, Earlier>,
    /// Of those whose content alone tells their tables, where rows may be replaced.
    anywhere: Option<Earlier>,
    replacing: Option<Earlier>,
}

impl Ahead {
    /// The first file before one with this reach that may touch what it touches.
    pub(super) fn of(&self, reach: &Reach) -> Option<&Earlier> {
        match &reach.tables {
            Some(tables) if reach.replaces => {
                tables.iter().find_map(|table| self.tables.get(table)).or(self.anywhere.as_ref())
            }
            Some(tables) => tables.iter().find_map(|table| self.replaced.get(table)),
            None if reach.replaces => self.replacing.as_ref(),
            None => None,
        }
    }

    /// The next file.
    pub(super) fn add(&mut self, name: &OsStr, reach: &Reach, stands: Stands) {
        let earlier = || Earlier { name: name.to_owned(), stands };
        for table in reach.tables.iter().flatten() {
            if !self.tables.contains_key(table) {
                self.tables.insert(table.clone(), earlier());
            }
            if reach.replaces && !self.replaced.contains_key(table) {
                self.replaced.insert(table.clone(), earlier());
            }
        }
        if reach.replaces {
            self.replacing.get_or_insert_with(earlier);
            if reach.tables.is_none() {
                self.anywhere.get_or_insert_with(earlier);
            }
        }
    }
}

/// Whether two files may touch the same rows, and it counts which is first.
pub(super) fn touch(one: &Reach, other: &Reach) -> bool {
    let mut ahead = Ahead::default();
    ahead.add(OsStr::new(""), one, Stands::Waits);
    ahead.of(other).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(table: &str, replaces: bool) -> Reach {
        Reach { tables: (!table.is_empty()).then(|| vec![table.to_owned()]), replaces }
    }

    #[test]
    fn files_wait_for_those_before_them_that_touch_the_same_rows() {
        let (up, log, any, none) = (reach("up", true), reach("log", false), reach("", true), reach("", false));
        for (one, other, expected) in [
            (&up, &up, true),
            (&up, &reach("up", false), true),
            (&up, &log, false),
            (&log, &log, false),
            (&any, &up, true),
            (&up, &any, true),
            (&any, &log, false),
            (&any, &any, true),
            (&none, &none, false),
        ] {
            assert_eq!((touch(one, other), touch(other, one)), (expected, expected), "{one:?} {other:?}");
        }
    }
}
