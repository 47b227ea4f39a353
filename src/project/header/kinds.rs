//! The declaration of each kind of table, out of the words of its header. An error names the word at fault.

use std::collections::BTreeMap;

use super::words::{Was, Words};
use super::{Calendar, Dimension, Fact, Kind, Weight};

/// The longest calendar, in days: a thousand years.
const LONGEST: i64 = 366 * 1000;

pub(super) fn dimension(words: &Words) -> Result<Dimension, (&'static str, String)> {
    let key = words.key.clone().unwrap_or_default();
    let history = words.history.clone().unwrap_or_default();
    if let Some(both) = history.iter().find(|column| key.contains(column)) {
        return Err(("history", format!("history: {both} is part of the key, which never changes")));
    }
    if let Some(at) = words.at.as_ref().filter(|at| history.contains(at)) {
        return Err((
            "at",
            format!("at: {at} stands in history, too: what says when a version begins is no attribute"),
        ));
    }
    let was = match (&words.was, &key[..]) {
        (None, _) => BTreeMap::new(),
        (Some(Was::Columns(columns)), _) => columns.clone(),
        (Some(Was::Key(old)), [key]) => BTreeMap::from([(key.clone(), old.clone())]),
        (Some(Was::Key(old)), _) => {
            return Err((
                "was",
                format!("was: which column was {old}? Say it, such as {{{}: {old}}}", key.join(" or ")),
            ));
        }
    };
    Ok(Dimension {
        key,
        history,
        at: words.at.clone(),
        unknown: words.unknown.clone().unwrap_or_default(),
        gone: words.gone.unwrap_or_default(),
        was,
    })
}

pub(super) fn fact(words: &Words) -> Fact {
    Fact {
        grain: words.grain.clone().unwrap_or_default(),
        at: words.at.clone(),
        dimensions: words.dimensions.clone().unwrap_or_default(),
    }
}

pub(super) fn bridge(words: &Words) -> Result<Kind, (&'static str, String)> {
    let mut fact = fact(words);
    if fact.dimensions.len() < 2 {
        return Err(("dimensions", "dimensions: a bridge joins two at least".to_owned()));
    }
    if fact.grain.is_empty() {
        fact.grain = fact.dimensions.keys().cloned().collect();
    }
    let weight = match (&words.weight, &words.group) {
        (None, None) => None,
        (Some(column), Some(group)) => Some(Weight { column: column.clone(), group: group.clone() }),
        (Some(_), None) => {
            return Err((
                "weight",
                "weight needs group: the columns within whose values the weights sum to 1".to_owned(),
            ));
        }
        (None, Some(_)) => return Err(("group", "group without weight".to_owned())),
    };
    Ok(Kind::Bridge(fact, weight))
}

pub(super) fn calendar(words: &Words) -> Result<Calendar, (&'static str, String)> {
    let (from, to) = (words.from.unwrap_or_default(), words.to.unwrap_or_default());
    if to < from {
        return Err(("to", format!("to: {to} is before {from}")));
    }
    if (to - from).num_days() > LONGEST {
        return Err(("to", "to: a calendar has a thousand years at most".to_owned()));
    }
    let fiscal_year_starts = words.fiscal_year_starts.unwrap_or(1);
    if !(1..=12).contains(&fiscal_year_starts) {
        return Err(("fiscal_year_starts", "fiscal_year_starts: a month from 1 to 12".to_owned()));
    }
    Ok(Calendar { from, to, fiscal_year_starts })
}
