//! The ways of a source: from page to page, and to newer records only.

use std::time::Duration;

use chrono::TimeDelta;

use super::source_yaml::{Boundary, By, FormatYaml, PaginateYaml, SinceYaml, SourceYaml};
use crate::dataset::pull_source::{End, JsonPath, Lag, Method, OData, ODataBy, Paginate, Send, Since, SinceFormat};

fn path(word: &str, text: Option<&String>) -> Result<Option<JsonPath>, String> {
    text.map(|text| JsonPath::parse(text)).transpose().map_err(|why| format!("paginate: {word}: {why}"))
}

/// # Errors
/// In words.
pub(super) fn paginate(yaml: &SourceYaml, filter: Option<String>, method: &Method) -> Result<Option<Paginate>, String> {
    let has_end = |said: &PaginateYaml| {
        said.total.is_some() || said.pages.is_some() || said.has_more.is_some() || said.last.is_some()
    };
    let takes_end = |by: By| !yaml.is_odata() && matches!(by, By::Page | By::Offset | By::Cursor | By::NextUrl);
    if yaml.paginate.as_ref().is_some_and(|said| has_end(said) && !takes_end(said.by)) {
        return Err(
            "paginate: total, pages, has_more and last go with by: page, offset, cursor and next_url of kind: http"
                .to_owned(),
        );
    }
    if yaml.is_odata() {
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

/// # Errors
/// In words.
pub(super) fn since_of(yaml: &SinceYaml, is_odata: bool, method: &Method) -> Result<Since, String> {
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
    let is_none = lag == Lag::Number(0) || lag == Lag::Time(TimeDelta::zero());
    let lag = if is_none { Lag::None } else { lag };
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

/// A time such as `90s`, `10m`, `2h` or `1d`.
pub(super) fn time(text: &str) -> Option<Duration> {
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
