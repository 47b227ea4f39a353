//! From one page to the next: which request asks for it, and when a page was the last one.

use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

use super::client::all_of;
use super::hints::words;
use super::link::{absolute, next_link};
use super::page::Page;
use crate::dataset::pull_source::{Auth, End, JsonPath, OData, ODataBy, Paginate};
use crate::text::secrets;

/// Place of a page in its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// The first page.
    First,
    /// An address that the page before gave, as it was written.
    Url(String),
    /// A cursor that the page before gave.
    Cursor(Json),
    /// Number of the page.
    Page(u64),
    /// Number of records before it.
    Offset(u64),
    /// OData: number of records before it, by `$skip`.
    Skip(u64),
    /// OData: values of the order's columns in the record before it, as an address has them.
    Behind(Vec<String>),
    /// OData: the same record and what is behind it; only to see that the server finds it.
    From(Vec<String>),
}

impl Place {
    /// True if it has these credentials in it, which are kept nowhere.
    pub(super) fn holds(&self, auth: &Auth) -> bool {
        let secret = match auth {
            Auth::Bearer(secret)
            | Auth::Basic { password: secret, .. }
            | Auth::Header { value: secret, .. }
            | Auth::Query { value: secret, .. } => secret,
        };
        let is_in =
            |text: &str| secret.len() >= SECRET && secrets::forms(secret).iter().any(|form| text.contains(form));
        match self {
            Place::Url(text) | Place::Cursor(Json::String(text)) => is_in(text),
            _ => false,
        }
    }

    /// True if it is the number of a page or record.
    pub(super) fn is_by_number(&self) -> bool {
        matches!(self, Place::Page(_) | Place::Offset(_) | Place::Skip(_))
    }

    /// True if records that come or go before it move others to another place: its address, too, has the number of the records or pages
    /// that were read.
    pub(super) fn is_moved(&self, records: u64, pages: u64) -> bool {
        if let Place::Cursor(Json::Number(number)) = self {
            return number.as_u64() == Some(pages + 1);
        }
        let Place::Url(text) = self else { return self.is_by_number() };
        let is_count = |name: &str, number: u64| match name.trim_start_matches('$') {
            "skip" | "skiptoken" | "offset" | "start" => number == records,
            "page" => number == pages || number == pages + 1,
            _ => false,
        };
        Url::parse(text).is_ok_and(|url| {
            url.query_pairs().any(|(name, value)| value.parse().is_ok_and(|number| is_count(&name, number)))
        })
    }
}

/// What a page says of the pages behind it.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// There is one.
    Page(Place),
    /// It was the last one, by this rule.
    End(&'static str),
    /// It cannot be told.
    Unknown(String),
}

/// What is known when a page was read.
pub(super) struct Seen<'p> {
    /// The page.
    pub(super) page: &'p Page,
    /// Its headers.
    pub(super) headers: &'p HeaderMap,
    /// Its address.
    pub(super) url: &'p Url,
    /// Its place.
    pub(super) place: &'p Place,
    /// Records of the run, its own included.
    pub(super) rows: u64,
    /// Pages of the run, itself included.
    pub(super) pages: u64,
}

/// Bytes of credentials that are looked for in a place, at least: a shorter text is in many.
const SECRET: usize = 8;

/// Names of the count in a page of OData.
const COUNTS: [&str; 3] = ["@odata.count", "odata.count", "@count"];

/// Paths to an address, or to a cursor and the name of its parameter, that usual pages have.
const NEXT_URLS: [&str; 9] = [
    "next",
    "next_url",
    "next_page",
    "next_page_url",
    "links.next",
    "_links.next.href",
    "paging.next",
    "pagination.next",
    "meta.next",
];
const CURSORS: [(&str, &str); 7] = [
    ("next_cursor", "cursor"),
    ("meta.next_cursor", "cursor"),
    ("response_metadata.next_cursor", "cursor"),
    ("pagination.next_cursor", "cursor"),
    ("nextCursor", "cursor"),
    ("nextPageToken", "pageToken"),
    ("next_page_token", "page_token"),
];

