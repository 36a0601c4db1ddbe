//! Which metrics count, how much, and when they should worry somebody.

use serde::{Deserialize, Serialize};

use super::MAX_NAME;
use crate::{MetricId, Parameters, Result, SemanticVersion, SeriesKey, Validate, check_name, check_range};

/// A metric that counts in an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetricConfig {
    /// The name that runs log it under, as `eval/accuracy`; 1–250 characters.
    pub name: String,
    /// Its definition, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_id: Option<MetricId>,
    /// Version of the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SemanticVersion>,
    /// What the definition is computed with, as `{"n": 4}` for BLEU.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, crate::ParameterValue>))]
    pub parameters: Parameters,
    /// Its share in a score of several metrics, 0 or more and relative to the others; 1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Which way is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<MetricDirection>,
    /// From where on a value deserves a look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Threshold>,
    /// From where on a value is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Threshold>,
}

impl MetricConfig {
    /// The metric of that name, without thresholds.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            metric_id: None,
            version: None,
            parameters: Parameters::new(),
            weight: None,
            direction: None,
            warning: None,
            critical: None,
        }
    }
}

impl MetricConfig {
    /// Whether it is about that series: by its name, or by name and context as `loss{split=val}`.
    #[must_use]
    pub fn is_about(&self, key: &SeriesKey) -> bool {
        self.name == key.name || (!key.context.is_empty() && self.name == key.to_string())
    }

    /// The worst threshold that `value` is beyond.
    #[must_use]
    pub fn level_of(&self, value: f64) -> Option<(ThresholdLevel, Threshold)> {
        let beyond = |threshold: Option<Threshold>| threshold.filter(|threshold| threshold.is_crossed_by(value));
        beyond(self.critical)
            .map(|threshold| (ThresholdLevel::Critical, threshold))
            .or_else(|| beyond(self.warning).map(|threshold| (ThresholdLevel::Warning, threshold)))
    }
}

impl Validate for MetricConfig {
    fn validate(&self) -> Result<()> {
        check_name("name", &self.name, MAX_NAME)?;
        self.parameters.validate().map_err(|e| e.within("parameters"))?;
        self.weight.map_or(Ok(()), |weight| check_range("weight", weight, "0 or more", |w| w >= 0.0))?;
        self.warning.validate().map_err(|e| e.within("warning"))?;
        self.critical.validate().map_err(|e| e.within("critical"))
    }
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MetricDirection {
    /// More is better, as for accuracy.
    Maximize,
    /// Less is better, as for loss.
    Minimize,
}

/// A bound that a metric should not cross.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The bound, in the metric's own unit; finite. The bound itself is not yet beyond it.
    pub value: f64,
    /// The side that is bad.
    pub direction: ThresholdDirection,
}

impl Threshold {
    /// Whether `value` is on the bad side. NaN is on neither.
    #[must_use]
    pub fn is_crossed_by(&self, value: f64) -> bool {
        match self.direction {
            ThresholdDirection::Above => value > self.value,
            ThresholdDirection::Below => value < self.value,
        }
    }
}

impl Validate for Threshold {
    fn validate(&self) -> Result<()> {
        check_range("value", self.value, "a finite number", |_| true)
    }
}

/// How bad it is to be beyond a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ThresholdLevel {
    /// It deserves a look.
    Warning,
    /// It is a failure.
    Critical,
}

impl ThresholdLevel {
    /// The name in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The side of a threshold that is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ThresholdDirection {
    /// Values above it.
    Above,
    /// Values below it.
    Below,
}
