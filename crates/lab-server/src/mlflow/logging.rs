//! What runs log: metrics, parameters and tags, alone and in batches.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use lab_model::{Error, Parameters, RunId, SeriesKey, SeriesPoints};
use lab_tracker::Amendment;
use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::RUN_NAME;
use super::failure::{Failure, Reply};
use super::ids;
use super::names::{MAX_KEY, MAX_PARAM, MAX_TAG, check_key, check_length, check_run_id, cut};
use super::numbers::{Double, Int64};
use super::params::{text_of, typed};
use super::runs::check_run_tag;
use super::wire::{Args, JsonBody, parse_as};
use crate::AppState;

/// Most metrics in a batch, and most entries in all.
const MAX_BATCH: usize = 1_000;
/// Most parameters in a batch, and most tags.
const MAX_FEW: usize = 100;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/runs/log-metric", post(log_metric))
        .route("/runs/log-parameter", post(log_parameter))
        .route("/runs/set-tag", post(set_tag))
        .route("/runs/delete-tag", post(delete_tag))
        .route("/runs/log-batch", post(log_batch))
}

/// What a client sends in a batch.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow, default, alias = "runId")]
    run_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "runUuid")]
    run_uuid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metrics: Option<Vec<MetricEntry<'a>>>,
    #[serde(borrow, default)]
    params: Option<Vec<TextEntry<'a>>>,
    #[serde(borrow, default)]
    tags: Option<Vec<TextEntry<'a>>>,
}

#[derive(Deserialize)]
struct MetricEntry<'a> {
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
    #[serde(default)]
    value: Option<Double>,
    #[serde(default)]
    timestamp: Option<Int64>,
    #[serde(default)]
    step: Option<Int64>,
}

#[derive(Deserialize)]
struct TextEntry<'a> {
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
}

async fn log_batch(State(state): State<AppState>, JsonBody(body): JsonBody) -> Reply<Json<Value>> {
    let (id, amendment) = batch_of(&body)?;
    amend(&state, id, amendment).await
}

/// What a batch adds, checked.
fn batch_of(body: &Bytes) -> Reply<(RunId, Amendment)> {
    parse_as(body, |text| serde_json::from_slice(text).map(checked))
}

fn checked(batch: Batch<'_>) -> Reply<(RunId, Amendment)> {
    let run_id = batch.run_id.filter(|id| !id.is_empty()).or(batch.run_uuid);
    let run_id = run_id.filter(|id| !id.is_empty()).ok_or_else(|| Failure::missing("run_id"))?;
    check_run_id(&run_id)?;
    let metrics = batch.metrics.unwrap_or_default();
    let (params, tags) = (batch.params.unwrap_or_default(), batch.tags.unwrap_or_default());
    check_counts(metrics.len(), params.len(), tags.len())?;
    let amendment = Amendment { points: points_of(&metrics)?, parameters: parameters_of(&params)?, ..tagging(&tags)? };
    Ok((ids::parse_run(&run_id)?, amendment))
}

fn check_counts(metrics: usize, params: usize, tags: usize) -> Reply<()> {
    for (name, count, most) in [("metrics", metrics, MAX_BATCH), ("params", params, MAX_FEW), ("tags", tags, MAX_FEW)] {
        if count > most {
            return Err(Failure::invalid(format!(
                "A batch logging request can contain at most {most} {name}. Got {count} {name}. Please split up {name} \
                 across multiple requests and try again."
            )));
        }
    }
    let total = metrics + params + tags;
    if total > MAX_BATCH {
        return Err(Failure::invalid(format!(
            "A batch logging request can contain at most {MAX_BATCH} metrics, params, and tags. Got {total}. Please \
             split up across multiple requests and try again."
        )));
    }
    Ok(())
}

