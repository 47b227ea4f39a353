//! Uploads in parts, by tus 1.0 (<https://tus.io/protocols/resumable-upload>): core, creation, checksum, expiration, termination. What
//! came stays over a restart; once all of it is there it goes the way of every file that is pushed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use tracing::warn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Path;
use super::imports::{append, held, intake, may_be_called, receive, unwritten};
use super::problem::{Problem, ProblemDocument};
use super::{Api, Shared};
use crate::app::App;
use crate::source::{About, Folder, Upload};

/// The version of the protocol.
const VERSION: &str = "1.0.0";

/// How long an upload that nobody goes on with is kept.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const CLAIM: HeaderName = HeaderName::from_static("sluice-claim");

pub(super) fn of_writers() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(create, offered))
        .routes(routes!(offset, patch, terminate))
        .layer(axum::middleware::from_fn(of_this_version))
}

/// Refuses clients of another version of the protocol, and says the own one with each answer.
async fn of_this_version(request: Request, next: Next) -> Response {
    let is_asked = request.method() == axum::http::Method::OPTIONS;
    let mut response = match request.headers().get(RESUMABLE) {
        Some(version) if version == VERSION => next.run(request).await,
        _ if is_asked => next.run(request).await,
        _ => {
            let why = "the header Tus-Resumable: 1.0.0 is missing, or names another version";
            Problem::new(StatusCode::PRECONDITION_FAILED, why)
                .with(HeaderName::from_static("tus-version"), VERSION)
                .into_response()
        }
    };
    response.headers_mut().insert(RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// Tells what of tus is understood.
#[utoipa::path(options, path = "/uploads", tag = "files", responses((status = 204, description = "In the headers")))]
async fn offered(State(api): Shared) -> Response {
    let most = api.settings.http.max_upload.to_string();
    let headers = [
        (HeaderName::from_static("tus-version"), VERSION),
        (HeaderName::from_static("tus-extension"), "creation,checksum,expiration,termination"),
        (HeaderName::from_static("tus-checksum-algorithm"), "sha1,sha256,sha512"),
        (HeaderName::from_static("tus-max-size"), &most),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begins an upload in parts; `Upload-Metadata: filename BASE64` names the file.
#[utoipa::path(
    post,
    path = "/uploads",
    tag = "files",
    params(
        ("Tus-Resumable" = String, Header, example = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "Bytes of the file"),
        ("Upload-Metadata" = String, Header, description = "filename and its name in Base64", example = "filename b3JkZXJzLmNzdg==")
    ),
    responses(
        (status = 201, description = "Begun; Location is where its parts go"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn create(State(api): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let app = api.app()?;
    if headers.contains_key("upload-concat") {
        return Err(Problem::wrong("Upload-Concat: that extension of tus is not understood"));
    }
    let length = number(&headers, &LENGTH)?;
    let most = api.settings.http.max_upload;
    if length > most {
        let why = format!("the file is larger than {most} bytes");
        return Err(
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why).fix("set HTTP_MAX_UPLOAD, or copy it into imports/")
        );
    }
    let name = named(&headers)
        .ok_or_else(|| Problem::wrong("Upload-Metadata: expected filename and the file's name in Base64"))?;
    may_be_called(app, &name)?;
    let folder = intake(app)?;
    let about = About { name, length, received: None };
    let upload = folder.begin_upload(Some(&about)).map_err(unwritten)?;
    let place = format!("/uploads/{}", upload.id());
    let mut answer = (StatusCode::CREATED, [(header::LOCATION, place), (EXPIRES, expires())]).into_response();
    if length == 0 {
        finished(app, &folder, &upload, about, &mut answer)?;
    }
    Ok(answer)
}

/// Tells how many bytes have come.
#[utoipa::path(
    head,
    path = "/uploads/{id}",
    tag = "files",
    params(
        ("id" = String, Path, description = "As the Location of its creation has it"),
        ("Tus-Resumable" = String, Header, example = "1.0.0")
    ),
    responses(
        (status = 200, description = "In Upload-Offset; with Sluice-Claim once the file was received"),
        (status = "4XX", description = "There is none"),
        (status = "5XX", description = "It cannot be told now")
    )
)]
async fn offset(State(api): Shared, Path(id): Path<String>) -> Result<Response, Problem> {
    let app = api.app()?;
    let (folder, upload, about) = found(app, &id)?;
    let length = about.length;
    let mut answer = ().into_response();
    let bytes = match about.received.is_some() {
        true => length,
        false => upload.bytes().map_err(unwritten)?,
    };
    if bytes == length {
        // A program that ended before it had received the whole file.
        finished(app, &folder, &upload, about, &mut answer)?;
    }
    put(&mut answer, OFFSET, &bytes.to_string());
    put(&mut answer, LENGTH, &length.to_string());
    put(&mut answer, EXPIRES, &expires());
    Ok(answer)
}

/// Appends a part, from the offset at which the upload stands.
#[utoipa::path(
    patch,
    path = "/uploads/{id}",
    tag = "files",
    params(
        ("id" = String, Path, description = "As the Location of its creation has it"),
        ("Tus-Resumable" = String, Header, example = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Bytes that have come"),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1, sha256 or sha512, and the hash of the part in Base64")
    ),
    request_body(content = String, content_type = "application/offset+octet-stream", description = "The bytes of the part"),
    responses(
        (status = 204, description = "It came; with Sluice-Claim once all of the file is there"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn patch(
    State(api): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let app = api.app()?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/offset+octet-stream") {
        let why = "Content-Type: expected application/offset+octet-stream";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let (from, checksum) = (number(&headers, &OFFSET)?, Checksum::of(&headers)?);
    let (folder, upload, about) = found(app, &id)?;
    let there = match about.received.is_some() {
        true => about.length,
        false => upload.bytes().map_err(unwritten)?,
    };
    if from != there {
        let why = format!("Upload-Offset: {there} bytes have come, not {from}");
        return Err(Problem::new(StatusCode::CONFLICT, why).with(OFFSET, there.to_string()));
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let mut bytes = there;
    if about.received.is_none() {
        let mut file = held(&upload, from)?;
        let came = append(&mut file, body, from, about.length).await;
        if let Some(checksum) = checksum
            && !tokio::task::block_in_place(|| checksum.is_of(&upload, from)).map_err(unwritten)?
        {
            file.set_len(from).map_err(unwritten)?;
            let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
            return Err(Problem::new(status, "Upload-Checksum: the part has another one; it was left out"));
        }
        bytes = came?;
    }
    if bytes == about.length {
        finished(app, &folder, &upload, about, &mut answer)?;
    }
    put(&mut answer, OFFSET, &bytes.to_string());
    put(&mut answer, EXPIRES, &expires());
    Ok(answer)
}

/// Gives an upload up. One that was received is loaded all the same.
#[utoipa::path(
    delete,
    path = "/uploads/{id}",
    tag = "files",
    params(
        ("id" = String, Path, description = "As the Location of its creation has it"),
        ("Tus-Resumable" = String, Header, example = "1.0.0")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn terminate(State(api): Shared, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let (_, upload, _) = found(api.app()?, &id)?;
    upload.discard().map_err(unwritten)?;
    Ok(StatusCode::NO_CONTENT)
}

fn found(app: &App, id: &str) -> Result<(Arc<Folder>, Upload, About), Problem> {
    let folder = intake(app)?;
    let upload = folder.upload(id).map_err(unwritten)?;
    let (upload, about) = upload.ok_or_else(|| Problem::missing("there is no such upload, or not any more"))?;
    Ok((folder, upload, about))
}

/// Receives the file of a whole upload, once, and says its claim.
fn finished(app: &App, folder: &Folder, upload: &Upload, about: About, answer: &mut Response) -> Result<(), Problem> {
    let received = match about.received {
        Some(received) => received,
        None => {
            let file = held(upload, about.length)?;
            let received = receive(app, folder, (upload, file), &about.name)?;
            // It was received, whether that can be noted or not.
            if let Err(error) = upload.know(&About { received: Some(received.clone()), ..about }) {
                warn!(claim = received.claim, "cannot note that an upload was received: {error}");
            }
            received
        }
    };
    put(answer, CLAIM, &received.claim);
    Ok(())
}

/// The checksum of a part.
struct Checksum {
    kind: &'static digest::Algorithm,
    hash: Vec<u8>,
}

impl Checksum {
    fn of(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
        let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
        let wrong = || Problem::wrong("Upload-Checksum: expected sha1, sha256 or sha512 and a hash in Base64");
        let (kind, hash) = value.to_str().ok().and_then(|text| text.trim().split_once(' ')).ok_or_else(wrong)?;
        let kind = match kind {
            "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => &digest::SHA256,
            "sha512" => &digest::SHA512,
            _ => return Err(wrong()),
        };
        Ok(Some(Checksum { kind, hash: STANDARD.decode(hash.trim()).map_err(|_| wrong())? }))
    }

    /// True if it is that of the bytes behind an offset.
    fn is_of(&self, upload: &Upload, from: u64) -> std::io::Result<bool> {
        let mut context = digest::Context::new(self.kind);
        upload.read_from(from, &mut |bytes| context.update(bytes))?;
        Ok(context.finish().as_ref() == self.hash)
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let found = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    found.ok_or_else(|| Problem::wrong(format!("{name}: expected a number of bytes")))
}

/// The name in `Upload-Metadata: filename BASE64, ...`.
fn named(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get(METADATA)?.to_str().ok()?.split(',');
    let value = pairs.filter_map(|pair| pair.trim().split_once(' ')).find(|(key, _)| *key == "filename")?.1;
    String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()
}

fn expires() -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now() + KEPT)
}

fn put(answer: &mut Response, name: HeaderName, value: &str) {
    // Numbers, dates and claims have no signs that a header cannot have.
    let _ = HeaderValue::from_str(value).map(|value| answer.headers_mut().insert(name, value));
}
