//! Hyperparameters, and the space, the strategy and the aim of a search over them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MAX_NAME, MetricDirection, check_count, check_optional_count};
use crate::{Error, ParameterValue, Parameters, Result, Validate, check_name, check_range};

/// Hyperparameters and how they are searched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ParameterConfig {
    /// Values that every run starts with; what a search suggests comes before them.
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, crate::ParameterValue>))]
    pub hyperparameters: Parameters,
    /// What is searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_space: Option<SearchSpace>,
    /// What the search is after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimization_target: Option<OptimizationTarget>,
}

impl Validate for ParameterConfig {
    fn validate(&self) -> Result<()> {
        self.hyperparameters.validate().map_err(|e| e.within("hyperparameters"))?;
        self.search_space.validate().map_err(|e| e.within("search_space"))?;
        self.optimization_target.validate().map_err(|e| e.within("optimization_target"))
    }
}

/// What is searched, how, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SearchSpace {
    /// Where each parameter's value comes from, by the parameter's name; at least one.
    pub parameters: BTreeMap<String, ParameterDistribution>,
    /// How the next values are chosen.
    #[serde(default)]
    pub strategy: SearchStrategy,
    /// Most runs of the search, at least 1; without it the search ends where its strategy does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_trials: Option<u32>,
    /// When a run that no longer improves is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl Validate for SearchSpace {
    fn validate(&self) -> Result<()> {
        if self.parameters.is_empty() {
            return Err(Error::invalid("parameters", "is empty; name at least one parameter to search"));
        }
        for (name, distribution) in &self.parameters {
            check_name("parameters", name, MAX_NAME).map_err(|e| match e {
                Error::Invalid { field, problem } => Error::invalid(field, format!("holds a name that {problem}")),
                other => other,
            })?;
            distribution.validate().map_err(|e| e.within(name).within("parameters"))?;
        }
        check_optional_count("max_trials", self.max_trials)?;
        self.early_stopping.validate().map_err(|e| e.within("early_stopping"))
    }
}

/// Where the values of a searched parameter come from, told apart by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ParameterDistribution {
    /// One of a list.
    Categorical {
        /// The list: at least one value, none twice.
        values: Vec<ParameterValue>,
    },
    /// Any float of an interval, each as likely.
    Uniform {
        /// Least value.
        low: f64,
        /// Upper end, above `low`.
        high: f64,
    },
    /// Any float of an interval, each order of magnitude as likely.
    LogUniform {
        /// Least value, above 0.
        low: f64,
        /// Upper end, above `low`.
        high: f64,
    },
    /// Any whole number of an interval, each as likely.
    IntUniform {
        /// Least value.
        low: i64,
        /// Greatest value, which can occur; above `low`.
        high: i64,
    },
    /// Any float, by the normal distribution.
    Normal {
        /// Centre.
        mean: f64,
        /// Standard deviation, above 0.
        std_dev: f64,
    },
}

impl Validate for ParameterDistribution {
    fn validate(&self) -> Result<()> {
        let above_low = |low: f64, high: f64| check_range("high", high, &format!("above `low`, {low}"), |h| h > low);
        match self {
            Self::Categorical { values } => check_categories(values).map_err(|e| e.within("values")),
            Self::Uniform { low, high } => {
                check_range("low", *low, "a finite number", |_| true)?;
                above_low(*low, *high)
            }
            Self::LogUniform { low, high } => {
                check_range("low", *low, "above 0", |l| l > 0.0)?;
                above_low(*low, *high)
            }
            Self::IntUniform { low, high } if low >= high => {
                Err(Error::invalid("high", format!("is {high}; it must be above `low`, {low}")))
            }
            Self::IntUniform { .. } => Ok(()),
            Self::Normal { mean, std_dev } => {
                check_range("mean", *mean, "a finite number", |_| true)?;
                check_range("std_dev", *std_dev, "above 0", |s| s > 0.0)
            }
        }
    }
}

fn check_categories(values: &[ParameterValue]) -> Result<()> {
    if values.is_empty() {
        return Err(Error::invalid("", "is empty; give at least one value"));
    }
    values.validate()?;
    for (i, value) in values.iter().enumerate() {
        if let Some(first) = values[..i].iter().position(|earlier| earlier == value) {
            return Err(Error::invalid(format!("[{i}]"), format!("is the same value as the one at [{first}]")));
        }
    }
    Ok(())
}

/// How the next values to try are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchStrategy {
    /// Every combination.
    Grid,
    /// Each trial by itself, at random.
    #[default]
    Random,
    /// Where a model of the results so far expects the most.
    Bayesian,
    /// Many short trials, of which the best go on.
    Hyperband,
    /// A population whose worst copy and vary its best.
    PopulationBased,
}

/// When a run that no longer improves is ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Name of the metric that is watched; 1–250 characters.
    pub metric: String,
    /// How many values without improvement are waited for, at least 1.
    pub patience: u32,
    /// What counts as an improvement at least, in the metric's own unit; 0 or more.
    #[serde(default)]
    pub min_delta: f64,
    /// Which way is an improvement.
    pub mode: MetricDirection,
}

impl Validate for EarlyStopping {
    fn validate(&self) -> Result<()> {
        check_name("metric", &self.metric, MAX_NAME)?;
        check_count("patience", self.patience)?;
        check_range("min_delta", self.min_delta, "0 or more", |d| d >= 0.0)
    }
}

/// What a search is after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OptimizationTarget {
    /// Name of the metric; 1–250 characters.
    pub metric: String,
    /// Which way is better.
    pub direction: MetricDirection,
    /// What a run must also hold to count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
}

impl Validate for OptimizationTarget {
    fn validate(&self) -> Result<()> {
        check_name("metric", &self.metric, MAX_NAME)?;
        self.constraints.validate().map_err(|e| e.within("constraints"))
    }
}

/// What a metric must hold: `{"metric": "latency_millis", "operator": "<=", "value": 200}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// Name of the metric; 1–250 characters.
    pub metric: String,
    /// How it is compared.
    pub operator: ConstraintOperator,
    /// With what, in the metric's own unit; finite.
    pub value: f64,
}

impl Constraint {
    /// Whether a metric of that value holds it. NaN holds none.
    #[must_use]
    pub fn is_met_by(&self, value: f64) -> bool {
        match self.operator {
            ConstraintOperator::Less => value < self.value,
            ConstraintOperator::LessOrEqual => value <= self.value,
            ConstraintOperator::Greater => value > self.value,
            ConstraintOperator::GreaterOrEqual => value >= self.value,
            ConstraintOperator::Equal => value == self.value,
        }
    }
}

impl Validate for Constraint {
    fn validate(&self) -> Result<()> {
        check_name("metric", &self.metric, MAX_NAME)?;
        check_range("value", self.value, "a finite number", |_| true)
    }
}

/// How a metric is compared with a constraint's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "each variant is the sign it is written as")]
pub enum ConstraintOperator {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=", alias = "≤")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=", alias = "≥")]
    GreaterOrEqual,
    #[serde(rename = "=", alias = "==")]
    Equal,
}
