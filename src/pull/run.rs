//! A run over the pages of a source, in windows: each goes on where the last one was committed, and the run is whole only where
//! the last page has ended it by a rule, with as many records as the server says.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value as Json;

use super::client::{Client, shown};
use super::error::PullError;
use super::fetch::{Body, Fetched};
use super::odata::is_odata;
use super::page::one_line;
use super::paginate::Place;
use super::state::{Found, State};
use crate::dataset::pull_source::{JsonPath, Paginate, PullSource, Since};
use crate::source::{Cursor, Spool};
use crate::telemetry::pull_progress::PullProgress;
use crate::text::counted;

/// Counts of a run, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Pages.
    pub pages: u64,
    /// Records.
    pub records: u64,
    /// Records that an earlier run had loaded, at the boundary.
    pub known: u64,
    /// Records that are older than what was asked for.
    pub older: u64,
    /// Number of records that the server says, if it says one.
    pub said: Option<u64>,
    /// Rule that ended the run.
    pub end: String,
}

/// A window that was spooled: its place in the run.
#[derive(Debug)]
pub struct Spooled {
    /// Position behind it.
    pub to: Json,
    /// Cursor behind it.
    pub cursor: Option<Cursor>,
    /// Ending of its file.
    pub ending: &'static str,
    /// Number of its records, if they can be counted before they are read.
    pub count: Option<u64>,
    /// True if it ends the run.
    pub is_last: bool,
}

/// A run of a source.
pub struct Pull<'a> {
    pub(super) source: &'a PullSource,
    pub(super) client: &'a Client,
    pub(super) state: State,
    /// Cursor of the checkpoint.
    pub(super) cursor: Option<Cursor>,
    pub(super) paginate: Option<Paginate>,
    pub(super) records: Option<JsonPath>,
    /// A page that begins the next window.
    pub(super) ahead: Option<Fetched>,
    pub(super) seen: HashSet<String>,
    pub(super) tally: Tally,
    pub(super) is_resumed: bool,
    /// True if a window of the run was committed, or is to be.
    pub(super) is_begun: bool,
    /// Records that are known and have not come again yet: hash and number.
    pub(super) known: HashMap<String, usize>,
    pub(super) warned: bool,
    /// True if it was told that the end of a body cannot be seen.
    pub(super) unframed: bool,
    pub(super) shown: PullProgress,
    /// True if a record may come twice, and one that was missed comes with the next run: by a key and `since`.
    pub(super) may_move: bool,
    /// True if only the first page is looked at.
    pub(super) is_look: bool,
}

