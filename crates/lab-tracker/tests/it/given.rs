//! What a test starts from, and everything there is to be seen of it afterwards.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use lab_model::{
    ArtifactRef, ArtifactType, EventSeq, Experiment, ExperimentQuery, ExperimentRun, ExperimentStatus, Metadata,
    NewExperiment, Parameters, Result, RunId, RunQuery, RunStatus, SeriesPoints, Settings, Tags, Timestamp,
};
use lab_store::sqlite::SqliteStore;
use lab_store::{Objects, PointRange};
use lab_tracker::{Clock, NewArtifact, NewRun, Tracker};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::faulty::Faulty;

/// When the clock of every test begins.
pub(crate) const BEGIN: Timestamp = Timestamp::constant(1_700_000_000, 0);

pub(crate) struct Lab {
    pub(crate) tracker: Tracker,
    pub(crate) faults: Arc<Faulty>,
    pub(crate) clock: Clock,
    settings: Settings,
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::open(tempfile::tempdir().unwrap(), Clock::fixed(BEGIN), settings)
    }

    fn open(folder: TempDir, clock: Clock, settings: Settings) -> Self {
        let store = SqliteStore::open(&folder.path().join("lab.db")).unwrap();
        let faults = Arc::new(Faulty::new(store));
        let objects = Objects::local(&folder.path().join("objects"), settings.compression).unwrap();
        let store = Arc::clone(&faults);
        let tracker = Tracker::new(store, objects, settings.clone(), clock.clone());
        Self { tracker, faults, clock, settings, folder }
    }

    /// The same folder after the program ended without closing anything.
    pub(crate) fn after_a_crash(self) -> Self {
        let Self { tracker, faults, clock, settings, folder } = self;
        drop((tracker, faults));
        Self::open(folder, clock, settings)
    }

    pub(crate) async fn draft(&self, name: &str) -> Experiment {
        let new = NewExperiment { name: name.to_owned(), ..NewExperiment::default() };
        self.tracker.create_experiment(new, None).await.unwrap()
    }

    pub(crate) async fn experiment(&self, name: &str) -> Experiment {
        let draft = self.draft(name).await;
        self.tracker.move_experiment(draft.id, ExperimentStatus::Active).await.unwrap()
    }

    pub(crate) async fn run_of(&self, experiment: &Experiment) -> ExperimentRun {
        self.tracker.create_run(new_run(experiment)).await.unwrap()
    }

    /// A running run of an experiment named `tiny-lm`.
    pub(crate) async fn run(&self) -> ExperimentRun {
        let experiment = self.experiment("tiny-lm").await;
        self.run_of(&experiment).await
    }

    pub(crate) async fn status(&self, id: RunId) -> RunStatus {
        self.tracker.run(id).await.unwrap().status
    }

    pub(crate) async fn log_artifact(&self, run: RunId, name: &str, content: &[u8]) -> Result<ArtifactRef> {
        self.tracker.log_artifact(run, artifact(name), pieces(content)).await
    }

    pub(crate) async fn download(&self, artifact: &ArtifactRef) -> Result<Vec<u8>> {
        let (_, reader) = self.tracker.open_artifact(artifact.id, None).await?;
        reader
            .stream
            .try_fold(Vec::new(), |mut all, part| async move {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await
    }

    /// Files of the object store, sorted.
    pub(crate) fn object_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }

    /// Types of the events after a position.
    pub(crate) async fn events_after(&self, after: EventSeq) -> Vec<&'static str> {
        let events = self.tracker.events(after, 10_000).await.unwrap();
        events.iter().map(|event| event.body.kind()).collect()
    }

    pub(crate) async fn last_event(&self) -> EventSeq {
        self.tracker.last_event().await.unwrap()
    }

    /// All that a run is.
    pub(crate) async fn story(&self, id: RunId) -> Value {
        let detail = self.tracker.run_detail(id).await.unwrap();
        let mut points = Vec::new();
        for summary in &detail.metrics {
            points.push(self.tracker.points(id, &summary.key, &PointRange::default(), None).await.unwrap());
        }
        let values = self.tracker.values(id, None).await.unwrap();
        let lines = self.tracker.log_lines(id, 1, 10_000).await.unwrap();
        json!({ "run": detail, "points": points, "values": values, "lines": lines })
    }

    /// All that is kept.
    pub(crate) async fn everything(&self) -> Value {
        let experiments = self.tracker.find_experiments(&ExperimentQuery::default()).await.unwrap().items;
        let mut graphs = Vec::new();
        for experiment in &experiments {
            graphs.push(self.tracker.experiment_lineage(experiment.id, 1_000).await.unwrap());
        }
        let mut runs = Vec::new();
        for run in self.tracker.find_runs(&RunQuery::default()).await.unwrap().items {
            runs.push(self.story(run.id).await);
        }
        let events = self.tracker.events(0, 10_000).await.unwrap();
        json!({ "experiments": experiments, "graphs": graphs, "runs": runs, "events": events })
    }
}

pub(crate) fn new_run(experiment: &Experiment) -> NewRun {
    NewRun {
        id: None,
        experiment: experiment.id,
        name: None,
        parameters: Parameters::new(),
        tags: Tags::default(),
        parent_run_id: None,
        user: None,
        status: RunStatus::Running,
        started_at: None,
    }
}

pub(crate) fn artifact(name: &str) -> NewArtifact {
    NewArtifact {
        name: name.parse().unwrap(),
        artifact_type: ArtifactType::Model,
        metadata: Metadata::new(),
        declared_bytes: None,
    }
}

/// Content as it comes from a network: in pieces.
pub(crate) fn pieces(
    content: &[u8],
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Unpin + Send + use<> {
    let pieces: Vec<_> = content.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

/// Values at steps 0, 1, 2 …, a second apart.
pub(crate) fn points(name: &str, values: &[f64]) -> SeriesPoints {
    let mut points = SeriesPoints::new(name.into());
    for (value, step) in values.iter().zip(0..) {
        points.push(*value, Some(step), BEGIN.as_microsecond() + step * 1_000_000);
    }
    points
}

pub(crate) fn parameters(json: &str) -> Parameters {
    serde_json::from_str(json).unwrap()
}
