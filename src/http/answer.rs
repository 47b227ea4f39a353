//! Answers as JSON, without the values that are kept secret; and what requests say, with errors as problems.

use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;
use crate::text::secrets::hidden;

/// A value as JSON.
pub(super) struct Answer<T>(pub T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string(&self.0) {
            Ok(text) => {
                let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                (StatusCode::OK, [json], hidden(&text).into_owned()).into_response()
            }
            Err(error) => Problem::from(anyhow::Error::from(error)).into_response(),
        }
    }
}

/// Words of the query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub T);

/// Words of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub T);
