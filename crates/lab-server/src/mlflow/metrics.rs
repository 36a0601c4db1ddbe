//! The history of metrics.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use lab_model::{Error, RunId, SeriesKey, SeriesPoints};
use lab_store::PointRange;
use serde::Serialize;

use super::entities::Metric;
use super::failure::{Failure, Reply};
use super::ids;
use super::numbers::Double;
use super::wire::{Args, Fields, json_of};
use crate::AppState;

/// Most points of all runs together in a bulk answer.
const MAX_BULK: usize = 25_000;
/// Most runs that one request may ask about.
const MAX_RUNS: usize = 100;
/// Most points of each run in a thinned answer.
const MAX_THINNED: u32 = 2_500;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/metrics/get-history", get(history))
        .route("/metrics/get-history-bulk", get(bulk))
        .route("/metrics/get-history-bulk-interval", get(bulk_interval))
}

/// A part of a history; one point after another, each of the same metric.
#[derive(Serialize)]
struct History<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    metric: Metric<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
}

/// A point: time in microseconds, step, value.
type Row = (i64, i64, f64);

async fn history(State(state): State<AppState>, args: Args) -> Reply<Response> {
    let fields = args.fields();
    let run = fields.run_id()?;
    let key = fields.required("metric_key")?;
    let most = match fields.integer("max_results")? {
        None => usize::MAX,
        Some(most) => usize::try_from(most).ok().filter(|most| *most > 0).ok_or_else(|| {
            Failure::invalid(format!(
                "Invalid value {most} for parameter 'max_results' supplied: it must be a positive integer"
            ))
        })?,
    };
    let first: usize = match fields.filled("page_token")? {
        None => 0,
        Some(token) => token.parse().map_err(|_| Failure::page_token(token))?,
    };
    let rows = kept_rows(&state, run, key).await?;
    let next = first.saturating_add(most);
    if next < rows.len() {
        state.histories.keep(run, key, Arc::clone(&rows));
    }
    let key = key.to_owned();
    json_of(move || {
        let page = &rows[first.min(rows.len())..next.min(rows.len())];
        let next_page_token = (next < rows.len()).then(|| next.to_string());
        serde_json::to_vec(&History { metrics: entries(&key, page, None), next_page_token })
    })
    .await
}

/// Histories of which a page was asked for and more will be: sorting them again for each page would take longer than all
/// of the rest.
#[derive(Debug, Default)]
pub(crate) struct Histories(Mutex<VecDeque<Kept>>);

#[derive(Debug)]
struct Kept {
    run: String,
    key: String,
    rows: Arc<Vec<Row>>,
}

impl Histories {
    /// Most histories that are kept.
    const MOST: usize = 4;
    /// Most points of one that is kept.
    const MOST_POINTS: usize = 4_000_000;

    /// Takes out the history, if all of its points are still these.
    fn take(&self, run: &str, key: &str, points: u64) -> Option<Arc<Vec<Row>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|kept| kept.run == run && kept.key == key)?;
        kept.remove(at).map(|kept| kept.rows).filter(|rows| rows.len() as u64 == points)
    }

    fn keep(&self, run: &str, key: &str, rows: Arc<Vec<Row>>) {
        if rows.len() > Self::MOST_POINTS {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { run: run.to_owned(), key: key.to_owned(), rows });
        if kept.len() > Self::MOST {
            kept.pop_front();
        }
    }
}

/// The history of a metric, in order of time.
async fn kept_rows(state: &AppState, run: &str, key: &str) -> Reply<Arc<Vec<Row>>> {
    let Ok(id) = ids::parse_run(run) else { return Ok(Arc::default()) };
    let Some(series) = series_key(state, id, key).await? else { return Ok(Arc::default()) };
    // Points are only ever added: the same number of them is the same points.
    let summaries = state.tracker.summaries(&[id], Some(std::slice::from_ref(&series.name))).await?;
    let count = summaries.iter().find(|(_, summary)| summary.key == series).map_or(0, |(_, summary)| summary.count);
    match state.histories.take(run, key, count) {
        Some(rows) => Ok(rows),
        None => Ok(Arc::new(rows(state, run, key, &PointRange::default(), Order::Time).await?)),
    }
}

async fn bulk(State(state): State<AppState>, args: Args) -> Reply<Response> {
    let fields = args.fields();
    let mut runs = run_ids(fields, "run_id")?;
    runs.sort_unstable();
    let key = fields.required("metric_key")?.to_owned();
    let most = fields.max_results(MAX_BULK as u32, u32::MAX)? as usize;
    let mut left = most.min(MAX_BULK);
    let mut found = Vec::with_capacity(runs.len());
    for run in runs {
        let mut rows = rows(&state, &run, &key, &PointRange::default(), Order::Time).await?;
        rows.truncate(left);
        left -= rows.len();
        found.push((run, rows));
    }
    bulk_reply(key, found).await
}

