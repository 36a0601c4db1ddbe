//! How a series becomes one number.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Validate};

/// How a run's series becomes one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reduction {
    /// The value at the greatest step.
    #[default]
    Last,
    /// The best value by the metric's direction.
    Best,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The mean of all values.
    Mean,
    /// The median of all values: a final aggregation, known once the run has ended.
    Median,
    /// The 95th percentile of all values: a final aggregation, known once the run has ended.
    P95,
    /// The 99th percentile of all values: a final aggregation, known once the run has ended.
    P99,
    /// The mean of the values at the last `steps` logged steps.
    MeanOfLast {
        /// How many steps, at least 1.
        steps: u32,
    },
    /// The value at the greatest step not after `step`.
    AtStep {
        /// The step.
        step: i64,
    },
    /// The area under the curve over steps, by trapezoids, divided by the range of steps.
    AreaUnderCurve,
}

impl Reduction {
    /// Whether summaries do not answer it, so that points must be read.
    #[must_use]
    pub const fn needs_points(self) -> bool {
        matches!(self, Self::MeanOfLast { .. } | Self::AtStep { .. } | Self::AreaUnderCurve)
    }

    /// Whether it picks an extreme of many values, which is better the more values there are.
    #[must_use]
    pub const fn is_selection(self) -> bool {
        matches!(self, Self::Best | Self::Min | Self::Max)
    }

    /// As it stands in a sentence, as in "val/loss (mean of the last 10 steps)".
    #[must_use]
    pub fn phrase(self) -> String {
        match self {
            Self::Last => "last".to_owned(),
            Self::Best => "best".to_owned(),
            Self::Min => "min".to_owned(),
            Self::Max => "max".to_owned(),
            Self::Mean => "mean over all steps".to_owned(),
            Self::Median => "median over all steps".to_owned(),
            Self::P95 => "95th percentile".to_owned(),
            Self::P99 => "99th percentile".to_owned(),
            Self::MeanOfLast { steps } => format!("mean of the last {steps} steps"),
            Self::AtStep { step } => format!("at step {step}"),
            Self::AreaUnderCurve => "area under the curve".to_owned(),
        }
    }
}

impl Validate for Reduction {
    fn validate(&self) -> Result<()> {
        match self {
            Self::MeanOfLast { steps: 0 } => Err(Error::invalid("steps", "is 0; it must be at least 1")),
            _ => Ok(()),
        }
    }
}
