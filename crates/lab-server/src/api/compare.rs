//! Comparison of runs, and what stands beside it: noise, gates, hypotheses.

use axum::extract::State;
use lab_tracker::compare::{
    CompareRequest, Comparison, GateAnswer, GateRequest, HypothesisReport, NoiseReport, NoiseRequest,
};

use crate::AppState;
use crate::extract::{Json, Path};
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

/// Ask whether one group is better than another by more than noise. Each new look is counted and paid for.
#[utoipa::path(post, path = "/api/v1/compare/gate", tag = "comparison", request_body = GateRequest,
    responses((status = OK, body = GateAnswer), (status = NOT_FOUND, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn gate(
    State(state): State<AppState>,
    Json(request): Json<GateRequest>,
) -> ApiResult<axum::Json<GateAnswer>> {
    Ok(axum::Json(state.tracker.gate(request).await?))
}

/// How much runs of an experiment vary that differ only in their seed, or in nothing.
#[utoipa::path(post, path = "/api/v1/experiments/{experiment}/noise", tag = "comparison",
    params(("experiment" = String, Path, description = "Id or name")), request_body = NoiseRequest,
    responses((status = OK, body = NoiseReport), (status = NOT_FOUND, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn noise(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
    Json(request): Json<NoiseRequest>,
) -> ApiResult<axum::Json<NoiseReport>> {
    let id = state.tracker.resolve_experiment(&experiment).await?.id;
    Ok(axum::Json(state.tracker.noise(id, request).await?))
}

/// The hypotheses of an experiment: their wordings, how far their runs have come, and what came of them.
#[utoipa::path(get, path = "/api/v1/experiments/{experiment}/hypotheses", tag = "comparison",
    params(("experiment" = String, Path, description = "Id or name")),
    responses((status = OK, body = Vec<HypothesisReport>), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn hypotheses(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
) -> ApiResult<axum::Json<Vec<HypothesisReport>>> {
    let id = state.tracker.resolve_experiment(&experiment).await?.id;
    Ok(axum::Json(state.tracker.hypotheses(id).await?))
}
