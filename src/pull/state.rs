//! The state of a source's runs, which is the position of its checkpoint.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::error::PullError;
use super::hints::Hints;
use super::paginate::Place;
use super::run::Tally;
use crate::dataset::pull_source::{JsonPath, Paginate, PullSource, Since};
use crate::text::counted;
use crate::text::shown::shown;

/// State of a source's runs, as a checkpoint keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Digest of the source's declaration.
    pub(super) digest: String,
    /// Number of the run, from 1.
    pub(super) run: u64,
    /// Place of the next page; none after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<Place>,
    /// Records of the run so far.
    pub(super) records: u64,
    /// Number of all records of the run, if the server said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) said: Option<u64>,
    /// Pages of the run so far.
    pub(super) pages: u64,
    /// Bytes of the run so far.
    pub(super) bytes: u64,
    /// Value by which the run asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<String>,
    /// The server's time at the run's first answer: no later value moves the checkpoint behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<DateTime<Utc>>,
    /// Largest value of the run so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) largest: Option<String>,
    /// What `since` asks by: a checkpoint of another column has no place in its order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// Number of pages of the run, if the server said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) said_pages: Option<u64>,
    /// Hashes of the records at or behind the largest value that was known before the run, one for each record: those are not loaded
    /// again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) known: Vec<String>,
    /// Hashes of those among them that have come again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) again: Vec<String>,
    /// Hashes of the records of this run at or behind its largest value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ties: Vec<String>,
    /// Hashes of the records of the future and of those without a value, of this run and earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) always: Vec<String>,
    /// True if the pull has heard of its end: a program that was killed before has not told it.
    #[serde(default)]
    pub(super) closed: bool,
    /// Hashes of the last places and of the last page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) places: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
    /// Hash of the last record so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<String>,
    /// True if a page said more records or pages than one before it.
    #[serde(default)]
    pub(super) grew: bool,
    /// True if a page was asked for by the number of those, or of the records, before it.
    #[serde(default)]
    pub(super) moved: bool,
    /// Number of pages before this one that were as it is.
    #[serde(default)]
    pub(super) alike: u32,
    /// OData: columns of the order whose values look like GUIDs and are texts, once that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) texts: Option<Vec<String>>,
    /// What the first page said of all records.
    #[serde(default, skip_serializing_if = "Hints::is_empty")]
    pub(super) hints: Hints,
    /// Rules that were found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Found>,
}

/// Rules that the first page showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) records: Option<JsonPath>,
    pub(super) paginate: Paginate,
}

impl State {
    /// Reads the position of a checkpoint.
    ///
    /// # Errors
    /// [`PullError::Usage`] if it is none of this version.
    pub(super) fn of(position: &Json) -> Result<State, PullError> {
        serde_json::from_value(position.clone()).map_err(|error| {
            PullError::Usage(format!("the checkpoint is none of this version ({error}): --restart begins anew"))
        })
    }

    /// True if a checkpoint stands in the order of what the source asks by; one of an older program does not say.
    ///
    /// # Errors
    /// A position that is none of this version.
    pub fn is_in_order_of(position: &Json, source: &PullSource) -> Result<bool, PullError> {
        let by = State::of(position)?.by;
        Ok(by.is_none() || by == source.since.as_ref().map(Since::by))
    }

    /// Where a position stands, for people: `behind updated_at = 2026-01-31`.
    pub fn words(position: &Json) -> String {
        if position.is_null() {
            return "at the beginning".to_owned();
        }
        let Ok(State { by, largest, asked, records, run, .. }) = State::of(position) else {
            return "at a place of another version".to_owned();
        };
        let column = by.as_deref().and_then(|by| by.rsplit_once(" as ")).map(|(column, _)| column);
        match (column, largest.or(asked)) {
            (Some(column), Some(value)) => format!("behind {column} = {}", shown(&value)),
            _ => format!("behind {} of pull {run}", counted(records, "record")),
        }
    }

    /// True if a run has begun there and not ended; one of another version tells nothing.
    pub fn is_unfinished(position: &Json) -> bool {
        State::of(position).is_ok_and(|state| state.next.is_some())
    }

    /// True if a window between two positions is of a run that asks for all that the source has, and begins with it.
    pub fn asks_for_all(from: Option<&Json>, to: &Json) -> bool {
        let begins = from.is_none_or(|from| State::of(from).is_ok_and(|state| state.next.is_none()));
        begins && State::of(to).is_ok_and(|state| state.asked.is_none())
    }

    /// The position behind a run whose end is told.
    ///
    /// # Errors
    /// A position that is none of this version.
    pub fn closed(position: &Json) -> Result<Json, PullError> {
        let state = State { closed: true, ..State::of(position)? };
        serde_json::to_value(state).map_err(|error| PullError::Usage(error.to_string()))
    }

    /// The counts of a run that is whole without a word of its end, because its program was killed; else `None`.
    ///
    /// # Errors
    /// A position that is none of this version.
    pub fn untold(position: &Json) -> Result<Option<Tally>, PullError> {
        let State { next, closed, pages, records, said, .. } = State::of(position)?;
        let end = "the pull that was stopped is whole now; the next one asks for what is new".to_owned();
        Ok((next.is_none() && !closed).then(|| Tally { pages, records, said, end, ..Tally::default() }))
    }
}
