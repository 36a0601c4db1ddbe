//! Experiments, runs and what belongs to them as MLflow writes them.

use std::borrow::Cow;

use lab_model::{Metadata, Tags};
use lab_tracker::{DELETED, Dataset, UNATTENDED, is_deleted};
use serde::Serialize;

use super::ids;
use super::numbers::Double;

/// Where in an experiment's metadata the place of its artifacts is kept, where a client chose one.
const LOCATION: &str = "artifact_location";
/// The tag that is the name of a run.
pub(super) const RUN_NAME: &str = "mlflow.runName";
/// The tag that names the run that a run is part of.
pub(super) const PARENT: &str = "mlflow.parentRunId";

/// A key and a text.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value: String,
}

/// A point of a metric.
#[derive(Debug, Serialize)]
pub(super) struct Metric<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Double,
    pub(super) timestamp: i64,
    pub(super) step: i64,
}

/// What is told of a run without what it logged.
#[derive(Debug, Serialize)]
pub(super) struct RunInfo {
    pub(super) run_id: String,
    pub(super) run_uuid: String,
    pub(super) run_name: String,
    pub(super) experiment_id: String,
    pub(super) user_id: String,
    pub(super) status: &'static str,
    pub(super) start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_time: Option<i64>,
    pub(super) artifact_uri: String,
    pub(super) lifecycle_stage: &'static str,
}

/// What a run logged.
#[derive(Debug, Serialize)]
pub(super) struct RunData {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) metrics: Vec<Metric<'static>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) params: Vec<Pair>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Pair>,
}

#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) info: RunInfo,
    pub(super) data: RunData,
    pub(super) inputs: RunInputs,
}

/// What a run read.
#[derive(Debug, Default, Serialize)]
pub(super) struct RunInputs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) dataset_inputs: Vec<DatasetInput>,
}

#[derive(Debug, Serialize)]
pub(super) struct DatasetInput {
    pub(super) dataset: Dataset,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Pair>,
}

#[derive(Debug, Serialize)]
pub(super) struct Experiment {
    experiment_id: String,
    name: String,
    artifact_location: String,
    lifecycle_stage: &'static str,
    creation_time: i64,
    last_update_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair>,
}

impl From<lab_model::Experiment> for Experiment {
    fn from(experiment: lab_model::Experiment) -> Self {
        Self {
            experiment_id: ids::experiment_text(experiment.id),
            artifact_location: location(&experiment),
            lifecycle_stage: stage(&experiment.tags),
            creation_time: experiment.created_at.as_millisecond(),
            last_update_time: experiment.updated_at.as_millisecond(),
            tags: pairs(experiment.tags),
            name: experiment.name,
        }
    }
}

/// The metadata of an experiment whose artifacts are kept somewhere.
pub(super) fn located(location: &str) -> Metadata {
    Metadata::from_iter([(LOCATION.to_owned(), location.into())])
}

/// Where the artifacts of an experiment are.
pub(super) fn location(experiment: &lab_model::Experiment) -> String {
    let chosen = experiment.metadata.get(LOCATION).and_then(|value| value.as_str());
    chosen.map_or_else(|| format!("mlflow-artifacts:/{}", ids::experiment_text(experiment.id)), str::to_owned)
}

pub(super) fn stage(tags: &Tags) -> &'static str {
    if is_deleted(tags) { "deleted" } else { "active" }
}

/// Whether a tag is one that this server keeps to itself.
pub(super) fn is_own(key: &str) -> bool {
    key == DELETED || key == UNATTENDED
}

pub(super) fn pairs(tags: Tags) -> Vec<Pair> {
    tags.0.into_iter().filter(|(key, _)| !is_own(key)).map(|(key, value)| Pair { key, value }).collect()
}
