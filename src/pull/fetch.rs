//! One page of a run: the request for it, and what its answer holds.

use chrono::Utc;
use serde_json::Value as Json;
use url::Url;

use super::client::{Answer, Request, header, may_go, shown};
use super::error::PullError;
use super::hints::Hints;
use super::page::{Fault, Kind, Page};
use super::paginate::{Next, Place, Seen};
use super::run::Pull;
use crate::dataset::pull_source::{Auth, JsonPath, Method, Paginate, Send};
use crate::telemetry::progress::SHORT;
use crate::text::counted;

/// Parameter by which OData is asked for the number of records.
pub(super) const COUNT: &str = "$count";

/// Tries of a page whose body breaks off.
const BROKEN: u32 = 3;

/// A page that was fetched.
pub(super) struct Fetched {
    pub(super) body: Body,
    pub(super) place: Place,
    /// Place of the page behind it; `None` if it was the last one, or of a place that cannot be told.
    pub(super) next: Option<Place>,
    /// Rule that ended the run.
    pub(super) end: &'static str,
}

pub(super) enum Body {
    Json(Page),
    /// A file of this ending.
    Table(&'static str, Vec<u8>),
}
impl Pull<'_> {
    /// Fetches the page at a place.
    pub(super) async fn fetch(&mut self, place: Place) -> Result<Fetched, PullError> {
        self.learn_texts(&place).await?;
        let request = self.request(&place)?;
        let mut tried = 0;
        loop {
            let answer = self.get(&request).await.map_err(|error| self.with_way_out(error, &place))?;
            tried += 1;
            match self.read(answer, &place) {
                Err(Fault::BrokenOff(why)) if tried == BROKEN => {
                    return Err(PullError::Unreachable { url: shown(&request.url), why, tries: tried });
                }
                Err(Fault::BrokenOff(why)) => {
                    tracing::warn!(url = shown(&request.url), "{why}; try {} of {BROKEN}", tried + 1);
                }
                Err(Fault::NoPage(why)) => {
                    let error = PullError::Page { url: shown(&request.url), why };
                    return Err(self.with_way_out(error, &place));
                }
                Ok(fetched) => {
                    self.must_be_found(&fetched).await?;
                    return Ok(fetched);
                }
            }
        }
    }

    /// The answer to a request; a server that is slow is seen to be waited for.
    async fn get(&mut self, request: &Request) -> Result<Answer, PullError> {
        let (client, source) = (self.client, self.source);
        let asking = client.get(source, request);
        tokio::pin!(asking);
        if let Ok(answer) = tokio::time::timeout(SHORT, &mut asking).await {
            return answer;
        }
        self.shown.waits();
        asking.await
    }

    /// The error of a page behind windows that are committed, with the way out where the server knows its place no more: each later pull
    /// would ask for it again.
    fn with_way_out(&self, error: PullError, place: &Place) -> PullError {
        const WAY_OUT: &str = "; if the place is no longer known there, --restart begins anew";
        let is_behind = self.is_begun && *place != Place::First;
        match error {
            PullError::Page { url, why } if is_behind && matches!(place, Place::Url(_) | Place::Cursor(_)) => {
                PullError::Page { url, why: why + WAY_OUT }
            }
            PullError::Refused { url, status: status @ (400 | 404 | 410), said } if is_behind => {
                PullError::Refused { url, status, said: said + WAY_OUT }
            }
            other => other,
        }
    }

    /// Asserts that a server which has nothing behind a record finds that record by its key. One that gives no count, and does not read
    /// the condition as it is meant, would end the run in the midst.
    async fn must_be_found(&self, fetched: &Fetched) -> Result<(), PullError> {
        let Place::Behind(values) = &fetched.place else { return Ok(()) };
        if !fetched.is_empty_end() || self.tally.said.is_some() {
            return Ok(());
        }
        let request = self.request(&Place::From(values.clone()))?;
        let Answer { body, .. } = self.client.get(self.source, &request).await?;
        match Page::read(body, Kind::Json, self.records.as_ref(), false) {
            Ok((page, _)) if page.records().len() > 0 => Ok(()),
            _ => Err(self.page_error(
                "it has nothing behind the last record, and does not find that record by its key either: it does not read the condition, \
                 and this need not be the end; order by another column, or say paginate: {by: skip}",
            )),
        }
    }

