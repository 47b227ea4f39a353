//! The records of a page: which of them are new, and what is remembered of them.

use super::client::shortened;
use super::error::PullError;
use super::fetch::{Body, Fetched};
use super::page::{Page, field, one_line, record_hash};
use super::paginate::Place;
use super::run::Pull;
use crate::dataset::pull_source::{Paginate, Since};
use crate::source::Spool;
use crate::text::counted;

/// Places that are remembered, to know one that comes again after a restart.
const REMEMBERED: usize = 16;

/// Pages in a row with the same records that end a run.
const ALIKE: u32 = 5;

/// Records at the boundary that are remembered.
const TIES: usize = 100_000;

impl Pull<'_> {
    /// Notes a place; one that comes again would go on for ever.
    pub(super) fn note(&mut self, fetched: &Fetched) -> Result<(), PullError> {
        let place = &fetched.place;
        let hash = match &fetched.body {
            Body::Json(page) => Some(page.hash()).filter(|_| page.records().len() > 0),
            Body::Table(_, bytes) => (!bytes.is_empty()).then(|| blake3::hash(bytes).to_hex()[..32].to_owned()),
        };
        // A number that was found ends no run.
        let is_counted = self.tally.said.is_some() && self.state.hints.total().is_none();
        // The same records again, where only the number of the page was another: the server does not heed it.
        let is_numbered = place.is_by_number() || matches!(place, Place::Behind(_));
        if is_numbered && hash.is_some() && self.state.page == hash && !is_counted {
            let way = self.paginate.as_ref().map_or_else(String::new, Paginate::word);
            return Err(self.page_error(&format!("it gives the page before once more: the server does not heed {way}")));
        }
        // Equal pages may be right where each names its next one; so many of them are a server that stands still.
        let is_alike = hash.is_some() && self.state.page == hash && !is_counted;
        self.state.alike = if is_alike { self.state.alike + 1 } else { 0 };
        if self.state.alike >= ALIKE {
            let why =
                format!("{} in a row have the same records: the pages have no end", counted(ALIKE.into(), "page"));
            return Err(self.page_error(&why));
        }
        self.state.page = hash;
        let hash = serde_json::to_string(place).unwrap_or_default();
        let hash = blake3::hash(hash.as_bytes()).to_hex()[..16].to_owned();
        if !self.seen.insert(hash.clone()) && *place != Place::First {
            return Err(self.page_error("a page leads to one that was there before: the pages have no end"));
        }
        self.state.places.push(hash);
        let surplus = self.state.places.len().saturating_sub(REMEMBERED);
        self.state.places.drain(..surplus);
        if self.state.pages >= self.source.max_pages {
            let most = self.source.max_pages;
            return Err(PullError::Partial(format!(
                "it has more than {}: raise max_pages, if that is right",
                counted(most, "page")
            )));
        }
        Ok(())
    }

    /// Takes the records of a page.
    pub(super) fn take(&mut self, page: &Page, place: &Place, spool: &mut Spool) -> Result<(), PullError> {
        self.count_bytes(page.length())?;
        self.must_go_on(page, place)?;
        self.must_be_behind(page, place)?;
        let records = page.records().len() as u64;
        self.state.records += records;
        self.state.pages += 1;
        (self.tally.pages, self.tally.records) = (self.state.pages, self.state.records);
        let since = self.source.since.as_ref();
        let asked = since.and_then(|since| since.value(self.state.asked.as_deref()?));
        let (mut valued, mut names) = (0_u64, String::new());
        for record in page.records() {
            if let Some(since) = since {
                let text = field(record, &since.column);
                let value = text.as_deref().and_then(|text| since.value(text));
                valued += u64::from(value.is_some());
                if value.zip(asked).is_some_and(|(value, asked)| value < asked) {
                    self.tally.older += 1;
                    continue;
                }
                let hash = record_hash(record);
                let is_known = self.is_known(&hash);
                match (text, value) {
                    (Some(text), Some(value)) => self.remember(since, text, value, (hash, is_known))?,
                    // It comes at each pull, whatever is asked for.
                    _ => self.remember_always(since, hash, is_known)?,
                }
                if value.is_none() && names.is_empty() {
                    names = shortened(record, 120);
                }
                if is_known {
                    self.tally.known += 1;
                    continue;
                }
            }
            let line = one_line(record);
            spool.write(line.as_bytes(), 1)?;
            spool.write(b"\n", 0)?;
        }
        if let Some(since) = since.filter(|_| records > 0 && valued == 0) {
            let format = since.format.word();
            let why =
                format!("since: no record of the page has a value of format {format} in {}: {names}", since.column);
            return Err(self.page_error(&why));
        }
        if self.tally.older > 0 && !self.warned {
            self.warned = true;
            tracing::warn!("the server gives records that are older than what it is asked for: they are left out");
        }
        Ok(())
    }

    /// Asserts that a source that grows gives none of its records on two pages: what came in before them would be missing.
    fn must_go_on(&mut self, page: &Page, place: &Place) -> Result<(), PullError> {
        let is_moved = place.is_moved(self.state.records, self.state.pages);
        self.state.moved |= is_moved;
        if self.may_move || (!is_moved && *place != Place::First) {
            return Ok(());
        }
        let before = self.state.last.take();
        if let Some(before) = before.filter(|_| self.state.grew)
            && page.records().any(|record| record_hash(record) == before)
        {
            return Err(self.page_error(
                "a record of the page before is on it again, and the source has grown: new records have moved the others, and may be \
                 missing; ask for an order in which new ones come last, and begin anew by --restart",
            ));
        }
        self.state.last = page.records().last().map(record_hash);
        Ok(())
    }

    /// Asserts that a page behind a key does not have the record of that key: the server would give it, and others, twice.
    fn must_be_behind(&self, page: &Page, place: &Place) -> Result<(), PullError> {
        let (Place::Behind(key), Some(Paginate::OData(odata))) = (place, &self.paginate) else { return Ok(()) };
        if page.records().any(|record| odata.key_of(record).as_ref() == Some(key)) {
            let order = odata.order.join(", ");
            return Err(self.page_error(&format!(
                "a page behind {order} = {} has that record again: the server does not heed $filter by {order}; \
                 name other columns in order, or ask by skip",
                key.join(", ")
            )));
        }
        Ok(())
    }

    /// Remembers a record at or behind the largest value that is not in the future.
    fn remember(
        &mut self,
        since: &Since,
        text: String,
        value: i128,
        (hash, is_known): (String, bool),
    ) -> Result<(), PullError> {
        let until = self.state.until.and_then(|until| since.moment(until));
        if until.is_some_and(|until| value > until) {
            return self.remember_always(since, hash, is_known);
        }
        let largest = self.state.largest.as_deref().and_then(|text| since.value(text));
        if largest.is_none_or(|largest| value > largest) {
            self.state.largest = Some(text);
            self.state.ties.clear();
        } else if largest.is_some_and(|largest| value < largest) {
            return Ok(());
        }
        self.state.ties.push(hash);
        may_remember(since, self.state.ties.len())
    }

    /// Remembers a record of the future, or without a value, for every later run.
    fn remember_always(&mut self, since: &Since, hash: String, is_known: bool) -> Result<(), PullError> {
        if !is_known {
            self.state.always.push(hash);
        }
        may_remember(since, self.state.always.len())
    }

    pub(super) fn count_bytes(&mut self, length: usize) -> Result<(), PullError> {
        self.state.bytes += length as u64;
        match self.source.max_bytes {
            Some(most) if self.state.bytes > most => {
                Err(PullError::Partial(format!("it has more than {most} bytes: raise max_bytes, if that is right")))
            }
            _ => Ok(()),
        }
    }
}

fn may_remember(since: &Since, count: usize) -> Result<(), PullError> {
    if count <= TIES {
        return Ok(());
    }
    let column = &since.column;
    Err(PullError::Partial(format!(
        "since: more than {TIES} records have the largest {column}, one in the future or none: it does not tell them apart"
    )))
}
