//! What logging clients send.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use lab_model::{Acknowledged, Delivery, Error, Record, RunId, WriterId};

use super::artifacts::{content, declared_bytes};
use super::types::{PutObject, StoredObject, WriterState};
use crate::AppState;
use crate::extract::{Json, Path, Query};
use crate::problem::{ApiResult, Problem};

/// Deliver records of a run. They are durable when this answers, and one that was delivered before has no effect.
#[utoipa::path(post, path = "/api/v1/runs/{run_id}/records", tag = "delivery",
    params(("run_id" = String, Path, description = "Id of the run; it need not exist before its first record")),
    request_body = Delivery,
    responses((status = OK, body = Acknowledged), (status = UNPROCESSABLE_ENTITY, body = Problem),
              (status = SERVICE_UNAVAILABLE, body = Problem)))]
pub(super) async fn deliver(
    State(state): State<AppState>,
    Path(run_id): Path<RunId>,
    Json(delivery): Json<Delivery>,
) -> ApiResult<axum::Json<Acknowledged>> {
    if delivery.run_id != run_id {
        return Err(Error::invalid("run_id", "is not the run of the path").into());
    }
    let records = delivery.records.len() as u64;
    let points = delivery.records.iter().map(|record| match record {
        Record::Metrics { series, .. } => series.iter().map(|s| s.len() as u64).sum(),
        _ => 0,
    });
    let points: u64 = points.sum();
    let acknowledged = state.tracker.deliver(delivery).await?;
    state.telemetry.records.inc_by(records);
    state.telemetry.points.inc_by(points);
    Ok(axum::Json(acknowledged))
}

/// Tell how far a writer's records are kept.
#[utoipa::path(get, path = "/api/v1/writers/{writer_id}", tag = "delivery",
    params(("writer_id" = String, Path, description = "Id of the writer")),
    responses((status = OK, body = WriterState), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn get_writer(
    State(state): State<AppState>,
    Path(writer_id): Path<WriterId>,
) -> ApiResult<axum::Json<WriterState>> {
    Ok(axum::Json(WriterState { seq: state.tracker.delivered(writer_id).await? }))
}

/// Store content under its hash, for an artifact record that follows.
#[utoipa::path(put, path = "/api/v1/objects", tag = "delivery", params(PutObject),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = CREATED, body = StoredObject), (status = PAYLOAD_TOO_LARGE, body = Problem)))]
pub(super) async fn put_object(
    State(state): State<AppState>,
    Query(put): Query<PutObject>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, axum::Json<StoredObject>)> {
    let telemetry = Arc::clone(&state.telemetry);
    let content = content(body, state.limits, move |bytes| {
        telemetry.artifact_bytes.inc_by(bytes);
    });
    let name = put.name.unwrap_or_else(|| "upload".to_owned());
    let info = state.tracker.put_object(declared_bytes(&headers), &name, content).await?;
    Ok((StatusCode::CREATED, axum::Json(StoredObject { hash: info.hash, size_bytes: info.size_bytes })))
}
