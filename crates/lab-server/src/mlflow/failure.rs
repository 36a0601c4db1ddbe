//! Errors as MLflow's clients read them: a name they branch on and a sentence that people match.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lab_model::{Code, Error, Kind};
use serde_json::json;

/// What a request is refused with.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    error_code: &'static str,
    message: String,
}

/// The result of a handler.
pub(super) type Reply<T> = Result<T, Failure>;

impl Failure {
    fn new(status: StatusCode, error_code: &'static str, message: impl Into<String>) -> Self {
        Self { status, error_code, message: message.into() }
    }

    /// A value is missing, malformed or out of range.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE", message)
    }

    /// The parameter is missing or empty.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::invalid(format!(
            "Missing value for required parameter '{parameter}'. See the API docs for more information about request \
             parameters."
        ))
    }

    /// Nothing has that id or name.
    pub(super) fn absent(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "RESOURCE_DOES_NOT_EXIST", message)
    }

    /// The name is taken.
    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "RESOURCE_ALREADY_EXISTS", message)
    }

    /// What is asked for cannot be done in this state. Not a failure of the server, so that clients do not try again.
    pub(super) fn state(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_STATE", message)
    }

    /// A page's token that this server did not give.
    pub(super) fn page_token(token: &str) -> Self {
        Self::invalid(format!("Invalid page token '{token}': pass the next_page_token of the page before."))
    }

    /// The request as a whole is malformed.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// No such endpoint: clients fall back to an older one.
    pub(super) fn no_endpoint(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", format!("No endpoint '{path}'."))
    }

    /// The endpoint does not take that method.
    pub(super) fn no_method(path: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "ENDPOINT_NOT_FOUND",
            format!("The endpoint '{path}' does not take that method."),
        )
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NotFound { kind, id } => return not_found(*kind, id),
            Error::WrongState { kind: Kind::Run, id, actual: "deleted", .. } => {
                let id = id.replace('-', "");
                return Self::invalid(format!("The run {id} must be in the 'active' state. Current state is deleted."));
            }
            Error::Conflict { kind: Kind::Experiment, id, .. } => {
                return Self::exists(format!("Experiment(name={id}) already exists."));
            }
            Error::Storage { .. } | Error::Io { .. } if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            _ => match error.code() {
                Code::ValidationError
                | Code::InvalidState
                | Code::Conflict
                | Code::ArtifactTooLarge
                | Code::SerializationError => return Self::invalid(error.to_string()),
                Code::Unauthorized => return Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", error.to_string()),
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        };
        // The cause may name paths of this machine: it is for the log, not for the client.
        let chain = std::iter::successors(std::error::Error::source(&error), |e| e.source());
        let causes: Vec<String> = chain.map(ToString::to_string).collect();
        tracing::error!(code = %error.code(), causes = causes.join(": "), "request failed: {error}");
        let error_code =
            if status == StatusCode::SERVICE_UNAVAILABLE { "TEMPORARILY_UNAVAILABLE" } else { "INTERNAL_ERROR" };
        Self::new(status, error_code, error.to_string())
    }
}

fn not_found(kind: Kind, id: &str) -> Failure {
    Failure::absent(match kind {
        Kind::Experiment => match uuid::Uuid::try_parse(id) {
            Ok(uuid) => format!("No Experiment with id={} exists", uuid.as_u128()),
            Err(_) => format!("Could not find experiment with name '{id}'"),
        },
        Kind::Run => format!("Run with id={} not found", id.replace('-', "")),
        _ => format!("No {kind} '{id}'."),
    })
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, error_code, message } = self;
        (status, axum::Json(json!({ "error_code": error_code, "message": message }))).into_response()
    }
}
