//! Files that are not loaded: those that wait, and those that failed.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::problem::{Problem, ProblemDocument};
use super::{Api, Shared};
use crate::ops::status::{FailedNote, look, status};
use crate::worker::Waiting;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(waiting)).routes(routes!(failed))
}

/// Files that are not loaded yet.
#[derive(Serialize, ToSchema)]
struct AllWaiting {
    /// The files, the oldest first.
    waiting: Vec<Waiting>,
    /// Names of those that are being loaded.
    in_hand: Vec<String>,
}

/// Lists files that are not loaded yet, each with the reason.
#[utoipa::path(
    get,
    path = "/waiting",
    tag = "files",
    responses(
        (status = 200, body = AllWaiting),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn waiting(api: Shared) -> Result<Answer<AllWaiting>, Problem> {
    let now = chrono::Utc::now();
    let found = status(look(&api.settings, Some(api.app()?), now).await, now);
    let in_hand = found.watching.into_iter().flat_map(|watcher| watcher.in_hand).collect();
    Ok(Answer(AllWaiting { waiting: found.waiting, in_hand }))
}

/// Files that could not be loaded.
#[derive(Serialize, ToSchema)]
struct AllFailed {
    /// The files in `failed/`.
    failed: Vec<FailedNote>,
}

/// Lists the files in `failed/`, each with the reason and the remedy.
#[utoipa::path(
    get,
    path = "/failed",
    tag = "files",
    responses(
        (status = 200, body = AllFailed),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn failed(api: Shared) -> Result<Answer<AllFailed>, Problem> {
    let files = crate::source::failed_files(&api.folder)?;
    Ok(Answer(AllFailed { failed: files.into_iter().map(FailedNote::from).collect() }))
}