async fn bulk_interval(State(state): State<AppState>, args: Args) -> Reply<Response> {
    let fields = args.fields();
    let runs = run_ids(fields, "run_ids")?;
    let key = fields.required("metric_key")?.to_owned();
    let most = fields.max_results(MAX_THINNED, MAX_THINNED)? as usize;
    let (from_step, to_step) = (fields.integer("start_step")?, fields.integer("end_step")?);
    if from_step.is_some() != to_step.is_some() {
        return Err(Failure::invalid("If either start step or end step are specified, both must be specified."));
    }
    if from_step > to_step {
        return Err(Failure::invalid("end_step must be greater than start_step."));
    }
    let range = PointRange { from_step, to_step, ..PointRange::default() };
    let mut found = Vec::with_capacity(runs.len());
    for run in runs {
        let rows = thinned(rows(&state, &run, &key, &range, Order::Step).await?, most);
        found.push((run, rows));
    }
    bulk_reply(key, found).await
}

fn run_ids(fields: Fields<'_>, name: &str) -> Reply<Vec<String>> {
    let runs = fields.texts(name)?;
    match runs.len() {
        0 => Err(Failure::missing(name)),
        n if n > MAX_RUNS => {
            Err(Failure::invalid(format!("{name} must contain at most {MAX_RUNS} run ids, but {n} were given")))
        }
        _ => Ok(runs),
    }
}

async fn bulk_reply(key: String, found: Vec<(String, Vec<Row>)>) -> Reply<Response> {
    json_of(move || {
        let metrics = found.iter().flat_map(|(run, rows)| entries(&key, rows, Some(run))).collect();
        serde_json::to_vec(&History { metrics, next_page_token: None })
    })
    .await
}

/// At most `most` of the rows, evenly spread, the first and the last among them.
fn thinned(rows: Vec<Row>, most: usize) -> Vec<Row> {
    if rows.len() <= most {
        return rows;
    }
    let last = rows.len() - 1;
    let gaps = most.saturating_sub(1).max(1);
    (0..most).map(|i| rows[(i * last + gaps / 2) / gaps]).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Time,
    Step,
}

/// The points of a metric, none where the run or the metric is not known.
async fn rows(state: &AppState, run: &str, key: &str, range: &PointRange, order: Order) -> Reply<Vec<Row>> {
    let Ok(id) = ids::parse_run(run) else { return Ok(Vec::new()) };
    let points = match series_key(state, id, key).await? {
        Some(key) => state.tracker.points(id, &key, range, None).await,
        None => return Ok(Vec::new()),
    };
    let points = match points {
        Err(Error::NotFound { .. }) => return Ok(Vec::new()),
        other => other?.points,
    };
    Ok(sorted(&points, order))
}

/// The series that a key means. A series with a context has it in its key; other keys have no brace.
async fn series_key(state: &AppState, id: RunId, text: &str) -> Reply<Option<SeriesKey>> {
    if !text.ends_with('}') {
        return Ok(Some(SeriesKey::named(text)));
    }
    let summaries = state.tracker.summaries(&[id], None).await?;
    Ok(summaries.into_iter().map(|(_, summary)| summary.key).find(|key| key.to_string() == text))
}

fn sorted(points: &SeriesPoints, order: Order) -> Vec<Row> {
    let mut rows: Vec<Row> = points.iter().map(|(value, step, time)| (time, step.unwrap_or_default(), value)).collect();
    let compare = |a: &Row, b: &Row| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| a.2.total_cmp(&b.2));
    if order == Order::Time && !rows.is_sorted_by(|a, b| compare(a, b).is_le()) {
        rows.sort_by(compare);
    }
    rows
}

fn entries<'a>(key: &'a str, rows: &[Row], run_id: Option<&'a str>) -> Vec<Entry<'a>> {
    let entry = |(time, step, value): &Row| Entry {
        metric: Metric {
            key: Cow::Borrowed(key),
            value: Double(*value),
            timestamp: time.div_euclid(1_000),
            step: *step,
        },
        run_id,
    };
    rows.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends() {
        let rows: Vec<Row> = (0..10).map(|i| (i, i, 0.0)).collect();
        let steps = |most| thinned(rows.clone(), most).iter().map(|row| row.1).collect::<Vec<_>>();
        assert_eq!(steps(4), [0, 3, 6, 9]);
        assert_eq!(steps(2), [0, 9]);
        assert_eq!(steps(10).len(), 10);
        assert_eq!(steps(1).len(), 1);
    }

    #[test]
    fn a_history_is_kept_while_it_is_paged_and_has_not_grown() {
        let histories = Histories::default();
        let rows = Arc::new(vec![(0, 0, 0.0); 3]);
        histories.keep("r", "a", Arc::clone(&rows));
        assert!(histories.take("r", "b", 3).is_none());
        assert_eq!(histories.take("r", "a", 3), Some(Arc::clone(&rows)));
        assert!(histories.take("r", "a", 3).is_none());
        histories.keep("r", "a", Arc::clone(&rows));
        assert!(histories.take("r", "a", 4).is_none());
        for i in 0..10 {
            histories.keep("r", &i.to_string(), Arc::clone(&rows));
        }
        assert!(histories.take("r", "5", 3).is_none() && histories.take("r", "6", 3).is_some());
    }
}
