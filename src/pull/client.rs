//! The one HTTP client: a request with its tries, pauses and redirects. No credentials leave the plugin's own server.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::Version;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::{info, warn};
use url::Url;

use super::error::PullError;
use super::pause::{asked, pause, time};
use crate::clock::Clock;
use crate::dataset::pull_source::{Auth, Method, PullSource};
use crate::text::secrets;

/// Tries of a request.
const TRIES: u32 = 6;

/// Longest pause of a server that is waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Time for a request as a whole.
const WHOLE: Duration = Duration::from_secs(1800);

/// Bytes of a page at most, as they come and unpacked.
const PAGE_BYTES: usize = 64 << 20;

/// Redirects that are followed.
const HOPS: usize = 10;

/// Letters of a server's message.
const SAID: usize = 300;

/// First bytes of what is packed.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// A client with the pauses that its servers asked for.
pub struct Client {
    http: reqwest::Client,
    clock: Clock,
    /// Servers that asked for a pause, and its end.
    resting: Mutex<HashMap<String, Instant>>,
}

/// A request of a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// The address, with its parameters but without credentials.
    pub(super) url: Url,
    /// Method and body.
    pub(super) method: Method,
    /// Headers beside the plugin's.
    pub(super) headers: Vec<(&'static str, String)>,
    /// True if its body is taken as it comes: a file, whose packing is its own.
    pub(super) is_file: bool,
}

/// An answer with status 200 and its whole body.
pub(super) struct Answer {
    /// Address that gave it.
    pub(super) url: Url,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// The server's own time.
    pub(super) date: Option<DateTime<Utc>>,
    /// Its body, unpacked.
    pub(super) body: Vec<u8>,
    /// True if its end could be seen: the server says its length, or it was packed.
    pub(super) has_end: bool,
}

/// End of one try.
enum Failed {
    /// Another try may do.
    Passing { why: String, asked: Option<Duration> },
    /// No other try will do.
    Final(PullError),
}

impl Client {
    /// A client whose pauses go by the clock.
    ///
    /// # Errors
    /// [`PullError::Usage`] if the system's certificates cannot be used.
    pub fn new(clock: &Clock) -> Result<Client, PullError> {
        // The same provider as that of the database's connections; another part of the program may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| PullError::Usage(format!("cannot make an HTTP client: {error}")))?;
        Ok(Client { http, clock: clock.clone(), resting: Mutex::default() })
    }

