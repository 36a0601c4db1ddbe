//! The record of what happened, in order.

use serde::{Deserialize, Serialize};

use crate::{
    ArtifactId, ArtifactName, ExperimentId, ExperimentStatus, MetricName, RunError, RunId, Threshold, ThresholdLevel,
    Timestamp, number,
};

/// Position of an event in the log: 1, 2, 3 …, without gap on the embedded store.
pub type EventSeq = u64;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// An experiment was created.
    ExperimentCreated {
        /// Its name.
        name: String,
    },
    /// An experiment changed.
    ExperimentUpdated {
        /// The state it is in now.
        status: ExperimentStatus,
        /// Which fields changed.
        fields: Vec<String>,
    },
    /// An experiment was archived.
    ExperimentArchived,
    /// A run was created, to be started later.
    RunCreated {
        /// Its number.
        number: u64,
        /// Its name.
        name: String,
    },
    /// A run began to execute.
    RunStarted {
        /// Its number.
        number: u64,
        /// Its name.
        name: String,
    },
    /// A run goes on after it had ended.
    RunResumed,
    /// Name, tags, parameters, environment or log of a run changed.
    RunUpdated {
        /// Which fields changed.
        fields: Vec<String>,
    },
    /// A run ended well.
    RunCompleted,
    /// A run ended with an error.
    RunFailed {
        /// The error, without its stack trace.
        error: RunError,
    },
    /// A run was stopped on request.
    RunCancelled,
    /// A run was stopped because it took too long.
    RunTimedOut,
    /// A run was deleted with all that belongs to it.
    RunDeleted,
    /// A run logged metrics.
    MetricsLogged {
        /// How many series got points.
        series: u64,
        /// How many points.
        points: u64,
        /// The greatest step among them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_step: Option<i64>,
    },
    /// A metric of a run went beyond a threshold of its experiment, or beyond a worse one than before.
    ThresholdCrossed {
        /// The metric, with its context where it has one.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        metric: MetricName,
        /// How bad it is.
        level: ThresholdLevel,
        /// The threshold.
        threshold: Threshold,
        /// The first value beyond it.
        #[serde(with = "number")]
        #[cfg_attr(feature = "schema", schema(value_type = number::JsonFloat))]
        value: f64,
        /// Its step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<i64>,
    },
    /// A metric of a run is within all its thresholds again.
    ThresholdCleared {
        /// The metric, with its context where it has one.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        metric: MetricName,
        /// Its value.
        #[serde(with = "number")]
        #[cfg_attr(feature = "schema", schema(value_type = number::JsonFloat))]
        value: f64,
        /// Its step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<i64>,
    },
    /// A run logged an artifact.
    ArtifactLogged {
        /// Its identity.
        artifact_id: ArtifactId,
        /// Its name.
        name: ArtifactName,
        /// Its size.
        size_bytes: u64,
    },
}

impl EventBody {
    /// The type as it is written in JSON, and as the event name in a stream.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ExperimentCreated { .. } => "experiment_created",
            Self::ExperimentUpdated { .. } => "experiment_updated",
            Self::ExperimentArchived => "experiment_archived",
            Self::RunCreated { .. } => "run_created",
            Self::RunStarted { .. } => "run_started",
            Self::RunResumed => "run_resumed",
            Self::RunUpdated { .. } => "run_updated",
            Self::RunCompleted => "run_completed",
            Self::RunFailed { .. } => "run_failed",
            Self::RunCancelled => "run_cancelled",
            Self::RunTimedOut => "run_timed_out",
            Self::RunDeleted => "run_deleted",
            Self::MetricsLogged { .. } => "metrics_logged",
            Self::ThresholdCrossed { .. } => "threshold_crossed",
            Self::ThresholdCleared { .. } => "threshold_cleared",
            Self::ArtifactLogged { .. } => "artifact_logged",
        }
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its position.
    #[cfg_attr(feature = "schema", schema(value_type = u64))]
    pub seq: EventSeq,
    /// When it was written.
    pub at: Timestamp,
    /// The experiment it is about.
    pub experiment_id: ExperimentId,
    /// The run it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}