/// Paths to the number of the next page: of Kaminari and will_paginate.
const NEXT_NUMBERS: [&str; 3] = ["next_page", "meta.next_page", "pagination.next_page"];

impl Paginate {
    /// The way that the first page shows, if the plugin says none; `None` if it shows none.
    pub(super) fn found(page: &Page, headers: &HeaderMap) -> Option<Paginate> {
        if next_link(&all_of(headers, "link")).is_some() {
            return Some(Paginate::LinkHeader);
        }
        for path in NEXT_URLS {
            let from = parsed(path);
            let is_address =
                |value: Json| value.as_str().is_some_and(|text| text.contains("://") || text.starts_with(['/', '?']));
            if page.value(&from).is_some_and(is_address) {
                return Some(Paginate::NextUrl { from, end: End::default() });
            }
        }
        for (path, param) in CURSORS {
            let from = parsed(path);
            if page.value(&from).is_some_and(|value| cursor(&value).is_some()) {
                return Some(Paginate::Cursor { param: param.to_owned(), from, size: None, end: End::default() });
            }
        }
        let number = |path: &str| page.value(&parsed(path)).and_then(|value| value.as_u64());
        for path in
            ["total_pages", "meta.total_pages", "pagination.total_pages", "totalPages", "last_page", "meta.last_page"]
        {
            if number(path).is_some_and(|pages| pages > 1) {
                let end = End { pages: Some(parsed(path)), ..End::default() };
                return Some(Paginate::Page { param: "page".to_owned(), start: 1, size: None, end });
            }
        }
        for path in ["total", "meta.total", "pagination.total", "total_count", "count"] {
            if number(path).is_some_and(|total| total > page.records().len() as u64) && page.has(&parsed("offset")) {
                let end = End { total: Some(parsed(path)), ..End::default() };
                return Some(Paginate::Offset { param: "offset".to_owned(), size: None, end });
            }
        }
        let from = NEXT_NUMBERS.into_iter().find(|path| number(path).is_some_and(|next| next > 1)).map(parsed)?;
        Some(Paginate::Cursor { param: "page".to_owned(), from, size: None, end: End::default() })
    }

    /// The rule for the end of the pages, of a way that has one.
    pub(super) fn end(&self) -> Option<&End> {
        match self {
            Paginate::Page { end, .. }
            | Paginate::Offset { end, .. }
            | Paginate::Cursor { end, .. }
            | Paginate::NextUrl { end, .. } => Some(end),
            Paginate::None | Paginate::LinkHeader | Paginate::OData(_) => None,
        }
    }

    /// Name of the way in a plugin, with its main words.
    pub(super) fn word(&self) -> String {
        let way = match self {
            Paginate::None => "by: none".to_owned(),
            Paginate::Page { param, start, .. } => format!("by: page, param: {param}, start: {start}"),
            Paginate::Offset { param, .. } => format!("by: offset, param: {param}"),
            Paginate::Cursor { param, from, .. } => format!("by: cursor, param: {param}, from: {from}"),
            Paginate::LinkHeader => "by: link_header".to_owned(),
            Paginate::NextUrl { from, .. } => format!("by: next_url, from: {from}"),
            Paginate::OData(OData { by: ODataBy::Key, .. }) => "by: key".to_owned(),
            Paginate::OData(OData { by: ODataBy::Skip, .. }) => "by: skip".to_owned(),
            Paginate::OData(_) => "by: next_url (OData's nextLink)".to_owned(),
        };
        way + &self.end().map_or_else(String::new, words)
    }

    /// Number of all records of the run, if the page says it.
    pub(super) fn count(&self, page: &Page) -> Option<u64> {
        let at = |path: &JsonPath| page.value(path).and_then(|value| number(&value));
        match self {
            Paginate::OData(_) => COUNTS.iter().find_map(|name| at(&JsonPath(vec![(*name).to_owned()]))),
            _ => self.end()?.total.as_ref().and_then(at),
        }
    }