    /// Gets a page, by as many tries as it takes.
    ///
    /// # Errors
    /// The last try's, or a refusal at once.
    pub(super) async fn get(&self, source: &PullSource, request: &Request) -> Result<Answer, PullError> {
        let mut tried = 0;
        loop {
            self.rest(&request.url).await;
            tried += 1;
            let (why, asked) = match self.attempt(source, request).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Passing { why, asked }) => (why, asked),
            };
            if let Some(asked) = asked.filter(|asked| *asked > LONGEST_PAUSE) {
                let at = (self.clock.utc() + asked).format("%Y-%m-%d %H:%M:%S UTC").to_string();
                return Err(PullError::Later { host: host(&request.url), pause: asked, at });
            }
            if tried == TRIES {
                return Err(PullError::Unreachable { url: shown(&request.url), why, tries: tried });
            }
            let pause = asked.unwrap_or_default().max(pause(tried, random()));
            let seconds = pause.as_secs_f64();
            warn!(url = shown(&request.url), "{why}; try {} of {TRIES} in {seconds:.1} s", tried + 1);
            if asked.is_some() {
                let until = self.clock.now() + pause;
                self.resting.lock().unwrap_or_else(PoisonError::into_inner).insert(host(&request.url), until);
            }
            self.clock.sleep(pause).await;
        }
    }

    /// Waits until the server's pause is over, if any pull was asked for one.
    async fn rest(&self, url: &Url) {
        let until = self.resting.lock().unwrap_or_else(PoisonError::into_inner).get(&host(url)).copied();
        if let Some(left) = until.map(|until| until.saturating_duration_since(self.clock.now()))
            && !left.is_zero()
        {
            info!("{} has asked for a pause: {:.0} s left", host(url), left.as_secs_f64());
            self.clock.sleep(left).await;
        }
    }

    async fn attempt(&self, source: &PullSource, request: &Request) -> Result<Answer, Failed> {
        let mut url = request.url.clone();
        let mut method = request.method.clone();
        for _ in 0..=HOPS {
            let response = self.ask(source, request, &url, &method).await?;
            let status = response.status();
            let date = header(response.headers(), "date").and_then(time);
            if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let to = header(response.headers(), "location").and_then(|to| url.join(to).ok());
                let to = to.ok_or_else(|| page(&url, format!("a redirect ({status}) without an address")))?;
                may_go(source, &url, &to).map_err(Failed::Final)?;
                if matches!(status.as_u16(), 301..=303) {
                    method = Method::Get;
                }
                if method != Method::Get && !is_same_server(&to, &source.url) {
                    let why = format!(
                        "a redirect would give the body of a POST to {}: if that is right, say so in url",
                        host(&to)
                    );
                    return Err(page(&url, why));
                }
                url = to;
                continue;
            }
            let retry_after = asked(header(response.headers(), "retry-after"), date, self.clock.utc());
            // What a server has not implemented, it has not a minute later either.
            let is_passing = status.is_server_error() && status.as_u16() != 501;
            if is_passing || matches!(status.as_u16(), 408 | 429) {
                let said = self.body(source, response).await.map_or_else(|_| String::new(), |(body, _)| said(&body));
                return Err(Failed::Passing { why: format!("it answers {status}{said}"), asked: retry_after });
            }
            if status.as_u16() != 200 {
                let said = self.body(source, response).await.map_or_else(|_| String::new(), |(body, _)| said(&body));
                let (url, status) = (shown(&url), status.as_u16());
                return Err(Failed::Final(PullError::Refused { url, status, said }));
            }
            let is_framed = is_framed(&response);
            let (body, headers) = self.body(source, response).await?;
            let has_end = is_framed || body.starts_with(GZIP);
            let body = if request.is_file {
                body
            } else {
                unpacked(body).map_err(|why| Failed::Passing { why, asked: None })?
            };
            return Ok(Answer { url, headers, date, body, has_end });
        }
        Err(page(&url, format!("more than {HOPS} redirects")))
    }

    async fn ask(
        &self,
        source: &PullSource,
        request: &Request,
        url: &Url,
        method: &Method,
    ) -> Result<reqwest::Response, Failed> {
        let is_home = is_same_server(url, &source.url);
        let mut address = url.clone();
        if let (true, Some(Auth::Query { name, value })) = (is_home, &source.auth) {
            address.query_pairs_mut().append_pair(name, value);
        }
        let mut asking = match method {
            Method::Get => self.http.get(address),
            Method::Post(body) => {
                self.http.post(address).header("content-type", "application/json").body(body.to_string())
            }
        };
        asking = asking.header("accept-encoding", if request.is_file { "identity" } else { "gzip" });
        for (name, value) in &request.headers {
            asking = asking.header(*name, value);
        }
        if is_home {
            for (name, value) in &source.headers {
                asking = asking.header(name, value);
            }
            asking = match &source.auth {
                Some(Auth::Bearer(token)) => asking.header("authorization", secret(&format!("Bearer {token}"))?),
                Some(Auth::Basic { user, password }) => asking.basic_auth(user, Some(password)),
                Some(Auth::Header { name, value }) => {
                    let name: HeaderName = name.parse().map_err(|_| usage("auth: header is no name of a header"))?;
                    asking.header(name, secret(value)?)
                }
                Some(Auth::Query { .. }) | None => asking,
            };
        }
        match tokio::time::timeout(source.timeout, asking.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Failed::Passing { why: reason(error), asked: None }),
            Err(_) => {
                let why = format!("no answer within {} s", source.timeout.as_secs());
                Err(Failed::Passing { why, asked: None })
            }
        }
    }

    /// The whole body.
    async fn body(&self, source: &PullSource, mut response: reqwest::Response) -> Result<(Vec<u8>, HeaderMap), Failed> {
        let (url, headers) = (response.url().clone(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            let piece = tokio::time::timeout(source.timeout, response.chunk()).await;
            let piece = piece.map_err(|_| {
                let why = format!("its body stops for {} s", source.timeout.as_secs());
                Failed::Passing { why, asked: None }
            })?;
            let piece = piece.map_err(|error| {
                let why = format!("its body breaks off after {} bytes: {}", body.len(), reason(error));
                Failed::Passing { why, asked: None }
            })?;
            let Some(piece) = piece else { return Ok((body, headers)) };
            if body.len() + piece.len() > PAGE_BYTES {
                return Err(page(&url, too_large()));
            }
            body.extend_from_slice(&piece);
        }
    }
}

