//! What runs print.

use axum::extract::State;
use lab_model::Error;

use super::runs::resolve;
use super::types::{Accepted, AppendLog, LogPart, ReadLog};
use crate::AppState;
use crate::extract::{Json, Path, Query};
use crate::problem::{ApiResult, Problem};

/// Most lines of one answer.
const MAX_LINES: u32 = 10_000;

/// Read a part of a run's log.
#[utoipa::path(get, path = "/api/v1/runs/{run}/log", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name"), ReadLog),
    responses((status = OK, body = LogPart), (status = NOT_FOUND, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn read_log(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Query(read): Query<ReadLog>,
) -> ApiResult<axum::Json<LogPart>> {
    let id = resolve(&state, &run).await?;
    let (first, limit) = (read.first.unwrap_or(1), read.limit.unwrap_or(1_000));
    if first == 0 {
        return Err(Error::invalid("first", "is 0; lines are numbered from 1").into());
    }
    if !(1..=MAX_LINES).contains(&limit) {
        return Err(Error::invalid("limit", format!("is {limit}; it must be from 1 to {MAX_LINES}")).into());
    }
    let lines = state.tracker.log_lines(id, first, limit).await?;
    let total_lines = state.tracker.run(id).await?.logs.lines;
    Ok(axum::Json(LogPart { first, lines, total_lines }))
}

/// Add lines to the log of a running run.
#[utoipa::path(post, path = "/api/v1/runs/{run}/log", tag = "runs",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = AppendLog,
    responses((status = OK, body = Accepted), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem)))]
pub(super) async fn append_log(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<AppendLog>,
) -> ApiResult<axum::Json<Accepted>> {
    let id = resolve(&state, &run).await?;
    let accepted = body.lines.len() as u64;
    state.tracker.append_log(id, body.lines).await?;
    Ok(axum::Json(Accepted { accepted }))
}