    /// Number of pages of the run, if the page says it.
    pub(super) fn pages(&self, page: &Page) -> Option<u64> {
        self.end()?.pages(page)
    }

    /// Rule for the page behind one. `count` is the number of all records, if the server says one.
    pub(super) fn next(&self, seen: &Seen<'_>, count: Option<u64>) -> Next {
        let Seen { page, headers, url, place, rows, pages } = *seen;
        let is_empty = page.records().len() == 0;
        let end = |end: &End| ended(end, seen, count);
        match self {
            Paginate::None => Next::End("there is one page"),
            Paginate::LinkHeader => match next_link(&all_of(headers, "link")) {
                Some(next) => Next::Page(Place::Url(absolute(url, &next))),
                None => Next::End("no Link to a next page"),
            },
            Paginate::NextUrl { from, end: rule } => match page.value(from).as_ref().map(Json::as_str) {
                Some(Some("")) => Next::End("no address of a next page"),
                None => end(rule).unwrap_or_else(|| match absent(seen, from, "no address of a next page") {
                    Next::End(why) => last(rule, seen, why),
                    unknown => unknown,
                }),
                Some(Some(next)) => end(rule).unwrap_or_else(|| Next::Page(Place::Url(absolute(url, next)))),
                Some(None) => Next::Unknown(format!("{from} is no address")),
            },
            Paginate::Cursor { from, end: rule, .. } => match page.value(from).map(|value| cursor(&value)) {
                None => end(rule).unwrap_or_else(|| match absent(seen, from, "no cursor") {
                    Next::End(why) => last(rule, seen, why),
                    unknown => unknown,
                }),
                Some(Some(next)) => end(rule).unwrap_or(Next::Page(Place::Cursor(next))),
                Some(None) if page.value(from).is_some_and(|value| value.is_object() || value.is_array()) => {
                    Next::Unknown(format!("paginate: from: {from} is no cursor"))
                }
                // false, 0 or "" stand for none.
                Some(None) => last(rule, seen, "no cursor"),
            },
            Paginate::Page { start, end: rule, .. } => {
                let number = if let Place::Page(number) = place { *number } else { *start };
                match end(rule) {
                    Some(next) => next,
                    None if is_empty => last(rule, seen, "an empty page"),
                    None => Next::Page(Place::Page(number + 1)),
                }
            }
            Paginate::Offset { end: rule, .. } => match end(rule) {
                Some(next) => next,
                None if is_empty => last(rule, seen, "an empty page"),
                None => Next::Page(Place::Offset(rows)),
            },
            Paginate::OData(odata) => odata.next(seen, count, pages),
        }
    }

    /// Parameters of the address for a page at a place.
    pub(super) fn params(&self, place: &Place) -> Vec<(String, String)> {
        let own = |param: &str, value: String| (param.to_owned(), value);
        match (self, place) {
            (_, Place::Url(_)) | (Paginate::None | Paginate::LinkHeader | Paginate::NextUrl { .. }, _) => Vec::new(),
            (Paginate::Page { param, start, size, .. }, place) => {
                let number = if let Place::Page(number) = place { *number } else { *start };
                [own(param, number.to_string())].into_iter().chain(sized(size.as_ref())).collect()
            }
            (Paginate::Offset { param, size, .. }, place) => {
                let offset = if let Place::Offset(offset) = place { *offset } else { 0 };
                [own(param, offset.to_string())].into_iter().chain(sized(size.as_ref())).collect()
            }
            (Paginate::Cursor { param, size, .. }, Place::Cursor(cursor)) => {
                let text = cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned);
                [own(param, text)].into_iter().chain(sized(size.as_ref())).collect()
            }
            (Paginate::Cursor { size, .. }, _) => sized(size.as_ref()).collect(),
            (Paginate::OData(odata), place) => odata.params(place),
        }
    }
}