/// True if the end of the body is told by more than the end of the connection, as RFC 9112 6.3 has it.
fn is_framed(response: &reqwest::Response) -> bool {
    let has = |name: &str| response.headers().contains_key(name);
    response.version() > Version::HTTP_11 || has("content-length") || has("transfer-encoding")
}

/// True if both are on one server, of one scheme.
fn is_same_server(one: &Url, other: &Url) -> bool {
    (one.scheme(), one.host_str(), one.port_or_known_default())
        == (other.scheme(), other.host_str(), other.port_or_known_default())
}

/// Allows the step from one address to another.
///
/// # Errors
/// A server that the plugin does not allow, or one without encryption behind one with it.
pub(super) fn may_go(source: &PullSource, from: &Url, to: &Url) -> Result<(), PullError> {
    let refuse = |why: String| Err(PullError::Page { url: shown(from), why });
    if !matches!(to.scheme(), "http" | "https") {
        return refuse(format!("it leads to {}, which is no address of HTTP", shown(to)));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return refuse(format!("it leads from https to {}, which is not encrypted", shown(to)));
    }
    let host = host(to);
    let is_allowed = source
        .allow_hosts
        .iter()
        .any(|allowed| *allowed == host || (to.port().is_none() && to.host_str() == Some(allowed)));
    if is_same_server(to, &source.url) || is_allowed {
        return Ok(());
    }
    Err(PullError::Elsewhere { url: shown(from), host })
}

/// The server of an address, with its port if that is not the scheme's.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// An address as it is shown: without what a plugin keeps secret.
pub(super) fn shown(url: &Url) -> String {
    secrets::hidden(url.as_str()).into_owned()
}

pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// All values of a header, as one.
pub(super) fn all_of(headers: &HeaderMap, name: &str) -> String {
    let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    all.collect::<Vec<_>>().join(", ")
}

fn secret(value: &str) -> Result<HeaderValue, Failed> {
    let mut value = HeaderValue::from_str(value).map_err(|_| usage("auth: the value is none of a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn usage(why: &str) -> Failed {
    Failed::Final(PullError::Usage(why.to_owned()))
}

fn page(url: &Url, why: String) -> Failed {
    Failed::Final(PullError::Page { url: shown(url), why })
}

fn too_large() -> String {
    format!("the page is larger than {} MiB: ask for smaller ones, by page_size or paginate: size", PAGE_BYTES >> 20)
}

/// The innermost reason, without the address.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// Unpacks what is packed, said or not.
fn unpacked(body: Vec<u8>) -> Result<Vec<u8>, String> {
    if !body.starts_with(GZIP) {
        return Ok(body);
    }
    let mut whole = Vec::new();
    let limit = PAGE_BYTES as u64 + 1;
    let read = flate2::read::MultiGzDecoder::new(&body[..]).take(limit).read_to_end(&mut whole);
    read.map_err(|error| format!("its body cannot be unpacked: {error}"))?;
    if whole.len() > PAGE_BYTES { Err(too_large()) } else { Ok(whole) }
}

/// The first letters of a text. A secret that is cut would not be known as one, so they are hidden before.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    secrets::hidden(text).chars().take(letters).collect()
}

/// The message of an answer that is an error, with a colon in front of it; empty if there is none.
pub(super) fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let found = json.as_ref().and_then(message);
    let text = found
        .unwrap_or_else(|| if text.trim_start().starts_with('<') { String::new() } else { text.trim().to_owned() });
    let short = shortened(&text, SAID);
    if short.is_empty() { String::new() } else { format!(": {}", crate::text::shown::shown(&short)) }
}

/// The message in an error's object: OData's `{"error": {"code", "message"}}`, and what others write.
pub(super) fn message(json: &serde_json::Value) -> Option<String> {
    let error = ["error", "errors", "fault"].iter().find_map(|key| json.get(key)).unwrap_or(json);
    let error = error.get(0).unwrap_or(error);
    if let Some(text) = error.as_str() {
        return Some(text.to_owned());
    }
    let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str);
    let message = ["message", "detail", "error_description", "title", "description"].iter().find_map(|key| text(key));
    match (text("code").filter(|code| !code.is_empty()), message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (None, Some(message)) => Some(message.to_owned()),
        (Some(code), None) => Some(code.to_owned()),
        (None, None) => None,
    }
}

/// A number from 0 to 1 that differs from one program to the next.
fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}
