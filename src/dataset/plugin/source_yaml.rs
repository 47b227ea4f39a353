//! `source:` of a `plugin.yaml`: an address that is pulled.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;
use url::Url;

use super::source_ways::{paginate, since_of, time};
use crate::dataset::pull_source::{Auth, JsonPath, Method, PullSource, literal};

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
    pub(super) order: Vec<String>,
    pub(super) page_size: Option<u64>,
    method: Option<MethodYaml>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    body: Option<Json>,
    records: Option<String>,
    pub(super) paginate: Option<PaginateYaml>,
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
    pub(super) by: By,
    pub(super) param: Option<String>,
    pub(super) start: Option<u64>,
    pub(super) size_param: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) from: Option<String>,
    pub(super) total: Option<String>,
    pub(super) pages: Option<String>,
    pub(super) has_more: Option<String>,
    pub(super) last: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
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
    pub(super) column: String,
    pub(super) send: Option<String>,
    #[serde(default)]
    pub(super) format: FormatYaml,
    pub(super) initial: Option<String>,
    pub(super) lag: Option<String>,
    #[serde(default)]
    pub(super) boundary: Boundary,
    #[serde(default)]
    pub(super) ordered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FormatYaml {
    #[default]
    Iso,
    Epoch,
    EpochMs,
    Number,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Boundary {
    #[default]
    Inclusive,
    Exclusive,
}

impl SourceYaml {
    /// True if the server speaks OData.
    pub(super) fn is_odata(&self) -> bool {
        self.kind == Kind::OData
    }
}

/// The source that the words declare.
///
/// # Errors
/// In words that begin with `source:`.
pub(super) fn source(yaml: &SourceYaml) -> Result<PullSource, String> {
    read(yaml).map_err(|why| format!("source: {why}"))
}

/// The source that is an address alone.
///
/// # Errors
/// In words, if the text is no address, or has credentials in it.
pub fn source_of(address: &str) -> Result<PullSource, String> {
    let text = format!("kind: http\nurl: {}\n", serde_json::to_string(address).unwrap_or_default());
    read(&serde_saphyr::from_str(&text).map_err(|error| error.to_string())?)
}

fn read(yaml: &SourceYaml) -> Result<PullSource, String> {
    let base = address(&yaml.url)?;
    let is_odata = yaml.is_odata();
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
    let records = if is_odata { Some(JsonPath(vec!["value".to_owned()])) } else { records };
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

/// The address of a source.
///
/// # Errors
/// In words that begin with `url:`.
pub(super) fn address(text: &str) -> Result<Url, String> {
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
    match &auth {
        Auth::Bearer(token) => check_header("bearer", token)?,
        // A server may repeat the header.
        Auth::Basic { user, password } => {
            use base64::Engine;
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            crate::text::secrets::keep(&pair, "***");
        }
        Auth::Header { .. } | Auth::Query { .. } => {}
    }
    Ok(auth)
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
            Ok(format!(
                "{column} eq {}",
                literal(&value.to_string()).ok_or_else(|| format!("filter: {column} takes plain values"))?
            ))
        };
        Ok(format!("({})", values.iter().map(one).collect::<Result<Vec<_>, String>>()?.join(" or ")))
    });
    Ok(conditions.collect::<Result<Vec<_>, String>>()?.join(" and "))
}
