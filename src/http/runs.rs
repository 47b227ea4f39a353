//! Runs: the pipeline, the analysis and pulls. Each is a row of the catalog before it begins, so a restart, another program and a second
//! request find it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Path, Query};
use super::loads::page;
use super::problem::{Problem, ProblemDocument};
use super::{Api, Shared};
use crate::app::App;
use crate::catalog::{ANALYSIS, PIPELINE, RunLine};
use crate::ops::loads::moment;
use crate::ops::schedule::{Begun, LastScheduled, SILENT, Scheduled, Schedules, begin, carry_out};
use crate::text::chain;

pub(super) fn of_readers() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(schedule))
}

pub(super) fn of_writers() -> OpenApiRouter<Arc<Api>> {
    let runs = OpenApiRouter::new().routes(routes!(build)).routes(routes!(answer)).routes(routes!(pull));
    runs.routes(routes!(start_etl_job))
}

/// A run of the pipeline, the analysis or a pull.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Name of the run, by which `/runs/{id}` asks for it.
    #[schema(example = "pipeline@2026-11-30T06:00:00.000Z")]
    id: String,
    /// What is run: a plugin, `pipeline` or `analysis`.
    name: String,
    /// How it stands.
    #[serde(flatten)]
    run: LastScheduled,
}

impl Run {
    /// A run as it stands at `now`: one whose program says nothing any more does not go on.
    fn of(line: &RunLine, now: DateTime<Utc>) -> Run {
        let mut run = LastScheduled::from(line);
        if run.status == "running" && now - line.beat_at > SILENT {
            run.status = "stopped".to_owned();
            run.error = Some(format!("its program ({}) ended before it was done", line.program));
        }
        Run { id: id_of(line), name: line.name.clone(), run }
    }
}

