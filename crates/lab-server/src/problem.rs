//! Errors over HTTP: RFC 9457 problem details.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lab_model::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// URI of the kind of problem.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// The kind of problem in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This occurrence in one sentence, with what to do where that is known.
    pub detail: String,
    /// What scripts branch on.
    pub code: Code,
    /// Dotted path of the field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether the same request can succeed later.
    pub retryable: bool,
}

/// The result of a handler.
pub(crate) type ApiResult<T> = Result<T, Problem>;

impl Problem {
    /// A problem that did not come from the tracker.
    pub(crate) fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            problem_type: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            field: None,
            retryable: matches!(
                status,
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
            ),
        }
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error.code() {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::ValidationError | Code::SerializationError | Code::TomlParseError => StatusCode::UNPROCESSABLE_ENTITY,
        Code::InvalidState | Code::Conflict => StatusCode::CONFLICT,
        Code::ArtifactTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::StorageError | Code::IoError if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = status_of(&error);
        if status.is_server_error() {
            // The cause may name paths of this machine: it is for the log, not for the client.
            let chain = std::iter::successors(std::error::Error::source(&error), |e| e.source());
            let causes: Vec<String> = chain.map(ToString::to_string).collect();
            tracing::error!(code = %error.code(), causes = causes.join(": "), "request failed: {error}");
        }
        Self {
            field: error.field().map(str::to_owned),
            retryable: error.is_retryable(),
            ..Self::new(status, error.code(), error.to_string())
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.retryable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Answers for a handler that panicked: a defect, which takes down one request and not the server.
#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
pub(crate) fn from_panic(payload: Box<dyn Any + Send>) -> Response {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without text");
    tracing::error!("a request handler panicked: {text}");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        Code::InternalError,
        "the server ran into a defect of its own; its log says more",
    )
    .into_response()
}
