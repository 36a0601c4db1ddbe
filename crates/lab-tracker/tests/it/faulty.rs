//! A store that fails when it is told to: before it did what was asked, or after.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use lab_model::{
    ArtifactId, ArtifactRef, ContentHash, EnvironmentSnapshot, Error, Event, EventSeq, Experiment, ExperimentId,
    ExperimentQuery, ExperimentRun, LineageGraph, LogLine, LoggedValue, Paged, Result, RunId, RunQuery, RunStatus,
    SeriesKey, SeriesPoints, SeriesSummary, Timestamp, User, UserId, WriterId,
};
use lab_series::Downsampled;
use lab_store::sqlite::SqliteStore;
use lab_store::{
    Artifacts, Change, Committed, Document, DocumentKind, DocumentQuery, Documents, Events, Experiments, Lineage,
    LineageSearch, Metrics, PointRange, Runs, Store,
};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happened.
    Before,
    /// It happened, and the answer was lost.
    After,
}

#[derive(Debug)]
pub(crate) struct Faulty {
    store: SqliteStore,
    commits: Mutex<VecDeque<Option<Fault>>>,
    finalise_fails: AtomicBool,
    meanwhile: Mutex<Option<Change>>,
}

impl Faulty {
    pub(crate) fn new(store: SqliteStore) -> Self {
        Self { store, commits: Mutex::default(), finalise_fails: AtomicBool::new(false), meanwhile: Mutex::default() }
    }

    /// What the next commits meet; those after them meet nothing.
    pub(crate) fn at_commits(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        *self.commits.lock().unwrap_or_else(PoisonError::into_inner) = faults.into_iter().collect();
    }

    /// Whether all faults were met. Forgets those that were not.
    pub(crate) fn met_all(&self) -> bool {
        std::mem::take(&mut *self.commits.lock().unwrap_or_else(PoisonError::into_inner)).is_empty()
    }

    /// What somebody else commits after the next look for silent runs, before anything is done about them.
    pub(crate) fn after_the_look(&self, change: Change) {
        *self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }

    pub(crate) fn let_finalise_fail(&self, fails: bool) {
        self.finalise_fails.store(fails, Ordering::SeqCst);
    }
}

fn failure() -> Error {
    Error::Storage { doing: "committing a change", retryable: true, source: "the test pulled the plug".into() }
}

#[async_trait]
impl Store for Faulty {
    async fn commit(&self, change: Change) -> Result<Committed> {
        let fault = self.commits.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten();
        if fault == Some(Fault::Before) {
            return Err(failure());
        }
        let committed = self.store.commit(change).await?;
        if fault == Some(Fault::After) { Err(failure()) } else { Ok(committed) }
    }

    async fn check(&self) -> Result<()> {
        self.store.check().await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

#[async_trait]
impl Experiments for Faulty {
    async fn experiment(&self, id: ExperimentId) -> Result<Option<Experiment>> {
        self.store.experiment(id).await
    }

    async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>> {
        self.store.experiment_named(name).await
    }

    async fn find_experiments(&self, query: &ExperimentQuery) -> Result<Paged<Experiment>> {
        self.store.find_experiments(query).await
    }

    async fn run_counts(&self, id: ExperimentId) -> Result<Vec<(RunStatus, u64)>> {
        self.store.run_counts(id).await
    }

    async fn user_named(&self, name: &str) -> Result<Option<User>> {
        self.store.user_named(name).await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        self.store.users(ids).await
    }
}

#[async_trait]
impl Runs for Faulty {
    async fn run(&self, id: RunId) -> Result<Option<ExperimentRun>> {
        self.store.run(id).await
    }

    async fn run_numbered(&self, experiment: ExperimentId, number: u64) -> Result<Option<ExperimentRun>> {
        self.store.run_numbered(experiment, number).await
    }

    async fn find_runs(&self, query: &RunQuery) -> Result<Paged<ExperimentRun>> {
        self.store.find_runs(query).await
    }

    async fn silent_runs(&self, time: Timestamp, limit: u32) -> Result<Vec<RunId>> {
        let silent = self.store.silent_runs(time, limit).await;
        let meanwhile = self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(change) = meanwhile {
            self.store.commit(change).await?;
        }
        silent
    }

    async fn log_lines(&self, id: RunId, first: u64, limit: u32) -> Result<Vec<LogLine>> {
        self.store.log_lines(id, first, limit).await
    }

    async fn environment(&self, hash: ContentHash) -> Result<Option<EnvironmentSnapshot>> {
        self.store.environment(hash).await
    }

    async fn delivered(&self, writer: WriterId) -> Result<u64> {
        self.store.delivered(writer).await
    }
}

#[async_trait]
impl Metrics for Faulty {
    async fn summaries(&self, runs: &[RunId], names: Option<&[String]>) -> Result<Vec<(RunId, SeriesSummary)>> {
        self.store.summaries(runs, names).await
    }

    async fn points(&self, run: RunId, key: &SeriesKey, range: &PointRange) -> Result<SeriesPoints> {
        self.store.points(run, key, range).await
    }

    async fn sampled_points(
        &self,
        run: RunId,
        key: &SeriesKey,
        range: &PointRange,
        max_points: usize,
    ) -> Result<Downsampled> {
        self.store.sampled_points(run, key, range, max_points).await
    }

    async fn fold(&self, run: RunId, least_batches: u32) -> Result<bool> {
        self.store.fold(run, least_batches).await
    }

    async fn unfolded(&self, least_batches: u32, limit: u32) -> Result<Vec<RunId>> {
        self.store.unfolded(least_batches, limit).await
    }

    async fn values(&self, run: RunId, key: Option<&SeriesKey>) -> Result<Vec<LoggedValue>> {
        self.store.values(run, key).await
    }

    async fn finalise(&self, run: RunId) -> Result<()> {
        if self.finalise_fails.load(Ordering::SeqCst) {
            return Err(failure());
        }
        self.store.finalise(run).await
    }

    async fn unfinalised(&self, limit: u32) -> Result<Vec<RunId>> {
        self.store.unfinalised(limit).await
    }
}

#[async_trait]
impl Artifacts for Faulty {
    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRef>> {
        self.store.artifact(id).await
    }

    async fn artifacts(&self, run: RunId) -> Result<Vec<ArtifactRef>> {
        self.store.artifacts(run).await
    }
}

#[async_trait]
impl Lineage for Faulty {
    async fn lineage(&self, search: &LineageSearch) -> Result<Option<LineageGraph>> {
        self.store.lineage(search).await
    }
}

#[async_trait]
impl Events for Faulty {
    async fn events(&self, after: EventSeq, limit: u32) -> Result<Vec<Event>> {
        self.store.events(after, limit).await
    }

    async fn last_event(&self) -> Result<EventSeq> {
        self.store.last_event().await
    }

    fn watch_events(&self) -> watch::Receiver<EventSeq> {
        self.store.watch_events()
    }
}

#[async_trait]
impl Documents for Faulty {
    async fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>> {
        self.store.document(kind, key).await
    }

    async fn documents(&self, query: &DocumentQuery) -> Result<Vec<Document>> {
        self.store.documents(query).await
    }
}
