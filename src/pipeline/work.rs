//! The news of a table since its last run, and the way of its update: from new loads alone, or compared whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::StagedLoad;
use crate::sql::{Schema, Table, any_of};
use crate::star::{LoadSet, TableState};

/// The ways of bringing a table up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// There is no news.
    Nothing,
    /// There is no table yet.
    First,
    /// The rows of these loads of the one staging table behind it are added.
    Loads(Loads),
    /// All of it is compared, for this reason.
    Whole(String),
}

/// The loads that came into a staging table, and those that left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loads {
    /// Loads whose rows came.
    pub(super) new: Vec<i64>,
    /// Loads whose rows went.
    pub(super) gone: Vec<i64>,
}

impl Loads {
    /// Returns the numbers of the loads that went, for SQL.
    pub(super) fn gone_list(&self) -> String {
        self.gone.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The facts for the decision.
pub(super) struct Question<'a> {
    pub(super) state: Option<&'a TableState>,
    pub(super) exists: bool,
    pub(super) full: bool,
    pub(super) definition: &'a str,
    /// True if a load that it remembers was retracted.
    pub(super) forgets: bool,
    /// The volatile function of the select, if any.
    pub(super) volatile: Option<String>,
    /// The tables that it reads.
    pub(super) reads: &'a BTreeSet<Table>,
    /// The staging table, if the rows are its rows one by one, and only come and go by whole loads.
    pub(super) appended: Option<&'a Table>,
    /// The versions of the star's tables that it reads or refers to, before this run and now.
    pub(super) upstream: &'a BTreeMap<String, (i64, i64)>,
    /// Its dimensions: for a change in this run, the rows concerned are known.
    pub(super) followed: &'a BTreeSet<String>,
    /// The loads that came since, and those that went.
    pub(super) new: &'a [StagedLoad],
    pub(super) gone: &'a [StagedLoad],
}

impl Question<'_> {
    /// Returns the way of the update.
    pub(super) fn decide(&self) -> Work {
        let state = match (self.state, self.exists) {
            (Some(state), true) => state,
            (None, true) => return Work::Whole("another version of the program has built it".to_owned()),
            (_, false) => return Work::First,
        };
        if self.full {
            return Work::Whole("--full".to_owned());
        }
        if state.definition != self.definition {
            return Work::Whole("its file, what refers to it, or the columns that it reads, have changed".to_owned());
        }
        if self.forgets {
            return Work::Whole("a load that it remembers was retracted".to_owned());
        }
        if let Some(word) = &self.volatile {
            return Work::Whole(format!("{word} changes by itself"));
        }
        let built = |name: &String| state.upstream.get(name).copied().unwrap_or_default();
        for (name, (before, now)) in self.upstream {
            let built = built(name);
            // Changes of this run are known, also after the table's turn.
            if built < *before || (built != *now && !self.followed.contains(name)) {
                return Work::Whole(format!("{name} has changed"));
            }
        }
        let read = |load: &&StagedLoad| self.reads.contains(&Table::staging(&load.dataset));
        let changed: BTreeSet<_> =
            self.new.iter().chain(self.gone).filter(read).map(|load| load.dataset.as_str()).collect();
        let moved = self.upstream.iter().any(|(name, (_, now))| built(name) != *now);
        if changed.is_empty() && !moved {
            return Work::Nothing;
        }
        let Some(table) = self.appended else {
            let staging: Vec<_> = self.reads.iter().filter(|table| table.schema == Schema::Staging).collect();
            return Work::Whole(match &staging[..] {
                [] => "what it refers to has changed".to_owned(),
                _ => "its select is not row by row over one staging table that only grows".to_owned(),
            });
        };
        if let Some(other) = changed.iter().find(|name| **name != table.name) {
            return Work::Whole(format!("staging.{other}, which is joined, has changed"));
        }
        let of_table = |loads: &[StagedLoad]| {
            loads.iter().filter(|load| load.dataset == table.name).map(|load| load.id).collect::<Vec<_>>()
        };
        Work::Loads(Loads { new: of_table(self.new), gone: of_table(self.gone) })
    }
}

impl Work {
    /// Returns the way in words, for people.
    pub(super) fn words(&self) -> String {
        let loads = |count: usize| format!("{count} {}", if count == 1 { "load" } else { "loads" });
        match self {
            Work::Nothing => "nothing new".to_owned(),
            Work::First => "first build".to_owned(),
            Work::Loads(Loads { new, gone }) => match (new.len(), gone.len()) {
                (0, 0) => "rows whose members changed".to_owned(),
                (new, 0) => format!("{} new", loads(new)),
                (0, gone) => format!("{} gone", loads(gone)),
                (new, gone) => format!("{} new, {gone} gone", loads(new)),
            },
            Work::Whole(why) => format!("compared whole: {why}"),
        }
    }
}

/// Returns a condition for load numbers in SQL: consecutive ones as `between`.
pub(super) fn among(column: &str, loads: &[i64]) -> String {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for load in loads {
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == *load => *last = *load,
            _ => stretches.push((*load, *load)),
        }
    }
    let set: LoadSet = stretches.into_iter().collect();
    let parts: Vec<_> = set
        .stretches()
        .map(|(first, last)| match first == last {
            true => format!("{column} = {first}"),
            false => format!("{column} between {first} and {last}"),
        })
        .collect();
    any_of(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(id: i64, dataset: &str) -> StagedLoad {
        StagedLoad { id, dataset: dataset.to_owned() }
    }

    #[test]
    fn what_is_new_decides() {
        let state = TableState {
            definition: "d".to_owned(),
            upstream: BTreeMap::from([("dim".to_owned(), 3)]),
            ..TableState::default()
        };
        let reads = BTreeSet::from([Table::staging("orders"), Table::staging("cities")]);
        let orders = Table::staging("orders");
        let followed = BTreeSet::from(["dim".to_owned()]);
        let decide = |upstream: (i64, i64), new: &[StagedLoad], gone: &[StagedLoad], appended: bool| {
            Question {
                state: Some(&state),
                exists: true,
                full: false,
                definition: "d",
                forgets: false,
                volatile: None,
                reads: &reads,
                appended: appended.then_some(&orders),
                upstream: &BTreeMap::from([("dim".to_owned(), upstream)]),
                followed: &followed,
                new,
                gone,
            }
            .decide()
            .words()
        };
        assert_eq!(decide((3, 3), &[], &[], true), "nothing new");
        assert_eq!(decide((3, 3), &[load(9, "other")], &[], true), "nothing new");
        assert_eq!(decide((3, 3), &[load(9, "orders")], &[], true), "1 load new");
        assert_eq!(decide((3, 4), &[], &[load(9, "orders")], true), "1 load gone");
        assert_eq!(decide((3, 4), &[], &[], true), "rows whose members changed");
        assert!(decide((4, 4), &[], &[], true).contains("dim has changed"));
        assert!(decide((3, 3), &[load(9, "cities")], &[], true).contains("cities, which is joined"));
        assert!(decide((3, 3), &[load(9, "orders")], &[], false).contains("not row by row"));
    }

    #[test]
    fn loads_as_sql() {
        assert_eq!(among("l", &[]), "1 = 0");
        assert_eq!(among("l", &[1, 2, 3, 7]), "(l between 1 and 3 or l = 7)");
    }
}
