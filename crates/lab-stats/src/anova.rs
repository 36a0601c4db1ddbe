//! Comparing the means, or the variances, of several independent groups.

use serde::Serialize;

use crate::dist::{chi_squared_tails, f_tails, increasing_root, noncentral_f};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval, TestResult};
use crate::sample::{self, Moments};

/// What a one-way analysis of variance found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnovaResult {
    /// The test; its effect is omega squared.
    #[serde(flatten)]
    pub test: TestResult,
    /// Sum of squares between groups.
    pub ss_between: f64,
    /// Sum of squares within groups.
    pub ss_within: f64,
    /// `SSB / SST`; biased upwards.
    pub eta_squared: f64,
    /// `(SSB - dfb MSW) / (SST + MSW)`; can be below zero.
    pub omega_squared: f64,
    /// `(SSB - dfb MSW) / SST`; can be below zero.
    pub epsilon_squared: f64,
    /// `sqrt(eta2 / (1 - eta2))`, which power analysis takes.
    pub cohen_f: f64,
}

impl AnovaResult {
    /// Two-sided interval of the population's eta squared, by inverting the noncentral F (Steiger 2004): `l / (l + N)` of
    /// the noncentralities l at which the statistic seen is just not too large, and just not too small.
    ///
    /// Follows R's `effectsize::F_to_eta2(alternative = "two.sided")`. Absent where the noncentrality is beyond 100,000:
    /// there is nothing left to estimate then.
    #[must_use]
    pub fn eta_squared_interval(&self, level: ConfidenceLevel) -> Option<Interval> {
        let (f, between, within) = (self.test.statistic?, self.test.df?, self.test.df_within?);
        if f * between > 1e5 {
            return None;
        }
        let tail = level.tail(Alternative::TwoSided);
        let end = |goal: f64| {
            if noncentral_f::sf(f, between, within, 0.0) >= goal {
                return 0.0;
            }
            let noncentrality = increasing_root(0.0, |ncp| noncentral_f::sf(f, between, within, ncp) - goal);
            noncentrality / (noncentrality + between + within + 1.0)
        };
        Some(Interval { low: end(tail), high: end(1.0 - tail), level })
    }
}

/// Fisher's one-way analysis of variance: whether all groups have the same mean.
///
/// Assumes independent, about normal values of equal variance; [`welch`] does without the last. Follows SciPy's
/// `f_oneway`. Effect sizes are not clamped at zero.
///
/// # Errors
/// Fewer than two groups, an empty group, no group with two values, values that are not finite, or no variation within
/// the groups.
pub fn one_way<G: AsRef<[f64]>>(groups: &[G]) -> Result<AnovaResult> {
    sample::check_groups(groups, 2, 1)?;
    let within = WithinGroups::of(groups)?;
    let grand: f64 = within.moments.iter().map(|group| group.mean * (group.count() / within.total)).sum();
    let ss_between: f64 = within.moments.iter().map(|group| group.count() * (group.mean - grand).powi(2)).sum();
    let df_between = groups.len() as f64 - 1.0;
    let statistic = ss_between / df_between / within.mean_square;
    if !statistic.is_finite() {
        return Err(StatsError::undefined("analysis of variance", "sums of squares overflow; rescale the values"));
    }
    let ss_total = ss_between + within.sum_of_squares;
    let excess = ss_between - df_between * within.mean_square;
    let omega_squared = excess / (ss_total + within.mean_square);
    let p_value = f_tails(statistic, df_between, within.df).1;
    Ok(AnovaResult {
        test: TestResult::new("one-way analysis of variance", Alternative::TwoSided, p_value)
            .statistic(statistic)
            .df(df_between)
            .df_within(within.df)
            .effect(Estimate::new("omega squared", omega_squared))
            .sizes(within.moments.iter().map(|group| group.n)),
        ss_between,
        ss_within: within.sum_of_squares,
        eta_squared: ss_between / ss_total,
        omega_squared,
        epsilon_squared: excess / ss_total,
        cohen_f: (ss_between / within.sum_of_squares).sqrt(),
    })
}

/// Welch's analysis of variance: as [`one_way`], without assuming equal variances.
///
/// Welch (1951) with the correction in the denominator. Follows statsmodels' `anova_oneway(use_var="unequal")` and R's
/// `oneway.test`.
///
/// # Errors
/// Fewer than two groups, a group with fewer than two values or without variation, or values that are not finite.
pub fn welch<G: AsRef<[f64]>>(groups: &[G]) -> Result<TestResult> {
    sample::check_groups(groups, 2, 2)?;
    let moments: Vec<Moments> = groups.iter().map(|group| Moments::of(group.as_ref())).collect();
    if moments.iter().any(|group| group.sd == 0.0) {
        return Err(StatsError::undefined(
            "Welch's analysis of variance",
            "a group does not vary, so it has no weight",
        ));
    }
    // Relative to the smallest variance, so that tiny and huge values neither vanish nor overflow.
    let unit = moments.iter().map(Moments::standard_error).fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> = moments.iter().map(|group| (unit / group.standard_error()).powi(2)).collect();
    let total: f64 = weights.iter().sum();
    let centre: f64 = moments.iter().zip(&weights).map(|(group, weight)| group.mean * (weight / total)).sum();
    let k = groups.len() as f64;
    let spread: f64 =
        moments.iter().zip(&weights).map(|(group, weight)| weight * ((group.mean - centre) / unit).powi(2)).sum();
    let lambda: f64 = moments
        .iter()
        .zip(&weights)
        .map(|(group, weight)| (1.0 - weight / total).powi(2) / (group.count() - 1.0))
        .sum();
    let statistic = spread / (k - 1.0) / (1.0 + 2.0 * (k - 2.0) / (k * k - 1.0) * lambda);
    if !statistic.is_finite() {
        return Err(StatsError::undefined("Welch's analysis of variance", "the values overflow; rescale them"));
    }
    let df_within = (k * k - 1.0) / (3.0 * lambda);
    let p_value = f_tails(statistic, k - 1.0, df_within).1;
    Ok(TestResult::new("Welch's analysis of variance", Alternative::TwoSided, p_value)
        .statistic(statistic)
        .df(k - 1.0)
        .df_within(df_within)
        .sizes(moments.iter().map(|group| group.n)))
}

