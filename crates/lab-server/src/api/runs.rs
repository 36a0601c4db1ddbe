//! Runs: creating, finding and moving them.

use axum::extract::State;
use axum::http::StatusCode;
use lab_model::{EnvironmentSnapshot, ExperimentRun, Paged, RunId, RunQuery, RunStatus};
use lab_tracker::{NewRun, RunDetail, RunRow};

use super::experiments::{filter, page, sort};
use super::metrics::columns;
use super::types::{CreateRun, ListRuns, LogMetrics, LogParameters, MoveRun, SearchRuns, UpdateRun, UseInput};
use crate::AppState;
use crate::extract::{Json, Path, Query};
use crate::problem::{ApiResult, Problem};

/// The id of the run that a path names.
pub(super) async fn resolve(state: &AppState, reference: &str) -> ApiResult<RunId> {
    Ok(state.tracker.resolve_run(reference).await?.id)
}

/// Create a run of an active experiment, and start it.
#[utoipa::path(post, path = "/api/v1/experiments/{experiment}/runs", tag = "runs",
    params(("experiment" = String, Path, description = "Id or name")), request_body = CreateRun,
    responses((status = CREATED, body = ExperimentRun), (status = NOT_FOUND, body = Problem),
              (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn create_run(
    State(state): State<AppState>,
    Path(experiment): Path<String>,
    Json(body): Json<CreateRun>,
) -> ApiResult<(StatusCode, axum::Json<ExperimentRun>)> {
    let experiment = state.tracker.resolve_experiment(&experiment).await?.id;
    let CreateRun { id, name, parameters, tags, parent_run_id, user, pending } = body;
    let status = if pending { RunStatus::Pending } else { RunStatus::Running };
    let run = NewRun { id, experiment, name, parameters, tags, parent_run_id, user, status, started_at: None };
    Ok((StatusCode::CREATED, axum::Json(state.tracker.create_run(run).await?)))
}

/// List runs, newest first, each with the summaries of its metrics.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", params(ListRuns),
    responses((status = OK, body = Paged<RunRow>), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn list_runs(
    State(state): State<AppState>,
    Query(list): Query<ListRuns>,
) -> ApiResult<axum::Json<Paged<RunRow>>> {
    let ListRuns { experiment, query, sort, limit, cursor } = list;
    let experiments = experiment.into_iter().collect();
    search_runs(State(state), Json(SearchRuns { experiments, query, sort, limit, cursor, metrics: None })).await
}

/// Search runs of several experiments, with chosen metrics.
#[utoipa::path(post, path = "/api/v1/runs/search", tag = "runs", request_body = SearchRuns,
    responses((status = OK, body = Paged<RunRow>), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn search_runs(
    State(state): State<AppState>,
    Json(search): Json<SearchRuns>,
) -> ApiResult<axum::Json<Paged<RunRow>>> {
    let mut experiments = Vec::with_capacity(search.experiments.len());
    for name in &search.experiments {
        experiments.push(state.tracker.resolve_experiment(name).await?.id);
    }
    let query = RunQuery {
        experiments,
        filter: filter(search.query.as_deref())?,
        sort: sort(search.sort.as_deref())?,
        page: page(search.limit, search.cursor)?,
    };
    Ok(axum::Json(state.tracker.find_run_rows(&query, search.metrics.as_deref()).await?))
}

/// Show a run with its metrics, artifacts and environment.
#[utoipa::path(get, path = "/api/v1/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    responses((status = OK, body = RunDetail), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn get_run(
    State(state): State<AppState>,
    Path(run): Path<String>,
) -> ApiResult<axum::Json<RunDetail>> {
    let id = resolve(&state, &run).await?;
    Ok(axum::Json(state.tracker.run_detail(id).await?))
}

/// Rename a run, or set and remove its tags.
#[utoipa::path(patch, path = "/api/v1/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = UpdateRun,
    responses((status = OK, body = ExperimentRun), (status = NOT_FOUND, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn update_run(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<UpdateRun>,
) -> ApiResult<axum::Json<ExperimentRun>> {
    let id = resolve(&state, &run).await?;
    if let Some(name) = &body.name {
        state.tracker.rename_run(id, name).await?;
    }
    if !body.tags.is_empty() {
        state.tracker.set_tags(id, body.tags).await?;
    }
    Ok(axum::Json(state.tracker.run(id).await?))
}

/// Delete a run that has ended, with all that belongs to it.
#[utoipa::path(delete, path = "/api/v1/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn delete_run(State(state): State<AppState>, Path(run): Path<String>) -> ApiResult<StatusCode> {
    let id = resolve(&state, &run).await?;
    state.tracker.delete_run(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start, end or resume a run.
#[utoipa::path(post, path = "/api/v1/runs/{run}/status", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = MoveRun,
    responses((status = OK, body = ExperimentRun), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn move_run(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<MoveRun>,
) -> ApiResult<axum::Json<ExperimentRun>> {
    let id = resolve(&state, &run).await?;
    let tracker = &state.tracker;
    let run = match body {
        MoveRun::Queue => tracker.queue_run(id).await,
        MoveRun::Start => tracker.start_run(id).await,
        MoveRun::Complete { metrics } => {
            let metrics = LogMetrics { points: metrics, series: Vec::new() };
            tracker.complete_run(id, columns(metrics, tracker.now())).await
        }
        MoveRun::Fail { error } => tracker.fail_run(id, error.at(tracker.now())).await,
        MoveRun::Cancel { reason } => tracker.cancel_run(id, reason).await,
        MoveRun::TimeOut { reason } => tracker.time_out_run(id, reason).await,
        MoveRun::Resume => tracker.resume_run(id).await,
    }?;
    Ok(axum::Json(run))
}

/// Set parameters. One that is set already cannot change.
#[utoipa::path(post, path = "/api/v1/runs/{run}/parameters", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = LogParameters,
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn log_parameters(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<LogParameters>,
) -> ApiResult<StatusCode> {
    let id = resolve(&state, &run).await?;
    state.tracker.log_parameters(id, body.parameters).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Note a dataset or a model that a run uses.
#[utoipa::path(post, path = "/api/v1/runs/{run}/inputs", tag = "lineage",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = UseInput,
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn use_input(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<UseInput>,
) -> ApiResult<StatusCode> {
    let id = resolve(&state, &run).await?;
    match body {
        UseInput::Dataset { name, metadata } => state.tracker.use_dataset(id, &name, metadata).await?,
        UseInput::Model { name, metadata } => state.tracker.use_model(id, &name, metadata).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Tie a run to the environment it runs in.
#[utoipa::path(put, path = "/api/v1/runs/{run}/environment", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = EnvironmentSnapshot,
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn set_environment(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<Box<EnvironmentSnapshot>>,
) -> ApiResult<StatusCode> {
    let id = resolve(&state, &run).await?;
    state.tracker.set_environment(id, *body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say that a run's client is alive.
#[utoipa::path(post, path = "/api/v1/runs/{run}/heartbeat", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn heartbeat(State(state): State<AppState>, Path(run): Path<String>) -> ApiResult<StatusCode> {
    let id = resolve(&state, &run).await?;
    state.tracker.heartbeat(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