fn sized(size: Option<&(String, u64)>) -> impl Iterator<Item = (String, String)> {
    size.map(|(param, size)| (param.clone(), size.to_string())).into_iter()
}

/// Objects of addresses and cursors, which servers leave out where nothing follows: HubSpot's and Facebook's `paging`, `links` and `_links`
/// of JSON:API and HAL.
const OF_LINKS: [&str; 4] = ["paging", "links", "_links", "next"];

/// The end where a page has nothing at the path to the next one. The path may be wrong, if it is the first page; on a later one that has
/// records but not the object, which pages before had, more than the end may be missing.
fn absent(seen: &Seen<'_>, from: &JsonPath, end: &'static str) -> Next {
    if *seen.place == Place::First && !seen.page.has(from) {
        return Next::Unknown(format!("paginate: from: it has no {from}"));
    }
    if let [object, _, ..] = &from.0[..]
        && !OF_LINKS.contains(&object.as_str())
        && seen.page.records().len() > 0
        && !seen.page.has(&JsonPath(vec![object.clone()]))
    {
        return Next::Unknown(format!(
            "page {} has no {object}, which the pages before had: without {from} it cannot be told if it is the last one; pull again, \
             and ask the server's makers if it stays so",
            seen.pages
        ));
    }
    Next::End(end)
}

/// The end of pages that the page itself contradicts.
fn last(rule: &End, seen: &Seen<'_>, end: &'static str) -> Next {
    let truth = |path: &JsonPath| seen.page.value(path).and_then(|value| value.as_bool());
    let more =
        rule.has_more.as_ref().and_then(truth) == Some(true) || rule.last.as_ref().and_then(truth) == Some(false);
    let pages = rule.pages(seen.page);
    if more || pages.is_some_and(|pages| pages > seen.pages) {
        return Next::Unknown(format!("{end}, and yet it says that there is more"));
    }
    Next::End(end)
}

/// The end by what a page says of itself; `None` if it says nothing.
fn ended(end: &End, seen: &Seen<'_>, count: Option<u64>) -> Option<Next> {
    let page = seen.page;
    let truth = |path: &JsonPath| page.value(path).and_then(|value| value.as_bool());
    if end.has_more.as_ref().and_then(truth) == Some(false) {
        return Some(Next::End("the page says that there is no more"));
    }
    if end.last.as_ref().and_then(truth) == Some(true) {
        return Some(Next::End("the page says that it is the last one"));
    }
    let pages = end.pages(page);
    if pages.is_some_and(|pages| pages > 0 && seen.pages >= pages) {
        return Some(Next::End("as many pages as it says"));
    }
    if count.is_some_and(|count| seen.rows >= count) {
        return Some(Next::End("as many records as it says"));
    }
    if let Some(total) = end.total.as_ref().filter(|_| count.is_none()) {
        return Some(Next::Unknown(format!("paginate: total: it has no number of records in {total}")));
    }
    let named = [&end.has_more, &end.last, &end.pages].into_iter().flatten();
    let missing: Vec<_> = named.filter(|path| !page.has(path)).map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Some(Next::Unknown(format!("paginate: it has no {}", missing.join(", "))));
    }
    // A page in the middle that is empty would be asked for again and again, by its offset.
    None
}

impl End {
    fn pages(&self, page: &Page) -> Option<u64> {
        self.pages.as_ref().and_then(|path| page.value(path)).as_ref().and_then(number)
    }
}

pub(super) fn number(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn cursor(value: &Json) -> Option<Json> {
    match value {
        Json::String(text) if !text.is_empty() => Some(value.clone()),
        Json::Number(number) if number.as_u64() != Some(0) => Some(value.clone()),
        _ => None,
    }
}

fn parsed(path: &str) -> JsonPath {
    JsonPath(path.split('.').map(str::to_owned).collect())
}
