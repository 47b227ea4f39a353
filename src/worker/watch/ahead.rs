//! Who stands before whom where rows replace others: of two files that may touch the same rows the earlier one, by name, is first.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::Instant;

use crate::dataset::plugin::Reach;

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
    /// When it came; `None` where it was there before all others.
    pub(super) came: Option<Instant>,
}

/// The files that were seen so far: of each table the one that came first.
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
    /// A file before one with this reach that may touch what it touches, and that was there when that was `whole`, if it is.
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

    /// The next file.
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

/// Whether two files may touch the same rows, and it counts which is first.
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
        // One that is not whole yet waits for all of them.
        assert_eq!(before(&ahead, None), Some("03.zip".to_owned()));
        ahead.add(OsStr::new("up0"), &up, Stands::Waits, at(1));
        assert_eq!((before(&ahead, at(0)), before(&ahead, at(2))), (None, Some("up0".to_owned())));
        // What is in hand or was begun before is waited for in any case.
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
