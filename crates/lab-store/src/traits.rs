//! What a store promises. Semantics live here once; the back ends only keep them.
//!
//! Everywhere: a method did all of its work, durably, or none of it. A value that was read is a copy, and later writes do
//! not change it. "Not there" is `None` or an empty list; an error means that the answer is not known, or that the
//! question was wrong.

use std::fmt;

use async_trait::async_trait;
use lab_model::{
    ArtifactId, ArtifactRef, ContentHash, EdgeType, EnvironmentSnapshot, Error, Event, EventSeq, Experiment,
    ExperimentId, ExperimentQuery, ExperimentRun, Kind, LineageGraph, LogLine, LoggedValue, NodeId, NodeType, Paged,
    Result, RunId, RunQuery, RunStatus, SeriesKey, SeriesPoints, SeriesSummary, Timestamp, User, UserId, WriterId,
};
use lab_series::Downsampled;
use tokio::sync::watch;

use crate::{Change, Committed, Document, DocumentKind, DocumentQuery};

/// Reads experiments and the people who own them.
#[async_trait]
pub trait Experiments: Send + Sync {
    /// The experiment with that id.
    async fn experiment(&self, id: ExperimentId) -> Result<Option<Experiment>>;

    /// The experiment with exactly that name.
    async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>>;

    /// The experiments a query finds. Newest first where it does not sort.
    async fn find_experiments(&self, query: &ExperimentQuery) -> Result<Paged<Experiment>>;

    /// How many runs an experiment has in each state; states without runs are left out.
    async fn run_counts(&self, id: ExperimentId) -> Result<Vec<(RunStatus, u64)>>;

    /// The user with exactly that name.
    async fn user_named(&self, name: &str) -> Result<Option<User>>;

    /// The users with these ids; unknown ids are left out.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>>;
}

/// Reads runs, their logs and environments.
#[async_trait]
pub trait Runs: Send + Sync {
    /// The run with that id.
    async fn run(&self, id: RunId) -> Result<Option<ExperimentRun>>;

    /// The run with that number in an experiment.
    async fn run_numbered(&self, experiment: ExperimentId, number: u64) -> Result<Option<ExperimentRun>>;

    /// The runs a query finds. Newest first where it does not sort. Every acknowledged point is visible to it.
    ///
    /// A metric in it is the series without a context. A filter means what [`lab_model::Filter::matches`] says. In an
    /// order NaN comes after the numbers, and after it what lacks the field.
    ///
    /// # Errors
    /// [`Invalid`](lab_model::Error::Invalid) for a query that does not validate and for a cursor of another order.
    async fn find_runs(&self, query: &RunQuery) -> Result<Paged<ExperimentRun>>;

    /// Runs in state running whose last heartbeat (or creation, where there is none) is before `time`; at most `limit`.
    async fn silent_runs(&self, time: Timestamp, limit: u32) -> Result<Vec<RunId>>;

    /// Lines `first` (from 1) and on of a run's log; at most `limit`.
    async fn log_lines(&self, id: RunId, first: u64, limit: u32) -> Result<Vec<LogLine>>;

    /// The environment snapshot with that hash.
    async fn environment(&self, hash: ContentHash) -> Result<Option<EnvironmentSnapshot>>;

    /// Number of the last record kept of a writer; 0 for a writer never heard of.
    async fn delivered(&self, writer: WriterId) -> Result<u64>;
}

/// A part of a series. Bounds are inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PointRange {
    /// Only points with a step from this on.
    pub from_step: Option<i64>,
    /// Only points with a step up to this.
    pub to_step: Option<i64>,
    /// Only points from this time on.
    pub from_time: Option<Timestamp>,
    /// Only points up to this time.
    pub to_time: Option<Timestamp>,
}

/// Reads what runs measured.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Summaries of the series of these runs, by run in the order asked, then by name and context. With `names`, only
    /// series so named. Quantiles are there for runs that were finalised.
    async fn summaries(&self, runs: &[RunId], names: Option<&[String]>) -> Result<Vec<(RunId, SeriesSummary)>>;

    /// Points of one series, sorted by step, then time, then value with NaN least; points without a step come first.
    /// Empty where there is no such series.
    async fn points(&self, run: RunId, key: &SeriesKey, range: &PointRange) -> Result<SeriesPoints>;

    /// The same for a plot: at most about `max_points`, chosen as [`downsample`](lab_series::downsample) chooses, without
    /// reading all there are where they are many.
    async fn sampled_points(
        &self,
        run: RunId,
        key: &SeriesKey,
        range: &PointRange,
        max_points: usize,
    ) -> Result<Downsampled>;

    /// Values that are not one number, sorted by name, context, step and time; with `key`, only those of that series.
    async fn values(&self, run: RunId, key: Option<&SeriesKey>) -> Result<Vec<LoggedValue>>;

    /// Computes the exact quantiles of an ended run's series and keeps them in their summaries. Again is harmless.
    ///
    /// # Errors
    /// [`NotFound`](lab_model::Error::NotFound) and, for a run that has not ended,
    /// [`WrongState`](lab_model::Error::WrongState).
    async fn finalise(&self, run: RunId) -> Result<()>;

    /// Ended runs that were not finalised yet, as after a crash; at most `limit`.
    async fn unfinalised(&self, limit: u32) -> Result<Vec<RunId>>;

    /// Folds the oldest batches of a run's points, where it has at least so many, into chunks by series: reading a series
    /// then costs its own points, and a point takes a few bytes. Nothing that is read changes. Of several that fold a run at
    /// once one does. Answers whether anything was folded, and so more may be left.
    ///
    /// # Errors
    /// [`NotFound`](lab_model::Error::NotFound).
    async fn fold(&self, run: RunId, least_batches: u32) -> Result<bool>;

    /// Runs with at least so many batches that are not folded, those with the most first; at most `limit`.
    async fn unfolded(&self, least_batches: u32, limit: u32) -> Result<Vec<RunId>>;
}

