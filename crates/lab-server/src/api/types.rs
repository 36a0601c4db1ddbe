//! Bodies and replies of the API that are not types of the domain.

use std::collections::BTreeMap;

use lab_model::{
    Context, Cursor, ExperimentStatus, LogLine, LoggedValue, Metadata, MetricName, Parameters, RunError, RunId, Tags,
    Timestamp, number,
};
use lab_model::{SeriesPoints, SeriesSummary};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A list of everything there is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Items<T> {
    /// The items.
    pub items: Vec<T>,
}

/// Which experiments, in which order.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListExperiments {
    /// A filter, as `status = active and tags.team = 'nlp'`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Keys to sort by, as `name` or `created_at desc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Most items, 100 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// Which runs, in which order.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRuns {
    /// Only runs of this experiment: its name or id. For several, search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// A filter, as `metrics.loss < 0.5 and params.lr = 0.001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Keys to sort by, as `metrics.loss asc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Most items, 100 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// A search for runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchRuns {
    /// Only runs of these experiments, by name or id; of all where empty.
    pub experiments: Vec<String>,
    /// A filter, as `metrics.loss < 0.5 and params.lr = 0.001`.
    pub query: Option<String>,
    /// Keys to sort by, as `metrics.loss asc, created_at`.
    pub sort: Option<String>,
    /// Most items, 100 where absent.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<Cursor>,
    /// Names of the metrics to give with each run; all where absent.
    pub metrics: Option<Vec<MetricName>>,
}

/// Where an experiment is to go.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveExperiment {
    /// The new status.
    pub status: ExperimentStatus,
}

/// What an update of an experiment expects.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpectRevision {
    /// Refuse the update if the experiment is not at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// A run to create.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateRun {
    /// Its id, where the caller makes ids.
    pub id: Option<RunId>,
    /// Its name; `run-NUMBER` where absent.
    pub name: Option<String>,
    /// What it is started with.
    #[schema(value_type = Object)]
    pub parameters: Parameters,
    /// Labels, or pairs.
    pub tags: Tags,
    /// The run it is a part of.
    pub parent_run_id: Option<RunId>,
    /// Login name of who creates it.
    pub user: Option<String>,
    /// Whether it waits to be started; it begins at once where false.
    pub pending: bool,
}

/// A change to a run: what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateRun {
    /// New name.
    pub name: Option<String>,
    /// Tags to set, or with null to remove.
    pub tags: BTreeMap<String, Option<String>>,
}

/// What is to happen to a run's status.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum MoveRun {
    /// Hand it to a queue.
    Queue,
    /// Begin to execute.
    Start,
    /// End well.
    Complete {
        /// The last points, kept with the end in one change.
        #[serde(default)]
        metrics: Vec<MetricPoint>,
    },
    /// End with an error.
    Fail {
        /// What happened.
        error: Box<RunFailure>,
    },
    /// Stop on request.
    Cancel {
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Stop because it took too long.
    TimeOut {
        /// Which limit.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Go on after it ended without completing.
    Resume,
}

/// An error as a caller tells it; the server adds the time where it is absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFailure {
    /// The class of error; `Error` where absent.
    #[serde(rename = "type", default)]
    pub error_type: Option<String>,
    /// What it said.
    pub message: String,
    /// Where it was raised.
    #[serde(default)]
    pub stack_trace: Option<String>,
    /// Whether the run can go on from where it stopped.
    #[serde(default)]
    pub recoverable: bool,
    /// Circumstances.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
}

impl RunFailure {
    pub(crate) fn at(self, time: Timestamp) -> RunError {
        let Self { error_type, message, stack_trace, recoverable, context } = self;
        let error_type = error_type.unwrap_or_else(|| "Error".to_owned());
        RunError { error_type, message, stack_trace, time, recoverable, context }
    }
}

/// Parameters to set. One that is set already cannot change.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogParameters {
    /// By name.
    #[schema(value_type = Object)]
    pub parameters: Parameters,
}

/// Something that a run uses.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum UseInput {
    /// A dataset.
    Dataset {
        /// Name or id.
        name: String,
        /// Version, split and the like.
        #[serde(default)]
        #[schema(value_type = Object)]
        metadata: Metadata,
    },
    /// A model.
    Model {
        /// Name or id.
        name: String,
        /// Provider, revision and the like.
        #[serde(default)]
        #[schema(value_type = Object)]
        metadata: Metadata,
    },
}

