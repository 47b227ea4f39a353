//! The order of files where rows replace others: of two files that may touch the same rows, the first by name goes
//! first.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::Instant;

use crate::dataset::plugin::Reach;

/// The states of a file that others wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// The file is being loaded.
    InHand,
    /// The file waits, too.
    Waits,
    /// The file is not loaded in this run.
    GivenUp,
}

/// A file that others wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) name: OsString,
    pub(super) stands: Stands,
    /// The time of its arrival; `None` where it precedes all others.
    pub(super) came: Option<Instant>,
}

/// The files so far: the first to arrive for each table.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// All files, and only those that replace rows, by table.
    tables: HashMap<String, Earlier>,
    replaced: HashMap<String, Earlier>,
    /// Files whose content alone tells their tables: all, and those that may replace rows.
    anywhere: Option<Earlier>,
    replacing: Option<Earlier>,
}

impl Ahead {
    /// Returns an earlier file that may touch the tables of `reach`; only those count that were there when the later
    /// one was `whole`.
    pub(super) fn of(&self, reach: &Reach, whole: Option<Instant>) -> Option<&Earlier> {
        let in_time = |earlier: &&Earlier| whole.is_none() || earlier.came <= whole;
        match &reach.tables {
            Some(tables) if reach.replaces => {
                let of_tables = tables.iter().filter_map(|table| self.tables.get(table));
                of_tables.chain(&self.anywhere).find(in_time)
            }
            Some(tables) => tables.iter().filter_map(|table| self.replaced.get(table)).find(in_time),
            None if reach.replaces => self.replacing.as_ref().filter(in_time),
            None => None,
        }
    }

    /// Adds the next file.
    pub(super) fn add(&mut self, name: &OsStr, reach: &Reach, stands: Stands, came: Option<Instant>) {
        let is_first = |known: Option<&Earlier>| known.is_none_or(|known| came < known.came);
        let earlier = || Earlier { name: name.to_owned(), stands, came };
        for table in reach.tables.iter().flatten() {
            if is_first(self.tables.get(table)) {
                self.tables.insert(table.clone(), earlier());
            }
            if reach.replaces && is_first(self.replaced.get(table)) {
                self.replaced.insert(table.clone(), earlier());
            }
        }
        if reach.replaces {
            if is_first(self.replacing.as_ref()) {
                self.replacing = Some(earlier());
            }
            if reach.tables.is_none() && is_first(self.anywhere.as_ref()) {
                self.anywhere = Some(earlier());
            }
        }
    }
}

/// Returns true if two files may touch the same rows, and their order matters.
pub(super) fn touch(one: &Reach, other: &Reach) -> bool {
    let mut ahead = Ahead::default();
    ahead.add(OsStr::new(""), one, Stands::Waits, None);
    ahead.of(other, None).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(table: &str, replaces: bool) -> Reach {
        Reach { tables: (!table.is_empty()).then(|| vec![table.to_owned()]), replaces }
    }

    #[test]
    fn a_file_waits_for_those_that_were_there_when_it_was_whole() {
        let (now, up, any) = (Instant::now(), reach("up", true), reach("", true));
        let at = |seconds| Some(now + std::time::Duration::from_secs(seconds));
        let mut ahead = Ahead::default();
        let before =
            |ahead: &Ahead, whole| ahead.of(&up, whole).map(|earlier| earlier.name.clone().into_string().unwrap());
        ahead.add(OsStr::new("03.zip"), &any, Stands::Waits, at(3));
        assert_eq!((before(&ahead, at(2)), before(&ahead, at(3))), (None, Some("03.zip".to_owned())));
        // A file that is not whole yet waits for all of them.
        assert_eq!(before(&ahead, None), Some("03.zip".to_owned()));
        ahead.add(OsStr::new("up0"), &up, Stands::Waits, at(1));
        assert_eq!((before(&ahead, at(0)), before(&ahead, at(2))), (None, Some("up0".to_owned())));
        // A file in hand, or begun before, is waited for in any case.
        ahead.add(OsStr::new("up1"), &up, Stands::InHand, None);
        assert_eq!(before(&ahead, at(0)), Some("up1".to_owned()));
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
