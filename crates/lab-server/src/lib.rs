//! The HTTP faces of the tracker: native API, MLflow's tracking API, event stream, metrics for Prometheus and the web
//! page.
//!
//! A handler takes its input apart, makes one call of the tracker and writes the answer. It decides nothing: a rule that
//! lived here would not hold for the next face.
//!
//! [`router`] is the whole server without a socket. The command line calls it in its own process when there is no server,
//! so that both ways are one.

mod api;
mod arrow;
mod extract;
mod guard;
mod health;
mod limits;
mod mlflow;
mod page;
mod problem;
mod serve;
mod state;
mod telemetry;

pub use api::openapi;
pub use api::types;
pub use guard::AllowedHosts;
pub use limits::Limits;
pub use problem::Problem;
pub use serve::{ServeOptions, serve};
pub use state::AppState;

use axum::Router;
use axum::middleware::from_fn_with_state;

/// Everything that the server answers, in the order requests pass through it: outermost last.
pub fn router(state: AppState) -> Router {
    let (api, document) = api::router(&state);
    Router::new()
        .merge(api)
        .merge(api::openapi_route(document))
        .merge(mlflow::router(&state))
        .merge(health::router())
        .merge(page::router())
        .fallback(page::fallback)
        .method_not_allowed_fallback(page::method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(problem::from_panic))
        .layer(from_fn_with_state(state.clone(), guard::check_host_and_origin))
        .layer(from_fn_with_state(state.clone(), telemetry::observe))
        .with_state(state)
}
