//! What a comparison costs, from the request to the answer, over a store in a temporary folder.
//!
//! `cargo run --release -p lab-tracker --example bench_compare [RUNS]` prints a line a case: the median and the slowest of
//! ten. Limits: 200 ms for the summaries of 10,000 runs, 300 ms for 10 metrics of 200 runs by the BCa bootstrap with 10,000
//! resamples, on two cores. It ends with 1 where a median is beyond its limit.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people, over a store that it made")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use lab_model::{
    Experiment, ExperimentStatus, NewExperiment, Parameters, RunStatus, SeriesKey, SeriesPoints, Settings, Tags,
};
use lab_tracker::compare::{CompareRequest, TestChoice};
use lab_tracker::{NewRun, Tracker};

const METRICS: usize = 10;
const TIMES: usize = 10;

/// A number from 0 to 1 that looks random and is the same each time.
fn wobble(seed: u64) -> f64 {
    let mixed = (seed ^ (seed >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1_u64 << 53) as f64
}

async fn run(tracker: &Tracker, experiment: &Experiment, index: u64) {
    let parameters: Parameters = serde_json::from_value(serde_json::json!({
        "hidden": 1 << (index % 8), "seed": index / 8, "lr": 0.001, "batch": 32, "depth": 4, "dropout": 0.1,
        "optimizer": "adamw", "data": { "name": "wikitext", "tokens": 100_000_000 },
    }))
    .unwrap();
    let new = NewRun {
        id: None,
        experiment: experiment.id,
        name: None,
        parameters,
        tags: Tags::default(),
        parent_run_id: None,
        user: None,
        status: RunStatus::Running,
        started_at: None,
    };
    let run = tracker.create_run(new).await.unwrap();
    let series = (0..METRICS as u64).map(|metric| {
        let mut points = SeriesPoints::new(SeriesKey::named(format!("eval/metric-{metric}")));
        for step in 0..5 {
            let value = (index % 8) as f64 * 0.02 + wobble(index * 1_000 + metric * 10 + step);
            points.push(value, Some(step as i64), step as i64);
        }
        points
    });
    tracker.complete_run(run.id, series.collect()).await.unwrap();
}

async fn fill(tracker: &Tracker, name: &str, runs: u64) {
    let new = NewExperiment { name: name.to_owned(), ..NewExperiment::default() };
    let experiment = tracker.create_experiment(new, None).await.unwrap();
    let experiment = tracker.move_experiment(experiment.id, ExperimentStatus::Active).await.unwrap();
    let all = stream::iter(0..runs).map(|index| run(tracker, &experiment, index));
    all.buffer_unordered(128).collect::<Vec<()>>().await;
}

async fn measure(tracker: &Tracker, what: &str, limit_millis: u64, request: &CompareRequest) -> bool {
    let mut times: Vec<Duration> = Vec::new();
    let mut groups = 0;
    for _ in 0..=TIMES {
        let start = Instant::now();
        groups = tracker.compare(request.clone()).await.unwrap().groups.len();
        times.push(start.elapsed());
    }
    // The first one fills caches.
    times.remove(0);
    times.sort_unstable();
    let (median, slowest) = (times[TIMES / 2], times[TIMES - 1]);
    let is_within = median <= Duration::from_millis(limit_millis);
    let mark = if is_within { "" } else { "  TOO SLOW" };
    println!("{what} ({groups} groups): median {median:.1?}, slowest {slowest:.1?}, limit {limit_millis} ms{mark}");
    is_within
}

#[tokio::main]
async fn main() -> ExitCode {
    let runs: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let tracker = Tracker::open(folder.path(), Settings::default()).await.unwrap();
    let start = Instant::now();
    fill(&tracker, "many", runs).await;
    fill(&tracker, "few", 200).await;
    println!("{} runs with {METRICS} metrics each were made in {:.1?}", runs + 200, start.elapsed());
    let by_width = |name: &str, metrics: usize| CompareRequest {
        experiments: vec![name.to_owned()],
        group_by: vec!["params.hidden".to_owned()],
        metrics: (0..metrics).map(|metric| format!("eval/metric-{metric}")).collect(),
        ..CompareRequest::default()
    };
    let few = by_width("few", METRICS);
    let bootstrap = CompareRequest { test: TestChoice::Bootstrap, ..few.clone() };
    let halves = CompareRequest { query: Some("params.hidden in (1, 2)".to_owned()), ..bootstrap.clone() };
    let mut are_within = vec![
        measure(&tracker, &format!("{runs} runs, 1 metric, summaries"), 200, &by_width("many", 1)).await,
        measure(&tracker, "200 runs, 10 metrics, t tests", 100, &few).await,
        measure(&tracker, "200 runs, 10 metrics, BCa bootstrap of 10,000", 300, &bootstrap).await,
        measure(&tracker, "50 of 200 runs, 10 metrics, BCa bootstrap of 10,000", 300, &halves).await,
    ];
    are_within.push(
        measure(&tracker, &format!("{runs} runs, 10 metrics, summaries"), 1_000, &by_width("many", METRICS)).await,
    );
    tracker.close().await;
    if are_within.into_iter().all(|is_within| is_within) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
