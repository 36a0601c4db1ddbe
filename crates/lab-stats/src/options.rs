//! Options that many procedures share.

use serde::Serialize;

use crate::error::{Result, StatsError};

/// What the alternative hypothesis claims about the first sample compared with the second (or with the null value).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alternative {
    /// They differ, in either direction.
    #[default]
    TwoSided,
    /// The first is smaller.
    Less,
    /// The first is larger.
    Greater,
}

impl Alternative {
    /// The same claim with the samples exchanged.
    pub fn mirrored(self) -> Self {
        match self {
            Self::TwoSided => Self::TwoSided,
            Self::Less => Self::Greater,
            Self::Greater => Self::Less,
        }
    }

    /// The p-value, from the probabilities of a statistic as small and as large as the one seen.
    ///
    /// Two-sided is `min(1, 2 min(lower, upper))`, so that it also serves discrete statistics whose tails overlap.
    pub(crate) fn p_value(self, lower: f64, upper: f64) -> f64 {
        match self {
            Self::TwoSided => (2.0 * lower.min(upper)).min(1.0),
            Self::Less => lower.min(1.0),
            Self::Greater => upper.min(1.0),
        }
    }
}

/// A confidence level strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ConfidenceLevel(f64);

impl ConfidenceLevel {
    /// 95 %.
    pub const NINETY_FIVE: Self = Self(0.95);

    /// Takes a level such as 0.95.
    ///
    /// # Errors
    /// [`StatsError::OutOfRange`] unless `0 < level < 1`.
    pub fn try_new(level: f64) -> Result<Self> {
        if level > 0.0 && level < 1.0 {
            Ok(Self(level))
        } else {
            Err(StatsError::out_of_range("confidence_level", level, "between 0 and 1, exclusive"))
        }
    }

    /// The level, such as 0.95.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Probability left outside on each side of an interval for `alternative`; one-sided intervals leave all on one.
    pub(crate) fn tail(self, alternative: Alternative) -> f64 {
        match alternative {
            Alternative::TwoSided => (1.0 - self.0) / 2.0,
            Alternative::Less | Alternative::Greater => 1.0 - self.0,
        }
    }
}

impl Default for ConfidenceLevel {
    fn default() -> Self {
        Self::NINETY_FIVE
    }
}

pub(crate) fn check_probability(name: &str, value: f64) -> Result<f64> {
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err(StatsError::out_of_range(name, value, "between 0 and 1, exclusive"))
    }
}