/// Where Levene's test measures deviations from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Center {
    /// The median: Brown and Forsythe's test, robust against skew.
    #[default]
    Median,
    /// The mean: Levene's own.
    Mean,
    /// The mean after cutting 5 % of the values from each end, for heavy tails.
    Trimmed,
}

/// Levene's test: whether groups have the same variance, by analysis of variance of the absolute deviations.
///
/// Assumes independent values. Follows SciPy's `levene`.
///
/// # Errors
/// Fewer than two groups, an empty group, values that are not finite, or deviations that do not vary within the groups.
pub fn levene<G: AsRef<[f64]>>(groups: &[G], center: Center) -> Result<TestResult> {
    sample::check_groups(groups, 2, 1)?;
    let deviations: Vec<Vec<f64>> = groups
        .iter()
        .map(|group| {
            let values = sample::sorted(group.as_ref());
            let centre = match center {
                Center::Median => sample::median_of_sorted(&values),
                Center::Mean => sample::mean(&values),
                Center::Trimmed => sample::trimmed_mean_of_sorted(&values, 0.05),
            };
            values.iter().map(|value| (value - centre).abs()).collect()
        })
        .collect();
    let mut test = one_way(&deviations)?.test;
    test.method = match center {
        Center::Median => "Brown-Forsythe test",
        Center::Mean => "Levene's test",
        Center::Trimmed => "Levene's test, trimmed",
    };
    test.effect = None;
    Ok(test)
}

/// Bartlett's test: whether groups have the same variance, for values that are normal.
///
/// Sensitive to departures from normality; prefer [`levene`]. Follows SciPy's `bartlett`.
///
/// # Errors
/// Fewer than two groups, a group with fewer than two values or without variation, or values that are not finite.
pub fn bartlett<G: AsRef<[f64]>>(groups: &[G]) -> Result<TestResult> {
    sample::check_groups(groups, 2, 2)?;
    let within = WithinGroups::of(groups)?;
    if within.moments.iter().any(|group| group.sd == 0.0) {
        return Err(StatsError::undefined("Bartlett's test", "a group does not vary"));
    }
    let k = groups.len() as f64;
    let pooled_ln = within.mean_square.ln();
    let numerator: f64 =
        within.moments.iter().map(|group| (group.count() - 1.0) * (pooled_ln - 2.0 * group.sd.ln())).sum();
    let shares: f64 = within.moments.iter().map(|group| 1.0 / (group.count() - 1.0)).sum();
    let statistic = (numerator / (1.0 + (shares - 1.0 / within.df) / (3.0 * (k - 1.0)))).max(0.0);
    let p_value = chi_squared_tails(statistic, k - 1.0).1;
    Ok(TestResult::new("Bartlett's test", Alternative::TwoSided, p_value)
        .statistic(statistic)
        .df(k - 1.0)
        .sizes(within.moments.iter().map(|group| group.n)))
}

/// Variation within groups, which analysis of variance and Tukey's comparisons share.
pub(crate) struct WithinGroups {
    pub(crate) moments: Vec<Moments>,
    pub(crate) total: f64,
    pub(crate) sum_of_squares: f64,
    pub(crate) df: f64,
    pub(crate) mean_square: f64,
}

impl WithinGroups {
    pub(crate) fn of<G: AsRef<[f64]>>(groups: &[G]) -> Result<Self> {
        let moments: Vec<Moments> = groups.iter().map(|group| Moments::of(group.as_ref())).collect();
        let count: usize = moments.iter().map(|group| group.n).sum();
        if count <= groups.len() {
            return Err(StatsError::TooFew {
                name: "groups together".to_owned(),
                needed: groups.len() + 1,
                got: count,
            });
        }
        let sum_of_squares: f64 = groups.iter().map(|group| sample::squared_deviations(group.as_ref())).sum();
        if sum_of_squares == 0.0 {
            return Err(StatsError::undefined("analysis of variance", "no group varies, so there is no error term"));
        }
        let df = (count - groups.len()) as f64;
        Ok(Self { moments, total: count as f64, sum_of_squares, df, mean_square: sum_of_squares / df })
    }
}
