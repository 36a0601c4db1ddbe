//! What an experiment is set up with: models, data, metrics, parameters, resources, how reproducible its runs are, and
//! what is expected of them.
//!
//! Every part may be missing, and a missing part is not written. A field that nobody knows is refused, because a
//! misspelt `temprature` that is ignored costs more than an error. Numbers are checked by [`Validate`], not by their
//! types, so that the error can name the path, as `parameters.search_space.parameters.lr.low`.

mod credential;
mod dataset;
mod hypothesis;
mod metric;
mod model;
mod reproducibility;
mod resources;
mod search_space;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use credential::CredentialRef;
pub use dataset::{DatasetRef, DatasetSplit, DatasetVersionSelector, SampleSize, Sampling, SamplingMethod};
pub use hypothesis::{ExpectedDirection, Hypothesis, Judgement, Ledger, Look, Looks, Outcome, Registration, Revision};
pub use metric::{MetricConfig, MetricDirection, Threshold, ThresholdDirection, ThresholdLevel};
pub use model::{ModelConfig, ModelProvider};
pub use reproducibility::ReproducibilitySettings;
pub use resources::{GpuRequirement, Priority, ResourceRequirements, Toleration, TolerationEffect};
pub use search_space::{
    Constraint, ConstraintOperator, EarlyStopping, OptimizationTarget, ParameterConfig, ParameterDistribution,
    SearchSpace, SearchStrategy,
};

use crate::{Error, Result, Validate, check_name};

/// Most characters in a name or an identifier that somebody else gave out.
const MAX_NAME: usize = 250;

/// The set-up of an experiment. The default is the empty one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ExperimentConfig {
    /// The models that are compared or used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelConfig>,
    /// The data that is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<DatasetRef>,
    /// The metrics that count, and how.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricConfig>,
    /// Hyperparameters and how they are searched.
    #[serde(skip_serializing_if = "is_default")]
    pub parameters: ParameterConfig,
    /// What a run needs of the machine it runs on.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: ResourceRequirements,
    /// What is recorded and pinned so that a run can be made again.
    #[serde(skip_serializing_if = "is_default")]
    pub reproducibility: ReproducibilitySettings,
    /// What is expected to come out, as data. Frozen when the experiment becomes active; later edits are revisions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hypotheses: Vec<Hypothesis>,
    /// What the tracker keeps of the analyses: frozen hypotheses, their revisions and outcomes, looks of gates. What is
    /// sent here is ignored.
    #[serde(skip_serializing_if = "is_default")]
    pub ledger: Ledger,
}

impl Validate for ExperimentConfig {
    fn validate(&self) -> Result<()> {
        self.models.validate().map_err(|e| e.within("models"))?;
        self.datasets.validate().map_err(|e| e.within("datasets"))?;
        self.metrics.validate().map_err(|e| e.within("metrics"))?;
        self.parameters.validate().map_err(|e| e.within("parameters"))?;
        self.resources.validate().map_err(|e| e.within("resources"))?;
        hypothesis::check_hypotheses(&self.hypotheses).map_err(|e| e.within("hypotheses"))
    }
}

/// For `skip_serializing_if`: whether the value says nothing beyond the default.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A name that may be missing.
fn check_optional_name(field: &str, name: Option<&String>) -> Result<()> {
    name.map_or(Ok(()), |name| check_name(field, name, MAX_NAME))
}

/// A number of things, where none makes no sense.
fn check_count(field: &str, count: impl Into<u64>) -> Result<()> {
    if count.into() == 0 { Err(Error::invalid(field, "is 0; it must be at least 1")) } else { Ok(()) }
}

/// A number of things that may be missing, where none makes no sense.
fn check_optional_count(field: &str, count: Option<impl Into<u64>>) -> Result<()> {
    count.map_or(Ok(()), |count| check_count(field, count))
}