/// Reads records of artifacts. Their bytes are in [`Objects`](crate::Objects).
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// The artifact with that id.
    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRef>>;

    /// Artifacts of a run, by name, and of one name the latest first.
    async fn artifacts(&self, run: RunId) -> Result<Vec<ArtifactRef>>;
}

/// Which way to follow influence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the node came from.
    Ancestors,
    /// What came from the node.
    Descendants,
    /// Both.
    Both,
}

/// A walk through the lineage graph.
#[derive(Clone, Debug, PartialEq)]
pub struct LineageSearch {
    /// Where it begins.
    pub from: NodeId,
    /// Which way it goes.
    pub direction: Direction,
    /// Most edges from the beginning; 0 finds the node alone.
    pub depth: u32,
    /// Only these types of nodes, beside the first; all where empty. Others are not walked through.
    pub node_types: Vec<NodeType>,
    /// Only these types of edges; all where empty.
    pub edge_types: Vec<EdgeType>,
    /// Most nodes in the answer.
    pub limit: u32,
}

/// Reads the lineage graph.
#[async_trait]
pub trait Lineage: Send + Sync {
    /// The nodes within reach, breadth first, each once, and all edges between them that the search allows. `None` where
    /// the first node does not exist.
    async fn lineage(&self, search: &LineageSearch) -> Result<Option<LineageGraph>>;
}

/// Reads the event log.
#[async_trait]
pub trait Events: Send + Sync {
    /// Events after a position, in order; at most `limit`.
    async fn events(&self, after: EventSeq, limit: u32) -> Result<Vec<Event>>;

    /// Position of the last event; 0 where there is none.
    async fn last_event(&self) -> Result<EventSeq>;

    /// Wakes up when events were added, by this process or another. The value is the last position known; the log is the
    /// truth.
    fn watch_events(&self) -> watch::Receiver<EventSeq>;
}

/// Reads records that the store does not look into.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The document of that kind and key.
    async fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>>;

    /// The documents a query asks for, newest first, then by key.
    async fn documents(&self, query: &DocumentQuery) -> Result<Vec<Document>>;
}

/// Keeps what the tracker knows.
#[async_trait]
pub trait Store:
    Experiments + Runs + Metrics + Artifacts + Lineage + Events + Documents + fmt::Debug + 'static
{
    /// Applies a change whole and durably, or not at all.
    ///
    /// # Errors
    /// See [`Expect`](crate::Expect) and [`Write`](crate::Write) for what is refused;
    /// [`Storage`](lab_model::Error::Storage) where the database failed, and then, if the answer is lost after the
    /// database had accepted it, the change may have happened: what must not happen twice expects a writer's position.
    async fn commit(&self, change: Change) -> Result<Committed>;

    /// Whether the store can be read and written now.
    ///
    /// # Errors
    /// Why not.
    async fn check(&self) -> Result<()>;

    /// Finishes what was accepted and closes the database. Later calls fail.
    async fn close(&self);
}

/// Shorthands that every back end gets for free.
#[async_trait]
pub trait StoreExt: Store {
    /// The experiment with that id, or [`NotFound`](lab_model::Error::NotFound).
    async fn require_experiment(&self, id: ExperimentId) -> Result<Experiment> {
        self.experiment(id).await?.ok_or_else(|| Error::not_found(Kind::Experiment, id))
    }

    /// The run with that id, or [`NotFound`](lab_model::Error::NotFound).
    async fn require_run(&self, id: RunId) -> Result<ExperimentRun> {
        self.run(id).await?.ok_or_else(|| Error::not_found(Kind::Run, id))
    }

    /// The artifact with that id, or [`NotFound`](lab_model::Error::NotFound).
    async fn require_artifact(&self, id: ArtifactId) -> Result<ArtifactRef> {
        self.artifact(id).await?.ok_or_else(|| Error::not_found(Kind::Artifact, id))
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
