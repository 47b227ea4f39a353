//! What the versions of promotions must be: each file is the whole truth, and a build from nothing knows the newest one alone.

use std::collections::BTreeMap;

use anyhow::ensure;

use super::models::Models;
use crate::support::{Outcome, TestDatabase};

/// A day between those of the files in the past and in the future, on which all of them are loaded.
const TODAY: &str = "2500-01-01";

/// Since when a promotion has a rate.
type Row = (String, String);

/// What staging had of promotions at each run, with the load that brought it.
#[derive(Default)]
pub struct Promotions(Vec<(i64, BTreeMap<String, Row>)>);

/// What was told of one promotion: since when, by which load, and its rate, if it has one.
type Event = (String, i64, Option<String>);

impl Promotions {
    pub fn take_back(&mut self, load: i64) {
        self.0.retain(|(of, _)| *of != load);
    }

    /// The loads that runs have seen, but for those that were taken back.
    pub fn loads(&self) -> Vec<i64> {
        self.0.iter().map(|(load, _)| *load).collect()
    }

    /// A run has seen what staging holds: the rows of the load `newest`.
    pub async fn see(&mut self, database: &TestDatabase, newest: Option<i64>) -> Outcome {
        if let Some(load) = newest
            && !self.0.iter().any(|(of, _)| *of == load)
        {
            let held = database.rows("select promo, rate, since from staging.promos").await?;
            let row = |row: sluice::warehouse::Row| {
                let [promo, rate, since] = <[_; 3]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
                (promo, (since, rate))
            };
            self.0.push((load, held.into_iter().map(row).collect()));
        }
        Ok(())
    }

    /// The versions are those that the files told which runs have seen and that were not taken back.
    pub async fn look(&self, database: &TestDatabase, models: &Models) -> Outcome {
        let mut told = Vec::new();
        for (promo, events) in self.events(models) {
            let mut versions: Vec<(String, String, bool)> = Vec::new();
            for (since, _, rate) in events {
                let is_open = |last: &(String, String, bool)| last.2 && Some(&last.1) == rate.as_ref();
                if versions.last().is_some_and(is_open) {
                    continue;
                }
                versions.iter_mut().for_each(|version| version.2 = false);
                versions.extend(rate.map(|rate| (since, rate, true)));
            }
            let since = |since: &String| if models.promo_says_when { since.clone() } else { "loaded".to_owned() };
            told.extend(versions.iter().map(|(from, rate, open)| format!("{promo}|{rate}|{}|{open}", since(from))));
        }
        let since = if models.promo_says_when { "valid_from" } else { "'loaded'" };
        let text = database
            .text(&format!(
                "select promo, rate, {since}, is_current from datawarehouse.dim_promo where \
         dim_promo_key <> 0 and not is_inferred order by promo, valid_from"
            ))
            .await?;
        ensure!(text == told.join("\n"), "promotions are\n{text}\nand the files told\n{}", told.join("\n"));
        Ok(())
    }

    /// What counts of what was told of each promotion, in the order of the days.
    fn events(&self, models: &Models) -> BTreeMap<String, Vec<Event>> {
        let mut all: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for (load, held) in &self.0 {
            // Loads follow each other in time; the numbers of loads here have fewer digits than that.
            let loaded = format!("{TODAY} {load:09}");
            for (promo, (since, rate)) in held {
                let since = if models.promo_says_when { since.clone() } else { loaded.clone() };
                all.entry(promo.clone()).or_default().push((since, *load, Some(rate.clone())));
            }
            for (promo, events) in all.iter_mut().filter(|_| models.gone == "close") {
                let is_open = counting(events).last().is_some_and(|(.., rate)| rate.is_some());
                if !held.contains_key(promo) && is_open {
                    let last = events.iter().filter(|(.., rate)| rate.is_some()).map(|(since, ..)| since.clone()).max();
                    let last = last.unwrap_or_default();
                    let end = if last < loaded { loaded.clone() } else { format!("{last}, right after") };
                    events.push((end, *load, None));
                }
            }
        }
        all.into_iter().map(|(promo, events)| (promo, counting(&events))).collect()
    }
}

/// Of several rows of one day the newest counts, and no end before which a newer file has the promotion again.
fn counting(events: &[Event]) -> Vec<Event> {
    let counts = |(at, load, rate): &&Event| match rate {
        Some(_) => !events.iter().any(|(since, of, rate)| since == at && of > load && rate.is_some()),
        None => !events.iter().any(|(since, of, rate)| since <= at && of > load && rate.is_some()),
    };
    let mut all: Vec<_> = events.iter().filter(counts).cloned().collect();
    all.sort();
    all
}