impl<'a> Pull<'a> {
    /// Goes on from a checkpoint: an unfinished run where it stands, else a new one. `is_new` begins at the beginning.
    ///
    /// # Errors
    /// [`PullError::Usage`] if the declaration has changed in an unfinished run.
    pub fn new(
        source: &'a PullSource,
        client: &'a Client,
        checkpoint: Option<(&Json, Option<Cursor>)>,
        is_new: bool,
    ) -> Result<Pull<'a>, PullError> {
        let (before, cursor) = match checkpoint {
            None => (None, None),
            Some((position, cursor)) => (Some(State::of(position)?), cursor),
        };
        let is_unfinished = before.as_ref().is_some_and(|state| state.next.is_some());
        let is_resumed = is_unfinished && !is_new;
        if let Some(state) = before.as_ref().filter(|_| is_resumed)
            && state.digest != source.digest
        {
            return Err(PullError::Usage(
                "its source was changed while a pull of it is unfinished: put it back to go on, or begin anew by --restart"
                    .to_owned(),
            ));
        }
        let cursor = cursor.filter(|_| !is_new);
        let state = match before {
            Some(state) if is_resumed => state,
            before => {
                let asked = source.since.as_ref().and_then(|since| match &cursor {
                    Some(cursor) => since.asked(&cursor.value),
                    None => since.initial.clone(),
                });
                let before = before.unwrap_or_default();
                let run = before.run;
                let State { ties, always, .. } = if is_new { State::default() } else { before };
                let known = either(ties, &always);
                State {
                    digest: source.digest.clone(),
                    by: source.since.as_ref().map(Since::by),
                    run: run + 1,
                    next: Some(Place::First),
                    asked,
                    known,
                    always,
                    ..State::default()
                }
            }
        };
        let found = state.found.clone();
        let paginate = source.paginate.clone().or_else(|| found.as_ref().map(|found| found.paginate.clone()));
        let records = source.records.clone().or_else(|| found.and_then(|found| found.records));
        let seen = state.places.iter().cloned().collect();
        let mut known = counts(&state.known);
        for hash in &state.again {
            known.entry(hash.clone()).and_modify(|count| *count = count.saturating_sub(1));
        }
        let State { pages, records: taken, said, .. } = state;
        let tally = Tally { pages, records: taken, said, ..Tally::default() };
        let shown = PullProgress::new(&source.stream, taken);
        Ok(Pull {
            source,
            client,
            state,
            cursor,
            paginate,
            records,
            ahead: None,
            seen,
            tally,
            is_resumed,
            is_begun: is_resumed,
            known,
            warned: false,
            unframed: false,
            shown,
            may_move: false,
            is_look: false,
        })
    }

    /// Takes rows by a key: a record that comes twice is there once.
    #[must_use]
    pub fn keyed(self) -> Pull<'a> {
        let may_move = self.source.since.is_some();
        Pull { may_move, ..self }
    }

    /// True if it goes on with an unfinished run.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// True if pages were asked for by their place, so that a record that comes or goes moves others.
    pub fn is_by_place(&self) -> bool {
        self.state.moved
    }

    /// Counts so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Spools the next window; `None` if the run is at its end and has nothing to commit. The last window may have no records. One that
    /// `is_whole` holds all of the run.
    ///
    /// # Errors
    /// An error after which nothing of the window counts.
    pub async fn window(&mut self, spool: &mut Spool, is_whole: bool) -> Result<Option<Spooled>, PullError> {
        let (mut ending, mut is_counted) = ("jsonl", true);
        loop {
            let Some(place) = self.state.next.clone() else { return Ok(None) };
            let fetched = match self.ahead.take() {
                Some(fetched) => fetched,
                None => self.fetch(place).await?,
            };
            self.note(&fetched)?;
            let is_table = match fetched.body {
                Body::Json(page) => {
                    self.take(&page, &fetched.place, spool)?;
                    false
                }
                // A table of its own kind is a window of its own.
                Body::Table(kind, bytes) => {
                    if self.source.since.is_some() {
                        return Err(self.page_error("since goes with bodies of JSON, and this is none"));
                    }
                    if is_whole && fetched.next.is_some() {
                        return Err(self.page_error(
                            "mode: replace and app extract take pages of JSON, or one page of another kind",
                        ));
                    }
                    self.count_bytes(bytes.len())?;
                    self.state.pages += 1;
                    self.tally.pages = self.state.pages;
                    if !bytes.is_empty() {
                        spool.write(&bytes, 1)?;
                    }
                    (ending, is_counted) = (kind, false);
                    true
                }
            };
            self.shown.at(self.tally.pages, self.tally.records, self.tally.said);
            self.state.next = fetched.next;
            if self.state.next.is_none() {
                fetched.end.clone_into(&mut self.tally.end);
                self.must_be_whole()?;
            }
            let is_full = (spool.is_full() && !is_whole) || is_table;
            if let (true, Some(next)) = (is_full && spool.rows() > 0, self.state.next.clone()) {
                // The page that follows may be empty and the last one: then this window ends the run.
                let ahead = self.fetch(next).await?;
                if ahead.is_empty_end() {
                    self.note(&ahead)?;
                    (self.state.pages, self.tally.pages) = (self.state.pages + 1, self.tally.pages + 1);
                    self.state.next = None;
                    ahead.end.clone_into(&mut self.tally.end);
                    self.must_be_whole()?;
                } else {
                    self.ahead = Some(ahead);
                }
            }
            let is_last = self.state.next.is_none();
            if spool.rows() > 0 && (is_full || is_last) {
                return Ok(Some(self.spooled(ending, is_counted.then(|| spool.rows()), is_last)?));
            }
            if is_last && self.is_begun {
                return Ok(Some(self.spooled(ending, Some(0), true)?));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// The first page, its records and the way that it shows; for `app plugin check`.
    ///
    /// # Errors
    /// As [`Pull::window`].
    pub async fn first_page(&mut self) -> Result<FirstPage, PullError> {
        self.is_look = true;
        let fetched = self.fetch(Place::First).await?;
        let mut way = self.paginate.as_ref().map_or_else(String::new, Paginate::word);
        if self.paginate.as_ref().is_some_and(|way| way.end().is_some()) && self.source.paginate.is_none() {
            way += &self.state.hints.words();
        }
        let is_unstable = match (&self.paginate, &fetched.next) {
            (Some(Paginate::OData(odata)), Some(next)) => odata.is_unstable(next),
            _ => false,
        };
        let (ending, records) = match &fetched.body {
            Body::Json(page) => ("jsonl", page.records().map(|record| one_line(record).into_owned()).collect()),
            Body::Table(kind, bytes) => (*kind, vec![String::from_utf8_lossy(bytes).into_owned()]),
        };
        Ok(FirstPage {
            records,
            ending,
            path: self.records.as_ref().map(ToString::to_string),
            way,
            said: self.tally.said,
            has_next: fetched.next.is_some(),
            end: fetched.end,
            is_unstable,
            is_unpaged: self.paginate == Some(Paginate::None) && matches!(fetched.body, Body::Json(_)),
            is_odata: matches!(&fetched.body, Body::Json(page) if is_odata(page)),
        })
    }

    /// Asserts that the run has as many records as the server says.
    fn must_be_whole(&self) -> Result<(), PullError> {
        match self.tally.said {
            Some(said) if said != self.state.records => Err(PullError::Partial(format!(
                "it is not whole: {} came, and the server says {said}; the next pull asks for the rest again{}",
                counted(self.state.records, "record"),
                self.state.hints.remedy()
            ))),
            _ => Ok(()),
        }
    }

    fn spooled(&mut self, ending: &'static str, count: Option<u64>, is_last: bool) -> Result<Spooled, PullError> {
        self.is_begun = true;
        let since = self.source.since.as_ref();
        let moves = since.filter(|since| is_last || since.ordered);
        let moved = moves.and_then(|since| {
            let value = self.state.largest.clone()?;
            // A run that brings nothing newer leaves the cursor where it is.
            let before = self.cursor.as_ref().and_then(|cursor| since.value(&cursor.value));
            let is_newer = before.is_none_or(|before| since.value(&value).is_some_and(|value| value >= before));
            is_newer.then(|| Cursor { value, format: Some(since.format.word().to_owned()) })
        });
        let mut state = self.state.clone();
        if is_last {
            let before = self.cursor.as_ref().map(|cursor| &cursor.value);
            if moved.as_ref().is_none_or(|moved| Some(&moved.value) == before) {
                // What is known at the boundary stays known.
                state.ties = either(state.ties, &state.known);
            }
            state.known.clear();
            state.again.clear();
        }
        // A window without records is committed by the program that tells of the end.
        state.closed = count == Some(0);
        state.found = self.found();
        let to = serde_json::to_value(&state).map_err(|error| PullError::Usage(error.to_string()))?;
        Ok(Spooled { to, cursor: moved.or_else(|| self.cursor.clone()), ending, count, is_last })
    }

    fn found(&self) -> Option<Found> {
        let way = self.paginate.as_ref().filter(|_| self.source.paginate.is_none())?;
        Some(Found { records: self.records.clone(), paginate: way.clone() })
    }

    /// True if the record is one that an earlier run has loaded; each of equal ones counts.
    pub(super) fn is_known(&mut self, hash: &str) -> bool {
        match self.known.get_mut(hash).filter(|count| **count > 0) {
            Some(count) => {
                *count -= 1;
                self.state.again.push(hash.to_owned());
                true
            }
            None => false,
        }
    }

    pub(super) fn page_error(&self, why: &str) -> PullError {
        PullError::Page { url: shown(&self.source.url), why: why.to_owned() }
    }
}

fn counts(hashes: &[String]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for hash in hashes {
        *counts.entry(hash.clone()).or_default() += 1;
    }
    counts
}

/// The hashes of both, each as often as it is in the one that has it more often.
fn either(one: Vec<String>, other: &[String]) -> Vec<String> {
    let mut of_one = counts(&one);
    let mut all = one;
    for hash in other {
        match of_one.get_mut(hash).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => all.push(hash.clone()),
        }
    }
    all
}

/// The first page of a source.
#[derive(Debug)]
pub struct FirstPage {
    /// Its records, a line each; or its whole body if that is no JSON.
    pub records: Vec<String>,
    /// Ending of a file of them.
    pub ending: &'static str,
    /// Path to the records.
    pub path: Option<String>,
    /// Way to the next page, as a plugin says it.
    pub way: String,
    /// Number of all records, if the server says it.
    pub said: Option<u64>,
    /// True if another page follows.
    pub has_next: bool,
    /// Rule that ends the run, if none follows.
    pub end: &'static str,
    /// True if the pages go by `$skip`.
    pub is_unstable: bool,
    /// True if it is one page of JSON without a way to another.
    pub is_unpaged: bool,
    /// True if the server speaks OData.
    pub is_odata: bool,
}
