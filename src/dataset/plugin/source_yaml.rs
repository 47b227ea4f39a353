//! `source:` of a `plugin.yaml`: an address that is pulled.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value as Json;
use url::Url;

use crate::dataset::pull_source::{
    Auth, End, JsonPath, Lag, Method, OData, ODataBy, Paginate, PullSource, Send, Since, SinceFormat, literal,
};

/// Pages of a run at most, unless the plugin says another number.
const MAX_PAGES: u64 = 100_000;

/// Wait for an answer, unless the plugin says another one.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Longest wait that a plugin can ask for.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceYaml {
    kind: Kind,
    url: String,
    resource: Option<String>,
    filter: Option<Json>,
    #[serde(default)]
    select: Vec<String>,
    #[serde(default)]
    order: Vec<String>,
    page_size: Option<u64>,
    method: Option<MethodYaml>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    body: Option<Json>,
    records: Option<String>,
    paginate: Option<PaginateYaml>,
    auth: Option<AuthYaml>,
    since: Option<SinceYaml>,
    #[serde(default)]
    allow_hosts: Vec<String>,
    max_pages: Option<u64>,
    max_bytes: Option<u64>,
    timeout: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Http,
    OData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum MethodYaml {
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "POST")]
    Post,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaginateYaml {
    by: By,
    param: Option<String>,
    start: Option<u64>,
    size_param: Option<String>,
    size: Option<u64>,
    from: Option<String>,
    total: Option<String>,
    pages: Option<String>,
    has_more: Option<String>,
    last: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    None,
    Page,
    Offset,
    Cursor,
    LinkHeader,
    NextUrl,
    Key,
    Skip,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthYaml {
    bearer: Option<String>,
    user: Option<String>,
    password: Option<String>,
    header: Option<String>,
    query: Option<String>,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinceYaml {
    column: String,
    send: Option<String>,
    #[serde(default)]
    format: FormatYaml,
    initial: Option<String>,
    lag: Option<String>,
    #[serde(default)]
    boundary: Boundary,
    #[serde(default)]
    ordered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormatYaml {
    #[default]
    Iso,
    Epoch,
    EpochMs,
    Number,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Boundary {
    #[default]
    Inclusive,
    Exclusive,
}

/// The source that the words declare.
///
/// # Errors
/// In words that begin with `source:`.
pub(super) fn source(yaml: &SourceYaml) -> Result<PullSource, String> {
    read(yaml).map_err(|why| format!("source: {why}"))
}

fn read(yaml: &SourceYaml) -> Result<PullSource, String> {
    let base = address(&yaml.url)?;
    let is_odata = yaml.kind == Kind::OData;
    let only = |is_said: bool, word: &str, kind: &str| {
        if is_said { Err(format!("{word} goes with kind: {kind}")) } else { Ok(()) }
    };
    if is_odata {
        only(yaml.method.is_some() || yaml.body.is_some(), "method and body", "http")?;
        only(yaml.records.is_some(), "records", "http")?;
    } else {
        only(yaml.resource.is_some(), "resource", "odata")?;
        only(yaml.filter.is_some() || !yaml.select.is_empty(), "filter and select", "odata")?;
        only(!yaml.order.is_empty() || yaml.page_size.is_some(), "order and page_size", "odata")?;
    }
    let method = match (yaml.method, &yaml.body) {
        (None | Some(MethodYaml::Get), Some(_)) => return Err("body: goes with method: POST".to_owned()),
        (Some(MethodYaml::Post), body) => {
            Method::Post(body.clone().unwrap_or_else(|| Json::Object(serde_json::Map::new())))
        }
        _ => Method::Get,
    };
    let mut url = base;
    if let Some(resource) = &yaml.resource {
        let path = format!("{}/{}", url.path().trim_end_matches('/'), resource.trim_start_matches('/'));
        url.set_path(&path);
    }
    // Parameters of the address are parameters like others.
    let mut params: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    params.extend(yaml.params.clone());
    url.set_query(None);
    url.set_fragment(None);
    let filter = yaml.filter.as_ref().map(odata_filter).transpose()?;
    if !yaml.select.is_empty() {
        params.push(("$select".to_owned(), yaml.select.join(",")));
    }
    if !yaml.order.is_empty() {
        params.push(("$orderby".to_owned(), yaml.order.join(",")));
    }
    let paginate = paginate(yaml, filter, &method)?;
    let records = yaml.records.as_deref().map(JsonPath::parse).transpose().map_err(|why| format!("records: {why}"))?;
    let since = yaml.since.as_ref().map(|since| since_of(since, is_odata, &method)).transpose()?;
    let headers = yaml.headers.clone().into_iter().collect::<Vec<_>>();
    for (name, value) in &headers {
        check_header(name, value)?;
    }
    let auth = yaml.auth.as_ref().map(auth).transpose().map_err(|why| format!("auth: {why}"))?;
    let timeout = yaml.timeout.as_deref().map_or(Ok(TIMEOUT), |text| {
        let time = time(text).filter(|time| !time.is_zero() && *time <= LONGEST);
        time.ok_or_else(|| format!("timeout: {text:?} is no time from 1s to 1h, such as 60s"))
    })?;
    let stream = match &yaml.resource {
        Some(resource) => resource.clone(),
        None => url.path().trim_start_matches('/').to_owned(),
    };
    if yaml.max_pages == Some(0) {
        return Err("max_pages: takes a number from 1 on".to_owned());
    }
    let mut source = PullSource {
        url,
        stream: if stream.is_empty() { "/".to_owned() } else { stream },
        method,
        headers,
        params,
        auth,
        records,
        paginate,
        since,
        allow_hosts: yaml.allow_hosts.clone(),
        max_pages: yaml.max_pages.unwrap_or(MAX_PAGES),
        max_bytes: yaml.max_bytes,
        timeout,
        digest: String::new(),
    };
    let PullSource { url, method, params, records, paginate, since, .. } = &source;
    let said = format!("{url} {method:?} {params:?} {records:?} {paginate:?} {since:?}");
    source.digest = blake3::hash(said.as_bytes()).to_hex()[..16].to_owned();
    Ok(source)
}

fn address(text: &str) -> Result<Url, String> {
    let wrong = || "url: is no address, such as https://example.org/api".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("url: user and password go into auth: {user: …, password: !env NAME}".to_owned());
    }
    Ok(url)
}

fn check_header(name: &str, value: &str) -> Result<(), String> {
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte));
    if !is_name {
        return Err(format!("headers: {name:?} is no name of a header"));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("headers: the value of {name} has a line end or another control character"));
    }
    Ok(())
}