fn id_of(line: &RunLine) -> String {
    format!("{}@{}", line.name, line.scheduled_for.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What was run: a plugin, `pipeline` or `analysis`.
    name: Option<String>,
    /// Only runs that began before: the page behind that moment.
    before: Option<String>,
    /// Items of the page, 1000 at most.
    #[param(minimum = 1, maximum = 1000, example = 50)]
    limit: Option<u64>,
}

/// Runs, the newest first.
#[derive(Serialize, ToSchema)]
struct Runs {
    /// The runs.
    runs: Vec<Run>,
    /// The `before` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<DateTime<Utc>>,
}

/// Lists runs by the clock and by hand, the newest first.
#[utoipa::path(
    get,
    path = "/runs",
    tag = "runs",
    params(Wanted),
    responses(
        (status = 200, body = Runs),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn list(api: Shared, Query(wanted): Query<Wanted>) -> Result<Answer<Runs>, Problem> {
    let limit = page(wanted.limit)?;
    let before = wanted.before.as_deref().map(moment).transpose();
    let before = before.map_err(|why| Problem::wrong(format!("before: expected {why}")))?;
    let catalog = &api.app()?.workspace.catalog;
    let mut lines = catalog.runs_before(wanted.name.as_deref(), before, limit + 1).await?;
    let has_more = lines.len() as u64 > limit;
    lines.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = lines.last().filter(|_| has_more).map(|line| line.started_at);
    let now = Utc::now();
    Ok(Answer(Runs { runs: lines.iter().map(|line| Run::of(line, now)).collect(), next }))
}

/// Tells how a run stands.
#[utoipa::path(
    get,
    path = "/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "As the answer that began it has it")),
    responses(
        (status = 200, body = Run),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn one(api: Shared, Path(id): Path<String>) -> Result<Answer<Run>, Problem> {
    let missing = || Problem::missing("there is no such run, or not any more: they are kept for 90 days");
    let (name, tick) = id.rsplit_once('@').ok_or_else(missing)?;
    let tick = DateTime::parse_from_rfc3339(tick).map_err(|_| missing())?.with_timezone(&Utc);
    let line = api.app()?.workspace.catalog.run_of(name, tick).await?;
    line.as_ref().map(|line| Answer(Run::of(line, Utc::now()))).ok_or_else(missing)
}

/// The schedules.
#[derive(Serialize, ToSchema)]
struct Schedule {
    /// As `app schedule --json` prints them.
    schedules: Vec<Scheduled>,
}

/// Lists what runs by the clock, and how the last runs ended.
#[utoipa::path(
    get,
    path = "/schedule",
    tag = "runs",
    responses(
        (status = 200, body = Schedule),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn schedule(api: Shared) -> Result<Answer<Schedule>, Problem> {
    let app = api.app()?;
    let fixed = api.settings.schedules().map_err(anyhow::Error::from)?;
    let schedules = Schedules::of(fixed, &app.plugins.get());
    Ok(Answer(Schedule { schedules: schedules.look(&app.workspace.catalog, app.loader.clock.utc()).await? }))
}

/// Builds the star. Where a run goes on already, the answer is that one.
#[utoipa::path(
    post,
    path = "/pipeline",
    tag = "runs",
    responses(
        (status = 202, body = Run, description = "Location is where to ask for it"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn build(State(api): Shared) -> Result<Response, Problem> {
    Ok(begun(&start(&api, PIPELINE).await?))
}

/// Answers the questions of sql/analysis/. Where a run goes on already, the answer is that one.
#[utoipa::path(
    post,
    path = "/analysis",
    tag = "runs",
    responses(
        (status = 202, body = Run, description = "Location is where to ask for it"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn answer(State(api): Shared) -> Result<Response, Problem> {
    Ok(begun(&start(&api, ANALYSIS).await?))
}

/// Pulls what the source of a plugin has. Where a pull goes on already, the answer is that one.
#[utoipa::path(
    post,
    path = "/pulls/{plugin}",
    tag = "runs",
    params(("plugin" = String, Path, description = "Name of an enabled plugin with a source")),
    responses(
        (status = 202, body = Run, description = "Location is where to ask for it"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn pull(State(api): Shared, Path(plugin): Path<String>) -> Result<Response, Problem> {
    may_be_pulled(api.app()?, &plugin)?;
    Ok(begun(&start(&api, &plugin).await?))
}

/// Which plugin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Job {
    /// Name of an enabled plugin with a source, instead of those that are marked `default: true`.
    plugin: Option<String>,
}

/// Jobs that have begun.
#[derive(Debug, Serialize, ToSchema)]
struct Started {
    /// Always true.
    success: bool,
    /// In words.
    #[schema(example = "Job has started")]
    message: &'static str,
    /// Name of the run, by which `/runs/{id}` asks for it; of several, the first.
    job: String,
    /// Names of all of them.
    jobs: Vec<String>,
}

/// Pulls the plugins that are marked `default: true`, or the one that is named; GET does the same. A pull that goes on already is not
/// begun again.
#[utoipa::path(
    post,
    path = "/start-etl-job",
    tag = "runs",
    params(Job),
    responses(
        (status = 200, body = Started),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn start_etl_job(State(api): Shared, Query(wanted): Query<Job>) -> Result<Answer<Started>, Problem> {
    let app = api.app()?;
    let names = match wanted.plugin {
        Some(name) => {
            may_be_pulled(app, &name)?;
            vec![name]
        }
        None => app.plugins.get().defaults(),
    };
    let mut jobs = Vec::with_capacity(names.len());
    for name in names {
        jobs.push(id_of(&start(&api, &name).await?));
    }
    let job = jobs.first().cloned().ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "no enabled plugin with a source is marked default: true")
            .fix("mark one in its plugin.yaml, or name it: /start-etl-job?plugin=NAME")
    })?;
    Ok(Answer(Started { success: true, message: "Job has started", job, jobs }))
}

/// Refuses what is no enabled plugin with a source.
fn may_be_pulled(app: &App, name: &str) -> Result<(), Problem> {
    crate::ops::pull::wanted(&app.plugins.get(), name).map(|_| ()).map_err(|why| Problem::missing(why.to_string()))
}

/// Begins a run and leaves it to itself; or finds the one that goes on.
async fn start(api: &Arc<Api>, name: &str) -> Result<RunLine, Problem> {
    let app = api.app()?;
    let run = match begin(app, name).await? {
        Begun::GoesOn(run) => return Ok(run),
        Begun::New(run) => run,
    };
    let (api, app, begun) = (Arc::clone(api), Arc::clone(app), run.clone());
    let runs = api.runs.clone();
    runs.spawn(async move {
        let stop = async {
            api.ends().await;
            "the program was stopped"
        };
        match Box::pin(carry_out(&app, &api.folder, &begun, stop)).await {
            Ok(did) => info!("{}: {}", begun.name, did.words),
            Err(error) => error!("{} failed: {}", begun.name, chain(&error)),
        }
    });
    Ok(run)
}

fn begun(line: &RunLine) -> Response {
    let run = Run::of(line, Utc::now());
    let place = format!("/runs/{}", run.id);
    (StatusCode::ACCEPTED, [(header::LOCATION, place)], Answer(run)).into_response()
}
