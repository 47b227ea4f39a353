//! The ledger: loads, and the records that they refused.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Path, Query};
use super::problem::{Problem, ProblemDocument};
use super::{Api, Shared};
use crate::catalog::{LoadFilter, LoadStatus, Period};
use crate::ops::loads::{Load, in_full, moment};
use crate::ops::rejects::{LeftOut, Rejected, left_out, rejects};
use crate::ops::why::{Explained, explained};

/// Items of a page, where the request does not say it.
const USUAL: u64 = 50;

/// Items of a page at most.
const MOST: u64 = 1_000;

/// Rejects that are shown with a load.
const SHOWN: u64 = 20;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(refused)).routes(routes!(missed))
}

/// Conditions that the loads meet together.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Statuses, separated by commas: claimed, loaded, duplicate, failed, replaced, retracted, lost.
    #[param(example = "failed,lost")]
    status: Option<String>,
    /// Table in staging.
    #[param(example = "orders")]
    table: Option<String>,
    /// Part of the file's name.
    q: Option<String>,
    /// Only loads that began then or later: a day, or a time such as 2026-11-27T08:30, in UTC.
    #[param(example = "2026-11-27")]
    since: Option<String>,
    /// Only loads that began before.
    until: Option<String>,
    /// Only loads with a smaller number: the page behind that load.
    before: Option<i64>,
    /// Items of the page, 1000 at most.
    #[param(minimum = 1, maximum = 1000, example = 50)]
    limit: Option<u64>,
}

impl Wanted {
    fn filter(&self) -> Result<LoadFilter, Problem> {
        let status = |word: &str| {
            let found = LoadStatus::ALL.into_iter().find(|one| one.word() == word);
            let words = LoadStatus::ALL.map(LoadStatus::word).join(", ");
            found.ok_or_else(|| Problem::wrong(format!("status: expected {words}")))
        };
        let words = self.status.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty());
        let time = |name: &str, text: &Option<String>| {
            text.as_deref().map(moment).transpose().map_err(|why| Problem::wrong(format!("{name}: expected {why}")))
        };
        Ok(LoadFilter {
            period: Period { since: time("since", &self.since)?, until: time("until", &self.until)? },
            statuses: words.map(status).collect::<Result<_, _>>()?,
            table: self.table.clone(),
            text: self.q.clone(),
            before: self.before,
        })
    }
}

/// The number of items of a page.
pub(super) fn page(limit: Option<u64>) -> Result<u64, Problem> {
    match limit.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::wrong(format!("limit: expected 1 to {MOST}"))),
    }
}

/// Loads, the newest first.
#[derive(Serialize, ToSchema)]
struct Loads {
    /// As `app loads --json` prints them.
    loads: Vec<Load>,
    /// The `before` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Lists loads, the newest first.
#[utoipa::path(
    get,
    path = "/loads",
    tag = "loads",
    params(Wanted),
    responses(
        (status = 200, body = Loads),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn list(api: Shared, Query(wanted): Query<Wanted>) -> Result<Answer<Loads>, Problem> {
    let (filter, limit) = (wanted.filter()?, page(wanted.limit)?);
    let workspace = &api.app()?.workspace;
    let mut lines = workspace.catalog.loads_where(&filter, Some(limit + 1)).await?;
    let has_more = lines.len() as u64 > limit;
    lines.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = lines.last().filter(|_| has_more).map(|line| line.id);
    Ok(Answer(Loads { loads: in_full(workspace, lines).await?, next }))
}

/// Tells the story of one load.
#[utoipa::path(
    get,
    path = "/loads/{load}",
    tag = "loads",
    params(("load" = i64, Path, description = "Its number")),
    responses(
        (status = 200, body = Explained),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn one(api: Shared, Path(load): Path<i64>) -> Result<Answer<Explained>, Problem> {
    let workspace = &api.app()?.workspace;
    let line = workspace.catalog.load(load).await?;
    let line = line.ok_or_else(|| Problem::missing(format!("there is no load {load}")))?;
    let found = explained(workspace, vec![line], SHOWN).await?.pop();
    found.map(Answer).ok_or_else(|| Problem::missing(format!("there is no load {load}")))
}

/// Which rejects.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WantedRejects {
    /// Only those of this load.
    load: Option<i64>,
    /// Items, 1000 at most.
    #[param(minimum = 1, maximum = 1000, example = 50)]
    limit: Option<u64>,
}

/// Records that were read and not loaded.
#[derive(Serialize, ToSchema)]
struct Rejects {
    /// As `app rejects --json` prints them, the newest load first.
    rejects: Vec<Rejected>,
}

/// Lists records that were read and not loaded, with reasons.
#[utoipa::path(
    get,
    path = "/rejects",
    tag = "loads",
    params(WantedRejects),
    responses(
        (status = 200, body = Rejects),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn refused(api: Shared, Query(wanted): Query<WantedRejects>) -> Result<Answer<Rejects>, Problem> {
    let limit = page(wanted.limit)?;
    Ok(Answer(Rejects { rejects: rejects(&api.app()?.workspace, wanted.load, limit).await? }))
}

/// How many rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Limit {
    /// Items, 1000 at most.
    #[param(minimum = 1, maximum = 1000, example = 50)]
    limit: Option<u64>,
}

/// Rows that are left out of a fact.
#[derive(Serialize, ToSchema)]
struct Missed {
    /// As `app rejects FACT --json` prints them.
    left_out: Vec<LeftOut>,
}

/// Lists the rows that are left out of a fact, because a dimension does not know a value.
#[utoipa::path(
    get,
    path = "/rejects/{fact}",
    tag = "loads",
    params(("fact" = String, Path, description = "The fact's name"), Limit),
    responses(
        (status = 200, body = Missed),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn missed(api: Shared, Path(fact): Path<String>, Query(wanted): Query<Limit>) -> Result<Answer<Missed>, Problem> {
    let limit = page(wanted.limit)?;
    Ok(Answer(Missed { left_out: left_out(&api.app()?.workspace, &fact, limit).await? }))
}
