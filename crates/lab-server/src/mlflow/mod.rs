//! MLflow's tracking API, for clients that have it in their code: point `MLFLOW_TRACKING_URI` at this server.
//!
//! Runs logged here are runs like any other. A file for each resource: its routes, what it reads and what it answers. The
//! rules of MLflow's clients are `lab_tracker`'s; only shapes, names and limits are here.

mod describe;
mod entities;
mod experiments;
mod failure;
mod ids;
mod info;
mod inputs;
mod listing;
mod logging;
mod metrics;
mod names;
mod numbers;
mod params;
mod runs;
mod search;
mod wire;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_http::timeout::TimeoutLayer;

use crate::AppState;
use failure::{Failure, Reply};
pub(crate) use metrics::Histories;

/// The routes, for the clients and for the page that MLflow has.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    let bounded = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, state.limits.request_timeout);
    let second = Router::new()
        .merge(experiments::routes())
        .merge(inputs::routes())
        .merge(listing::routes())
        .merge(logging::routes())
        .merge(metrics::routes())
        .merge(runs::routes())
        .merge(search::experiment_routes())
        .merge(search::run_routes())
        .fallback(no_endpoint)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(state.clone(), with_default_experiment))
        .layer(DefaultBodyLimit::max(state.limits.max_body_bytes))
        .layer(bounded);
    let third = info::routes().fallback(no_endpoint).method_not_allowed_fallback(no_method);
    Router::new()
        .merge(info::top_routes())
        .nest("/api/2.0/mlflow", second.clone())
        .nest("/ajax-api/2.0/mlflow", second)
        .nest("/api/3.0/mlflow", third.clone())
        .nest("/ajax-api/3.0/mlflow", third)
}

/// Clients take it for granted that there is an experiment `0`; it is made when the first of them asks for anything.
async fn with_default_experiment(State(state): State<AppState>, request: Request, next: Next) -> Reply<Response> {
    let ready = state.default_experiment.get_or_try_init(|| experiments::make_default(&state.tracker));
    ready.await?;
    Ok(next.run(request).await)
}

async fn no_endpoint(OriginalUri(uri): OriginalUri) -> Failure {
    Failure::no_endpoint(uri.path())
}

async fn no_method(OriginalUri(uri): OriginalUri) -> Failure {
    Failure::no_method(uri.path())
}