fn auth(yaml: &AuthYaml) -> Result<Auth, String> {
    let AuthYaml { bearer, user, password, header, query, value } = yaml;
    let auth = match (bearer, user, header, query) {
        (Some(token), None, None, None) if password.is_none() && value.is_none() => Auth::Bearer(token.clone()),
        (None, Some(user), None, None) if value.is_none() => {
            Auth::Basic { user: user.clone(), password: password.clone().unwrap_or_default() }
        }
        (None, None, Some(name), None) if password.is_none() => {
            let value = value.clone().ok_or("header: needs value: !env NAME")?;
            check_header(name, &value)?;
            Auth::Header { name: name.clone(), value }
        }
        (None, None, None, Some(name)) if password.is_none() => {
            Auth::Query { name: name.clone(), value: value.clone().ok_or("query: needs value: !env NAME")? }
        }
        _ => {
            return Err("takes one of {bearer: !env NAME}, {user: NAME, password: !env NAME}, \
                        {header: X-Api-Key, value: !env NAME}, {query: key, value: !env NAME}"
                .to_owned());
        }
    };
    if let Auth::Bearer(token) = &auth {
        check_header("bearer", token)?;
    }
    Ok(auth)
}

fn path(word: &str, text: Option<&String>) -> Result<Option<JsonPath>, String> {
    text.map(|text| JsonPath::parse(text)).transpose().map_err(|why| format!("paginate: {word}: {why}"))
}

