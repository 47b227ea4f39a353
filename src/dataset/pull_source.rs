//! A source that is pulled, as a plugin declares it: an address, and the rules by which its pages are asked for.

use chrono::{DateTime, NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

/// A source that is pulled.
#[derive(Clone, PartialEq)]
pub struct PullSource {
    /// Address of the first page, without its parameters.
    pub url: Url,
    /// Name of the stream in checkpoints and messages: a resource, or the path of the address.
    pub stream: String,
    /// Method and body of the requests.
    pub method: Method,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
    /// Parameters of the first request, and of each that is not another address.
    pub params: Vec<(String, String)>,
    /// Credentials.
    pub auth: Option<Auth>,
    /// Path to the records in a body of JSON; `None`: found in the first page.
    pub records: Option<JsonPath>,
    /// Way to the next page; `None`: found in the first page.
    pub paginate: Option<Paginate>,
    /// Column by which only newer records are asked for.
    pub since: Option<Since>,
    /// Other servers that a page or redirect may lead to, as `host` or `host:port`. They get no credentials.
    pub allow_hosts: Vec<String>,
    /// Pages of a run at most.
    pub max_pages: u64,
    /// Bytes of a run at most, after unpacking.
    pub max_bytes: Option<u64>,
    /// Longest wait for the head of an answer, and between two pieces of its body.
    pub timeout: std::time::Duration,
    /// BLAKE3 of the declaration without credentials, pace and limits: an unfinished run goes on under the same one only.
    pub digest: String,
}

/// Method of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// GET.
    Get,
    /// POST with a body of JSON.
    Post(Json),
}

/// Credentials of a request, which no other server gets.
#[derive(Clone, PartialEq)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer(String),
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A header.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A parameter of the address.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

/// Path into a JSON value, such as `data.items`; empty for the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonPath(pub Vec<String>);

impl JsonPath {
    /// Path of the words between dots; a word in brackets and quotes may hold dots: `["@odata.count"]`. `.` is the
    /// value itself.
    ///
    /// # Errors
    /// In words: an empty word, or a bracket that is not closed.
    pub fn parse(text: &str) -> Result<JsonPath, String> {
        let (mut words, mut rest) = (Vec::new(), text);
        if rest == "." {
            return Ok(JsonPath(words));
        }
        loop {
            if let Some(quoted) = rest.strip_prefix("[\"") {
                let (word, after) =
                    quoted.split_once("\"]").ok_or_else(|| format!("{text:?}: a [\" is not closed by \"]"))?;
                words.push(word.to_owned());
                rest = after;
            } else {
                // Names such as @odata.count have a dot.
                let end = if rest.starts_with('@') { rest.len() } else { rest.find(['.', '[']).unwrap_or(rest.len()) };
                if end == 0 {
                    return Err(format!("{text:?} is no path, such as data.items"));
                }
                words.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(JsonPath(words)),
                None if rest.starts_with("[\"") => {}
                None => return Err(format!("{text:?} is no path, such as data.items")),
            }
        }
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str(".");
        }
        formatter.write_str(&self.0.join("."))
    }
}

/// Way to the next page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Paginate {
    /// There is but one page.
    None,
    /// Pages are numbered.
    Page {
        /// Parameter of the page's number.
        param: String,
        /// Number of the first page.
        start: u64,
        /// Parameter and value of the page's size.
        size: Option<(String, u64)>,
        /// Rule for the end.
        end: End,
    },
    /// A page begins behind so many records.
    Offset {
        /// Parameter of the offset.
        param: String,
        /// Parameter and value of the page's size.
        size: Option<(String, u64)>,
        /// Rule for the end.
        end: End,
    },
    /// A page names a text by which the next one is asked for; the last one names none.
    Cursor {
        /// Parameter of the address, or path in the body if the method is POST.
        param: String,
        /// Path to the text in a page.
        from: JsonPath,
        /// Parameter and value of the page's size.
        size: Option<(String, u64)>,
        /// Rule for the end.
        end: End,
    },
    /// The header `Link` has the address of the next page, with `rel="next"`; the last one has none.
    LinkHeader,
    /// A page has the address of the next one; the last one has none.
    NextUrl {
        /// Path to the address in a page.
        from: JsonPath,
        /// Rule for the end.
        end: End,
    },
    /// OData: `@odata.nextLink` as long as there is one, and if a page is short of the count without one, by key or `$skip`.
    OData(OData),
}

