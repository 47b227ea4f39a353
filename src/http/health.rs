//! Whether the program lives, and whether it is ready to load.

use std::time::Duration;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::problem::{Problem, ProblemDocument};
use super::{Api, Shared};
use crate::ops::ready::{Ready, ready};

/// Longest wait for the database's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Paths for everybody.
pub(super) fn of_all() -> OpenApiRouter<std::sync::Arc<Api>> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(health)).routes(routes!(is_ready))
}

/// Paths for who may read.
pub(super) fn of_readers() -> OpenApiRouter<std::sync::Arc<Api>> {
    OpenApiRouter::new()
}

/// The public answer that the program is there.
#[derive(Serialize, ToSchema)]
struct PublicStatus {
    /// In words.
    #[schema(example = "Public status check endpoint is operational")]
    message: &'static str,
    /// Always true.
    #[schema(example = true)]
    success: bool,
}

/// Tells that the program is there, without a token.
#[utoipa::path(get, path = "/status", tag = "health", security(()), responses((status = 200, body = PublicStatus)))]
async fn status() -> Json<PublicStatus> {
    Json(PublicStatus { message: "Public status check endpoint is operational", success: true })
}

/// The program lives.
#[derive(Serialize, ToSchema)]
struct Lives {
    /// Always `up`.
    #[schema(example = "up")]
    status: &'static str,
    /// Its version.
    version: &'static str,
}

/// Tells that the program lives, whatever its database does: restart it where this does not answer.
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses((status = 200, body = Lives)))]
async fn health() -> Json<Lives> {
    Json(Lives { status: "up", version: env!("CARGO_PKG_VERSION") })
}

/// Tells whether files would be loaded now: the database answers, the folders can be used, somebody watches imports/.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "health",
    security(()),
    responses((status = 200, body = Ready), (status = 503, body = ProblemDocument, content_type = "application/problem+json"))
)]
async fn is_ready(api: Shared) -> Result<Answer<Ready>, Problem> {
    let app = api.app()?;
    let asked = tokio::time::timeout(PATIENCE, ready(app, &api.folder)).await;
    let found = asked.map_err(|_| Problem::later("the database does not answer"))?;
    match found.not.first() {
        None if app.intake.folder().is_none() => Err(Problem::later("this program does not watch the folder yet")),
        None => Ok(Answer(found)),
        Some(why) => Err(Problem::later(why.clone())),
    }
}
