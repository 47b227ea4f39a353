//! A run over the pages of a source, in windows: each goes on where the last one was committed, and the run is whole only where
//! the last page has ended it by a rule, with as many records as the server says.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

use super::client::{Answer, Client, Request, header, may_go, shown};
use super::error::PullError;
use super::page::{Fault, Kind, Page, field, one_line, record_hash};
use super::paginate::{Next, Place, Seen};
use crate::dataset::pull_source::{Auth, JsonPath, Method, Paginate, PullSource, Send, Since};
use crate::source::{Cursor, Spool};
use crate::text::counted;

/// Places and pages that are remembered, to know one that comes again after a restart.
const REMEMBERED: usize = 16;

/// Records at the boundary that are remembered.
const TIES: usize = 100_000;

/// Tries of a page whose body breaks off.
const BROKEN: u32 = 3;

/// State of a source's runs, as a checkpoint keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Digest of the source's declaration.
    digest: String,
    /// Number of the run, from 1.
    run: u64,
    /// Place of the next page; none after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Place>,
    /// Records of the run so far.
    records: u64,
    /// Number of all records of the run, if the server said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<u64>,
    /// Pages of the run so far.
    pages: u64,
    /// Bytes of the run so far.
    bytes: u64,
    /// Value by which the run asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
    /// The server's time at the run's first answer: no later value moves the checkpoint behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    /// Largest value of the run so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    largest: Option<String>,
    /// Hashes of the records at or behind the largest value that was known before the run: those are not loaded again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<String>,
    /// Hashes of the records of this run at or behind its largest value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ties: Vec<String>,
    /// Hashes of the last places and of the last page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// Rules that were found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
}

/// Rules that the first page showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Found {
    records: Option<JsonPath>,
    paginate: Paginate,
}

/// A page that was fetched.
struct Fetched {
    body: Body,
    place: Place,
    /// Place of the page behind it; `None` if it was the last one, or of a place that cannot be told.
    next: Option<Place>,
    /// Rule that ended the run.
    end: &'static str,
}

