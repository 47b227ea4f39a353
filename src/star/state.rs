//! The state of a table of the star after its last build.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The state of one table after the last run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableState {
    /// The table, without its schema.
    pub name: String,
    /// dimension, fact, bridge, calendar, table or view.
    pub kind: String,
    /// The hash of header, select and columns; of a dimension also what tells its versions.
    pub definition: String,
    /// The loads in staging at the time of the build.
    pub seen: LoadSet,
    /// The versions of the star's tables behind it.
    pub upstream: BTreeMap<String, i64>,
    /// The version: each run that changes the table increases it.
    pub version: i64,
    /// The highest surrogate key that was ever given.
    pub highest_key: i64,
    /// The number of rows, without the unknown member.
    pub rows: u64,
}

/// A set of load numbers, as ranges that do not touch: `1-40,42`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadSet(Vec<(i64, i64)>);

impl LoadSet {
    /// Returns first and last number of each range, ascending.
    pub fn stretches(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().copied()
    }

    /// Returns true if it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the highest number.
    pub fn last(&self) -> Option<i64> {
        self.0.last().map(|(_, last)| *last)
    }

    /// Returns the numbers that are not in `other`.
    pub fn without(&self, other: &LoadSet) -> LoadSet {
        let mut left = Vec::new();
        let mut others = other.0.iter().peekable();
        for (first, last) in self.stretches() {
            let mut from = first;
            while let Some((other_first, other_last)) = others.peek() {
                if *other_first > last {
                    break;
                }
                if *other_first > from {
                    left.push((from, other_first - 1));
                }
                from = from.max(other_last + 1);
                if *other_last > last {
                    break;
                }
                others.next();
            }
            if from <= last {
                left.push((from, last));
            }
        }
        LoadSet(left)
    }
}

impl FromIterator<(i64, i64)> for LoadSet {
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(stretches: I) -> Self {
        LoadSet(stretches.into_iter().collect())
    }
}

impl fmt::Display for LoadSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.stretches().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match first == last {
                true => write!(formatter, "{comma}{first}")?,
                false => write!(formatter, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for LoadSet {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stretch = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Ok((first.parse()?, last.parse()?))
        };
        text.split(',').filter(|part| !part.is_empty()).map(stretch).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(one: &str, other: &str) -> String {
        one.parse::<LoadSet>().unwrap().without(&other.parse().unwrap()).to_string()
    }

    #[test]
    fn what_is_left_of_a_set() {
        assert_eq!(without("1-10", ""), "1-10");
        assert_eq!(without("", "1-10"), "");
        assert_eq!(without("1-10", "1-10"), "");
        assert_eq!(without("1-10", "3-4,8"), "1-2,5-7,9-10");
        assert_eq!(without("1-10,20,30-40", "5-35"), "1-4,36-40");
        assert_eq!(without("1-3,5-9,11", "2-6,8-20"), "1,7");
        assert_eq!(without("5-6,8-9", "1-5,9"), "6,8");
        assert_eq!(without("7", "1-6,8-9"), "7");
    }

    proptest::proptest! {
        #[test]
        fn it_is_what_sets_are(one in proptest::collection::btree_set(0..40_i64, 0..30), other in
            proptest::collection::btree_set(0..40_i64, 0..30)) {
            let of = |set: &std::collections::BTreeSet<i64>| {
                let mut stretches: Vec<(i64, i64)> = Vec::new();
                for number in set {
                    match stretches.last_mut() {
                        Some((_, last)) if *last + 1 == *number => *last = *number,
                        _ => stretches.push((*number, *number)),
                    }
                }
                stretches.into_iter().collect::<LoadSet>()
            };
            let left = of(&one).without(&of(&other));
            let numbers: Vec<i64> = left.stretches().flat_map(|(first, last)| first..=last).collect();
            proptest::prop_assert_eq!(numbers, one.difference(&other).copied().collect::<Vec<_>>());
        }
    }
}
