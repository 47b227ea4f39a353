//! The one map of errors: each becomes a problem document (RFC 9457), with what to do about it. It names nothing of the inside;
//! that is in the log.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use crate::ops::rejects::RejectsError;
use crate::text::chain;
use crate::text::secrets::hidden;
use crate::warehouse::WarehouseError;

/// Seconds after which a request may go well that met a database which does not answer.
const AGAIN: u32 = 5;

/// A request that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    fix: Option<String>,
    headers: Vec<(HeaderName, String)>,
}

/// The document of a problem.
#[derive(Serialize, ToSchema)]
pub struct ProblemDocument {
    /// The kind: `about:blank`, the status says it.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The status.
    #[schema(example = 404)]
    status: u16,
    /// What is wrong.
    #[schema(example = "there is no load 7")]
    detail: String,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into(), fix: None, headers: Vec::new() }
    }

    /// A request that is wrong.
    pub fn wrong(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Something that is not there.
    pub fn missing(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// A request that goes well later.
    pub fn later(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, AGAIN.to_string())
    }

    /// Says what to do about it.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Problem {
        Problem { fix: Some(fix.into()), ..self }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Problem {
        self.headers.push((name, value.into()));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { status, detail, fix, headers } = self;
        let title = status.canonical_reason().unwrap_or("Unknown");
        let (detail, fix) = (hidden(&detail).into_owned(), fix.map(|fix| hidden(&fix).into_owned()));
        let document = ProblemDocument { kind: "about:blank", title, status: status.as_u16(), detail, fix };
        let mut response = (status, Json(document)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in headers {
            // A value of ours has no signs that a header cannot have.
            let _ = HeaderValue::from_str(&value).map(|value| response.headers_mut().insert(name, value));
        }
        response
    }
}

impl From<WarehouseError> for Problem {
    fn from(error: WarehouseError) -> Problem {
        Problem::from(anyhow::Error::from(error))
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Problem {
        Problem::from(anyhow::Error::from(error))
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Problem {
        if error.downcast_ref::<WarehouseError>().is_some_and(WarehouseError::is_transient) {
            error!("a request was put off: {}", chain(&error));
            return Problem::later("the database does not take this now")
                .fix("ask again; app doctor says why it does not");
        }
        error!("a request failed: {}", chain(&error));
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it failed within").fix("the log says why")
    }
}

impl From<RejectsError> for Problem {
    fn from(error: RejectsError) -> Problem {
        match error {
            RejectsError::NoLoad(load) => Problem::missing(format!("there is no load {load}")),
            RejectsError::NoFact(..) => Problem::missing(error.to_string()),
            RejectsError::Warehouse(error) => error.into(),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        let why = rejection.body_text();
        Problem::wrong(format!("behind the ?: {}", why.rsplit_once("query string: ").map_or(&*why, |(_, why)| why)))
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Problem {
        Problem::wrong("the address has another kind of value in it than is expected there")
    }
}
