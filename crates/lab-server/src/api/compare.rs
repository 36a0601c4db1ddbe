//! Comparison of runs.

use axum::extract::State;
use lab_tracker::compare::{CompareRequest, Comparison};

use crate::AppState;
use crate::extract::Json;
use crate::problem::{ApiResult, Problem};

/// Compare groups of runs: which differences are real, and what differs in how they were made.
#[utoipa::path(post, path = "/api/v1/compare", tag = "comparison", request_body = CompareRequest,
    responses((status = OK, body = Comparison), (status = NOT_FOUND, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn compare_runs(
    State(state): State<AppState>,
    Json(request): Json<CompareRequest>,
) -> ApiResult<axum::Json<Comparison>> {
    Ok(axum::Json(state.tracker.compare(request).await?))
}
