//! The history of metrics.

use std::borrow::Cow;

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
    let begin = fields.filled("page_token")?.map(Begin::parse).transpose()?;
    let range = PointRange { from_time: begin.map(|begin| ids::micros(begin.time)), ..PointRange::default() };
    let rows = rows(&state, run, key, &range, Order::Time).await?;
    let key = key.to_owned();
    json_of(move || {
        let rows = &rows[begin.map_or(0, |begin| begin.skip.min(rows.len()))..];
        let page = &rows[..most.min(rows.len())];
        let next = (page.len() < rows.len()).then(|| Begin::after(page, begin).to_string());
        serde_json::to_vec(&History { metrics: entries(&key, page, None), next_page_token: next })
    })
    .await
}

/// Where a page begins: among the points from a time on, after so many.
#[derive(Clone, Copy)]
struct Begin {
    time: i64,
    skip: usize,
}

impl Begin {
    fn parse(token: &str) -> Reply<Self> {
        let parts = token.split_once('-').and_then(|(time, skip)| Some((time.parse().ok()?, skip.parse().ok()?)));
        let (time, skip) = parts.ok_or_else(|| Failure::page_token(token))?;
        Ok(Self { time, skip })
    }

    /// The place after the last point of a page that is not empty.
    fn after(page: &[Row], before: Option<Self>) -> Self {
        let time = page.last().map_or(0, |row| row.0);
        let same = page.iter().rev().take_while(|row| row.0 == time).count();
        let carried = before.filter(|before| before.time == time).map_or(0, |before| before.skip);
        Self { time, skip: same + carried }
    }
}

impl std::fmt::Display for Begin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.time, self.skip)
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
    fn a_page_begins_after_the_points_of_the_same_time() {
        let page = [(1, 0, 0.0), (2, 0, 0.0), (2, 1, 0.0)];
        let begin = Begin::after(&page, None);
        assert_eq!((begin.time, begin.skip), (2, 2));
        let begin = Begin::after(&[(2, 2, 0.0)], Some(begin));
        assert_eq!(begin.to_string(), "2-3");
        assert!(Begin::parse("x").is_err());
        assert_eq!(Begin::parse("2-3").unwrap().skip, 3);
    }
}