fn paginate(yaml: &SourceYaml, filter: Option<String>, method: &Method) -> Result<Option<Paginate>, String> {
    let is_odata = yaml.kind == Kind::OData;
    if is_odata {
        let by = match yaml.paginate.as_ref().map(|paginate| paginate.by) {
            None | Some(By::NextUrl) => ODataBy::Found,
            Some(By::Key) if yaml.order.is_empty() => return Err("paginate: by: key needs order: [Id]".to_owned()),
            Some(By::Key) => ODataBy::Key,
            Some(By::Skip) => ODataBy::Skip,
            Some(_) => return Err("paginate: by: takes one of next_url, key, skip with kind: odata".to_owned()),
        };
        if by != ODataBy::Found && yaml.page_size.is_none() {
            return Err("paginate: by: key and skip need page_size, such as page_size: 1000".to_owned());
        }
        let (order, page_size) = (yaml.order.clone(), yaml.page_size);
        if page_size == Some(0) {
            return Err("page_size: takes a number from 1 on".to_owned());
        }
        if let Some(bad) = order.iter().find(|column| column.split_whitespace().count() != 1) {
            return Err(format!("order: {bad:?} is no name of a column; the order is ascending"));
        }
        return Ok(Some(Paginate::OData(OData { filter, order, page_size, by })));
    }
    let Some(said) = &yaml.paginate else { return Ok(None) };
    let size = match (&said.size_param, said.size) {
        (Some(param), Some(size)) if size > 0 => Some((param.clone(), size)),
        (None, None) => None,
        _ => return Err("paginate: size_param and size go together, such as size_param: limit, size: 100".to_owned()),
    };
    let end = End {
        total: path("total", said.total.as_ref())?,
        pages: path("pages", said.pages.as_ref())?,
        has_more: path("has_more", said.has_more.as_ref())?,
        last: path("last", said.last.as_ref())?,
    };
    let param = |default: &str| said.param.clone().unwrap_or_else(|| default.to_owned());
    let from = path("from", said.from.as_ref())?;
    Ok(Some(match said.by {
        By::None => Paginate::None,
        By::Page => Paginate::Page { param: param("page"), start: said.start.unwrap_or(1), size, end },
        By::Offset => Paginate::Offset { param: param("offset"), size, end },
        By::Cursor => {
            let from = from
                .ok_or("paginate: by: cursor needs from, the path to the cursor in a page, such as meta.next_cursor")?;
            if matches!(method, Method::Post(_)) {
                JsonPath::parse(&param("cursor")).map_err(|why| format!("paginate: param: {why}"))?;
            }
            Paginate::Cursor { param: param("cursor"), from, size, end }
        }
        By::LinkHeader => Paginate::LinkHeader,
        By::NextUrl => {
            let from =
                from.ok_or("paginate: by: next_url needs from, the path to the address in a page, such as links.next")?;
            Paginate::NextUrl { from, end }
        }
        By::Key | By::Skip => return Err("paginate: by: key and skip go with kind: odata".to_owned()),
    }))
}

fn since_of(yaml: &SinceYaml, is_odata: bool, method: &Method) -> Result<Since, String> {
    let send = match yaml.send.as_deref() {
        Some("filter") | None if is_odata => Send::Filter,
        None | Some("filter") => {
            return Err("since: needs send, the parameter that takes the value, such as send: updated_after".to_owned());
        }
        Some(name) => match name.strip_prefix("body.") {
            Some(path) if matches!(method, Method::Post(_)) => {
                Send::Body(JsonPath::parse(path).map_err(|why| format!("since: send: {why}"))?)
            }
            Some(_) => return Err("since: send: body. goes with method: POST".to_owned()),
            None => Send::Param(name.to_owned()),
        },
    };
    let format = match yaml.format {
        FormatYaml::Iso => SinceFormat::Iso,
        FormatYaml::Epoch => SinceFormat::Epoch,
        FormatYaml::EpochMs => SinceFormat::EpochMillis,
        FormatYaml::Number => SinceFormat::Number,
    };
    let lag = match yaml.lag.as_deref() {
        None => Lag::None,
        Some(text) if format == SinceFormat::Number => Lag::Number(
            text.parse().ok().filter(|lag| *lag >= 0).ok_or("since: lag takes a number with format: number")?,
        ),
        Some(text) => {
            let lag = time(text).and_then(|time| TimeDelta::from_std(time).ok());
            Lag::Time(lag.ok_or_else(|| format!("since: lag: {text:?} is no time, such as 10m, 2h or 1d"))?)
        }
    };
    let since = Since {
        column: yaml.column.clone(),
        send,
        format,
        initial: yaml.initial.clone(),
        lag,
        inclusive: yaml.boundary == Boundary::Inclusive,
        ordered: yaml.ordered,
    };
    if let Some(initial) = &since.initial
        && since.value(initial).is_none()
    {
        return Err(format!("since: initial: {initial:?} is none of format: {}", since.format.word()));
    }
    Ok(since)
}

/// The condition of OData that a text or the values of columns stand for.
fn odata_filter(yaml: &Json) -> Result<String, String> {
    let Json::Object(columns) = yaml else {
        let text = yaml.as_str().filter(|text| !text.trim().is_empty());
        return text
            .map(|text| format!("({text})"))
            .ok_or_else(|| "filter: takes a condition, or values such as {Dim: [A, B]}".to_owned());
    };
    let conditions = columns.iter().map(|(column, values)| {
        let values = match values {
            Json::Array(values) if values.is_empty() => return Err(format!("filter: {column} has no values")),
            Json::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        let one = |value: &&Json| {
            Ok(format!("{column} eq {}", literal(value).ok_or_else(|| format!("filter: {column} takes plain values"))?))
        };
        Ok(format!("({})", values.iter().map(one).collect::<Result<Vec<_>, String>>()?.join(" or ")))
    });
    Ok(conditions.collect::<Result<Vec<_>, String>>()?.join(" and "))
}

/// A time such as `90s`, `10m`, `2h` or `1d`.
fn time(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.trim().parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}
