//! The native API, `/api/v1`: one list of routes that is the router and the OpenAPI document at once.

mod artifacts;
mod compare;
mod events;
mod experiments;
mod lineage;
mod logs;
mod metrics;
mod records;
mod runs;
pub mod types;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::get;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{AppState, Limits};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "LLM-Research-Lab",
        description = "Experiments, runs, metrics, artifacts and their lineage.\n\nIn paths, `{experiment}` is an id or a \
                       name, and `{run}` an id, the beginning of one, `EXPERIMENT#NUMBER` or a name that only one run \
                       has. Errors are problem details (RFC 9457) with a stable `code`. Lists are paged by `limit` and \
                       an opaque `cursor`. Times are RFC 3339 in UTC. NaN and infinities are the texts `NaN`, \
                       `Infinity` and `-Infinity`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "experiments", description = "Questions, and where they stand"),
        (name = "runs", description = "Executions, their lifecycle and what they were started with"),
        (name = "metrics", description = "What runs measured"),
        (name = "artifacts", description = "Files that runs left behind"),
        (name = "comparison", description = "Which differences are real"),
        (name = "lineage", description = "What came from what"),
        (name = "events", description = "What happened, in order"),
        (name = "delivery", description = "What logging clients send: at least once, counted once"),
    )
)]
struct Api;

/// The routes with the document that describes them.
pub(crate) fn router(state: &AppState) -> (Router<AppState>, Document) {
    let bounded = OpenApiRouter::new()
        .routes(routes!(experiments::list_experiments, experiments::create_experiment))
        .routes(routes!(experiments::get_experiment, experiments::update_experiment))
        .routes(routes!(experiments::move_experiment))
        .routes(routes!(experiments::experiment_lineage))
        .routes(routes!(runs::create_run))
        .routes(routes!(runs::list_runs))
        .routes(routes!(runs::search_runs))
        .routes(routes!(runs::get_run, runs::update_run, runs::delete_run))
        .routes(routes!(runs::move_run))
        .routes(routes!(runs::log_parameters))
        .routes(routes!(runs::use_input))
        .routes(routes!(runs::set_environment))
        .routes(routes!(runs::heartbeat))
        .routes(routes!(metrics::list_metrics, metrics::log_metrics))
        .routes(routes!(metrics::get_points))
        .routes(routes!(metrics::get_series))
        .routes(routes!(metrics::list_values, metrics::log_values))
        .routes(routes!(logs::read_log, logs::append_log))
        .routes(routes!(artifacts::get_artifact))
        .routes(routes!(compare::compare_runs))
        .routes(routes!(compare::gate))
        .routes(routes!(compare::noise))
        .routes(routes!(compare::hypotheses))
        .routes(routes!(lineage::get_lineage))
        .routes(routes!(records::deliver))
        .routes(routes!(records::get_writer))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, state.limits.request_timeout))
        .layer(DefaultBodyLimit::max(state.limits.max_body_bytes))
        // The limit counts what comes out of it.
        .layer(RequestDecompressionLayer::new());
    // Streams last as long as they last; what they carry is bounded by the tracker.
    let streaming = OpenApiRouter::new()
        .routes(routes!(artifacts::list_artifacts, artifacts::log_artifact))
        .routes(routes!(artifacts::get_run_artifact_content))
        .routes(routes!(artifacts::get_artifact_content))
        .routes(routes!(records::put_object))
        .routes(routes!(events::follow_events))
        .layer(DefaultBodyLimit::disable());
    let (router, mut document) =
        OpenApiRouter::with_openapi(Api::openapi()).merge(bounded).merge(streaming).split_for_parts();
    describe_replies(&mut document);
    (router, document)
}

/// The specification wants every reply described; those without words of their own get the name of their status.
fn describe_replies(document: &mut Document) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            for (status, reply) in &mut operation.responses.responses {
                let status = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
                if let (Some(status), RefOr::T(reply)) = (status, reply)
                    && reply.description.is_empty()
                {
                    status.canonical_reason().unwrap_or("Reply").clone_into(&mut reply.description);
                }
            }
        }
    }
}

/// The document that describes the API.
#[must_use]
pub fn openapi(state: &AppState) -> Document {
    router(state).1
}

/// Serves the document.
pub(crate) fn openapi_route(document: Document) -> Router<AppState> {
    Router::new().route("/api/v1/openapi.json", get(async move || axum::Json(document)))
}

impl Limits {
    /// How much of a list one request may ask for.
    pub(crate) const DEFAULT_PAGE: u32 = 100;
}
