//! What is done about loads and failed files.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Path, Query};
use super::problem::{Problem, ProblemDocument};
use super::{Api, Shared};
use crate::load::retract::{RetractError, Retraction, retract};
use crate::ops::reported::Reported;
use crate::ops::retry::{Back, Moved, Tried, named, retry};
use crate::source::failed_files;

pub(super) fn of_writers() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(retry_failed))
}

pub(super) fn of_admins() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(take_back))
}

/// How a load is taken back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Takes a load's rows back: as if its file had never come. Done twice, it says that it was done before.
#[utoipa::path(
    post,
    path = "/loads/{load}/retract",
    tag = "loads",
    params(("load" = i64, Path, description = "Its number"), How),
    responses(
        (status = 200, body = Reported<Retraction>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn take_back(
    State(api): Shared,
    Path(load): Path<i64>,
    Query(how): Query<How>,
) -> Result<Answer<Reported<Retraction>>, Problem> {
    let done = retract(&api.app()?.loader, load, !how.dry_run).await?;
    Ok(Answer(Reported { done, dry_run: how.dry_run }))
}

impl From<RetractError> for Problem {
    fn from(error: RetractError) -> Problem {
        match error {
            RetractError::Unknown(load) => Problem::missing(format!("there is no load {load}")),
            RetractError::NoRows { .. } | RetractError::Later { .. } | RetractError::TooOld { .. } => {
                Problem::new(StatusCode::CONFLICT, error.to_string())
            }
            RetractError::Unnoted(_) => Problem::from(anyhow::Error::from(error)),
            RetractError::Warehouse(error) => error.into(),
        }
    }
}

/// Which failed files.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Also a file whose rows would replace newer ones.
    #[serde(default)]
    older: bool,
}

/// Failed files that lie in the folder again.
#[derive(Serialize, ToSchema)]
struct Retried {
    /// As `app retry --json` prints them.
    moved: Vec<Moved>,
}

/// Moves a failed file back, to be loaded again.
#[utoipa::path(
    post,
    path = "/failed/{file}/retry",
    tag = "files",
    params(("file" = String, Path, description = "Its name in failed/, the name that it landed by, or the number of its load"), Which),
    responses(
        (status = 200, body = Retried),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn retry_failed(
    State(api): Shared,
    Path(file): Path<String>,
    Query(which): Query<Which>,
) -> Result<Answer<Retried>, Problem> {
    let app = api.app()?;
    let failed = failed_files(&api.folder)?;
    let wanted = named(&file, &failed).map_err(Problem::missing)?;
    let mut moved = Vec::with_capacity(wanted.len());
    for Tried { file, outcome } in retry(&wanted, &api.folder, &app.plugins.get(), which.older, Ok(&**app)).await {
        match outcome {
            Ok(Back { place, .. }) => moved.push(Moved { file: file.name.clone(), moved_to: place }),
            Err(why) => {
                return Err(Problem::new(StatusCode::CONFLICT, format!("{} stays in failed/: {why}", file.name)));
            }
        }
    }
    Ok(Answer(Retried { moved }))
}
