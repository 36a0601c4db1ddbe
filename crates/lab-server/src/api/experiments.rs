//! Experiments.

use axum::extract::State;
use axum::http::StatusCode;
use lab_model::{
    Cursor, Experiment, ExperimentPatch, ExperimentQuery, Filter, LineageGraph, NewExperiment, Page, Paged, Sort,
};
use lab_tracker::ExperimentOverview;

use super::types::{ExpectRevision, GetLineage, ListExperiments, MoveExperiment};
use crate::extract::{Json, Path, Query};
use crate::problem::{ApiResult, Problem};
use crate::{AppState, Limits};

/// The page that a list asks for.
pub(super) fn page(limit: Option<u32>, cursor: Option<Cursor>) -> ApiResult<Page> {
    Ok(Page { cursor, ..Page::first(limit.unwrap_or(Limits::DEFAULT_PAGE))? })
}

pub(super) fn filter(text: Option<&str>) -> ApiResult<Option<Filter>> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    Ok(text.map(Filter::parse).transpose().map_err(lab_model::Error::from)?)
}

pub(super) fn sort(text: Option<&str>) -> ApiResult<Vec<Sort>> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    Ok(text.map(Sort::parse_list).transpose().map_err(lab_model::Error::from)?.unwrap_or_default())
}

/// List experiments, newest first.
#[utoipa::path(get, path = "/api/v1/experiments", tag = "experiments", params(ListExperiments),
    responses((status = OK, body = Paged<ExperimentOverview>), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn list_experiments(
    State(state): State<AppState>,
    Query(list): Query<ListExperiments>,
) -> ApiResult<axum::Json<Paged<ExperimentOverview>>> {
    let query = ExperimentQuery {
        filter: filter(list.query.as_deref())?,
        sort: sort(list.sort.as_deref())?,
        page: page(list.limit, list.cursor)?,
    };
    Ok(axum::Json(state.tracker.find_experiment_overviews(&query).await?))
}

/// Create an experiment, as a draft.
#[utoipa::path(post, path = "/api/v1/experiments", tag = "experiments", request_body = NewExperiment,
    responses((status = CREATED, body = Experiment), (status = CONFLICT, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn create_experiment(
    State(state): State<AppState>,
    Json(new): Json<NewExperiment>,
) -> ApiResult<(StatusCode, axum::Json<Experiment>)> {
    Ok((StatusCode::CREATED, axum::Json(state.tracker.create_experiment(new, None).await?)))
}

/// Show an experiment with the number of its runs in each state.
#[utoipa::path(get, path = "/api/v1/experiments/{experiment}", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or name")),
    responses((status = OK, body = ExperimentOverview), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn get_experiment(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
) -> ApiResult<axum::Json<ExperimentOverview>> {
    let id = state.tracker.resolve_experiment(&experiment).await?.id;
    Ok(axum::Json(state.tracker.experiment_overview(id).await?))
}

/// Change an experiment: what is absent stays, null clears.
#[utoipa::path(patch, path = "/api/v1/experiments/{experiment}", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or name"), ExpectRevision), request_body = ExperimentPatch,
    responses((status = OK, body = Experiment), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn update_experiment(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
    Query(expect): Query<ExpectRevision>,
    Json(patch): Json<ExperimentPatch>,
) -> ApiResult<axum::Json<Experiment>> {
    let id = state.tracker.resolve_experiment(&experiment).await?.id;
    Ok(axum::Json(state.tracker.update_experiment(id, patch, expect.revision).await?))
}

/// Move an experiment to another status.
///
/// draft → active or archived; active → paused, completed or failed; paused → active or archived; completed or failed →
/// archived.
#[utoipa::path(post, path = "/api/v1/experiments/{experiment}/status", tag = "experiments",
    params(("experiment" = String, Path, description = "Id or name")), request_body = MoveExperiment,
    responses((status = OK, body = Experiment), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn move_experiment(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
    Json(body): Json<MoveExperiment>,
) -> ApiResult<axum::Json<Experiment>> {
    let id = state.tracker.resolve_experiment(&experiment).await?.id;
    Ok(axum::Json(state.tracker.move_experiment(id, body.status).await?))
}

/// Show what an experiment contains, used and produced.
#[utoipa::path(get, path = "/api/v1/experiments/{experiment}/lineage", tag = "lineage",
    params(("experiment" = String, Path, description = "Id or name"), GetLineage),
    responses((status = OK, body = LineageGraph), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn experiment_lineage(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
    Query(walk): Query<GetLineage>,
) -> ApiResult<axum::Json<LineageGraph>> {
    let id = state.tracker.resolve_experiment(&experiment).await?.id;
    let limit = super::lineage::limit(walk.limit)?;
    Ok(axum::Json(state.tracker.experiment_lineage(id, limit).await?))
}