fn points_of(metrics: &[MetricEntry<'_>]) -> Reply<Vec<SeriesPoints>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut series: Vec<SeriesPoints> = Vec::new();
    for (i, metric) in metrics.iter().enumerate() {
        let missing = |field: &str| Failure::missing(&format!("metrics[{i}].{field}"));
        let key = metric.key.as_deref().ok_or_else(|| missing("key"))?;
        let Double(value) = metric.value.ok_or_else(|| missing("value"))?;
        let Int64(timestamp) = metric.timestamp.ok_or_else(|| missing("timestamp"))?;
        let place = match places.get(key) {
            Some(place) => *place,
            None => {
                check_metric_key(&format!("metrics[{i}].name"), key)?;
                series.push(SeriesPoints::new(SeriesKey::named(key)));
                places.insert(key, series.len() - 1);
                series.len() - 1
            }
        };
        let step = metric.step.unwrap_or_default().0;
        series[place].push(value, Some(step), micros(&format!("metrics[{i}].timestamp"), timestamp)?);
    }
    Ok(series)
}

fn check_metric_key(path: &str, key: &str) -> Reply<()> {
    check_key(path, key)?;
    check_length(path, MAX_KEY, key)
}

fn micros(path: &str, timestamp: i64) -> Reply<i64> {
    if timestamp < 0 {
        return Err(Failure::invalid(format!(
            "Invalid value {timestamp} for parameter '{path}' supplied: Timestamp must be a nonnegative long (64-bit \
             integer)"
        )));
    }
    Ok(ids::time(timestamp).as_microsecond())
}

fn parameters_of(params: &[TextEntry<'_>]) -> Reply<Parameters> {
    let mut parameters = Parameters::new();
    for (i, param) in params.iter().enumerate() {
        let key = param.key.as_deref().ok_or_else(|| Failure::missing(&format!("params[{i}].key")))?;
        check_key(&format!("params[{i}].key"), key)?;
        check_length(&format!("params[{i}].key"), MAX_KEY, key)?;
        let value = typed(cut(param.value.as_deref().unwrap_or_default(), MAX_PARAM));
        if parameters.insert(key.to_owned(), value).is_some() {
            return Err(Failure::invalid(format!(
                "Duplicate parameter keys have been submitted: ['{key}']. Please ensure the request contains only one \
                 param value per param key."
            )));
        }
    }
    Ok(parameters)
}

fn tagging(tags: &[TextEntry<'_>]) -> Reply<Amendment> {
    let mut amendment = Amendment::default();
    for (i, tag) in tags.iter().enumerate() {
        let key = tag.key.as_deref().ok_or_else(|| Failure::missing(&format!("tags[{i}].key")))?;
        check_run_tag(&format!("tags[{i}].key"), key)?;
        let value = cut(tag.value.as_deref().unwrap_or_default(), MAX_TAG).to_owned();
        if key == RUN_NAME {
            amendment.name = Some(value);
        } else {
            amendment.tags.insert(key.to_owned(), Some(value));
        }
    }
    Ok(amendment)
}

async fn amend(state: &AppState, id: RunId, amendment: Amendment) -> Reply<Json<Value>> {
    let wanted = amendment.parameters.clone();
    let points: u64 = amendment.points.iter().map(|series| series.len() as u64).sum();
    match state.tracker.amend_run(id, amendment).await {
        Ok(()) => {
            state.telemetry.points.inc_by(points);
            Ok(Json(json!({})))
        }
        Err(Error::Conflict { .. }) if !wanted.is_empty() => Err(changed(state, id, &wanted).await?),
        Err(error) => Err(error.into()),
    }
}

/// Which parameters would have changed.
async fn changed(state: &AppState, id: RunId, wanted: &Parameters) -> Reply<Failure> {
    let known = state.tracker.run(id).await?.parameters;
    let differing: Vec<(&String, String, String)> = wanted
        .iter()
        .filter_map(|(key, new)| known.get(key).filter(|old| *old != new).map(|old| (key, text_of(old), text_of(new))))
        .collect();
    let run = ids::run_text(id);
    Ok(Failure::invalid(match differing.as_slice() {
        [(key, old, new)] if wanted.len() == 1 => format!(
            "Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for run \
             ID='{run}'. Attempted logging new value '{new}'."
        ),
        _ => {
            let entries: Vec<String> = differing
                .iter()
                .map(|(key, old, new)| format!("{{'key': '{key}', 'old_value': '{old}', 'new_value': '{new}'}}"))
                .collect();
            format!(
                "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{run}'.",
                entries.join(", ")
            )
        }
    }))
}

async fn log_metric(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let key = fields.required("key")?;
    check_metric_key("name", key)?;
    let value = fields.double("value")?.ok_or_else(|| Failure::missing("value"))?;
    let timestamp = fields.integer("timestamp")?.ok_or_else(|| Failure::missing("timestamp"))?;
    let mut points = SeriesPoints::new(SeriesKey::named(key));
    points.push(value, Some(fields.integer("step")?.unwrap_or_default()), micros("timestamp", timestamp)?);
    amend(&state, id, Amendment { points: vec![points], ..Amendment::default() }).await
}

async fn log_parameter(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let entry = TextEntry {
        key: Some(Cow::Borrowed(fields.required("key")?)),
        value: fields.text("value")?.map(Cow::Borrowed),
    };
    let parameters = parameters_of(&[entry])?;
    amend(&state, id, Amendment { parameters, ..Amendment::default() }).await
}

async fn set_tag(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let entry = TextEntry {
        key: Some(Cow::Borrowed(fields.required("key")?)),
        value: fields.text("value")?.map(Cow::Borrowed),
    };
    let amendment = tagging(&[entry])?;
    amend(&state, id, amendment).await
}

async fn delete_tag(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let key = fields.required("key")?;
    check_run_tag("key", key)?;
    let run = state.tracker.run(id).await?;
    if !run.tags.0.contains_key(key) {
        return Err(Failure::absent(format!("No tag with name: {key} in run with id {}", ids::run_text(id))));
    }
    let tags = BTreeMap::from([(key.to_owned(), None)]);
    amend(&state, id, Amendment { tags, ..Amendment::default() }).await
}

#[cfg(test)]
mod tests {
    use lab_model::ParameterValue;

    use super::*;

    fn batch(body: &str) -> Reply<(RunId, Amendment)> {
        batch_of(&Bytes::from(body.to_owned()))
    }

    const RUN: &str = "0192f0c12a3b7c4d8e5f60718293a4b5";

    #[test]
    fn a_batch_becomes_one_amendment() {
        let body = format!(
            r#"{{"run_id": "{RUN}", "metrics": [{{"key": "a", "value": NaN, "timestamp": "5", "step": 2}},
                {{"key": "b", "value": "-Infinity", "timestamp": 6}}, {{"key": "a", "value": 1, "timestamp": 7, "step": "3"}}],
                "params": [{{"key": "lr", "value": "0.1"}}], "tags": [{{"key": "t", "value": "x"}},
                {{"key": "mlflow.runName", "value": "named"}}]}}"#
        );
        let (id, amendment) = batch(&body).unwrap();
        assert_eq!(ids::run_text(id), RUN);
        assert_eq!(amendment.points[0].steps, [Some(2), Some(3)]);
        assert_eq!(amendment.points[0].times_micros, [5_000, 7_000]);
        assert!(amendment.points[0].values[0].is_nan());
        assert_eq!(amendment.points[1].values, [f64::NEG_INFINITY]);
        assert_eq!(amendment.parameters["lr"], ParameterValue::Float(0.1));
        assert_eq!(amendment.name.as_deref(), Some("named"));
        assert_eq!(amendment.tags.len(), 1);
        let twice = serde_json::to_string(&body).unwrap();
        assert_eq!(batch(&twice).unwrap().1.points[1], amendment.points[1]);
    }

    #[test]
    fn a_batch_says_what_is_wrong_with_it() {
        for (rest, message) in [
            (r#""metrics": [{"key": "a", "timestamp": 5}]"#, "metrics[0].value"),
            (r#""metrics": [{"key": "a", "value": 1}]"#, "metrics[0].timestamp"),
            (r#""metrics": [{"key": "../a", "value": 1, "timestamp": 1}]"#, "resolve to '../a'"),
            (r#""metrics": [{"key": "a", "value": 1, "timestamp": -1}]"#, "nonnegative"),
            (r#""params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]"#, "Duplicate parameter keys"),
            (r#""params": [{"value": "1"}]"#, "params[0].key"),
            (r#""tags": [{"key": "lab.deleted", "value": "1"}]"#, "own"),
            (r#""metrics": 5"#, "expected a sequence"),
        ] {
            let failure = batch(&format!(r#"{{"run_id": "{RUN}", {rest}}}"#)).unwrap_err();
            assert!(format!("{failure:?}").contains(message), "{rest}: {failure:?}");
        }
        let many = vec![r#"{"key": "a", "value": 1, "timestamp": 1}"#; MAX_BATCH + 1].join(",");
        let failure = batch(&format!(r#"{{"run_id": "{RUN}", "metrics": [{many}]}}"#)).unwrap_err();
        assert!(format!("{failure:?}").contains("at most 1000 metrics"));
    }
}