/// One measurement of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricPoint {
    /// Name of the metric.
    pub name: MetricName,
    /// What tells it apart from other series of that name.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The value, or one of the texts `NaN`, `Infinity` and `-Infinity`.
    #[serde(with = "number")]
    pub value: f64,
    /// Training step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// When it was measured; now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// Metrics to log: points one by one, or by series as columns.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogMetrics {
    /// Points of any series.
    pub points: Vec<MetricPoint>,
    /// Columns of points.
    pub series: Vec<SeriesPoints>,
}

/// How much was kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// Number of points, values or lines.
    pub accepted: u64,
}

/// Which points.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetPoints {
    /// Name of the metric.
    pub name: MetricName,
    /// Context of the series as a JSON object; none where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// From this step on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_step: Option<i64>,
    /// Up to this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_step: Option<i64>,
    /// From this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub from_time: Option<Timestamp>,
    /// Up to this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub to_time: Option<Timestamp>,
    /// Most points, at least 4. Where there are more, the extremes are kept and the answer says so. All where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_points: Option<usize>,
}

/// Series of several runs, for a chart.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSeries {
    /// The runs, at most 1,000.
    pub runs: Vec<RunId>,
    /// Names of the metrics, at most 1,000; every context of them is given.
    pub names: Vec<MetricName>,
    /// From this step on.
    #[serde(default)]
    pub from_step: Option<i64>,
    /// Up to this step.
    #[serde(default)]
    pub to_step: Option<i64>,
    /// Most points a series, 1,000 where absent.
    #[serde(default)]
    pub max_points: Option<usize>,
}

/// One series of one run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunSeries {
    /// The run.
    pub run_id: RunId,
    /// Its points, sorted by step.
    #[serde(flatten)]
    pub points: SeriesPoints,
    /// Whether points were left out.
    pub is_sampled: bool,
    /// How many there are.
    pub total_points: u64,
}

/// Values to log that are not one number.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogValues {
    /// In order.
    pub values: Vec<LoggedValue>,
}

/// Which values.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListValues {
    /// Only those of this name and without a context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<MetricName>,
}

/// Lines to add to a log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppendLog {
    /// In order.
    pub lines: Vec<LogLine>,
}

/// Which lines of a log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadLog {
    /// Number of the first line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Most lines, 1,000 where absent and 10,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A part of a log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogPart {
    /// Number of the first line here.
    pub first: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// How many lines the log has now.
    pub total_lines: u64,
}

/// An artifact to log; its content is the body of the request.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogArtifact {
    /// Its path within the run, as `plots/loss.svg`.
    pub name: String,
    /// What it is for: model, checkpoint, dataset, visualization, log, config, report, file or a name of your own.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free JSON, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

/// Which artifact of a run.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArtifactByName {
    /// Its path within the run; the latest of that name is given.
    pub name: String,
}

/// Content that was stored.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoredObject {
    /// SHA-256.
    #[schema(value_type = String)]
    pub hash: lab_model::ContentHash,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// What a client calls an upload, for messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PutObject {
    /// A name for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How far a writer's records are kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct WriterState {
    /// Number of the last record kept; 0 for a writer never heard of.
    pub seq: u64,
}

/// Which way to follow influence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineageDirection {
    /// What the node came from.
    Ancestors,
    /// What came from the node.
    Descendants,
    /// Both.
    #[default]
    Both,
}

/// A walk through the lineage graph.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetLineage {
    /// Which way, both where absent.
    #[serde(default)]
    #[param(inline)]
    pub direction: LineageDirection,
    /// Most edges from the node, 3 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Only these types of nodes, joined by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_types: Option<String>,
    /// Only these types of edges, joined by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_types: Option<String>,
    /// Most nodes, 1,000 where absent and 10,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Which events.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FollowEvents {
    /// Only events after this position. A stream without it and without `Last-Event-ID` begins now; a list at the
    /// beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only events about this experiment: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub experiment_id: Option<lab_model::ExperimentId>,
    /// Only events about this run: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub run_id: Option<RunId>,
    /// Most events of a list, 100 where absent and 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A list of events.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// In order.
    pub items: Vec<lab_model::Event>,
    /// Position to continue after.
    pub after: u64,
    /// Position of the last event there is.
    pub last: u64,
}

/// Summaries of a run's series.
pub type MetricList = Items<SeriesSummary>;
