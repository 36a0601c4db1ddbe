//! The unit of commit.

use std::collections::BTreeMap;

use lab_model::{
    ArtifactId, ArtifactRef, EnvironmentSnapshot, EventBody, EventSeq, Experiment, ExperimentId, ExperimentRun,
    ExperimentStatus, LineageEdge, LineageNode, LogLine, LoggedValue, Parameters, RunError, RunId, RunStatus,
    SeriesPoints, Timestamp, User, WriterId,
};

use crate::{Document, DocumentKind};

/// Everything that one act alters, applied in one transaction or not at all.
///
/// The order is: expectations are checked, writes are applied in order, then nodes, edges and events are added. What a
/// step finds wrong undoes the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When the act happened: the time of its events.
    pub at: Timestamp,
    /// The state the act was decided upon.
    pub expect: Vec<Expect>,
    /// What it alters.
    pub writes: Vec<Write>,
    /// Nodes it adds to the lineage graph; one that exists stays as it is.
    pub nodes: Vec<LineageNode>,
    /// Edges it adds; one that exists stays as it is.
    pub edges: Vec<LineageEdge>,
    /// Entries it adds to the event log, in order.
    pub events: Vec<NewEvent>,
}

impl Change {
    /// A change that alters nothing yet.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self { at, expect: Vec::new(), writes: Vec::new(), nodes: Vec::new(), edges: Vec::new(), events: Vec::new() }
    }

    /// Adds an expectation.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn writing(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds an event about an experiment, or about one of its runs.
    #[must_use]
    pub fn telling(mut self, experiment_id: ExperimentId, run_id: Option<RunId>, body: EventBody) -> Self {
        self.events.push(NewEvent { experiment_id, run_id, body });
        self
    }
}

/// A condition on what is stored. Where it does not hold the commit answers
/// [`Conflict`](lab_model::Error::Conflict) or, for a status, [`WrongState`](lab_model::Error::WrongState), and where the
/// subject does not exist [`NotFound`](lab_model::Error::NotFound); nothing was written then.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// The experiment is in one of these states.
    ExperimentIs {
        /// Which experiment.
        id: ExperimentId,
        /// The states that will do.
        one_of: Vec<ExperimentStatus>,
    },
    /// The run is in one of these states.
    RunIs {
        /// Which run.
        id: RunId,
        /// The states that will do.
        one_of: Vec<RunStatus>,
    },
    /// No client of the run was heard of after this time: its heartbeat, or where there is none its creation.
    RunSilentSince {
        /// Which run.
        id: RunId,
        /// The time.
        at: Timestamp,
    },
    /// The document is at this revision; 0 for one that does not exist.
    DocumentAt {
        /// What it is.
        kind: DocumentKind,
        /// Its name within the kind.
        key: String,
        /// The revision.
        revision: u64,
    },
    /// Records of this writer are kept up to exactly this number; 0 for a writer never heard of.
    WriterAt {
        /// Which writer.
        id: WriterId,
        /// The number of its last record kept.
        seq: u64,
    },
}

/// One alteration. A write about a run or an experiment that does not exist is [`NotFound`](lab_model::Error::NotFound).
///
/// A run's revision counts its state, name, parameters, tags and environment, each write that altered one of them;
/// heartbeats, its log, metrics and artifacts are not counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Adds a user; one of that name stays as it is.
    CreateUser(User),
    /// Adds an experiment. A name that is taken is a conflict.
    CreateExperiment(Box<Experiment>),
    /// Replaces an experiment. Its revision must be one more than the stored one, else it is a conflict.
    UpdateExperiment(Box<Experiment>),
    /// Adds a run. Its `number` is ignored: the commit gives it the next of its experiment. An empty `name` becomes
    /// `run-<number>`. An id that is taken is a conflict.
    CreateRun(Box<ExperimentRun>),
    /// Moves a run to another state; the caller expects the old one. `started_at`, where given, replaces; `ended_at` and
    /// `error` replace always.
    SetRunStatus {
        /// Which run.
        id: RunId,
        /// The new state.
        status: RunStatus,
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Why it ended without completing.
        error: Option<Box<RunError>>,
    },
    /// Gives a run another name.
    RenameRun {
        /// Which run.
        id: RunId,
        /// The new name.
        name: String,
    },
    /// Adds parameters. One that is set to the same value stays; to another value is a conflict.
    SetParameters {
        /// Which run.
        id: RunId,
        /// By name.
        parameters: Parameters,
    },
    /// Sets tags, or with `None` removes them.
    SetTags {
        /// Which run.
        id: RunId,
        /// By key.
        tags: BTreeMap<String, Option<String>>,
    },
    /// Ties a run to a snapshot, which is stored once per distinct content.
    SetEnvironment {
        /// Which run.
        id: RunId,
        /// The snapshot.
        snapshot: Box<EnvironmentSnapshot>,
    },
    /// Adds lines to a run's log and counts them in its summary.
    AppendLog {
        /// Which run.
        id: RunId,
        /// In order.
        lines: Vec<LogLine>,
    },
    /// Notes that a run's client is alive. An older time than the stored one changes nothing.
    Heartbeat {
        /// Which run.
        id: RunId,
        /// When it was heard of.
        at: Timestamp,
    },
    /// Adds points to scalar series and their summaries, whatever the run's state: who minds expects it. The quantiles of a
    /// run that was finalised are taken back, as they are when a run is moved out of an end state.
    AppendPoints {
        /// Which run.
        id: RunId,
        /// By series; a series may occur more than once.
        series: Vec<SeriesPoints>,
    },
    /// Adds values that are not one number.
    AppendValues {
        /// Which run.
        id: RunId,
        /// In order.
        values: Vec<LoggedValue>,
    },
    /// Adds an artifact whose bytes the object store holds.
    AddArtifact(Box<ArtifactRef>),
    /// Removes records of a run's artifacts and their lineage; ids that are not there are passed over. Their bytes stay.
    RemoveArtifacts {
        /// Which run.
        run: RunId,
        /// Which artifacts.
        ids: Vec<ArtifactId>,
    },
    /// Adds a document, or replaces the one of that kind and key; who minds expects its revision.
    PutDocument(Box<Document>),
    /// Removes a document; one that does not exist is no error.
    DeleteDocument {
        /// What it is.
        kind: DocumentKind,
        /// Its name within the kind.
        key: String,
    },
    /// Removes a run with its metrics, log, artifacts' records and lineage (its node and those named `artifact:<id>` after
    /// its artifacts); nested runs lose their parent. Its number is not given again. Events about it stay, and so do the
    /// positions of its writers, so that a record which comes late cannot bring it back.
    DeleteRun {
        /// Which run.
        id: RunId,
    },
    /// Notes that a writer's records are kept up to a number; the caller expects the old one.
    AdvanceWriter {
        /// Which writer.
        id: WriterId,
        /// The run it writes about.
        run_id: RunId,
        /// The number of its last record kept.
        seq: u64,
    },
}

/// An entry for the event log, before the commit gives it its position.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The experiment it is about.
    pub experiment_id: ExperimentId,
    /// The run it is about, where it is about one.
    pub run_id: Option<RunId>,
    /// What happened. The number and name of a run that the same change creates are filled in by the commit.
    pub body: EventBody,
}

/// What a commit decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Position of the last event written; of the last event there is, where the change had none.
    pub last_event: EventSeq,
    /// Numbers given to the runs created, in the order of the writes.
    pub run_numbers: Vec<u64>,
}
