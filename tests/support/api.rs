//! A server of an API that runs in the test: it answers as a function says, and an OData service over records that behaves, or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value as Json, json};

/// A request as the function sees it.
#[derive(Clone)]
pub struct Call {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub body: Json,
    /// Number of the request, from 0.
    pub number: usize,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
}

/// The server; it ends with the test.
pub struct Api {
    pub base: String,
    calls: Arc<Mutex<Vec<Call>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Api {
    pub async fn new(answer: impl Fn(Call) -> Response<Body> + Clone + Send + Sync + 'static) -> anyhow::Result<Api> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (own, all) = (base.clone(), Arc::clone(&calls));
        let router = axum::Router::new().fallback(move |request: Request| {
            let (answer, all, base) = (answer.clone(), Arc::clone(&all), own.clone());
            async move {
                let (head, body) = request.into_parts();
                let bytes: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
                let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
                let call = {
                    let mut all = all.lock().unwrap();
                    let call = Call {
                        path: head.uri.path().to_owned(),
                        query: query.into_owned().collect(),
                        headers: head.headers,
                        body: serde_json::from_slice(&bytes).unwrap_or(Json::Null),
                        number: all.len(),
                        base,
                    };
                    all.push(call.clone());
                    call
                };
                answer(call)
            }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Ok(Api { base, calls, serving })
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Call {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.param(name)?.parse().ok()
    }
}

pub fn ok(body: &Json) -> Response<Body> {
    with(200, &[("content-type", "application/json")], body.to_string())
}

pub fn with(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().append(
            axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            axum::http::HeaderValue::from_str(value).unwrap(),
        );
    }
    response
}

/// Ways of an OData service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ways {
    /// Records of a page by its own nextLink; 0: no nextLink.
    pub paged: usize,
    /// Records of an answer at most, without a nextLink.
    pub clamp: usize,
    /// Added to the count.
    pub miscounts: i64,
    /// False: `$count` is not known.
    pub counts: bool,
}

/// Answers a call as an OData service over records of one resource.
pub fn odata(records: &[Json], call: &Call, ways: Ways) -> Response<Body> {
    let filter = call.param("$filter").unwrap_or_default();
    let mut found: Vec<_> = records.iter().filter(|record| is_in(record, filter)).collect();
    if let Some(order) = call.param("$orderby") {
        let columns: Vec<_> = order.split(',').collect();
        found.sort_by(|one, other| {
            let compare = |column: &&str| compare(&one[*column], &other[*column]);
            columns.iter().map(compare).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    let count = found.len() as i64 + ways.miscounts;
    let skip = call.number_of("$skip").or(call.number_of("$skiptoken")).unwrap_or(0);
    let mut page: Vec<_> = found.iter().skip(skip).collect();
    let top = call.number_of("$top").unwrap_or(usize::MAX);
    let limit = [ways.paged, ways.clamp].into_iter().filter(|limit| *limit > 0).min().unwrap_or(usize::MAX);
    let is_cut = page.len() > limit;
    page.truncate(limit.min(top));
    let mut body = json!({"@odata.context": "$metadata"});
    if ways.counts && call.param("$count") == Some("true") {
        body["@odata.count"] = count.into();
    }
    if ways.paged > 0 && is_cut {
        let rest: Vec<_> = call.query.iter().filter(|(name, _)| *name != "$skiptoken").collect();
        let rest = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
        body["@odata.nextLink"] = format!("{}{}?{rest}&$skiptoken={}", call.base, call.path, skip + limit).into();
    }
    body["value"] = page.into_iter().map(|record| (**record).clone()).collect();
    ok(&body)
}

fn compare(one: &Json, other: &Json) -> std::cmp::Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => text(one).cmp(&text(other)),
    }
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Conditions with eq, gt, ge, and, or, and brackets.
fn is_in(record: &Json, filter: &str) -> bool {
    let filter = filter.trim();
    if filter.is_empty() {
        return true;
    }
    for (word, all) in [(" or ", false), (" and ", true)] {
        let parts = split(filter, word);
        if parts.len() > 1 {
            return if all {
                parts.iter().all(|part| is_in(record, part))
            } else {
                parts.iter().any(|part| is_in(record, part))
            };
        }
    }
    if let Some(inner) = filter.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        return is_in(record, inner);
    }
    let mut words = filter.splitn(3, ' ');
    let (column, by, literal) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let literal = match literal.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(text) => Json::String(text.replace("''", "'")),
        None => serde_json::from_str(literal).unwrap_or_else(|_| Json::String(literal.to_owned())),
    };
    let order = compare(&record[column], &literal);
    match by {
        "eq" => order.is_eq(),
        "gt" => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// The parts between a word outside of brackets and quotes.
fn split<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, sign) in text.char_indices() {
        match sign {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && !quoted && text[at..].starts_with(word) {
            parts.push(&text[start..at]);
            start = at + word.len();
        }
    }
    parts.push(&text[start..]);
    parts
}
