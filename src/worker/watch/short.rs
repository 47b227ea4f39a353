//! Keeps one place beyond the common ones for a short file, so that long ones do not keep it waiting. The place is
//! rationed: the owner of its last file waits for the others, and of one owner the smallest file is first.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::backoff::Backoff;
use super::Watch;
use super::line::reach;
use crate::source::Writer;

/// The size in bytes below which a file is short.
const SHORT: u64 = 1 << 20;

/// The number of files that are searched for a short one.
const LOOKED_AT: usize = 10_000;

/// The number of files of one owner for which the system is asked whether they are whole.
const TRIED: usize = 20;

/// A short file that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Short {
    name: OsString,
    bytes: u64,
    /// The number of the file's user.
    owner: u32,
}

/// The turns of owners in the place for short files.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: HashMap<u32, u64>,
    next: u64,
}

impl Turns {
    /// Sorts the files by their turn: first the owner without a turn or with the oldest one; of one owner the smallest
    /// file.
    fn order(&self, mut files: Vec<Short>) -> Vec<Short> {
        files.sort_by(|one, other| {
            let key = |file: &Short| (self.last.get(&file.owner).copied(), file.bytes);
            key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
        });
        files
    }

    /// Notes that a file of this owner has the place.
    fn take(&mut self, owner: u32) {
        self.last.insert(owner, self.next);
        self.next += 1;
    }
}

/// Returns true if the name is a text's: the size tells nothing about compressed or columnar files.
fn is_text(name: &OsStr) -> bool {
    const TEXTS: [&str; 8] = ["csv", "tsv", "txt", "psv", "dat", "json", "jsonl", "ndjson"];
    let ending = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
    TEXTS.iter().any(|text| text.eq_ignore_ascii_case(ending))
}

impl Watch {
    /// Gives the place for a short file to the next one by turn; returns the time of the next look, if it is known.
    pub(super) fn take_short(&mut self, now: Instant) -> Option<Instant> {
        let (mut short, mut soonest) = (Vec::new(), None);
        let plugins = self.app.plugins.get();
        // Loads of one table are numbered in the order in which their files were begun, and then by their names.
        let begun = self.leftovers.iter().map(|file| reach(&plugins, &file.os_name()));
        let in_hand = self.reaches.values().cloned().chain(begun);
        let mut before: HashSet<String> = in_hand.flat_map(|reach| reach.tables).flatten().collect();
        for (name, one) in self.candidates.iter_mut().take(LOOKED_AT) {
            let reach = Arc::clone(one.reach.get_or_insert_with(|| Arc::new(reach(&plugins, name))));
            // Otherwise the place would only wait for a load into the same table.
            let is_first = !reach.tables.iter().flatten().any(|table| before.contains(table));
            let paused = self.pauses.get(name).map_or(now, Backoff::until);
            if is_first && paused <= now {
                before.extend(reach.tables.iter().flatten().cloned());
            }
            let stamp = one.stamp();
            if !is_first || stamp.size > SHORT || one.is_behind() || !is_text(name) {
                continue;
            }
            // This is known without asking the system.
            match one.soon_at(self.settle, Writer::None, now).max(paused) {
                soon if soon > now && !self.once => soonest = soonest.into_iter().chain([soon]).min(),
                _ => short.push(Short { name: name.clone(), bytes: stamp.size, owner: stamp.owner }),
            }
        }
        let mut tried: HashMap<u32, usize> = HashMap::new();
        for Short { name, owner, .. } in self.short.order(short) {
            let tried = tried.entry(owner).or_default();
            if *tried >= TRIED || self.is_in_hand(&name) {
                continue;
            }
            *tried += 1;
            match self.ready_at(&name, now) {
                None => drop(self.candidates.remove(&name)),
                Some(ready) if ready > now => soonest = soonest.into_iter().chain([ready]).min(),
                Some(_) if self.is_held_by_plugin(&name) || self.is_longer_now(&name) => {}
                Some(_) => {
                    let before = self.running.len();
                    self.claim(&name);
                    if self.running.len() > before {
                        self.short.take(owner);
                        return soonest;
                    }
                }
            }
        }
        soonest
    }

    fn is_longer_now(&self, name: &OsStr) -> bool {
        self.candidates.get(name).is_some_and(|one| one.stamp().size > SHORT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(name: &str, bytes: u64, owner: u32) -> Short {
        Short { name: name.into(), bytes, owner }
    }

    #[test]
    fn forty_files_of_one_user_do_not_keep_the_place_from_others() {
        let mut turns = Turns::default();
        let mut files: Vec<_> = (0..40).map(|n| short(&format!("a{n:02}.csv"), SHORT, 7)).collect();
        files.extend([short("y.csv", 400, 8), short("z.csv", 30, 8), short("x.csv", 900, 9)]);
        let mut had = Vec::new();
        for _ in 0..6 {
            let first = turns.order(files.clone()).remove(0);
            turns.take(first.owner);
            files.retain(|file| *file != first);
            had.push(first.name.into_string().unwrap());
        }
        // Without any turn, the smallest. Then each owner in turn, and of each the smallest.
        assert_eq!(had, ["z.csv", "x.csv", "a00.csv", "y.csv", "a01.csv", "a02.csv"]);
    }

    #[test]
    fn text_is_told_by_its_name() {
        let texts = ["x.csv", "x.CSV", "x.2024.json"].map(|name| is_text(OsStr::new(name)));
        let others = ["x.csv.gz", "x.zip", "x.xlsx", "csv", ""].map(|name| is_text(OsStr::new(name)));
        assert_eq!((texts, others), ([true; 3], [false; 5]));
    }
}
