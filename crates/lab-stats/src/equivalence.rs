//! Equivalence: showing that a difference is small, which a large p-value does not.

use serde::Serialize;

use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval};
use crate::ttest::{Contrast, Variances};

/// The range within which a difference does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Margin {
    low: f64,
    high: f64,
}

impl Margin {
    /// From `low` to `high`.
    ///
    /// # Errors
    /// Unless `low < high` and both are finite.
    pub fn try_new(low: f64, high: f64) -> Result<Self> {
        if low < high && low.is_finite() && high.is_finite() {
            Ok(Self { low, high })
        } else {
            Err(StatsError::out_of_range("low..high", format!("{low}..{high}"), "finite, with low below high"))
        }
    }
}

/// What two one-sided tests found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EquivalenceResult {
    /// Name of the procedure.
    pub method: &'static str,
    /// The margin tested against.
    pub margin: Margin,
    /// The larger of the two one-sided p-values; small means equivalent.
    pub p_value: f64,
    /// p-value of the test that the difference lies above the lower end.
    pub p_lower: f64,
    /// p-value of the test that the difference lies below the upper end.
    pub p_upper: f64,
    /// t statistic against the lower end.
    pub statistic_lower: f64,
    /// t statistic against the upper end.
    pub statistic_upper: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Mean difference, with the `1 - 2 alpha` interval whose inclusion in the margin is the same test.
    pub estimate: Estimate,
}

/// Two one-sided t tests (Schuirmann 1987) that mean(a) - mean(b) lies within `margin`.
///
/// Follows statsmodels' `ttost_ind`. The interval is the 90 % one that goes with `alpha = 0.05`.
///
/// # Errors
/// As [`crate::ttest::independent`].
pub fn tost_independent(a: &[f64], b: &[f64], margin: Margin, variances: Variances) -> Result<EquivalenceResult> {
    let method = match variances {
        Variances::Unequal => "two one-sided Welch's t tests",
        Variances::Equal => "two one-sided Student's t tests",
    };
    result(Contrast::independent(a, b, variances)?, margin, method)
}

/// Two one-sided paired t tests that the mean of `a - b` lies within `margin`.
///
/// Follows statsmodels' `ttost_paired`.
///
/// # Errors
/// As [`crate::ttest::paired`].
pub fn tost_paired(a: &[f64], b: &[f64], margin: Margin) -> Result<EquivalenceResult> {
    result(Contrast::paired(a, b)?, margin, "two one-sided paired t tests")
}

/// Two one-sided t tests that the mean of `a` lies within `margin`.
///
/// # Errors
/// As [`crate::ttest::one_sample`].
pub fn tost_one_sample(a: &[f64], margin: Margin) -> Result<EquivalenceResult> {
    result(Contrast::one_sample(a, 0.0)?, margin, "two one-sided one-sample t tests")
}

fn result(contrast: Contrast, margin: Margin, method: &'static str) -> Result<EquivalenceResult> {
    let p_lower = contrast.p_value(margin.low, Alternative::Greater);
    let p_upper = contrast.p_value(margin.high, Alternative::Less);
    let interval: Interval = contrast.interval(Alternative::TwoSided, ConfidenceLevel::try_new(0.9)?);
    Ok(EquivalenceResult {
        method,
        margin,
        p_value: p_lower.max(p_upper),
        p_lower,
        p_upper,
        statistic_lower: contrast.statistic(margin.low),
        statistic_upper: contrast.statistic(margin.high),
        df: contrast.df,
        estimate: Estimate::new("mean difference", contrast.difference)
            .standard_error(contrast.standard_error)
            .interval(interval),
    })
}
