//! For whoever watches the server.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::AppState;
use crate::problem::ApiResult;

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// The process runs.
async fn alive() -> &'static str {
    "ok\n"
}

/// The store can be read and written.
async fn ready(State(state): State<AppState>) -> ApiResult<&'static str> {
    state.tracker.check().await?;
    Ok("ready\n")
}

/// Counters in Prometheus' text format.
async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let last_event = state.tracker.last_event().await.unwrap_or(0);
    let text = state.telemetry.render(last_event);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
