//! Files that are pushed. Their bytes go to disk beside the programs' places, and once they are whole they are claimed files, which
//! the watch of the folder loads as all others.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};
use tracing::info;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Path, Query};
use super::problem::{Problem, ProblemDocument};
use super::uploads::OFFSET;
use super::{Api, Shared};
use crate::app::App;
use crate::catalog::LoadStatus;
use crate::ops::loads::{Load, in_full};
use crate::source::{Folder, Received, Upload, claimed_file, places};
use crate::text::shown::shown;
use crate::worker::{left_by_name, read_state};

/// Longest time without a byte of a body.
const QUIET: Duration = Duration::from_secs(60);

/// Longest wait for the load of a file, where the request does not say it.
const PATIENCE: Duration = Duration::from_secs(300);

/// Pause between two looks at a claim.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn of_writers() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(push))
}

pub(super) fn of_readers() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(claimed))
}

/// What became of a file that was pushed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pushed {
    /// Name of the file.
    name: String,
    /// Name of its claim, by which the ledger knows its loads: `/claims/{claim}` asks for them.
    claim: String,
    /// BLAKE3 of its bytes, where it was just received.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    /// Its bytes, where it was just received.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// `waiting` (in its turn, or in hand), `loaded`, `rejects` (loaded, and some records were refused), `duplicate` or `failed`.
    status: &'static str,
    /// Why it waits, where something keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The loads of the file or of its parts, as `app loads --json` prints them.
    loads: Vec<Load>,
}

impl Pushed {
    /// The status of an answer that waited for the load.
    fn code(&self) -> StatusCode {
        match self.status {
            "waiting" => StatusCode::ACCEPTED,
            "rejects" => StatusCode::MULTI_STATUS,
            "failed" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }

    async fn of(app: &App, folder: &std::path::Path, claim: &str) -> Result<Pushed, Problem> {
        // In this order: a load that ends between the two is found.
        let waits = claimed_file(folder, claim)?;
        let lines = app.workspace.catalog.loads_of_claim(claim).await?;
        let loads = in_full(&app.workspace, lines.clone()).await?;
        let is = |status: LoadStatus| lines.iter().any(|line| line.status == status);
        let status = match () {
            () if waits.is_some() => "waiting",
            () if lines.is_empty() || is(LoadStatus::Failed) => "failed",
            () if lines.iter().any(|line| line.rows_rejected > 0) => "rejects",
            () if lines.iter().all(|line| line.status == LoadStatus::Duplicate) => "duplicate",
            () => "loaded",
        };
        let loaded = || lines.first().and_then(|line| line.source.split('/').next()).unwrap_or_default().to_owned();
        let why = waits.as_deref().and_then(|name| why_it_waits(folder, name));
        let name = waits.unwrap_or_else(loaded);
        Ok(Pushed { name, claim: claim.to_owned(), hash: None, bytes: None, status, why, loads })
    }
}

/// How long to wait for the load.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Wait for the load, and answer with what became of it: true, or so many seconds at most.
    #[param(example = "true")]
    wait: Option<String>,
}

impl Wait {
    fn time(&self) -> Result<Option<Duration>, Problem> {
        match self.wait.as_deref() {
            None | Some("false") => Ok(None),
            Some("" | "true") => Ok(Some(PATIENCE)),
            Some(text) => match text.parse() {
                Ok(seconds @ 0..=3600) => Ok(Some(Duration::from_secs(seconds))),
                _ => Err(Problem::wrong("wait: expected true, false, or 0 to 3600 seconds")),
            },
        }
    }
}

