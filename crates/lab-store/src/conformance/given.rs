//! What cases begin with.

use std::sync::atomic::{AtomicI64, Ordering};

use lab_model::{
    EventBody, Experiment, ExperimentId, ExperimentRun, ExperimentStatus, LogSummary, NewExperiment, Parameters, RunId,
    RunStatus, SeriesKey, SeriesPoints, Tags, Timestamp,
};

use crate::{Change, Store, StoreExt as _, Write};

/// Seconds after some beginning.
pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + secs).expect("a time in range")
}

/// A moment later than those asked for before, by a millisecond.
pub(crate) fn now() -> Timestamp {
    static CLOCK: AtomicI64 = AtomicI64::new(0);
    let millis = CLOCK.fetch_add(1, Ordering::Relaxed);
    Timestamp::from_millisecond(1_770_000_000_000 + millis).expect("a time in range")
}

pub(crate) fn draft(name: &str) -> Experiment {
    let new = NewExperiment { name: name.to_owned(), ..NewExperiment::default() };
    let created = now();
    let mut experiment = Experiment::create(ExperimentId::new(created), new, None, created).expect("a valid draft");
    experiment.status = ExperimentStatus::Active;
    experiment
}

/// An active experiment.
pub(crate) async fn experiment(store: &dyn Store, name: &str) -> Experiment {
    let experiment = draft(name);
    let change = Change::new(now()).writing(Write::CreateExperiment(Box::new(experiment.clone())));
    store.commit(change).await.expect("a new experiment");
    experiment
}

pub(crate) fn new_run(experiment: ExperimentId) -> ExperimentRun {
    let created_at = now();
    ExperimentRun {
        id: RunId::new(created_at),
        experiment_id: experiment,
        number: 0,
        name: String::new(),
        status: RunStatus::Running,
        parameters: Parameters::new(),
        environment: None,
        tags: Tags::default(),
        logs: LogSummary::default(),
        parent_run_id: None,
        created_by: None,
        error: None,
        created_at,
        started_at: Some(created_at),
        ended_at: None,
        heartbeat_at: None,
        revision: 1,
    }
}

/// The change that creates a run and tells it.
pub(crate) fn creating(run: &ExperimentRun) -> Change {
    Change::new(run.created_at).writing(Write::CreateRun(Box::new(run.clone()))).telling(
        run.experiment_id,
        Some(run.id),
        EventBody::RunCreated { number: 0, name: String::new() },
    )
}

/// Creates `run` and reads it back.
pub(crate) async fn created(store: &dyn Store, run: &ExperimentRun) -> ExperimentRun {
    store.commit(creating(run)).await.expect("a new run");
    store.require_run(run.id).await.expect("the run")
}

/// A running run of an experiment of its own.
pub(crate) async fn run(store: &dyn Store) -> ExperimentRun {
    let id = RunId::new(now());
    let experiment = experiment(store, &format!("of {id}")).await;
    created(store, &new_run(experiment.id)).await
}

/// Applies one write.
pub(crate) async fn write(store: &dyn Store, write: Write) {
    store.commit(Change::new(now()).writing(write)).await.expect("the write");
}

pub(crate) async fn end(store: &dyn Store, id: RunId) {
    let status =
        Write::SetRunStatus { id, status: RunStatus::Completed, started_at: None, ended_at: Some(now()), error: None };
    write(store, status).await;
}

/// Points as `(value, step)`, a second apart.
pub(crate) fn series(key: impl Into<SeriesKey>, points: &[(f64, Option<i64>)]) -> SeriesPoints {
    let mut series = SeriesPoints::new(key.into());
    for (i, (value, step)) in points.iter().enumerate() {
        series.push(*value, *step, at(i64::try_from(i).expect("few points")).as_microsecond());
    }
    series
}

/// Values at steps 0, 1, 2 …
pub(crate) fn stepped(key: impl Into<SeriesKey>, values: &[f64]) -> SeriesPoints {
    let points: Vec<(f64, Option<i64>)> = values.iter().copied().zip((0..).map(Some)).collect();
    series(key, &points)
}

pub(crate) async fn append(store: &dyn Store, id: RunId, series: Vec<SeriesPoints>) {
    write(store, Write::AppendPoints { id, series }).await;
}

/// Bits of the values, so that NaN is compared too.
pub(crate) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}