/// The pages of OData.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OData {
    /// Parts of `$filter` that the plugin states.
    pub filter: Option<String>,
    /// Columns of a total order.
    pub order: Vec<String>,
    /// Records of a page.
    pub page_size: Option<u64>,
    /// Way if the server gives no nextLink.
    pub by: ODataBy,
}

/// Way to the next page of an OData server that gives no nextLink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ODataBy {
    /// By nextLink; if a page is short of the count without one, by key if there is an order, else by `$skip`.
    Found,
    /// `$top` and a filter on the order's columns.
    Key,
    /// `$top` and `$skip`, which is not stable while the source changes.
    Skip,
}

/// Rule for the end of the pages, beside the one of the way itself: an empty page, no cursor, no link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Path to the number of all records: the run is whole when it has as many.
    pub total: Option<JsonPath>,
    /// Path to the number of pages.
    pub pages: Option<JsonPath>,
    /// Path to a boolean: false in the last page.
    pub has_more: Option<JsonPath>,
    /// Path to a boolean: true in the last page.
    pub last: Option<JsonPath>,
}

/// The column by which only newer records are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Since {
    /// Name of the field in a record.
    pub column: String,
    /// Place of the value in a request.
    pub send: Send,
    /// Format of the value.
    pub format: SinceFormat,
    /// Value of the first run; `None`: everything.
    pub initial: Option<String>,
    /// Time by which later runs go back.
    pub lag: Lag,
    /// True if the source gives the records with the very value that is sent, too.
    pub inclusive: bool,
    /// True if the source gives its records in the order of the column: the checkpoint moves with each window.
    pub ordered: bool,
}

/// Place of the value in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Send {
    /// In OData's `$filter`.
    Filter,
    /// A parameter of the address.
    Param(String),
    /// A path in the body.
    Body(JsonPath),
}

/// Format of the values of [`Since`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinceFormat {
    /// Days or times of ISO 8601, with or without an offset.
    Iso,
    /// Seconds since 1970.
    Epoch,
    /// Milliseconds since 1970.
    EpochMillis,
    /// A number that grows.
    Number,
}

/// Distance by which a run goes back behind the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lag {
    /// None.
    None,
    /// A time.
    Time(TimeDelta),
    /// A difference of numbers.
    Number(i64),
}

/// A value of JSON, as it is written there, as OData writes it in an address; `None` for a list or an object.
pub fn literal(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'[' | b'{' => None,
        b'"' => serde_json::from_str(json).ok().map(|text: String| format!("'{}'", text.replace('\'', "''"))),
        b'-' | b'0'..=b'9' => Some(number(json)),
        _ => Some(json.to_owned()),
    }
}

/// A day, or a moment with its zone, in JSON, as OData writes it in an address; `None` for all else.
pub fn moment(json: &str) -> Option<String> {
    let text: String = serde_json::from_str(json).ok()?;
    let is_day = text.len() == 10 && NaiveDate::parse_from_str(&text, "%Y-%m-%d").is_ok();
    let is_moment = text.contains('T') && DateTime::parse_from_rfc3339(&text).is_ok();
    (is_day || is_moment).then_some(text)
}

/// True for the form of a GUID, such as `0f8fad5b-d9cb-469f-a165-70867728950e`.
pub fn is_guid(text: &str) -> bool {
    let is_right = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

/// Longest number that is written without its exponent, in signs.
const PLAIN: usize = 40;

/// Digits that a double keeps.
const DOUBLE: usize = 17;

/// A number with its digits, without an exponent where that can be, or without a plus in it: some servers read none.
fn number(json: &str) -> String {
    let is_short = json.split_once(['e', 'E']).is_some_and(|(digits, _)| digits.len() <= DOUBLE);
    let plain =
        json.parse().ok().filter(|number: &f64| is_short && number.is_finite()).map(|number| number.to_string());
    plain.filter(|plain| plain.len() <= PLAIN).unwrap_or_else(|| json.replace('+', ""))
}

impl std::fmt::Debug for PullSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest may hold secrets.
        formatter.debug_struct("PullSource").field("stream", &self.stream).finish_non_exhaustive()
    }
}
