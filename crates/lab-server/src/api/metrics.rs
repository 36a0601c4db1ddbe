//! Metrics: logging and reading them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lab_model::{Error, LoggedValue, SeriesKey, SeriesPoints, Timestamp};
use lab_store::PointRange;
use lab_tracker::SeriesView;

use super::runs::resolve;
use super::types::{Accepted, GetPoints, GetSeries, Items, ListValues, LogMetrics, LogValues, MetricList, RunSeries};
use crate::extract::{Json, Path, Query};
use crate::problem::{ApiResult, Problem};
use crate::{AppState, arrow};

/// Most runs, and most names, of one request for a chart.
const MAX_SERIES_ASKED: usize = 1_000;
/// Series of one request that are read at the same time: each is decoded and thinned on a core of its own.
const SERIES_AT_ONCE: usize = 4;
/// Most points a series of a chart has where the caller does not say.
const CHART_POINTS: usize = 1_000;

/// Gathers points into columns; a point without a time gets `now`.
pub(super) fn columns(metrics: LogMetrics, now: Timestamp) -> Vec<SeriesPoints> {
    let LogMetrics { points, mut series } = metrics;
    let mut by_key: BTreeMap<SeriesKey, SeriesPoints> = BTreeMap::new();
    for point in points {
        let key = SeriesKey { name: point.name, context: point.context };
        let time = point.time.unwrap_or(now).as_microsecond();
        by_key.entry(key).or_insert_with_key(|key| SeriesPoints::new(key.clone())).push(point.value, point.step, time);
    }
    series.extend(by_key.into_values());
    series
}

/// List the summaries of a run's series.
#[utoipa::path(get, path = "/api/v1/runs/{run}/metrics", tag = "metrics",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    responses((status = OK, body = MetricList), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn list_metrics(
    State(state): State<AppState>,
    Path(run): Path<String>,
) -> ApiResult<axum::Json<MetricList>> {
    let id = resolve(&state, &run).await?;
    let summaries = state.tracker.summaries(&[id], None).await?;
    Ok(axum::Json(Items { items: summaries.into_iter().map(|(_, summary)| summary).collect() }))
}

/// Log metrics of a running run. They are durable when this answers.
#[utoipa::path(post, path = "/api/v1/runs/{run}/metrics", tag = "metrics",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = LogMetrics,
    responses((status = OK, body = Accepted), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn log_metrics(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<LogMetrics>,
) -> ApiResult<axum::Json<Accepted>> {
    let run = state.tracker.resolve_run(&run).await?;
    let series = columns(body, state.tracker.now());
    let accepted = series.iter().map(|s| s.len() as u64).sum();
    state.tracker.log_points_of(&run, series).await?;
    state.telemetry.points.inc_by(accepted);
    Ok(axum::Json(Accepted { accepted }))
}

/// Read the points of one series, sorted by step.
///
/// With `Accept: application/vnd.apache.arrow.stream` they come as an Arrow stream with the columns `step` (which may be
/// null), `value` and `time_micros`; name, context, `is_sampled` and `total_points` are in the metadata of its schema.
#[utoipa::path(get, path = "/api/v1/runs/{run}/points", tag = "metrics",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name"), GetPoints),
    responses((status = OK, content((SeriesView = "application/json"), (Vec<u8> = "application/vnd.apache.arrow.stream"))),
              (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn get_points(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Query(get): Query<GetPoints>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let id = resolve(&state, &run).await?;
    let GetPoints { name, context, from_step, to_step, from_time, to_time, max_points } = get;
    let context = context.map(|text| serde_json::from_str(&text)).transpose();
    let context = context.map_err(|e| Error::invalid("context", format!("is not a JSON object of texts: {e}")))?;
    let key = SeriesKey { name, context: context.unwrap_or_default() };
    let range = PointRange { from_step, to_step, from_time, to_time };
    let view = state.tracker.points(id, &key, &range, max_points).await?;
    let mut response =
        if arrow::is_accepted(&headers) { arrow::reply(view)? } else { axum::Json(view).into_response() };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Read series of several runs at once, thinned for a chart.
#[utoipa::path(post, path = "/api/v1/series", tag = "metrics", request_body = GetSeries,
    responses((status = OK, body = Items<RunSeries>), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn get_series(
    State(state): State<AppState>,
    Json(get): Json<GetSeries>,
) -> ApiResult<axum::Json<Items<RunSeries>>> {
    for (field, asked) in [("runs", get.runs.len()), ("names", get.names.len())] {
        if asked > MAX_SERIES_ASKED {
            return Err(Error::invalid(field, format!("has {asked} entries; at most 1,000 are allowed")).into());
        }
    }
    let range = PointRange { from_step: get.from_step, to_step: get.to_step, ..PointRange::default() };
    let max_points = Some(get.max_points.unwrap_or(CHART_POINTS));
    let (tracker, range) = (&state.tracker, &range);
    let series = stream::iter(tracker.summaries(&get.runs, Some(&get.names)).await?);
    let items = series.map(|(run_id, summary)| async move {
        let SeriesView { points, is_sampled, total_points } =
            tracker.points(run_id, &summary.key, range, max_points).await?;
        Ok::<_, Problem>(RunSeries { run_id, points, is_sampled, total_points })
    });
    Ok(axum::Json(Items { items: items.buffered(SERIES_AT_ONCE).try_collect().await? }))
}

/// List the values of a run that are not one number.
#[utoipa::path(get, path = "/api/v1/runs/{run}/values", tag = "metrics",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name"), ListValues),
    responses((status = OK, body = Items<LoggedValue>), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn list_values(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Query(list): Query<ListValues>,
) -> ApiResult<axum::Json<Items<LoggedValue>>> {
    let id = resolve(&state, &run).await?;
    let key = list.name.map(SeriesKey::named);
    Ok(axum::Json(Items { items: state.tracker.values(id, key.as_ref()).await? }))
}

/// Log distributions, confusion matrices or JSON by step.
#[utoipa::path(post, path = "/api/v1/runs/{run}/values", tag = "metrics",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    request_body = LogValues,
    responses((status = OK, body = Accepted), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn log_values(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(body): Json<LogValues>,
) -> ApiResult<axum::Json<Accepted>> {
    let id = resolve(&state, &run).await?;
    let accepted = body.values.len() as u64;
    state.tracker.log_values(id, body.values).await?;
    Ok(axum::Json(Accepted { accepted }))
}