    fn read(&mut self, answer: Answer, place: &Place) -> Result<Fetched, Fault> {
        let Answer { url, headers, date, body, has_end } = answer;
        if self.state.until.is_none() {
            self.state.until = Some(date.unwrap_or_else(Utc::now).min(Utc::now()));
        }
        let content_type = header(&headers, "content-type");
        let kind = Kind::of(&body, content_type, url.path());
        if matches!(kind, Kind::Table(_)) && self.records.is_some() {
            return Err(Fault::NoPage("it is no JSON, as the pages before are".to_owned()));
        }
        let has_line_end = ends_a_line(&body);
        if let Kind::Table(ending) = kind {
            if ending == "csv" && !has_end {
                self.must_not_be_cut(has_line_end)?;
            }
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
            // A header alone, or nothing, is no page behind the first one.
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
            if ending == "csv" && *place != Place::First && lines <= 1 {
                return Fetched::new(Next::End("an empty page"), Body::Table(ending, Vec::new()), place);
            }
            return Fetched::new(next, Body::Table(ending, body), place);
        }
        let may_be_one = self.source.records.is_some() && *place == Place::First;
        let (page, path) = Page::read(body, kind, self.records.as_ref(), may_be_one)?;
        // JSON in one piece is whole where it ends.
        if page.is_lines && !has_end {
            self.must_not_be_cut(has_line_end)?;
        }
        self.records.get_or_insert(path);
        let way = match &self.paginate {
            Some(way) => way.clone(),
            None if page.is_lines => Paginate::None,
            None => match Paginate::found(&page, &headers) {
                Some(way) => way,
                // A look shows the page, and says so.
                None if self.is_look => Paginate::None,
                None => {
                    let more = Hints::of(&page, &Paginate::None, false).count(&page, true);
                    return Err(Fault::NoPage(match more {
                        Some(all) => format!(
                            "it has {} of the {all} that it says, and shows no way to a next page: say by paginate how that is asked for",
                            counted(page.records().len() as u64, "record")
                        ),
                        None => "it shows no way to a next page: if it is all, say paginate: {by: none}, else how the next one is asked for"
                            .to_owned(),
                    }));
                }
            },
        };
        self.paginate = Some(way.clone());
        let is_first = *place == Place::First;
        if is_first {
            self.state.hints = Hints::of(&page, &way, self.source.paginate.is_some());
        }
        let hinted = self.state.hints.total().is_some();
        let (count, said_pages) = (way.count(&page).or(self.state.hints.count(&page, is_first)), way.pages(&page));
        if hinted && self.state.hints.total().is_none() {
            self.state.said = None;
        }
        self.must_not_shrink(place, count, said_pages)?;
        // Behind a key the server counts the rest.
        let is_rest = matches!(place, Place::Behind(_)) && self.state.said.is_some();
        self.state.said = count.filter(|_| !is_rest).or(self.state.said);
        self.tally.said = self.state.said;
        self.state.said_pages = said_pages.or(self.state.said_pages);
        let (rows, pages) = (self.state.records + page.records().len() as u64, self.state.pages + 1);
        // What was found ends no run that has a next page.
        let counts = self.tally.said.filter(|_| self.state.hints.total().is_none());
        let mut next = way.next(&Seen { page: &page, headers: &headers, url: &url, place, rows, pages }, counts);
        if !self.is_look {
            next = self.state.hints.hold(next, &page, rows, self.tally.said);
        }
        if let Next::Page(Place::Url(text)) = &mut next {
            let wrong = |error| Fault::NoPage(format!("the address of the next page is none: {error}"));
            let mut address = Url::parse(text).map_err(wrong)?;
            may_go(self.source, &url, &address).map_err(|error| Fault::NoPage(error.to_string()))?;
            // It goes into the checkpoint.
            if without_credentials(&mut address, self.source.auth.as_ref()) {
                *text = address.into();
            }
        }
        if let Next::Page(next) = &next
            && self.source.auth.as_ref().is_some_and(|auth| next.holds(auth))
        {
            // It would stand in the checkpoint.
            let why = "the place of the next page has the credentials in it: with auth: {query: NAME, …} of that name they are taken out";
            return Err(Fault::NoPage(why.to_owned()));
        }
        Fetched::new(next, Body::Json(page), place)
    }