enum Body {
    Json(Page),
    /// A file of this ending.
    Table(&'static str, Vec<u8>),
}

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
    source: &'a PullSource,
    client: &'a Client,
    state: State,
    /// Cursor of the checkpoint.
    cursor: Option<Cursor>,
    paginate: Option<Paginate>,
    records: Option<JsonPath>,
    /// A page that begins the next window.
    ahead: Option<Fetched>,
    seen: HashSet<String>,
    tally: Tally,
    is_resumed: bool,
    /// True if a window of the run was committed, or is to be.
    is_begun: bool,
    warned: bool,
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
            Some((position, cursor)) => {
                let state: State = serde_json::from_value(position.clone()).map_err(|error| {
                    PullError::Usage(format!("the checkpoint is none of this version ({error}): --restart begins anew"))
                })?;
                (Some(state), cursor)
            }
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
                let (run, ties) = before.map_or((0, Vec::new()), |state| (state.run, state.ties));
                let known = if is_new { Vec::new() } else { ties };
                State {
                    digest: source.digest.clone(),
                    run: run + 1,
                    next: Some(Place::First),
                    asked,
                    known,
                    ..State::default()
                }
            }
        };
        let found = state.found.clone();
        let paginate = source.paginate.clone().or_else(|| found.as_ref().map(|found| found.paginate.clone()));
        let records = source.records.clone().or_else(|| found.and_then(|found| found.records));
        let seen = state.places.iter().cloned().collect();
        let State { pages, records: taken, said, .. } = state;
        let tally = Tally { pages, records: taken, said, ..Tally::default() };
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
            warned: false,
        })
    }

    /// True if it goes on with an unfinished run.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
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
                    self.take(&page, spool)?;
                    false
                }
                // A table of its own kind is a window of its own.
                Body::Table(kind, bytes) => {
                    if self.source.since.is_some() {
                        return Err(self.page_error("since goes with bodies of JSON, and this is none"));
                    }
                    if is_whole && fetched.next.is_some() {
                        return Err(self.page_error("mode: replace takes pages of JSON, or one page of another kind"));
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
        let fetched = self.fetch(Place::First).await?;
        let way = self.paginate.as_ref().map_or_else(String::new, Paginate::word);
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
        })
    }

    async fn fetch(&mut self, place: Place) -> Result<Fetched, PullError> {
        let request = self.request(&place)?;
        let mut tried = 0;
        loop {
            let answer = self.client.get(self.source, &request).await?;
            tried += 1;
            match self.read(answer, &place) {
                Err(Fault::BrokenOff(why)) if tried == BROKEN => {
                    return Err(PullError::Unreachable { url: shown(&request.url), why, tries: tried });
                }
                Err(Fault::BrokenOff(why)) => {
                    tracing::warn!(url = shown(&request.url), "{why}; try {} of {BROKEN}", tried + 1);
                }
                Err(Fault::NoPage(why)) => {
                    let hint = if self.is_resumed && matches!(place, Place::Url(_) | Place::Cursor(_)) {
                        "; if the place is no longer known there, --restart begins anew"
                    } else {
                        ""
                    };
                    return Err(PullError::Page { url: shown(&request.url), why: format!("{why}{hint}") });
                }
                Ok(fetched) => return Ok(fetched),
            }
        }
    }

    fn read(&mut self, answer: Answer, place: &Place) -> Result<Fetched, Fault> {
        let Answer { url, headers, date, body } = answer;
        if self.state.until.is_none() {
            self.state.until = Some(date.unwrap_or_else(Utc::now).min(Utc::now()));
        }
        let content_type = header(&headers, "content-type");
        let kind = Kind::of(&body, content_type);
        if let Kind::Table(ending) = kind {
            let way = self.paginate.clone().unwrap_or(Paginate::None);
            let page = Page::empty();
            let seen = Seen {
                page: &page,
                headers: &headers,
                url: &url,
                place,
                rows: self.state.records,
                pages: self.state.pages + 1,
            };
            let next = match &way {
                Paginate::LinkHeader | Paginate::None => way.next(&seen, None),
                Paginate::Page { start, .. } if !body.is_empty() => {
                    let number = if let Place::Page(number) = place { *number } else { *start };
                    Next::Page(Place::Page(number + 1))
                }
                Paginate::Page { .. } => Next::End("an empty page"),
                _ => Next::Unknown(format!("its body is {ending}, whose pages go by page or link_header")),
            };
            return Fetched::new(next, Body::Table(ending, body), place);
        }
        let (page, path) = Page::read(body, kind, self.records.as_ref())?;
        self.records.get_or_insert(path);
        let way = self.paginate.get_or_insert_with(|| Paginate::found(&page, &headers)).clone();
        let count = way.count(&page);
        // Behind a key the server counts the rest.
        let is_rest = matches!(place, Place::Key(_)) && self.state.said.is_some();
        self.state.said = count.filter(|_| !is_rest).or(self.state.said);
        self.tally.said = self.state.said;
        let (rows, pages) = (self.state.records + page.records().len() as u64, self.state.pages + 1);
        let mut next =
            way.next(&Seen { page: &page, headers: &headers, url: &url, place, rows, pages }, self.tally.said);
        if let Next::Page(Place::Url(text)) = &mut next {
            let wrong = |error| Fault::NoPage(format!("the address of the next page is none: {error}"));
            let mut address = Url::parse(text).map_err(wrong)?;
            may_go(self.source, &url, &address).map_err(|error| Fault::NoPage(error.to_string()))?;
            // It goes into the checkpoint.
            if without_credentials(&mut address, self.source.auth.as_ref()) {
                *text = address.into();
            }
        }
        Fetched::new(next, Body::Json(page), place)
    }

    /// Notes a place; one that comes again would go on for ever.
    fn note(&mut self, fetched: &Fetched) -> Result<(), PullError> {
        let place = &fetched.place;
        if let Body::Json(page) = &fetched.body {
            // The same records again, where only the number of the page was another: the server does not heed it.
            let is_numbered = matches!(place, Place::Page(_) | Place::Offset(_) | Place::Skip(_) | Place::Key(_));
            let hash = Some(page.hash()).filter(|_| page.records().len() > 0);
            if is_numbered && hash.is_some() && self.state.page == hash && self.tally.said.is_none() {
                let way = self.paginate.as_ref().map_or_else(String::new, Paginate::word);
                return Err(
                    self.page_error(&format!("it gives the page before once more: the server does not heed {way}"))
                );
            }
            self.state.page = hash;
        }
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
    fn take(&mut self, page: &Page, spool: &mut Spool) -> Result<(), PullError> {
        self.count_bytes(page.length())?;
        let records = page.records().len() as u64;
        self.state.records += records;
        self.state.pages += 1;
        (self.tally.pages, self.tally.records) = (self.state.pages, self.state.records);
        let since = self.source.since.as_ref();
        let asked = since.and_then(|since| since.value(self.state.asked.as_deref()?));
        let known: HashSet<String> = self.state.known.iter().cloned().collect();
        let (mut valued, mut names) = (0_u64, String::new());
        for record in page.records() {
            if let Some(since) = since {
                let text = field(record, &since.column);
                let value = text.as_deref().and_then(|text| since.value(text));
                match (text, value) {
                    (Some(text), Some(value)) => {
                        valued += 1;
                        if asked.is_some_and(|asked| value < asked) {
                            self.tally.older += 1;
                            continue;
                        }
                        let hash = record_hash(record);
                        if known.contains(&hash) {
                            self.tally.known += 1;
                            self.remember(since, text, value, hash)?;
                            continue;
                        }
                        self.remember(since, text, value, hash)?;
                    }
                    _ if names.is_empty() => record.chars().take(120).collect::<String>().clone_into(&mut names),
                    _ => {}
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

    /// Remembers a record at or behind the largest value.
    fn remember(&mut self, since: &Since, text: String, value: i128, hash: String) -> Result<(), PullError> {
        let until = self.state.until.and_then(|until| since.moment(until));
        let largest = self.state.largest.as_deref().and_then(|text| since.value(text));
        let bounded = until.map_or(value, |until| value.min(until));
        if largest.is_none_or(|largest| bounded > largest) {
            self.state.largest = if bounded == value { Some(text) } else { since.written(bounded, &text) };
            self.state.ties.clear();
        } else if largest.is_some_and(|largest| value < largest) {
            return Ok(());
        }
        self.state.ties.push(hash);
        if self.state.ties.len() > TIES {
            let column = &since.column;
            return Err(PullError::Partial(format!(
                "since: more than {TIES} records have the largest {column}: it does not tell them apart"
            )));
        }
        Ok(())
    }

    fn count_bytes(&mut self, length: usize) -> Result<(), PullError> {
        self.state.bytes += length as u64;
        match self.source.max_bytes {
            Some(most) if self.state.bytes > most => {
                Err(PullError::Partial(format!("it has more than {most} bytes: raise max_bytes, if that is right")))
            }
            _ => Ok(()),
        }
    }

    /// Asserts that the run has as many records as the server says.
    fn must_be_whole(&self) -> Result<(), PullError> {
        match self.tally.said {
            Some(said) if said != self.state.records => Err(PullError::Partial(format!(
                "it is not whole: {} came, and the server says {said}; the next pull asks for the rest again",
                counted(self.state.records, "record")
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
        if is_last && moved.is_none() {
            // What is known at the boundary stays known.
            state.ties.clone_from(&state.known);
        }
        if is_last {
            state.known.clear();
        }
        state.found = self.found();
        let to = serde_json::to_value(&state).map_err(|error| PullError::Usage(error.to_string()))?;
        Ok(Spooled { to, cursor: moved.or_else(|| self.cursor.clone()), ending, count, is_last })
    }

    fn found(&self) -> Option<Found> {
        let way = self.paginate.as_ref().filter(|_| self.source.paginate.is_none())?;
        Some(Found { records: self.records.clone(), paginate: way.clone() })
    }

    fn page_error(&self, why: &str) -> PullError {
        PullError::Page { url: shown(&self.source.url), why: why.to_owned() }
    }

    /// The request of the page at a place.
    fn request(&self, place: &Place) -> Result<Request, PullError> {
        let source = self.source;
        let mut headers = Vec::new();
        let mut method = source.method.clone();
        if let Some(Paginate::OData(odata)) = &source.paginate {
            headers.push(("accept", "application/json".to_owned()));
            headers.push(("odata-maxversion", "4.01".to_owned()));
            if let Some(size) = odata.page_size {
                headers.push(("prefer", format!("odata.maxpagesize={size}")));
            }
        }
        if let Place::Url(next) = place {
            let url = Url::parse(next)
                .map_err(|error| self.page_error(&format!("the address of the next page is none: {error}")))?;
            return Ok(Request { url, method, headers });
        }
        let mut params = source.params.clone();
        // A first page has shown the way.
        let paged = self.paginate.as_ref().map_or_else(Vec::new, |way| way.params(place));
        let is_in_body = matches!((&method, &self.paginate), (Method::Post(_), Some(_)));
        let mut conditions = match &source.paginate {
            Some(Paginate::OData(odata)) => odata.conditions(place),
            _ => Vec::new(),
        };
        if let (Some(since), Some(asked)) = (&source.since, &self.state.asked) {
            match &since.send {
                Send::Filter => {
                    let by = if since.inclusive { "ge" } else { "gt" };
                    conditions.push(format!("{} {by} {asked}", since.column));
                }
                Send::Param(name) => params.push((name.clone(), asked.clone())),
                Send::Body(path) => set(&mut method, path, Json::String(asked.clone())),
            }
        }
        if !conditions.is_empty() {
            params.push(("$filter".to_owned(), conditions.join(" and ")));
        }
        if is_in_body {
            for (name, value) in paged {
                let path = JsonPath::parse(&name).unwrap_or_else(|_| JsonPath(vec![name.clone()]));
                let number = value.parse::<u64>().ok().filter(|_| !matches!(place, Place::Cursor(Json::String(_))));
                set(&mut method, &path, number.map_or(Json::String(value), Json::from));
            }
        } else {
            // What the plugin says of a page's parameter holds for the first page alone.
            params.retain(|(name, _)| !paged.iter().any(|(own, _)| own == name));
            params.extend(paged);
        }
        let mut url = source.url.clone();
        if !params.is_empty() {
            url.set_query(Some(&query(&params)));
        }
        Ok(Request { url, method, headers })
    }
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
}

impl Fetched {
    fn new(next: Next, body: Body, place: &Place) -> Result<Fetched, Fault> {
        match next {
            Next::Unknown(why) => Err(Fault::NoPage(why)),
            Next::End(end) => Ok(Fetched { body, place: place.clone(), next: None, end }),
            Next::Page(next) => Ok(Fetched { body, place: place.clone(), next: Some(next), end: "" }),
        }
    }

    /// True if it has no records and no page behind it.
    fn is_empty_end(&self) -> bool {
        let is_empty = match &self.body {
            Body::Json(page) => page.records().len() == 0,
            Body::Table(_, bytes) => bytes.is_empty(),
        };
        is_empty && self.next.is_none()
    }
}

/// Takes the credentials out of an address that the server has written, as they are added to each request and kept nowhere; returns
/// true if there were any.
fn without_credentials(url: &mut Url, auth: Option<&Auth>) -> bool {
    let Some(Auth::Query { name, .. }) = auth else { return false };
    let is_there = url.query_pairs().any(|(own, _)| own == *name);
    if is_there {
        let rest: Vec<_> = url.query_pairs().into_owned().filter(|(own, _)| own != name).collect();
        url.set_query(Some(query(&rest).as_str()).filter(|query| !query.is_empty()));
    }
    is_there
}

/// Parameters as an address has them: `%20` for a blank, which every server reads.
fn query(params: &[(String, String)]) -> String {
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    text.replace('+', "%20").replace("%24", "$")
}

/// Sets a value in the body.
fn set(method: &mut Method, path: &JsonPath, value: Json) {
    let Method::Post(body) = method else { return };
    let mut at = body;
    for word in &path.0 {
        if !at.is_object() {
            *at = Json::Object(serde_json::Map::new());
        }
        at = &mut at[word.as_str()];
    }
    *at = value;
}