/// Pushes a file: it is loaded in its turn, exactly once, as if it had been copied into imports/.
///
/// `curl -T orders.csv http://localhost:5000/imports/?wait=true` appends the name by itself.
#[utoipa::path(
    put,
    path = "/imports/{name}",
    tag = "files",
    params(("name" = String, Path, description = "Name of the file, as it would have in imports/", example = "orders.csv"), Wait),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the file"),
    responses(
        (status = 200, body = Pushed, description = "Loaded; or the same content is in the table"),
        (status = 201, body = Pushed, description = "Received, to be loaded in its turn"),
        (status = 202, body = Pushed, description = "Not loaded in the time that the request waits"),
        (status = 207, body = Pushed, description = "Loaded, but for the records that were refused"),
        (status = 422, body = Pushed, description = "It failed: it lies in imports/failed/ with the reason"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn push(
    State(api): Shared,
    Path(name): Path<String>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (app, wait) = (api.app()?, wait.time()?);
    may_be_called(app, &name)?;
    if headers.contains_key(header::CONTENT_RANGE) {
        let why = "Content-Range: a part of a file is no file; parts go to /uploads, by tus";
        return Err(Problem::wrong(why));
    }
    let most = api.settings.http.max_upload;
    if let Some(length) =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        && length > most
    {
        return Err(too_large(most));
    }
    let folder = intake(app)?;
    let upload = folder.begin_upload(None).map_err(unwritten)?;
    let mut file = held(&upload, 0)?;
    let written = append(&mut file, body, 0, most).await?;
    let Received { claim, hash } = receive(app, &folder, (&upload, file), &name)?;
    let waiting = || Pushed {
        name: name.clone(),
        claim: claim.clone(),
        hash: None,
        bytes: None,
        status: "waiting",
        why: None,
        loads: Vec::new(),
    };
    let mut found = match wait {
        None => waiting(),
        // It was received, whatever the database says to a question.
        Some(wait) => waited(&api, app, &claim, wait).await.unwrap_or_else(|_| waiting()),
    };
    (found.hash, found.bytes) = (Some(hash), Some(written));
    let code = if wait.is_some() { found.code() } else { StatusCode::CREATED };
    let place = format!("/claims/{}", found.claim);
    Ok((code, [(header::LOCATION, place)], Answer(found)).into_response())
}

/// Tells what became of a file that was pushed.
#[utoipa::path(
    get,
    path = "/claims/{claim}",
    tag = "files",
    params(("claim" = String, Path, description = "Name of the claim, as PUT /imports/{name} gave it")),
    responses(
        (status = 200, body = Pushed),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn claimed(api: Shared, Path(claim): Path<String>) -> Result<Answer<Pushed>, Problem> {
    let app = api.app()?;
    if !api.folder.is_dir() {
        return Err(Problem::later("imports/ is not there, so it is not known what waits in it"));
    }
    let found = Pushed::of(app, &api.folder, &claim).await?;
    match found.loads.is_empty() && found.status != "waiting" {
        true => Err(Problem::missing(format!("no file that was pushed has the claim {}", shown(&claim)))),
        false => Ok(Answer(found)),
    }
}

/// Waits until a file is loaded and gone, or in `failed/`.
async fn waited(api: &Api, app: &App, claim: &str, wait: Duration) -> Result<Pushed, Problem> {
    let end = Instant::now() + wait;
    let ends = api.ends();
    tokio::pin!(ends);
    while Instant::now() < end && claimed_file(&api.folder, claim)?.is_some() {
        tokio::select! {
            () = &mut ends => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Pushed::of(app, &api.folder, claim).await
}

/// What a program says of a file that it tries again.
fn why_it_waits(folder: &std::path::Path, name: &str) -> Option<String> {
    let states = places(folder).unwrap_or_default().into_iter().filter_map(|place| read_state(&place));
    let mut said = states.filter_map(|state| {
        let again = state.put_back.get(name).map(|held| held.why.clone());
        again.or_else(|| state.held.get(name).cloned()).or(state.trouble.map(|held| held.why))
    });
    said.next()
}

/// Refuses names under which a file would not be loaded, or that are no names of files.
pub(super) fn may_be_called(app: &App, name: &str) -> Result<(), Problem> {
    let is_name = !name.is_empty()
        && name.len() <= 255
        && !name.contains(['/', '\\', '\0'])
        && !name.chars().any(char::is_control);
    if !is_name {
        return Err(Problem::wrong("the name of a file has up to 255 bytes, and none of / \\ and control characters"));
    }
    let plugins = app.plugins.get();
    match left_by_name(name, &|name| plugins.claims(name)) {
        None => Ok(()),
        Some(why) => {
            let detail = format!("a file called {} would not be loaded: {why}", shown(name));
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

/// The place that files are received in.
pub(super) fn intake(app: &App) -> Result<Arc<Folder>, Problem> {
    app.intake.folder().ok_or_else(|| Problem::later("nobody watches the folder, or it is not there"))
}

/// Holds the file of an upload, which is to have so many bytes: until it is dropped, nobody else appends to it or receives it.
pub(super) fn held(upload: &Upload, bytes: u64) -> Result<File, Problem> {
    let file = upload.file().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Problem::new(StatusCode::LOCKED, "another request sends this file now"),
        io::ErrorKind::NotFound => {
            Problem::new(StatusCode::CONFLICT, "another request has received it; ask for its offset")
        }
        _ => unwritten(error),
    })?;
    match file.metadata().map_err(unwritten)?.len() {
        there if there == bytes => Ok(file),
        there => {
            let why = format!("{there} bytes have come, not {bytes}");
            Err(Problem::new(StatusCode::CONFLICT, why).with(OFFSET, there.to_string()))
        }
    }
}

/// Appends a body to a file of so many bytes, which has `most` of them at most then; returns their number. A cut body leaves what came.
pub(super) async fn append(file: &mut File, body: Body, mut bytes: u64, most: u64) -> Result<u64, Problem> {
    let mut parts = body.into_data_stream();
    loop {
        let Ok(part) = timeout(QUIET, parts.next()).await else {
            let why = format!("no byte came for {} s", QUIET.as_secs());
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, why));
        };
        let Some(part) = part else { break };
        let part = part.map_err(|_| Problem::wrong("the body was cut"))?;
        bytes += part.len() as u64;
        if bytes > most {
            return Err(too_large(most));
        }
        // Short writes into the page cache.
        tokio::task::block_in_place(|| file.write_all(&part)).map_err(unwritten)?;
    }
    Ok(bytes)
}

/// Makes a whole upload, whose file is held, a file of the watch.
pub(super) fn receive(
    app: &App,
    folder: &Folder,
    (upload, held): (&Upload, File),
    name: &str,
) -> Result<Received, Problem> {
    let (hash, file) = tokio::task::block_in_place(|| {
        let hash = upload.hash()?;
        io::Result::Ok((hash, folder.receive(upload, &held, OsStr::new(name))?))
    })
    .map_err(unwritten)?;
    // A file that somebody has open for writing is not loaded.
    drop(held);
    let claim = file.claim().unwrap_or_default();
    info!(file.path = name, claim, "received over HTTP");
    app.intake.give(file);
    Ok(Received { claim, hash })
}

fn too_large(most: u64) -> Problem {
    let detail = format!("the file is larger than {most} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).fix("set HTTP_MAX_UPLOAD, or copy it into imports/")
}

/// A disk that takes no more.
pub(super) fn unwritten(error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "the disk is full")
                .fix("make room on it, and send the file again")
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::About;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_part_that_comes_twice_is_appended_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let about = About { name: "x.csv".to_owned(), length: 8, received: None };
        let upload = folder.begin_upload(Some(&about)).unwrap();
        let status = |found: Result<File, Problem>| found.unwrap_err().into_response().status();
        // Both have asked for the offset before one of them writes.
        let mut first = held(&upload, 0).unwrap();
        assert_eq!(status(held(&upload, 0)), StatusCode::LOCKED);
        assert_eq!(append(&mut first, Body::from("a,b\n"), 0, 8).await.unwrap(), 4);
        drop(first);
        assert_eq!(status(held(&upload, 0)), StatusCode::CONFLICT);
        let mut second = held(&upload, 4).unwrap();
        assert_eq!(append(&mut second, Body::from("1,2\n3"), 4, 8).await.unwrap_err().into_response().status(), 413);
        folder.receive(&upload, &second, OsStr::new("x.csv")).unwrap();
        drop(second);
        assert_eq!(status(held(&upload, 4)), StatusCode::CONFLICT);
    }
}