    /// Asserts that a body of lines, whose end is that of the connection, ends with a line. One that was cut behind a line looks whole.
    fn must_not_be_cut(&mut self, has_line_end: bool) -> Result<(), Fault> {
        if !has_line_end {
            let why = "its body ends in the midst of a line, and the server gives no length of it: it may be cut";
            return Err(Fault::BrokenOff(why.to_owned()));
        }
        if !self.unframed {
            self.unframed = true;
            tracing::warn!(
                "the server gives no length of its body: if the connection breaks behind a line, the rest is missing and cannot be seen"
            );
        }
        Ok(())
    }

    /// Asserts that a source whose pages go by number has not become smaller, and notes if it has grown.
    fn must_not_shrink(&mut self, place: &Place, count: Option<u64>, pages: Option<u64>) -> Result<(), Fault> {
        if !place.is_moved(self.state.records, self.state.pages) {
            return Ok(());
        }
        for (before, now, what) in [(self.state.said, count, "record"), (self.state.said_pages, pages, "page")] {
            let (Some(before), Some(now)) = (before, now) else { continue };
            if now < before {
                // What was on a later page is on one that was read before.
                return Err(Fault::NoPage(format!(
                    "it says {} where the page before said {before}: records have left the source meanwhile, so that others moved to \
                     pages that were read before; begin anew by --restart",
                    counted(now, what)
                )));
            }
            self.state.grew |= now > before;
        }
        Ok(())
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
            return Ok(Request { url, method, headers, is_file: false });
        }
        let mut params = source.params.clone();
        // A first page has shown the way.
        let mut paged = self.paginate.as_ref().map_or_else(Vec::new, |way| way.params(place));
        // Some servers refuse to count.
        if params.iter().any(|own| own.0 == COUNT && own.1 == "false") {
            paged.retain(|(name, _)| name != COUNT);
            params.retain(|(name, _)| name != COUNT);
        }
        let is_in_body = matches!((&method, &self.paginate), (Method::Post(_), Some(_)));
        let odata =
            source.paginate.as_ref().and_then(|way| if let Paginate::OData(odata) = way { Some(odata) } else { None });
        let mut conditions: Vec<_> = odata.and_then(|odata| odata.filter.clone()).into_iter().collect();
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
        if let Some(behind) = odata.and_then(|odata| odata.behind(&self.with_quotes(odata, place))) {
            // Some servers read no bracket that is not needed.
            conditions.push(if conditions.is_empty() { behind } else { format!("({behind})") });
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
        Ok(Request { url, method, headers, is_file: false })
    }
}

impl Fetched {
    pub(super) fn new(next: Next, body: Body, place: &Place) -> Result<Fetched, Fault> {
        match next {
            Next::Unknown(why) => Err(Fault::NoPage(why)),
            Next::End(end) => Ok(Fetched { body, place: place.clone(), next: None, end }),
            Next::Page(next) => Ok(Fetched { body, place: place.clone(), next: Some(next), end: "" }),
        }
    }

    /// True if it has no records and no page behind it.
    pub(super) fn is_empty_end(&self) -> bool {
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

/// True if nothing, or a whole line, is at the end: in UTF-16, too.
fn ends_a_line(body: &[u8]) -> bool {
    body.is_empty() || [b"\n".as_slice(), b"\r", b"\n\0", b"\r\0"].iter().any(|end| body.ends_with(end))
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
